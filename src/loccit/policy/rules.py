"""May this call be made? The rules, in order; what none of them allows is denied.

1. The tool is inside a grant that is not spent.
2. Arguments have the values that policy and request fix: one repository, one branch, paths, sizes.
3. Each destination, target, amount and name comes from the request, or from a directory that it names.
4. Nothing that leaves holds a key.
5. Links and addresses in what leaves come from the request, or from a directory that it names.
6. After untrusted text and a secret were read, nothing free leaves unasked.
7. Whoever gets something may read all that was read.

Every rule is asked, so that a person sees all that is the matter, and so that what one rule would ask about
never hides what another one blocks. An approval answers questions, it never lifts a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loccit.core.calls import ToolCall
from loccit.core.errors import InputError
from loccit.policy.approvals import hash_of
from loccit.policy.changes import Changes, changes_of, fits
from loccit.policy.content import Address, addresses_in, is_below
from loccit.policy.grants import Grant
from loccit.policy.known import Knowledge, Origin
from loccit.policy.labels import Integrity, leaves
from loccit.policy.policy_file import ArgumentRule, Policy, ToolRule, filled
from loccit.policy.schema import parse_arguments, problem_of
from loccit.policy.secrets import find_secrets
from loccit.policy.tools import ArgumentRole, Effect, Tool
from loccit.policy.values import ValueKind, normal


class Verdict(StrEnum):
    """What becomes of a call."""

    ALLOW = "allow"
    ASK = "ask"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule has against a call: its name, the argument (empty: the call), and a sentence."""

    verdict: Verdict
    rule: str
    argument: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a call, and why.

    `rule` and `reason` are of the first fault among the gravest, `faults` are all; `granted` is why the
    request grants the tool. `origins` says where each value comes from, by argument ("recipients/0").
    `arguments` are those that the tool would get, and `arguments_hash` the SHA-256 of their RFC 8785 form
    with the tool's name; empty where they cannot be read.
    """

    verdict: Verdict
    tool: str
    rule: str
    reason: str
    granted: str = ""
    arguments_hash: str = ""
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """A tool with all that policy and tool say of it."""

    tool: Tool
    rule: ToolRule
    effect: Effect
    arguments: Mapping[str, ArgumentRule]


@dataclass(frozen=True, slots=True)
class State:
    """What decisions rest on. `uses` counts calls by tool, `approved` unspent approvals by hash."""

    policy: Policy
    tools: Mapping[str, Declared]
    grants: Mapping[str, Grant]
    knowledge: Knowledge
    uses: Mapping[str, int]
    approved: Mapping[str, int]


def decide(call: ToolCall, state: State) -> Decision:
    """What becomes of a call. The same call in the same state always gets the same decision."""
    declared = state.tools.get(call.name)
    if declared is None:
        return _refused(call, "unknown-tool", f"the policy {state.policy.name!r} has no tool {call.name!r}")
    try:
        arguments = parse_arguments(call.arguments)
        problem = problem_of(arguments, declared.tool.spec.schema)
        if problem:
            return _refused(call, "arguments", problem)
        if declared.tool.resolve is not None:
            arguments = {**arguments, **declared.tool.resolve(arguments)}
        digest = hash_of(call.name, arguments)
        judged = _Judged(declared, arguments, state)
        faults = tuple(judged.faults())
    except InputError as error:
        return _refused(call, "arguments", error.message)
    origins = {name: tuple(map(str, found)) for name, found in judged.origins.items()}
    plain = Decision(Verdict.ALLOW, call.name, "", "", judged.granted, digest, origins, arguments)
    return with_faults(plain, faults, is_approved=state.approved.get(digest, 0) > 0)


def with_faults(decision: Decision, faults: tuple[Fault, ...], *, is_approved: bool) -> Decision:
    """The decision that these faults make of one, on top of those that it has."""
    faults = (*decision.faults, *faults)
    gravest = next((v for v in (Verdict.BLOCK, Verdict.ASK) if any(f.verdict is v for f in faults)), None)
    first = next((fault for fault in faults if fault.verdict is gravest), None)
    if first is None:
        verdict, rule, reason = Verdict.ALLOW, "granted", decision.granted
    elif first.verdict is Verdict.ASK and is_approved:
        verdict, rule, reason = Verdict.ALLOW, "approved", f"a person approved it: {first.reason}"
    else:
        verdict, rule, reason = first.verdict, first.rule, first.reason
    return replace(decision, verdict=verdict, rule=rule, reason=reason, faults=faults)


def _refused(call: ToolCall, rule: str, reason: str) -> Decision:
    fault = Fault(Verdict.BLOCK, rule, "", reason)
    return with_faults(Decision(Verdict.BLOCK, call.name, rule, reason), (fault,), is_approved=False)


_BOUND = (ArgumentRole.DESTINATION, ArgumentRole.TARGET, ArgumentRole.AMOUNT, ArgumentRole.NAME)


class _Judged:
    """One call under all rules."""

    def __init__(self, declared: Declared, arguments: Mapping[str, Any], state: State) -> None:
        self.arguments = arguments
        self.origins: dict[str, list[Origin]] = {}
        self.granted = ""
        self._declared = declared
        self._state = state
        self._known = state.knowledge
        # What is not said is not done: a null is an argument that was left out.
        self._given = {name: value for name, value in arguments.items() if value is not None}
        self._changes = {
            name: changes_of(value)
            for name, value in self._given.items()
            if self._role(name) is ArgumentRole.FILES
        }

    def faults(self) -> Iterator[Fault]:
        """What the rules have against it, in their order."""
        yield from self._grant()
        yield from self._fixed()
        yield from self._files()
        if self._declared.effect is not Effect.READ:
            yield from self._requested()
        if self._declared.effect is Effect.EGRESS:
            yield from self._keys()
            yield from self._links()
            yield from self._after_secrets()
            yield from self._readers()

    def _role(self, name: str) -> ArgumentRole:
        return self._declared.arguments[name].role

    def _kind(self, name: str) -> ValueKind:
        rule = self._declared.arguments[name]
        is_amount = rule.role is ArgumentRole.AMOUNT
        return (
            rule.kind
            or self._declared.tool.kinds.get(name)
            or (ValueKind.NUMBER if is_amount else ValueKind.NAME)
        )

    def _leaves(self, name: str) -> Iterator[tuple[str, Any]]:
        """The values of an argument that say something, by their place in it."""
        for pointer, value in leaves(self._given[name]):
            if value is not None and value != "":
                yield f"{name}{pointer}", value

    def _grant(self) -> Iterator[Fault]:
        grant = self._state.grants.get(self._declared.tool.name)
        otherwise = Verdict(self._declared.rule.otherwise)
        if grant is None:
            reason = f"the request grants no {self._declared.tool.name!r}"
            yield Fault(otherwise, "grant", "", reason)
            return
        self.granted = grant.reason
        used = self._state.uses.get(grant.tool, 0)
        if grant.uses is not None and used >= grant.uses:
            yield Fault(
                otherwise, "spent", "", f"{grant.tool!r} was granted {grant.uses} times and used {used} times"
            )
        for name, constraint in grant.arguments.items():
            if name in self._given:
                for place, value in self._leaves(name):
                    problem = constraint.problem_of(value)
                    if problem:
                        yield Fault(Verdict.BLOCK, "fixed", place, problem)
            elif constraint.values is not None:
                yield Fault(Verdict.BLOCK, "fixed", name, f"{name!r} is missing")

    def _fixed(self) -> Iterator[Fault]:
        for name in self._given:
            rule = self._declared.arguments[name]
            for place, value in self._leaves(name):
                if rule.values is not None and not any(
                    value == each and type(value) is type(each) for each in rule.values
                ):
                    reason = f"{value!r} is none of {list(rule.values)}"
                    yield Fault(Verdict.BLOCK, "values", place, reason)
                denied = [each for each in rule.deny if isinstance(value, str) and fits(value, each)]
                if denied:
                    yield Fault(
                        Verdict.BLOCK, "path", place, f"{value!r} fits {denied[0]!r}, which is denied"
                    )
                if rule.most_chars is not None and len(str(value)) > rule.most_chars:
                    reason = f"{len(str(value)):,} characters are more than {rule.most_chars:,}"
                    yield Fault(Verdict.BLOCK, "size", place, reason)

    def _files(self) -> Iterator[Fault]:
        for name, changes in self._changes.items():
            for path in changes.paths:
                yield from self._path(name, path)
            yield from self._sizes(name, changes)
        if self._declared.effect is Effect.READ:
            return
        for name in self._given:
            if self._kind(name) is ValueKind.PATH and self._role(name) in _BOUND:
                for place, value in self._leaves(name):
                    yield from self._path(place, value)

    def _path(self, place: str, path: Any) -> Iterator[Fault]:
        plain = normal(path, ValueKind.PATH)
        if plain is None:
            yield Fault(Verdict.BLOCK, "path", place, f"{path!r} is no path below the folder")
            return
        rules = self._state.policy.files
        for verdict, patterns in ((Verdict.BLOCK, rules.deny), (Verdict.ASK, rules.ask)):
            fitting = [pattern for pattern in patterns if fits(plain, pattern)]
            if fitting:
                yield Fault(verdict, "path", place, f"{path!r} fits {fitting[0]!r}")
                return

    def _sizes(self, name: str, changes: Changes) -> Iterator[Fault]:
        rules = self._state.policy.files
        for what, size, most in (
            ("files", len(changes.paths), rules.most_files),
            ("lines", changes.lines, rules.most_lines),
            ("bytes", len(changes.added.encode("utf-8", "surrogatepass")), rules.most_bytes),
        ):
            if most is not None and size > most:
                yield Fault(Verdict.BLOCK, "size", name, f"{size:,} {what} are more than {most:,}")
        if self._declared.effect is Effect.EGRESS and changes.deleted and rules.deletes != "allow":
            reason = f"it deletes {changes.deleted[0]!r}"
            yield Fault(Verdict(rules.deletes), "delete", name, reason)
        if changes.odd:
            yield Fault(
                Verdict.BLOCK, "path", name, f"it has something that is no text file: {changes.odd[0]}"
            )

    def _requested(self) -> Iterator[Fault]:
        for name in self._given:
            rule = self._declared.arguments[name]
            if rule.role in _BOUND and rule.origin == "requested" and rule.fixed is None:
                yield from self._not_requested(name, rule)

    def _not_requested(self, name: str, rule: ArgumentRule) -> Iterator[Fault]:
        kind = self._kind(name)
        for place, value in self._leaves(name):
            found = self._known.origins(value, kind, rule.directories)
            if rule.at_most_requested and not (found and found[0].is_requested):
                found = [*self._smaller(value, rule), *found]
            self.origins[place] = found
            if not found or not found[0].is_requested:
                yield Fault(Verdict.ASK, rule.role.value, place, _not_requested(rule.role, value, found))

    def _smaller(self, value: Any, rule: ArgumentRule) -> list[Origin]:
        beside = [
            (each, self._kind(name))
            for name in self._given
            if self._role(name) is ArgumentRole.DESTINATION
            for _, each in self._leaves(name)
        ]
        form, most = normal(value, ValueKind.NUMBER), self._known.largest(rule.directories, beside)
        if form is None or most is None or not 0 < Decimal(form) <= most:
            return []
        return [Origin(f"at most {most:f}, which was requested", Integrity.TRUSTED, True)]

    def _said(self) -> Iterator[tuple[str, str]]:
        """The texts that leave, by place: contents, added lines, whatever else a model can write freely."""
        for name in self._given:
            rule = self._declared.arguments[name]
            if rule.role is ArgumentRole.FILES:
                yield name, self._changes[name].added
            elif rule.role is ArgumentRole.CONTENT or (
                rule.role is ArgumentRole.OPTION and rule.values is None
            ):
                for place, value in self._leaves(name):
                    yield place, str(value)

    def _keys(self) -> Iterator[Fault]:
        if self._declared.rule.secrets == "allow":
            return
        texts = {place: str(value) for name in self._given for place, value in self._leaves(name)}
        # A diff shows keys that it removes; what leaves is what it adds.
        texts |= {name: changes.added for name, changes in self._changes.items()}
        for place, text in texts.items():
            if place.split("/")[0] in self._changes and place not in self._changes:
                continue
            for finding in find_secrets(text):
                yield Fault(Verdict.BLOCK, "key", place, f"it holds a {finding}")

    def _links(self) -> Iterator[Fault]:
        rules = self._state.policy.content
        if rules.links == "allow":
            return
        directories = tuple(self._state.policy.directories)
        below = [filled(each, self._known.request.facts) for each in rules.links_below]
        for place, text in self._said():
            for address in addresses_in(text, mentions=self._declared.rule.mentions):
                if any(is_below(address.written, prefix) for prefix in below):
                    continue
                found = self._origins_of(address, directories)
                self.origins[f"{place}: {address.written}"] = found
                if not found or not found[0].is_requested:
                    reason = _not_requested(None, address.written, found)
                    yield Fault(Verdict(rules.links), "link", place, reason)

    def _origins_of(self, address: Address, directories: tuple[str, ...]) -> list[Origin]:
        if address.kind is ValueKind.URL and normal(address.written, ValueKind.URL) is None:
            # A scheme or form that is no address of a page: only the same text will do.
            return self._known.origins(address.written, ValueKind.ID, directories)
        return self._known.origins(address.written, address.kind, directories)

    def _is_free(self) -> bool:
        """Whether something leaves that the request does not say word for word."""
        return any(not self._known.says(text) for _, text in self._said())

    def _after_secrets(self) -> Iterator[Fault]:
        if self._known.has_untrusted and self._known.has_secret and self._is_free():
            reason = "it lets something out after untrusted text and secrets were read"
            yield Fault(Verdict(self._state.policy.content.after_secrets), "secret-egress", "", reason)

    def _readers(self) -> Iterator[Fault]:
        readers = self._known.readers
        if readers is None or not self._is_free():
            return
        recipients = [
            (place, value, name)
            for name in self._given
            if self._role(name) is ArgumentRole.DESTINATION
            for place, value in self._leaves(name)
        ]
        others = [filled(each, self._known.request.facts) for each in self._declared.rule.recipients]
        has_destinations = any(
            rule.role is ArgumentRole.DESTINATION for rule in self._declared.arguments.values()
        )
        if not has_destinations and not others:
            yield Fault(
                Verdict.ASK, "readers", "", "anybody may see it, and not everybody may read what was read"
            )
        for place, value, name in recipients:
            kind = self._kind(name)
            form = normal(value, kind)
            directories = self._declared.arguments[name].directories
            may = any(normal(reader, kind) == form for reader in readers) or (
                "requested" in readers
                and any(each.is_requested for each in self._known.origins(value, kind, directories))
            )
            if not may:
                yield Fault(Verdict.ASK, "readers", place, f"{value!r} may not read all that was read")
        for reader in others:
            if reader not in readers:
                yield Fault(Verdict.ASK, "readers", "", f"{reader!r} may not read all that was read")


def _not_requested(role: ArgumentRole | None, value: Any, found: list[Origin]) -> str:
    what = f"the {role.value} {value!r}" if role else f"{value!r}"
    if not found:
        return f"{what} stands nowhere: neither the request nor any result has it"
    return f"{what} was not requested; it stands in {found[0]}"
