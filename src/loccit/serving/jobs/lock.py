"""Who may work on the jobs of a home folder."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from filelock import FileLock, Timeout

from loccit.core.errors import StorageFailed


def runner_lock(home: Path, *, is_sqlite: bool) -> FileLock:
    """The lock that a runner holds as long as it lives.

    SQLite's queue bears one runner. PostgreSQL's bears one on each machine that has the home folder.
    """
    machine = re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:60]
    return FileLock(home / ("jobs.lock" if is_sqlite else f"jobs.{machine}.lock"))


def is_held(lock: FileLock) -> bool:
    """Whether somebody holds it. Raises StorageFailed."""
    return not taken(lock, wait_s=0, keep=False)


def taken(lock: FileLock, *, wait_s: float, keep: bool = True) -> bool:
    """Take a lock, and without `keep` give it back at once; whether that went. Raises StorageFailed."""
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        return False
    except OSError as error:
        raise StorageFailed(f"cannot lock {lock.lock_file!r}: {error.strerror}") from error
    if not keep:
        lock.release()
    return True
