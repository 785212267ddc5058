"""Names of definitions, read off single lines: hunk headers, and lines that a change adds or takes away."""

from __future__ import annotations

import re

_NAME = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*"
_WORDS = (
    rb"(?:def|class|func|function|fn|struct|enum|union|interface|trait|impl|module|mod|namespace|package|type|object"
    rb"|protocol|record|sub|macro_rules!|defmodule|defp?|defmacro)"
)
_MODIFIERS = (
    rb"(?:(?:export|default|public|private|protected|internal|static|abstract|final|sealed|async|unsafe|extern|const"
    rb"|inline|partial|override|open|data|pub(?:\([^)\n]{0,40}\))?|extern[ ]\"C\")[ \t]+){0,5}"
)
_RECEIVER = rb"(?:\([^)\n]{0,200}\)[ \t]*)?"
# Starts at a line's indentation; the group `name` is what is defined.
DEFINITION = rb"[ \t]*" + _MODIFIERS + _WORDS + rb"[ \t*]+" + _RECEIVER + rb"(?P<name>" + _NAME + rb")"

_DEFINITION = re.compile(DEFINITION)
_ASSIGNED = re.compile(rb"[ \t]*(?:export[ \t]+)?(?:const|let|var)[ \t]+(?P<name>" + _NAME + rb")[ \t]*=")
_IMPL_FOR = re.compile(rb"[ \t]*(?:unsafe[ \t]+)?impl\b[^{\n]*?\bfor[ \t]+(?P<name>" + _NAME + rb")")
_CALLED = re.compile(rb"(?P<name>~?" + _NAME + rb")[ \t]*\(")
_NOT_NAMES = frozenset(
    b"if for while switch return catch sizeof else do with case new throw await yield".split()
)


def symbol_in_hunk_header(text: bytes) -> str:
    """The name that the line of a hunk header defines, or an empty string."""
    for pattern in (_IMPL_FOR, _DEFINITION, _ASSIGNED):
        found = pattern.match(text)
        if found:
            return found["name"].decode("utf-8", "replace")
    for found in _CALLED.finditer(text):
        if found["name"] not in _NOT_NAMES:
            return found["name"].decode("utf-8", "replace")
    return ""
