"""What a triage has found, and the document that says it, each place cited and re-checked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from loccit.core.answers import Citation, CitationKind, Run, SnapshotInfo, path_fields
from loccit.core.errors import LoccitError
from loccit.core.evidence import Place
from loccit.core.issues import Issue
from loccit.core.source import BlobReader, Touch
from loccit.core.suspects import Localisation, Suspect, SuspectFunction
from loccit.core.triage import (
    AskFor,
    AsOf,
    Culprit,
    Duplicate,
    Owner,
    OwnerSource,
    Part,
    SimilarFix,
    SuggestedLabel,
    SuspectFile,
    Triage,
    TriageAbstention,
    TriagedIssue,
    TriageFunction,
    TriageNote,
    TriageOutcome,
    TriageReason,
    seal,
)
from loccit.pipeline.citing import Citer
from loccit.pipeline.labels import FoundLabel, SimilarIssue
from loccit.pipeline.owners import FoundOwner, has_address
from loccit.pipeline.report import Report
from loccit.pipeline.searchable import Searchable, Timings, index_age, snapshot_info, utc_time
from loccit.pipeline.sufficiency import Sufficiency, question_for
from loccit.retrieval.culprits import RankedCulprit
from loccit.retrieval.issue_text import IssueText

# Suspects whose past is looked at.
LOOKED_BACK = 5
_CULPRITS = 5
_OWNERS = 5
_DUPLICATES = 5
_FIXES = 5
_REASONS = 6
_FUNCTIONS = 5
_LEAST_DUPLICATE = 0.1
_LEAST_SHARE = 0.02
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class PastIssues:
    """The issues of a tracker, as they were at the moment of the question.

    `similar` gives the past issues most like one, best first, at most as many as asked for. `place_of` gives
    the place of an issue's title, for citing; `info` says which synchronisation is searched.
    """

    info: SnapshotInfo
    reader: Callable[[], AbstractContextManager[BlobReader]]
    similar: Callable[[Issue, int], Sequence[SimilarIssue]]
    place_of: Callable[[Issue], Place | None]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a triage is answered for: `time` in seconds since the epoch; `is_past` where it was asked for."""

    time: int
    is_past: bool = False


@dataclass(slots=True)
class Work:
    """What is known so far, and what could not be done."""

    issue: IssueText
    report: Report
    searched: Searchable
    moment: Moment
    found: Localisation = field(default_factory=lambda: Localisation((), (), (), (), 0.0))
    similar: tuple[SimilarIssue, ...] = ()
    touches: tuple[Touch, ...] = ()
    culprits: tuple[RankedCulprit, ...] = ()
    by_rule: tuple[FoundOwner, ...] = ()
    by_history: tuple[FoundOwner, ...] = ()
    codeowners: tuple[str, str] | None = None
    labels: tuple[FoundLabel, ...] = ()
    notes: list[TriageNote] = field(default_factory=list[TriageNote])

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """Those whose past is looked at."""
        return self.found.suspects[:LOOKED_BACK]

    def note(self, part: Part, text: str) -> None:
        """Say what a part could not do."""
        self.notes.append(TriageNote(part=part, text=text))

    @contextmanager
    def part(self, part: Part) -> Generator[None]:
        """A part that may fail by itself: it is left out then, and says so."""
        try:
            yield
        except LoccitError as error:
            self.note(part, f"left out: {error.message}")


def sealed(
    work: Work,
    verdict: Sufficiency,
    past_issues: PastIssues | None,
    read: int,
    top: int,
    started: datetime,
    timings: Timings,
    version: str,
) -> Triage:
    """The document: every citation made and re-checked; `read` is how many characters of the issue were."""
    snapshots = [snapshot_info(work.searched)] + ([past_issues.info] if past_issues else [])
    with ExitStack() as stack:
        readers: dict[str, BlobReader] = {
            work.searched.name: stack.enter_context(work.searched.repository.reader())
        }
        if past_issues is not None:
            readers[past_issues.info.repo] = stack.enter_context(past_issues.reader())
        citer = Citer(readers, snapshots)
        parts = _parts(work, verdict, past_issues, citer, top)
    if citer.fallen:
        work.note(Part.CITATIONS, f"left out {citer.fallen:,} that did not hold when they were re-checked")
    timings.mark("verify")
    run = Run(
        trace_id=uuid.uuid4().hex,
        started_at=utc_time(started),
        timings_ms=timings.stages,
        index_age_s=index_age([work.searched]),
        version=version,
    )
    commit = work.searched.snapshot.commit
    is_past = work.moment.is_past and commit is not None
    return seal(
        issue=issue_fields(work.report, work.issue, read),
        as_of=AsOf(commit=commit or "", time=_time(work.moment.time)) if is_past else None,
        outcome=TriageOutcome.TRIAGED if verdict.is_enough else TriageOutcome.ABSTAINED,
        abstention=None if verdict.is_enough else TriageAbstention.NOT_ENOUGH,
        confidence=work.found.confidence,
        notes=tuple(work.notes),
        reply_draft=None,
        snapshots=tuple(snapshots),
        run=run,
        **parts,
    )


def _parts(
    work: Work, verdict: Sufficiency, past_issues: PastIssues | None, citer: Citer, top: int
) -> dict[str, object]:
    """The lists of the document, cited. An abstention has only what it asks for, and duplicates."""
    name = work.searched.name
    found = work.found if verdict.is_enough else replace(work.found, suspects=(), tests=(), docs=())
    fixes = work.found.similar_commits[:_FIXES] if verdict.is_enough else ()
    return {
        "suspects": tuple(_suspect(work, one, citer) for one in found.suspects[:top]),
        "tests": tuple(_suspect(work, one, citer) for one in found.tests[:top]),
        "docs": tuple(_suspect(work, one, citer) for one in found.docs[:top]),
        "duplicates": _duplicates(work, past_issues, citer),
        "similar_fixes": tuple(
            SimilarFix(
                commit=one.commit,
                time=_time(one.time),
                score=one.score,
                paths=tuple(map(_shown, one.paths)),
                citations=_one(citer.commit(name, one.commit)),
            )
            for one in fixes
        ),
        "culprits": tuple(
            Culprit(
                commit=one.touch.commit,
                time=_time(one.touch.time),
                score=one.score,
                reasons=one.reasons,
                paths=tuple(map(_shown, one.touch.paths)),
                citations=_one(citer.commit(name, one.touch.commit)),
            )
            for one in work.culprits[:_CULPRITS]
        ),
        "labels": tuple(
            SuggestedLabel(label=one.label, share=one.share, reasons=one.reasons) for one in work.labels
        ),
        "owners": _owners(work, citer),
        "ask": tuple(AskFor(what=what, question=question_for(what)) for what in verdict.lacking)
        if not verdict.is_enough
        else (),
    }


def _suspect(work: Work, suspect: Suspect, citer: Citer) -> SuspectFile:
    citations: dict[str, int] = {}
    cited: list[Citation] = []

    def number_of(citation: Citation | None) -> int | None:
        if citation is None:
            return None
        key = citation.model_dump_json()
        if key not in citations:
            citations[key] = len(cited)
            cited.append(citation)
        return citations[key]

    reasons: list[TriageReason] = []
    for reason in suspect.reasons[:_REASONS]:
        citation = citer.place(reason.place) if reason.place is not None else None
        if reason.commit is not None:
            citation = citer.commit(work.searched.name, reason.commit)
        reasons.append(TriageReason(kind=reason.kind, text=_shown(reason.text), citation=number_of(citation)))
    functions = suspect.functions[:_FUNCTIONS]
    # A suspect that nothing else cites is cited by its likeliest function.
    if functions and not any(citation.path or citation.path_base64 for citation in cited):
        number_of(citer.place(_place_of(work, suspect, functions[0])))
    return SuspectFile(
        **path_fields(suspect.path),
        blob=suspect.blob,
        role=suspect.role,
        score=suspect.score,
        probability=min(1.0, max(0.0, suspect.probability)),
        reasons=tuple(reasons),
        functions=tuple(
            TriageFunction(
                symbol=_shown(one.symbol),
                start_byte=one.start_byte,
                end_byte=one.end_byte,
                start_line=one.start_line,
                end_line=one.end_line,
                score=one.score,
            )
            for one in functions
        ),
        citations=tuple(cited),
    )


def _place_of(work: Work, suspect: Suspect, function: SuspectFunction) -> Place:
    return Place(
        repo=work.searched.name,
        commit=work.searched.snapshot.commit,
        tree=work.searched.snapshot.tree,
        path=suspect.path,
        object_id=suspect.blob,
        start_byte=function.start_byte,
        end_byte=function.end_byte,
        start_line=function.start_line,
        end_line=function.end_line,
    )


def _duplicates(work: Work, past_issues: PastIssues | None, citer: Citer) -> tuple[Duplicate, ...]:
    found: list[Duplicate] = []
    for one in work.similar[:_DUPLICATES]:
        if past_issues is None or one.probability < _LEAST_DUPLICATE:
            continue
        place = past_issues.place_of(one.issue)
        cited = citer.place(place, kind=CitationKind.ISSUE) if place is not None else None
        found.append(
            Duplicate(
                id=one.issue.id,
                url=one.issue.url or None,
                title=_shown(one.issue.title),
                is_open=one.issue.is_open,
                probability=one.probability,
                evidence=tuple(map(_shown, one.evidence)),
                citations=_one(cited),
            )
        )
    return tuple(found)


def _owners(work: Work, citer: Citer) -> tuple[Owner, ...]:
    searched = work.searched
    found: list[Owner] = []
    for one in work.by_rule[:_OWNERS]:
        citations: list[Citation] = []
        for rule in one.rules:
            if work.codeowners is None or has_address(rule):
                continue
            path, blob = work.codeowners
            place = Place(
                searched.name,
                searched.snapshot.commit,
                searched.snapshot.tree,
                path,
                blob,
                rule.start_byte,
                rule.end_byte,
                rule.line,
                rule.line,
            )
            citations += _one(citer.place(place))
        found.append(_owner(one, OwnerSource.CODEOWNERS, tuple(citations)))
    for one in work.by_history[:_OWNERS]:
        if one.share >= _LEAST_SHARE and one.commit is not None:
            cited = _one(citer.commit(searched.name, one.commit))
            found.append(_owner(one, OwnerSource.HISTORY, cited))
    return tuple(found)


def _owner(owner: FoundOwner, source: OwnerSource, citations: tuple[Citation, ...]) -> Owner:
    return Owner(
        name=_shown(owner.name),
        source=source,
        share=min(1.0, owner.share),
        reasons=tuple(map(_shown, owner.reasons)),
        citations=citations,
    )


def issue_fields(report: Report, issue: IssueText, read: int) -> TriagedIssue:
    """What the document says of the issue itself."""
    return TriagedIssue(
        origin=report.origin,
        id=report.id,
        url=report.url,
        title=issue.title,
        created=_time(report.created) if report.created is not None else None,
        sha256=report.sha256,
        characters=len(report.text),
        read=read,
    )


def _one(citation: Citation | None) -> tuple[Citation, ...]:
    return () if citation is None else (citation,)


def _shown(text: str) -> str:
    """A path or a name as text that a document can hold: bytes that are not UTF-8 are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _time(seconds: int) -> str:
    """Seconds since the epoch as documents have it; what no calendar holds is the nearest that one does."""
    moment = datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
