"""From bytes to text: which encoding, where the lines start, and where a cut is allowed."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "latin-1"]

# git's own test for binary looks at as many bytes.
BINARY_WINDOW = 8_000

# White space before something on its line. More is no indentation, and to look at it takes quadratic time.
_INDENT_MAX_BYTES = 400

# Same length, so offsets stay: grammars read UTF-8, in which a Latin-1 letter would be an invalid byte.
_LATIN_1_AS_ASCII = bytes(range(128)) + b"x" * 128


def detect_encoding(data: bytes) -> Encoding | None:
    """The codec by which all of `data` decodes strictly, or None when it is binary.

    UTF-16 needs its byte order mark. What is neither valid UTF-16 nor UTF-8 is Latin-1, in which every byte
    is a character; a NUL in the first 8,000 bytes makes it binary.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec: Encoding = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
        # UTF-32's little-endian mark begins like UTF-16's; real UTF-16 text has no NUL character up front.
        if not data.startswith(codecs.BOM_UTF32_LE) and _decodes(data, codec):
            return codec
    if b"\0" in data[:BINARY_WINDOW]:
        return None
    return "utf-8" if data.isascii() or _decodes(data, "utf-8") else "latin-1"


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class SourceText:
    """A file's bytes, the codec by which all of them decode, and its lines, counted from 0."""

    data: bytes
    encoding: Encoding

    @property
    def is_utf16(self) -> bool:
        """Whether characters are two or four bytes long, with 0x0A as a code unit."""
        return self.encoding.startswith("utf-16")

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line starts, rising from 0. A line ends after its 0x0A, so none starts at the end."""
        if self.is_utf16:
            starts = [0, *_utf16_line_starts(self.data, self.encoding)]
        else:
            lengths = [len(line) + 1 for line in self.data.split(b"\n")]
            lengths.pop()
            starts = list(accumulate(lengths, initial=0))
        if len(starts) > 1 and starts[-1] >= len(self.data):
            starts.pop()
        return starts

    def line_of(self, offset: int) -> int:
        """The line that holds the byte at `offset`, from 0."""
        return bisect_right(self.line_starts, offset) - 1

    def line_start(self, index: int) -> int:
        """Where the line with this index starts; the file's end for the one after the last."""
        return self.line_starts[index] if index < len(self.line_starts) else len(self.data)

    def line(self, index: int) -> bytes:
        """A line with its end, as UTF-8 where the file is UTF-16, else its own bytes."""
        line = self.data[self.line_start(index) : self.line_start(index + 1)]
        return line.decode(self.encoding).encode() if self.is_utf16 else line

    def line_begin(self, offset: int) -> int:
        """The start of the line at `offset` when only white space is between, else `offset` itself."""
        start = self.line_starts[self.line_of(offset)]
        if offset - start > _INDENT_MAX_BYTES or self.text(start, offset).strip():
            return offset
        return start

    def text(self, start: int, end: int) -> str:
        """The characters of a range. Ranges that cut a character show U+FFFD there."""
        return self.data[start:end].decode(self.encoding, "replace")

    @cached_property
    def whole_text(self) -> str:
        """The whole file as text, with as many 0x0A characters as it has lines' ends."""
        return self.data.decode(self.encoding)

    def offsets(self) -> CharacterOffsets:
        """A fresh reader of byte offsets for indexes into `whole_text`."""
        return CharacterOffsets(self)

    @cached_property
    def for_grammar(self) -> bytes:
        """Bytes of the same length that a UTF-8 grammar can read."""
        return self.data.translate(_LATIN_1_AS_ASCII) if self.encoding == "latin-1" else self.data

    def cut_at_or_before(self, offset: int) -> int:
        """The last place at or before `offset` that splits no character (no surrogate pair in UTF-16)."""
        data = self.data
        if self.is_utf16:
            offset -= offset % 2
            high = 1 if self.encoding == "utf-16-le" else 0
            if 0 < offset < len(data) and 0xDC <= data[offset + high] <= 0xDF:
                offset -= 2
        elif self.encoding == "utf-8":
            while 0 < offset < len(data) and data[offset] & 0xC0 == 0x80:
                offset -= 1
        return offset


class CharacterOffsets:
    """Byte offsets of characters of the whole text, asked for in rising order."""

    def __init__(self, source: SourceText) -> None:
        self._text = source.whole_text
        self._encoding = source.encoding
        self._index = 0
        self._offset = 0

    def at(self, index: int) -> int:
        """The byte where the character with this index starts. Indexes must not fall from call to call."""
        self._offset += len(self._text[self._index : index].encode(self._encoding))
        self._index = index
        return self._offset


def _utf16_line_starts(data: bytes, encoding: Encoding) -> list[int]:
    newline = "\n".encode(encoding)
    starts: list[int] = []
    at = data.find(newline)
    while at >= 0:
        if at % 2 == 0:
            starts.append(at + 2)
            at = data.find(newline, at + 2)
        else:
            at = data.find(newline, at + 1)
    return starts
