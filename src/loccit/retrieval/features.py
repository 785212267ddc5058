"""What speaks for each source file: one row of features per candidate, the same code for training, ranking
and evaluation.

Text features are BM25 shares (0 to below 1: 1 would be a file that holds every term without end) of one part
of the issue in one field of the file. Statistics are those of the source files of the snapshot at hand and of
the commits before it, and of nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.indexing.arrays import Array, distinct
from loccit.indexing.lexical import FIELDS, Field
from loccit.indexing.terms import term_key, terms_of
from loccit.indexing.view import FIELD_ORDER, SnapshotView
from loccit.retrieval.boilerplate import without_boilerplate
from loccit.retrieval.issue_text import IssueText
from loccit.retrieval.mentions import mentions
from loccit.retrieval.past import Past
from loccit.retrieval.query import query_terms
from loccit.retrieval.scoring import COMMIT_WEIGHTS, FIELD_WEIGHTS

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

# Counts up whenever a feature of the same name comes to mean something else: kept lessons are made again
# then.
FEATURES_VERSION = 1

PARTS = ("all", "title", "prose", "code", "errors")
# What the parts count for where the issue is taken as a whole.
_ISSUE_WEIGHTS = (0.0, 2.0, 1.0, 0.5, 0.0)
_FIELD_NAMES = {
    Field.SYMBOLS: "symbols",
    Field.SIGNATURE: "signature",
    Field.DOCS: "docs",
    Field.BODY: "body",
}
# The parts that are laid beside past messages: all of it, and its title.
_TOLD = 2
K1, B = 1.5, 0.75
COMMIT_K1, COMMIT_B = 1.2, 0.3
PATH_B = 0.3
VOTERS = 100
MOST_TELLINGS = 20_000
FIRST_PASS = 80
# Up to so many cells per entry a table of all sums is faster than sorting: measured with 2,000 to 400,000.
_DENSE = 4
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Source files that an issue may be about. `files` are numbers in the view; `values` has a row per file
    and a column per name in `names`. `former` are each file's own and former paths. The issue's terms are
    `keys`, with `weights` before idf (its title counts twice, its code half).
    """

    files: Int64
    names: tuple[str, ...]
    values: Float64 | npt.NDArray[np.float32]
    former: tuple[tuple[str, ...], ...]
    keys: UInt64
    weights: Float64


@dataclass(frozen=True, slots=True)
class _Terms:
    """The distinct terms of all parts: keys, and per part each term's weight before idf (0: not in it)."""

    terms: tuple[str, ...]
    words: tuple[str, ...]
    keys: UInt64
    weights: Float64
    is_whole: npt.NDArray[np.bool_]


def part_texts(issue: IssueText) -> dict[str, str]:
    """The text of each of `PARTS`."""
    prose = without_boilerplate(issue.prose, issue.headings)
    functions = " ".join(frame.function for trace in issue.tracebacks for frame in trace.frames)
    code = "\n".join(
        [*map(without_boilerplate, issue.code), *(f"{e.kind} {e.message}" for e in issue.errors), functions]
    )
    return {
        "all": "\n".join([issue.title, prose, code]),
        "title": issue.title,
        "prose": prose,
        "code": code,
        "errors": "\n".join(f"{e.kind} {e.message}" for e in issue.errors),
    }


@dataclass(frozen=True, slots=True)
class Entries:
    """Sparse counts: `count[i]` of term `term[i]` in owner `owner[i]`, each pair once."""

    term: Int64
    owner: Int64
    count: Float64


@dataclass(frozen=True, slots=True)
class _CommitScores:
    """For the whole issue and for its title, the BM25 share of each past commit (0 for commits that are not
    past); and which terms the past commits hold.
    """

    shares: tuple[Float64, ...]
    entries: Entries
    idf: Float64


@dataclass(frozen=True, slots=True)
class Reading:
    """An issue's terms, and how much past commits read like it: whichever files it is laid over."""

    terms: _Terms
    commits: _CommitScores | None

    @classmethod
    def of(cls, issue: IssueText, past: Past | None) -> Reading:
        """The issue, read against a past, if any."""
        terms = _terms_of(issue)
        is_known = past is not None and bool(past.is_past.any())
        return cls(terms, _commit_scores(terms, past) if past is not None and is_known else None)


@dataclass(frozen=True, slots=True)
class Analysis:
    """An issue laid over the files of a commit and their past: what `candidates` rests on, and what explains
    it.

    The distinct terms of all parts stand for `words`, with `weights` before idf per part and `idf`. `chunks`
    says which chunks of the candidates hold which terms, and `chunk_shares` has, per part and chunk of the
    view, its BM25 share. `likeness` is, per past commit, how much it reads like the issue, as a share of the
    one most like it.
    """

    issue: IssueText
    reading: Reading
    view: SnapshotView
    past: Past | None
    candidates: Candidates
    words: tuple[str, ...]
    weights: Float64
    idf: Float64
    chunks: Entries
    chunk_shares: Float64
    likeness: Float64


def analyse(
    issue: IssueText, view: SnapshotView, past: Past | None, *, reading: Reading | None = None
) -> Analysis:
    """The files that anything speaks for, with their features. `view` is of files of one role alone.

    `reading` is that of the same issue against the same commits, where it was read before.
    """
    reading = reading or Reading.of(issue, past)
    terms = reading.terms
    postings = _Postings.of(view, terms)
    columns = _text_features(view, terms, postings)
    columns |= {name: values.astype(np.float64) for name, values in mentions(issue, view).items()}
    history, likeness = _history_features(reading, view, past)
    columns |= history
    first = _first_pass(columns)
    chosen = _chosen(columns, first)
    chunks = _chunks_of(view, postings, chosen)
    shares = _chunk_shares(view, terms, postings, chunks)
    columns |= _chunk_features(view, shares)
    columns |= _near_features(view, chosen, first)
    columns["first"] = first
    names = tuple(columns)
    values = np.stack([columns[name][chosen] for name in names], axis=1)
    weights = np.array(_ISSUE_WEIGHTS) @ terms.weights
    found = Candidates(chosen, names, values, _former_names(view, past, chosen), terms.keys, weights)
    return Analysis(
        issue, reading, view, past, found, terms.words, terms.weights, postings.idf, chunks, shares, likeness
    )


def candidates(issue: IssueText, view: SnapshotView, past: Past | None) -> Candidates:
    """The candidates of `analyse` alone."""
    return analyse(issue, view, past).candidates


def _former_names(view: SnapshotView, past: Past | None, chosen: Int64) -> tuple[tuple[str, ...], ...]:
    names: dict[int, list[str]] = {int(file): [view.files.paths[int(file)]] for file in chosen}
    if past is not None:
        for number in np.flatnonzero(np.isin(past.file_of_path, chosen)).tolist():
            own = names[int(past.file_of_path[number])]
            if past.paths[number] != own[0]:
                own.append(past.paths[number])
    return tuple(tuple(own) for own in names.values())


def _terms_of(issue: IssueText) -> _Terms:
    numbers: dict[str, int] = {}
    words: list[str] = []
    rows: list[dict[int, float]] = []
    whole: set[int] = set()
    texts = part_texts(issue)
    for part in PARTS:
        row: dict[int, float] = {}
        for term in query_terms(texts[part]) if texts[part].strip() else ():
            number = numbers.setdefault(term.term, len(numbers))
            if number == len(words):
                words.append(term.word)
            row[number] = row.get(number, 0.0) + term.weight * math.sqrt(term.count)
            if term.is_whole:
                whole.add(number)
        rows.append(row)
    weights = np.zeros((len(PARTS), len(numbers)))
    for at, row in enumerate(rows):
        weights[at, list(row)] = list(row.values())
    keys = np.fromiter((term_key(term) for term in numbers), dtype=np.uint64, count=len(numbers))
    is_whole = np.zeros(len(numbers), dtype=bool)
    is_whole[list(whole)] = True
    return _Terms(tuple(numbers), tuple(words), keys, weights, is_whole)


def issue_terms(issue: IssueText) -> tuple[UInt64, Float64]:
    """The keys of the issue's terms and their weights before idf, as in `Candidates`."""
    terms = _terms_of(issue)
    return terms.keys, np.array(_ISSUE_WEIGHTS) @ terms.weights


@dataclass(frozen=True, slots=True)
class _Postings:
    """The terms in the fields of chunks and of whole records, and the idf over records."""

    documents: tuple[Entries, ...]
    records: tuple[Entries, ...]
    whole: Entries
    idf: Float64

    @classmethod
    def of(cls, view: SnapshotView, terms: _Terms) -> _Postings:
        documents: list[Entries] = []
        records: list[Entries] = []
        for number in FIELD_ORDER:
            found = view.gather(number, terms.keys)
            documents.append(Entries(found.terms, found.documents, found.frequencies.astype(np.float64)))
            records.append(_summed(found.terms, view.record_of[found.documents], documents[-1].count))
        whole = _merged(
            records, [FIELD_WEIGHTS[number] for number in FIELD_ORDER], len(terms.terms), view.records
        )
        held = np.bincount(whole.term, minlength=len(terms.terms))
        idf = np.log(1 + (view.records - held + 0.5) / (held + 0.5))
        return cls(tuple(documents), tuple(records), whole, np.where(held > 0, idf, 0.0))


def _summed(term: Int64, owner: Int64, count: Float64) -> Entries:
    """Counts of the same term and owner, which stand side by side, added up."""
    if not len(term):
        return Entries(term, owner, count)
    differs = np.ones(len(term), dtype=bool)
    differs[1:] = (term[1:] != term[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(differs)
    return Entries(term[first], owner[first], np.add.reduceat(count, first))


def _added(code: Int64, count: Float64, terms: int, owners: int) -> Entries:
    """Counts of codes `term * owners + owner`, in any order, added up."""
    if terms * owners <= _DENSE * len(code):
        total = np.bincount(code, weights=count, minlength=terms * owners).astype(np.float64)
        code = np.flatnonzero(total)
        return Entries(code // max(owners, 1), code % max(owners, 1), total[code])
    order = np.argsort(code, kind="stable")
    code = code[order]
    return _summed(code // max(owners, 1), code % max(owners, 1), count[order])


def _merged(fields: Sequence[Entries], weights: Sequence[float], terms: int, owners: int) -> Entries:
    """The entries of several fields as one, counts weighted."""
    code = np.concatenate([entries.term * owners + entries.owner for entries in fields])
    count = np.concatenate([w * entries.count for w, entries in zip(weights, fields, strict=True)])
    return _added(code, count, terms, owners)


def _shares(entries: Entries, norms: Float64, weights: Float64, idf: Float64, owners: int) -> list[Float64]:
    """Per part the BM25 share of each owner."""
    saturated = entries.count / (entries.count + norms[entries.owner])
    result: list[Float64] = []
    for row in weights * idf:
        total = float(row.sum()) or 1.0
        result.append(
            np.bincount(entries.owner, weights=row[entries.term] * saturated, minlength=owners) / total
        )
    return result


def _norms(lengths: npt.NDArray[np.generic], k1: float, b: float) -> Float64:
    mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    return k1 * (1 - b + b * lengths.astype(np.float64) / mean)


def _text_features(view: SnapshotView, terms: _Terms, postings: _Postings) -> dict[str, Float64]:
    columns: dict[str, Float64] = {}
    to_files = view.record_of_file
    lengths = view.kept("record lengths", lambda: _record_lengths(view))
    for number in FIELD_ORDER:
        norms = _norms(lengths[number], K1, B)
        shares = _shares(postings.records[number], norms, terms.weights, postings.idf, view.records)
        for part, share in zip(PARTS, shares, strict=True):
            columns[f"{_FIELD_NAMES[number]}:{part}"] = share[to_files]
    norms = _norms(lengths.sum(axis=0), 2.0, 0.5)
    for part, share in zip(
        PARTS, _shares(postings.whole, norms, terms.weights, postings.idf, view.records), strict=True
    ):
        columns[f"file:{part}"] = share[to_files]
    # Compounds are what an issue and a file share by design rather than by chance.
    compounds = np.where(terms.is_whole, postings.idf, 0.0)
    present = Entries(postings.whole.term, postings.whole.owner, np.ones(len(postings.whole.term)))
    total = float((compounds * (terms.weights[0] > 0)).sum()) or 1.0
    columns["compounds"] = (
        np.bincount(present.owner, weights=compounds[present.term], minlength=view.records)[to_files] / total
    )
    columns |= _path_features(view, terms)
    columns["size"] = np.log1p(lengths.sum(axis=0).astype(np.float64))[to_files]
    return columns


def _record_lengths(view: SnapshotView) -> Array:
    return (
        np.stack(
            [
                np.bincount(view.record_of, weights=view.lengths[number], minlength=view.records)
                for number in FIELD_ORDER
            ]
        )
        if len(view)
        else np.zeros((FIELDS, view.records))
    )


def _path_features(view: SnapshotView, terms: _Terms) -> dict[str, Float64]:
    n_files = len(view.files.paths)
    found = [view.files.words.postings(term) for term in terms.terms]
    sizes = np.array([len(files) for files, _ in found], dtype=np.int64)
    term = np.repeat(np.arange(len(found)), sizes)
    owner = np.concatenate([np.empty(0, dtype=np.int64), *(files for files, _ in found)]).astype(np.int64)
    count = np.concatenate([np.empty(0), *(tfs for _, tfs in found)]).astype(np.float64)
    idf = np.where(sizes > 0, np.log(1 + (n_files - sizes + 0.5) / (sizes + 0.5)), 0.0)
    norms = _norms(view.files.words.lengths, K1, PATH_B)
    shares = _shares(Entries(term, owner, count), norms, terms.weights, idf, n_files)
    return {f"path:{part}": share for part, share in zip(PARTS, shares, strict=True)}


def _chunks_of(view: SnapshotView, postings: _Postings, chosen: Int64) -> Entries:
    """The terms in the chunks of the chosen files, fields weighted and added up."""
    wanted = np.zeros(view.records, dtype=bool)
    wanted[view.record_of_file[chosen]] = True
    fields: list[Entries] = []
    for entries in postings.documents:
        here = wanted[view.record_of[entries.owner]]
        fields.append(Entries(entries.term[here], entries.owner[here], entries.count[here]))
    return _merged(fields, [FIELD_WEIGHTS[number] for number in FIELD_ORDER], len(postings.idf), len(view))


def _chunk_shares(view: SnapshotView, terms: _Terms, postings: _Postings, chunks: Entries) -> Float64:
    """Per part and chunk of the view, its BM25 share; 0 for chunks of files that were not chosen."""
    norms = _norms(view.document_words, 2.0, 0.75)
    return np.stack(_shares(chunks, norms, terms.weights, postings.idf, len(view)))


def _chunk_features(view: SnapshotView, shares: Float64) -> dict[str, Float64]:
    columns: dict[str, Float64] = {}
    for part, share in zip(PARTS, shares, strict=True):
        documents = np.flatnonzero(share)
        best, second = _two_best(view.record_of[documents], share[documents], view.records)
        columns[f"best:{part}"] = best[view.record_of_file]
        if part == "all":
            columns["second:all"] = second[view.record_of_file]
    return columns


def _two_best(owner: Int64, values: Float64, owners: int) -> tuple[Float64, Float64]:
    """The largest and the second largest value of each owner; 0 where there is none."""
    best, second = np.zeros(owners), np.zeros(owners)
    order = np.lexsort((-values, owner))
    owner, values = owner[order], values[order]
    first = np.ones(len(owner), dtype=bool)
    first[1:] = owner[1:] != owner[:-1]
    best[owner[first]] = values[first]
    after = np.flatnonzero(first) + 1
    after = after[after < len(owner)]
    after = after[~first[after]]
    second[owner[after]] = values[after]
    return best, second


def _near_features(view: SnapshotView, chosen: Int64, first: Float64) -> dict[str, Float64]:
    """How strong the strongest other candidate is that names the file's module (as those do which import it),
    and the strongest whose module the file names.
    """
    named, names = np.zeros(len(first)), np.zeros(len(first))
    modules = [_module(str(view.files.paths[file])) for file in chosen.tolist()]
    number: dict[str, int] = {}
    module_of = np.array([number.setdefault(module, len(number)) for module in modules], dtype=np.int64)
    keys = [term_key(terms[-1] if terms else "") for terms, _ in terms_of(number)]
    found = view.gather(Field.BODY, np.array(keys, dtype=np.uint64))
    told = distinct(found.terms * view.records + view.record_of[found.documents])
    module, record = np.divmod(told, max(view.records, 1))
    # A word of many files is the name of a module by chance.
    weight = 1 / np.sqrt(1 + np.bincount(module, minlength=len(number)))
    candidate_of = np.full(view.records, -1, dtype=np.int64)
    candidate_of[view.record_of_file[chosen]] = np.arange(len(chosen))
    here = candidate_of[record] >= 0
    says = np.zeros((len(number), len(chosen)), dtype=bool)
    says[module[here], candidate_of[record[here]]] = True
    # says_of[i, j]: candidate j names the module of candidate i.
    says_of = says[module_of] & ~np.eye(len(chosen), dtype=bool)
    strength = relative(first[chosen])
    share = weight[module_of]
    named[chosen] = share * (says_of * strength[None, :]).max(axis=1, initial=0.0)
    names[chosen] = (says_of * (share * strength)[:, None]).max(axis=0, initial=0.0)
    return {"near:named": named, "near:names": names}


def _module(path: str) -> str:
    """What importing files call a file."""
    parts = path.split("/")
    stem = parts[-1].partition(".")[0]
    return parts[-2] if stem in {"__init__", "index", "mod"} and len(parts) > 1 else stem


def _commit_scores(terms: _Terms, past: Past) -> _CommitScores:
    commits = past.commits
    fields: list[Entries] = []
    for number in FIELD_ORDER:
        found = commits.gather(number, terms.keys)
        here = past.is_past[found.documents]
        fields.append(
            Entries(found.terms[here], found.documents[here], found.frequencies[here].astype(np.float64))
        )
    merged = _merged(
        fields, [COMMIT_WEIGHTS[number] for number in FIELD_ORDER], len(terms.terms), len(commits)
    )
    held = np.bincount(merged.term, minlength=len(terms.terms))
    total = int(past.is_past.sum())
    idf = np.where(held > 0, np.log(1 + (total - held + 0.5) / (held + 0.5)), 0.0)
    words = commits.document_words
    mean = max(float(words[past.is_past].mean()), 1.0) if total else 1.0
    norms: Float64 = COMMIT_K1 * (1 - COMMIT_B + COMMIT_B * words.astype(np.float64) / mean)
    return _CommitScores(tuple(_shares(merged, norms, terms.weights[:_TOLD], idf, len(commits))), merged, idf)


def _history_features(
    reading: Reading, view: SnapshotView, past: Past | None
) -> tuple[dict[str, Float64], Float64]:
    """The features of the past, and each commit's likeness to the issue."""
    n_files = len(view.files.paths)
    names = [
        "votes:all",
        "votes:title",
        "votes:both",
        "votes:sharp",
        "votes:best",
        "votes:dense",
        "votes:recent",
        "votes:fixes",
        "told:all",
        "told:title",
        "recency",
        "changes",
        "fixes",
        "changes:year",
        "kind",
    ]
    found = reading.commits
    if past is None or found is None:
        return {name: np.zeros(n_files) for name in names}, np.empty(0)
    ages = np.maximum((past.now - past.times) / _DAY, 0.0)
    by, files = past.changed_by, past.changed
    share = 1 / np.sqrt(np.maximum(past.width, 1))
    recent = np.exp2(-ages / 365.0)
    whole, title = found.shares[0], found.shares[1]
    both = relative(whole) + relative(title)
    voters = strongest(both, VOTERS) ** 2
    votes = {
        "votes:all": strongest(whole, VOTERS) ** 2,
        "votes:title": strongest(title, VOTERS) ** 2,
        "votes:both": voters,
        "votes:sharp": strongest(both, 20) ** 4,
        "votes:dense": whole**3,
        "votes:recent": voters * recent,
        "votes:fixes": strongest(np.where(past.is_fix, both, 0.0), VOTERS) ** 2,
    }
    columns: dict[str, Float64] = {
        name: relative(np.bincount(files, weights=(vote * share)[by], minlength=n_files))
        for name, vote in votes.items()
    }
    best = np.zeros(n_files)
    np.maximum.at(best, files, (votes["votes:both"] * share)[by])
    columns["votes:best"] = relative(best)
    columns |= _told_features(reading.terms, found, past, n_files)
    latest = np.full(n_files, np.inf)
    np.minimum.at(latest, files, ages[by])
    columns["recency"] = 1 / (1 + np.where(np.isfinite(latest), latest, 1e9) / 30.0)
    columns["changes"] = np.log1p(np.bincount(files, minlength=n_files).astype(np.float64))
    columns["fixes"] = np.log1p(np.bincount(files, weights=past.is_fix[by], minlength=n_files))
    columns["changes:year"] = np.log1p(np.bincount(files, weights=(ages < 365.0)[by], minlength=n_files))
    columns["kind"] = _rate_of_kind(view.files.paths, np.bincount(files, minlength=n_files))
    return columns, relative(both)


def _rate_of_kind(paths: Sequence[str], changes: Int64) -> Float64:
    """How often files of the same suffix have changed on average, logarithmically: stubs and templates
    hardly.
    """
    suffixes, kind = np.unique([path[path.rfind(".") :] for path in paths], return_inverse=True)
    size = np.bincount(kind, minlength=len(suffixes))
    total = np.bincount(kind, weights=changes, minlength=len(suffixes))
    return np.log1p(total / np.maximum(size, 1))[kind]


def _told_features(terms: _Terms, found: _CommitScores, past: Past, n_files: int) -> dict[str, Float64]:
    """BM25 over what the commits that changed a file have said, together as one document of the file."""
    starts = past.changes_at
    entries = found.entries
    sizes = starts[entries.owner + 1] - starts[entries.owner]
    # A word of every other commit says nothing, and takes the most time.
    rare = np.bincount(entries.term, weights=sizes, minlength=len(terms.terms)) <= MOST_TELLINGS
    kept = rare[entries.term] & (sizes > 0)
    term, owner, sizes = entries.term[kept], entries.owner[kept], sizes[kept]
    at = np.repeat(starts[owner] - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
    weight = np.repeat(1 / np.sqrt(np.maximum(past.width[owner], 1)), sizes)
    told = _added(np.repeat(term, sizes) * n_files + past.changed[at], weight, len(terms.terms), n_files)
    held = np.bincount(told.term, minlength=len(terms.terms))
    idf = np.where(held > 0, np.log(1 + (n_files - held + 0.5) / (held + 0.5)), 0.0)
    lengths = np.bincount(
        past.changed, weights=past.commits.document_words[past.changed_by], minlength=n_files
    )
    norms = _norms(lengths, 2.0, 0.5)
    shares = _shares(told, norms, terms.weights[:_TOLD], idf, n_files)
    return {"told:all": shares[0], "told:title": shares[1]}


def strongest(scores: Float64, count: int) -> Float64:
    """The best scores as shares of the best one, 0 for the rest."""
    # Most commits have nothing in common with an issue, and a partition among equals takes its time.
    some = scores[scores > 0]
    if len(some) > count:
        bar = np.partition(some, len(some) - count)[len(some) - count]
        scores = np.where(scores >= bar, scores, 0.0)
    return relative(scores)


def relative(values: Array) -> Float64:
    """Values as shares of the greatest."""
    most = float(values.max()) if len(values) else 0.0
    return values / most if most > 0 else values


def _first_pass(columns: Mapping[str, Float64]) -> Float64:
    """A ranking good enough to choose candidates by; its hand weights need not be right."""
    return (
        2.0 * columns["file:all"]
        + columns["file:title"]
        + columns["symbols:all"]
        + 1.0 * columns["path:title"]
        + 0.5 * columns["path:all"]
        + 0.3 * columns["votes:all"]
        + 0.2 * columns["votes:title"]
        + 0.3 * columns["mention:path"]
        + 0.2 * columns["mention:module"]
        + 0.2 * columns["mention:defined"]
    )


def _chosen(columns: Mapping[str, Float64], first: Float64) -> Int64:
    """The files best by the first pass, and those that some single strong signal puts first."""
    wanted = set(_best(first, FIRST_PASS))
    for name in (
        "votes:all",
        "votes:title",
        "file:title",
        "body:all",
        "path:title",
        "mention:path",
        "mention:module",
        "mention:defined",
    ):
        wanted |= set(_best(columns[name], 10))
    return np.array(sorted(wanted), dtype=np.int64)


def _best(values: Float64, count: int) -> list[int]:
    some = len(values) > count
    at = np.argpartition(-values, count - 1)[:count] if some else np.arange(len(values))
    return [int(i) for i in at if values[i] > 0]
