"""The table of changes against plain walking, git's own, and itself in other orders."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken, StorageFailed
from loccit.core.source import Change, ChangedFile, path_text
from loccit.indexing.arrays import read_arrays, write_arrays
from loccit.indexing.changes import (
    MOST_FILES,
    ChangeTable,
    build_table,
    is_fix,
    read_table,
    renamed,
    write_table,
)
from loccit.sources import open_repository
from tests.repositories import Commit, git, make_repository

# A history in short: each commit's parents by number, and what it does to names.
Step = tuple[tuple[int, ...], tuple[tuple[str, str], ...]]
NAMES = "abcde"


def named(text: str) -> str:
    return sha1(text.encode()).hexdigest()


def moved(old: str, new: str) -> tuple[ChangedFile, ChangedFile]:
    """The two sides of a file that changes its name."""
    blob = named(f"{old} {new}")
    return ChangedFile(old, blob, None), ChangedFile(new, None, blob)


def edited(path: str) -> ChangedFile:
    return ChangedFile(path, named("old"), named("new"))


def change(
    number: int, parents: Sequence[int], files: Sequence[ChangedFile], time: int | None = None
) -> Change:
    return Change(
        commit=named(f"commit {number}"),
        parents=tuple(named(f"commit {parent}") for parent in parents),
        time=1000 + number if time is None else time,
        author="A",
        message=f"{'Fix' if number % 3 == 0 else 'Change'} {number}",
        files=tuple(files),
    )


def renames(*pairs: tuple[str, str]) -> list[Change]:
    """One commit after the other, each with one rename."""
    return [change(n, [n - 1] if n else [], moved(*pair)) for n, pair in enumerate(pairs)]


def everything(table: ChangeTable) -> np.ndarray:
    return np.ones(len(table), dtype=bool)


def now(table: ChangeTable, paths: Sequence[str], is_past: np.ndarray | None = None) -> dict[str, str | None]:
    """Where each path of the table is now."""
    found = table.files_now(everything(table) if is_past is None else is_past, paths).tolist()
    return {old: paths[new] if new >= 0 else None for old, new in zip(table.paths, found, strict=True)}


def content(table: ChangeTable) -> dict[str, tuple[object, ...]]:
    """What the table says of each commit, whatever its numbers."""
    found: dict[str, tuple[object, ...]] = {}
    for number, commit in enumerate(table.commits):
        parents = table.parents[table.parent_at[number] : table.parent_at[number + 1]].tolist()
        paths = table.changed[table.changed_at[number] : table.changed_at[number + 1]].tolist()
        moves = table.renames[table.renames[:, 0] == number, 1:].tolist()
        found[commit] = (
            int(table.times[number]),
            bool(table.is_fix[number]),
            [table.commits[parent] for parent in parents],
            [table.paths[path] for path in paths],
            [(table.paths[old], table.paths[new]) for old, new in moves],
        )
    return found


def assert_same(one: ChangeTable, other: ChangeTable) -> None:
    """Equal to the last number."""
    assert list(one.commits) == list(other.commits)
    assert list(one.paths) == list(other.paths)
    for name in ("times", "is_fix", "parent_at", "parents", "changed_at", "changed", "renames"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype, name


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Commits that part and merge, that edit and rename, with clocks that go as they like."""
    changes: list[Change] = []
    for number in range(draw(st.integers(1, 12))):
        earlier = st.integers(max(0, number - 4), number - 1)
        parents = draw(st.lists(earlier, min_size=1, max_size=3, unique=True)) if number else []
        files: list[ChangedFile] = []
        if len(parents) < 2:
            old, new = draw(st.permutations(NAMES))[:2]
            files = list(moved(old, new)) if draw(st.booleans()) else [edited(old)]
        time = draw(st.integers(-(2**40), 2**40) | st.just(1000 + number))
        changes.append(change(number, parents, files, time))
    return changes


def reordered(changes: Sequence[Change], seed: int) -> list[Change]:
    """The same commits, parents before children, in some other order."""
    chance = random.Random(seed)
    left, placed, result = list(changes), set[str](), list[Change]()
    while left:
        ready = [each for each in left if placed.issuperset(each.parents)]
        chosen = chance.choice(ready)
        left.remove(chosen)
        placed.add(chosen.commit)
        result.append(chosen)
    return result


def ancestry(changes: Sequence[Change], commit: str) -> set[str]:
    """The commit and all that lead to it, by walking."""
    parents = {each.commit: each.parents for each in changes}
    found: set[str] = set()
    waiting = [commit]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += parents[current]
    return found


# What leads to a commit


@given(histories(), st.data())
def test_the_past_of_a_commit_is_what_leads_to_it(changes: list[Change], data: st.DataObject) -> None:
    """Of several commits at once, and of those that the table does not have nothing is known."""
    table = build_table(changes)
    asked = data.draw(st.lists(st.sampled_from([each.commit for each in changes]), unique=True))
    found = table.past_of([*asked, named("nobody's")])
    assert found.keys() == set(asked)
    for commit, is_past in found.items():
        assert {c for c, here in zip(table.commits, is_past, strict=True) if here} == ancestry(
            changes, commit
        )


@given(histories(), st.data())
def test_the_common_past_of_commits_leads_to_each(changes: list[Change], data: st.DataObject) -> None:
    """To a commit that is not known nothing does."""
    table = build_table(changes)
    commits = [each.commit for each in changes]
    asked = data.draw(st.lists(st.sampled_from(commits), min_size=1, unique=True))
    common = {c for c, here in zip(table.commits, table.common_past(asked), strict=True) if here}
    assert common == set.intersection(*(set(ancestry(changes, commit)) for commit in asked))
    assert not table.common_past([*asked, named("nobody's")]).any()
    assert not table.common_past([]).any()


def test_the_past_is_what_git_says_it_is(tmp_path: Path) -> None:
    """On a repository with branches, merges of two and an octopus."""
    commits: list[Commit] = [
        {"files": {"a": "0"}},
        {"files": {"b": "0"}, "parent": 0, "branch": "side"},
        {"files": {"a": "1"}, "parent": 0},
        {"files": {"c": "0"}, "parent": 1, "branch": "side"},
        {"files": {"b": "0"}, "parent": 2, "merge": 1},
        {"files": {"d": "0"}, "parent": 0, "branch": "other"},
        {"files": {"a": "2"}, "parent": 4},
    ]
    ids = make_repository(tmp_path / "r", commits)
    tree = git(tmp_path / "r", "rev-parse", f"{ids[6]}^{{tree}}")
    parents = [word for parent in (ids[6], ids[3], ids[5]) for word in ("-p", parent)]
    octopus = git(tmp_path / "r", "commit-tree", tree, *parents, "-m", "Octopus")
    repository = open_repository(str(tmp_path / "r"), home=tmp_path / "home")
    table = build_table(repository.changes(octopus, ()))
    found = table.past_of(table.commits)
    assert found.keys() == {*ids, octopus}
    for commit, is_past in found.items():
        leading = [c for c, here in zip(table.commits, is_past, strict=True) if here]
        assert sorted(leading) == sorted(git(tmp_path / "r", "rev-list", commit).split())


def test_nothing_is_the_past_of_no_commits() -> None:
    """Nor of anything in a table that is empty."""
    assert build_table([]).past_of(["a" * 40]) == {}
    assert build_table(renames(("a", "b"))).past_of([]) == {}


def test_a_parent_that_is_named_twice_counts_once() -> None:
    """Some converters wrote such merges."""
    table = build_table([change(0, [], []), change(1, [0, 0], []), change(2, [1], [])])
    assert table.past_of([table.commits[2]])[table.commits[2]].all()


def test_a_parent_that_is_not_there_is_left_out() -> None:
    """What a shallow clone left behind, or what was passed over as known."""
    table = build_table([change(1, [0], []), change(2, [1, 7], [])])
    assert content(table)[table.commits[0]][2] == []
    assert content(table)[table.commits[1]][2] == [table.commits[0]]


# Where files are now


@pytest.mark.parametrize(
    ("pairs", "paths", "expected"),
    [
        ([("a", "b")], "b", {"a": "b", "b": "b"}),
        ([("a", "b")], "c", {"a": None, "b": None}),
        ([("a", "b"), ("b", "c"), ("c", "d")], "d", {"a": "d", "b": "d", "c": "d", "d": "d"}),
        ([("a", "b"), ("b", "a")], "a", {"a": "a", "b": "a"}),
        ([("a", "b"), ("b", "a"), ("a", "b")], "b", {"a": "b", "b": "b"}),
        ([("a", "t"), ("b", "a"), ("t", "b")], "ab", {"a": "a", "t": "b", "b": "b"}),
        # What came to be called d is gone, wherever an earlier d went.
        ([("c", "b"), ("d", "a"), ("b", "d")], "a", {"c": None, "b": None, "d": "a", "a": "a"}),
        # A name that was used again: what is there now is itself, what was there before went where it went.
        ([("a", "b"), ("b", "c")], "bc", {"a": "c", "b": "b", "c": "c"}),
        ([("a", "b"), ("a", "c")], "bc", {"a": "c", "b": "b", "c": "c"}),
        ([("a", "b"), ("b", "c"), ("z", "b")], "bc", {"a": "c", "b": "b", "c": "c", "z": "b"}),
        (
            [("a", "b"), ("b", "c"), ("z", "b"), ("b", "y")],
            "cy",
            {"a": "c", "b": "y", "c": "c", "z": "y", "y": "y"},
        ),
    ],
)
def test_renames_are_followed(
    pairs: list[tuple[str, str]], paths: str, expected: dict[str, str | None]
) -> None:
    """Chains, cycles, swaps, and names that stand for one file after the other."""
    assert now(build_table(renames(*pairs)), list(paths)) == expected


def test_a_rename_that_is_not_past_is_not_followed() -> None:
    """At a moment between two renames only the first has happened."""
    table = build_table(renames(("a", "b"), ("b", "c")))
    first = table.past_of(table.commits)[table.commits[0]]
    assert now(table, ["b", "c"], first) == {"a": "b", "b": "b", "c": "c"}
    assert now(table, ["c"], first) == {"a": None, "b": None, "c": "c"}
    assert now(table, ["b", "c"], ~everything(table)) == {"a": None, "b": "b", "c": "c"}


def test_of_two_branches_the_younger_rename_counts() -> None:
    """In whatever order their commits came to be known."""
    root = change(0, [], [edited("a")])
    older, younger = change(1, [0], moved("a", "b"), 2000), change(2, [0], moved("a", "c"), 3000)
    merge = change(3, [1, 2], [])
    for sides in ([older, younger], [younger, older]):
        table = build_table([root, *sides, merge])
        assert now(table, ["b", "c"]) == {"a": "c", "b": "b", "c": "c"}


def test_a_child_comes_after_its_parent_whatever_its_clock_says() -> None:
    """Clocks go wrong, the order of commits does not."""
    changes = [
        change(0, [], [edited("a")], 5000),
        change(1, [0], moved("a", "b"), 9000),
        change(2, [1], moved("b", "c"), 10),
        change(3, [2], moved("c", "d"), -(2**40)),
    ]
    assert now(build_table(changes), ["d"]) == {"a": "d", "b": "d", "c": "d", "d": "d"}


pairs_of_names = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda p: p[0] != p[1])


@settings(max_examples=300)
@given(st.lists(pairs_of_names, max_size=12), st.sets(st.sampled_from(NAMES)), st.integers(0, 12))
def test_a_file_goes_where_later_renames_take_it(
    pairs: list[tuple[str, str]], paths: set[str], until: int
) -> None:
    """Of a line of commits, what a walk forward from the last rename of each name says."""
    table = build_table(renames(*pairs))
    is_past = np.arange(len(table)) < until
    expected: dict[str, str | None] = {}
    for path in table.paths:
        place, seen = path, pairs[:until]
        away = max((n for n, (old, _) in enumerate(seen) if old == path), default=None)
        if path not in paths and away is not None:
            place = seen[away][1]
            for old, new in seen[away + 1 :]:
                place = new if place == old else place
        expected[path] = place if place in paths else None
    assert now(table, sorted(paths), is_past) == expected


@given(histories(), st.integers(0, 1000), st.data())
def test_nothing_that_came_later_or_elsewhere_changes_a_moment(
    changes: list[Change], seed: int, data: st.DataObject
) -> None:
    """A table of nothing but what leads to a commit, and one of all commits in any other order, say the same
    of that moment.
    """
    moment = data.draw(st.sampled_from([each.commit for each in changes]))
    leading = ancestry(changes, moment)
    small = build_table([each for each in changes if each.commit in leading])
    large = build_table(reordered(changes, seed))
    is_past = large.past_of([moment])[moment]
    assert {c for c, here in zip(large.commits, is_past, strict=True) if here} == set(small.commits)
    paths = sorted(data.draw(st.sets(st.sampled_from(NAMES))))
    then, today = now(small, paths), now(large, paths, is_past)
    assert {path: today[path] for path in small.paths} == then
    assert {c: content(large)[c] for c in small.commits} == content(small)


# Building


@given(histories(), st.lists(st.integers(0, 12), max_size=3))
def test_a_table_extended_in_steps_is_one_built_at_once(changes: list[Change], cuts: list[int]) -> None:
    """To the last number; what is told twice is taken in once."""
    stepwise: ChangeTable | None = None
    last = 0
    for cut in [*sorted(cuts), len(changes)]:
        stepwise = build_table(changes[max(0, last - 2) : cut], stepwise)
        last = max(last, cut)
    assert stepwise is not None
    assert_same(stepwise, build_table(changes))


def test_a_table_may_be_extended_as_the_repository_grows(tmp_path: Path) -> None:
    """Also after history was rewritten: what the old tip alone led to stays, and is in nobody's past."""
    make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    repository = open_repository(str(tmp_path / "r"), home=tmp_path / "home")
    old = repository.resolve()
    table = build_table(repository.changes(old, ()))
    git(tmp_path / "r", "reset", "-q", "--hard", "HEAD~2")
    (tmp_path / "r" / "b").write_text("1")
    git(tmp_path / "r", "add", "b")
    git(tmp_path / "r", "commit", "-q", "-m", "Fix otherwise")
    tip = repository.resolve()
    table = build_table(repository.changes(tip, (old,)), table)
    assert len(table) == 5
    is_past = table.past_of([tip])[tip]
    leading = {c for c, here in zip(table.commits, is_past, strict=True) if here}
    assert leading == set(git(tmp_path / "r", "rev-list", tip).split())
    assert old not in leading
    whole = content(build_table(repository.changes(tip, ())))
    assert {c: content(table)[c] for c in leading} == whole


def test_a_table_that_is_extended_stays_as_it_was() -> None:
    """Somebody may be reading it."""
    changes = renames(("a", "b"), ("b", "c"), ("c", "d"))
    before, same = build_table(changes[:2]), build_table(changes[:2])
    build_table(changes, before)
    assert_same(before, same)


def test_mass_changes_say_nothing_of_their_files() -> None:
    """But where they moved them is remembered."""
    files = [file for n in range(MOST_FILES) for file in moved(f"old/f{n}.py", f"new/f{n}.py")]
    table = build_table([change(0, [], files), change(1, [0], [edited("x")] * MOST_FILES)])
    assert table.changed_at.tolist() == [0, 0, MOST_FILES]
    assert len(table.renames) == MOST_FILES
    assert now(table, ["new/f7.py"])["old/f7.py"] == "new/f7.py"


def test_each_change_knows_its_commit() -> None:
    """Parallel to the paths."""
    table = build_table(
        [change(0, [], [edited("a"), edited("b")]), change(1, [0], []), change(2, [1], [edited("b")])]
    )
    changed = [table.paths[path] for path in table.changed.tolist()]
    assert list(zip(table.changed_by.tolist(), changed, strict=True)) == [(0, "a"), (0, "b"), (2, "b")]


def file(path: str, old: str | None, new: str | None) -> ChangedFile:
    return ChangedFile(path, old, new)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], []),
        ([file("a", "1", "2")], []),
        ([file("a", "1", None)], []),
        ([file("a", "1", None), file("b", None, "1")], [("a", "b")]),
        # Changed on the way: the name tells, whatever the folder.
        ([file("x/a.py", "1", None), file("y/a.py", None, "2")], [("x/a.py", "y/a.py")]),
        ([file("x/a.py", "1", None), file("y/b.py", None, "2")], []),
        # The content tells before the name does.
        (
            [file("x/a", "1", None), file("x/b", "2", None), file("y/a", None, "2"), file("y/b", None, "1")],
            [("x/a", "y/b"), ("x/b", "y/a")],
        ),
        # Where there are several places to go to, or to come from, nothing is said.
        ([file("a", "1", None), file("b", None, "1"), file("c", None, "1")], []),
        ([file("x/a", "1", None), file("y/a", None, "2"), file("z/a", None, "3")], []),
        ([file("x/a", "1", None), file("y/a", "2", None), file("z/a", None, "3")], []),
        # But of several that hold the same, the one that keeps its name is meant.
        ([file("x/a", "1", None), file("y/a", None, "1"), file("y/b", None, "1")], [("x/a", "y/a")]),
        # Files that were one and the same become one.
        ([file("a", "1", None), file("b", "1", None), file("c", None, "1")], [("a", "c"), ("b", "c")]),
        # Every package has one of these.
        ([file("x/__init__.py", "1", None), file("y/__init__.py", None, "2")], []),
        (
            [file("x/__init__.py", "1", None), file("y/__init__.py", None, "1")],
            [("x/__init__.py", "y/__init__.py")],
        ),
        # A link in its place: the file itself has moved.
        ([file("a", "1", None), file("lib/a", None, "1")], [("a", "lib/a")]),
        # What is no regular file has no blob, before or after.
        ([file("link", None, None), file("a", None, "1")], []),
    ],
)
def test_a_rename_is_told_by_content_or_by_name(
    files: list[ChangedFile], expected: list[tuple[str, str]]
) -> None:
    """And only where it is plain."""
    assert sorted(renamed(files)) == expected


def test_moving_everything_at_once_is_no_rename() -> None:
    """It would take long to find out, and say little."""
    files = [each for n in range(10 * MOST_FILES + 1) for each in moved(f"old/{n}", f"new/{n}")]
    assert renamed(files) == []
    assert len(renamed(files[:-2])) == 10 * MOST_FILES


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Fix crash", True),
        ("Fixed #12 -- Broken dates", True),
        ("bugfix: parser", True),
        ("Resolve a race", True),
        ("closes #3", True),
        ("Correct the docs", True),
        ("CRASHED on start", True),
        ("Add a prefix", False),
        ("Fixture for tests", False),
        ("Debug output", False),
        ("Add a thing\n\nThis fixes it", False),
        ("", False),
    ],
)
def test_a_fix_says_so_in_its_subject(message: str, expected: bool) -> None:
    """In whole words; what follows the subject does not count."""
    assert is_fix(message) is expected


# On disk


paths_of_bytes = st.binary(min_size=1, max_size=12).filter(lambda p: b"\0" not in p).map(path_text)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), st.lists(paths_of_bytes, max_size=5), st.sampled_from((20, 32)))
def test_a_table_comes_back_as_it_was_written(
    tmp_path: Path, changes: list[Change], paths: list[str], id_bytes: int
) -> None:
    """Whatever its paths, times and the length of its ids."""
    more = [Change(c.commit.ljust(2 * id_bytes, "0"), (), c.time, "", c.message, c.files) for c in changes]
    more.append(Change("f" * 2 * id_bytes, (), -1, "", "", tuple(edited(path) for path in paths)))
    table = build_table(more)
    write_table(tmp_path / "table", table)
    found = read_table(tmp_path / "table")
    assert found is not None
    assert_same(found, table)
    assert_same(build_table(changes, found), build_table(changes, table))


def test_an_empty_table_comes_back_empty(tmp_path: Path) -> None:
    """A plain folder has one."""
    write_table(tmp_path / "table", build_table([]))
    found = read_table(tmp_path / "table")
    assert found is not None
    assert_same(found, build_table([]))


def test_where_there_is_no_table_there_is_none(tmp_path: Path) -> None:
    """It is made from the repository; so is one of another format."""
    assert read_table(tmp_path / "table") is None
    write_table(tmp_path / "table", build_table(renames(("a", "b"))))
    meta, arrays = read_arrays(tmp_path / "table")
    write_arrays(tmp_path / "table", meta | {"format": 99}, arrays)
    assert read_table(tmp_path / "table") is None


def test_damage_is_noticed(tmp_path: Path) -> None:
    """Any byte that differs is found or means nothing; a file that is cut short is broken."""
    table = build_table(renames(("a", "b"), ("b", "c")))
    path = tmp_path / "table"
    write_table(path, table)
    whole = path.read_bytes()
    noticed = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        try:
            found = read_table(path)
        except IndexBroken:
            noticed += 1
        else:
            assert found is not None
            assert_same(found, table)
    # Between arrays there is padding, which means nothing.
    assert noticed > 60
    for length in range(0, len(whole) - 64, 50):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexBroken):
            read_table(path)


@pytest.mark.parametrize(
    "column", ["commits", "times", "is_fix", "parents", "changed_at", "paths", "renames"]
)
def test_a_column_that_is_missing_is_damage(tmp_path: Path, column: str) -> None:
    """The message says which."""
    write_table(tmp_path / "table", build_table(renames(("a", "b"))))
    meta, arrays = read_arrays(tmp_path / "table")
    write_arrays(tmp_path / "table", meta, {name: data for name, data in arrays.items() if name != column})
    with pytest.raises(IndexBroken, match=column):
        read_table(tmp_path / "table")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    """And a table cannot be written where a file stands in the way."""
    (tmp_path / "table").mkdir()
    with pytest.raises(IndexBroken):
        read_table(tmp_path / "table")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed):
        write_table(tmp_path / "file" / "table", build_table([]))
