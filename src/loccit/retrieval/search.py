"""From a query to hits, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from loccit.core.errors import InputError
from loccit.core.evidence import Filters, Hit, Place
from loccit.indexing.lexical import Field
from loccit.indexing.shard import Kind, SnapshotRecord
from loccit.indexing.terms import name_term, tokens, whole_of
from loccit.indexing.view import ROLES, SnapshotView
from loccit.retrieval.query import Query
from loccit.retrieval.ranker import Ranked, rank
from loccit.retrieval.scoring import FORMULAS, Scores, Scoring, score

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Target:
    """One snapshot to search, with the name its repository goes by."""

    repo: str
    snapshot: SnapshotRecord
    view: SnapshotView


@dataclass(frozen=True, slots=True)
class Results:
    """Hits, best first, with what they rest on. `scoring` is over all targets, filters aside."""

    query: Query
    hits: tuple[Hit, ...]
    scoring: Scoring
    ranked: tuple[Ranked, ...]


def search(
    query: Query, targets: Sequence[Target], *, filters: Filters, top_k: int, per_file: int = 3
) -> Results:
    """The best chunks of these snapshots for the query, at most `top_k`, at most `per_file` of one file.

    Filters restrict what is returned, never the statistics: a hit's score does not depend on them. Equal
    scores stand in order of repository, path and position. The snapshots are all of files or all of history
    (ValueError otherwise); a commit is a file with one chunk and no path.
    """
    views = [target.view for target in targets]
    kinds: set[Kind] = {target.snapshot.kind for target in targets}
    if len(kinds) > 1:
        raise ValueError("targets of files and of history have no statistics in common")
    scoring = score(query, views, FORMULAS[kinds.pop() if kinds else "files"])
    ranked = rank(query, views, scoring)
    hits: list[Hit] = []
    for number, target in enumerate(targets):
        hits += _hits(query, target, scoring, ranked[number], number, filters, top_k, per_file)
    hits.sort(key=lambda hit: (-hit.score, hit.place.repo, hit.place.path, hit.place.start_byte))
    return Results(query, tuple(hits[:top_k]), scoring, tuple(ranked))


def _hits(
    query: Query,
    target: Target,
    scoring: Scoring,
    ranked: Ranked,
    number: int,
    filters: Filters,
    top_k: int,
    per_file: int,
) -> list[Hit]:
    """The best hits of one target: enough that no better one is missing among `top_k` of all."""
    allowed = _allowed_files(target.view, filters)
    chosen = _best_documents(target.view, ranked, allowed, top_k, per_file)
    matched = _matched(target.view, scoring, number, [document for document, _ in chosen])
    why = _Why(query, target)
    return [
        _hit(target, scoring.views[number], ranked, document, score, words, allowed, why)
        for (document, score), words in zip(chosen, matched, strict=True)
    ]


def _best_documents(
    view: SnapshotView,
    ranked: Ranked,
    allowed: npt.NDArray[np.bool_] | None,
    top_k: int,
    per_file: int,
) -> list[tuple[int, float]]:
    """The best documents with their scores, at most `top_k` and at most `per_file` of one file; equal ones by
    path and position.
    """
    chunks = ranked.chunks
    reach = ranked.records[chunks.records]
    if allowed is not None:
        records = np.zeros(view.records, dtype=bool)
        records[view.record_of_file[allowed]] = True
        reach = np.where(records[chunks.records], reach, -1.0)
    if len(reach) > top_k:
        # A record's best chunk has the record's score: no chunk of a record below the top_k-th can get in.
        bar = max(float(np.partition(reach, len(reach) - top_k)[len(reach) - top_k]), 0.0)
    else:
        bar = 0.0
    documents, scores = chunks.final_scores(ranked.records, reach >= bar)
    first = view.first_file[view.record_of[documents]]
    order = np.lexsort((documents, first, -scores))
    taken: dict[int, int] = {}
    chosen: list[tuple[int, float]] = []
    for at in order.tolist():
        file = int(first[at])
        taken[file] = taken.get(file, 0) + 1
        if taken[file] <= per_file:
            chosen.append((int(documents[at]), float(scores[at])))
            if len(chosen) == top_k:
                break
    return chosen


def _hit(
    target: Target,
    scores: Scores,
    ranked: Ranked,
    document: int,
    score: float,
    matched: tuple[str, ...],
    allowed: npt.NDArray[np.bool_] | None,
    why: _Why,
) -> Hit:
    view = target.view
    file = _best_file(view, ranked, int(view.record_of[document]), allowed)
    found = view.document(document, file=file)
    return Hit(
        place=Place(
            repo=target.repo,
            commit=target.snapshot.commit,
            tree=target.snapshot.tree,
            path=view.files.paths[file],
            object_id=view.files.blobs[file],
            start_byte=found.start_byte,
            end_byte=found.end_byte,
            start_line=found.start_line,
            end_line=found.end_line,
        ),
        score=round(score, 6),
        symbol=found.symbol,
        kind=found.kind,
        language=found.language,
        role=ROLES[int(view.roles[file])],
        reasons=why.reasons(document, file, found.symbol, matched),
        matched=matched,
        encoding=found.encoding,
        relevance=round(float(scores.documents[document]), 6),
    )


def _best_file(view: SnapshotView, ranked: Ranked, record: int, allowed: npt.NDArray[np.bool_] | None) -> int:
    """The file to show for a record: its best-scored one that the filters allow, the first by path among
    equals.
    """
    first = int(view.first_file[record])
    if allowed is None and int(view.copies[record]) == 1:
        return first
    files = np.flatnonzero(view.record_of_file == record)
    if allowed is not None:
        files = files[allowed[files]]
    return int(files[np.argmax(ranked.files[files])])


def _allowed_files(view: SnapshotView, filters: Filters) -> npt.NDArray[np.bool_] | None:
    """Which files the filters allow; None when they allow all. Raises InputError for a bad pattern."""
    if not filters.languages and not filters.paths:
        return None
    allowed = np.ones(len(view.files.paths), dtype=bool)
    if filters.languages:
        wanted = {language.lower() for language in filters.languages}
        speaks = np.array([language in wanted for language in view.languages()], dtype=bool)
        allowed &= speaks[view.record_of_file]
    if filters.paths:
        spec = path_spec(filters.paths)
        allowed &= np.array([spec.match_file(path) for path in view.files.paths], dtype=bool)
    return allowed


def path_spec(patterns: Sequence[str]) -> PathSpec[Pattern]:
    """What matches paths by gitignore-style patterns, of which the last that fits decides; negated ones alone
    take back from everything. Raises InputError for a pattern that is none.
    """
    from pathspec import PathSpec

    everything = ["**"] if all(pattern.startswith("!") for pattern in patterns) else []
    try:
        return PathSpec.from_lines("gitignore", [*everything, *patterns])
    except ValueError as error:
        raise InputError(
            f"a path pattern of {list(patterns)!r} cannot be read: {error}",
            next_step="write it as in .gitignore, for example 'src/**/*.py'",
        ) from error


def _matched(
    view: SnapshotView, scoring: Scoring, number: int, documents: Sequence[int]
) -> list[tuple[str, ...]]:
    """For each document, the question's words that it holds, most telling first."""
    place = np.full(len(view), -1, dtype=np.int64)
    place[list(documents)] = np.arange(len(documents))
    words: list[dict[str, float]] = [{} for _ in documents]
    for weighted in scoring.weights:
        if weighted.weight:
            holding = place[weighted.documents[number]]
            for position in cast("list[int]", holding[holding >= 0].tolist()):
                found = words[position]
                found[weighted.term.word] = max(found.get(weighted.term.word, 0.0), weighted.weight)
    return [tuple(sorted(found, key=lambda word: (-found[word], word))) for found in words]


class _Why:
    """Says why hits of one target are hits, in phrases that a person can check against the text."""

    def __init__(self, query: Query, target: Target) -> None:
        self._view = target.view
        self._verb = "changes" if target.snapshot.kind == "history" else "defines"
        self._holders = {
            name: dict(zip(documents.tolist(), tf.tolist(), strict=True))
            for name in query.names
            for documents, tf in [self._view.postings(Field.SYMBOLS, name_term(name))]
        }
        self._called: dict[str, set[int]] = {}

    def reasons(self, document: int, file: int, symbol: str, matched: Sequence[str]) -> tuple[str, ...]:
        """Names that it defines, its file's name, the definition that it is a part of, the words it holds."""
        defined = [name for name in self._holders if self._defines(document, symbol, name)]
        reasons = [f"{self._verb} {name}" for name in defined]
        reasons += [f"file named {word}" for word in matched if file in self._files_called(word)]
        if symbol and whole_of(symbol) not in defined:
            reasons.append(f"in {symbol}")
        if matched:
            reasons.append("holds " + ", ".join(matched[:6]))
        return tuple(reasons)

    def _defines(self, document: int, symbol: str, name: str) -> bool:
        """Whether the name's definition begins here: a chunk is also found by the names of the definitions
        that it is inside of.
        """
        times = self._holders[name].get(document, 0)
        around = [whole_of(token) for token in tokens(symbol)]
        if times > around.count(name):
            return True
        return times > 0 and around == [name] and not self._continues(document, symbol)

    def _continues(self, document: int, symbol: str) -> bool:
        view = self._view
        if not document or view.record_of[document - 1] != view.record_of[document]:
            return False
        return view.document(document - 1).symbol == symbol

    def _files_called(self, word: str) -> set[int]:
        if word not in self._called:
            self._called[word] = set(self._view.files.words.postings(name_term(word))[0].tolist())
        return self._called[word]
