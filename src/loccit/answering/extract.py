"""Answers without a model: the passages that hold the question, trimmed to the lines that do."""

from __future__ import annotations

from collections.abc import Sequence

from loccit.answering.options import AnsweringOptions
from loccit.core.encodings import text_lines
from loccit.core.evidence import Evidence, EvidenceSet, Quotation

# A passage that holds less than this share of what the best one holds adds length, not an answer.
_LEAST_SHARE = 0.5
# A window that begins this close to the chunk's beginning takes the beginning in: a signature explains what
# follows.
_LEAD_LINES = 4
# So does one that holds hardly more than the lines at the beginning do.
_HEAD_SHARE = 0.8
_ROUNDING = 1e-9


def quotations(found: EvidenceSet, options: AnsweringOptions) -> list[Quotation]:
    """The passages that answer, best first. Empty when there is no evidence."""
    best: dict[bool, float] = {}
    for piece in found.evidence:
        # Files and commits are scored each among their own: their shares do not compare.
        best[_is_commit(piece)] = max(piece.hit.relevance, best.get(_is_commit(piece), 0.0))
    telling = [p for p in found.evidence if p.hit.relevance >= _LEAST_SHARE * best[_is_commit(p)]]
    return [_trimmed(piece, options.quote_lines) for piece in telling[: options.passages]]


def _is_commit(piece: Evidence) -> bool:
    return not piece.hit.place.path


def _trimmed(piece: Evidence, max_lines: int) -> Quotation:
    """The run of lines, at most `max_lines`, that holds most of the question; blank lines at its ends cut
    off. A commit's begins with its subject.
    """
    encoding = piece.hit.encoding
    lines = text_lines(piece.data.decode(encoding))
    head, end = _without_blank_ends(lines, 0, len(lines))
    weights = piece.line_weights[head:end]
    first, last = (0, max_lines) if _is_commit(piece) else window(weights, max_lines)
    first, last = _without_blank_ends(lines, head + first, min(head + last, end))
    start = piece.hit.place.start_byte + len("".join(lines[:first]).encode(encoding))
    quoted = "".join(lines[first:last]).rstrip("\r\n")
    return Quotation(piece, start, start + len(quoted.encode(encoding)), piece.hit.reasons)


def _without_blank_ends(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    while first < last - 1 and not lines[first].strip():
        first += 1
    while last > first + 1 and not lines[last - 1].strip():
        last -= 1
    return first, last


def window(weights: Sequence[float], size: int) -> tuple[int, int]:
    """First and last line (end exclusive) of the run of `size` lines with the greatest weight, the earliest
    among equals; of the first run where that one holds nearly as much or begins just below.
    """
    if len(weights) <= size:
        return 0, len(weights)
    best, best_weight = 0, sum(weights[:size])
    head_weight = current = best_weight
    for first in range(1, len(weights) - size + 1):
        current += weights[first + size - 1] - weights[first - 1]
        # What adding in another order leaves behind is no difference.
        if current > best_weight + _ROUNDING:
            best, best_weight = first, current
    if best <= _LEAD_LINES or head_weight >= _HEAD_SHARE * best_weight:
        best = 0
    return best, best + size
