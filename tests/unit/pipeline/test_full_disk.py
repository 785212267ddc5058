"""A disk that is full and a home that cannot be written: a typed error, and what was there still answers.

A limit on the size of files stands in for the full disk: it holds for root as well, and cuts writes in the
middle.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loccit.core.errors import StorageFailed
from loccit.indexing.blob_cache import BlobCache, cache_key
from tests.repositories import make_repository
from tests.unit.pipeline.homes import (
    assert_no_rubbish,
    found,
    loccit_at,
    outcome,
    shard_of,
    start_indexing,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Path]:
    """A repository of two commits, and a home in which the first is indexed."""
    folder = tmp_path_factory.mktemp("disk")
    files = [
        {f"s{k}/f{n}.py": f"def load_config_{n * k}():\n    return 'cache {n}'\n" * 40 for n in range(40)}
        for k in range(2)
    ]
    ids = make_repository(folder / "project", [{"files": files[0]}, {"files": files[1]}])
    loccit_at(folder / "home").index(folder / "project", rev=ids[0])
    return folder / "project", ids, folder / "home"


@pytest.mark.parametrize("rebuild", [False, True], ids=["index", "rebuild"])
def test_where_the_disk_is_full_the_index_stays_and_answers(
    project: tuple[Path, list[str], Path], tmp_path: Path, rebuild: bool
) -> None:
    """Whatever cannot be written, of the cache or of the index: StorageFailed, and the commit before is found
    as ever.
    """
    repository, ids, before = project
    expected = found(loccit_at(before), rev=ids[0])
    failed = 0
    for kilobytes in (1, 5, 20, 40, 60, 90, 200):
        home = tmp_path / str(kilobytes)
        shutil.copytree(before, home)
        told = outcome(
            start_indexing(home, repository, rev=ids[1], rebuild=rebuild, file_bytes=kilobytes * 1000)
        )
        manifest = shard_of(home).manifest()
        if "error" in told:
            failed += 1
            assert told["error"] == "StorageFailed", told
            assert told["next"]
        if manifest.snapshot("files", ids[0]):
            assert found(loccit_at(home), rev=ids[0]) == expected
        else:
            assert rebuild
            assert manifest.snapshot("files", ids[1])
        loccit_at(home).index(repository, rev=ids[1])
        assert found(loccit_at(home), rev=ids[1])
        assert_no_rubbish(home)
    assert failed >= 3


def test_a_home_below_a_file_is_refused(project: tuple[Path, list[str], Path], tmp_path: Path) -> None:
    """A home that can never be a folder: the error names it and says what to set."""
    repository, _, _ = project
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed) as raised:
        loccit_at(tmp_path / "file" / "home").index(repository)
    assert "file/home" in raised.value.message
    assert "LOCCIT_HOME" in raised.value.next_step


def test_a_cache_of_another_process_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    """A lock that is never given back is an error of its own, not a full disk."""
    path = tmp_path / "blobs.sqlite"
    first, second = BlobCache(path), BlobCache(path)
    first._connection.execute("BEGIN IMMEDIATE")
    second._connection.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(StorageFailed, match="another process"):
        second.put([(cache_key("b", "python", "1"), b"x")])
    first._connection.execute("ROLLBACK")
    second.put([(cache_key("b", "python", "1"), b"x")])
    second.close()
    first.close()
