"""Parsing in worker processes: what becomes of objects that cannot be read, and of processes that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import loccit
from loccit.core.errors import LimitExceeded, ObjectCorrupt, ObjectMissing, SourceUnreadable
from loccit.core.source import GitObject
from loccit.indexing.lexical import decode
from loccit.parsing import ParsingOptions
from loccit.pipeline.analyse import Job, analyse

Trouble = Literal["missing", "corrupt", "unreadable", "too large", "death", "none"]
ERRORS = {
    "missing": ObjectMissing("no object"),
    "corrupt": ObjectCorrupt("object b is corrupt", next_step="run 'git fsck' in the repository"),
    "unreadable": SourceUnreadable("permission denied"),
    "too large": LimitExceeded("size in bytes", 2, 1),
}


@dataclass(frozen=True)
class Reader:
    """Every object holds its own id as text; the one called `b` makes trouble."""

    trouble: Trouble

    def open(self) -> nullcontext[Reader]:
        return nullcontext(self)

    def read(self, object_id: str) -> GitObject:
        if object_id != "b" or self.trouble == "none":
            return GitObject("blob", f"text of {object_id}\n".encode())
        if self.trouble == "death":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ERRORS[self.trouble]

    def read_many(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return ((wanted, self.read(wanted).data) for wanted in ids)


# As large as they say they are, two batches are enough work for a second process.
JOBS = [Job(name.encode() * 16, name, "text", 900_000) for name in "abcdef"]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("trouble", ["missing", "unreadable", "too large"])
def test_what_cannot_be_read_is_named_and_the_rest_is_parsed(workers: int, trouble: Trouble) -> None:
    """One object of six is left out, with its reason."""
    done = list(analyse(JOBS, Reader(trouble), ParsingOptions(), workers))
    records = dict(record for batch in done for record in batch.records)
    assert sorted(records) == [name * 16 for name in (b"a", b"c", b"d", b"e", b"f")]
    assert "text" in decode(records[b"c" * 16]).vocabulary
    assert sum((batch.missing for batch in done), ()) == (("b",) if trouble == "missing" else ())
    assert sum((batch.unreadable for batch in done), ()) == (() if trouble == "missing" else ("b",))
    assert sum(batch.size for batch in done) == 6 * 900_000


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_object_is_an_error_that_keeps_its_next_step(workers: int) -> None:
    """From whichever process it comes."""
    with pytest.raises(ObjectCorrupt, match="object b is corrupt") as raised:
        list(analyse(JOBS, Reader("corrupt"), ParsingOptions(), workers))
    assert raised.value.next_step == "run 'git fsck' in the repository"


def test_a_process_that_dies_is_an_error_that_says_what_to_set() -> None:
    """Killed from outside, as for want of memory."""
    with pytest.raises(SourceUnreadable, match="has died") as raised:
        list(analyse(JOBS, Reader("death"), ParsingOptions(), 2))
    assert "indexing.workers" in raised.value.next_step
    assert len(list(analyse(JOBS, Reader("none"), ParsingOptions(), 2))) == 6


def test_nothing_to_do_starts_nothing() -> None:
    """No jobs, no batches."""
    assert list(analyse([], Reader("death"), ParsingOptions(), 2)) == []


_PARENT = """
import sys
from loccit.parsing import ParsingOptions
from loccit.pipeline.analyse import Job, analyse
from tests.unit.pipeline.test_analyse import Slow, JOBS
list(analyse(JOBS, Slow(), ParsingOptions(), 2))
"""


class Slow(Reader):
    """Says which process reads, and takes its time."""

    def __init__(self) -> None:
        super().__init__("none")

    def read(self, object_id: str) -> GitObject:
        print(os.getpid(), flush=True)
        time.sleep(3)
        return super().read(object_id)


def test_the_workers_of_a_parent_that_is_killed_end_too() -> None:
    """They would wait for work for ever, a hundred megabytes of them after each kill."""
    root = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        env={**os.environ, "PYTHONPATH": f"{root}:{Path(loccit.__file__).parents[1]}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    workers = {int(parent.stdout.readline()) for _ in range(2)}
    assert parent.pid not in workers
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while any(is_alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_alive(worker) for worker in workers)


def is_alive(process: int) -> bool:
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
