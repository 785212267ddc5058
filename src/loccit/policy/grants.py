"""What a task may do, made from its own words before anything else was read.

A grant is for one tool, a number of uses, and values that its arguments must have. Grants come from the
policy and the request alone, so no text that is read later can widen them. Which words grant what stands in
the policy: a request grants a tool where it has all words of one of the tool's lists, and does not say "not"
before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from loccit.core.errors import InputError
from loccit.policy.policy_file import ArgumentRule, Policy, ToolRule, filled
from loccit.policy.values import ValueKind, normal, words

_MANY = frozenset("all each every everyone everybody both them these those".split())
_NOT = frozenset("not don't never without don’t neither nor".split())
_NEGATED_WITHIN = 3
_ADDRESS_OF = re.compile(r"(?i)\b(?:e-?)?mail address(?:es)?\b")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants: their words, and what is known of it by name (repository, issue, branch).

    None of it may be anybody else's: the text of an issue is read with a tool, and is no request.
    """

    text: str
    facts: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def whole(self) -> str:
        """Words and facts as one text, a line each."""
        return "\n".join([self.text, *(self.facts[name] for name in sorted(self.facts))])


@dataclass(frozen=True, slots=True)
class Constraint:
    """The values that an argument may have: each list that is there must admit it.

    `values` are compared by `kind`, `pattern` must match all of a value.
    """

    kind: ValueKind = ValueKind.NAME
    values: frozenset[str] | None = None
    pattern: str = ""

    def problem_of(self, value: Any) -> str:
        """Why a value may not be; empty where it may."""
        form = normal(value, self.kind)
        if self.values is not None and form not in self.values:
            return f"{value!r} is not {' or '.join(map(repr, sorted(self.values)))}"
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            return f"{value!r} does not match {self.pattern!r}"
        return ""

    def narrowed(self, other: Constraint) -> Constraint | None:
        """What both admit, None where another pattern or kind makes that unclear."""
        if self.kind is not other.kind or (other.pattern and other.pattern != self.pattern):
            return None
        if self.values is None or other.values is None:
            return replace(self, values=other.values if self.values is None else self.values)
        return replace(self, values=self.values & other.values)


@dataclass(frozen=True, slots=True)
class Grant:
    """That a task may use a tool: how often (None: as often as it likes), and with which arguments."""

    tool: str
    uses: int | None
    arguments: Mapping[str, Constraint] = field(default_factory=dict[str, Constraint])
    reason: str = ""


def grants_of(policy: Policy, request: Request) -> tuple[Grant, ...]:
    """What the request grants, in the policy's order.

    Raises InputError for a fact that the policy needs and the request does not have, or has as no text.
    """
    missing = [fact for fact in policy.facts if not request.facts.get(fact)]
    if missing:
        raise InputError(
            f"the policy {policy.name!r} needs the fact {missing[0]!r}", next_step="name it with the request"
        )
    spoken = Spoken(request.text)
    granted: list[Grant] = []
    for tool, rule in policy.tools.items():
        reason = _reason(rule, spoken)
        if reason:
            uses = rule.uses_of_many if rule.uses_of_many is not None and spoken.means_many else rule.uses
            constraints = {
                name: constraint
                for name, argument in rule.arguments.items()
                if (constraint := _constraint(argument, request)) is not None
            }
            granted.append(Grant(tool, uses, constraints, reason))
    return tuple(granted)


def narrowed(grants: Sequence[Grant], proposed: Sequence[Grant]) -> tuple[Grant, ...]:
    """The grants with what somebody proposed on top, who may only make them narrower: a model, say.

    A tool that no proposal names is dropped, uses and values are the fewer of both. What a proposal has that
    the grants have not counts for nothing.
    """
    kept: list[Grant] = []
    wishes = {each.tool: each for each in proposed}
    for grant in grants:
        wish = wishes.get(grant.tool)
        if wish is None:
            continue
        uses = [each for each in (grant.uses, wish.uses) if each is not None]
        arguments = dict(grant.arguments)
        for name, constraint in wish.arguments.items():
            before = arguments.get(name)
            both = constraint if before is None else before.narrowed(constraint)
            if both is not None:
                arguments[name] = both
        kept.append(Grant(grant.tool, min(uses, default=None), arguments, grant.reason))
    return tuple(kept)


class Spoken:
    """The words of a request, and those among them that it does not deny."""

    def __init__(self, text: str) -> None:
        # "Her email address" names a value and asks for no email. A clause ends what "not" reaches.
        clauses = [words(clause) for clause in re.split(r"[.;:!?\n]|,", _ADDRESS_OF.sub(" ", text))]
        self._words = frozenset(
            word
            for clause in clauses
            for at, word in enumerate(clause)
            if not _NOT & set(clause[max(0, at - _NEGATED_WITHIN) : at])
        )
        self.means_many = bool(self._words & _MANY)

    def has(self, word: str) -> bool:
        """Whether a word of a policy is among them: `pay*` is any that begins so, `a|b` either."""
        return any(
            any(spoken.startswith(each[:-1]) for spoken in self._words)
            if each.endswith("*")
            else each in self._words
            for each in word.casefold().split("|")
        )

    def says(self, lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
        """The first list all of whose words are there; none where there is no such list."""
        return next((tuple(each) for each in lists if all(map(self.has, each))), ())


def _reason(rule: ToolRule, spoken: Spoken) -> str:
    if rule.granted == "always":
        return "every task may"
    said = spoken.says(rule.when) if rule.granted == "request" else ()
    return f"the request says {' '.join(said)!r}" if said else ""


def _constraint(argument: ArgumentRule, request: Request) -> Constraint | None:
    kind = argument.kind or ValueKind.NAME
    pattern = "" if argument.pattern is None else filled(argument.pattern, request.facts, escape=True)
    if argument.fixed is None:
        return Constraint(kind, None, pattern) if pattern else None
    value = filled(argument.fixed, request.facts)
    form = normal(value, kind)
    if form is None:
        raise InputError(f"{value!r} is no {kind.value}", next_step="correct the facts of the request")
    return Constraint(kind, frozenset({form}), pattern)
