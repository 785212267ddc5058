"""Which past fixes are asked again, with which text, and which are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.issues import EventKind, Issue, IssueEvent, IssueKind, IssueLink, LinkKind
from loccit.indexing.changes import build_table
from loccit.learning.past_cases import MOST_GOLD, FixFinder, LeftOut, Origin, PastCases
from loccit.sources import SourceOptions, open_repository
from tests.repositories import Commit, make_repository
from tests.unit.learning.fixing import fixes, issue, path_of, source, time_of

POSTAGE, ZONE = path_of("postage"), path_of("zone")


def cases_of(
    folder: Path, commits: list[Commit], issues: list[Issue], count: int = 100, name: str = "parcels"
) -> tuple[list[str], PastCases]:
    made = make_repository(folder / name, commits)
    repository = open_repository(str(folder / name), home=folder / "home", options=SourceOptions())
    finder = FixFinder(issues, name=repository.name)
    table = build_table(finder.watch(repository.changes(made[-1], ())))
    return made, finder.cases(repository, table, count)


def fixing(message: str, **more: object) -> list[Commit]:
    """The files, and one commit with this message that changes the postage."""
    last: Commit = {"message": message, "files": {POSTAGE: source("postage", 99)}}
    return [*fixes(0), {**last, **more}]  # type: ignore[typeddict-item]


def test_without_a_tracker_the_newest_fix_commits_are_asked(tmp_path: Path) -> None:
    """Their message is the issue; the oldest moment comes first; the parent is where they are asked."""
    made, found = cases_of(tmp_path, fixes(6), [], count=2)
    assert found.origin is Origin.COMMITS
    assert [case.commit for case in found.cases] == made[-2:]
    assert [case.parent for case in found.cases] == made[-3:-1]
    assert [case.moment for case in found.cases] == [time_of(4), time_of(5)]
    assert found.cases[0].title == "Fix the wrong courier of heavy ones"
    assert found.cases[0].gold == {path_of("courier")}


@pytest.mark.parametrize(
    "message",
    [
        "Fixes #12\n",
        "Round the postage\n\nCloses #12, #13.\n",
        "Round the postage (#40)\n\nA squashed change.\n",
        "Merge pull request #40 from somebody/branch\n",
    ],
)
def test_a_commit_fixes_what_its_message_or_the_change_that_it_merges_says(
    tmp_path: Path, message: str
) -> None:
    """`Fixes #12`, or the number of a proposed change that closes the issue."""
    change = issue("40", "Round", kind=IssueKind.CHANGE, links=(IssueLink(LinkKind.FIXES, "12", 5),))
    made, found = cases_of(tmp_path, fixing(message), [issue("12"), change])
    assert found.origin is Origin.ISSUES
    assert [(case.id, case.commit) for case in found.cases] == [("12", made[-1])]
    assert found.cases[0].gold == {POSTAGE}


def test_a_key_at_the_beginning_of_a_message_is_what_it_fixes(tmp_path: Path) -> None:
    """As projects with Jira write it; a key in the middle mentions."""
    commits = [
        *fixing("PARCEL-12. Round the postage."),
        {"message": "Like PARCEL-13", "files": {ZONE: ""}},
    ]
    _, found = cases_of(tmp_path, commits, [issue("PARCEL-12"), issue("PARCEL-13")])
    assert [case.id for case in found.cases] == ["PARCEL-12"]


def test_a_link_of_the_tracker_makes_a_fix(tmp_path: Path) -> None:
    """Whatever the message says."""
    made = make_repository(tmp_path / "first", fixing("Round it"))
    linked = issue("12", links=(IssueLink(LinkKind.FIXED_BY, made[-1], 7),))
    again, found = cases_of(tmp_path, fixing("Round it"), [linked])
    assert again == made
    assert [case.commit for case in found.cases] == [made[-1]]


def test_a_merge_has_what_it_brings_to_its_first_parent(tmp_path: Path) -> None:
    """And is asked as of that parent."""
    commits: list[Commit] = [
        *fixes(0),
        {"message": "Round", "files": {POSTAGE: source("postage", 7)}, "branch": "topic", "parent": 0},
        {"message": "Other work", "files": {ZONE: source("zone", 7)}},
        # A merge made by script takes nothing over by itself.
        {
            "message": "Merge pull request #40 from a/b",
            "merge": 1,
            "files": {POSTAGE: source("postage", 7)},
        },
    ]
    change = issue("40", "Round", kind=IssueKind.CHANGE, links=(IssueLink(LinkKind.FIXES, "12", 5),))
    made, found = cases_of(tmp_path, commits, [issue("12"), change])
    (case,) = found.cases
    assert (case.commit, case.parent, case.gold) == (made[3], made[2], {POSTAGE})


def test_the_first_fix_of_an_issue_counts(tmp_path: Path) -> None:
    """What comes after it is another story; a revert fixes nothing."""
    commits: list[Commit] = [
        *fixes(0),
        {"message": 'Revert "Fixes #12"\n\nThis fixes #12 not', "files": {ZONE: source("zone", 5)}},
        {"message": "Fixes #12", "files": {POSTAGE: source("postage", 5)}},
        {"message": "Fixes #12 once more", "files": {ZONE: source("zone", 6)}},
    ]
    made, found = cases_of(tmp_path, commits, [issue("12")])
    assert [case.commit for case in found.cases] == [made[2]]


def test_the_issue_is_read_as_it_stood_before_the_fix(tmp_path: Path) -> None:
    """With the title that it had; comments and younger events are not read."""
    renamed = IssueEvent(EventKind.RENAMED, time_of(9), "What it was called")
    later = issue("12", "postage.py is to blame", "Off by one", events=(renamed,))
    _, found = cases_of(tmp_path, fixing("Fixes #12"), [later])
    assert (found.cases[0].title, found.cases[0].body) == ("What it was called", "Off by one")


def many(count: int) -> dict[str, str]:
    return {f"src/many/part{number}.py": f"n = {number}\n" for number in range(count)}


@pytest.mark.parametrize(
    ("commits", "made", "reason"),
    [
        (fixing("Fixes #12"), issue("12", created=time_of(5)), LeftOut.YOUNGER),
        (fixing("Fixes #12"), issue("12", " ", "\n"), LeftOut.EMPTY),
        (fixing("Fixes #12", files={"src/new.py": "n = 1\n"}), issue("12"), LeftOut.NOTHING_BEFORE),
        (fixing("Fixes #12", files={"docs/guide.md": "# Guide\n"}), issue("12"), LeftOut.NOTHING_BEFORE),
        (
            [
                {"files": many(MOST_GOLD + 1)},
                {"message": "Fixes #12", "files": dict.fromkeys(many(MOST_GOLD + 1), "n = 99\n")},
            ],
            issue("12"),
            LeftOut.MASS_CHANGE,
        ),
    ],
)
def test_what_cannot_be_asked_is_left_out_and_counted(
    tmp_path: Path, commits: list[Commit], made: Issue, reason: LeftOut
) -> None:
    """Each with its reason."""
    _, found = cases_of(tmp_path, commits, [made])
    assert found.cases == ()
    assert found.left_out == {reason: 1}


def test_an_issue_that_names_its_own_fix_is_left_out(tmp_path: Path) -> None:
    """Its text was edited afterwards."""
    made = make_repository(tmp_path / "first", fixing("Fixes #12"))
    _, found = cases_of(tmp_path, fixing("Fixes #12"), [issue("12", body=f"fixed in {made[-1][:8]}")])
    assert found.left_out == {LeftOut.NAMES_FIX: 1}


def test_a_tracker_without_fixes_gives_way_to_the_commits(tmp_path: Path) -> None:
    """Stated by the origin."""
    _, found = cases_of(tmp_path, fixes(3), [issue("12")])
    assert found.origin is Origin.COMMITS
    assert len(found.cases) == 3


def test_a_reference_to_another_repository_fixes_nothing_here(tmp_path: Path) -> None:
    """The history is asked by its messages then."""
    _, found = cases_of(tmp_path, fixing("Round the postage, fixes other/thing#12"), [issue("12")])
    assert found.origin is Origin.COMMITS
