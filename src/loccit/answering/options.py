"""What an operator may choose about answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnsweringOptions:
    """How answers are made without a model.

    `passages` is the largest number of quotations in an answer, `quote_lines` the largest number of lines in
    one.
    """

    passages: int = 4
    quote_lines: int = 24
