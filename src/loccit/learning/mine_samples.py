"""A dataset out of a repository's own past: the history is read once, and each kind of sample made of it.

The same repository, choices and seed give the same bytes: nothing hangs on the clock or on the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loccit import __version__
from loccit.core.errors import InputError
from loccit.core.issues import Issue
from loccit.core.progress import Progress
from loccit.core.source import Change, Snapshot
from loccit.evals.datasets import Dataset, DatasetHeader, Sample
from loccit.indexing.changes import ChangeTable, build_table
from loccit.learning.change_samples import Described, change_samples, described
from loccit.learning.localise_samples import localise_samples
from loccit.learning.mined_samples import Mined, MinedKind, Vein, counted, merged
from loccit.learning.past_cases import FixFinder
from loccit.learning.question_samples import question_samples
from loccit.learning.sample_checks import LeakCheck
from loccit.learning.unanswerable_samples import unanswerable_samples
from loccit.parsing import ParsingOptions
from loccit.sources import Repository

_OF_THE_PAST = frozenset({MinedKind.LOCALISE, MinedKind.CHANGES})


@dataclass(frozen=True, slots=True)
class Place:
    """A repository by its name, at a snapshot."""

    repository: Repository
    name: str
    snapshot: Snapshot


def mine_samples(
    place: Place,
    *,
    issues: Iterable[Issue],
    kinds: Collection[MinedKind],
    count: int,
    since: datetime | None,
    other: Place | None,
    seed: int,
    parsing: ParsingOptions,
    progress: Progress,
) -> Mined:
    """At most `count` samples of each kind; with `other` also unanswerable ones, drawn from there.

    `issues` are those of the repository's tracker; those of the past are of `since` or later. Raises
    InputError for a plain folder that is asked for its past and where nothing can be mined, and what reading
    raises.
    """
    mining = _Mining(place, count, since, seed, parsing, progress)
    veins: list[Vein] = []
    checked, leaks = 0, Counter[str]()
    if _OF_THE_PAST & set(kinds):
        past = mining.read_past(issues)
        for kind in (MinedKind.LOCALISE, MinedKind.CHANGES):
            if kind in kinds:
                vein, found = past.checked(mining.of_past(kind, past), count)
                checked += len(vein.samples) + sum(found.values())
                leaks.update(found)
                veins.append(vein)
    if MinedKind.QUESTIONS in kinds:
        progress("reading docs and docstrings", 0, 0, "files")
        veins.append(
            question_samples(place.repository, place.name, place.snapshot, count, seed=seed, parsing=parsing)
        )
    if other is not None:
        progress("reading the other repository", 0, 0, "files")
        veins.append(
            unanswerable_samples(
                place.repository,
                place.name,
                place.snapshot,
                (other.repository, other.name, other.snapshot),
                count,
                seed=seed,
                parsing=parsing,
            )
        )
    samples = tuple(merged(veins))
    if not samples:
        raise _nothing_mined(place.name, veins)
    head = place.snapshot.commit or place.snapshot.tree
    made = {
        "by": "loccit eval mine",
        "version": __version__,
        "repo": place.name,
        "commit": head,
        "count": count,
        "seed": seed,
        "since": "" if since is None else since.isoformat(),
        "unanswerable_from": "" if other is None else f"{other.name}@{other.snapshot.commit or ''}",
        "kinds": {vein.kind.value: len(vein.samples) for vein in veins},
        "left_out": {vein.kind.value: dict(vein.left_out) for vein in veins},
        "leak_check": {"checked": checked, "taken_out": counted(leaks.elements())},
    }
    about = f"Mined from {place.name} at {head[:12]}: what was right is what fixes, files and changes say."
    header = DatasetHeader(name=f"mined from {place.name}", about=about, made=made)
    return Mined(
        repo=place.name,
        head=head,
        dataset=Dataset(samples, header),
        asked=count,
        veins=tuple(veins),
        checked=checked,
        leaks=counted(leaks.elements()),
        notes=tuple(_notes(place, veins, count)),
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """A history that was read: who finds fixes in it, which changes it has, and what leads to what."""

    finder: FixFinder
    table: ChangeTable
    changes: Sequence[Described]

    def checked(self, vein: Vein, count: int) -> tuple[Vein, Counter[str]]:
        """The first `count` samples that give nothing away, and how many were taken out by the reason."""
        leaks: Counter[str] = Counter()
        kept: list[Sample] = []
        for sample, leak in zip(vein.samples, LeakCheck(self.table).leaks(vein.samples), strict=True):
            if len(kept) == count:
                break
            if leak is None:
                kept.append(sample)
            else:
                leaks[leak.value] += 1
        return replace(vein, samples=tuple(kept)), leaks


@dataclass(frozen=True, slots=True)
class _Mining:
    """What all kinds of samples are made with."""

    place: Place
    count: int
    since: datetime | None
    seed: int
    parsing: ParsingOptions
    progress: Progress

    def read_past(self, issues: Iterable[Issue]) -> _Past:
        """The history up to the snapshot. Raises InputError for a plain folder."""
        head = self.place.snapshot.commit
        if head is None:
            raise InputError(
                f"{self.place.name!r} is a plain folder and has no past",
                next_step="leave it at what its files say: --kind questions",
            )
        finder = FixFinder(issues, name=self.place.repository.name)
        changes: list[Described] = []
        table = build_table(self._kept(finder.watch(self.place.repository.changes(head, ())), changes))
        return _Past(finder, table, changes)

    def _kept(self, changes: Iterable[Change], kept: list[Described]) -> Iterator[Change]:
        begin = 0 if self.since is None else self.since.timestamp()
        for number, change in enumerate(changes):
            if change.time >= begin and (found := described(change)) is not None:
                kept.append(found)
            if number % 1000 == 0:
                self.progress("reading the history", number, 0, "commits")
            yield change

    def of_past(self, kind: MinedKind, past: _Past) -> Vein:
        """The samples of a kind, not checked yet."""
        if kind is MinedKind.LOCALISE:
            return localise_samples(
                self.place.repository,
                self.place.name,
                past.finder,
                past.table,
                self.count,
                since=self.since,
                parsing=self.parsing,
            )
        return change_samples(
            self.place.repository,
            self.place.name,
            past.changes,
            self.count,
            seed=self.seed,
            parsing=self.parsing,
        )


def _notes(place: Place, veins: Sequence[Vein], count: int) -> Iterator[str]:
    if place.snapshot.is_shallow:
        yield "this is a shallow clone: older fixes and changes are not here"
    for vein in veins:
        if len(vein.samples) < count:
            yield f"{count:,} of {vein.kind.value} were asked for, and there are {len(vein.samples):,}"
        if any(sample.slices.get("source") == "commits" for sample in vein.samples):
            yield "no fixed issues are known: messages of fix commits stand in, which often name the answer"


def _nothing_mined(name: str, veins: Sequence[Vein]) -> InputError:
    said = "; ".join(
        f"{reason} ({number:,})" for vein in veins for reason, number in vein.left_out.items() if number
    )
    return InputError(
        f"nothing could be mined from {name!r}{': ' if said else ''}{said}",
        next_step="try another --kind, or an earlier --since",
    )
