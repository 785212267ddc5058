"""A killed indexer leaves the index that was there, and the next run finishes the work."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loccit.indexing.blob_cache import BlobCache, cache_key
from tests.repositories import Commit, make_repository
from tests.unit.pipeline.homes import assert_no_rubbish, found, fresh, loccit_at, shard_of

# Forks a child for every line it reads. The child indexes and is killed before its n-th step on files, or after some
# milliseconds, whichever is asked for; what is printed is whether it was killed, and how many steps it came to.
_KILLER = """
import json, os, signal, sys, time
from pathlib import Path
import loccit.cli.app, loccit.pipeline.ingest, loccit.indexing.blob_cache, filelock
from loccit.indexing.options import IndexingOptions
from loccit.library import Loccit
from loccit.settings import Settings

STEPS = {"os.rename", "os.remove", "os.mkdir", "sqlite3.connect", "subprocess.Popen"}

def index(asked):
    steps = 0
    def hook(event, arguments):
        nonlocal steps
        if event in STEPS or event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_WRONLY:
            steps += 1
            if steps == asked.get("step"):
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    options = IndexingOptions(workers=1, kept_snapshots=2)
    loccit = Loccit(settings=Settings(home=Path(asked["home"]), indexing=options))
    loccit.index(asked["repository"], rev=asked["rev"], rebuild=asked["rebuild"])
    return steps

print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, str(index(asked)).encode())
        os._exit(0)
    os.close(writing)
    if "after_ms" in asked:
        time.sleep(asked["after_ms"] / 1000)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    steps = os.read(reading, 20)
    os.close(reading)
    killed = os.WIFSIGNALED(status)
    print(json.dumps({"killed": killed, "steps": int(steps or 0), "failed": not killed and status != 0}), flush=True)
"""


@dataclass
class Killer:
    """A process that indexes in children of its own, and kills them."""

    process: subprocess.Popen[str]

    def __call__(
        self, home: Path, repository: Path, rev: str, *, rebuild: bool = False, **when: int
    ) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"home": str(home), "repository": str(repository), "rev": rev, "rebuild": rebuild, **when}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert not answer["failed"]
        return answer


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield Killer(process)
    process.communicate(timeout=10)


@dataclass(frozen=True)
class Scene:
    """A repository, a home in which all but its last commit are indexed, and what the last two are to be found to hold."""

    repository: Path
    home: Path
    before: str
    after: str
    expected: dict[str, object]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Six small commits after a bigger one, so that the next one merges segments."""
    folder = tmp_path_factory.mktemp("crashes")
    chance = random.Random(3)
    words = ["config", "parser", "reader", "cache", "tool", "closed", "load", "error"]
    files = {
        f"src/part{number}.py": "".join(
            f"def {chance.choice(words)}_{chance.choice(words)}_{n}(path):\n    return {chance.choice(words)}(path)\n\n\n"
            for n in range(30)
        )
        for number in range(40)
    }
    commits: list[Commit] = [{"files": files}]
    for number in range(1, 9):
        content = f"def load_config_{number}():\n    return 'parse the config'\n"
        changed = {f"src/part{number}.py": content, f"docs/note{number}.md": f"# Cache {number}\n\nclosed\n"}
        commits.append({"files": changed, "message": f"Change the reader, part {number}"})
    ids = make_repository(folder / "project", commits)
    loccit = loccit_at(folder / "home", kept_snapshots=2)
    for rev in ids[:-1]:
        loccit.index(folder / "project", rev=rev)
    expected = {
        rev: fresh(folder / rev, folder / "project", rev, history=True) for rev in (ids[-2], ids[-1])
    }
    return Scene(folder / "project", folder / "home", ids[-2], ids[-1], {k: v for k, v in expected.items()})


def check_after_kill(scene: Scene, home: Path) -> None:
    """What was published is whole; one more run publishes the rest and leaves no rubbish."""
    manifest = shard_of(home).manifest()
    published = {snapshot.id for snapshot in manifest.snapshots if snapshot.kind == "files"}
    assert published & {scene.before, scene.after}
    loccit = loccit_at(home, kept_snapshots=2)
    for rev in published & {scene.before, scene.after}:
        found(loccit, rev=rev)
        assert found(loccit, rev=rev) == [hits for hits in fresh_files(scene, rev)]
    assert shard_of(home).manifest() == manifest
    loccit.index(scene.repository, rev=scene.after)
    assert_no_rubbish(home)
    assert found(loccit, rev=scene.after, history=True) == scene.expected[scene.after]


_files: dict[str, object] = {}


def fresh_files(scene: Scene, rev: str) -> list[object]:
    if rev not in _files:
        loccit = loccit_at(scene.home.parent / rev)
        _files[rev] = found(loccit, rev=rev)
    return list(_files[rev])  # type: ignore[call-overload]


@pytest.mark.parametrize("rebuild", [False, True], ids=["index", "rebuild"])
def test_killed_before_any_step_on_files_the_index_answers_and_the_next_run_finishes(
    killer: Killer, scene: Scene, tmp_path: Path, rebuild: bool
) -> None:
    """SIGKILL before each file that is opened for writing, renamed or deleted, and each process that is started."""
    shutil.copytree(scene.home, tmp_path / "whole")
    steps = killer(tmp_path / "whole", scene.repository, scene.after, rebuild=rebuild)["steps"]
    assert steps > 20
    for step in range(1, steps + 1):
        home = tmp_path / str(step)
        shutil.copytree(scene.home, home)
        assert killer(home, scene.repository, scene.after, rebuild=rebuild, step=step)["killed"]
        check_after_kill(scene, home)
        shutil.rmtree(home)


def test_killed_at_random_moments_the_index_answers_and_the_next_run_finishes(
    killer: Killer, scene: Scene, tmp_path: Path
) -> None:
    """SIGKILL after some milliseconds, in the middle of whatever is written then."""
    killed = 0
    for after_ms in range(4, 124, 8):
        home = tmp_path / str(after_ms)
        shutil.copytree(scene.home, home)
        killed += killer(home, scene.repository, scene.after, after_ms=after_ms)["killed"]
        check_after_kill(scene, home)
        shutil.rmtree(home)
    assert killed > 5


def test_a_first_run_that_is_killed_again_and_again_comes_to_its_end(
    killer: Killer, scene: Scene, tmp_path: Path
) -> None:
    """One home, killed after ever more steps: nothing is in the way of the next run."""
    step = 1
    while killer(tmp_path, scene.repository, scene.before, step=step)["killed"]:
        step += 3
    assert step > 20
    loccit = loccit_at(tmp_path)
    loccit.index(scene.repository, rev=scene.before)
    assert found(loccit, rev=scene.before, history=True) == scene.expected[scene.before]
    assert_no_rubbish(tmp_path)


def test_a_killed_writer_of_the_cache_loses_its_last_batch_only(tmp_path: Path) -> None:
    """Records that were put before the kill are there, the batch under way is there wholly or not at all."""
    script = """
import itertools, sys
from pathlib import Path
from loccit.indexing.blob_cache import BlobCache, cache_key
cache = BlobCache(Path(sys.argv[1]))
for batch in itertools.count():
    cache.put([(cache_key(f"{batch}-{n}", "python", "1"), b"x" * 2000) for n in range(20)])
    print(batch, flush=True)
"""
    path = tmp_path / "blobs.sqlite"
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        last = -1
        while last < 5:
            last = int(process.stdout.readline())
        process.kill()
        rest = process.communicate()[0].split()
        last = max([last, *map(int, rest[:-1])])
        cache = BlobCache(path)
        for batch in range(last + 3):
            keys = [cache_key(f"{batch}-{n}", "python", "1") for n in range(20)]
            there = cache.present(keys)
            assert len(there) == 20 if batch <= last else len(there) in {0, 20}
        cache.close()
    assert [file.name for file in tmp_path.iterdir()] == ["blobs.sqlite"]
