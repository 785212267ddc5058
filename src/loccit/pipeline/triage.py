"""From an issue to where its cause may be: read it, localise, compare, look back, ask who, judge, cite."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from loccit.core.answers import Run
from loccit.core.errors import InputError
from loccit.core.issues import Issue, IssueKind
from loccit.core.suspects import Localisation, Suspect
from loccit.core.triage import Part, Triage, TriageAbstention, TriageOutcome, seal
from loccit.pipeline.labels import suggest_labels
from loccit.pipeline.options import PipelineOptions
from loccit.pipeline.owners import owners_by_history, owners_by_rule
from loccit.pipeline.report import Report
from loccit.pipeline.searchable import Searchable, Timings, utc_time
from loccit.pipeline.sufficiency import judge
from loccit.pipeline.triage_document import Moment, PastIssues, Work, issue_fields, sealed
from loccit.retrieval.culprits import Window, rank_culprits, tag_of, versions_told
from loccit.retrieval.issue_text import IssueText, VersionClue, read_issue
from loccit.sources.codeowners import CodeOwners, dialect_of, find_codeowners, read_codeowners

# How many of the suspects' newest changes are looked at.
_CHANGES = 100
_SIMILAR = 20
_SHOWN_BAD_LINES = 3
# A commit with a smaller share says nothing.
_LEAST_SHARE = 0.02

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:$|[T ]\d)")
_DAY_CHARS = 10


class Localiser(Protocol):
    """Says where the cause of an issue may be."""

    def suspects(self, issue: IssueText) -> Localisation:
        """Source files, without tests and documentation."""
        ...

    def commits_changing(self, paths: Iterable[str]) -> list[str]:
        """The commits that changed any of these source files, newest first."""
        ...

    def apart(self, issue: IssueText) -> tuple[tuple[Suspect, ...], tuple[Suspect, ...]]:
        """Tests, and documentation. Called in a thread of its own."""
        ...


def triage(
    report: Report,
    searched: Searchable,
    *,
    localiser: Localiser,
    ranker_note: str,
    past_issues: PastIssues | None,
    options: PipelineOptions,
    moment: Moment,
    top: int,
    version: str,
) -> Triage:
    """Triage a report against one repository at one commit.

    `localiser` says where the cause may be; what it raises is raised. `ranker_note` is what is to be told
    about how it ranks. Every other part that fails is left out with a note. At most `top` files of each kind
    are named.
    """
    started, timings = datetime.now(UTC), Timings()
    text = report.text[: options.max_issue_chars]
    body = text if report.title is None else report.body[: options.max_issue_chars]
    work = Work(read_issue(body, title=report.title), report, searched, moment)
    _tell_reading(work, len(text))
    timings.mark("read")
    if ranker_note:
        work.note(Part.SUSPECTS, ranker_note)
    work.found = localiser.suspects(work.issue)
    timings.mark("localise")
    _look_for_duplicates(work, past_issues)
    timings.mark("duplicates")
    verdict = judge(work.issue, work.found, least_confidence=options.triage_confidence)
    if verdict.is_enough:
        changing = localiser.commits_changing(suspect.path for suspect in work.suspects)
        with ThreadPoolExecutor(1) as beside:
            # Looking back is mostly waiting for git, and looks at nothing that the localiser looks at.
            apart = beside.submit(localiser.apart, work.issue)
            _look_back(work, changing)
            timings.mark("history")
            tests, docs = apart.result()
        work.found = replace(work.found, tests=tests, docs=docs)
        timings.mark("tests_and_docs")
        with work.part(Part.OWNERS):
            _look_up_owners(work)
        work.labels = suggest_labels(
            options.labels, work.similar, options.component_labels, work.found.suspects[:top]
        )
        _tell_labels(work, options, past_issues)
        timings.mark("owners")
    else:
        work.note(Part.SUSPECTS, f"not enough to go on: {verdict.why}")
    return sealed(work, verdict, past_issues, len(text), top, started, timings, version)


def abstain(report: Report, why: TriageAbstention, *, version: str) -> Triage:
    """A triage that says why nothing could be searched."""
    run = Run(
        trace_id=uuid.uuid4().hex, started_at=utc_time(datetime.now(UTC)), timings_ms={}, version=version
    )
    issue = read_issue(report.body, title=report.title)
    nothing = dict.fromkeys(
        "suspects tests docs duplicates similar_fixes culprits labels owners ask notes snapshots".split(), ()
    )
    return seal(
        issue=issue_fields(report, issue, len(report.text)),
        as_of=None,
        outcome=TriageOutcome.ABSTAINED,
        abstention=why,
        confidence=0.0,
        reply_draft=None,
        run=run,
        **nothing,
    )


# The parts


def _tell_reading(work: Work, read: int) -> None:
    for note in work.report.notes:
        work.note(Part.ISSUE, note)
    whole = len(work.report.text)
    if read < whole:
        work.note(Part.ISSUE, f"it has {whole:,} characters: the first {read:,} were read")


def _look_for_duplicates(work: Work, past_issues: PastIssues | None) -> None:
    if past_issues is None:
        work.note(Part.DUPLICATES, "no tracker was read here, so past issues are not known")
        return
    with work.part(Part.DUPLICATES):
        report, now = work.report, work.moment.time
        issue = Issue(
            id=report.id or "",
            kind=IssueKind.ISSUE,
            title=work.issue.title,
            body=report.body,
            author="",
            created=min(report.created or now, now),
            is_open=True,
        )
        work.similar = tuple(past_issues.similar(issue, _SIMILAR))


def _look_back(work: Work, changing: Sequence[str]) -> None:
    """Culprits and the suspects' changes, from the commits that changed them, newest first."""
    history, repository = work.searched.history, work.searched.repository
    if history is None:
        why = "its history is not indexed" if repository.is_git else "a plain folder has no history"
        for part in (Part.CULPRITS, Part.SIMILAR_FIXES):
            work.note(part, f"left out: {why}")
        return
    record, _ = history
    if record.is_shallow:
        work.note(Part.CULPRITS, "the clone is shallow: changes before its first commits are not known")
    with work.part(Part.CULPRITS):
        window = _window(work, record.commit or record.id)
        paths = [suspect.path for suspect in work.suspects]
        commits = changing[:_CHANGES]
        work.touches = tuple(repository.touches(commits, paths))
        after = window.after_good
        candidates = work.touches
        if after is not None:
            more = [commit for commit in changing[_CHANGES:] if commit in after][:_CHANGES]
            candidates = (*candidates, *repository.touches(more, paths))
        now = work.moment.time
        reported = min(work.report.created or now, now)
        ranked = rank_culprits(
            candidates, work.suspects, work.issue, window=window, reported=reported, now=now
        )
        work.culprits = tuple(one for one in ranked if one.score >= _LEAST_SHARE)
        if ranked and not work.culprits:
            work.note(Part.CULPRITS, "of the commits that changed the likeliest files none stands out")
        elif not ranked:
            work.note(Part.CULPRITS, _why_no_culprit(work, window))


def _why_no_culprit(work: Work, window: Window) -> str:
    if not work.touches:
        return "no commit of the history changed one of the likeliest files"
    if all(touch.is_root for touch in work.touches):
        return "the likeliest files came with the first commit and were not changed since"
    if window.good is not None:
        return f"no commit after {window.good.name} changed one of the likeliest files"
    return "no commit before the report changed one of the likeliest files"


def _window(work: Work, tip: str) -> Window:
    """Between which tags the fault came in, by the versions that the report names."""
    repository, now = work.searched.repository, work.moment.time
    told = {
        clue: versions_told(work.issue, repository.name, clue) for clue in (VersionClue.GOOD, VersionClue.BAD)
    }
    if not any(told.values()):
        return Window()
    tags = [tag for tag in repository.tags() if tag.time <= now or not work.moment.is_past]
    found = {
        clue: [tag for version in versions if (tag := tag_of(version, tags)) is not None]
        for clue, versions in told.items()
    }
    unknown = [v for versions in told.values() for v in versions if tag_of(v, tags) is None]
    if unknown:
        work.note(Part.CULPRITS, f"no tag stands for the version {', '.join(dict.fromkeys(unknown))}")
    good = max(found[VersionClue.GOOD], key=lambda tag: tag.time, default=None)
    bad = min(found[VersionClue.BAD], key=lambda tag: tag.time, default=None)
    if good and bad and bad.time <= good.time:
        work.note(Part.CULPRITS, f"{bad.name} is called bad and {good.name} good, which came no earlier")
        good = None
    return Window(
        good=good,
        bad=bad,
        after_good=repository.without(tip, [good.commit]) if good else None,
        after_bad=repository.without(tip, [bad.commit]) if bad else frozenset(),
    )


def _look_up_owners(work: Work) -> None:
    changes = [touch for touch in work.touches if touch.paths]
    work.by_history = tuple(owners_by_history(changes, work.suspects, work.moment.time))
    files = work.searched.view.files
    path = find_codeowners(files.paths)
    if path is None:
        return
    blob = files.blobs[list(files.paths).index(path)]
    with work.searched.repository.reader() as reader:
        data = reader.read(blob).data
    owners: CodeOwners = read_codeowners(data, dialect_of(path, data, work.searched.name))
    for bad in owners.bad_lines[:_SHOWN_BAD_LINES]:
        work.note(Part.OWNERS, f"{path} line {bad.line} was passed over: {bad.problem}")
    if len(owners.bad_lines) > _SHOWN_BAD_LINES:
        more = len(owners.bad_lines) - _SHOWN_BAD_LINES
        work.note(Part.OWNERS, f"{path}: {more:,} more lines were passed over")
    work.codeowners = (path, blob)
    work.by_rule = tuple(owners_by_rule(owners, work.suspects))


def _tell_labels(work: Work, options: PipelineOptions, past_issues: PastIssues | None) -> None:
    if work.labels:
        return
    if past_issues is None and not options.component_labels:
        work.note(Part.LABELS, "neither a tracker nor component_labels say which labels there are")
    else:
        work.note(Part.LABELS, "no label is clear")


def date_of(written: str) -> int | None:
    """Seconds since the epoch of an ISO date or time, of a day its last second; None for anything else.

    Without a zone it is UTC. A year alone or a compact date could be an abbreviated commit: they are none.
    """
    if not _DATE.match(written):
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(f"{written!r} is no date: {error}", next_step="write it as 2024-05-31") from error
    if len(written) == _DAY_CHARS:
        moment = moment.replace(hour=23, minute=59, second=59)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def now_seconds() -> int:
    """The time of this machine, in seconds since the epoch."""
    return int(time.time())
