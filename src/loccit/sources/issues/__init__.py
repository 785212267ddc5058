"""Issues as a source: read from a tracker, kept as commits of a bare repository of ours, seen as of any day.

`open_tracker` gives a `Tracker`, `synchronise` brings an `IssueStore` up to date with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loccit.sources.addresses import Guard
from loccit.sources.issues.issue_file import IssueRanges, parse_issue, path_of, ranges_of, render_issue
from loccit.sources.issues.locations import TrackerKind, TrackerLocation, parse_tracker
from loccit.sources.issues.store import IssueStore, StoredIssue, Synchronisation, TrackerState
from loccit.sources.issues.sync import SyncReport, synchronise
from loccit.sources.issues.tracker import Addition, Batch, Cursor, Tracker
from loccit.sources.options import SourceOptions

if TYPE_CHECKING:
    from loccit.sources.issues.api import Token

__all__ = [
    "Addition",
    "Batch",
    "Cursor",
    "IssueRanges",
    "IssueStore",
    "StoredIssue",
    "SyncReport",
    "Synchronisation",
    "Tracker",
    "TrackerKind",
    "TrackerLocation",
    "TrackerState",
    "open_tracker",
    "parse_issue",
    "parse_tracker",
    "path_of",
    "ranges_of",
    "render_issue",
    "synchronise",
]


def open_tracker(
    location: TrackerLocation,
    *,
    token: Token | None = None,
    options: SourceOptions | None = None,
    guard: Guard | None = None,
) -> Tracker:
    """The tracker at a location; the token goes to a REST interface only. Nothing is read yet.

    `guard` says what may be reached for somebody who asks over a network; without one everything may. Raises
    UnsafeSource for an interface without encryption, and for what may not.
    """
    chosen = options or SourceOptions()
    if location.kind is TrackerKind.GITHUB:
        from loccit.sources.issues.github import GitHub

        return GitHub(location, token=token, options=chosen, guard=guard)
    if location.kind is TrackerKind.GITLAB:
        from loccit.sources.issues.gitlab import GitLab

        return GitLab(location, token=token, options=chosen, guard=guard)
    if guard is not None:
        guard.check_folders(location.path)
    if location.kind is TrackerKind.FOLDER:
        from loccit.sources.issues.markdown_folder import MarkdownFolder

        return MarkdownFolder(location)
    from loccit.sources.issues.export import ExportTracker, parse_csv, parse_json_lines
    from loccit.sources.issues.jira import parse_jira

    parsers = {
        TrackerKind.JSONL: parse_json_lines,
        TrackerKind.CSV: parse_csv,
        TrackerKind.JIRA: parse_jira,
    }
    return ExportTracker(location, parsers[location.kind])
