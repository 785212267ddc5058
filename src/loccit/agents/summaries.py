"""What stands in place of steps that are no longer shown: a model's summary, a line for each step since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.agents.shortening import fitted
from loccit.core.calls import Finish, ModelCall
from loccit.core.visible import visible
from loccit.models.templates import load_template
from loccit.models.tokens import count

if TYPE_CHECKING:
    from loccit.agents.exchanges import Exchange
    from loccit.core.calls import ModelReply

_KEY = "summary-"
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
    """A summary that a model may write, of the first `steps` steps of a run.

    `key` is the same for the same moment of a run, however often it is gone through: what was written for it
    once is to be given again.
    """

    steps: int
    earlier: str
    told: str

    @property
    def key(self) -> str:
        """What its reply is kept under."""
        return f"{_KEY}{self.steps}"

    def call(self) -> ModelCall:
        """What the model is asked."""
        template = load_template(_PROMPT)
        return ModelCall(
            "summarise",
            template.fill(earlier=self.earlier or "(nothing)", steps=self.told),
            template.id,
            max_output_tokens=_MOST_REPLY_TOKENS,
        )


class Summaries:
    """The summaries of one run, by how many steps they stand for."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._asked: set[int] = set()
        # What was made last: a summary stays the same for many calls.
        self._last: tuple[tuple[int, int, int], str] | None = None

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
        return Request(dropped, self._texts.get(start, ""), fitted(told, _MOST_TOLD_TOKENS))

    def take(self, key: str, reply: ModelReply | None) -> None:
        """Take up what a model wrote. None, and what was cut off or refused, leaves lines in its place: no
        run ends for a summary.
        """
        steps = int(key.removeprefix(_KEY))
        self._asked.add(steps)
        text = visible(reply.text).strip() if reply is not None and reply.finish is Finish.STOP else ""
        if text:
            self._texts[steps] = text

    def text(self, dropped: int, steps: Sequence[Exchange], most_tokens: int) -> str:
        """What stands for the first `dropped` steps, in at most `most_tokens`."""
        start = self._newest(dropped)
        key = (dropped, start, most_tokens)
        if self._last is None or self._last[0] != key:
            self._last = key, self._made(start, dropped, steps, most_tokens)
        return self._last[1]

    def _made(self, start: int, dropped: int, steps: Sequence[Exchange], most_tokens: int) -> str:
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
