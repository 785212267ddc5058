"""Which commits are fixes to learn from, and the issue that each speaks of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.source import Change, ChangedFile
from loccit.pipeline.mine import MOST_PATHS, MOST_SOURCES, MinedFix, issue_of, mine, mined
from loccit.sources import open_repository
from tests.repositories import Commit, git, make_repository

MESSAGE = "Fix crash on empty dates"


def edited(*paths: str) -> tuple[ChangedFile, ...]:
    return tuple(ChangedFile(path, "1" * 40, "2" * 40) for path in paths)


def change(
    message: str = MESSAGE,
    files: Sequence[ChangedFile] = edited("src/dates.py"),
    author: str = "A U Thor",
    parents: tuple[str, ...] = ("p" * 40,),
) -> Change:
    return Change("c" * 40, parents, 1000, author, message, tuple(files))


def test_a_fix_is_its_message_and_its_sources() -> None:
    """As of its parent; tests and docs are no answer."""
    files = edited("docs/dates.md", "src/dates.py", "tests/test_dates.py")
    assert mined(change(f"{MESSAGE}\n\nThey had no year.", files)) == MinedFix(
        commit="c" * 40,
        parent="p" * 40,
        time=1000,
        title=MESSAGE,
        body="They had no year.",
        paths=("src/dates.py",),
    )


@pytest.mark.parametrize(
    ("message", "title", "body"),
    [
        (MESSAGE, MESSAGE, ""),
        # What trackers leave in a subject.
        ("Fixed #123 -- Crash on empty dates.", "Crash on empty dates.", ""),
        ("[3.2.x] Fixed #123 -- Crash on empty dates.", "Crash on empty dates.", ""),
        ("Fixed #1, #2 -- Crash on empty dates.", "Crash on empty dates.", ""),
        ("Refs #123 -- Crash on empty dates.", "Crash on empty dates.", ""),
        ("fix(parser): crash on empty dates", "crash on empty dates", ""),
        ("fix!: crash on empty dates", "crash on empty dates", ""),
        ("bpo-42: crash on empty dates", "crash on empty dates", ""),
        ("gh-42: crash on empty dates (GH-43)", "crash on empty dates", ""),
        ("Crash on empty dates (#123)", "Crash on empty dates", ""),
        ("Crash on empty dates, fixes #123", "Crash on empty dates,", ""),
        ("#123 is not a title", "is not a title", ""),
        # What is no reference stays.
        ("Color #fff is parsed as a comment", "Color #fff is parsed as a comment", ""),
        ("Fix 3 crashes on empty dates", "Fix 3 crashes on empty dates", ""),
        ("See the dates crash", "See the dates crash", ""),
        ("Handle issue#5 in one word", "Handle issue#5 in one word", ""),
        # Trailers go, prose that begins like one stays.
        ("T\n\nBody.\n\nSigned-off-by: A <a@example.com>\nCo-Authored-By: B", "T", "Body."),
        ("T\n\nBody.\nCc: a@example.com\nChange-Id: I123\nPR-URL: https://example.com/1", "T", "Body."),
        ("T\n\nBody.\nThanks A U Thor for the report.", "T", "Body."),
        ("T\n\nBody.\n(cherry picked from commit 123)", "T", "Body."),
        ("T\n\nBackport of 123abc from main.\n\nBody.", "T", "Body."),
        ("T\n\nccache is asked twice.", "T", "ccache is asked twice."),
        ("T\n\nConflicts between rules were lost.", "T", "Conflicts between rules were lost."),
        ("T\n\nReported-by whom is not known.", "T", "Reported-by whom is not known."),
        ("T\n\nCloses #12. Resolves: #13\nSee gh-14 for more.", "T", "for more."),
        ("T\n\nLine one.\n\nLine two.", "T", "Line one.\n\nLine two."),
        # Other languages and odd texts.
        ("修复空日期崩溃的问题", "修复空日期崩溃的问题", ""),
        ("Ошибка разбора дат\n\nПодробности.", "Ошибка разбора дат", "Подробности."),
        ("no text \ufffd\ufffd here", "no text \ufffd\ufffd here", ""),
        (":100644 100644 a b M", ":100644 100644 a b M", ""),
        # What speaks of no issue.
        ("", "", ""),
        ("   ", "", ""),
        ("Fixes #12", "", ""),
        ("#12", "", ""),
        ('Revert "Fixed #123 -- Crash on empty dates."', "", ""),
        ('Reverted "Fixed crash on empty dates"', "", ""),
        ("[4.2.x] Reverted crash on empty dates", "", ""),
        ("Reverting the fix of dates", "", ""),
        ("Merge branch 'side' into main", "", ""),
        ("Merge pull request #12 from a/b", "", ""),
        ("Release 1.2.3 to the world", "", ""),
        ("[Release] all of the things", "", ""),
        ("release: cut the next one", "", ""),
        ("Bump version to the next one", "", ""),
        ("Bumped the version once more", "", ""),
        ("v1.2.3 is out now", "", ""),
        ("1.2.3 is out now", "", ""),
        ("Version 1.2 is out", "", ""),
        ("Prepare for release of it", "", ""),
        ("Back to development of it", "", ""),
        ("chore(deps): update all of them", "", ""),
        ("ci: run on every branch", "", ""),
        ("Update dependencies of the docs", "", ""),
        ("Updated translations of the admin", "", ""),
        ("[pre-commit.ci] pre-commit autoupdate of all", "", ""),
        ("Fix typos in the admin", "", ""),
        ("fix: typo in the admin", "", ""),
        ("Fixed #12 -- Typo in the admin", "", ""),
        ("Fix flake8 warnings everywhere", "", ""),
        ("Initial commit of the thing", "", ""),
        ("WIP on the parser today", "", ""),
        ("Happy new year to all", "", ""),
    ],
)
def test_a_message_becomes_an_issue(message: str, title: str, body: str) -> None:
    """Without references and trailers; an empty title where there is nothing to learn."""
    assert issue_of(message) == (title, body)


@pytest.mark.parametrize(
    "message",
    [
        "Fix",
        "Fix crash",
        "fix: crash",
        "Fixed #12 -- Crash",
        "",
        "修复",
        "Fix crash\n\nSigned-off-by: A U Thor",
    ],
)
def test_a_message_of_two_words_says_nothing(message: str) -> None:
    """References and trailers are no words."""
    assert mined(change(message)) is None


@pytest.mark.parametrize(
    "message", ["Fix the crash", "Crash\n\nOn dates.", "修复空日期崩溃", "Fix 空日期崩溃"]
)
def test_a_message_of_three_words_says_something(message: str) -> None:
    """In scripts without spaces as well."""
    assert mined(change(message)) is not None


@pytest.mark.parametrize(
    "author",
    [
        "dependabot[bot]",
        "renovate",
        "pre-commit-ci[bot]",
        "Some Bot",
        "github-actions",
        "PyUp",
        "Weblate (bot)",
    ],
)
def test_bots_are_skipped(author: str) -> None:
    """What they change is what they are made to change."""
    assert mined(change(author=author)) is None


@pytest.mark.parametrize("author", ["Abbot Costello", "Robot", "", "Talbot", "\ufffd"])
def test_people_are_not_bots(author: str) -> None:
    """Whatever their names end in, or when they give none."""
    assert mined(change(author=author)) is not None


@pytest.mark.parametrize("parents", [(), ("p" * 40, "q" * 40), ("p" * 40, "q" * 40, "r" * 40)])
def test_merges_and_roots_are_skipped(parents: tuple[str, ...]) -> None:
    """There is no one commit as of which the issue stood open."""
    assert mined(change(parents=parents)) is None


def test_mass_changes_are_skipped() -> None:
    """By their sources, and by all their files."""
    sources = [f"src/m{n}.py" for n in range(MOST_SOURCES + 1)]
    docs = [f"docs/d{n}.md" for n in range(MOST_PATHS)]
    assert mined(change(files=edited(*sources))) is None
    assert mined(change(files=edited(*sources[:-1]))) is not None
    assert mined(change(files=edited("src/m.py", *docs))) is None
    assert mined(change(files=edited("src/m.py", *docs[:-1]))) is not None


@pytest.mark.parametrize(
    "files",
    [
        (),
        edited("docs/guide.md", "tests/test_a.py", "setup.cfg"),
        (*edited("src/a.py"), ChangedFile("src/b.py", None, "2" * 40)),
        (*edited("src/a.py"), ChangedFile("src/b.py", "1" * 40, None)),
        (ChangedFile("src/a", None, None),),
    ],
)
def test_what_cannot_be_pointed_at_is_no_answer(files: tuple[ChangedFile, ...]) -> None:
    """Nothing changed, no source changed, or a source that was not there before or is not there after."""
    assert mined(change(files=files)) is None


def test_tests_may_come_with_the_fix() -> None:
    """Only the sources must have been there before."""
    files = (*edited("src/a.py"), ChangedFile("tests/test_a.py", None, "2" * 40))
    found = mined(change(files=files))
    assert found is not None
    assert found.paths == ("src/a.py",)


def test_fixes_come_in_the_order_of_the_changes() -> None:
    """What is none is passed over."""
    changes = [replace(change(), commit=name * 40, message=f"{MESSAGE} {name}") for name in "abcd"]
    changes[1] = replace(changes[1], author="dependabot[bot]")
    assert [fix.commit[0] for fix in mine(iter(changes))] == ["a", "c", "d"]


def test_a_history_is_mined(tmp_path: Path) -> None:
    """From a real repository: merges, reverts, renames and new files are passed over."""
    commits: list[Commit] = [
        {"files": {"src/a.py": "a = 1\n", "src/b.py": "b = 1\n"}, "message": "Begin with two modules"},
        {"files": {"src/a.py": "a = 2\n", "tests/test_a.py": "1"}, "message": "Fixed #1 -- Wrong value of a"},
        {"files": {"src/b.py": "b = 2\n"}, "message": "Wrong value of b", "branch": "side", "parent": 0},
        {"files": {"src/b.py": "b = 2\n"}, "message": "Take the side in", "parent": 1, "merge": 2},
        {"files": {"src/a.py": "a = 1\n"}, "message": 'Revert "Fixed #1 -- Wrong value of a"'},
        {"files": {"src/a.py": None, "src/c.py": "a = 1\n"}, "message": "Call it by its name"},
        {"files": {"src/c.py": "a = 3\n"}, "message": "The value was wrong", "time": 2**33},
    ]
    ids = make_repository(tmp_path / "r", commits)
    repository = open_repository(str(tmp_path / "r"), home=tmp_path / "home")
    found = {fix.commit: fix for fix in mine(repository.changes(repository.resolve(), ()))}
    assert found.keys() == {ids[1], ids[2], ids[6]}
    assert (found[ids[1]].title, found[ids[1]].paths) == ("Wrong value of a", ("src/a.py",))
    assert (found[ids[2]].parent, found[ids[2]].paths) == (ids[0], ("src/b.py",))
    assert (found[ids[6]].parent, found[ids[6]].time) == (ids[5], 2**33)


def test_where_a_shallow_clone_ends_nothing_is_mined(tmp_path: Path) -> None:
    """That commit seems to have made every file."""
    make_repository(
        tmp_path / "r", [{"files": {"src/a.py": f"a = {n}\n"}, "message": f"{MESSAGE} {n}"} for n in range(5)]
    )
    git(tmp_path, "clone", "-q", "--depth=3", (tmp_path / "r").as_uri(), "shallow")
    repository = open_repository(str(tmp_path / "shallow"), home=tmp_path / "home")
    found = list(mine(repository.changes(repository.resolve(), ())))
    assert [fix.title[-1] for fix in found] == ["3", "4"]


@given(st.text(max_size=300))
def test_any_message_is_read(message: str) -> None:
    """Title and body are parts of the message, and the title is one line."""
    title, body = issue_of(message)
    assert "\n" not in title
    assert title == title.strip()
    assert body == body.strip()
    assert len(title) + len(body) <= len(message)


@pytest.mark.parametrize(
    "message",
    [
        "a" + " " * 1_000_000 + "b",
        "Fix " + "fix" * 400_000,
        "Title of it\n\nfix" + " " * 1_000_000,
        "Title of it\n\n" + "fix : " * 200_000,
        "Title of it\n\n" + "#1 " * 400_000,
        "[a] " * 300_000,
        "(#1" * 400_000,
        "Title of it\n" * 100_000,
        "修" * 1_000_000,
    ],
)
def test_a_huge_message_is_read_quickly(message: str) -> None:
    """However it was made; only the beginning of a very long body is kept."""
    started = time.process_time()
    _, body = issue_of(message)
    assert time.process_time() - started < 1
    assert len(body) <= 8_000
