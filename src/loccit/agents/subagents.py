"""Sub-agents: a question goes to a loop with a clean window, and its answer alone comes back.

For work that reads much and yields little: searching, reviewing, sorting out failing tests. A sub-agent has
the parent's tools that only read, as far as the parent was granted them without a count; a share of its
limits; and nobody to ask. What it says is labelled with all that it read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.agents.loop import Task, run_loop
from loccit.agents.options import Limits
from loccit.core.calls import ToolSpec
from loccit.models.templates import load_template
from loccit.policy.gateway import Gateway, Hooks
from loccit.policy.labels import TRUSTED, Label, Labelled
from loccit.policy.rules import Decision, Fault, Verdict
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

if TYPE_CHECKING:
    from loccit.agents.protocols import Context, Journal
    from loccit.agents.values import Trajectory
    from loccit.core.calls import ToolCall

TOOL_NAME = "delegate"
_PROMPTS = Path(__file__).parent / "prompts"
_SHARE = 4
_MOST_TASK_CHARACTERS = 8_000
_TEXT: Mapping[str, Any] = {"type": "string"}


def _list_of(**fields: Any) -> dict[str, Any]:
    items = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"type": "array", "items": items, "maxItems": 40}


def _result(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of sub-agent: its prompt (a file of `prompts`) and the JSON Schema of its answer."""

    name: str
    prompt: str
    purpose: str
    result: Mapping[str, Any]


KINDS = (
    Kind(
        "search",
        "search_code",
        "finds places in the code and says what they do",
        _result(answer=_TEXT, places=_list_of(path=_TEXT, lines=_TEXT, why=_TEXT), not_found=_TEXT),
    ),
    Kind(
        "review",
        "review_change",
        "reads a change against what was asked, and says what is wrong with it",
        _result(
            verdict={"type": "string", "enum": ["accept", "change", "reject"]},
            findings=_list_of(path=_TEXT, lines=_TEXT, what=_TEXT, how_sure=_TEXT),
            not_checked=_TEXT,
        ),
    ),
    Kind(
        "triage-tests",
        "triage_tests",
        "sorts failing tests by cause",
        _result(summary=_TEXT, causes=_list_of(tests=_TEXT, cause=_TEXT, evidence=_TEXT)),
    ),
)


def shared(limits: Limits) -> Limits:
    """What one sub-agent may use of what its parent may."""
    return replace(
        limits,
        steps=max(1, limits.steps // _SHARE),
        tool_calls=max(1, limits.tool_calls // _SHARE),
        tokens=max(1, limits.tokens // _SHARE),
        usd=limits.usd / _SHARE,
        seconds=limits.seconds / _SHARE,
        output_bytes=max(1, limits.output_bytes // _SHARE),
    )


class SubAgents:
    """The sub-agents of one loop, as the tool `delegate`.

    `parent` is the loop's gateway and `tools` what it holds, `names` which of them sub-agents may have (all,
    where it is None). `journal` makes the journal of a loop within a tool, by the intent's id and limits;
    `context` what it is shown, by the intent's id.
    """

    def __init__(
        self,
        parent: Gateway,
        tools: Iterable[Tool],
        *,
        journal: Callable[[str, Limits], Journal],
        context: Callable[[str], Context],
        limits: Limits,
        names: Sequence[str] | None = None,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        self._parent = parent
        self._tools = tuple(tool for tool in tools if names is None or tool.name in names)
        self._journal = journal
        self._context = context
        self._limits = shared(limits)
        self._kinds = {kind.name: kind for kind in kinds}

    def tool(self) -> Tool:
        """The tool `delegate`."""
        about = "; ".join(f"{kind.name} {kind.purpose}" for kind in self._kinds.values())
        spec = ToolSpec(
            TOOL_NAME,
            "Has somebody else do a piece of reading, with a window of their own, so that yours stays clear:"
            f" {about}. They see `task` and nothing else: write down all that they need to know.",
            {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": list(self._kinds)},
                    "task": {"type": "string", "minLength": 1, "maxLength": _MOST_TASK_CHARACTERS},
                },
                "required": ["kind", "task"],
                "additionalProperties": False,
            },
        )
        roles = {"kind": ArgumentRole.OPTION, "task": ArgumentRole.CONTENT}
        # It reads: a call that a kill cut off is made again, and its replies are remembered.
        return Tool(spec, Effect.READ, roles, self._run)

    async def _run(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        kind = self._kinds[arguments["kind"]]
        template = load_template(_PROMPTS / f"{kind.prompt}.md")
        task = Task(
            template.fill(task=str(arguments["task"])),
            template.id,
            purpose=f"agent {kind.name}",
            result=kind.result,
        )
        tools = _Reading(self._parent, self._tools)
        done = await run_loop(
            task, tools, self._context(intent), self._journal(intent, self._limits), self._limits
        )
        return _answer(kind, done, tools.label)


class _Reading(Gateway):
    """The parent's gateway anew: its policy, its request, and of its grants those that only read, uncounted.

    Its history is its own, so what it decides is the same however often a run goes through it.
    """

    def __init__(self, parent: Gateway, tools: Sequence[Tool]) -> None:
        granted = {grant.tool: grant for grant in parent.grants if grant.uses is None}
        reading = [t for t in tools if t.effect is Effect.READ and t.name in granted and t.name != TOOL_NAME]
        super().__init__(
            parent.policy,
            parent.request,
            reading,
            hooks=Hooks(before=(_nobody_is_asked,)),
            proposed=[granted[tool.name] for tool in reading],
        )
        self.label: Label = TRUSTED

    def observed(self, call: ToolCall, result: ToolResult) -> None:
        """Take in what a call gave, and its label."""
        super().observed(call, result)
        self.label = self.label.joined(result.label)
        if result.data is not None:
            for label in (result.data.label, *result.data.fields.values()):
                self.label = self.label.joined(label)


def _nobody_is_asked(call: ToolCall, decision: Decision) -> Iterable[Fault]:
    if decision.verdict is not Verdict.ASK:
        return ()
    reason = f"a sub-agent has nobody to ask: {decision.reason}"
    return (Fault(Verdict.BLOCK, "delegate", "", reason),)


def _answer(kind: Kind, done: Trajectory, label: Label) -> ToolResult:
    """What the parent sees: the answer, what it took, and nothing of what was read on the way."""
    took = f"{done.spend.steps} steps, {done.spend.tool_calls} calls, {done.spend.tokens:,} tokens"
    if done.result is None:
        text = f"The sub-agent ({kind.name}) gave no answer: {done.ending.value} {done.detail}".rstrip()
        return ToolResult(f"{text} ({took})", label=label, is_error=True)
    text = json.dumps(done.result, ensure_ascii=False, indent=1)
    return ToolResult(f"{text}\n({took})", Labelled(dict(done.result), label), label)
