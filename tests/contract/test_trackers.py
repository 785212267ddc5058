"""One suite for every kind of tracker: both services, each kind of export, a folder of Markdown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loccit.core.issues import EventKind, Issue, IssueKind
from loccit.sources.issues import (
    IssueStore,
    SyncReport,
    Tracker,
    open_tracker,
    parse_issue,
    parse_tracker,
    render_issue,
    synchronise,
)
from loccit.sources.issues.texts import cleaned

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "sources" / "issues"))

from servers import GitHubServer, GitLabServer

FIRST = {"1": ("First", "Body one"), "2": ("Second", "Body two"), "3": ("Third", "Duplicate of #1")}
SECOND = {"2": ("Second, renamed", "Body two"), "4": ("Fourth", "New")}
DAY = "2024-01-0{}T00:00:00Z"


@dataclass(frozen=True)
class Place:
    """Where a tracker is, and how its issues are set: all of them, told when (a day of January 2024)."""

    source: str
    set: Callable[[dict[str, tuple[str, str]], int], None]
    close: Callable[[], None] = lambda: None


def github(_: Path) -> Place:
    server = GitHubServer()

    def setting(issues: dict[str, tuple[str, str]], day: int) -> None:
        for number, (title, body) in issues.items():
            server.add_issue(int(number), DAY.format(day), title=title, body=body)

    return Place(server.source, setting, server.close)


def gitlab(_: Path) -> Place:
    server = GitLabServer()

    def setting(issues: dict[str, tuple[str, str]], day: int) -> None:
        for number, (title, body) in issues.items():
            server.add("issues", int(number), DAY.format(day), title=title, description=body)

    return Place(server.source, setting, server.close)


def in_file(name: str, render: Callable[[dict[str, tuple[str, str]]], str]) -> Callable[[Path], Place]:
    def place(folder: Path) -> Place:
        path, known = folder / name, dict[str, tuple[str, str]]()

        def setting(issues: dict[str, tuple[str, str]], _: int) -> None:
            known.update(issues)
            path.write_text(render(known))

        return Place(f"jira:{path}" if name.startswith("jira") else str(path), setting)

    place.__name__ = name
    return place


def as_lines(issues: dict[str, tuple[str, str]]) -> str:
    return "\n".join(
        json.dumps({"id": number, "title": title, "body": body, "created": f"2024-01-0{number}"})
        for number, (title, body) in issues.items()
    )


def as_table(issues: dict[str, tuple[str, str]]) -> str:
    rows = [f'{number},"{title}","{body}",2024-01-0{number}' for number, (title, body) in issues.items()]
    return "\n".join(["id,title,body,created", *rows])


def as_jira_table(issues: dict[str, tuple[str, str]]) -> str:
    rows = [
        f'"{title}",{number},Open,0{number}/Jan/24 00:00,"{body}"' for number, (title, body) in issues.items()
    ]
    return "\n".join(["Summary,Issue id,Status,Created,Description", *rows])


def as_jira_json(issues: dict[str, tuple[str, str]]) -> str:
    return json.dumps(
        {
            "issues": [
                {"key": n, "fields": {"summary": title, "description": body, "created": f"2024-01-0{n}"}}
                for n, (title, body) in issues.items()
            ]
        }
    )


def as_jira_xml(issues: dict[str, tuple[str, str]]) -> str:
    items = (
        f"<item><key>{n}</key><summary>{title}</summary><description>{body}</description>"
        f"<created>Mon, {n} Jan 2024 00:00:00 +0000</created></item>"
        for n, (title, body) in issues.items()
    )
    return f"<rss><channel>{''.join(items)}</channel></rss>"


def folder(root: Path) -> Place:
    notes = root / "notes"
    notes.mkdir()

    def setting(issues: dict[str, tuple[str, str]], _: int) -> None:
        for number, (title, body) in issues.items():
            (notes / f"{number}.md").write_text(
                f"---\ncreated: 2024-01-0{number}\n---\n# {title}\n\n{body}\n"
            )

    return Place(str(notes), setting)


PLACES = [
    github,
    gitlab,
    in_file("x.jsonl", as_lines),
    in_file("x.csv", as_table),
    in_file("jira.csv", as_jira_table),
    in_file("jira.json", as_jira_json),
    in_file("jira.xml", as_jira_xml),
    folder,
]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tracker(place: Place, tmp_path: Path) -> Iterator[Tracker]:
    place.set(FIRST, 4)
    opened = open_tracker(parse_tracker(place.source, folder=tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> IssueStore:
    return IssueStore(tmp_path / "home")


def texts(store: IssueStore) -> dict[str, tuple[str, str]]:
    return {issue.id: (issue.title, issue.body) for issue in store.issues()}


def test_all_issues_come_and_then_what_changed(tracker: Tracker, place: Place, store: IssueStore) -> None:
    """First everything, then nothing, then a change and a new one."""
    assert synchronise(tracker, store).added == 3
    assert texts(store) == FIRST
    before = store.newest()
    again = synchronise(tracker, store)
    assert (again.added, again.changed, again.deleted) == (0, 0, 0)
    place.set(SECOND, 9)
    report: SyncReport = synchronise(tracker, store)
    assert (report.added, report.changed, report.deleted, report.total) == (1, 1, 0, 4)
    assert texts(store) == FIRST | SECOND
    assert before is not None
    assert {issue.title for issue in store.issues(before.commit)} == {"First", "Second", "Third"}


def test_reading_again_from_nothing_gives_the_same_files(
    tracker: Tracker, store: IssueStore, tmp_path: Path
) -> None:
    """What is kept depends on the tracker alone: the same bytes in another home, and after a full reading."""
    synchronise(tracker, store)
    other = IssueStore(tmp_path / "other")
    synchronise(tracker, other)
    first, second = store.newest(), other.newest()
    assert first is not None
    assert second is not None
    assert store.files(first.commit) == other.files(second.commit)
    report = synchronise(tracker, store, full=True)
    assert (report.added, report.changed, report.deleted) == (0, 0, 0)


def test_what_a_tracker_gives_can_be_kept(tracker: Tracker) -> None:
    """Each issue has a title, a time and an id of its own, and comes back from its file."""
    issues: list[Issue] = [cleaned(issue) for batch in tracker.changes({}) for issue in batch.issues]
    assert sorted(issue.id for issue in issues) == ["1", "2", "3"]
    for issue in issues:
        assert parse_issue(render_issue(issue)) == issue
        assert issue.kind is IssueKind.ISSUE
        assert issue.is_open
        assert not any(event.kind is EventKind.DELETED for event in issue.events)
        assert 1_704_000_000 < issue.created < 1_705_000_000


def test_a_cursor_is_json_and_goes_on(tracker: Tracker) -> None:
    """After the last batch there is nothing more, also when the cursor went through a file."""
    batches = list(tracker.changes({}))
    cursor = json.loads(json.dumps(batches[-1].cursor))
    assert not any(batch.issues or batch.additions for batch in tracker.changes(cursor))


def test_one_issue_can_be_asked_for(tracker: Tracker) -> None:
    """By its id; None for one that is not there."""
    found = tracker.issue("2")
    assert found is not None
    assert found.title == "Second"
    assert tracker.issue("777") is None


def test_its_own_references_are_told_from_others(tracker: Tracker, store: IssueStore) -> None:
    """`Duplicate of #1` in a text becomes a link."""
    synchronise(tracker, store)
    found = store.issue("3")
    assert found is not None
    assert [link.target for link in found.issue.links] == ["1"]


def test_a_source_is_written_one_way(tracker: Tracker, place: Place, tmp_path: Path) -> None:
    """What is remembered leads to the same tracker from any folder."""
    again = parse_tracker(tracker.source, folder=tmp_path / "elsewhere")
    assert again.source == tracker.source
    assert again.source in (place.source, str(place.source))
