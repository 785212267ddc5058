"""Reading, parsing and tokenising blobs: the part of ingestion that runs in worker processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from loccit.core.errors import LimitExceeded, ObjectMissing, SourceUnreadable
from loccit.core.source import SkipReason
from loccit.indexing.lexical import encode, tokenise
from loccit.parsing import ParsingOptions, parse
from loccit.sources import ManyBlobReader, ReaderSpec, open_reader

_BATCH_BYTES = 400_000
# Below this a pool costs more than it saves.
_POOL_BYTES = 3_000_000
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """One blob to parse. `key` is the key of the record it becomes, `size` its bytes."""

    key: bytes
    blob: str
    language: str
    size: int


@dataclass(frozen=True, slots=True)
class Analysed:
    """What became of a batch: encoded records by key, and the blobs that could not be read."""

    records: tuple[tuple[bytes, bytes], ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]
    size: int


def analyse(
    jobs: Sequence[Job], spec: ReaderSpec, options: ParsingOptions, workers: int
) -> Iterator[Analysed]:
    """Parse these blobs, in batches as they are done; in this process when the work is small.

    `workers` is a number of processes, 0 for one per core this process may use. Raises ObjectCorrupt, and
    SourceUnreadable when a process dies.
    """
    batches = list(_batches(jobs))
    count = min(workers or _cores(), len(batches))
    if count < 2 or sum(job.size for job in jobs) < _POOL_BYTES:
        with open_reader(spec) as reader:
            for batch in batches:
                yield _analysed(batch, reader, options)
        return
    # loky neither forks a process that may have threads nor imports the caller's main script again.
    from loky import ProcessPoolExecutor

    pool = cast(
        "Executor",
        ProcessPoolExecutor(max_workers=count, initializer=_end_with_parent, initargs=(os.getpid(),)),
    )
    try:
        futures = [pool.submit(_analysed_by_worker, batch, spec, options) for batch in batches]
        for future in as_completed(futures):
            yield future.result()
    except BrokenExecutor as error:
        raise SourceUnreadable(
            f"a process that parses files has died: {error}",
            next_step="set indexing.workers to 1 where memory is short, or leave files out in .loccitignore",
        ) from error
    finally:
        cast("Any", pool).shutdown(wait=True, kill_workers=True)


def _end_with_parent(parent: int) -> None:
    """Have this worker end soon after its parent was killed: it would wait for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _analysed_by_worker(jobs: Sequence[Job], spec: ReaderSpec, options: ParsingOptions) -> Analysed:
    return _analysed(jobs, _worker_reader(spec), options)


@lru_cache(maxsize=1)
def _worker_reader(spec: ReaderSpec) -> ManyBlobReader:
    """One reader for all batches of a worker: opening one may cost as much as reading. It ends with it."""
    return open_reader(spec).__enter__()


def _analysed(jobs: Sequence[Job], reader: ManyBlobReader, options: ParsingOptions) -> Analysed:
    """These blobs, parsed here and now."""
    records: list[tuple[bytes, bytes]] = []
    missing: list[str] = []
    unreadable: list[str] = []
    for job, content in _contents(jobs, reader):
        if content is SkipReason.MISSING:
            missing.append(job.blob)
        elif isinstance(content, SkipReason):
            unreadable.append(job.blob)
        else:
            parsed = parse(content, language=job.language, options=options)
            records.append((job.key, encode(tokenise(parsed, content))))
    return Analysed(tuple(records), tuple(missing), tuple(unreadable), sum(job.size for job in jobs))


def _contents(jobs: Sequence[Job], reader: ManyBlobReader) -> Iterator[tuple[Job, bytes | SkipReason]]:
    """Each job with its blob's content, or why there is none."""
    done = 0
    while done < len(jobs):
        try:
            for _, content in reader.read_many([job.blob for job in jobs[done:]]):
                yield jobs[done], content
                done += 1
        except ObjectMissing:
            yield jobs[done], SkipReason.MISSING
            done += 1
        except (SourceUnreadable, LimitExceeded):
            yield jobs[done], SkipReason.UNREADABLE
            done += 1


def _batches(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.size
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
