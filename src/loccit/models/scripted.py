"""A model that follows a script: for demonstrations, tests and benchmarks, without a key and for nothing."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from loccit.core.calls import Finish, ModelReply, Speaker, TokenUsage, ToolCall
from loccit.core.errors import MalformedReply, ModelNotConfigured, ModelUnavailable, SettingsError

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer

# The script that needs no file: it answers every question with quotations from the evidence in the prompt.
QUOTE_FIRST = "quote-first"
_QUOTES = 3
_PIECE_CHARS = 24
_CHARS_PER_TOKEN = 4
_EVIDENCE = re.compile(r"^<<<(\S+) [^\n]*\n(.*?)\n\1>>>$", re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"^(?:Last q|Q)uestion: (.+)$", re.MULTILINE)
_WORDS = re.compile(r"[A-Za-z][a-z]+|[A-Z]+|[0-9]+")
_MARKS = " \t#/*\"';:-"


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A call of a tool in a script. `raw` is said for its arguments as it is, where it is not empty."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of a scripted model: text, calls of tools, or both."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said when: the first rule of a script whose conditions hold decides.

    Conditions, of which those that are empty always hold: `purpose` is the call's, `contains` stands in the
    user's last message, `result` in what the last tool gave, and `turn` counts the model's replies in the
    conversation, this one too, from 1. Then one of these: `reply` is said as it is, and `calls` are made with
    it; `object` as JSON; `quote` makes so many claims of lines that stand in the evidence of the prompt;
    `refuse` refuses with this text; `fail` fails as an overloaded provider does. `delay_s` comes before, in
    seconds.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    purpose: str = ""
    contains: str = ""
    result: str = ""
    turn: int = 0
    reply: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    object: dict[str, Any] | None = None
    quote: int = 0
    refuse: str = ""
    fail: str = ""
    delay_s: float = 0.0

    def holds_for(self, call: ModelCall) -> bool:
        """Whether its conditions hold."""
        return (
            self.purpose in {"", call.purpose}
            and self.turn in {0, turn_of(call)}
            and self.contains in _last_words(call)
            and self.result in _last_words(call, Speaker.TOOL)
        )


class ScriptedModel:
    """Says what a script says: rules, or a function from the call to its text, or to text and calls.

    Calls of tools are numbered through a conversation: "call-1", "call-2". Its tokens are counted as one per
    four characters, and cost nothing.
    """

    def __init__(self, name: str, script: tuple[Rule, ...] | Callable[[ModelCall], str | Said]) -> None:
        self._name = name
        self._script = script

    @classmethod
    def of_file(cls, where: str, home: Path) -> ScriptedModel:
        """The script in a TOML or JSON file with a list `rules`, or "quote-first", which needs no file.

        The file's path is relative to `home`.

        Raises SettingsError for a file that is no script.
        """
        if where == QUOTE_FIRST:
            return cls(f"scripted:{where}", _quote_first)
        return cls(f"scripted:{where}", _rules(home / where))

    @property
    def name(self) -> str:
        """As the settings name it: "scripted:demo.toml"."""
        return self._name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """What the script says. Raises ModelUnavailable where it says so, or takes longer than there is time,

        and MalformedReply where no rule fits.
        """
        if callable(self._script):
            said = self._script(call)
            return self._reply(call, said if isinstance(said, Said) else Said(said))
        rule = next((each for each in self._script if each.holds_for(call)), None)
        if rule is None:
            raise MalformedReply(
                f"{self._name!r} has no rule for a call for {call.purpose!r}",
                next_step="add a rule without conditions at its end",
                model=self._name,
            )
        if rule.delay_s > deadline.remaining_s:
            await asyncio.sleep(deadline.remaining_s)
            raise ModelUnavailable(f"{self._name!r} did not answer in time", model=self._name)
        await asyncio.sleep(rule.delay_s)
        if rule.fail:
            raise ModelUnavailable(f"{self._name!r} fails: {rule.fail}", model=self._name)
        if rule.refuse:
            return self._reply(call, Said(rule.refuse), Finish.REFUSAL)
        if rule.object is not None:
            return self._reply(call, Said(json.dumps(rule.object, ensure_ascii=False)))
        if rule.quote:
            return self._reply(call, Said(quotations(call, rule.quote)))
        return self._reply(call, Said(rule.reply, rule.calls))

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces of a few words."""
        reply = await self.reply(call, payer, deadline)
        if reply.finish is not Finish.REFUSAL:
            for start in range(0, len(reply.text), _PIECE_CHARS):
                yield reply.text[start : start + _PIECE_CHARS]
                await asyncio.sleep(0)
        yield reply

    def _reply(self, call: ModelCall, said: Said, finish: Finish = Finish.STOP) -> ModelReply:
        before = sum(len(message.calls) for message in call.messages)
        calls = tuple(
            ToolCall(f"call-{number}", one.name, one.raw or json.dumps(one.arguments, ensure_ascii=False))
            for number, one in enumerate(said.calls, before + 1)
        )
        asked = sum(len(message.text) for message in call.messages)
        spoken = len(said.text) + sum(len(one.arguments) for one in calls)
        usage = TokenUsage(-(-asked // _CHARS_PER_TOKEN), -(-spoken // _CHARS_PER_TOKEN))
        return ModelReply(said.text, self._name, usage, finish, calls=calls)


def _quote_first(call: ModelCall) -> str:
    """Quotations; of a follow-up question itself, together with the one before it."""
    if call.purpose == "condense":
        asked = _QUESTION.findall(_last_words(call))
        return json.dumps({"question": "\n".join(reversed(asked[-2:]))}, ensure_ascii=False)
    return quotations(call, _QUOTES)


def quotations(call: ModelCall, most: int) -> str:
    """A reply of claims: from each of the first `most` blocks of evidence the line nearest the question.

    A block is a line `<<<ID place`, the text, and a line `ID>>>`. The claim is the line without its comment
    marks, its quote the line as it is.
    """
    prompt = _last_words(call)
    asked = {word.lower() for word in _WORDS.findall(_EVIDENCE.sub("", prompt))}
    claims: list[dict[str, Any]] = []
    for evidence, text in _EVIDENCE.findall(prompt):
        lines = [line for line in text.split("\n") if _WORDS.search(line)]
        if not lines or len(claims) == most:
            continue
        quote = max(
            lines, key=lambda line: len(asked & {word.lower() for word in _WORDS.findall(line)})
        ).strip()
        text = " ".join(quote.strip(_MARKS).split()) or quote
        claims.append({"text": text, "citations": [{"evidence": evidence, "quote": quote}]})
    return json.dumps({"claims": claims, "search": [], "read": []}, ensure_ascii=False)


def turn_of(call: ModelCall) -> int:
    """Which of the model's replies in its conversation this is going to be, from 1."""
    return 1 + sum(each.speaker is Speaker.ASSISTANT for each in call.messages)


def _last_words(call: ModelCall, speaker: Speaker = Speaker.USER) -> str:
    """What the user said last, or a tool."""
    return next((each.text for each in reversed(call.messages) if each.speaker is speaker), "")


def _rules(path: Path) -> tuple[Rule, ...]:
    from pydantic import TypeAdapter, ValidationError

    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise ModelNotConfigured(
            f"there is no script {str(path)!r}",
            next_step=f"write one, or use scripted:{QUOTE_FIRST}",
            model=f"scripted:{path}",
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the script {str(path)!r}: {error}") from error
    if not isinstance(document, dict) or list(cast("dict[str, Any]", document)) != ["rules"]:
        raise SettingsError(f"{str(path)!r} is no script: it has 'rules', a list of tables, and nothing else")
    try:
        return TypeAdapter(tuple[Rule, ...]).validate_json(json.dumps(document["rules"]), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("rules", *first["loc"]))
        raise SettingsError(f"{str(path)!r}: {where} is {first['input']!r}: {first['msg']}") from error
