"""Putting together what a tracker tells of one issue in several places, and the links that its texts hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from loccit.core.issue_links import IssueReference, ReferenceKind, links_in
from loccit.core.issues import EventKind, Issue, IssueEvent, IssueKind, IssueLink, LinkKind
from loccit.sources.issues.texts import clean_comments, clean_events, clean_links
from loccit.sources.issues.tracker import Addition

IsOwn = Callable[[IssueReference], bool]


def updated(known: Issue, newer: Issue) -> Issue:
    """The newer issue, with the comments, events and links of what was known added to its own."""
    events = tuple(event for event in known.events if event.kind is not EventKind.DELETED)
    return replace(
        newer,
        comments=clean_comments((*known.comments, *newer.comments)),
        events=clean_events((*events, *newer.events)),
        links=clean_links((*known.links, *newer.links)),
    )


def added(known: Issue, addition: Addition) -> Issue:
    """The issue with what came to it."""
    return replace(
        known,
        comments=clean_comments((*known.comments, *addition.comments)),
        events=clean_events((*known.events, *addition.events)),
        links=clean_links((*known.links, *addition.links)),
    )


def deleted(known: Issue, time: int) -> Issue:
    """The issue, marked as gone from its tracker since `time`."""
    return replace(known, events=clean_events((*known.events, IssueEvent(EventKind.DELETED, time))))


def linked(issue: Issue, is_own: IsOwn) -> Issue:
    """The issue with the links that its texts hold, each as old as the text that it stands in."""
    texts = [(issue.created, issue.title), (issue.created, issue.body)]
    texts += [(comment.time, comment.body) for comment in issue.comments]
    found = [
        IssueLink(_link_kind(reference.kind, issue.kind), reference.id, time)
        for time, text in texts
        for reference in links_in(text)
        if is_own(reference) and reference.id != issue.id
    ]
    return replace(issue, links=clean_links((*issue.links, *found)))


def _link_kind(said: ReferenceKind, speaker: IssueKind) -> LinkKind:
    if said is ReferenceKind.DUPLICATE_OF:
        return LinkKind.DUPLICATE_OF
    # "fixes #12" in a report or its discussion is talk about a change that stands elsewhere.
    is_fix = said is ReferenceKind.FIXES and speaker is IssueKind.CHANGE
    return LinkKind.FIXES if is_fix else LinkKind.MENTIONS
