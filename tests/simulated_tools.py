"""Tools that do nothing but remember that they were called, and policies over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loccit.core.calls import ToolCall, ToolSpec
from loccit.policy.gateway import Gateway, Hooks
from loccit.policy.grants import Request
from loccit.policy.labels import TRUSTED, UNTRUSTED, Label, Labelled
from loccit.policy.policy_file import parse_policy
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult
from loccit.policy.values import ValueKind

TYPES = {
    "files": {"type": ["object", "array", "string"]},
    "option": {},
    "amount": {"type": ["number", "string"]},
}


@dataclass
class Done:
    """What simulated tools did, in order: their names and arguments."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def tool(
    name: str,
    effect: str,
    done: Done | None = None,
    kinds: Mapping[str, str] | None = None,
    result: ToolResult | None = None,
    **roles: str,
) -> Tool:
    """A tool whose arguments all may be left out; those of a plural name are lists."""

    async def run(arguments: Mapping[str, Any], intent_id: str) -> ToolResult:
        if done is not None:
            done.calls.append((name, dict(arguments)))
        return result or ToolResult(f"{name} done", None, TRUSTED)

    def schema(argument: str, role: str) -> dict[str, Any]:
        one = TYPES.get(role, {"type": ["string", "integer"]})
        return {"type": "array", "items": one} if argument.endswith("s") and role != "files" else one

    properties = {argument: schema(argument, role) for argument, role in roles.items()}
    return Tool(
        ToolSpec(name, f"Does {name}.", {"type": "object", "properties": properties}),
        Effect(effect),
        {argument: ArgumentRole(role) for argument, role in roles.items()},
        run,
        kinds={argument: ValueKind(kind) for argument, kind in (kinds or {}).items()},
    )


MAIL = """
format = "loccit-policy/1"
name = "mail"
[tools.read_inbox]
granted = "always"
uses = 100
[tools.find_contact]
granted = "always"
uses = 100
results.integrity = "trusted"
[tools.send_email]
when = [["send", "email|mail|message"], ["email|mail*"]]
uses = 2
arguments.recipients = { role = "destination", kind = "email", directories = ["contacts"] }
[tools.pay]
when = [["pay"]]
arguments.account = { role = "destination", kind = "account" }
arguments.amount = { role = "amount", derived = "arithmetic" }
[tools.delete_email]
when = [["delete"]]
otherwise = "ask"
[directories.contacts]
fed_by = { find_contact = "/*" }
fields = ["/email"]
keys = ["/name"]
"""


def mail_tools(done: Done | None = None) -> list[Tool]:
    return [
        tool("read_inbox", "read", done),
        tool("find_contact", "read", done, query="option"),
        tool("send_email", "egress", done, recipients="destination", subject="content", body="content"),
        tool("pay", "egress", done, account="destination", amount="amount"),
        tool("delete_email", "write", done, {"id": "id"}, id="target"),
    ]


def mail(words: str, done: Done | None = None, hooks: Hooks | None = None, **changes: str) -> Gateway:
    """A gateway to simulated mail for a request of these words; `changes` replace texts of the policy."""
    policy = MAIL
    for old, new in changes.items():
        policy = policy.replace(old, new)
    return Gateway(parse_policy(policy), Request(words), mail_tools(done), hooks=hooks)


def call(name: str, id: str = "c1", /, **arguments: Any) -> ToolCall:
    return ToolCall(id, name, json.dumps(arguments))


def contacts(*records: tuple[str, str]) -> ToolResult:
    value = [{"name": name, "email": email} for name, email in records]
    return ToolResult(json.dumps(value), Labelled(value, TRUSTED), TRUSTED)


def untrusted(text: str, **label: Any) -> ToolResult:
    return ToolResult(text, None, Label(UNTRUSTED.integrity, **label))
