"""What is done about what a tracker tells: triage, one comment, corrections, and noting what became of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from loccit.core.errors import InputError, NotFound, NotIndexed, SettingsError
from loccit.core.issue_links import ReferenceKind, links_in
from loccit.core.triage import Triage, TriageAbstention, parse_triage
from loccit.pipeline.issue_comment import (
    MARKER,
    Web,
    comment_of,
    has_something_to_say,
    quiet_comment,
    write_comment,
)
from loccit.pipeline.slash_commands import Command, CommandName, Misunderstood, commands_in
from loccit.policy.callers import Caller, Role
from loccit.serving.hooks.events import (
    ChangeMerged,
    CommentTold,
    IssueTold,
    Pushed,
    ToldIssue,
)
from loccit.sources.issues.writing import Reaction, TrackerWriter

if TYPE_CHECKING:
    from loccit.core.issue_links import IssueReference
    from loccit.library import Loccit
    from loccit.serving.options import TrackerOptions
    from loccit.serving.service import Service
    from loccit.sources.issues.fixes import FixFinder
    from loccit.telemetry.triages import TriagedIssue

T = TypeVar("T")

_TOP = 10
_MOST_FIXED = 20


class Desk:
    """Deals with events of the trackers in the settings. Each method may be repeated: what is done already is
    found, and not done again.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._trackers = {one.tracker: one for one in service.options.trackers}

    async def deal(self, tracker: str, event: IssueTold | CommentTold | ChangeMerged | Pushed) -> None:
        """Do what an event asks for. Raises SourceError, Overloaded, DeadlinePassed, StorageFailed,
        SettingsError.
        """
        options = self._trackers.get(tracker)
        if options is None:
            raise SettingsError(f"the tracker {tracker!r} is no longer in the settings")
        match event:
            case IssueTold():
                await self._issue(options, event)
            case CommentTold():
                await self._comment(options, event)
            case ChangeMerged():
                await self._merged(options, event)
            case Pushed():
                for commit in event.commits:
                    await self._mended(options, _fixed_in(options, commit.message), commit.id, commit.files)

    # Issues

    async def _issue(self, tracker: TrackerOptions, event: IssueTold) -> None:
        known = await self._known(tracker, event.issue.id)
        if known is not None and event.issue.seen_at < known.seen_at:
            return  # something newer was dealt with before
        if event.action == "closed":
            await self._closed(tracker, event)
            return
        if event.action == "reopened":
            # What closed it did not mend it.
            known = await self._change(tracker, event.issue.id, fixed_at=None, fix="", fix_files=())
        await self._triaged(tracker, event.issue, known)

    async def _closed(self, tracker: TrackerOptions, event: IssueTold) -> None:
        known = await self._change(tracker, event.issue.id, seen_at=event.issue.seen_at)
        if known.fixed_at is not None or event.reason in {"not_planned", "duplicate"}:
            return
        fix = await self._asking(tracker, lambda fixes: fixes.fix_of(event.issue.id))
        if fix is not None:
            await self._mended(tracker, (event.issue.id,), fix.id, fix.files)

    async def _triaged(
        self, tracker: TrackerOptions, issue: ToldIssue, known: TriagedIssue | None, *, anew: bool = False
    ) -> None:
        """Triage an issue that is open and not mended, and say it where that is wanted."""
        text = _sha256(f"{issue.title}\n\n{issue.body}")
        is_mended = known is not None and known.fixed_at is not None
        if not issue.is_open or is_mended or not f"{issue.title}{issue.body}".strip():
            return
        is_new = known is None or known.triaged_at is None or known.text_sha256 != text
        if known is None or is_new or anew:
            triage, run = await self._triage(tracker, issue)
            if triage.abstention is not None and triage.abstention is not TriageAbstention.NOT_ENOUGH:
                raise NotIndexed(
                    f"the repository {tracker.repo!r} cannot be searched: {triage.abstention.value}",
                    next_step="run 'loccit index', and compare repo in [[serving.trackers]] with its name",
                )
            known = await self._change(
                tracker,
                issue.id,
                seen_at=issue.seen_at,
                text_sha256=text,
                triaged_at=time.time(),
                mode=tracker.mode,
                run=run,
                triage=triage.to_json(),
                said=comment_of(triage, web_of(tracker)) if has_something_to_say(triage) else "",
            )
        await self._said(tracker, known)

    async def _triage(self, tracker: TrackerOptions, issue: ToldIssue) -> tuple[Triage, str]:
        """As a guest who sees this one repository."""
        who = f"hook:{tracker.tracker}"[:200]
        caller = Caller(who, who, Role.READER, frozenset({tracker.repo}))
        report = issue.as_issue()
        return await self._service.run(
            caller, lambda loccit: loccit.triage_as_run(report, repo=tracker.repo, top=_TOP)
        )

    # What is written

    async def _said(self, tracker: TrackerOptions, known: TriagedIssue) -> None:
        """See to it that the one comment says what is to be said. In the mode `shadow` nothing is written."""
        if tracker.mode != "comment" or known.is_quiet:
            return
        triage = parse_triage(known.triage.encode())
        wanted = known.said or (comment_of(triage, web_of(tracker)) if known.comment else "")
        if wanted and known.written != _sha256(wanted):
            labels = tuple(one.label for one in triage.labels if one.label in tracker.labels)
            await self._comment_is(tracker, known, wanted, labels)

    async def _comment_is(
        self, tracker: TrackerOptions, known: TriagedIssue, wanted: str, labels: tuple[str, ...]
    ) -> None:
        """Our comment with this text: edited where there is one, also where nobody noted that there is. With
        the first one come labels; later ones would bring back what a maintainer took away.
        """

        def write(writer: TrackerWriter) -> str:
            if known.comment:
                written = writer.edit(known.issue, known.comment, wanted)
                # Somebody took it away, who does not want it.
                return "" if written is None else written.id
            if labels:
                writer.add_labels(known.issue, labels)
            return write_comment(writer, known.issue, wanted)

        comment = await self._writing(tracker, write)
        await self._change(
            tracker, known.issue, comment=comment, written=_sha256(wanted), is_quiet=not comment
        )

    # What maintainers say

    async def _comment(self, tracker: TrackerOptions, event: CommentTold) -> None:
        commands = commands_in(event.body) if MARKER not in event.body else ()
        duplicate = _duplicate_in(tracker, event)
        if event.user is None or not (commands or duplicate):
            return
        user = event.user
        if not await self._asking(tracker, lambda fixes: fixes.may_write(user)):
            return
        if duplicate and not commands:
            await self._change(tracker, event.issue.id, duplicate_of=duplicate, not_duplicate=False)
            return
        understood = True
        for command in commands:
            understood &= await self._command(tracker, event, command)
        if tracker.mode == "comment":
            reaction = Reaction.DONE if understood else Reaction.CONFUSED
            await self._writing(tracker, lambda w: w.react(event.issue.id, event.comment, reaction))

    async def _command(
        self, tracker: TrackerOptions, event: CommentTold, command: Command | Misunderstood
    ) -> bool:
        """Do what a maintainer says; whether it was understood."""
        if isinstance(command, Misunderstood):
            return False
        known = await self._known(tracker, event.issue.id)
        match command.name:
            case CommandName.FILES:
                if known is None or not await self._corrected(tracker, known, event, files=command.files):
                    return False
                await self._change(tracker, event.issue.id, corrected_files=command.files)
            case CommandName.WRONG:
                return known is not None and await self._corrected(
                    tracker, known, event, files=known.corrected_files, text=command.text
                )
            case CommandName.DUPLICATE:
                await self._change(tracker, event.issue.id, duplicate_of=command.issue, not_duplicate=False)
            case CommandName.NOT_DUPLICATE:
                await self._change(tracker, event.issue.id, duplicate_of="", not_duplicate=True)
            case CommandName.AGAIN:
                known = await self._change(tracker, event.issue.id, is_quiet=False)
                await self._triaged(tracker, event.issue, known, anew=True)
            case CommandName.QUIET:
                known = await self._change(tracker, event.issue.id, is_quiet=True)
                await self._hushed(tracker, known)
        return True

    async def _corrected(
        self,
        tracker: TrackerOptions,
        known: TriagedIssue,
        event: CommentTold,
        *,
        files: tuple[str, ...],
        text: str = "",
    ) -> bool:
        """Keep what is right as feedback on the run, where samples are made of it; whether it can be kept."""
        user = f"{tracker.web_host}:{event.author}"[:200]

        def rate(loccit: Loccit) -> bool:
            try:
                loccit.rate_run(known.run, good=False, correction=text, files=files, user=user)
            except NotFound:
                return bool(files)  # the run is forgotten; what counts for the figures is not
            except InputError:
                return False  # no path of a file in a repository
            return True

        return await self._service.book(rate) if known.run else bool(files)

    async def _hushed(self, tracker: TrackerOptions, known: TriagedIssue) -> None:
        """Take away what the comment said."""
        if tracker.mode == "comment" and known.comment:
            comment = known.comment
            await self._writing(tracker, lambda w: w.edit(known.issue, comment, quiet_comment()))
            await self._change(tracker, known.issue, written="")

    # What became of issues

    async def _merged(self, tracker: TrackerOptions, event: ChangeMerged) -> None:
        issues = _fixed_in(tracker, f"{event.title}\n\n{event.body}")
        if issues:
            fix = await self._asking(tracker, lambda fixes: fixes.change(event.id))
            await self._mended(tracker, issues, fix.id, fix.files)

    async def _mended(
        self, tracker: TrackerOptions, issues: tuple[str, ...], fix: str, files: tuple[str, ...]
    ) -> None:
        if issues and files:
            name, repo = tracker.tracker, tracker.repo
            await self._service.book(
                lambda loccit: loccit.triaged_issues().fixed(name, issues[:_MOST_FIXED], repo, fix, files)
            )

    # Rows and connections

    async def _known(self, tracker: TrackerOptions, issue: str) -> TriagedIssue | None:
        return await self._service.book(lambda loccit: loccit.triaged_issues().get(tracker.tracker, issue))

    async def _change(self, tracker: TrackerOptions, issue: str, **changed: Any) -> TriagedIssue:
        return await self._service.book(
            lambda loccit: loccit.triaged_issues().change(tracker.tracker, issue, tracker.repo, **changed)
        )

    async def _writing(self, tracker: TrackerOptions, work: Callable[[TrackerWriter], T]) -> T:
        """What `work` makes of a writer. It is opened here alone, and only in the mode `comment`."""

        def write() -> T:
            writer = self._service.loccit.tracker_writer(
                tracker.tracker, variable=tracker.write_token_variable
            )
            try:
                return work(writer)
            finally:
                writer.close()

        return await asyncio.to_thread(write)

    async def _asking(self, tracker: TrackerOptions, work: Callable[[FixFinder], T]) -> T:
        def ask() -> T:
            fixes = self._service.loccit.tracker_fixes(tracker.tracker, variable=tracker.token_variable)
            try:
                return work(fixes)
            finally:
                fixes.close()

        return await asyncio.to_thread(ask)


def web_of(tracker: TrackerOptions) -> Web:
    """Where people see the tracker and its repository."""
    return Web(f"{tracker.web_host}/{tracker.project}", tracker.known_host)


def _is_own(tracker: TrackerOptions, reference: IssueReference) -> bool:
    names = {tracker.project.lower(), f"{tracker.web_host}/{tracker.project.lower()}"}
    return reference.id.isdigit() and (reference.repo is None or reference.repo.lower() in names)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fixed_in(tracker: TrackerOptions, text: str) -> tuple[str, ...]:
    found = (
        link.id for link in links_in(text) if link.kind is ReferenceKind.FIXES and _is_own(tracker, link)
    )
    return tuple(dict.fromkeys(found))


def _duplicate_in(tracker: TrackerOptions, event: CommentTold) -> str:
    """The issue that a plain "Duplicate of #12" names."""
    found = (
        link.id
        for link in links_in(event.body)
        if link.kind is ReferenceKind.DUPLICATE_OF and _is_own(tracker, link)
    )
    return next((issue for issue in found if issue != event.issue.id), "")
