"""The evidence that bears on a question: the files' and the history's, each listened to only above a bar."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from loccit.core.errors import InputError
from loccit.core.evidence import EvidenceSet, Filters
from loccit.pipeline.searchable import Searchable, Timings, read_place, readers_of
from loccit.retrieval.confidence import confidence, unknown_words
from loccit.retrieval.fusion import fuse
from loccit.retrieval.options import RetrievalOptions
from loccit.retrieval.packing import Read, pack
from loccit.retrieval.query import Query, understand
from loccit.retrieval.quoting import HITS_READ, limited, quoting_first
from loccit.retrieval.search import Results, Target, search

# Passages looked at for each one kept: near-duplicates and thin ones fall away.
_SPARE = 4
# Passages of one file among the evidence: more would hide the other files.
_PER_FILE = 3
# Commits among the evidence of a question about history.
_COMMITS = 4


def find(
    text: str,
    searched: Sequence[Searchable],
    *,
    filters: Filters,
    options: RetrievalOptions,
    top_k: int,
    per_file: int,
    in_history: bool = False,
) -> Results:
    """The best chunks (or commits) of these repositories for a query.

    Raises InputError for filters of files where commits are searched.
    """
    query = understand(text, max_chars=options.max_query_chars)
    if in_history and filters != Filters():
        raise InputError(
            "commits have no language and no path", next_step="search the history without these filters"
        )
    targets = _history(searched) if in_history else [s.target for s in searched]
    with ExitStack() as stack:
        # Most queries quote nothing, and read nothing.
        readers = readers_of(searched, stack) if query.quoted else {}
        read = read_place(readers)
        return _found(query, targets, read, filters=filters, top_k=top_k, per_file=per_file)


def gather(
    query: Query,
    searched: Sequence[Searchable],
    read: Read,
    filters: Filters,
    *,
    least_confidence: float,
    passages: int,
    timings: Timings,
    weigh_lines: bool = True,
) -> EvidenceSet:
    """The passages of the sources that bear on the question, at most twice `passages`: none where none does.

    `least_confidence` is the bar for whether a source (the files, the history) is listened to at all, never
    for which citation to keep.
    """
    top_k = passages * _SPARE
    targets = [s.target for s in searched]
    files = _found(query, targets, read, filters=filters, top_k=top_k, per_file=_PER_FILE)
    results = [files]
    # No commit is in a language or at a path.
    if query.about_history and filters == Filters() and (commits := _history(searched)):
        results.insert(0, _found(query, commits, read, filters=filters, top_k=_COMMITS, per_file=1))
    timings.mark("search")
    sure = [confidence(result) for result in results]
    bearing = [r for r, share in zip(results, sure, strict=True) if share >= least_confidence]
    hits = fuse([result.hits for result in bearing])
    evidence = pack(
        hits, [r.scoring for r in reversed(results)], read, limit=passages * 2, weigh_lines=weigh_lines
    )
    timings.mark("read")
    return EvidenceSet(
        question=query.text,
        evidence=tuple(evidence),
        confidence=max(sure),
        unknown=unknown_words(files),
        hits=tuple(hits if len(bearing) == len(results) else fuse([result.hits for result in results])),
    )


def _found(
    query: Query, targets: Sequence[Target], read: Read, *, filters: Filters, top_k: int, per_file: int
) -> Results:
    """The best hits, those first that hold literally what the question quotes."""
    if not query.quoted:
        return search(query, targets, filters=filters, top_k=top_k, per_file=per_file)
    # What is quoted may stand in a passage that is not the best of its file.
    looked_at = max(per_file, _PER_FILE)
    wanted = max(top_k * looked_at, HITS_READ)
    results = search(query, targets, filters=filters, top_k=wanted, per_file=looked_at)
    first, rest = results.hits[:HITS_READ], results.hits[HITS_READ:]
    hits = limited([*quoting_first(first, query.quoted, read), *rest], per_file)
    return replace(results, hits=tuple(hits[:top_k]))


def _history(searched: Sequence[Searchable]) -> list[Target]:
    return [target for s in searched if (target := s.history_target) is not None]
