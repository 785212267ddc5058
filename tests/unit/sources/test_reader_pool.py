"""Readers that stay open: one caller at a time, never behind the repository, and gone when nobody asks."""

from __future__ import annotations

import gc
import os
import signal
import time
from pathlib import Path
from threading import Barrier, Thread

import pytest

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.sources import Repository
from tests.processes import git_children
from tests.repositories import add_commits, git, make_repository
from tests.unit.sources.conftest import Open

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are listed from /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_repository(tmp_path / "r", [{"files": {f"f{n}": f"{n}\n" for n in range(20)}}])
    return tmp_path / "r"


@pytest.fixture
def repository(folder: Path, open_at: Open) -> Repository:
    gc.collect()
    assert not git_children()
    return open_at(folder)


def _blob(folder: Path, path: str) -> str:
    return git(folder, "rev-parse", f"HEAD:{path}")


def _read(repository: Repository, blob: str) -> bytes:
    with repository.reader() as reader:
        return reader.read(blob).data


def test_one_after_another_callers_share_one_git_process(repository: Repository, folder: Path):
    blobs = [_blob(folder, f"f{n}") for n in range(5)]
    assert [_read(repository, blob) for blob in blobs] == [f"{n}\n".encode() for n in range(5)]
    (first,) = git_children()
    assert _read(repository, blobs[0]) == b"0\n"
    assert git_children() == {first}


def test_callers_at_the_same_time_have_a_process_each(repository: Repository, folder: Path):
    one, other = _blob(folder, "f1"), _blob(folder, "f2")
    with repository.reader() as a, repository.reader() as b:
        assert a.read(one).data == b"1\n"
        assert b.read(other).data == b"2\n"
        assert len(git_children()) == 2
        assert a.read(other).data == b"2\n"


def test_of_many_callers_at_once_only_so_many_processes_stay(repository: Repository, folder: Path):
    blob, barrier, read = _blob(folder, "f3"), Barrier(20), list[bytes]()

    def ask() -> None:
        with repository.reader() as reader:
            read.append(reader.read(blob).data)
            barrier.wait()

    threads = [Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [b"3\n"] * 20
    assert len(git_children()) == 8


def test_a_process_that_was_killed_is_replaced_unheard(repository: Repository, folder: Path):
    blobs = [_blob(folder, f"f{n}") for n in range(20)]
    for many in (False, True):
        _read(repository, blobs[0])
        for process in git_children():
            os.kill(process, signal.SIGKILL)
        if many:
            with repository.reader() as reader:
                assert [data for _, data in reader.read_many(blobs)] == [f"{n}\n".encode() for n in range(20)]
        else:
            assert _read(repository, blobs[4]) == b"4\n"
        assert len(git_children()) == 1


def test_what_was_committed_since_is_found(repository: Repository, folder: Path):
    _read(repository, _blob(folder, "f1"))
    add_commits(folder, [{"files": {"new": "new\n"}}])
    assert _read(repository, _blob(folder, "new")) == b"new\n"


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_is_gone_from_the_repository_is_missing_at_once(
    repository: Repository, folder: Path, is_packed: bool
):
    """The process that read it before would still give it: it has the old pack open."""
    if is_packed:
        git(folder, "repack", "-q", "-a", "-d")
    blob = _blob(folder, "f1")
    assert _read(repository, blob) == b"1\n"
    git(folder, "checkout", "-q", "--orphan", "other")
    git(folder, "rm", "-q", "-f", "f1")
    git(folder, "commit", "-q", "-m", "without")
    git(folder, "branch", "-q", "-D", "main")
    git(folder, "reflog", "expire", "--expire=now", "--all")
    git(folder, "repack", "-q", "-a", "-d")
    git(folder, "prune", "--expire=now")
    with pytest.raises(ObjectMissing, match=blob):
        _read(repository, blob)
    assert _read(repository, _blob(folder, "f2")) == b"2\n"


def test_what_was_damaged_since_is_not_handed_out(repository: Repository, folder: Path):
    blob = _blob(folder, "f1")
    assert _read(repository, blob) == b"1\n"
    loose = folder / ".git" / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"nothing that git wrote")
    with pytest.raises(ObjectCorrupt, match=blob):
        _read(repository, blob)


def test_who_leaves_in_the_middle_leaves_nothing_for_the_next(repository: Repository, folder: Path):
    blobs = [_blob(folder, f"f{n}") for n in range(20)]
    with repository.reader() as reader:
        stream = reader.read_many(blobs)
        next(stream)
    assert not git_children()
    assert _read(repository, blobs[7]) == b"7\n"
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]  # it is a generator
    assert _read(repository, blobs[8]) == b"8\n"


def test_idle_processes_end(repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("loccit.sources.reader_pool._IDLE_S", 0.2)
    blob = _blob(folder, "f1")
    with repository.reader() as a, repository.reader() as b:
        a.read(blob)
        b.read(blob)
    assert len(git_children()) == 2
    deadline = time.monotonic() + 20
    while git_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not git_children()
    assert _read(repository, blob) == b"1\n"


def test_an_old_process_is_not_lent_again(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    blob = _blob(folder, "f1")
    _read(repository, blob)
    before = git_children()
    monkeypatch.setattr("loccit.sources.reader_pool._LONGEST_LIFE_S", 0.0)
    _read(repository, blob)
    assert len(git_children()) == 1
    assert git_children() != before


def test_a_repository_that_is_forgotten_takes_its_processes_along(folder: Path, open_at: Open):
    opened = open_at(folder)
    _read(opened, _blob(folder, "f1"))
    assert len(git_children()) == 1
    del opened
    gc.collect()
    assert not git_children()
