"""The one door to the world: it holds the tools, and so every credential, and sees every call.

    decision = gateway.decide(call)                            # allow, ask or block; changes nothing
    result = await gateway.perform(call, decision, intent_id)  # only what was allowed
    gateway.observed(call, result)                             # also when a recorded result is replayed

What a decision rests on is rebuilt by handing over, in order, what was approved and what calls gave: two
gateways with one policy, one request and one history decide alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.core.calls import ToolCall, ToolSpec
from loccit.core.errors import PolicyDenied, SettingsError
from loccit.policy.approvals import question
from loccit.policy.grants import Grant, Request, grants_of, narrowed
from loccit.policy.known import Knowledge
from loccit.policy.policy_file import ArgumentRule, Policy, ToolRule
from loccit.policy.rules import Decision, Declared, Fault, State, Verdict, decide, with_faults
from loccit.policy.schema import check_schema
from loccit.policy.tools import Tool, ToolResult

if TYPE_CHECKING:
    from loccit.telemetry.audit import AuditLog

Ask = Callable[[str, Decision], Awaitable[bool]]
"""Asks a person: gets what to show them and the decision, says whether they approve."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others want to say of calls, whatever the tools are.

    `before` see each call with its decision and may make it stricter: they return the faults that they find.
    They must be pure, since a replayed call meets them again. `after` see each result that a call gave, in
    order, before anybody else does, and return it, or one to take its place.
    """

    before: tuple[Callable[[ToolCall, Decision], Iterable[Fault]], ...] = ()
    after: tuple[Callable[[ToolCall, ToolResult], ToolResult], ...] = ()


class Gateway:
    """The tools of one task, behind a policy.

    `request` is what the user wants; what it grants is settled here, before anything is read. `proposed` may
    make that narrower. Raises SettingsError where tools and policy do not fit together, InputError for a
    request without the facts that the policy needs.
    """

    def __init__(
        self,
        policy: Policy,
        request: Request,
        tools: Iterable[Tool],
        *,
        hooks: Hooks | None = None,
        proposed: Sequence[Grant] | None = None,
    ) -> None:
        self.policy = policy
        self.request = request
        grants = grants_of(policy, request)
        self.grants = grants if proposed is None else narrowed(grants, proposed)
        self._granted = {grant.tool: grant for grant in self.grants}
        self._hooks = hooks or Hooks()
        self._tools = {tool.name: declared(tool, policy) for tool in tools if tool.name in policy.tools}
        self._knowledge = Knowledge(policy, request)
        self._uses = Counter[str]()
        self._approved = Counter[str]()
        self._under_way = Counter[tuple[str, str, str]]()

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model may be told of: the tools that the task may use, or may ask for."""
        return tuple(
            each.tool.spec
            for name, each in self._tools.items()
            if name in self._granted or each.rule.otherwise == "ask"
        )

    def tool(self, name: str) -> Tool:
        """The tool of this name. Raises PolicyDenied where the policy has none."""
        if name not in self._tools:
            raise PolicyDenied(name, "unknown-tool")
        return self._tools[name].tool

    def decide(self, call: ToolCall) -> Decision:
        """What becomes of a call as things are now; nothing changes by asking."""
        state = State(
            self.policy, self._tools, self._granted, self._knowledge, dict(self._uses), dict(self._approved)
        )
        decision = decide(call, state)
        faults = tuple(fault for hook in self._hooks.before for fault in hook(call, decision))
        is_approved = self._approved[decision.arguments_hash] > 0
        return with_faults(decision, faults, is_approved=is_approved) if faults else decision

    def approve(self, arguments_hash: str, by: str) -> None:
        """Let a call with exactly these arguments pass once where it would be asked about; `by` said so.

        Raises PolicyDenied for nobody's approval.
        """
        if not by:
            raise PolicyDenied("an approval", "nobody gave it")
        self._approved[arguments_hash] += 1

    async def perform(self, call: ToolCall, decision: Decision, intent_id: str) -> ToolResult:
        """What comes of a call that was allowed, and is so still. It counts from now on, also if it fails.

        Raises PolicyDenied where it is not allowed, and what the tool raises.
        """
        now = self.decide(call)
        if now.verdict is not Verdict.ALLOW or decision.verdict is not Verdict.ALLOW:
            worse = now if now.verdict is not Verdict.ALLOW else decision
            raise PolicyDenied(call.name, worse.rule, next_step=worse.reason)
        if now.arguments_hash != decision.arguments_hash:
            raise PolicyDenied(call.name, "arguments", next_step="what it would do has changed; decide anew")
        self._spend(call, now)
        self._under_way[_key(call)] += 1
        result = await self._tools[call.name].tool.run(now.arguments, intent_id)
        for hook in self._hooks.after:
            result = hook(call, result)
        return result

    def observed(self, call: ToolCall, result: ToolResult) -> None:
        """Take in what a call gave, in the order of the calls. One that was performed elsewhere, before this
        gateway was made, counts as used from here on; calls that were refused are not handed over.
        """
        if self._under_way[_key(call)]:
            self._under_way[_key(call)] -= 1
        else:
            self._spend(call, self.decide(call))
        self._knowledge.observe(call.name, result)

    async def handle(self, call: ToolCall, intent_id: str, ask: Ask | None = None) -> ToolResult:
        """Decide, ask where there is somebody to ask, perform and observe, in one: for programs without a
        journal. Raises PolicyDenied for what is blocked or not approved.
        """
        decision = self.decide(call)
        if decision.verdict is Verdict.ASK and ask is not None and await ask(question(decision), decision):
            self.approve(decision.arguments_hash, "asked")
            decision = self.decide(call)
        result = await self.perform(call, decision, intent_id)
        self.observed(call, result)
        return result

    def _spend(self, call: ToolCall, decision: Decision) -> None:
        self._uses[call.name] += 1
        if decision.rule == "approved":
            self._approved[decision.arguments_hash] -= 1


def declared(tool: Tool, policy: Policy) -> Declared:
    """A tool with the policy's rule for it. Raises SettingsError where both do not fit together."""
    rule: ToolRule = policy.tools[tool.name]
    check_schema(tool.name, tool.spec.schema)
    if rule.effect not in {None, tool.effect}:
        raise SettingsError(
            f"the tool {tool.name!r} is {tool.effect.value}, the policy {policy.name!r} says {rule.effect}"
        )
    arguments: dict[str, ArgumentRule] = {}
    for name, role in tool.roles.items():
        own = rule.arguments.get(name)
        if own is not None and own.role is not role:
            raise SettingsError(
                f"the argument {name!r} of {tool.name!r} is {role.value}, the policy says {own.role.value}"
            )
        arguments[name] = own or ArgumentRule(role=role)
        kind = tool.kinds.get(name)
        if kind is not None and arguments[name].kind is None:
            arguments[name] = arguments[name].model_copy(update={"kind": kind})
    named = [*tool.spec.schema.get("properties", {}), *rule.arguments]
    unknown = [name for name in named if name not in arguments]
    if unknown:
        raise SettingsError(
            f"the argument {unknown[0]!r} of the tool {tool.name!r} has no role",
            next_step="say what it is for: destination, target, amount, name, content, files or option",
        )
    return Declared(tool, rule, tool.effect, arguments)


def record_decision(log: AuditLog, call: ToolCall, decision: Decision, *, actor: str, subject: str) -> None:
    """Write a decision into the audit log: verdict, rule, hash, faults by rule, kinds of origins; no values.

    `actor` is for whom the task runs, `subject` its run. Raises StorageFailed.
    """
    log.append(
        f"tool call {_PAST[decision.verdict]}",
        actor=actor,
        subject=subject,
        details={
            "tool": call.name[:200],
            "rule": decision.rule,
            "arguments_sha256": decision.arguments_hash,
            "faults": sorted({fault.rule for fault in decision.faults}),
        },
    )


def record_approval(log: AuditLog, arguments_hash: str, *, actor: str, subject: str) -> None:
    """Write into the audit log that somebody approved a call of a run. Raises StorageFailed."""
    log.append(
        "tool call approved", actor=actor, subject=subject, details={"arguments_sha256": arguments_hash}
    )


_PAST: Mapping[Verdict, str] = {
    Verdict.ALLOW: "allowed",
    Verdict.ASK: "asked about",
    Verdict.BLOCK: "blocked",
}


def _key(call: ToolCall) -> tuple[str, str, str]:
    return call.id, call.name, call.arguments
