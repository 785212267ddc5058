"""Pieces of a file and their scopes; how small ones are joined, long ones split, and all become chunks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions

# How many lines on either side of the best size are looked at for a place to cut.
_LINES_TRIED = 40

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


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A definition or section as its pieces see it. Scopes compare by identity."""

    kind: ChunkKind
    symbol: str = ""
    signature: str = ""
    parent: Scope | None = None


@dataclass(slots=True)
class Piece:
    """A range of the file and the innermost scope that all of it belongs to.

    `is_whole` says that the range is all there is of its scope; otherwise it stands between parts of it.
    """

    start: int
    end: int
    scope: Scope
    is_whole: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known about places in a file, in rising order: names defined, and ranges of documentation."""

    names: Sequence[tuple[int, str]] = ()
    docs: Sequence[tuple[int, int]] = ()


NO_MARKS = Marks()


def chunks_of(
    source: SourceText,
    pieces: Iterable[Piece],
    options: ParsingOptions,
    marks: Marks = NO_MARKS,
    *,
    is_indented: bool = False,
) -> tuple[Chunk, ...]:
    """Chunks that tile the file, made of pieces that tile it: small neighbours joined, long ones split.

    `is_indented` says that lines with less indentation than others begin something.
    """
    joined = join_small(pieces, options.min_chunk_bytes)
    max_bytes = options.max_chunk_bytes
    parts = [part for piece in joined for part in split_long(source, piece, max_bytes, is_indented)]
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
    """Pieces in which neighbours that are both shorter than `min_bytes` are one where they are relatives."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        both = last and last.size < min_bytes and piece.size < min_bytes and _join(last, piece)
        if both:
            joined[-1] = both
        else:
            joined.append(piece)
    return joined


def _join(first: Piece, second: Piece) -> Piece | None:
    """Two neighbours as one piece: of one definition, a definition and its parent, or two of one parent."""
    scope: Scope | None = None
    is_whole = False
    if first.scope is second.scope or (second.is_whole and _is_named(second.scope.parent, first.scope)):
        scope, is_whole = first.scope, first.is_whole and second.is_whole
    elif first.is_whole and _is_named(first.scope.parent, second.scope):
        scope = second.scope
    elif first.is_whole and second.is_whole and first.scope.parent is second.scope.parent:
        scope, is_whole = _scope_of_siblings(first.scope, second.scope)
    return Piece(first.start, second.end, scope, is_whole) if scope else None


def _is_named(parent: Scope | None, scope: Scope) -> bool:
    return parent is scope and bool(scope.symbol)


def _scope_of_siblings(first: Scope, second: Scope) -> tuple[Scope | None, bool]:
    """What two small definitions side by side are together, and whether that can still have siblings."""
    parent = first.parent
    if first.symbol == second.symbol:
        return first, True
    if parent is None or (parent.parent is not None and parent.kind is not ChunkKind.CODE):
        return parent, False
    # Beside each other in a file or a namespace they share no more than their kind.
    if first.kind is not second.kind:
        return None, False
    return Scope(first.kind, parent.symbol, parent.signature, parent), True


def split_long(source: SourceText, piece: Piece, max_bytes: int, is_indented: bool) -> list[Piece]:
    """Parts of at most `max_bytes` and of comparable size, cut before shallow lines and after blank ones."""
    parts: list[Piece] = []
    start = piece.start
    while piece.end - start > max_bytes:
        count = -(-(piece.end - start) // max_bytes)
        goal = start + (piece.end - start) // count
        cut = _best_line(source, start, goal, start + max_bytes, is_indented)
        if cut is None:
            cut = source.cut_at_or_before(goal)
        parts.append(Piece(start, cut, piece.scope, piece.is_whole))
        start = cut
    parts.append(Piece(start, piece.end, piece.scope, piece.is_whole))
    return parts


def _best_line(source: SourceText, start: int, goal: int, limit: int, is_indented: bool) -> int | None:
    """The best line start near `goal`, or None when one line fills the space from `start` to `limit`."""
    starts = source.line_starts
    nearest = start + (goal - start) * 3 // 5
    first, last = bisect_left(starts, nearest), bisect_right(starts, limit)
    if first == last:
        # Only a long line: end the part before it, where there is something before it.
        first = bisect_right(starts, start)
        return starts[last - 1] if last > first else None
    middle = bisect_left(starts, goal)
    first, last = max(first, middle - _LINES_TRIED), min(last, middle + _LINES_TRIED)
    best = min(range(first, last), key=lambda index: _line_cost(source, index, goal, is_indented))
    return starts[best]


def _line_cost(source: SourceText, index: int, goal: int, is_indented: bool) -> tuple[bool, int, bool, int]:
    line = source.line(index)
    text = line.lstrip()
    follows_text = not source.line(index - 1).isspace()
    distance = abs(source.line_starts[index] - goal)
    if not text:
        return (True, 0, follows_text, distance)
    if not is_indented:
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
