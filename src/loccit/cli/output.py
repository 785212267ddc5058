"""Everything that reaches the terminal goes through here, so that no source text can steer it."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, TextIO

from loccit.settings import wants_colour

# C0 but tab and line feed, DEL, C1, and the marks that reorder or hide text (bidirectional controls, zero-width, tags).
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# What RFC 8785 leaves as it is and a terminal would obey.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def visible(text: str) -> str:
    """The text with everything that a terminal would obey or hide written out (`\\x1b`, `\\u202e`)."""
    text = _UNSAFE.sub(lambda match: _escape(match.group()), text)
    return _SURROGATE.sub(lambda match: f"\\x{ord(match.group()) & 0xFF:02x}", text)


def one_line(text: str) -> str:
    """`visible`, with line feeds and tabs written out as well: for paths and names."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def say(text: str = "") -> None:
    """A line on standard output."""
    _write(sys.stdout, visible(text))


def note(text: str) -> None:
    """A line on standard error: progress, warnings, what to try next."""
    _write(sys.stderr, visible(text))


def say_styled(text: str) -> None:
    """A line on standard output that holds only our own styling and text that is already `visible`."""
    _write(sys.stdout, text)


def emit(document: dict[str, Any] | str) -> None:
    """One JSON object on one line; `str` is JSON already. On a terminal, control characters are written as escapes."""
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    if sys.stdout.isatty():
        text = _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    _write(sys.stdout, text)


_CODES = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31", "cyan": "36"}


class Style:
    """ANSI styles, empty where standard output is no terminal or NO_COLOR is set."""

    def __init__(self) -> None:
        self._codes = _CODES if sys.stdout.isatty() and wants_colour() else {}

    def __call__(self, text: str, *styles: str) -> str:
        """The text, made visible, in these styles."""
        shown = visible(text)
        codes = ";".join(self._codes[style] for style in styles if style in self._codes)
        return f"\x1b[{codes}m{shown}\x1b[0m" if codes else shown


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _write(stream: TextIO, line: str) -> None:
    # A terminal that cannot show a character gets its escape rather than an error.
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
