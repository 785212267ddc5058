"""What a policy says, in words, and what it says of recorded calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from loccit.core.calls import ToolCall, ToolSpec
from loccit.core.errors import InputError
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.labels import TRUSTED, UNTRUSTED, Labelled
from loccit.policy.policy_file import ArgumentRule, Policy, ToolRule
from loccit.policy.rules import Decision, Verdict
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

_FREE = (ArgumentRole.CONTENT, ArgumentRole.FILES, ArgumentRole.OPTION)


def in_words(policy: Policy) -> str:
    """The whole policy in sentences, in the order of its file."""
    lines = [f"Policy {policy.name!r}. {policy.summary}".rstrip()]
    if policy.facts:
        lines.append(f"A request must name: {', '.join(policy.facts)}.")
    lines.append("Whatever is not said here is blocked.")
    for name, rule in policy.tools.items():
        lines += ["", f"{name}: {_granted(rule)}", *(f"  {each}" for each in _tool(rule))]
    for name, directory in policy.directories.items():
        lines += ["", f"directory {name}: fed by {', '.join(directory.fed_by)}"]
        if directory.named_by:
            lines.append(f"  counts where the request says {_said(directory.named_by)}")
        which = {
            "record": "records that the request names",
            "any": "all records",
            "most": "the record with the largest number",
        }
        lines.append(f"  of it count {which[directory.match]}")
    lines += ["", *_files(policy), *_content(policy)]
    return "\n".join(lines)


def decisions(
    policy: Policy, request: Request, history: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[ToolCall, Decision]]:
    """What the policy says of each recorded call, in their order, after all that the calls before it gave.

    A line of a history has `tool`, `arguments` and, where the call was made, `result`: a text, or any other
    JSON value; `trusted` says whether nobody but the user can have written it, `approved` that a person
    approved it. Arguments that the policy says nothing of count as content. Raises InputError for a line that
    is none.
    """
    lines = list(history)
    tools = [_recorded_tool(name, rule, lines) for name, rule in policy.tools.items()]
    gateway = Gateway(policy, request, tools)
    for number, line in enumerate(lines, 1):
        if not isinstance(line.get("tool"), str) or not isinstance(line.get("arguments"), Mapping):
            raise InputError(f"line {number} of the history has no tool with arguments")
        call = ToolCall(str(number), line["tool"], json.dumps(line["arguments"]))
        decision = gateway.decide(call)
        yield call, decision
        if "result" not in line:
            continue
        if decision.verdict is Verdict.ASK and line.get("approved"):
            gateway.approve(decision.arguments_hash, "recorded")
        label = TRUSTED if line.get("trusted") else UNTRUSTED
        value = line["result"]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        gateway.observed(call, ToolResult(text, Labelled(value, label), label))


def _recorded_tool(name: str, rule: ToolRule, lines: Sequence[Mapping[str, Any]]) -> Tool:
    """A tool as far as a policy and recorded calls show one; it cannot be run."""
    used: dict[str, None] = dict.fromkeys(rule.arguments)
    for line in lines:
        if line.get("tool") == name and isinstance(line.get("arguments"), Mapping):
            used |= dict.fromkeys(cast("Mapping[str, Any]", line["arguments"]))

    async def run(_arguments: Mapping[str, Any], _intent: str) -> ToolResult:
        raise InputError("a recorded call is not made again")

    roles = {
        argument: rule.arguments[argument].role if argument in rule.arguments else ArgumentRole.CONTENT
        for argument in used
    }
    schema: dict[str, Any] = {"type": "object", "properties": {argument: {} for argument in used}}
    return Tool(ToolSpec(name, "", schema), rule.effect or Effect.EGRESS, roles, run)


def _granted(rule: ToolRule) -> str:
    often = "any number of times" if rule.uses is None else f"up to {rule.uses} times"
    what = {
        None: "its effect is its own to say",
        Effect.READ: "only looks",
        Effect.WRITE: "changes something of the user's own",
        Effect.EGRESS: "reaches others",
    }[rule.effect]
    who = {
        "always": f"every task may, {often}",
        "request": f"a request may that says {_said(rule.when)}, {often}",
        "never": "no task may by itself",
    }[rule.granted]
    return f"{what}; {who}; otherwise {'a person is asked' if rule.otherwise == 'ask' else 'it is blocked'}."


def _tool(rule: ToolRule) -> Iterator[str]:
    if rule.uses_of_many is not None:
        yield f"up to {rule.uses_of_many} times where the request says all, each or every"
    for name, argument in rule.arguments.items():
        told = "; ".join(_argument(argument))
        yield f"{name} ({argument.role.value}{f', {argument.kind.value}' if argument.kind else ''}): {told}"
    if rule.recipients:
        yield f"what it says is seen by {', '.join(rule.recipients)}"
    if rule.mentions:
        yield "whoever it mentions counts as told"
    if rule.results.readers is not None:
        yield f"what it gives may be read by {', '.join(rule.results.readers) or 'nobody'}"
    if rule.results.secret or rule.results.secret_fields:
        yield f"secret: {', '.join(rule.results.secret_fields) or 'all it gives'}"
    if rule.secrets == "allow":
        yield "keys may leave by it"


def _argument(rule: ArgumentRule) -> Iterator[str]:
    if rule.fixed is not None:
        yield f"must be {rule.fixed!r}"
    elif rule.role in _FREE or rule.origin == "any":
        yield "may be anything" if rule.values is None else f"one of {list(rule.values)}"
    elif rule.directories:
        yield f"must stand in the request, or in {' or '.join(rule.directories)}"
    else:
        yield "must stand in the request"
    if rule.at_most_requested:
        yield "or be at most what was requested"
    if rule.pattern is not None:
        yield f"must match {rule.pattern!r}"
    if rule.deny:
        yield f"never {', '.join(rule.deny)}"
    if rule.most_chars is not None:
        yield f"at most {rule.most_chars:,} characters"


def _said(lists: Sequence[Sequence[str]]) -> str:
    return " or ".join(" and ".join(map(repr, each)) for each in lists)


def _files(policy: Policy) -> Iterator[str]:
    files = policy.files
    if files.deny:
        yield f"Files that are never touched: {', '.join(files.deny)}."
    if files.ask:
        yield f"Files that a person is asked about: {', '.join(files.ask)}."
    for what, most in (("files", files.most_files), ("lines", files.most_lines), ("bytes", files.most_bytes)):
        if most is not None:
            yield f"One call changes at most {most:,} {what}."
    if files.deletes != "allow":
        yield f"Files that are deleted: {files.deletes}."


def _content(policy: Policy) -> Iterator[str]:
    content = policy.content
    yield f"Links and addresses in what leaves that nobody requested: {content.links}."
    if content.links_below:
        yield f"Links are fine below {', '.join(content.links_below)}."
    yield f"Letting something out after untrusted text and secrets were read: {content.after_secrets}."
    yield "Keys of the known kinds in what leaves: block."
