"""Several processes at one index: indexers take turns, readers never wait and never meet a mixture."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loccit.core.evidence import Filters
from loccit.indexing.shard import Shard
from loccit.retrieval.query import understand
from loccit.retrieval.search import Target, search
from tests.repositories import Commit, git, make_repository
from tests.unit.pipeline.homes import (
    assert_no_rubbish,
    found,
    fresh,
    loccit_at,
    outcome,
    shard_of,
    start_indexing,
)

# Reads what is published, over and over, until its standard input ends.
_READER = """
import json, random, select, sys, time
from pathlib import Path
from loccit.core.errors import NotIndexed
from loccit.core.evidence import Filters
from loccit.indexing.shard import Shard
from loccit.retrieval.query import understand
from loccit.retrieval.search import Target, search

shard = Shard(Path(sys.argv[1]))
query = understand("parse the config value", max_chars=1000)
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    started = time.perf_counter()
    wanted = random.choice([s for s in shard.manifest().snapshots if s.kind == "files"])
    try:
        record, view = shard.open("files", wanted.id)
    except NotIndexed:
        continue
    hits = search(query, [Target("project", record, view)], filters=Filters(), top_k=50).hits
    print(json.dumps([record.id, time.perf_counter() - started, [[h.place.path, h.score] for h in hits]]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Twenty-one commits, each of which changes what is found."""
    commits: list[Commit] = []
    for number in range(21):
        text = f"def parse_{number}(config):\n    return {'value + ' * (number % 5)}config\n" * (
            1 + number % 4
        )
        files = {
            f"src/file{number % 6}.py": text,
            "src/base.py": "def load_config():\n    pass\n" * (number + 1),
        }
        commits.append({"files": files, "message": f"Parse value {number}"})
    folder = tmp_path_factory.mktemp("turns") / "project"
    return folder, make_repository(folder, commits)


def read(shard: Shard, rev: str) -> list[list[object]]:
    """What the readers read."""
    record, view = shard.open("files", rev)
    query = understand("parse the config value", max_chars=1000)
    hits = search(query, [Target("project", record, view)], filters=Filters(), top_k=50).hits
    return [[hit.place.path, hit.score] for hit in hits]


def test_readers_see_published_states_only_while_twenty_commits_are_indexed(
    project: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Every answer of two readers is that of a fresh index of the commit it names, and none had to wait."""
    repository, ids = project
    loccit = loccit_at(tmp_path / "home", kept_snapshots=3)
    loccit.index(repository, rev=ids[0])
    shard = shard_of(tmp_path / "home").folder
    readers: list[subprocess.Popen[str]] = []
    for number in range(2):
        with (tmp_path / f"reader{number}").open("w") as said:
            command = [sys.executable, "-c", _READER, str(shard)]
            readers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, text=True))
    for number in range(2):
        while not (tmp_path / f"reader{number}").read_text():
            time.sleep(0.02)
    expected: dict[str, list[list[object]]] = {}
    for rev in ids:
        loccit.index(repository, rev=rev)
        expected[rev] = read(Shard(shard), rev)
    for reader in readers:
        reader.communicate(timeout=20)
        assert reader.returncode == 0
    alone = loccit_at(tmp_path / "alone")
    alone.index(repository, rev=ids[13])
    assert expected[ids[13]] == read(shard_of(tmp_path / "alone"), ids[13])
    answers = [
        json.loads(line)
        for number in range(2)
        for line in (tmp_path / f"reader{number}").read_text().splitlines()[1:]
    ]
    assert len({rev for rev, _, _ in answers}) > 5
    assert all(hits == expected[rev] for rev, _, hits in answers)
    assert max(seconds for _, seconds, _ in answers) < 2


def test_two_indexers_of_one_repository_take_turns(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Both, let loose at the same moment, succeed, and both commits are there."""
    repository, ids = project
    home = tmp_path / "home"
    indexers = [start_indexing(home, repository, rev=ids[n], gate=True) for n in (4, 9)]
    for indexer in indexers:
        assert indexer.stdin is not None
        indexer.stdin.write("go\n")
        indexer.stdin.flush()
    assert [outcome(indexer)["commit"] for indexer in indexers] == [ids[4], ids[9]]
    assert {s.id for s in shard_of(home).manifest().snapshots} == {ids[4], ids[9]}
    assert_no_rubbish(home)
    for number in (4, 9):
        expected = fresh(tmp_path / str(number), repository, ids[number])
        assert found(loccit_at(home), rev=ids[number]) == expected


def test_a_reader_answers_while_an_indexer_waits_for_another(
    project: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """The lock holds up who writes, and nobody else; who must wait is told so once."""
    repository, ids = project
    home = tmp_path / "home"
    loccit = loccit_at(home)
    loccit.index(repository, rev=ids[3])
    before = found(loccit, rev=ids[3])
    with shard_of(home).locked():
        indexer = start_indexing(home, repository, rev=ids[7])
        for _ in range(20):
            assert found(loccit_at(home), rev=ids[3]) == before
        assert indexer.poll() is None
        assert shard_of(home).manifest().snapshot("files", ids[7]) is None
        told: list[str] = []
        script = (
            "import sys; from pathlib import Path; from loccit.indexing.shard import Shard\n"
            "waiting = lambda: print('waiting', flush=True)\n"
            "with Shard(Path(sys.argv[1])).locked(waiting=waiting): print('held')"
        )
        second = subprocess.Popen(
            [sys.executable, "-c", script, str(shard_of(home).folder)], stdout=subprocess.PIPE, text=True
        )
        assert second.stdout is not None
        told.append(second.stdout.readline())
    told += second.communicate(timeout=20)[0].splitlines(keepends=True)
    assert told == ["waiting\n", "held\n"]
    assert outcome(indexer)["commit"] == ids[7]


def test_two_repositories_are_indexed_side_by_side_into_one_cache(tmp_path: Path) -> None:
    """Three processes write the blob cache and the catalogue at once, and nothing is lost."""
    names = ["one", "two", "three"]
    for name in names:
        files = {f"{name}{n}.py": f"def {name}_{n}():\n    return 'config'\n" for n in range(40)}
        make_repository(tmp_path / name, [{"files": files}])
    home = tmp_path / "home"
    indexers = [start_indexing(home, tmp_path / name, gate=True) for name in names]
    for indexer in indexers:
        assert indexer.stdin is not None
        indexer.stdin.write("go\n")
        indexer.stdin.flush()
    assert [outcome(indexer)["parsed"] for indexer in indexers] == [40, 40, 40]
    loccit = loccit_at(home)
    assert [status.repository.name for status in loccit.status()] == sorted(names)
    assert {hit.place.repo for hit in loccit.search("config", limit=100)} == set(names)
    git(tmp_path, "clone", "-q", "one", "again")
    assert loccit.index(tmp_path / "again").files.parsed == 0
