"""Searching a commit by regular expression."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError, LimitExceeded, ObjectMissing
from loccit.sources import GrepMatch, Repository, open_repository
from tests.repositories import make_repository

Open = Callable[..., Repository]


def grep(
    repository: Repository, pattern: str, commit: str | None = None, **changes: object
) -> list[GrepMatch]:
    how = {"paths": [], "ignore_case": False, "timeout_s": 20.0, "max_matches": 1000} | changes
    return list(repository.grep(pattern, commit=commit or repository.resolve(), **how))


def test_a_match_names_its_line_and_bytes(tmp_path: Path, open_at: Open) -> None:
    """The line counts from 1, the bytes are those of the blob, without the line feed."""
    files = {"a.py": "one\n  two\nthree", "b/c.py": "two\r\n", "new\nline": "two\n", "ü:1:x": "ütwo\n"}
    make_repository(tmp_path / "r", [{"files": files}])
    repository = open_at(tmp_path / "r")
    found = grep(repository, "t[wh]")
    assert [(match.path, match.line, match.start_byte, match.end_byte, match.text) for match in found] == [
        ("a.py", 2, 4, 9, b"  two"),
        ("a.py", 3, 10, 15, b"three"),
        ("b/c.py", 1, 0, 4, b"two\r"),
        ("new\nline", 1, 0, 3, b"two"),
        ("ü:1:x", 1, 0, 5, "ütwo".encode()),
    ]
    with repository.reader() as reader:
        for match in found:
            assert reader.read(match.blob).data[match.start_byte : match.end_byte] == match.text


def test_the_commit_is_searched_and_not_the_work_tree(tmp_path: Path, open_at: Open) -> None:
    """Any commit, whatever is checked out."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "old\n"}}, {"files": {"a": "new\n"}}])
    (tmp_path / "r" / "a").write_text("working\n")
    repository = open_at(tmp_path / "r")
    assert [match.text for match in grep(repository, "old|new|working", ids[0])] == [b"old"]
    assert [match.text for match in grep(repository, "old|new|working", ids[1])] == [b"new"]


def test_paths_narrow_the_search(tmp_path: Path, open_at: Open) -> None:
    """Files and folders, taken literally; many paths work like few."""
    files = {f"d{n}/f{n}.py": "here\n" for n in range(150)} | {"*.py": "here\n", ":(top)x": "here\n"}
    make_repository(tmp_path / "r", [{"files": files}], bare=True)
    repository = open_at(tmp_path / "r")
    assert [match.path for match in grep(repository, "here", paths=["d7", "d8/f8.py", "d9/"])] == [
        "d7/f7.py",
        "d8/f8.py",
        "d9/f9.py",
    ]
    assert [match.path for match in grep(repository, "here", paths=["*.py", ":(top)x"])] == [
        "*.py",
        ":(top)x",
    ]
    assert len(grep(repository, "here", paths=[f"d{n}" for n in range(120)])) == 120
    assert grep(repository, "here", paths=["nowhere"]) == []
    assert len(grep(repository, "here")) == 152


def test_case_may_be_ignored_and_matches_limited(tmp_path: Path, open_at: Open) -> None:
    """At most `max_matches`, and none at all for 0."""
    make_repository(tmp_path / "r", [{"files": {"a": "Word\nword\nWORD\n" * 100}}])
    repository = open_at(tmp_path / "r")
    assert len(grep(repository, "word")) == 100
    assert len(grep(repository, "word", ignore_case=True)) == 300
    assert len(grep(repository, "word", max_matches=7)) == 7
    assert grep(repository, "word", max_matches=0) == []


def test_binary_files_are_not_searched(tmp_path: Path, open_at: Open) -> None:
    """Their lines are none."""
    make_repository(tmp_path / "r", [{"files": {"a.bin": b"\0word\n", "a.txt": "word\n"}}])
    assert [match.path for match in grep(open_at(tmp_path / "r"), "word")] == ["a.txt"]


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2", "*(", "\\", "", "a\nb", "a\0b"])
def test_a_pattern_that_is_none_is_an_input_error(tmp_path: Path, open_at: Open, pattern: str) -> None:
    """It is quoted, with what was expected."""
    make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}])
    with pytest.raises(InputError, match="expected a"):
        grep(open_at(tmp_path / "r"), pattern)


def test_a_pattern_is_never_an_option(tmp_path: Path, open_at: Open) -> None:
    """Nor is a path."""
    make_repository(tmp_path / "r", [{"files": {"-a": "--open-files-in-pager=touch x\n"}}])
    repository = open_at(tmp_path / "r")
    assert len(grep(repository, "--open-files-in-pager=touch x")) == 1
    assert len(grep(repository, "touch", paths=["-a"])) == 1


def test_a_pattern_of_a_megabyte_is_refused(tmp_path: Path, open_at: Open) -> None:
    """Before it reaches git."""
    make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}])
    with pytest.raises(LimitExceeded, match="length of the pattern"):
        grep(open_at(tmp_path / "r"), "x" * 1_000_000)


def test_a_search_ends_in_time(tmp_path: Path, open_at: Open) -> None:
    """However long the pattern would take: git is stopped, and LimitExceeded says so."""
    make_repository(
        tmp_path / "r", [{"files": {f"{n}": ("ab" * 20_000 + "\n") * 4 for n in range(20)}}], bare=True
    )
    started = time.monotonic()
    with pytest.raises(LimitExceeded, match="search time"):
        grep(open_at(tmp_path / "r"), r"(a?b?){40}(a|b)*\1\1c", timeout_s=0.3)
    assert time.monotonic() - started < 10


def test_a_commit_that_is_not_there_is_an_error(tmp_path: Path, open_at: Open) -> None:
    """Not an empty result."""
    make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}])
    with pytest.raises(ObjectMissing):
        grep(open_at(tmp_path / "r"), "x", "0" * 40)


def test_a_caller_may_stop_early(tmp_path: Path, open_at: Open) -> None:
    """The rest is not searched, and no process is left behind."""
    make_repository(tmp_path / "r", [{"files": {f"{n}": "x\n" * 1000 for n in range(50)}}], bare=True)
    repository = open_at(tmp_path / "r")
    found = repository.grep(
        "x", commit=repository.resolve(), paths=[], ignore_case=False, timeout_s=20, max_matches=10**9
    )
    assert next(found).line == 1
    found.close()  # pyright: ignore[reportAttributeAccessIssue]


@settings(max_examples=40)
@given(content=st.binary(max_size=300))
def test_every_match_is_a_line_of_the_blob(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """For any bytes: the places point at exactly the lines with an `a`."""
    tmp_path = tmp_path_factory.mktemp("lines")
    (commit,) = make_repository(tmp_path / "r", [{"files": {"f": b"a\n" + content}}], bare=True)
    found = grep(open_repository(str(tmp_path / "r"), home=tmp_path / "home"), "a", commit)
    lines = (b"a\n" + content).split(b"\n")
    expected = [] if b"\0" in content else [number for number, line in enumerate(lines, 1) if b"a" in line]
    assert [match.line for match in found] == expected
    assert all(match.text == lines[match.line - 1] for match in found)
