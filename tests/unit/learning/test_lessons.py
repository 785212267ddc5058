"""Kept lessons come back as they were made, and only under the version they were made with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken
from loccit.indexing.changes import ChangeTable, build_table
from loccit.learning.lesson_cache import KeptLessons, read_lessons, version_of, write_lessons
from loccit.learning.lessons import Lesson
from loccit.parsing import ParsingOptions
from tests.unit.learning.lists import made_lesson
from tests.unit.retrieval.pasts import made_change


def table_of(lessons: list[Lesson]) -> ChangeTable:
    """A table that has the commits of these lessons, in their order."""
    return build_table([replace(made_change(n), commit=one.commit) for n, one in enumerate(lessons)])


def same(one: Lesson, other: Lesson) -> bool:
    """Whether two lessons teach the same."""
    ours, theirs = one.candidates, other.candidates
    if (one.commit, one.number, one.time, one.message.paths) != (
        other.commit,
        other.number,
        other.time,
        other.message.paths,
    ) or not np.array_equal(one.message.keys, other.message.keys):
        return False
    if ours is None or theirs is None:
        return ours is theirs
    return (
        ours.former == theirs.former
        and ours.names == theirs.names
        and np.array_equal(ours.values, theirs.values)
        and np.array_equal(ours.files, theirs.files)
        and one.is_gold is not None
        and np.array_equal(one.is_gold, other.is_gold)
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.booleans(), max_size=8),
    paths=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), max_size=3
    ),
)
def test_lessons_come_back_as_they_were(tmp_path: Path, kinds: list[bool], paths: list[str]) -> None:
    """Replayed or only read, any number of them, whatever the paths."""
    lessons: list[Lesson] = []
    for number, is_replayed in enumerate(kinds):
        one = made_lesson(number, number % 8)
        one = replace(one, message=replace(one.message, paths=tuple(paths)))
        lessons.append(one if is_replayed else replace(one, candidates=None, is_gold=None))
    write_lessons(tmp_path / "l.arr", "v", KeptLessons(tuple(lessons), "ab" * 20))
    found = read_lessons(tmp_path / "l.arr", "v", table_of(lessons))
    assert found is not None
    assert found.head == "ab" * 20
    assert all(map(same, found.lessons, lessons))
    assert len(found.lessons) == len(lessons)


def test_columns_in_another_order_are_kept_by_their_names(tmp_path: Path) -> None:
    """Of lessons whose features stand in different orders, each value keeps its name."""
    first, second = made_lesson(0, 1), made_lesson(1, 2)
    assert second.candidates is not None
    turned = replace(
        second.candidates,
        names=second.candidates.names[::-1],
        values=second.candidates.values[:, ::-1],
    )
    mixed = [first, replace(second, candidates=turned)]
    write_lessons(tmp_path / "l.arr", "v", KeptLessons(tuple(mixed), None))
    found = read_lessons(tmp_path / "l.arr", "v", table_of(mixed))
    assert found is not None
    assert same(found.lessons[1], second)


def test_commits_that_are_not_known_any_more_are_left_out(tmp_path: Path) -> None:
    """A lesson of a commit that the table does not have is none; numbers are those of the table."""
    lessons = [made_lesson(n, n) for n in range(3)]
    write_lessons(tmp_path / "l.arr", "v", KeptLessons(tuple(lessons), None))
    found = read_lessons(tmp_path / "l.arr", "v", table_of([lessons[2], lessons[0]]))
    assert found is not None
    assert [(one.commit, one.number) for one in found.lessons] == [
        (lessons[2].commit, 0),
        (lessons[0].commit, 1),
    ]


def test_lessons_of_another_version_are_none(tmp_path: Path) -> None:
    """How files are read and which, what is looked at, how deep a clone is: each changes the version."""
    versions = {
        version_of(ParsingOptions(), 1, ("a", "b"), ()),
        version_of(ParsingOptions(), 2, ("a", "b"), ()),
        version_of(ParsingOptions(), 1, ("a",), ()),
        version_of(ParsingOptions(), 1, ("a", "b"), ("ab" * 20,)),
    }
    assert len(versions) == 4
    write_lessons(tmp_path / "l.arr", "v", KeptLessons((made_lesson(0, 0),), None))
    assert read_lessons(tmp_path / "l.arr", "w", table_of([])) is None
    assert read_lessons(tmp_path / "none.arr", "v", table_of([])) is None


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_damaged_file_is_never_read_as_lessons(tmp_path: Path, at: float) -> None:
    """A byte that changed anywhere in it is found."""
    path = tmp_path / "l.arr"
    lessons = [made_lesson(n, n) for n in range(4)]
    write_lessons(path, "v", KeptLessons(tuple(lessons), None))
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: int(len(data) * at)])
    with pytest.raises(IndexBroken):
        read_lessons(path, "v", table_of(lessons))
