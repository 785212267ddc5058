"""What a run knows, and from where: the request, records of directories, results of tools.

Where a value comes from is never what a model says of it: it is looked for, typed and whole, in the request,
in the records of directories, and in what tools gave. All of it is made from the request and the results in
their order, so the same results make the same knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from loccit.policy.grants import Request, Spoken
from loccit.policy.labels import Integrity, Label, Labelled, leaves, pointer_fits
from loccit.policy.policy_file import Directory, Policy, filled
from loccit.policy.secrets import find_secrets
from loccit.policy.tools import ToolResult
from loccit.policy.values import ValueKind, found_in, normal, stands_in, words

_COMMON = frozenset(
    "the a an and or of for to in on at with my our your new file document docx pdf txt md csv xlsx".split()
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A place where a value stands. `is_requested`: it counts as what the user asked for."""

    where: str
    integrity: Integrity
    is_requested: bool = False

    def __str__(self) -> str:
        if self.is_requested:
            return self.where
        is_trusted = self.integrity is Integrity.TRUSTED
        return f"{self.where} ({'trusted, not requested' if is_trusted else 'untrusted'})"


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a directory: its fields that may be used, whether the request names it, and where it is."""

    directory: str
    values: tuple[Any, ...]
    is_named: bool
    where: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A result: everything in it as texts with their labels."""

    where: str
    parts: tuple[tuple[str, Label], ...]


class Knowledge:
    """Everything that a run has been told so far."""

    def __init__(self, policy: Policy, request: Request) -> None:
        self.request = request
        self._policy = policy
        self._spoken = Spoken(request.text)
        self._request_words = frozenset(words(request.text))
        self._records: list[Record] = []
        self._seen: list[Seen] = []
        self._readers: frozenset[str] | None = None
        self.has_untrusted = False
        self.has_secret = False

    @property
    def readers(self) -> frozenset[str] | None:
        """Who may read all that was read so far; None: everybody."""
        return self._readers

    def observe(self, tool: str, result: ToolResult) -> None:
        """Take in what a tool gave, after all that was taken in before."""
        where = f"{tool} (result {len(self._seen) + 1})"
        parts = tuple(self._parts(tool, result))
        self._seen.append(Seen(where, parts))
        for text, each in parts:
            self.has_untrusted |= each.integrity is Integrity.UNTRUSTED and bool(text.strip())
            self.has_secret |= each.is_secret or bool(find_secrets(text))
            if each.readers is not None:
                self._readers = each.readers if self._readers is None else self._readers & each.readers
        if not result.is_error:
            self._records += self._records_of(tool, result, where)

    def origins(self, value: Any, kind: ValueKind, directories: Sequence[str] = ()) -> list[Origin]:
        """Where a value stands: what counts as requested first, then what else is trusted, then the rest."""
        found: dict[Origin, None] = {}
        if self.is_requested(value, kind):
            found[Origin("the request", Integrity.TRUSTED, True)] = None
        form = normal(value, kind)
        for record in self._records:
            if form is not None and any(normal(each, kind) == form for each in record.values):
                counts = record.directory in directories and record.is_named
                where = f"the directory {record.directory!r}, {record.where}"
                found[Origin(where, Integrity.TRUSTED, counts)] = None
        for seen in self._seen:
            for text, label in seen.parts:
                if stands_in(value, kind, text):
                    found[Origin(seen.where, label.integrity)] = None
        return sorted(found, key=lambda each: (not each.is_requested, each.integrity is Integrity.UNTRUSTED))

    def is_requested(self, value: Any, kind: ValueKind) -> bool:
        """Whether a value stands in the request itself."""
        return stands_in(value, kind, self.request.whole)

    def says(self, text: str) -> bool:
        """Whether all of a text stands in the request, but for white space and case."""
        return normal(text, ValueKind.NAME) is None or " ".join(words(text)) in " ".join(
            words(self.request.whole)
        )

    def amounts(self, directories: Sequence[str], beside: Sequence[tuple[Any, ValueKind]]) -> frozenset[str]:
        """Amounts that can be computed from the request and from records which hold one of the values
        `beside`: a sum, a difference, a share in percent, such a share more or less something of the request.
        """
        said = [Decimal(each) for each in found_in(ValueKind.NUMBER, self.request.text)]
        shares = [
            Decimal(each) / 100 for each in re.findall(r"(?<![\w.,])(\d+(?:\.\d+)?) ?%", self.request.text)
        ]
        recorded = [
            Decimal(number)
            for record in self._records
            if record.directory in directories and record.is_named and _holds(record, beside)
            for each in record.values
            if (number := normal(each, ValueKind.NUMBER)) is not None
        ]
        bases = [*recorded, *said]
        sums = [base + sign * each for base in bases for each in said for sign in (1, -1)]
        parts = [base * share for base in bases for share in shares]
        more = [base + part for base in bases for share in shares for part in (base * share, -base * share)]
        both = [part + sign * each for part in [*parts, *more] for each in said for sign in (1, -1)]
        cents = Decimal("0.01")
        amounts = (each for each in [*bases, *sums, *parts, *more, *both] if each > 0)
        return frozenset(
            form
            for each in amounts
            for exact in (each, each.quantize(cents))
            if (form := normal(str(format(exact, "f")), ValueKind.NUMBER)) is not None
        )

    def _labelled(self, tool: str, label: Label) -> Label:
        """A label of a tool's result together with what the policy says of the tool's results."""
        rule = self._policy.tools.get(tool)
        if rule is None:
            return label
        known = rule.results
        readers = None if known.readers is None else frozenset(self._filled(each) for each in known.readers)
        both = label.joined(Label(label.integrity, readers, frozenset(), known.secret))
        return replace(both, integrity=known.integrity or label.integrity)

    def _filled(self, text: str) -> str:
        return filled(text, self.request.facts)

    def _parts(self, tool: str, result: ToolResult) -> Iterator[tuple[str, Label]]:
        yield result.text, self._labelled(tool, result.label)
        if result.data is None:
            return
        rule = self._policy.tools.get(tool)
        secret_fields = () if rule is None else rule.results.secret_fields
        whole = self._labelled(tool, result.data.label)
        for pointer, value in leaves(result.data.value):
            own = result.data.label_at(pointer)
            # The tool knows more of a field that has a label of its own than the policy does of all results.
            label = whole if own == result.data.label else replace(whole.joined(own), integrity=own.integrity)
            is_secret = any(pointer_fits(pointer, pattern) for pattern in secret_fields)
            yield str(value), replace(label, is_secret=label.is_secret or is_secret)

    def _records_of(self, tool: str, result: ToolResult, where: str) -> Iterator[Record]:
        data = Labelled(result.text, result.label) if result.data is None else result.data
        for name, directory in self._policy.directories.items():
            pattern = directory.fed_by.get(tool)
            if pattern is None:
                continue
            is_named = not directory.named_by or bool(self._spoken.says(directory.named_by))
            for pointer, record in _at(data.value, pattern):
                values = tuple(each for field in directory.fields for _, each in _at(record, field))
                matches = directory.match == "any" or self._names(record, directory)
                place = f"{where}{pointer}"
                yield Record(name, values, is_named and matches, place)

    def _names(self, record: Any, directory: Directory) -> bool:
        """Whether the request has at least half of the words of one of a record's keys."""
        for field in directory.keys:
            for _, key in _at(record, field):
                wanted = [word for word in words(re.sub(r"[_-]", " ", str(key))) if word not in _COMMON]
                there = sum(word in self._request_words for word in wanted)
                if wanted and there * 2 >= len(wanted):
                    return True
        return False


def _holds(record: Record, beside: Sequence[tuple[Any, ValueKind]]) -> bool:
    """Whether a record has one of the values; every record has where there are none."""
    forms = [(normal(value, kind), kind) for value, kind in beside]
    return not forms or any(normal(each, kind) == form for form, kind in forms for each in record.values)


def _at(value: Any, pattern: str, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """What stands where a pointer with `*` points, each with its own pointer."""
    if not pattern:
        yield pointer, value
        return
    step, slash, rest = pattern[1:].partition("/")
    rest = f"/{rest}" if slash else ""
    if isinstance(value, list):
        items = list(enumerate(cast("list[Any]", value)))
    elif isinstance(value, dict):
        items = list(cast("dict[str, Any]", value).items())
    else:
        return
    for key, each in items:
        if step in {"*", str(key)}:
            yield from _at(each, rest, f"{pointer}/{key}")
