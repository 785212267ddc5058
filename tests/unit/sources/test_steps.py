"""Going from commit to commit gives what a snapshot of each gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.core.errors import ObjectMissing
from loccit.core.source import FileEntry, FileRole
from loccit.sources import Repository, SourceOptions, open_repository
from tests.repositories import Commit, git, make_repository

Open = Callable[..., Repository]

PATHS = ("a.py", "b/c.py", "b/c.md", "b/d/e.c", "vendor/x.py", "b", "new\nline.py", "raw\udcff.py")
RULES = (".gitattributes", "b/.gitattributes", ".loccitignore", "b/.loccitignore")
LINES = (
    "*.py linguist-vendored",
    "c.py linguist-documentation",
    "*.c linguist-generated",
    "vendor/** -linguist-vendored",
    "*.c",
    "c.*",
    "!c.py",
)
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Commits whose files are empty, small or too large, and whose rules come, change and go."""
    commits: list[Commit] = []
    trees: list[set[str]] = []
    for number in range(draw(st.integers(2, 6))):
        parent = draw(st.integers(0, number - 1)) if number else None
        here = set(trees[parent]) if parent is not None else set[str]()
        texts = st.sampled_from(("", "x", "y\n", "too much by far\n"))
        files: dict[str, str | None] = dict(
            draw(st.dictionaries(st.sampled_from(PATHS), st.none() | texts, max_size=4))
        )
        if draw(st.booleans()):
            lines = st.lists(st.sampled_from(LINES), max_size=2).map("\n".join)
            files[draw(st.sampled_from(RULES))] = draw(st.none() | lines)
        files = {path: text for path, text in files.items() if text is not None or path in here}
        # A path is a file or a folder.
        if "b" in files and files["b"] is not None:
            files = {path: text for path, text in files.items() if not path.startswith("b/")}
        commit = Commit(files=files, executables=[path for path in files if draw(st.booleans())])
        if draw(st.booleans()):
            commit["symlinks"] = {"a.py": "vendor"}
        if parent is not None:
            commit["parent"] = parent
        commits.append(commit)
        listed = {path for path, text in files.items() if text is not None} | set(commit.get("symlinks", ()))
        trees.append((here - files.keys()) | listed)
    return commits


def walked(repository: Repository, commits: list[str]) -> list[dict[str, FileEntry]]:
    """The files of each commit, as the steps to it say."""
    here: dict[str, FileEntry] = {}
    found: list[dict[str, FileEntry]] = []
    for step, commit in zip(repository.steps(commits), commits, strict=True):
        assert step.commit == commit
        for path in step.gone:
            del here[path]
        here |= {entry.path: entry for entry in step.entries}
        found.append(dict(here))
    return found


def snapshots(repository: Repository, commits: list[str]) -> list[dict[str, FileEntry]]:
    return [{entry.path: entry for entry in repository.snapshot(commit).entries} for commit in commits]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_each_step_leads_to_the_snapshot(folder: Path, commits: list[Commit], data: st.DataObject) -> None:
    """Whatever the order, the rules of each tree hold for it alone."""
    place = folder / str(next(numbers))
    ids = make_repository(place / "r", commits, bare=True)
    options = SourceOptions(max_file_bytes=10)
    repository = open_repository(str(place / "r"), home=place / "home", options=options)
    asked = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=8))
    assert walked(repository, asked) == snapshots(repository, asked)


def test_a_step_costs_what_changed(tmp_path: Path, open_at: Open) -> None:
    """Files that stay as they are do not come again."""
    ids = make_repository(
        tmp_path / "r",
        [{"files": {f"f{n}.py": str(n) for n in range(50)}}, {"files": {"f1.py": "x", "f2.py": None}}],
    )
    first, second = open_at(tmp_path / "r").steps(ids)
    assert len(first.entries) == 50
    assert [entry.path for entry in second.entries] == ["f1.py"]
    assert second.gone == ("f2.py",)


def test_a_file_that_grows_too_large_is_gone(tmp_path: Path, open_at: Open) -> None:
    """And is back when it has shrunk; an empty one is gone as well."""
    texts = ("small\n", "x" * 100, "small\n", "", "again\n")
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": text, "b.py": "1"}} for text in texts])
    found = walked(open_at(tmp_path / "r", max_file_bytes=50), ids)
    assert ["a.py" in files for files in found] == [True, False, True, False, True]


def test_new_rules_hold_for_files_that_did_not_change(tmp_path: Path, open_at: Open) -> None:
    """Roles and what is left out are said by the tree of each commit."""
    ids = make_repository(
        tmp_path / "r",
        [
            {"files": {"a.py": "1", "b.py": "1"}},
            {"files": {".gitattributes": "a.py linguist-vendored\n", ".loccitignore": "b.py\n"}},
            {"files": {".gitattributes": None, ".loccitignore": None}},
        ],
    )
    one, other, last = walked(open_at(tmp_path / "r"), ids)
    assert one["a.py"].role is last["a.py"].role is FileRole.SOURCE
    assert other["a.py"].role is FileRole.VENDORED
    assert ["b.py" in files for files in (one, other, last)] == [True, False, True]


def test_more_commits_than_are_asked_about_at_once(tmp_path: Path, open_at: Open) -> None:
    """None is lost or told twice where one batch ends."""
    ids = make_repository(tmp_path / "r", [{"files": {f"f{n}.py": "x"}} for n in range(450)], bare=True)
    found = walked(open_at(tmp_path / "r"), ids)
    assert [len(files) for files in found] == list(range(1, 451))


def test_a_blob_that_is_missing_is_left_out(tmp_path: Path, open_at: Open) -> None:
    """As in a snapshot, before it came, while it is there, and after it."""
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": text}} for text in ("1", "2", "3")])
    blob = git(tmp_path / "r", "rev-parse", f"{ids[1]}:a.py")
    (tmp_path / "r" / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repository = open_at(tmp_path / "r")
    found = walked(repository, ids)
    assert ["a.py" in files for files in found] == [True, False, True]
    assert found == snapshots(repository, ids)


def test_sha256_repositories_have_steps(tmp_path: Path, open_at: Open) -> None:
    """Ids are longer, and nothing else differs."""
    commits: list[Commit] = [{"files": {"a.py": "1"}}, {"files": {"a.py": "2", "b.py": "1"}}]
    ids = make_repository(tmp_path / "r", commits, object_format="sha256")
    repository = open_at(tmp_path / "r")
    assert walked(repository, ids) == snapshots(repository, ids)


def test_a_commit_that_is_not_there_is_an_error(tmp_path: Path, open_at: Open) -> None:
    """First or later."""
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": "1"}}])
    for asked in (["1" * 40, *ids], [*ids, "1" * 40]):
        with pytest.raises(ObjectMissing):
            list(open_at(tmp_path / "r").steps(asked))


def test_no_commits_have_no_steps(tmp_path: Path, open_at: Open) -> None:
    """Nothing is read."""
    make_repository(tmp_path / "r")
    assert list(open_at(tmp_path / "r").steps([])) == []


def test_a_caller_may_stop_early(tmp_path: Path, open_at: Open) -> None:
    """No process and no warning is left behind."""
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": str(n)}} for n in range(500)], bare=True)
    found = open_at(tmp_path / "r").steps(ids)
    assert [next(found).commit, next(found).commit] == ids[:2]
    found.close()  # pyright: ignore[reportAttributeAccessIssue]
