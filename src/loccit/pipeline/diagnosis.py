"""Is everything in order? The checks of `loccit doctor`, each with what it found and what to do."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import LoccitError
from loccit.indexing.catalogue import Catalogue, KnownRepository
from loccit.indexing.shard import Shard
from loccit.sources import Repository

# The oldest git with the options that reading relies on.
_OLDEST_GIT = (2, 34)
_LEAST_FREE_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `next_step` says what to do where it is not fine."""

    name: str
    is_fine: bool
    found: str
    next_step: str = ""


def diagnose(
    home: Path,
    catalogue: Catalogue,
    shard_of: Callable[[str], Shard],
    repository_at: Callable[[str], Repository],
) -> tuple[Check, ...]:
    """Every check, in the order in which a person would ask."""
    checks = [_python(), _git(), _home(home), _cache(home)]
    try:
        known = catalogue.read().repositories
    except LoccitError as error:
        return (*checks, Check("catalogue", is_fine=False, found=error.message, next_step=error.next_step))
    checks.append(Check("catalogue", is_fine=True, found=f"{len(known)} repositories"))
    for repository in known:
        checks += _repository(repository, shard_of(repository.key), repository_at)
    return tuple(checks)


def _python() -> Check:
    return Check("python", is_fine=True, found=f"{sys.version.split()[0]} at {sys.executable}")


def _git() -> Check:
    wanted = ".".join(map(str, _OLDEST_GIT))
    step = f"install git {wanted} or newer"
    program = shutil.which("git")
    if program is None:
        return Check("git", is_fine=False, found="not on PATH", next_step=step)
    words = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout.split()
    numbers = words[2].split(".")[:2] if len(words) > 2 else []
    is_new = all(n.isdigit() for n in numbers) and tuple(int(n) for n in numbers) >= _OLDEST_GIT
    return Check("git", is_fine=is_new, found=" ".join(words), next_step="" if is_new else step)


def _home(home: Path) -> Check:
    probe = home / ".doctor"
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Check(
            "home folder",
            is_fine=False,
            found=f"{home}: {error.strerror}",
            next_step="set LOCCIT_HOME to a folder you may write",
        )
    free = shutil.disk_usage(home).free
    is_fine = free >= _LEAST_FREE_BYTES
    step = "" if is_fine else "free some space, or run 'loccit gc'"
    return Check("home folder", is_fine=is_fine, found=f"{home}, {free / 1e9:,.1f} GB free", next_step=step)


def _cache(home: Path) -> Check:
    path = home / "cache" / "blobs.sqlite"
    if not path.exists():
        return Check("blob cache", is_fine=True, found="empty")
    step = f"delete {path}: it is rebuilt from the repositories"
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            verdict = str(connection.execute("PRAGMA quick_check").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return Check("blob cache", is_fine=False, found=str(error), next_step=step)
    is_fine = verdict == "ok"
    size = f"{path.stat().st_size / 1e6:,.1f} MB"
    return Check(
        "blob cache", is_fine=is_fine, found=size if is_fine else verdict, next_step="" if is_fine else step
    )


def _repository(
    known: KnownRepository, shard: Shard, repository_at: Callable[[str], Repository]
) -> Iterator[Check]:
    """The index of a repository, read whole with its checksums, and its source."""
    try:
        snapshots = shard.manifest().snapshots
        documents = 0
        for snapshot in snapshots:
            documents = max(documents, len(shard.open(snapshot.kind, snapshot.id)[1]))
        found = f"{len(snapshots)} snapshots, {documents:,} chunks in the largest"
        yield Check(f"index of {known.name}", is_fine=True, found=found)
    except LoccitError as error:
        yield Check(f"index of {known.name}", is_fine=False, found=error.message, next_step=error.next_step)
    try:
        head = repository_at(known.location).resolve(None)
        yield Check(f"source of {known.name}", is_fine=True, found=f"{known.location} at {head[:12]}")
    except LoccitError as error:
        yield Check(f"source of {known.name}", is_fine=False, found=error.message, next_step=error.next_step)
