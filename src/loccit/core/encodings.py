"""By which encoding bytes become text, and on which line they stand: one rule for making and checking."""

from __future__ import annotations

import codecs
from typing import Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "latin-1"]


def encoding_of(data: bytes) -> Encoding:
    """The encoding that the whole of `data` has.

    UTF-8 if all of it decodes; UTF-16 if it begins with that byte order mark and all of it decodes; else
    Latin-1, which every byte string has. A byte order mark stays part of the text. A UTF-16 mark is never
    valid UTF-8, so the order of the questions does not matter.
    """
    if _decodes(data, "utf-8"):
        return "utf-8"
    if data.startswith(codecs.BOM_UTF16_LE) and _decodes(data, "utf-16-le"):
        return "utf-16-le"
    if data.startswith(codecs.BOM_UTF16_BE) and _decodes(data, "utf-16-be"):
        return "utf-16-be"
    return "latin-1"


def code_unit_size(encoding: Encoding) -> int:
    """Bytes per code unit: offsets into text of this encoding are multiples of it."""
    return 2 if encoding.startswith("utf-16") else 1


def lines_of(data: bytes, start_byte: int, end_byte: int, encoding: Encoding) -> tuple[int, int]:
    """The 1-based lines on which the first and the last character of a non-empty range stand.

    Lines end at 0x0A, in UTF-16 at the code unit 0x000A; the line end belongs to the line that it ends. Both
    offsets must be multiples of the code unit.
    """
    first = 1 + _line_ends(data, 0, start_byte, encoding)
    return first, first + _line_ends(data, start_byte, end_byte - code_unit_size(encoding), encoding)


def text_lines(text: str) -> list[str]:
    """The lines of a text with their ends; only a line feed ends a line, and nothing follows the last one."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _line_ends(data: bytes, start: int, end: int, encoding: Encoding) -> int:
    if code_unit_size(encoding) == 1:
        return data.count(b"\n", start, end)
    # A range may begin or end inside a surrogate pair; only line ends are counted here.
    return data[start:end].decode(encoding, "surrogatepass").count("\n")


def _decodes(data: bytes, encoding: Encoding) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
