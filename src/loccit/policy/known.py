"""What a run knows, and from where: the request, records of directories, results of tools.

Where a value comes from is never what a model says of it: it is looked for, typed and whole, in the request,
in the records of directories, and in what tools gave. All of it is made from the request and the results in
their order, so the same results make the same knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from loccit.policy.grants import Request, Spoken
from loccit.policy.labels import Integrity, Label, leaves, pointer_fits
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
        self._templates = _templates(request.text)
        self._records: list[Record] = []
        self._seen: list[Seen] = []
        self._readers: frozenset[str] | None = None
        self.has_untrusted = False
        self.has_secret = False

    @property
    def readers(self) -> frozenset[str] | None:
        """Who may read all that was read so far; None: everybody."""
        return self._readers

    def observe(self, tool: str, arguments: Mapping[str, Any], result: ToolResult) -> None:
        """Take in what a tool gave for these arguments, after all that was taken in before."""
        where = f"{tool} (result {len(self._seen) + 1})"
        parts = tuple(self._parts(tool, result))
        self._seen.append(Seen(where, parts))
        for text, each in parts:
            self.has_untrusted |= each.integrity is Integrity.UNTRUSTED and bool(text.strip())
            self.has_secret |= each.is_secret or bool(find_secrets(text))
            if each.readers is not None:
                self._readers = each.readers if self._readers is None else self._readers & each.readers
        if not result.is_error:
            self._records += self._records_of(tool, arguments, result, where)

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
        """Whether a value stands in the request itself, or is what it leaves open ("Dinner at {place}")."""
        if stands_in(value, kind, self.request.whole):
            return True
        form = normal(value, kind) if kind is ValueKind.NAME else None
        return form is not None and any(template.fullmatch(form) for template in self._templates)

    def says(self, text: str) -> bool:
        """Whether all of a text stands in the request, sign for sign but for its first letter's case: spaces
        and signs could carry something too.
        """
        plain = text.strip()
        request = self.request.whole
        return plain in request or plain[:1].swapcase() + plain[1:] in request

    def largest(self, directories: Sequence[str], beside: Sequence[tuple[Any, ValueKind]]) -> Decimal | None:
        """The largest amount in the request, and in records of directories that hold one of the values
        `beside`; None where there is none. Dates and shares in percent are no amounts.
        """
        amounts = set(found_in(ValueKind.NUMBER, self.request.text))
        for record in self._records:
            if record.directory in directories and record.is_named and _holds(record, beside):
                amounts |= {form for each in record.values if (form := normal(each, ValueKind.NUMBER))}
        return max(map(Decimal, amounts), default=None)

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

    def _records_of(
        self, tool: str, arguments: Mapping[str, Any], result: ToolResult, where: str
    ) -> Iterator[Record]:
        value = result.text if result.data is None else result.data.value
        for name, directory in self._policy.directories.items():
            pattern = directory.fed_by.get(tool)
            if pattern is None:
                continue
            is_named = not directory.named_by or bool(self._spoken.says(directory.named_by))
            records = list(_at(value, pattern))
            most = _most(records, directory) if directory.match == "most" else None
            for pointer, record in records:
                matches = (
                    directory.match == "any"
                    or pointer == most
                    or (directory.match == "record" and self._names(record, arguments, directory))
                )
                values = tuple(each for field in directory.fields for _, each in _at(record, field))
                if directory.extract is not None:
                    values = _extracted(values, directory.extract, only_one=directory.only_one)
                yield Record(name, values, is_named and matches, f"{where}{pointer}")

    def _names(self, record: Any, arguments: Mapping[str, Any], directory: Directory) -> bool:
        """Whether the request has what the record was asked by, or half of the words of one of its keys."""
        if any(
            name in arguments and any(self.is_requested(arguments[name], kind) for kind in _ASKED_BY)
            for name in directory.asked_by
        ):
            return True
        for field in directory.keys:
            for _, key in _at(record, field):
                wanted = [word for word in words(re.sub(r"[_-]", " ", str(key))) if word not in _COMMON]
                there = sum(word in self._request_words for word in wanted)
                if wanted and there * 2 >= len(wanted):
                    return True
        return False


_ASKED_BY = (ValueKind.URL, ValueKind.PATH)


def _most(records: Sequence[tuple[str, Any]], directory: Directory) -> str | None:
    """The pointer of the record with the largest number; None where two have it, or none has one."""
    sizes = [
        (Decimal(form), pointer)
        for pointer, record in records
        for field in directory.keys
        for _, each in _at(record, field)
        if (form := normal(each, ValueKind.NUMBER)) is not None
    ]
    best = [pointer for size, pointer in sizes if size == max(sizes)[0]]
    return best[0] if len(best) == 1 else None


def _extracted(texts: Sequence[Any], kind: ValueKind, *, only_one: bool) -> tuple[str, ...]:
    found = sorted({form for text in texts if isinstance(text, str) for form in found_in(kind, text)})
    return () if only_one and len(found) > 1 else tuple(found)


def _templates(text: str) -> list[re.Pattern[str]]:
    """What a request leaves open in braces within quotes; a word at least must stand beside them."""
    quoted = [
        *re.findall(r"\"([^\"\n]{3,200})\"", text),
        *re.findall(r"(?<!\w)'([^'\n]{3,200})'(?!\w)", text),
    ]
    found: list[re.Pattern[str]] = []
    for template in (normal(each, ValueKind.NAME) or "" for each in quoted):
        parts = re.split(r"\{[a-z_ ]+\}", template)
        if len(parts) > 1 and words(" ".join(parts)):
            found.append(re.compile("[^\n]{1,200}".join(map(re.escape, parts))))
    return found


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
