"""The two tools of a fix that reach somebody else: pushing its branch, and proposing it.

They hold the token, so nothing else does. Both can be asked after a kill whether they happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loccit.agents.fix.markdown import pull_request
from loccit.agents.fix.working_copy import WorkingCopy
from loccit.core.calls import ToolSpec
from loccit.core.errors import LoccitError, OutcomeUnknown
from loccit.core.fixes import Fix
from loccit.policy.labels import Label
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult
from loccit.policy.values import ValueKind
from loccit.sources.issues.proposals import Proposal, Proposals
from loccit.sources.pushing import PushTarget

_TEXT = {"type": "string", "minLength": 1}
_WHERE: Mapping[str, Any] = {"repository": _TEXT, "branch": _TEXT, "base": _TEXT}
_LABEL = Label(origins=frozenset({"the host of the repository"}))


def described(fix: Fix) -> tuple[str, str]:
    """The title and text under which a fix is proposed."""
    return pull_request(fix)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Where the branch of one run goes."""

    copy: WorkingCopy
    target: PushTarget
    proposals: Proposals

    def tools(self) -> tuple[Tool, ...]:
        """Pushing and proposing, for the gateway of the run."""
        push = Tool(
            _spec("push_branch", "Push the branch of the run.", {**_WHERE, "force": {"type": "boolean"}}),
            Effect.EGRESS,
            {
                "repository": ArgumentRole.DESTINATION,
                "branch": ArgumentRole.NAME,
                "base": ArgumentRole.OPTION,
                "force": ArgumentRole.OPTION,
                "files": ArgumentRole.FILES,
            },
            self._push,
            self._pushed,
            {"repository": ValueKind.REPOSITORY, "branch": ValueKind.BRANCH},
            # Decided about and shown like what is written out: what a push would hand over.
            resolve=lambda _: {"files": self.copy.diff(self.copy.base, self.copy.last_step)},
        )
        texts = {"title": _TEXT, "body": _TEXT, "draft": {"type": "boolean"}}
        propose = Tool(
            _spec("open_pull_request", "Propose the branch that was pushed.", {**_WHERE, **texts}),
            Effect.EGRESS,
            {
                "repository": ArgumentRole.DESTINATION,
                "branch": ArgumentRole.NAME,
                "base": ArgumentRole.TARGET,
                "title": ArgumentRole.CONTENT,
                "body": ArgumentRole.CONTENT,
                "draft": ArgumentRole.OPTION,
            },
            self._propose,
            self._proposed,
            {
                "repository": ValueKind.REPOSITORY,
                "branch": ValueKind.BRANCH,
                "base": ValueKind.BRANCH,
            },
        )
        return push, propose

    async def _push(self, arguments: Mapping[str, Any], _: str) -> ToolResult:
        commit = self.copy.last_step
        try:
            await asyncio.to_thread(self.target.push, self.copy.view, commit, arguments["branch"])
        except OutcomeUnknown:
            raise
        except LoccitError as error:
            return ToolResult(str(error), label=_LABEL, is_error=True)
        return _told(f"{arguments['branch']} is at {commit[:12]}")

    async def _pushed(self, arguments: Mapping[str, Any], _: str) -> ToolResult | None:
        try:
            there = await asyncio.to_thread(self.target.branch_at, self.copy.view, arguments["branch"])
        except LoccitError as error:
            raise OutcomeUnknown(f"whether {arguments['branch']!r} was pushed: {error}") from error
        if there is None:
            return None
        if there != self.copy.last_step:
            raise OutcomeUnknown(f"{arguments['branch']!r} is there, and not at what this run would push")
        return _told(f"{arguments['branch']} is at {there[:12]}")

    async def _propose(self, arguments: Mapping[str, Any], _: str) -> ToolResult:
        def made() -> Proposal:
            there = self.proposals.of_branch(arguments["branch"])
            return there or self.proposals.open(
                arguments["branch"],
                arguments["base"],
                arguments["title"],
                arguments["body"],
                draft=arguments["draft"],
            )

        try:
            found = await asyncio.to_thread(made)
        except LoccitError as error:
            # A POST that failed half way may have been heard.
            return await self._proposed(arguments, "") or ToolResult(str(error), label=_LABEL, is_error=True)
        return _told(f"{found.number} {found.url}")

    async def _proposed(self, arguments: Mapping[str, Any], _: str) -> ToolResult | None:
        try:
            found = await asyncio.to_thread(self.proposals.of_branch, arguments["branch"])
        except LoccitError as error:
            raise OutcomeUnknown(f"whether {arguments['branch']!r} was proposed: {error}") from error
        return None if found is None else _told(f"{found.number} {found.url}")


def _spec(name: str, description: str, properties: Mapping[str, Any]) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
    return ToolSpec(name, description, schema)


def _told(text: str) -> ToolResult:
    return ToolResult(text, label=_LABEL)
