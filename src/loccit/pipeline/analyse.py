"""Reading, parsing and tokenising blobs: the part of ingestion that runs in worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass

from loccit.core.errors import LimitExceeded, ObjectMissing, SourceUnreadable
from loccit.indexing.lexical import encode, tokenise
from loccit.parsing import ParsingOptions, parse
from loccit.sources import ReaderSpec, open_reader

_BATCH_BYTES = 400_000
# Below this a pool costs more than it saves.
_POOL_BYTES = 3_000_000


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


def analyse(jobs: Sequence[Job], spec: ReaderSpec, options: ParsingOptions, workers: int) -> Iterator[Analysed]:
    """Parse these blobs, in batches as they are done; in this process when the work is small.

    `workers` is a number of processes, 0 for one per core this process may use.
    """
    batches = list(_batches(jobs))
    count = min(workers or _cores(), len(batches))
    if count < 2 or sum(job.size for job in jobs) < _POOL_BYTES:
        for batch in batches:
            yield analyse_batch(batch, spec, options)
        return
    # loky neither forks a process that may have threads nor imports the caller's main script again.
    from loky import ProcessPoolExecutor, as_completed

    pool = ProcessPoolExecutor(max_workers=count)
    try:
        for future in as_completed([pool.submit(analyse_batch, batch, spec, options) for batch in batches]):
            yield future.result()
    except BrokenExecutor as error:
        raise SourceUnreadable(
            f"a process that parses files has died: {error}",
            next_step="set indexing.workers to 1 where memory is short, or leave files out in .loccitignore",
        ) from error
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def analyse_batch(jobs: Sequence[Job], spec: ReaderSpec, options: ParsingOptions) -> Analysed:
    """Parse these blobs here and now."""
    records: list[tuple[bytes, bytes]] = []
    missing: list[str] = []
    unreadable: list[str] = []
    with open_reader(spec) as reader:
        for job in jobs:
            try:
                data = reader.read(job.blob).data
            except ObjectMissing:
                missing.append(job.blob)
            except (SourceUnreadable, LimitExceeded):
                unreadable.append(job.blob)
            else:
                parsed = parse(data, language=job.language, options=options)
                records.append((job.key, encode(tokenise(parsed, data))))
    return Analysed(tuple(records), tuple(missing), tuple(unreadable), sum(job.size for job in jobs))


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
