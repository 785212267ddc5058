"""Samples out of fixes: where is the cause of this issue? Right is what the fix changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.evals.datasets import Gold, Job, Sample
from loccit.indexing.changes import ChangeTable
from loccit.learning.changed_functions import changed_functions
from loccit.learning.mined_samples import MinedKind, Vein, counted, is_text, moment_text, sample_of
from loccit.learning.past_cases import FixFinder, Origin, PastCase, PastCases
from loccit.learning.wording import speaks_of_upkeep, telling_words
from loccit.parsing import ParsingOptions
from loccit.sources import Repository
from loccit.sources.repository import ManyBlobReader

_MOST_BYTES = 1_000_000
# Beyond the count, for those that the leak check takes out.
_SPARE = 0.1
# So many cases for each that is wanted are looked at: more only where too few of them tell of a fault.
_FEWEST_LOOKED_AT, _MOST_LOOKED_AT = 2, 32
# One of them is that it was fixed.
_LEAST_TELLING = 4
# The second line of thanks, whose first one is known for a trailer.
_THANKS = re.compile(r"^[^\n]{0,120}\bfor (?:the )?(?:reviews?|report)\b[^\n]{0,40}$", re.MULTILINE)
_NOT_UNICODE = "a path is not UTF-8"
_NO_FIX = "the message does not say that it mends something"
_SAYS_LITTLE = "the message says too little"
_UPKEEP = "the message speaks of upkeep, not of a fault"


def localise_samples(
    repository: Repository,
    repo: str,
    finder: FixFinder,
    table: ChangeTable,
    count: int,
    *,
    since: datetime | None,
    parsing: ParsingOptions,
) -> Vein:
    """The newest fixes, a few more than `count` where there are as many, the newest first.

    Each is asked at the parent of the fix. Where messages stand in for issues, those that speak of no
    fault are left out. Raises ObjectMissing, ObjectCorrupt.
    """
    wanted = count + int(_SPARE * count) + 1
    begin = 0 if since is None else int(since.timestamp())
    asked = _FEWEST_LOOKED_AT * wanted
    found = finder.cases(repository, table, asked)
    while _is_too_few(found, table, wanted, begin) and asked == len(found.cases) < _MOST_LOOKED_AT * wanted:
        asked *= 4
        found = finder.cases(repository, table, asked)
    chosen, reasons = _chosen(found, table, wanted, begin)
    with repository.reader() as reader:
        samples = [_sample(case, found.origin, repo, _functions(case, reader, parsing)) for case in chosen]
    return Vein(MinedKind.LOCALISE, tuple(samples), reasons)


def _is_too_few(found: PastCases, table: ChangeTable, wanted: int, begin: int) -> bool:
    """Whether older cases may still add to those that are chosen."""
    chosen, _ = _chosen(found, table, wanted, begin)
    return len(chosen) < wanted and all(case.time >= begin for case in found.cases)


def _chosen(
    found: PastCases, table: ChangeTable, wanted: int, begin: int
) -> tuple[list[PastCase], dict[str, int]]:
    """The newest cases that tell of a fault, and why others are left out."""
    reasons = Counter({reason.value: number for reason, number in found.left_out.items()})
    by_message = found.origin is Origin.COMMITS
    chosen: list[PastCase] = []
    for case in sorted(found.cases, key=lambda case: (-case.time, case.id)):
        if len(chosen) == wanted or case.time < begin:
            break
        if not is_text(case.title, case.body, *case.gold):
            reasons[_NOT_UNICODE] += 1
        elif by_message and not table.is_fix[table.number_of[case.commit]]:
            reasons[_NO_FIX] += 1
        elif by_message and speaks_of_upkeep(case.title):
            reasons[_UPKEEP] += 1
        elif by_message and len(telling_words(_text(case))) < _LEAST_TELLING:
            reasons[_SAYS_LITTLE] += 1
        else:
            chosen.append(case)
    return chosen, counted(reasons.elements())


def _functions(case: PastCase, reader: ManyBlobReader, parsing: ParsingOptions) -> Iterator[str]:
    for file in case.changed:
        if file.old_blob is None:
            continue
        for symbol in functions_between(file.old_blob, file.new_blob, file.path, reader, parsing):
            yield f"{file.path}::{symbol}"


def functions_between(
    old: str, new: str | None, path: str, reader: ManyBlobReader, parsing: ParsingOptions
) -> list[str]:
    """The definitions of a blob that the other one has otherwise; none where one of them cannot be read, or
    is too large. A file that is gone is no change of any.
    """
    if new is None:
        return []
    try:
        before, after = reader.read(old).data, reader.read(new).data
    except (ObjectMissing, ObjectCorrupt):
        return []
    if max(len(before), len(after)) > _MOST_BYTES:
        return []
    return [symbol for symbol in changed_functions(before, after, path, parsing) if is_text(symbol)]


def _text(case: PastCase) -> str:
    """The issue as it is asked, without what is left of `Fixed #1, Refs #2 -- Title` and of thanks."""
    return _THANKS.sub("", f"{case.title.lstrip('- ')}\n\n{case.body}").strip()


def _sample(case: PastCase, source: Origin, repo: str, functions: Iterator[str]) -> Sample:
    origin = {"source": source.value, "fix": case.commit, "at": moment_text(case.time)}
    if case.created is not None:
        origin |= {"issue": case.id, "opened": moment_text(case.created)}
    if case.url:
        origin["url"] = case.url
    gold = Gold(files=tuple(sorted(case.gold)), functions=tuple(functions))
    return sample_of(
        MinedKind.LOCALISE.value,
        case.id if case.created is not None else case.commit[:12],
        _text(case),
        gold,
        job=Job.TRIAGE,
        repo=repo,
        commit=case.parent,
        group=case.commit,
        origin=origin,
        slices={"files": "one" if len(gold.files) == 1 else "several", "source": source.value},
    )
