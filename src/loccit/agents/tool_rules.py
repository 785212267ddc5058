"""Rules for tools that a policy does not name: those of the runtime itself, and of other MCP servers."""

from __future__ import annotations

from collections.abc import Iterable

from loccit.policy.policy_file import Policy, ToolRule
from loccit.policy.tools import Effect, Tool


def with_rules(policy: Policy, tools: Iterable[Tool]) -> Policy:
    """The policy with a rule for each of these tools that it has none for.

    What only reads may be used by every task, as often as it likes. Whatever else is granted by no words of a
    request: a person is asked about each call.
    """
    added = {tool.name: _rule(tool) for tool in tools if tool.name not in policy.tools}
    return policy.model_copy(update={"tools": {**policy.tools, **added}})


def _rule(tool: Tool) -> ToolRule:
    if tool.effect is Effect.READ:
        return ToolRule(granted="always", uses=None)
    return ToolRule(granted="never", otherwise="ask")
