"""What a sample may not give away: the leak check, and whether a text names its own answer."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from loccit.core.words import tokens, words_of
from loccit.evals.datasets import Sample
from loccit.indexing.changes import ChangeTable

# Part of a commit's id, as people write it.
_WRITTEN_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,64}(?![0-9A-Za-z])")
_NAME_PARTS = re.compile(r"::|[.#>/\\\s]+")
_LEAST_NAME = 3
# Files that are called like their folder, as people speak of them.
_PACKAGE_FILES = frozenset(("__init__", "index", "mod"))


class Leak(StrEnum):
    """Why a sample would be asked with its answer in sight. The value is what the summary says."""

    NOT_IN_HISTORY = "the commit that it is asked at is not in the history"
    FIX_IN_SIGHT = "the fix is, or leads to, the commit that it is asked at"
    CHANGE_OUT_OF_SIGHT = "the change does not lead to the commit that it is asked at"
    ISSUE_YOUNGER = "the issue was opened after its fix"
    NAMES_FIX = "the text names the commit of its own fix"
    NAMES_LATER = "the text names a commit that came later"


class LeakCheck:
    """Checks samples against a history, from nothing but what they say themselves.

    `origin` of a sample says which commit answers it (`fix`, or `change` for one that must be in sight) and
    when, in ISO form, the issue was opened (`opened`) and the commit made (`at`).
    """

    def __init__(self, table: ChangeTable) -> None:
        self._table = table
        self._sorted = sorted(table.commits)

    def leaks(self, samples: Sequence[Sample]) -> Iterator[Leak | None]:
        """Of each sample what gives it away, None where nothing does."""
        asked = {sample.commit for sample in samples if sample.commit is not None}
        pasts = {commit: past.tobytes() for commit, past in self._table.past_of(asked).items()}
        for sample in samples:
            yield self._leak(sample, pasts.get(sample.commit or ""))

    def _leak(self, sample: Sample, past: bytes | None) -> Leak | None:
        """`past` has a byte for each commit of the table: 1 where it leads to the one asked at."""
        fix, change = sample.origin.get("fix", ""), sample.origin.get("change", "")
        if past is None:
            return Leak.NOT_IN_HISTORY
        if fix and self._is_seen(fix, past):
            return Leak.FIX_IN_SIGHT
        if change and not self._is_seen(change, past):
            return Leak.CHANGE_OUT_OF_SIGHT
        opened = sample.origin.get("opened", "")
        if opened and opened >= sample.origin["at"]:
            return Leak.ISSUE_YOUNGER
        for written in _WRITTEN_ID.findall(sample.question):
            if fix.startswith(written):
                return Leak.NAMES_FIX
            if any(not self._is_seen(commit, past) for commit in self._meant(written)):
                return Leak.NAMES_LATER
        return None

    def _is_seen(self, commit: str, past: bytes) -> bool:
        number = self._table.number_of.get(commit)
        return number is not None and bool(past[number])

    def _meant(self, written: str) -> Iterator[str]:
        """The commits whose ids begin so."""
        at = bisect_left(self._sorted, written)
        while at < len(self._sorted) and self._sorted[at].startswith(written):
            yield self._sorted[at]
            at += 1


def names_answer(text: str, files: Iterable[str], functions: Iterable[str] = ()) -> bool:
    """Whether a text has, as a whole word in any case, what one of these files is called (with or without
    its ending) or a part of the qualified name of one of these functions ("PATH::QUALIFIED.NAME").

    Words of a compound name count also where they stand apart: `url_for` is named by "URL for". Names of
    fewer than three characters, and those that a language gives (`__init__`), name nothing.
    """
    said = [token.strip("_").lower() for token in tokens(text)]
    words = {*said, *(word.removesuffix("s") for word in said)}
    running = f" {' '.join(part for token in tokens(text) for part in words_of(token))} "
    return any(_is_said(name, words, running) for name in _names(files, functions))


def _names(files: Iterable[str], functions: Iterable[str]) -> Iterator[str]:
    for path in files:
        *folders, name = path.split("/")
        stem = name.partition(".")[0] or name
        yield folders[-1] if stem in _PACKAGE_FILES and folders else stem
    for function in functions:
        yield from _NAME_PARTS.split(function.partition("::")[2])


def _is_said(name: str, words: Collection[str], running: str) -> bool:
    whole = name.strip("_").lower()
    if len(whole) < _LEAST_NAME or (name.startswith("__") and name.endswith("__")):
        return False
    if whole in words or whole.removesuffix("s") in words:
        return True
    parts = words_of(name)
    return len(parts) > 1 and f" {' '.join(parts)} " in running
