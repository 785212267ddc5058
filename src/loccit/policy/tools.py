"""Tools as the policy sees them: what a call does to the world, and what each argument is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loccit.core.calls import ToolSpec
from loccit.policy.labels import Label, Labelled
from loccit.policy.values import ValueKind


class Effect(StrEnum):
    """What a call does: nothing but look, change something of the user's own, or reach somebody else.

    A look that tells somebody else something is an egress too: the address of a page that is fetched.
    """

    READ = "read"
    WRITE = "write"
    EGRESS = "egress"


class ArgumentRole(StrEnum):
    """What an argument is for.

    DESTINATION: who gets something. TARGET: what is changed. AMOUNT: how much, or when. NAME: what something
    is to be called by others. CONTENT: what is said. FILES: what is handed over or changed, by path. OPTION:
    how; it can do no harm by itself, or the policy lists its values.
    """

    DESTINATION = "destination"
    TARGET = "target"
    AMOUNT = "amount"
    NAME = "name"
    CONTENT = "content"
    FILES = "files"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call: the text that the model sees, and the same as data where there is some.

    `label` is of the text and of whatever of the data has none of its own.
    """

    text: str
    data: Labelled | None = None
    label: Label = field(default_factory=Label)
    is_error: bool = False

    def as_json(self) -> dict[str, Any]:
        """It as JSON has it, whole: `of_json` reads it back."""
        data = self.data
        return {
            "text": self.text,
            "data": None
            if data is None
            else {
                "value": data.value,
                "label": data.label.as_json(),
                "fields": {pointer: label.as_json() for pointer, label in data.fields.items()},
            },
            "label": self.label.as_json(),
            "is_error": self.is_error,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> ToolResult:
        """What `as_json` wrote."""
        data = kept["data"]
        labelled = data and Labelled(
            data["value"],
            Label.of_json(data["label"]),
            {pointer: Label.of_json(label) for pointer, label in data["fields"].items()},
        )
        return cls(kept["text"], labelled, Label.of_json(kept["label"]), kept["is_error"])


Run = Callable[[Mapping[str, Any], str], Awaitable[ToolResult]]
Probe = Callable[[Mapping[str, Any], str], Awaitable[ToolResult | None]]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be done, with all that it takes to do it: credentials are in `run`, never in reach.

    `roles` names every argument of the schema. `kinds` says how those of destination, target, amount and name
    are compared; where it does not, they are names (or numbers, where they are amounts). `run` gets the
    arguments, which fit the schema, and the intent's id, which makes a good idempotency key. `probe` gets the
    same after a kill: it returns the result of an effect that did happen, None for one that surely did not,
    and raises OutcomeUnknown where nobody can tell; without one nobody can.

    `resolve` adds arguments that the call implies and no model writes (which files a push would change): they
    are decided about, shown and hashed like all others, and have roles too. It must be the same for the same
    state of the world, and change nothing.
    """

    spec: ToolSpec
    effect: Effect
    roles: Mapping[str, ArgumentRole]
    run: Run
    probe: Probe | None = None
    kinds: Mapping[str, ValueKind] = field(default_factory=dict[str, ValueKind])
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    @property
    def name(self) -> str:
        """What it is called by."""
        return self.spec.name
