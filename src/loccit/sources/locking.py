"""Taking turns at a folder of ours."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from loccit.sources.home_files import make_folder, writing_home


@contextmanager
def holding_lock(path: Path) -> Generator[int]:
    """Waits for the lock file `path` and holds it; gives its descriptor.

    A child process that is handed the descriptor goes on holding the lock after its parent has been killed:
    this is why it is a bare `flock` here.
    """
    make_folder(path.parent)
    with writing_home(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
