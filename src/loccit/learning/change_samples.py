"""Samples out of changes: what was changed for this, and why was that changed last? Asked at the change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loccit.core.source import Change, FileRole
from loccit.evals.datasets import Gold, Job, Sample
from loccit.learning.localise_samples import functions_between
from loccit.learning.mined_samples import MinedKind, Vein, counted, drawn, is_text, moment_text, sample_of
from loccit.learning.wording import plain, question_of_change, speaks_of_upkeep
from loccit.parsing import ParsingOptions
from loccit.pipeline.mine import MinedFix, mined
from loccit.sources import Repository
from loccit.sources.repository import ManyBlobReader
from loccit.sources.roles import role_of

# Of so many of the newest changes for each sample that is wanted, samples are drawn.
_POOL = 4
# A reason has at least so many words.
_LEAST_REASON = 6
_MOST_ANSWER = 2_000


@dataclass(frozen=True, slots=True)
class Described:
    """A change that says what it is for, with the blobs of the source files that it changed."""

    found: MinedFix
    blobs: tuple[tuple[str, str, str], ...]


def described(change: Change) -> Described | None:
    """The change, where samples can be made of it: few source files that were there before, and a message."""
    found = mined(change)
    if found is None:
        return None
    blobs = tuple(
        (file.path, file.old_blob, file.new_blob)
        for file in change.files
        if file.old_blob is not None and file.new_blob is not None and role_of(file.path) is FileRole.SOURCE
    )
    return Described(found, blobs)


def change_samples(
    repository: Repository,
    repo: str,
    changes: Sequence[Described],
    count: int,
    *,
    seed: int,
    parsing: ParsingOptions,
) -> Vein:
    """Samples drawn from the newest of these changes, each asked at the change itself."""
    newest = sorted(changes, key=lambda one: (-one.found.time, one.found.commit))[: _POOL * count]
    reasons: list[str] = []
    samples: list[Sample] = []
    with repository.reader() as reader:
        for one in newest:
            made = list(_samples(one, repo, reader, parsing))
            samples += made
            if not made:
                reasons.append("the message makes no question, or speaks of upkeep")
    times = Counter(sample.question for sample in samples if sample.slices["asks"] == "what")
    single = [sample for sample in samples if times[sample.question] <= 1]
    reasons += ["several changes say the same"] * (len(samples) - len(single))
    return Vein(MinedKind.CHANGES, tuple(drawn(single, count, seed=seed, of_one_group=1)), counted(reasons))


def _samples(one: Described, repo: str, reader: ManyBlobReader, parsing: ParsingOptions) -> Iterator[Sample]:
    """What was changed, and of a change of one definition that says why, also why."""
    found = one.found
    if not is_text(found.title, found.body, *found.paths):
        return
    functions = [
        (path, symbol)
        for path, old, new in one.blobs
        for symbol in functions_between(old, new, path, reader, parsing)
    ]
    gold = Gold(
        files=tuple(sorted(found.paths)),
        functions=tuple(f"{path}::{symbol}" for path, symbol in functions),
        commits=(found.commit,),
        answer=f"{found.title}\n\n{found.body}".strip()[:_MOST_ANSWER],
    )
    question = "" if speaks_of_upkeep(found.title) else question_of_change(found.title)
    if question:
        yield _sample("what", question, gold, found, repo)
    if len(functions) == 1 and len(found.body.split()) >= _LEAST_REASON:
        path, symbol = functions[0]
        name = path.rpartition("/")[2]
        yield _sample("why", f"Why was {plain(symbol)} in {name} changed last?", gold, found, repo)


def _sample(asks: str, question: str, gold: Gold, found: MinedFix, repo: str) -> Sample:
    return sample_of(
        MinedKind.CHANGES.value,
        f"{found.commit[:12]}-{asks}",
        question,
        gold,
        job=Job.ASK,
        repo=repo,
        commit=found.commit,
        group=found.commit,
        origin={"change": found.commit, "at": moment_text(found.time)},
        slices={"asks": asks},
    )
