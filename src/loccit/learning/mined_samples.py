"""What mining gives: samples by kind, what was left out and why, and what the leak check saw."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from loccit.evals.datasets import Dataset, Gold, Job, Sample
from loccit.learning.sample_checks import names_answer

_DAY = "%Y-%m-%dT%H:%M:%SZ"
_ID_CHARS = 12


class MinedKind(StrEnum):
    """Where samples come from: fixes, docs and docstrings, changes, or another repository."""

    LOCALISE = "localise"
    QUESTIONS = "questions"
    CHANGES = "changes"
    UNANSWERABLE = "unanswerable"


OWN_KINDS = (MinedKind.LOCALISE, MinedKind.QUESTIONS, MinedKind.CHANGES)


@dataclass(frozen=True, slots=True)
class Vein:
    """The samples of one kind, in order, and how many things were left out, by the reason."""

    kind: MinedKind
    samples: tuple[Sample, ...]
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Mined:
    """A dataset that a repository's own past made, and how.

    `asked` is how many samples of each kind were wanted. `checked` is how many samples the leak check has
    seen, `leaks` how many of them it has taken out, by the reason: none of those is in the dataset.
    """

    repo: str
    head: str
    dataset: Dataset
    asked: int
    veins: tuple[Vein, ...]
    checked: int
    leaks: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many samples there are of each kind."""
        return {vein.kind.value: len(vein.samples) for vein in self.veins}

    def to_json(self) -> dict[str, Any]:
        """The document `loccit-mined/1`: everything but the samples themselves."""
        named = Counter(sample.slices.get("names_answer", "no") for sample in self.dataset.samples)
        return {
            "format": "loccit-mined/1",
            "repo": self.repo,
            "commit": self.head,
            "samples": len(self.dataset.samples),
            "digest": self.dataset.digest,
            "asked": self.asked,
            "kinds": self.counts,
            "names_answer": {"yes": named["yes"], "no": named["no"]},
            "left_out": {vein.kind.value: dict(vein.left_out) for vein in self.veins},
            "leak_check": {"checked": self.checked, "taken_out": dict(self.leaks)},
            "notes": list(self.notes),
        }


def sample_of(
    kind: str,
    place: str,
    question: str,
    gold: Gold,
    *,
    job: Job,
    repo: str,
    commit: str | None,
    group: str,
    origin: Mapping[str, str],
    slices: Mapping[str, str] | None = None,
) -> Sample:
    """A sample whose id is made of its kind and place, and whose slices say whether it names its answer."""
    named = names_answer(question, gold.files, gold.functions)
    return Sample(
        id=f"{kind}-{place}",
        question=question,
        job=job,
        gold=gold,
        repo=repo,
        commit=commit,
        group=group,
        slices={"kind": kind, "names_answer": "yes" if named else "no", **(slices or {})},
        origin={"kind": kind, **origin},
    )


def moment_text(seconds: int) -> str:
    """A time as samples write it: RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_DAY)


def short_id(*parts: object) -> str:
    """An id that hangs on these parts alone."""
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:_ID_CHARS]


def drawn(samples: Iterable[Sample], count: int, *, seed: int, of_one_group: int) -> list[Sample]:
    """So many samples by lot, at most `of_one_group` of a group; in the order of their ids.

    The lot hangs on the seed and the sample's own id: what else there is to draw from changes nothing in the
    order in which two samples are drawn.
    """
    taken: Counter[str] = Counter()
    chosen: list[Sample] = []
    for sample in sorted(samples, key=lambda one: (short_id(seed, one.id), one.id)):
        if len(chosen) == count:
            break
        if taken[sample.cluster] < of_one_group:
            taken[sample.cluster] += 1
            chosen.append(sample)
    return sorted(chosen, key=lambda one: one.id)


def is_text(*texts: str) -> bool:
    """Whether these can stand in a document: a path that is not UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for text in texts for character in text)


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason was given, in order of name."""
    return dict(sorted(Counter(reasons).items()))


def merged(veins: Sequence[Vein]) -> Iterator[Sample]:
    """All samples, kind after kind."""
    for vein in veins:
        yield from vein.samples
