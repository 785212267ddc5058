"""`gc` and `remove` give space back and change no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.errors import NotIndexed
from tests.repositories import Commit, make_repository
from tests.unit.pipeline.homes import assert_no_rubbish, found, loccit_at, shard_of


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, list[str]]:
    """Twelve commits, each of which replaces every file."""
    commits: list[Commit] = []
    for number in range(12):
        text = (
            f"def load_config_{number}(path):\n    # The cache holds {number} entries.\n    return path\n\n\n"
            * 40
        )
        commits.append({"files": {f"src/f{n}.py": f"x_{number}_{n} = 1\n{text}" for n in range(5)}})
    return tmp_path / "project", make_repository(tmp_path / "project", commits)


def test_gc_gives_back_what_no_snapshot_shows(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Dead documents and cached records go; what is found at the kept commits stays the same."""
    repository, ids = project
    loccit = loccit_at(tmp_path / "home", kept_snapshots=2)
    for rev in ids:
        loccit.index(repository, rev=rev)
    before = [found(loccit, rev=rev, history=history) for rev in ids[-2:] for history in (False, True)]
    collected = loccit.gc()
    assert collected.cache_records == 50
    assert collected.bytes_freed > 10_000
    assert before == [
        found(loccit, rev=rev, history=history) for rev in ids[-2:] for history in (False, True)
    ]
    assert sum(len(segment.keys) for segment in shard_of(tmp_path / "home").segments("files")) == 10
    assert_no_rubbish(tmp_path / "home")
    assert loccit.index(repository, rev=ids[-1]).files.parsed == 0
    assert loccit.index(repository, rev=ids[0]).files.parsed == 5


def test_gc_of_what_is_all_alive_writes_no_segment_anew(
    project: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """A second collection finds nothing to do."""
    repository, _ = project
    loccit = loccit_at(tmp_path / "home")
    loccit.index(repository)
    loccit.gc()
    before = shard_of(tmp_path / "home").manifest()
    collected = loccit.gc()
    assert (collected.cache_records, collected.folders) == (0, 0)
    assert shard_of(tmp_path / "home").manifest() == before


def test_an_index_walked_over_many_commits_stays_small(
    project: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Documents that no kept snapshot shows are given up on the way: at most as many stay as are shown."""
    repository, ids = project
    loccit = loccit_at(tmp_path / "home", kept_snapshots=2)
    for rev in [*ids, *reversed(ids), *ids]:
        loccit.index(repository, rev=rev, history=False)
        shard = shard_of(tmp_path / "home")
        assert sum(len(segment.keys) for segment in shard.segments("files")) <= 10


def test_what_is_removed_is_forgotten_and_the_rest_stays(
    project: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """The removed repository's folder is gone, `gc` takes its records, another one's answers stay."""
    repository, ids = project
    make_repository(tmp_path / "other", [{"files": {"tool.py": "def parse_config():\n    pass\n"}}])
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "other")
    alone = found(loccit)
    loccit.index(repository, rev=ids[0], collection="both")
    loccit.remove("project")
    assert found(loccit) == alone
    assert loccit.collections() == {}
    assert len(list((tmp_path / "home" / "repositories").iterdir())) == 1
    assert loccit.gc().cache_records == 5
    with pytest.raises(NotIndexed):
        loccit.search("config", repos=["project"])
    assert repository.is_dir()


def test_folders_of_nobody_are_collected(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    """What a removal that was killed left behind goes with the next `gc`."""
    repository, _ = project
    loccit = loccit_at(tmp_path / "home")
    loccit.index(repository)
    left = tmp_path / "home" / "repositories" / "0123456789abcdef" / "shard"
    left.mkdir(parents=True)
    (left / "manifest.json").write_text("{}")
    assert loccit.gc().folders == 1
    assert not left.exists()
