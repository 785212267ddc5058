"""Where the members of a JSON object and the elements of an array stand in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecoder

_SPACE = re.compile(r"[ \t\n\r\ufeff]*")
# Numbers stay as they are written: only places matter here, and a number of 5,000 digits is no error.
_DECODER = JSONDecoder(strict=False, parse_int=str, parse_float=str)


@dataclass(frozen=True, slots=True)
class Item:
    """A value in a JSON text, its key (empty in an array), and the characters it takes with its key."""

    key: str
    value: object
    start: int
    value_start: int
    end: int


def read_value(text: str, at: int = 0) -> tuple[object, int]:
    """The value that starts at or after `at`, and where it ends. Raises ValueError or RecursionError."""
    return _DECODER.raw_decode(text, skip_space(text, at))


def skip_space(text: str, at: int) -> int:
    """The index of the next character that is not white space, or the text's length."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def read_members(text: str, at: int) -> Iterator[Item]:
    """The members of the object whose `{` is at `at`. Raises ValueError or RecursionError if it is broken."""
    at = skip_space(text, at + 1)
    while not text.startswith("}", at):
        start = at
        _expect(text, '"', at)
        key, at = read_value(text, at)
        at = skip_space(text, at)
        _expect(text, ":", at)
        value_start = skip_space(text, at + 1)
        value, at = read_value(text, value_start)
        yield Item(str(key), value, start, value_start, at)
        at = _next_item(text, at, "}")


def read_elements(text: str, at: int) -> Iterator[Item]:
    """The elements of the array whose `[` is at `at`. Raises ValueError or RecursionError if it is broken."""
    at = skip_space(text, at + 1)
    while not text.startswith("]", at):
        value, end = read_value(text, at)
        yield Item("", value, at, at, end)
        at = _next_item(text, end, "]")


def _next_item(text: str, at: int, closes: str) -> int:
    """Where the next item starts, or where the closing bracket is."""
    at = skip_space(text, at)
    if text.startswith(closes, at):
        return at
    _expect(text, ",", at)
    return skip_space(text, at + 1)


def _expect(text: str, character: str, at: int) -> None:
    if not text.startswith(character, at):
        raise ValueError(f"expected {character!r} at character {at}, found {text[at : at + 10]!r}")
