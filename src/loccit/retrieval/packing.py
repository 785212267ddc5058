"""From hits to evidence: their bytes, without near-duplicates, and which of their lines hold the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from loccit.core.encodings import encoding_of
from loccit.core.evidence import Evidence, Hit, Place
from loccit.indexing.terms import terms_of, tokens
from loccit.retrieval.scoring import Scoring

# Two passages that share this much of their distinct lines say the same.
_SAME_SHARE = 0.8

Read = Callable[[Place], bytes]


def pack(hits: Sequence[Hit], scoring: Scoring, read: Read, *, limit: int) -> list[Evidence]:
    """Evidence for the first hits, best first, at most `limit` pieces.

    `read` gives the whole object that a place is in. A hit whose text nearly repeats that of a better one is
    left out.
    """
    weights = {w.term.term: w.weight for w in scoring.weights if w.weight}
    kept: list[Evidence] = []
    seen: list[set[str]] = []
    for hit in hits:
        if len(kept) == limit:
            break
        placed, data = located(hit, read(hit.place))
        lines = split_lines(data.decode(placed.encoding, "replace"))
        distinct = {line.strip() for line in lines} - {""}
        if not distinct or any(_overlap(distinct, other) >= _SAME_SHARE for other in seen):
            continue
        seen.append(distinct)
        kept.append(Evidence(f"E{len(kept) + 1}", placed, data, line_weights(lines, weights)))
    return kept


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends; only a line feed ends a line."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def line_weights(lines: Sequence[str], weights: dict[str, float]) -> tuple[float, ...]:
    """For each line, the weight of the question's terms that it holds."""
    per_line = [tokens(line) for line in lines]
    vocabulary = list({token for line in per_line for token in line})
    value = {
        token: {term for term in terms if term in weights}
        for token, (terms, _) in zip(vocabulary, terms_of(vocabulary), strict=True)
    }
    return tuple(
        sum(weights[term] for term in sorted({term for token in line for term in value[token]}))
        for line in per_line
    )


def located(hit: Hit, whole: bytes) -> tuple[Hit, bytes]:
    """The hit with its exact place, and its bytes. A commit's place is its message.

    `whole` is the content of the object that the hit is in.
    """
    place = hit.place
    if place.path:
        return hit, whole[place.start_byte : place.end_byte]
    start = whole.find(b"\n\n") + 2
    message = whole[start:].rstrip()
    lines_before = whole.count(b"\n", 0, start)
    exact = replace(
        place,
        start_byte=start,
        end_byte=start + len(message),
        start_line=lines_before + 1,
        end_line=lines_before + 1 + message.count(b"\n"),
    )
    return replace(hit, place=exact, encoding=encoding_of(whole)), message


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / min(len(one), len(other))
