"""Pieces of a file and their scopes; how small ones are joined, long ones split, and all become chunks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions

# A part's first line should not be the end of something that the part before began.
_CLOSERS = (
    b")",
    b"]",
    b"}",
    b"end",
    b"else",
    b"elif",
    b"except",
    b"finally",
    b"catch",
    b"fi",
    b"done",
    b"esac",
)
_CODE_KINDS = frozenset({ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE})


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A definition or section as its pieces see it. Scopes compare by identity."""

    kind: ChunkKind
    symbol: str = ""
    signature: str = ""
    parent: Scope | None = None


@dataclass(slots=True)
class Piece:
    """A range of the file and the innermost scope that all of it belongs to."""

    start: int
    end: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known about places in a file, in rising order: names defined, and ranges of documentation."""

    names: Sequence[tuple[int, str]] = ()
    docs: Sequence[tuple[int, int]] = ()


def chunks_of(
    source: SourceText, pieces: Iterable[Piece], options: ParsingOptions, marks: Marks
) -> tuple[Chunk, ...]:
    """Chunks that tile the file, made of pieces that tile it: small neighbours joined, long ones split."""
    joined = join_small(pieces, options.min_chunk_bytes)
    parts = [part for piece in joined for part in split_long(source, piece, options.max_chunk_bytes)]
    names = _share_names(parts, marks.names)
    docs = _share_docs(parts, marks.docs)
    starts = source.line_starts
    return tuple(
        Chunk(
            start_byte=part.start,
            end_byte=part.end,
            start_line=bisect_right(starts, part.start),
            end_line=bisect_right(starts, part.end - 1),
            kind=part.scope.kind,
            symbol=part.scope.symbol,
            defines=names.get(index, ()),
            signature=part.scope.signature,
            docs=docs.get(index, ()),
        )
        for index, part in enumerate(parts)
    )


def join_small(pieces: Iterable[Piece], min_bytes: int) -> list[Piece]:
    """Pieces of which no two neighbours of one scope, or of one parent, are both shorter than `min_bytes`."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and piece.end - piece.start < min_bytes:
            last = joined[-1]
            if last.end - last.start < min_bytes:
                scope = _common_scope(last.scope, piece.scope)
                if scope is not None:
                    joined[-1] = Piece(last.start, piece.end, scope)
                    continue
        joined.append(piece)
    return joined


def _common_scope(first: Scope, second: Scope) -> Scope | None:
    """The scope of two joined neighbours, or None where they are no relatives."""
    if first is second or second.parent is first:
        return first
    if first.parent is second:
        return second
    if first.parent is None or first.parent is not second.parent:
        return None
    if first.symbol == second.symbol:
        return first
    parent = first.parent
    if parent.parent is None and first.kind is second.kind:
        # At the top of the file there is no name to share, but what they are can still be said.
        return Scope(first.kind, parent.symbol, parent.signature, parent)
    return parent


def split_long(source: SourceText, piece: Piece, max_bytes: int) -> list[Piece]:
    """Parts of at most `max_bytes` and of comparable size, cut before shallow lines and after blank ones."""
    parts: list[Piece] = []
    start = piece.start
    while piece.end - start > max_bytes:
        count = -(-(piece.end - start) // max_bytes)
        goal = start + (piece.end - start) // count
        cut = _best_line(source, start, goal, start + max_bytes, piece.scope.kind in _CODE_KINDS)
        if cut is None:
            cut = source.cut_at_or_before(goal)
        parts.append(Piece(start, cut, piece.scope))
        start = cut
    parts.append(Piece(start, piece.end, piece.scope))
    return parts


def _best_line(source: SourceText, start: int, goal: int, limit: int, is_code: bool) -> int | None:
    """The best line start near `goal`, or None when one line fills the space from `start` to `limit`."""
    starts = source.line_starts
    nearest = start + (goal - start) * 3 // 5
    first, last = bisect_left(starts, nearest), bisect_right(starts, limit)
    if first == last:
        # Only a long line: end the part before it, where there is something before it.
        first = bisect_right(starts, start)
        return starts[last - 1] if last > first else None
    best = min(range(first, last), key=lambda index: _line_cost(source, index, goal, is_code))
    return starts[best]


def _line_cost(source: SourceText, index: int, goal: int, is_code: bool) -> tuple[bool, int, bool, int]:
    line = source.line(index)
    text = line.lstrip()
    follows_text = not source.line(index - 1).isspace()
    distance = abs(source.line_starts[index] - goal)
    if not text:
        return (True, 0, follows_text, distance)
    if not is_code:
        return (False, 0, follows_text, distance)
    return (text.startswith(_CLOSERS), len(line) - len(text), follows_text, distance)


def _share_names(parts: Sequence[Piece], names: Sequence[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
    shared: dict[int, dict[str, None]] = {}
    index = 0
    for offset, name in names:
        while parts[index].end <= offset:
            index += 1
        shared.setdefault(index, {})[name] = None
    return {index: tuple(found) for index, found in shared.items()}


def _share_docs(
    parts: Sequence[Piece], docs: Sequence[tuple[int, int]]
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Documentation ranges by part, clipped where a cut goes through one."""
    shared: dict[int, list[tuple[int, int]]] = {}
    index = 0
    for doc_start, doc_end in docs:
        start = doc_start
        while parts[index].end <= start:
            index += 1
        while start < doc_end:
            end = min(doc_end, parts[index].end)
            shared.setdefault(index, []).append((start, end))
            start = end
            if start < doc_end:
                index += 1
    return {index: tuple(ranges) for index, ranges in shared.items()}
