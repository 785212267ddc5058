"""Jupyter notebooks cut along their cells, at the places that these have in the file's JSON.

A chunk's bytes are the notebook's own: a cell's chunk holds its JSON. Large outputs are text chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing import json_positions
from loccit.parsing.encoding import SourceText
from loccit.parsing.markup import section_below
from loccit.parsing.options import ParsingOptions
from loccit.parsing.pieces import Marks, Piece, Scope, chunks_of

_HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.*)$", re.MULTILINE)
_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


def cut_notebook(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...] | None:
    """Chunks for each cell, their symbol the trail of headings above; None when the file is no notebook."""
    try:
        cells = list(_cells(source.whole_text))
    except (ValueError, RecursionError):
        return None
    cutter = _Cutter(source, options)
    for cell in cells:
        cutter.add(cell)
    if not cutter.pieces:
        return None
    return chunks_of(source, cutter.pieces, options, Marks(cutter.names), is_indented=True)


def _cells(text: str) -> Iterator[json_positions.Item]:
    """The cells of a notebook of format 4. Raises ValueError or RecursionError when the JSON is broken."""
    start = json_positions.skip_space(text, 0)
    _, end = json_positions.read_value(text, start)
    if not text.startswith("{", start) or json_positions.skip_space(text, end) < len(text):
        raise ValueError("expected one JSON object")
    for member in json_positions.read_members(text, start):
        if member.key == "cells" and isinstance(member.value, list):
            yield from json_positions.read_elements(text, member.value_start)


class _Cutter:
    """Lays pieces for one cell after the other; `pieces` tile the file."""

    def __init__(self, source: SourceText, options: ParsingOptions) -> None:
        self._source = source
        self._min_bytes = options.min_chunk_bytes
        self._offsets = source.offsets()
        self._top = Scope(ChunkKind.TEXT)
        self._trail: list[tuple[int, Scope]] = [(0, self._top)]
        self.pieces: list[Piece] = []
        self.names: list[tuple[int, str]] = []

    def add(self, cell: json_positions.Item) -> None:
        """Lay the cell's pieces; what is no object stays with the cell before it."""
        if not isinstance(cell.value, dict):
            return
        content = cast("dict[str, object]", cell.value)
        text = _text_of(content.get("source"))
        if content.get("cell_type") == "markdown":
            for match in _HEADING.finditer(text):
                self._enter(len(match[1]), match[2])
        at = self._begin(cell.start) if self.pieces else 0
        self._lay_cell(at, list(json_positions.read_members(self._source.whole_text, cell.start)))
        if content.get("cell_type") == "code":
            self.names.extend((self.pieces[-1].start, name) for name in _DEFINED.findall(text))

    def _lay_cell(self, at: int, members: list[json_positions.Item]) -> None:
        """Lay a cell that starts at byte `at`, its outputs apart when they are not small."""
        symbol = self._trail[-1][1].symbol
        scope = Scope(ChunkKind.CELL, symbol, "", self._top)
        keys = [member.key for member in members]
        outputs = keys.index("outputs") if "outputs" in keys else None
        if outputs is None or members[outputs].end - members[outputs].start <= self._min_bytes:
            self._lay(at, scope)
            return
        text_scope = Scope(ChunkKind.TEXT, symbol, "", self._top)
        if "source" in keys[outputs:]:
            # Jupyter sorts keys: the outputs come first, and the little before them is no code.
            self._lay(at, text_scope)
            self._lay(self._begin(members[outputs + 1].start), scope)
        else:
            self._lay(at, scope)
            self._lay(self._begin(members[outputs].start), text_scope)

    def _lay(self, start: int, scope: Scope) -> None:
        if self.pieces:
            self.pieces[-1].end = start
        self.pieces.append(Piece(start, len(self._source.data), scope, is_whole=True))

    def _begin(self, character: int) -> int:
        return self._source.line_begin(self._offsets.at(character))

    def _enter(self, level: int, title: str) -> None:
        while self._trail[-1][0] >= level:
            self._trail.pop()
        self._trail.append((level, section_below(title, self._trail[-1][1])))


def _text_of(source: object) -> str:
    """A cell's source, which is one string or one for each line."""
    lines = cast("list[object]", source) if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))
