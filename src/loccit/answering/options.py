"""What an operator may choose about answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnsweringOptions:
    """How answers are made.

    Without a model: `passages` is the largest number of quotations in an answer, `quote_lines` the largest
    number of lines in one.

    With one: `evidence_tokens` is how much evidence it is given, `reply_tokens` how much it may write,
    `conversation_tokens` how much of the conversation it is told, `steps` how often it may ask for more
    evidence. Below `least_confidence` that the sources hold the answer it is not asked at all. Where fewer
    than `least_kept_share` of its claims stand the checks, there is no answer.
    """

    passages: int = 4
    quote_lines: int = 24
    evidence_tokens: int = 10_000
    reply_tokens: int = 2_000
    conversation_tokens: int = 2_000
    steps: int = 2
    least_confidence: float = 0.2
    least_kept_share: float = 0.34
