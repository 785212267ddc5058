"""Labels: who a value is from, who may read it, and whether it is secret.

Labels belong to values that tools gave, per field. They are joined where values meet: what is made of several
is as little trusted as the least trusted of them, may be read by those alone that may read all, and is secret
where one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast


class Integrity(StrEnum):
    """Whether what a value says may be followed, or is a text by anybody."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a value apart from the value.

    `readers` may read it, None: everybody. `origins` are where it comes from, for people ("issue 7").
    """

    integrity: Integrity = Integrity.UNTRUSTED
    readers: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()
    is_secret: bool = False

    def joined(self, other: Label) -> Label:
        """The label of what is made of both."""
        both = (self.integrity, other.integrity)
        if self.readers is None or other.readers is None:
            readers = other.readers if self.readers is None else self.readers
        else:
            readers = self.readers & other.readers
        return Label(
            Integrity.UNTRUSTED if Integrity.UNTRUSTED in both else Integrity.TRUSTED,
            readers,
            self.origins | other.origins,
            self.is_secret or other.is_secret,
        )

    def as_json(self) -> dict[str, Any]:
        """It as JSON has it: `of_json` reads it back."""
        return {
            "integrity": self.integrity.value,
            "readers": None if self.readers is None else sorted(self.readers),
            "origins": sorted(self.origins),
            "is_secret": self.is_secret,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Label:
        """What `as_json` wrote."""
        readers = kept["readers"]
        return cls(
            Integrity(kept["integrity"]),
            None if readers is None else frozenset(readers),
            frozenset(kept["origins"]),
            kept["is_secret"],
        )


TRUSTED = Label(Integrity.TRUSTED)
UNTRUSTED = Label(Integrity.UNTRUSTED)


def joined(labels: Iterable[Label]) -> Label:
    """The label of what is made of all these; of nothing, one that is trusted and open to everybody."""
    result = TRUSTED
    for label in labels:
        result = result.joined(label)
    return result


@dataclass(frozen=True, slots=True)
class Labelled:
    """A JSON value with its label, and those of its fields that have labels of their own.

    `fields` are by JSON pointer (RFC 6901), in which `*` stands for any key or index: "/*/email". Of several
    that fit the longest counts; a field's label replaces that of the whole.
    """

    value: Any
    label: Label
    fields: Mapping[str, Label] = field(default_factory=dict[str, Label])

    def label_at(self, pointer: str) -> Label:
        """The label of the value at this pointer, which is empty for the whole."""
        fitting = [pattern for pattern in self.fields if pointer_fits(pointer, pattern)]
        if not fitting:
            return self.label
        return self.fields[max(fitting, key=lambda pattern: (pattern.count("/"), pattern))]


def pointer_fits(pointer: str, pattern: str) -> bool:
    """Whether a JSON pointer is at, or below, what a pattern names."""
    if not pattern:
        return True
    steps, wanted = pointer.split("/")[1:], pattern.split("/")[1:]
    return len(steps) >= len(wanted) and all(
        want in {"*", step} for step, want in zip(steps, wanted, strict=False)
    )


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every text, number, truth value and null in a JSON value with its pointer, in order."""
    left: list[tuple[str, Any]] = [(pointer, value)]
    while left:
        where, each = left.pop()
        if isinstance(each, Mapping):
            pairs = cast("Mapping[str, Any]", each).items()
            below = [(f"{where}/{_step(key)}", member) for key, member in pairs]
        elif isinstance(each, list | tuple):
            items = cast("Sequence[Any]", each)
            below = [(f"{where}/{index}", member) for index, member in enumerate(items)]
        else:
            yield where, each
            continue
        left += reversed(below)


def _step(key: str) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
