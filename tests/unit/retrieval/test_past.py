"""The past laid over the files of a moment: exactly what led to it, and nothing of what came after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.source import Change
from loccit.indexing.changes import ChangeTable, build_table
from loccit.indexing.view import SnapshotView
from loccit.retrieval.past import Past, past_at
from tests.unit.retrieval.pasts import commit_id, made_change, messages
from tests.unit.retrieval.snapshots import parsed

NAMES = ("a.py", "b.py", "c.py", "d.py")


def files(*paths: str) -> SnapshotView:
    return parsed({path: f"x = '{path}'\n" for path in paths}).target.view


def at(table: ChangeTable, commits: SnapshotView, name: str | int, view: SnapshotView) -> Past:
    commit = commit_id(name)
    nothing = np.zeros(len(table), dtype=bool)
    return past_at(table, commits, table.past_of([commit]).get(commit, nothing), commit, view)


def said(past: Past, view: SnapshotView) -> dict[str, tuple[int, bool, list[str]]]:
    """By past commit: when, whether a fix, and the files of the view that it changed."""
    document_of_record = np.empty(past.commits.records, dtype=np.int64)
    document_of_record[past.commits.record_of] = np.arange(len(past.commits))
    documents = document_of_record[past.commits.record_of_file].tolist()
    found: dict[str, tuple[int, bool, list[str]]] = {}
    for commit, document in zip(past.commits.files.blobs, documents, strict=True):
        first, last = past.changes_at[document : document + 2].tolist()
        paths = [view.files.paths[number] for number in past.changed[first:last].tolist()]
        assert set(past.changed_by[first:last].tolist()) <= {document}
        assert past.width[document] == len(paths)
        if past.is_past[document]:
            found[commit] = (int(past.times[document]), bool(past.is_fix[document]), paths)
        else:
            assert (past.times[document], past.is_fix[document], paths) == (0, False, [])
    return found


CHANGES = [
    made_change("root", edits=["a.py", "b.py"], message="Begin", time=100),
    made_change("fix", ["root"], edits=["a.py"], message="Fix the crash", time=200),
    made_change("side", ["root"], edits=["b.py"], message="Aside", time=900),
    made_change("move", ["fix"], moves=[("a.py", "lib/a.py")], message="Move it", time=300),
    made_change("merge", ["move", "side"], message="Merge", time=1000),
    made_change("later", ["merge"], edits=["lib/a.py"], message="Fix more", time=1100),
]


@pytest.mark.parametrize("segments", [1, 3])
def test_the_past_is_what_leads_to_the_moment(segments: int) -> None:
    """With what each commit changed of the files that are there then, once each; renames are followed."""
    table, commits = build_table(CHANGES), messages(CHANGES, segments=segments)
    view = files("a.py", "b.py")
    past = at(table, commits, "fix", view)
    assert said(past, view) == {
        commit_id("root"): (100, False, ["a.py", "b.py"]),
        commit_id("fix"): (200, True, ["a.py"]),
    }
    assert past.now == 200
    view = files("b.py", "lib/a.py")
    past = at(table, commits, "merge", view)
    assert said(past, view) == {
        commit_id("root"): (100, False, ["b.py", "lib/a.py"]),
        commit_id("fix"): (200, True, ["lib/a.py"]),
        commit_id("side"): (900, False, ["b.py"]),
        commit_id("move"): (300, False, ["lib/a.py"]),
        commit_id("merge"): (1000, False, []),
    }
    assert past.now == 1000


def test_a_rename_to_come_is_not_followed() -> None:
    """What a file will be called is known to nobody yet."""
    table, commits = build_table(CHANGES), messages(CHANGES)
    view = files("lib/a.py")
    assert said(at(table, commits, "fix", view), view) == {
        commit_id("root"): (100, False, []),
        commit_id("fix"): (200, True, []),
    }


def test_commits_that_the_table_does_not_have_are_not_past() -> None:
    """Messages may be indexed further than changes are."""
    table, commits = build_table(CHANGES[:2]), messages(CHANGES)
    view = files("a.py")
    assert said(at(table, commits, "fix", view), view).keys() == {commit_id("root"), commit_id("fix")}


def test_commits_without_a_message_to_search_change_nothing() -> None:
    """Changes may be known further than messages are indexed."""
    table, commits = build_table(CHANGES), messages(CHANGES[:1])
    view = files("a.py", "b.py")
    assert said(at(table, commits, "later", view), view) == {
        commit_id("root"): (100, False, ["a.py", "b.py"])
    }


def test_a_moment_that_the_table_does_not_have_has_no_past() -> None:
    """Nor does it learn from a later commit what time it is."""
    table, commits = build_table(CHANGES), messages(CHANGES)
    view = files("a.py")
    past = at(table, commits, "unknown", view)
    assert said(past, view) == {}
    assert past.now == 0


def test_there_may_be_no_past_at_all() -> None:
    """A plain folder, or a history of which nothing is indexed."""
    view = files("a.py")
    for changes, indexed in (([], []), (CHANGES, []), ([], CHANGES)):
        past = at(build_table(changes), messages(indexed), "fix", view)
        assert said(past, view) == {}
        assert len(past.changed) == len(past.changed_by) == 0
    assert said(at(build_table(CHANGES), messages(CHANGES), "fix", files()), files()).keys() == {
        commit_id("root"),
        commit_id("fix"),
    }


def test_another_table_has_other_numbers() -> None:
    """Also one that stands where an earlier one stood in memory."""
    commits, view = messages(CHANGES), files("a.py", "b.py")
    expected = said(at(build_table(CHANGES), commits, "fix", view), view)
    for count in range(30):
        others = [
            made_change(f"other {count} {n}", edits=["b.py"], message="Fix it") for n in range(count % 3)
        ]
        table = build_table([*others, *CHANGES])
        assert said(at(table, commits, "fix", view), view) == expected
        del table


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Commits that part and merge, that edit and rename, with clocks that go as they like."""
    changes: list[Change] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = st.integers(max(0, number - 3), number - 1)
        parents = draw(st.lists(earlier, min_size=1, max_size=2, unique=True)) if number else []
        edits = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2)) if len(parents) < 2 else []
        message = draw(st.sampled_from(("Fix it", "Change it", "")))
        time = draw(st.integers(-(10**6), 10**6))
        changes.append(made_change(number, parents, edits=edits, message=message, time=time))
    return changes


def leading(changes: Sequence[Change], commit: str) -> set[str]:
    parents = {each.commit: each.parents for each in changes}
    found: set[str] = set()
    waiting = [commit]
    while waiting:
        current = waiting.pop()
        found.add(current)
        waiting += parents[current]
    return found


@settings(max_examples=40)
@given(histories(), st.data())
def test_a_moment_knows_its_ancestors_and_nothing_else(changes: list[Change], data: st.DataObject) -> None:
    """Whatever else is in the table and the index; each with its own time and files."""
    number = data.draw(st.integers(0, len(changes) - 1))
    view = files(*sorted(data.draw(st.sets(st.sampled_from(NAMES)))))
    past = at(build_table(changes), messages(changes, segments=2), number, view)
    known = leading(changes, commit_id(number))
    assert said(past, view) == {
        each.commit: (
            each.time,
            each.message == "Fix it",
            sorted(file.path for file in each.files if file.path in view.files.paths),
        )
        for each in changes
        if each.commit in known
    }
    assert past.now == changes[number].time
