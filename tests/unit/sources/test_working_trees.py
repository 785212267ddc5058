"""Differences of the working tree are noticed by hashing, and only real ones."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.sources import ChangedFiles, Repository, open_repository
from tests.repositories import git, make_repository, write_files

Open = Callable[..., Repository]
LARGE = b"the large file itself\n" * 1000
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
    hashlib.sha256(LARGE).hexdigest().encode(),
    len(LARGE),
)


def changed(repository: Repository, rev: str | None = None) -> ChangedFiles:
    return repository.changed_files(repository.snapshot(rev))


def test_a_clean_checkout_has_no_changes(tmp_path: Path, open_at: Open) -> None:
    """Touching a file or changing its mode is no change."""
    make_repository(tmp_path / "r", [{"files": {"a.py": "a\n", "b/c.py": "c\n"}}])
    (tmp_path / "r" / "a.py").touch()
    (tmp_path / "r" / "b" / "c.py").chmod(0o755)
    assert changed(open_at(tmp_path / "r")) == ChangedFiles()
    assert not changed(open_at(tmp_path / "r"))


def test_modified_and_deleted_files_are_named(tmp_path: Path, open_at: Open) -> None:
    """In path order; staged or not; files that are in no commit are not looked for."""
    files = {f"{name}.py": f"{name}\n" for name in "abcdef"}
    make_repository(tmp_path / "r", [{"files": files | {"dir/x": "x\n"}}])
    folder = tmp_path / "r"
    write_files(
        folder, {"b.py": "other\n", "c.py": None, "new.py": "new\n", "e.py": "staged\n", "a.py": "a\r"}
    )
    git(folder, "add", "e.py")
    (folder / "d.py").unlink()
    (folder / "d.py").symlink_to("a.py")
    (folder / "f.py").unlink()
    (folder / "f.py").mkdir()
    assert changed(open_at(folder)) == ChangedFiles(("a.py", "b.py", "d.py", "e.py", "f.py"), ("c.py",))
    assert len(changed(open_at(folder))) == 6


def test_an_older_commit_is_compared_as_well(tmp_path: Path, open_at: Open) -> None:
    """Against any snapshot, whatever is checked out."""
    make_repository(tmp_path / "r", [{"files": {"a": "1\n", "b": "1\n"}}, {"files": {"a": "2\n", "b": None}}])
    assert changed(open_at(tmp_path / "r"), "HEAD~1") == ChangedFiles(("a",), ("b",))


def test_line_ends_of_the_checkout_are_no_change(tmp_path: Path, open_at: Open) -> None:
    """CRLF for LF and LF for CRLF; but another word is a change, and so are such bytes in a binary file."""
    stored = {"lf.txt": "a\nb\n", "crlf.txt": "a\r\nb\r\n", "word.txt": "a\nb\n", "binary": b"\0\na\n"}
    make_repository(tmp_path / "r", [{"files": stored}])
    found = {"lf.txt": "a\r\nb\r\n", "crlf.txt": "a\nb\n", "word.txt": "a\r\nc\r\n", "binary": b"\0\r\na\r\n"}
    write_files(tmp_path / "r", found)
    for _ in range(2):
        assert changed(open_at(tmp_path / "r")).modified == ("binary", "word.txt")


def test_what_git_lfs_put_in_place_of_its_pointer_is_no_change(tmp_path: Path, open_at: Open) -> None:
    """The file is compared with the pointer's own hash; any other content is a change."""
    make_repository(
        tmp_path / "r", [{"files": {"big.bin": POINTER, "other.bin": POINTER, "still.bin": POINTER}}]
    )
    write_files(tmp_path / "r", {"big.bin": LARGE, "other.bin": LARGE[:-1] + b"?"})
    for _ in range(2):
        assert changed(open_at(tmp_path / "r")).modified == ("other.bin",)


def test_files_behind_another_filter_are_not_called_changed(tmp_path: Path, open_at: Open) -> None:
    """Only running the filter could tell, and it is never run."""
    attributes = "*.secret filter=crypt\n*.enc working-tree-encoding=UTF-16\n*.id ident\n"
    names = ["a.secret", "a.enc", "a.id", "a.py"]
    make_repository(
        tmp_path / "r", [{"files": {".gitattributes": attributes} | dict.fromkeys(names, "stored\n")}]
    )
    write_files(tmp_path / "r", dict.fromkeys(names, "elsewise\n"))
    assert changed(open_at(tmp_path / "r")).modified == ("a.py",)


def test_a_sparse_checkout_has_not_deleted_what_it_leaves_out(tmp_path: Path, open_at: Open) -> None:
    """Its absent files are absent on purpose; changes of the others are still told."""
    make_repository(tmp_path / "r", [{"files": {"a/x": "x\n", "b/y": "y\n", "top": "t\n"}}])
    git(tmp_path / "r", "sparse-checkout", "set", "a")
    assert not (tmp_path / "r" / "b").exists()
    assert not changed(open_at(tmp_path / "r"))
    write_files(tmp_path / "r", {"a/x": "z\n"})
    assert changed(open_at(tmp_path / "r")) == ChangedFiles(("a/x",))


def test_a_symlinked_folder_is_not_looked_into(tmp_path: Path, open_at: Open) -> None:
    """The files that it stands for are gone, as they are for git."""
    make_repository(tmp_path / "r", [{"files": {"a/x": "x\n", "b": "b\n"}}])
    (tmp_path / "r" / "a").rename(tmp_path / "outside")
    (tmp_path / "r" / "a").symlink_to(tmp_path / "outside")
    assert changed(open_at(tmp_path / "r")) == ChangedFiles((), ("a/x",))


def test_bare_repositories_have_no_changes(tmp_path: Path, open_at: Open) -> None:
    """There is nothing to compare."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}], bare=True)
    assert changed(open_at(tmp_path / "r")) == ChangedFiles()


def test_a_second_look_reads_no_file(tmp_path: Path, open_at: Open) -> None:
    """Only the files' state is asked: contents made unreadable do not matter, changed ones are read."""
    make_repository(tmp_path / "r", [{"files": {f"d{n % 40}/{n}.py": f"{n}\n" for n in range(2000)}}])
    time.sleep(0.05)
    repository = open_at(tmp_path / "r")
    snapshot = repository.snapshot()
    assert not repository.changed_files(snapshot)
    started = time.process_time()
    assert not repository.changed_files(snapshot)
    assert time.process_time() - started < 0.5
    write_files(tmp_path / "r", {"d3/3.py": "new\n"})
    assert repository.changed_files(snapshot).modified == ("d3/3.py",)


def test_a_fifo_in_place_of_a_file_does_not_hold_us(tmp_path: Path, open_at: Open) -> None:
    """It is a change, told at once."""
    make_repository(tmp_path / "r", [{"files": {"a": "1\n"}}])
    (tmp_path / "r" / "a").unlink()
    os.mkfifo(tmp_path / "r" / "a")
    assert changed(open_at(tmp_path / "r")).modified == ("a",)


def test_a_work_tree_that_went_away_is_all_deleted_or_unreadable(tmp_path: Path, open_at: Open) -> None:
    """Every file is told as deleted."""
    make_repository(tmp_path / "r", [{"files": {"a/x": "1\n", "b": "2\n"}}])
    repository = open_at(tmp_path / "r")
    snapshot = repository.snapshot()
    write_files(tmp_path / "r", {"a/x": None, "b": None})
    (tmp_path / "r" / "a").rmdir()
    assert repository.changed_files(snapshot).deleted == ("a/x", "b")


EDITS = st.dictionaries(
    st.sampled_from(["a", "b", "d/c", "d/e"]),
    st.one_of(st.none(), st.binary(max_size=12), st.text("ab\n", max_size=6)),
    max_size=4,
)


@settings(max_examples=40)
@given(steps=st.lists(EDITS, min_size=1, max_size=4))
def test_changes_are_those_of_git_status(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, bytes | str | None]]
) -> None:
    """After any series of edits, looked at after each one: the cache never hides a change nor makes one up.
    After any series of edits, looked at after each one: the cache never hides a change nor makes one up.
    """
    tmp_path = tmp_path_factory.mktemp("edits")
    folder = tmp_path / "r"
    stored = {"a": "a\n", "b": "ab\nab\n", "d/c": "c", "d/e": "\n\n"}
    make_repository(folder, [{"files": stored}])
    for edits in steps:
        for name, content in edits.items():
            if content is not None or (folder / name).exists():
                write_files(folder, {name: content})
        repository = open_repository(str(folder), home=tmp_path / "home")
        found = repository.changed_files(repository.snapshot())
        said = git(folder, "-c", "core.autocrlf=false", "diff", "--name-status", "HEAD").splitlines()
        modified = tuple(
            line[2:] for line in said if line[0] == "M" and not _only_line_ends(folder, line[2:], stored)
        )
        assert found == ChangedFiles(modified, tuple(line[2:] for line in said if line[0] == "D"))


def _only_line_ends(folder: Path, name: str, stored: dict[str, str]) -> bool:
    return (folder / name).read_bytes().replace(b"\r\n", b"\n") == stored[name].encode()
