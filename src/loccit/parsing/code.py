"""Source code cut along its definitions.

A function is a chunk; so is a class's head with its documentation and attributes, and what stands between
definitions.
Comments and decorators directly above a definition belong to it, blank lines to what stands before them.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.grammars import GRAMMARS
from loccit.parsing.options import ParsingOptions
from loccit.parsing.outline import Definition, Outline, read_outline
from loccit.parsing.pieces import Marks, Piece, Scope, chunks_of

# Anything but punctuation and the words that only close something.
_WORD = re.compile(rb"\b(?!(?:end|endif|endregion)\b)\w|[\x80-\xff]")
_LEADING_BLANK_LINES = re.compile(rb"(?:[ \t\r\f]*\n)+")
# Their own head is a piece, however small it is: it is where they are defined.
_HEADED = frozenset({ChunkKind.CLASS, ChunkKind.FUNCTION})
# What is between definitions and smaller than this part of the least size is no piece of its own.
_SCRAPS_IN_MIN = 4
_HEAD_MAX_CHARACTERS = 400
# How far behind a definition its line may end for the cut to be there.
_SAME_LINE_MAX_BYTES = 200


def cut_code(
    source: SourceText, language: str, options: ParsingOptions
) -> tuple[tuple[Chunk, ...], bool] | None:
    """Chunks along the definitions, and whether the grammar met errors; None where it makes nothing of it."""
    outline = read_outline(source, language)
    if outline is None:
        return None
    cutter = _Cutter(source, outline, options, GRAMMARS[language].separator)
    cutter.cut_children(outline.definitions, Scope(ChunkKind.CODE), 0, len(source.data))
    chunks = chunks_of(source, cutter.pieces, options, Marks(outline.names, outline.docs), is_indented=True)
    return chunks, outline.has_errors


class _Cutter:
    """Lays pieces down one after the other; `pieces` tile the file from its start to the last one's end."""

    def __init__(self, source: SourceText, outline: Outline, options: ParsingOptions, separator: str) -> None:
        self._source = source
        self._data = source.data
        self._lead_starts = [start for start, _ in outline.leads]
        self._leads = outline.leads
        self._comments = outline.comments
        self._options = options
        self._separator = separator
        self.pieces: list[Piece] = []

    def cut_children(self, definitions: list[Definition], scope: Scope, start: int, end: int) -> None:
        """Lay pieces from `start` to `end`: the definitions, and what is left of `scope` between them."""
        at = start
        for index, definition in enumerate(definitions):
            following = definitions[index + 1].start if index + 1 < len(definitions) else end
            begin = self._begin(definition, at)
            finish = self._finish(definition, min(following, end))
            if at == start and scope.kind in _HEADED:
                self.pieces.append(Piece(at, begin, scope))
            else:
                begin = self._lay_between(at, begin, scope)
            self._cut_definition(definition, scope, begin, finish)
            at = finish
        rest = self._lay_between(at, end, scope)
        if rest < end:
            self._lay_rest(rest, end, scope)

    def _cut_definition(self, definition: Definition, parent: Scope, start: int, end: int) -> None:
        scope = self._scope(definition, parent)
        children = definition.children
        if definition.kind is ChunkKind.FUNCTION:
            is_whole = end - start <= self._options.max_chunk_bytes
            children = [
                child for child in children if child.end - child.start >= self._options.min_chunk_bytes
            ]
        else:
            is_whole = end - start <= self._options.whole_class_bytes
        if is_whole or not children:
            self.pieces.append(Piece(start, end, scope, is_whole=True))
        else:
            self.cut_children(children, scope, start, end)

    def _scope(self, definition: Definition, parent: Scope) -> Scope:
        head = self._head(definition)
        signature = f"{parent.signature}: {head}" if parent.signature else head
        symbol = f"{parent.symbol}{self._separator}{definition.name}" if parent.symbol else definition.name
        return Scope(definition.kind, symbol, signature, parent)

    def _head(self, definition: Definition) -> str:
        """The definition's head on one line, without comments and without what opens its body."""
        start, end = definition.head_start, definition.head_end
        if end == definition.end:
            # No body to end it: a one-line declaration, or the first line of a longer one.
            newline = self._data.find(b"\n", start, end)
            end = newline if newline > 0 else end
        text: list[str] = []
        index = bisect_left(self._comments, (start, 0))
        while index < len(self._comments) and self._comments[index][0] < end:
            text.append(self._source.text(start, self._comments[index][0]))
            start = self._comments[index][1]
            index += 1
        text.append(self._source.text(start, max(start, end)))
        head = " ".join(" ".join(text).split()).rstrip("{:=; ")
        head = head.replace("( ", "(").replace(" )", ")").replace(",)", ")")
        return head if len(head) <= _HEAD_MAX_CHARACTERS else head[: _HEAD_MAX_CHARACTERS - 1] + "…"

    def _begin(self, definition: Definition, floor: int) -> int:
        """Where the definition's piece starts: with the comments directly above it, at a line's start."""
        begin = self._source.line_begin(definition.start)
        index = bisect_left(self._lead_starts, definition.start)
        while index > 0:
            lead_start, lead_end = self._leads[index - 1]
            lead_begin = self._source.line_begin(lead_start)
            between = self._data[lead_end:begin]
            is_own_line = lead_begin == 0 or self._data[lead_begin - 1] == 0x0A
            if lead_start < floor or not is_own_line or between.count(b"\n") > 1 or between.strip():
                break
            begin = lead_begin
            index -= 1
        return max(begin, floor)

    def _finish(self, definition: Definition, limit: int) -> int:
        """Where the definition's piece ends: at its line's end, if nothing else is defined on that line."""
        end = definition.end
        newline = self._data.find(b"\n", max(end - 1, 0), min(limit, end + _SAME_LINE_MAX_BYTES))
        return newline + 1 if newline >= 0 and newline + 1 >= end else end

    def _lay_between(self, start: int, end: int, scope: Scope) -> int:
        """Lay what stands between definitions, and say where the next one starts.

        Blank lines and punctuation go to the piece before. A scrap starts the next definition's piece.
        """
        if start < end and self.pieces:
            blank = _LEADING_BLANK_LINES.match(self._data, start, end)
            rest = blank.end() if blank else start
            if not _WORD.search(self._data, rest, end):
                rest = end
            self.pieces[-1].end = rest
            start = rest
        if start == end or end - start < self._options.min_chunk_bytes // _SCRAPS_IN_MIN:
            return start
        self.pieces.append(Piece(start, end, scope))
        return end

    def _lay_rest(self, start: int, end: int, scope: Scope) -> None:
        """Lay the scrap after the last definition: with that one, where there is any."""
        if self.pieces:
            self.pieces[-1].end = end
        else:
            self.pieces.append(Piece(start, end, scope))
