"""A step of a run as a context keeps it: what the model said and called, with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from loccit.agents.shortening import (
    call_line,
    cleared_result,
    ends,
    first_line,
    fitted,
    map_calls,
    short_call,
)
from loccit.core.calls import Message, Speaker, ToolCall
from loccit.models.tokens import count, count_message

if TYPE_CHECKING:
    from loccit.agents.outputs import KeptOutput
    from loccit.agents.plan import Plan
    from loccit.agents.rule_files import RuleFile

_MOST_WORDS_CHARACTERS = 1_000
_MOST_TOLD_CHARACTERS = 600
# Of a step that alone is too long, the model's own words get this share of the room.
_WORDS_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. `message` is what is shown of it, `kept` the file that has the whole."""

    call: ToolCall
    message: Message
    kept: KeptOutput | None

    @property
    def line(self) -> str:
        """The call, how its result began, and where the whole is kept."""
        where = f" ({self.kept.name})" if self.kept else ""
        return f"{call_line(self.call)} → {first_line(self.message.text) or 'nothing'}{where}"

    def cleared(self) -> Message:
        """The line that stays when it is cleared."""
        return replace(self.message, text=cleared_result(self.call, self.message.text, self.kept))


@dataclass(slots=True)
class Exchange:
    """Messages that stay together: words of the model with the results of its calls, or words of the user.

    `plan` is the plan that was written in it, `rules` are those whose text its words are.
    """

    words: Message
    results: list[Result] = field(default_factory=list[Result])
    plan: Plan | None = None
    rules: tuple[RuleFile, ...] = ()

    def messages(self) -> tuple[Message, ...]:
        """The messages as they were first shown."""
        return (self.words, *(result.message for result in self.results))

    def cleared(self) -> tuple[Message, ...]:
        """The same with each result a line, and long words and arguments cut."""
        words = self.words
        if words.speaker is Speaker.ASSISTANT:
            words = map_calls(replace(words, text=_cut(words.text, _MOST_WORDS_CHARACTERS)), short_call)
        return (words, *(result.cleared() for result in self.results))

    def shrunk(self, most_tokens: int) -> tuple[Message, ...] | None:
        """The messages in at most `most_tokens`, shared by the results; None where they cannot be."""
        text = fitted(self.words.text, int(most_tokens * _WORDS_SHARE))
        words = map_calls(replace(self.words, text=text or first_line(self.words.text)), short_call)
        empty = [replace(result.message, text="") for result in self.results]
        room = most_tokens - sum(map(count_message, (words, *empty)))
        shown: list[Message] = []
        for number, result in enumerate(self.results):
            share = room // (len(self.results) - number)
            text = fitted(result.message.text, share) or fitted(result.cleared().text, share)
            shown.append(replace(result.message, text=text))
            room -= count(text)
        messages = (words, *shown)
        return messages if sum(map(count_message, messages)) <= most_tokens else None

    @property
    def line(self) -> str:
        """It on one line, for a summary that nobody writes; empty where the pinned part has it anyway."""
        if self.rules:
            return ""
        if self.words.speaker is Speaker.USER:
            return f"the user said: {_cut(self.words.text, _MOST_WORDS_CHARACTERS)}"
        said = first_line(self.words.text)
        done = [result.line for result in self.results]
        return "; ".join([*([said] if said else []), *done])

    def told(self) -> str:
        """It in some lines, for whoever writes a summary."""
        if self.rules:
            return ""
        lines = [f"{self.words.speaker.value}: {_cut(self.words.text, _MOST_WORDS_CHARACTERS)}"]
        for result in self.results:
            kept = f" (whole: {result.kept.name})" if result.kept else ""
            lines.append(
                f"{call_line(result.call)}{kept}:\n{_cut(result.message.text, _MOST_TOLD_CHARACTERS)}"
            )
        return "\n".join(lines)


class Shown:
    """A step as it is shown at one limit, and how many tokens that takes."""

    __slots__ = ("is_cleared", "messages", "step", "tokens")

    def __init__(self, step: Exchange) -> None:
        self.step = step
        self.is_cleared = False
        self.messages: Sequence[Message] = ()
        self.tokens = 0
        self.show(step.messages())

    def show(self, messages: Sequence[Message]) -> int:
        """Show it like this from now on; how many tokens that saves."""
        before = self.tokens
        self.messages = messages
        self.tokens = sum(map(count_message, messages))
        return before - self.tokens

    def clear(self) -> int:
        """Show its cleared form; how many tokens that saves."""
        self.is_cleared = True
        return self.show(self.step.cleared())


def _cut(text: str, most_characters: int) -> str:
    if len(text) <= most_characters:
        return text
    head, tail = ends(text, most_characters)
    return f"{head}\n[{len(text) - len(head) - len(tail):,} characters are left out here]\n{tail}"
