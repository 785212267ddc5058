"""The policy of a fix: one gateway for all of a run, of which each part shows a model its own tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from loccit.agents.fix.task import FixTask
from loccit.agents.tool_rules import with_rules
from loccit.core.calls import ToolCall, ToolSpec
from loccit.policy.gateway import Gateway, Hooks
from loccit.policy.grants import Request
from loccit.policy.policy_file import shipped_policy
from loccit.policy.rules import Decision
from loccit.policy.tools import Tool, ToolResult

POLICY = "fix"


def gateway_of(
    task: FixTask,
    tools: Iterable[Tool],
    aids: Sequence[Tool] = (),
    *,
    hooks: Hooks | None = None,
) -> Gateway:
    """The gateway of a run. `aids` are tools that only read, and that no policy needs to name.

    What is asked for is known before the issue is read: one repository, one issue, a fresh branch beside the
    one that a pull request would be for.
    """
    facts = {
        "repository": hosted_name(task.repo),
        "issue": task.issue or "text",
        "branch": task.branch,
        "base": task.target or "main",
    }
    policy = with_rules(shipped_policy(POLICY), aids)
    request = Request(f"fix issue {facts['issue']}", facts)
    return Gateway(policy, request, (*tools, *aids), hooks=hooks)


def hosted_name(repo: str) -> str:
    """A repository as its host names it (`owner/name`); one that is nowhere but here is `local/NAME`."""
    hosted = repo.partition("/")[2]
    return hosted if "/" in hosted else f"local/{re.sub(r'[^A-Za-z0-9._-]+', '-', repo).strip('-.') or 'it'}"


class Phase:
    """The gateway with fewer tools: a model is told of these alone, and calls no others."""

    def __init__(self, gateway: Gateway, names: Sequence[str]) -> None:
        """With the tools of these names, as far as there are such."""
        self._gateway = gateway
        self._names = frozenset(names)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model may be told of."""
        return tuple(spec for spec in self._gateway.specs if spec.name in self._names)

    def tool(self, name: str) -> Tool:
        """The tool of this name. Raises PolicyDenied where there is none."""
        return self._gateway.tool(name)

    def decide(self, call: ToolCall) -> Decision:
        """What becomes of a call as things are now."""
        return self._gateway.decide(call)

    def approve(self, arguments_hash: str, by: str) -> None:
        """Let a call with exactly these arguments pass once."""
        self._gateway.approve(arguments_hash, by)

    async def perform(self, call: ToolCall, decision: Decision, intent_id: str) -> ToolResult:
        """What comes of a call that was allowed."""
        return await self._gateway.perform(call, decision, intent_id)

    def observed(self, call: ToolCall, result: ToolResult) -> None:
        """Take in what a call gave, in the order of the calls."""
        self._gateway.observed(call, result)
