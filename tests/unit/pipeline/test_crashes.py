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
from loccit.library import Loccit
from loccit.parsing import ParsingOptions
from loccit.settings import Settings
from tests.repositories import Commit, make_repository
from tests.unit.pipeline.homes import QUERIES, assert_no_rubbish, found, loccit_at, shard_of

# Forks a child for every line it reads. The child indexes and is killed before its n-th step on files, or
# after some milliseconds, whichever is asked for; what is printed is whether it was killed, and how many
# steps it came to. A step opens a file of an index for writing, renames one or deletes one, or opens the
# cache.
_KILLER = """
import json, os, signal, sys, time
from pathlib import Path
import loccit.cli.app, loccit.pipeline.ingest, loccit.indexing.blob_cache, filelock
from loccit.indexing.options import IndexingOptions
from loccit.library import Loccit
from loccit.parsing import ParsingOptions
from loccit.settings import Settings

def is_step(event, arguments):
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & os.O_WRONLY):
        return False
    if event not in {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"}:
        return False
    path = str(arguments[0])
    return "/shard" in path or "catalogue" in path or "/cache" in path

def index(asked):
    steps = 0
    def hook(event, arguments):
        nonlocal steps
        if is_step(event, arguments):
            steps += 1
            if steps == asked.get("step"):
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    options = IndexingOptions(workers=1, kept_snapshots=2)
    parsing = ParsingOptions(min_chunk_bytes=asked["smallest"])
    loccit = Loccit(settings=Settings(home=Path(asked["home"]), parsing=parsing, indexing=options))
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
    told = {"killed": killed, "steps": int(steps or 0), "failed": not killed and status != 0}
    print(json.dumps(told), flush=True)
"""


@dataclass
class Killer:
    """A process that indexes in children of its own, and kills them."""

    process: subprocess.Popen[str]

    def __call__(
        self,
        home: Path,
        repository: Path,
        rev: str,
        *,
        rebuild: bool = False,
        smallest: int = 200,
        **when: int,
    ) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"home": str(home), "repository": str(repository), "rev": rev, "rebuild": rebuild}
        asked |= {"smallest": smallest, **when}
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


# Two say as much as all, and every kill is followed by several of them.
FEW = QUERIES[:2]
OTHER_SMALLEST = 10


@dataclass(frozen=True)
class Scene:
    """A repository, and a home in which all but its last commit are indexed.

    `expected` is what is found at each of the last two, among the files and among the commits; `otherwise`
    what is found at the first of them where small chunks are not joined.
    """

    repository: Path
    home: Path
    before: str
    after: str
    expected: dict[str, tuple[object, object]]
    otherwise: object


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Six small commits after a bigger one, so that the next one merges segments."""
    folder = tmp_path_factory.mktemp("crashes")
    chance = random.Random(3)
    words = ["config", "parser", "reader", "cache", "tool", "closed", "load", "error"]
    files = {
        f"src/part{number}.py": "".join(
            "def {}_{}_{n}(path):\n    return {}(path)\n\n\n".format(*chance.choices(words, k=3), n=n)
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
    expected: dict[str, tuple[object, object]] = {}
    for rev in ids[-2:]:
        alone = loccit_at(folder / rev)
        alone.index(folder / "project", rev=rev)
        past = found(alone, rev=rev, history=True, queries=FEW)
        expected[rev] = (found(alone, rev=rev, queries=FEW), past)
    parsing = ParsingOptions(min_chunk_bytes=OTHER_SMALLEST)
    other = Loccit(settings=Settings(home=folder / "other", parsing=parsing))
    other.index(folder / "project", rev=ids[-2], history=False)
    otherwise = found(other, rev=ids[-2], queries=FEW)
    assert otherwise != expected[ids[-2]][0]
    return Scene(folder / "project", folder / "home", ids[-2], ids[-1], expected, otherwise)


def check_after_kill(scene: Scene, home: Path) -> None:
    """What was published is whole; one more run publishes the rest and leaves no rubbish."""
    manifest = shard_of(home).manifest()
    published = {snapshot.id for snapshot in manifest.snapshots if snapshot.kind == "files"}
    published &= scene.expected.keys()
    assert published
    loccit = loccit_at(home, kept_snapshots=2)
    for rev in published:
        hits = found(loccit, rev=rev, queries=FEW)
        assert hits == scene.expected[rev][0] or (rev == scene.before and hits == scene.otherwise)
    assert shard_of(home).manifest() == manifest
    loccit.index(scene.repository, rev=scene.after)
    assert_no_rubbish(home)
    files, commits = scene.expected[scene.after]
    assert found(loccit, rev=scene.after, queries=FEW) == files
    assert found(loccit, rev=scene.after, queries=FEW, history=True) == commits


@pytest.mark.parametrize("what", ["next commit", "rebuild", "other options"])
def test_killed_before_any_step_on_files_the_index_answers_and_the_next_run_finishes(
    killer: Killer, scene: Scene, tmp_path: Path, what: str
) -> None:
    """SIGKILL before each file of the index that is opened for writing, renamed or deleted: while the next
    commit is indexed, while all is built anew, and while the same commit is cut otherwise.
    """
    rev = scene.before if what == "other options" else scene.after
    smallest = OTHER_SMALLEST if what == "other options" else 200

    def run(home: Path, **when: int) -> dict[str, int]:
        shutil.copytree(scene.home, home)
        return killer(home, scene.repository, rev, rebuild=what == "rebuild", smallest=smallest, **when)

    steps = run(tmp_path / "whole")["steps"]
    assert steps > 15
    for step in range(1, steps + 1, 1 if what == "next commit" else 3):
        home = tmp_path / str(step)
        assert run(home, step=step)["killed"]
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
        step += 2
    assert step > 10
    loccit = loccit_at(tmp_path)
    loccit.index(scene.repository, rev=scene.before)
    assert found(loccit, rev=scene.before, queries=FEW) == scene.expected[scene.before][0]
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
