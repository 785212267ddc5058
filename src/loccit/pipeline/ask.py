"""From a question to an answer: search, pack, quote, cite, re-check, seal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from loccit.answering.extract import quotations
from loccit.answering.options import AnsweringOptions
from loccit.core.answers import (
    Abstention,
    Answer,
    Claim,
    ClaimKind,
    DroppedClaim,
    Outcome,
    Run,
    SkippedCount,
    SnapshotInfo,
    Verdict,
    VerdictLabel,
    seal,
)
from loccit.core.errors import IndexBroken, InputError, ObjectCorrupt, ObjectMissing
from loccit.core.evidence import EvidenceSet, Filters, Place, Quotation
from loccit.core.source import BlobReader
from loccit.indexing.shard import SnapshotRecord
from loccit.indexing.view import SnapshotView
from loccit.retrieval.confidence import confidence, unknown_words
from loccit.retrieval.fusion import fuse
from loccit.retrieval.options import RetrievalOptions
from loccit.retrieval.packing import Read, pack
from loccit.retrieval.query import Query, understand
from loccit.retrieval.quoting import HITS_READ, limited, quoting_first
from loccit.retrieval.search import Results, Target, search
from loccit.sources import Repository
from loccit.verification import check_quotation, cite, cite_commit, verify

# Passages looked at for each one quoted: near-duplicates and thin ones fall away.
_SPARE = 4
# Passages of one file among the evidence: more would hide the other files.
_PER_FILE = 3
# Commits among the evidence of a question about history.
_COMMITS = 4


@dataclass(frozen=True, slots=True)
class Searchable:
    """One repository at one commit, opened for a question.

    `history` is there when its commits are indexed, `changed_files` counts what differs in the working tree.
    """

    repository: Repository
    name: str
    snapshot: SnapshotRecord
    view: SnapshotView
    history: tuple[SnapshotRecord, SnapshotView] | None = None
    changed_files: int = 0

    @property
    def target(self) -> Target:
        """Its files, as search takes them."""
        return Target(self.name, self.snapshot, self.view)

    @property
    def history_target(self) -> Target | None:
        """Its commits, as search takes them."""
        return Target(self.name, *self.history) if self.history else None


@dataclass(slots=True)
class Timings:
    """Milliseconds per stage, in the order they were run."""

    stages: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def mark(self, stage: str) -> None:
        """The stage that ends now."""
        now = time.perf_counter()
        self.stages[stage] = round(self.stages.get(stage, 0.0) + 1000 * (now - self._last), 3)
        self._last = now


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
        readers = _readers(searched, stack) if query.quoted else {}
        read = read_place(readers)
        return _found(query, targets, read, filters=filters, top_k=top_k, per_file=per_file)


def ask(
    question: str,
    searched: Sequence[Searchable],
    *,
    filters: Filters,
    retrieval: RetrievalOptions,
    answering: AnsweringOptions,
    version: str,
) -> Answer:
    """Answer from these repositories without a model: checked quotations, or an abstention."""
    started, timings = datetime.now(UTC), Timings()
    query = understand(question, max_chars=retrieval.max_query_chars)
    with ExitStack() as stack:
        readers = _readers(searched, stack)
        read = read_place(readers)
        found = _evidence(query, searched, read, filters, retrieval, answering, timings)
        quoted = quotations(found, answering)
        timings.mark("answer")
        claims, dropped = _checked([_claim(q, read) for q in quoted], list(readers.values()), searched)
        timings.mark("verify")
    run = Run(
        trace_id=uuid.uuid4().hex,
        started_at=utc_time(started),
        timings_ms=timings.stages,
        index_age_s=index_age(searched),
        version=version,
    )
    # Passages that were quoted and all fell mean that the repository is not what was indexed.
    why_not = Abstention.INDEX_BROKEN if quoted else Abstention.NOT_IN_SOURCES
    return seal(
        question=question,
        outcome=Outcome.ANSWERED if claims else Outcome.ABSTAINED,
        abstention=None if claims else why_not,
        confidence=found.confidence,
        claims=tuple(claims),
        dropped=tuple(dropped),
        snapshots=tuple(snapshot_info(s) for s in searched),
        run=run,
    )


def abstain(question: str, why: Abstention, *, version: str) -> Answer:
    """An answer that says why nothing could be searched."""
    now = utc_time(datetime.now(UTC))
    return seal(
        question=question,
        outcome=Outcome.ABSTAINED,
        abstention=why,
        confidence=0.0,
        claims=(),
        dropped=(),
        snapshots=(),
        run=Run(trace_id=uuid.uuid4().hex, started_at=now, timings_ms={}, version=version),
    )


def read_place(readers: Mapping[str, BlobReader]) -> Read:
    """Reads the whole object of a place, each once.

    Raises IndexBroken where the repository no longer has what the index names.
    """
    held: dict[tuple[str, str], bytes] = {}

    def read(place: Place) -> bytes:
        key = (place.repo, place.object_id)
        if key not in held:
            try:
                held[key] = readers[place.repo].read(place.object_id).data
            except (ObjectMissing, ObjectCorrupt) as error:
                raise IndexBroken(
                    f"{place.path or 'a commit'!r} of {place.repo!r} is indexed, but its object "
                    f"{place.object_id} cannot be read: {error.message}",
                    next_step="check the repository with 'git fsck', then run 'loccit index'",
                ) from error
        return held[key]

    return read


def _evidence(
    query: Query,
    searched: Sequence[Searchable],
    read: Read,
    filters: Filters,
    retrieval: RetrievalOptions,
    answering: AnsweringOptions,
    timings: Timings,
) -> EvidenceSet:
    """The passages of the sources that bear on the question: none where none does.

    The bar is for whether a source (the files, the history) is listened to at all, never for which citation
    to keep.
    """
    top_k = answering.passages * _SPARE
    targets = [s.target for s in searched]
    files = _found(query, targets, read, filters=filters, top_k=top_k, per_file=_PER_FILE)
    results = [files]
    # No commit is in a language or at a path.
    if query.about_history and filters == Filters() and (commits := _history(searched)):
        results.insert(0, _found(query, commits, read, filters=filters, top_k=_COMMITS, per_file=1))
    timings.mark("search")
    sure = [confidence(result) for result in results]
    bearing = [r for r, share in zip(results, sure, strict=True) if share >= retrieval.answer_confidence]
    hits = fuse([result.hits for result in bearing])
    evidence = pack(hits, [r.scoring for r in reversed(results)], read, limit=answering.passages * 2)
    timings.mark("read")
    return EvidenceSet(
        question=query.text,
        evidence=tuple(evidence),
        confidence=max(sure),
        unknown=unknown_words(files),
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


def _readers(searched: Sequence[Searchable], stack: ExitStack) -> dict[str, BlobReader]:
    """A reader of each repository, open until the stack closes."""
    return {s.name: stack.enter_context(s.repository.reader()) for s in searched}


def utc_time(moment: datetime) -> str:
    """A moment in UTC as documents have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _claim(quotation: Quotation, read: Read) -> Claim:
    """The quotation as a claim with its citation, not yet checked."""
    place = quotation.evidence.hit.place
    data = read(place)
    if place.path:
        citation = cite(
            repo=place.repo,
            commit=place.commit,
            tree=place.tree,
            path=place.path,
            data=data,
            start_byte=quotation.start_byte,
            end_byte=quotation.end_byte,
        )
    else:
        citation = cite_commit(
            repo=place.repo,
            commit=place.object_id,
            data=data,
            start_byte=quotation.start_byte,
            end_byte=quotation.end_byte,
        )
    unchecked = Verdict(label=VerdictLabel.UNCHECKED, score=None, checker="none", version="0")
    claim = Claim(
        text=citation.quote,
        kind=ClaimKind.QUOTATION,
        citations=(citation,),
        verdict=unchecked,
        why=quotation.why,
    )
    return claim.model_copy(update={"verdict": check_quotation(claim)})


def _checked(
    claims: Sequence[Claim], readers: Sequence[BlobReader], searched: Sequence[Searchable]
) -> tuple[list[Claim], list[DroppedClaim]]:
    """The claims whose citations hold when they are re-checked against the repositories, and the others."""
    if not claims:
        return [], []
    draft = seal(
        question="",
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=0.0,
        claims=tuple(claims),
        dropped=(),
        snapshots=tuple(snapshot_info(s) for s in searched),
    )
    report = verify(draft, readers)
    kept: list[Claim] = []
    dropped: list[DroppedClaim] = []
    for claim, result in zip(claims, report.claims, strict=True):
        if result.status == "holds":
            kept.append(claim)
        else:
            fallen = claim.verdict.model_copy(update={"label": VerdictLabel.UNSUPPORTED, "score": 0.0})
            dropped.append(DroppedClaim(text=claim.text, verdict=fallen))
    return kept, dropped


def snapshot_info(searched: Searchable) -> SnapshotInfo:
    """What of a repository was searched."""
    record = searched.snapshot
    indexed_at = datetime.fromtimestamp(int(record.indexed_at), UTC)
    return SnapshotInfo(
        repo=searched.name,
        commit=record.commit,
        tree=record.tree,
        indexed_at=indexed_at.isoformat().replace("+00:00", "Z"),
        files=record.files,
        skipped=tuple(SkippedCount(reason=r, files=n) for r, n in sorted(record.skipped.items())),
        changed_files=searched.changed_files,
        history=_history_state(searched),
    )


def _history_state(searched: Searchable) -> Literal["complete", "partial", "none"]:
    if searched.history is None:
        return "none"
    record = searched.history[0]
    return "complete" if record.commit == searched.snapshot.commit and not record.is_shallow else "partial"


def index_age(searched: Sequence[Searchable]) -> float | None:
    """How many seconds ago the oldest of the snapshots was indexed; None without any."""
    if not searched:
        return None
    return round(max(0.0, time.time() - min(s.snapshot.indexed_at for s in searched)), 3)
