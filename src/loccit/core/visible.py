r"""Text that others wrote, with everything written out that a terminal or a reader would obey or not see."""

from __future__ import annotations

import re

# DEL, C1, and the marks that reorder or hide text (bidirectional controls, zero-width, tags).
HIDDEN = "\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f"
# The same with C0 but tab and line feed.
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f{HIDDEN}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with everything that a terminal would obey or hide written out (`\x1b`, `\u202e`)."""
    text = _UNSAFE.sub(lambda match: _escape(match.group()), text)
    return _SURROGATE.sub(lambda match: f"\\x{ord(match.group()) & 0xFF:02x}", text)


def one_line(text: str) -> str:
    """`visible`, with line feeds and tabs written out as well: for paths and names."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
