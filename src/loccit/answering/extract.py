"""Answers without a model: the passages that hold the question, trimmed to the lines that do."""

from __future__ import annotations

from collections.abc import Sequence

from loccit.answering.options import AnsweringOptions
from loccit.core.evidence import Evidence, EvidenceSet, Quotation

# A passage that holds less than this share of what the best one holds adds length, not an answer.
_LEAST_SHARE = 0.5
# A window that begins this close to the chunk's beginning takes the beginning in: a signature explains what
# follows.
_LEAD_LINES = 4


def quotations(found: EvidenceSet, options: AnsweringOptions) -> list[Quotation]:
    """The passages that answer, best first. Empty when there is no evidence."""
    if not found.evidence:
        return []
    bar = _LEAST_SHARE * max(piece.hit.relevance for piece in found.evidence)
    telling = [piece for piece in found.evidence if piece.hit.relevance >= bar]
    return [_trimmed(piece, options.quote_lines) for piece in telling[: options.passages]]


def _trimmed(piece: Evidence, max_lines: int) -> Quotation:
    """The run of lines, at most `max_lines`, that holds most of the question; blank lines at its ends cut
    off.
    """
    lines = _lines(piece)
    first, last = window(piece.line_weights, max_lines)
    while first < last - 1 and not lines[first].strip():
        first += 1
    while last > first + 1 and not lines[last - 1].strip():
        last -= 1
    encoding = piece.hit.encoding
    start = piece.hit.place.start_byte + len("".join(lines[:first]).encode(encoding))
    quoted = "".join(lines[first:last]).rstrip("\r\n")
    return Quotation(piece, start, start + len(quoted.encode(encoding)), piece.hit.reasons)


def window(weights: Sequence[float], size: int) -> tuple[int, int]:
    """First and last line (end exclusive) of the run of `size` lines with the greatest weight, the earliest
    among equals.
    """
    if len(weights) <= size:
        return 0, len(weights)
    best, best_weight = 0, -1.0
    current = sum(weights[:size])
    for first in range(len(weights) - size + 1):
        if first:
            current += weights[first + size - 1] - weights[first - 1]
        # Rounding keeps sums that differ only by the order of addition equal.
        if round(current, 9) > best_weight:
            best, best_weight = first, round(current, 9)
    if best <= _LEAD_LINES:
        best = 0
    return best, best + size


def _lines(piece: Evidence) -> list[str]:
    text = piece.data.decode(piece.hit.encoding)
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
