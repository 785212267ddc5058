"""What stands in place of steps that are no longer shown: a model's summary, a line for each step since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.agents.shortening import fitted
from loccit.core.calls import Finish, ModelCall
from loccit.core.errors import BudgetExceeded, ModelError, PriceUnknown
from loccit.core.visible import visible
from loccit.models.templates import load_template
from loccit.models.tokens import count

if TYPE_CHECKING:
    from loccit.agents.exchanges import Exchange
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import Payer
    from loccit.models.protocols import ChatModel

_PROMPT = Path(__file__).parent / "prompts" / "summarise.md"
_MOST_REPLY_TOKENS = 1_500
# A model reads so much of the steps that it summarises.
_MOST_TOLD_TOKENS = 20_000
_LEAST_LINE_TOKENS = 24
# Of the lines, those of the first steps say what was set out to do.
_FIRST_LINES = 3
_GAP_LINE = "[lines of {} steps are left out here]"


@dataclass(frozen=True, slots=True)
class Request:
    """A summary that somebody may write. `key` is the same for the same moment of a run, however often it is
    gone through: what was written for it once is to be given again.
    """

    key: str
    earlier: str
    steps: str


class Summaries:
    """The summaries of one run, by how many steps they stand for."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._asked: set[int] = set()

    @property
    def written(self) -> int:
        """How many of them a model wrote."""
        return len(self._texts)

    def due(self, dropped: int, steps: Sequence[Exchange]) -> Request | None:
        """What is to be written for the first `dropped` steps; None where it was asked for already."""
        if not dropped or dropped in self._asked:
            return None
        start = self._newest(dropped)
        told = "\n\n".join(text for step in steps[start:dropped] if (text := step.told()))
        return Request(f"summary-{dropped}", self._texts.get(start, ""), fitted(told, _MOST_TOLD_TOKENS))

    def take(self, dropped: int, text: str | None) -> None:
        """What was written for the first `dropped` steps, None where nothing could be."""
        self._asked.add(dropped)
        if text is not None and (text := visible(text).strip()):
            self._texts[dropped] = text

    def text(self, dropped: int, steps: Sequence[Exchange], most_tokens: int) -> str:
        """What stands for the first `dropped` steps, in at most `most_tokens`."""
        start = self._newest(dropped)
        lines = [
            f"{number}. {line}"
            for number, step in enumerate(steps[:dropped], 1)
            if number > start and (line := step.line)
        ]
        written = self._texts.get(start, "")
        if not lines:
            return fitted(written, most_tokens)
        if not written:
            return _lines_fitted(lines, most_tokens)
        written = fitted(written, most_tokens // 2)
        return f"{written}\n\n{_lines_fitted(lines, most_tokens - count(written) - 1)}"

    def _newest(self, dropped: int) -> int:
        return max((number for number in self._texts if number <= dropped), default=0)


def _lines_fitted(lines: Sequence[str], most_tokens: int) -> str:
    """The first lines and the last ones, as many as fit; the rest is counted."""
    text = "\n".join(lines)
    if count(text) <= most_tokens:
        return text
    room = most_tokens - _LEAST_LINE_TOKENS
    # Lines are counted with the end of each; joined they are no more.
    first = [fitted(line, max(_LEAST_LINE_TOKENS, room // 8)) for line in lines[:_FIRST_LINES]]
    room -= sum(count(line) + 1 for line in first)
    last: list[str] = []
    for line in reversed(lines[_FIRST_LINES:]):
        short = fitted(line, max(_LEAST_LINE_TOKENS, most_tokens // 8))
        room -= count(short) + 1
        if room < 0:
            break
        last.append(short)
    left = len(lines) - len(first) - len(last)
    return fitted("\n".join([*first, _GAP_LINE.format(left), *reversed(last)]), most_tokens)


class ModelSummariser:
    """Writes summaries with a model. What it cannot write is left to the lines: no run ends for a summary."""

    def __init__(self, model: ChatModel, payer: Payer, deadline: Deadline) -> None:
        self._model = model
        self._payer = payer
        self._deadline = deadline
        self._template = load_template(_PROMPT)

    async def __call__(self, request: Request) -> str | None:
        """The summary, None where the model cannot be asked, is not paid for, or was cut off.

        Raises DeadlinePassed.
        """
        call = ModelCall(
            purpose="summarise",
            messages=self._template.fill(earlier=request.earlier or "(nothing)", steps=request.steps),
            prompt=self._template.id,
            max_output_tokens=_MOST_REPLY_TOKENS,
        )
        try:
            reply = await self._model.reply(call, self._payer, self._deadline)
        except (ModelError, BudgetExceeded, PriceUnknown):
            return None
        return reply.text if reply.finish is Finish.STOP else None
