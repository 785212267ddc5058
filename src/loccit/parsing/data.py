"""Configuration and data cut along tables and top-level keys, by their lines: that needs no grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing import json_positions
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions
from loccit.parsing.pieces import Marks, Piece, Scope, chunks_of

_SYMBOL_MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """Something with a name at the top level, and the byte where its line starts."""

    start: int
    name: str


def cut_toml(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Tables of a TOML file, each with its comments, its keys as the names it defines."""
    tables: list[Entry] = []
    keys: list[tuple[int, str]] = []
    quotes = b""
    comment: int | None = None
    for start, line in _lines(source):
        text = line.strip()
        if quotes:
            quotes = _open_quotes(text, quotes)
            continue
        if not text:
            comment = None
            continue
        if text.startswith(b"["):
            name = text.partition(b"#")[0].strip().strip(b"[] \t")
            tables.append(Entry(start if comment is None else comment, _name(name)))
        elif match := _TOML_KEY.match(text):
            keys.append((start, _name(match[1].strip(b"\"'"))))
        comment = (start if comment is None else comment) if text.startswith(b"#") else None
        quotes = _open_quotes(text, quotes)
    return _cut_entries(source, tables, keys, options)


_TOML_KEY = re.compile(rb"""((?:[\w.-]|"[^"\n]*"|'[^'\n]*')+)[ \t]*=""")
_TRIPLE_QUOTES = re.compile(rb'"""|\'\'\'')


def _open_quotes(text: bytes, quotes: bytes) -> bytes:
    """The triple quotes that are open after a line which began with `quotes` open (empty: none)."""
    for match in _TRIPLE_QUOTES.finditer(text):
        if not quotes:
            quotes = match[0]
        elif match[0] == quotes:
            quotes = b""
    return quotes


def cut_yaml(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Top-level keys of a YAML file's documents, each with the comments above it."""
    keys: list[Entry] = []
    comment: int | None = None
    for start, line in _lines(source):
        match = _YAML_KEY.match(line)
        if match:
            keys.append(Entry(start if comment is None else comment, _name(match[1].strip(b"\"'"))))
        comment = (start if comment is None else comment) if line.startswith(b"#") else None
    return _cut_entries(source, keys, [(key.start, key.name) for key in keys], options)


# At the line's start, which rules out what is nested or in a block of text.
_YAML_KEY = re.compile(
    rb"""([^\s#\-\[\]{}&*!|>%@`"',?:][^:#\n]{0,200}|"[^"\n]{1,200}"|'[^'\n]{1,200}'):(?:\s|$)"""
)


def cut_json(source: SourceText, options: ParsingOptions) -> tuple[tuple[Chunk, ...], bool]:
    """Top-level members of a JSON file that start lines of their own, and whether the file is broken.

    A file of JSON Lines is not broken; one with comments is, for what can be read of it.
    """
    entries: list[Entry] = []
    names: list[tuple[int, str]] = []
    offsets = source.offsets()
    is_partial = False
    try:
        for item in _json_members(source.whole_text):
            name = item.key[:_SYMBOL_MAX_CHARACTERS]
            offset = offsets.at(item.start)
            begin = source.line_begin(offset)
            names.append((offset, name))
            if begin == source.line_starts[source.line_of(offset)]:
                entries.append(Entry(begin, name))
    except (ValueError, RecursionError):
        is_partial = True
    return _cut_entries(source, entries, names, options), is_partial


def _json_members(text: str) -> Iterator[json_positions.Item]:
    """The members of the object that is the whole text; none for another value, or one value per line."""
    start = json_positions.skip_space(text, 0)
    if text.startswith("{", start):
        _, end = json_positions.read_value(text, start)
        if json_positions.skip_space(text, end) == len(text):
            yield from json_positions.read_members(text, start)
            return
    at = start
    while at < len(text):
        _, at = json_positions.read_value(text, at)
        at = json_positions.skip_space(text, at)


def _lines(source: SourceText) -> Iterator[tuple[int, bytes]]:
    """Each line's start in the file, and its text without its end, as UTF-8 where the file is UTF-16."""
    lines = source.whole_text.encode() if source.is_utf16 else source.data
    yield from zip(source.line_starts, lines.split(b"\n"), strict=False)


def _name(name: bytes) -> str:
    return " ".join(name.decode("utf-8", "replace").split())[:_SYMBOL_MAX_CHARACTERS]


def _cut_entries(
    source: SourceText, entries: Iterable[Entry], names: list[tuple[int, str]], options: ParsingOptions
) -> tuple[Chunk, ...]:
    """Chunks that start where the entries do. What stands before the first one is text."""
    size = len(source.data)
    top = Scope(ChunkKind.TEXT)
    pieces = [Piece(0, size, top)]
    for entry in entries:
        scope = Scope(ChunkKind.SECTION, entry.name, "", top)
        last = pieces[-1]
        if last.scope is top and not _has_words(source, last.start, entry.start):
            last.scope, last.is_whole = scope, True
        elif entry.start > last.start:
            last.end = entry.start
            pieces.append(Piece(entry.start, size, scope, is_whole=True))
    return chunks_of(source, pieces, options, Marks(names), is_indented=True)


def _has_words(source: SourceText, start: int, end: int) -> bool:
    return any(character.isalnum() for character in source.text(start, end))
