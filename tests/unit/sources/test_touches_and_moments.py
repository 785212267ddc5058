"""How commits changed files, which tags there are, and where a branch was on a past day."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.errors import RevisionNotFound
from loccit.sources import Repository, open_repository
from loccit.sources.options import SourceOptions
from tests.repositories import FIRST_COMMIT_TIME, Commit, git, make_repository

ODD = 'src/a "b"\\c\ttab.py'
COMMITS: list[Commit] = [
    {"files": {"src/zones.py": "def far():\n    return 1\n", "b.py": "x = 1\n", ODD: "y = 1\n"}},
    {
        "files": {"src/zones.py": "def far():\n    return 2\n\n\ndef near():\n    return 0\n"},
        "message": "Zones\n\nmore",
    },
    {"files": {"b.py": "x = 2\n", ODD: "y = 2\n"}},
    {"files": {"src/zones.py": "diff --git a/b.py b/b.py\n"}},
]


def opened(path: Path, home: Path) -> Repository:
    return open_repository(str(path), home=home, options=SourceOptions())


def test_a_touch_says_who_when_and_in_which_definitions(tmp_path: Path) -> None:
    """In the order of the commits asked for; the author is a name without address."""
    made = make_repository(tmp_path / "r", COMMITS)
    repository = opened(tmp_path / "r", tmp_path / "home")
    touches = list(repository.touches(made[::-1], ["src/zones.py"]))
    assert [touch.commit for touch in touches] == [made[3], made[1], made[0]]
    second = touches[1]
    assert (second.author, second.time) == ("A U Thor", FIRST_COMMIT_TIME + 60)
    assert second.message == "Zones\n\nmore"
    assert second.paths == ("src/zones.py",)
    assert set(second.symbols[0]) == {"far", "near"}
    assert [touch.is_root for touch in touches] == [False, False, True]
    assert [touch.added for touch in touches] == [(), (), ("src/zones.py",)]


def test_a_path_with_odd_characters_is_found(tmp_path: Path) -> None:
    """git quotes it in a patch."""
    made = make_repository(tmp_path / "r", COMMITS)
    repository = opened(tmp_path / "r", tmp_path / "home")
    touches = list(repository.touches([made[2]], [ODD, "b.py", "src/*.py"]))
    assert [set(touch.paths) for touch in touches] == [{ODD, "b.py"}]


def test_a_line_that_looks_like_a_header_is_no_header(tmp_path: Path) -> None:
    """Lines of a patch begin with a sign."""
    made = make_repository(tmp_path / "r", COMMITS)
    repository = opened(tmp_path / "r", tmp_path / "home")
    (touch,) = repository.touches([made[3]], ["src/zones.py", "b.py"])
    assert touch.paths == ("src/zones.py",)


def test_a_merge_is_no_touch(tmp_path: Path) -> None:
    """What it seems to change came by its parents."""
    commits: list[Commit] = [
        {"files": {"a.py": "a = 1\n"}},
        {"files": {"a.py": "a = 2\n"}, "branch": "side", "parent": 0},
        {"files": {"b.py": "b = 1\n"}, "parent": 0},
        {"files": {"a.py": "a = 2\n"}, "merge": 1},
    ]
    made = make_repository(tmp_path / "r", commits)
    repository = opened(tmp_path / "r", tmp_path / "home")
    assert [t.commit for t in repository.touches(made, ["a.py"])] == made[:2]


def test_where_a_shallow_clone_ends_nothing_is_touched(tmp_path: Path) -> None:
    """There everything looks as if it had just been added."""
    made = make_repository(tmp_path / "r", COMMITS)
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{tmp_path / 'r'}", "shallow")
    repository = opened(tmp_path / "shallow", tmp_path / "home")
    assert [t.commit for t in repository.touches(made[2:], ["b.py", "src/zones.py"])] == [made[3]]


def test_tags_name_commits_with_their_times(tmp_path: Path) -> None:
    """Annotated and not, oldest first; a tag of a file is none."""
    made = make_repository(tmp_path / "r", COMMITS)
    git(tmp_path / "r", "tag", "v1", made[0])
    git(tmp_path / "r", "tag", "-a", "-m", "two", "v2", made[1])
    git(tmp_path / "r", "tag", "file", f"{made[0]}:b.py")
    tags = opened(tmp_path / "r", tmp_path / "home").tags()
    assert {(tag.name, tag.commit) for tag in tags} == {("v1", made[0]), ("v2", made[1])}
    assert all(tag.time >= FIRST_COMMIT_TIME for tag in tags)


def test_what_came_after_a_commit_is_told(tmp_path: Path) -> None:
    """Its ancestors are left out, and itself."""
    made = make_repository(tmp_path / "r", COMMITS)
    repository = opened(tmp_path / "r", tmp_path / "home")
    assert repository.without(made[3], [made[1]]) == {made[2], made[3]}
    assert repository.without(made[1], [made[3]]) == frozenset()


def test_a_day_is_answered_by_the_commit_of_its_branch(tmp_path: Path) -> None:
    """The newest that is not younger; of another branch only what was merged by then."""
    commits: list[Commit] = [
        {"files": {"a.py": "1"}},
        {"files": {"a.py": "2"}, "branch": "side", "parent": 0},
        {"files": {"b.py": "1"}, "parent": 0, "time": FIRST_COMMIT_TIME + 200},
        {"files": {"a.py": "2"}, "merge": 1, "time": FIRST_COMMIT_TIME + 300},
    ]
    made = make_repository(tmp_path / "r", commits)
    repository = opened(tmp_path / "r", tmp_path / "home")
    assert repository.commit_at(FIRST_COMMIT_TIME + 100) == made[0]
    assert repository.commit_at(FIRST_COMMIT_TIME + 200) == made[2]
    assert repository.commit_at(FIRST_COMMIT_TIME + 10_000) == made[3]
    with pytest.raises(RevisionNotFound, match="no commit yet on 2023-11-14"):
        repository.commit_at(FIRST_COMMIT_TIME - 1)


def test_a_folder_has_neither_touches_nor_tags(tmp_path: Path) -> None:
    """It has no history."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a\n")
    folder = opened(tmp_path / "notes", tmp_path / "home")
    assert list(folder.touches(["a" * 40], ["a.txt"])) == []
    assert folder.tags() == ()
    assert folder.without("a", []) == frozenset()
    with pytest.raises(RevisionNotFound, match="plain folder"):
        folder.commit_at(FIRST_COMMIT_TIME)
