"""Questions that the sources do not answer: asked of another repository, where they are about something.

A question is left out where its words may be answered here too. It is kept only if

- no definition here has the name of the definition that the question is about,
- at least one of its telling words stands nowhere in the sources and documentation here,
- no passage here has more than half of its telling words.

Only docstrings are asked about: what headings of documentation speak of is spoken of everywhere.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from loccit.core.source import Snapshot
from loccit.core.words import stems, tokens, words_of
from loccit.evals.datasets import Sample
from loccit.learning.mined_samples import MinedKind, Vein, counted, drawn
from loccit.learning.question_samples import asked_elsewhere, parsed_files, question_samples, text_of
from loccit.learning.wording import telling_words
from loccit.parsing import ParsingOptions
from loccit.sources import Repository

# One passage with so many of a question's telling words may well answer it.
_MOST_SHARED = 0.5
_LEAST_TELLING = 3
# So many questions for each that is wanted are looked at.
_POOL = 8


def unanswerable_samples(
    repository: Repository,
    repo: str,
    snapshot: Snapshot,
    other: tuple[Repository, str, Snapshot],
    count: int,
    *,
    seed: int,
    parsing: ParsingOptions,
) -> Vein:
    """Questions from the other repository (with its name and snapshot), to which abstaining is right."""
    elsewhere, name, their = other
    vein = question_samples(
        elsewhere, name, their, _POOL * count, seed=seed, parsing=parsing, of_one_file=_POOL * count
    )
    asked = [sample for sample in vein.samples if sample.slices["kind"] == "docstring"]
    reasons: list[str] = []
    kept: list[Sample] = []
    for sample, why in _judged(asked, repository, snapshot, parsing):
        if why:
            reasons.append(why)
        else:
            kept.append(sample)
    chosen = drawn(kept, count, seed=seed, of_one_group=len(kept))
    return Vein(
        MinedKind.UNANSWERABLE,
        tuple(asked_elsewhere(chosen, repo=repo, commit=snapshot.commit)),
        counted(reasons),
    )


def _judged(
    samples: Sequence[Sample], repository: Repository, snapshot: Snapshot, parsing: ParsingOptions
) -> Iterator[tuple[Sample, str]]:
    """Each of these samples with why it may be answered here, empty where nothing says so."""
    telling = [frozenset(_stems(" ".join(telling_words(sample.question)))) for sample in samples]
    asking: dict[str, list[int]] = defaultdict(list)
    for at, words in enumerate(telling):
        for word in words:
            asking[word].append(at)
    most = [0] * len(samples)
    unknown = set(asking)
    defined: set[str] = set()
    for _, data, parsed in parsed_files(repository, snapshot, parsing):
        for chunk in parsed.chunks:
            defined.update(name.lower() for name in chunk.defines)
            words = asking.keys() & _stems(text_of(chunk, data, parsed))
            unknown -= words
            shared = Counter(at for word in words for at in asking[word])
            for at, number in shared.items():
                most[at] = max(most[at], number)
    for sample, words, held in zip(samples, telling, most, strict=True):
        names = {re.split(r"::|[.#]", function)[-1].lower() for function in sample.gold.functions}
        if len(words) < _LEAST_TELLING:
            yield sample, "it says too little to tell"
        elif names & defined:
            yield sample, "what it is about is defined here too"
        elif not words & unknown:
            yield sample, "all of its words stand somewhere here"
        elif held > _MOST_SHARED * len(words):
            yield sample, "a passage here has more than half of its words"
        else:
            yield sample, ""


def _stems(text: str) -> list[str]:
    return stems(list({part for token in set(tokens(text)) for part in words_of(token)}))
