"""Evidence for a model: whole definitions and the heads of their neighbours, within a number of tokens."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from loccit.core.chunks import ChunkKind
from loccit.core.evidence import Evidence, Outline, PackedEvidence, Passage, Place
from loccit.indexing.view import Document, SnapshotView
from loccit.retrieval.packing import Read

CountTokens = Callable[[str], int]

_ID_LETTERS = 6
# A definition that takes more than this share of the budget is read in part: others must be heard too.
_MOST_OF_BUDGET = 0.35
# What the lines around a passage cost: its id twice, its path and its lines.
_FRAME_TOKENS = 40
_MOST_HEADS = 12
# Chunks before and after a file's first passage that may be its neighbours.
_AROUND = 12
_HEAD_CHARS = 120
# Outlines may take this share of the budget, and only what passages have left of it.
_OUTLINE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Piece:
    place: Place
    symbol: str
    encoding: str


def pack_for_model(
    question: str,
    evidence: Sequence[Evidence],
    views: Mapping[str, SnapshotView],
    read: Read,
    *,
    count_tokens: CountTokens,
    budget_tokens: int,
    known: Sequence[Passage] = (),
) -> PackedEvidence:
    """The evidence as passages, in its order, as many as fit; those of `known` stand first and stay.

    `views` has the snapshot of each repository by its name, `read` gives the whole object of a place. A piece
    of a function becomes the whole function, unless that would take too much of the budget. What a passage
    holds already is not repeated. The ids depend on the question and on what is searched.
    """
    passages = list(known)
    left = budget_tokens - sum(count_tokens(p.text) + _FRAME_TOKENS for p in passages)
    left_out = 0
    for one in evidence:
        narrow = _Piece(one.hit.place, one.hit.symbol, one.hit.encoding)
        if any(_holds(passage.place, narrow.place) for passage in passages):
            continue
        for piece in _widest_first(narrow, one.hit.kind, views):
            text = _text(piece, read)
            cost = count_tokens(text) + _FRAME_TOKENS
            if cost <= (left if piece is narrow else min(left, _MOST_OF_BUDGET * budget_tokens)):
                passages = [p for p in passages if p in known or not _holds(piece.place, p.place)]
                passages.append(Passage("", piece.place, piece.symbol, piece.encoding, text))
                left -= cost
                break
        else:
            left_out += 1
    outlines = _outlines(passages, views, read, count_tokens, min(left, int(_OUTLINE_SHARE * budget_tokens)))
    spent = budget_tokens - left + sum(count_tokens("\n".join(o.heads)) for o in outlines)
    return PackedEvidence(tuple(with_ids(question, passages)), tuple(outlines), spent, left_out)


def _holds(outer: Place, inner: Place) -> bool:
    return (
        (outer.repo, outer.path, outer.object_id) == (inner.repo, inner.path, inner.object_id)
        and outer.start_byte <= inner.start_byte
        and inner.end_byte <= outer.end_byte
    )


def _widest_first(piece: _Piece, kind: str, views: Mapping[str, SnapshotView]) -> Iterator[_Piece]:
    """The whole definition that the piece is of, where it is cut in several, and the piece itself."""
    if piece.place.path and kind == ChunkKind.FUNCTION and piece.symbol:
        whole = _whole(piece, views[piece.place.repo])
        if whole != piece:
            yield whole
    yield piece


def _whole(piece: _Piece, view: SnapshotView) -> _Piece:
    """The piece together with its neighbours of the same name."""
    numbers, at = _position(piece.place, view)
    if at is None or view.document(numbers[at]).start_byte != piece.place.start_byte:
        return piece
    first = last = view.document(numbers[at])
    for number in reversed(numbers[:at]):
        before = view.document(number)
        if before.symbol != piece.symbol:
            break
        first = before
    for number in numbers[at + 1 :]:
        after = view.document(number)
        if after.symbol != piece.symbol:
            break
        last = after
    place = replace(
        piece.place,
        start_byte=first.start_byte,
        start_line=first.start_line,
        end_byte=last.end_byte,
        end_line=last.end_line,
    )
    return replace(piece, place=place)


def _position(place: Place, view: SnapshotView) -> tuple[range, int | None]:
    """The numbers of its file's chunks, and where among them the one is that holds its beginning."""
    file = view.file_at(place.path)
    if file is None:
        return range(0), None
    numbers = view.documents_of(file)
    at = bisect_right(numbers, place.start_byte, key=lambda number: view.document(number).start_byte) - 1
    return numbers, max(at, 0) if len(numbers) else None


def _neighbours(place: Place, view: SnapshotView) -> list[Document]:
    """The chunks of its file around a place, in order."""
    numbers, at = _position(place, view)
    if at is None:
        return []
    return [view.document(number) for number in numbers[max(0, at - _AROUND) : at + _AROUND]]


def _text(piece: _Piece, read: Read) -> str:
    return read(piece.place)[piece.place.start_byte : piece.place.end_byte].decode(piece.encoding)


def _outlines(
    passages: Sequence[Passage],
    views: Mapping[str, SnapshotView],
    read: Read,
    count_tokens: CountTokens,
    budget_tokens: int,
) -> list[Outline]:
    """Per file, the heads of the definitions next to its passages, as far as they fit."""
    found: list[Outline] = []
    left = budget_tokens
    files: dict[tuple[str, str], list[Passage]] = {}
    for passage in passages:
        if passage.place.path:
            files.setdefault((passage.place.repo, passage.place.path), []).append(passage)
    for (repo, path), mine in files.items():
        heads = _heads(mine, _neighbours(mine[0].place, views[repo]), read)
        cost = count_tokens("\n".join([path, *heads]))
        if heads and cost <= left:
            left -= cost
            found.append(Outline(path, heads))
    return found


def _heads(passages: Sequence[Passage], documents: Sequence[Document], read: Read) -> tuple[str, ...]:
    """The heads nearest to the passages, in the file's order."""
    whole = read(passages[0].place)
    shown = {passage.symbol for passage in passages}
    candidates: dict[str, tuple[int, int, str]] = {}
    for document in documents:
        if not document.symbol or document.symbol in shown or document.symbol in candidates:
            continue
        if document.kind not in (ChunkKind.FUNCTION, ChunkKind.CLASS):
            continue
        distance = min(abs(document.start_byte - p.place.start_byte) for p in passages)
        text = whole[document.start_byte : document.end_byte].decode(document.encoding, "replace")
        candidates[document.symbol] = (distance, document.start_line, _head(text, document.symbol))
    nearest = sorted(candidates.values())[:_MOST_HEADS]
    return tuple(f"{line}: {head}" for _, line, head in sorted(nearest, key=lambda each: each[1]))


def _head(text: str, symbol: str) -> str:
    """The first line that names the definition: decorators and comments stand before it."""
    name = symbol.rpartition(".")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = next((line for line in lines if name in line and not line.startswith(("@", "#", "//"))), None)
    return (named or (lines[0] if lines else symbol))[:_HEAD_CHARS]


def with_ids(question: str, passages: Sequence[Passage]) -> list[Passage]:
    """The passages, those without an id with one that stands in none of the texts.

    Who wrote a text cannot guess the ids: they depend on the question and on what is searched.
    """
    salt = 0
    while True:
        found = [p if p.id else replace(p, id=_id(question, p.place, salt)) for p in passages]
        ids = {passage.id for passage in found}
        if len(ids) == len(found) and not any(i in p.text for i in ids for p in found):
            return found
        salt += 1


def _id(question: str, place: Place, salt: int) -> str:
    parts = (question, place.repo, place.commit or place.tree, place.path, place.object_id)
    text = "\0".join([*parts, str(place.start_byte), str(place.end_byte), str(salt)])
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return b32encode(digest)[:_ID_LETTERS].decode("ascii").lower()
