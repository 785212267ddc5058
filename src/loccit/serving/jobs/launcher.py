"""Starting the process that works on jobs, where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from loccit.core.errors import StorageFailed
from loccit.serving.jobs.lock import is_held, runner_lock
from loccit.settings import environment_of_child

if TYPE_CHECKING:
    from loccit.settings import Settings

# One that cannot start is not tried again and again.
_SHORTEST_LIFE_S = 10.0
_PAUSE_S = 30.0
_MOST_LOG_BYTES = 1_000_000


class Launcher:
    """Starts `loccit jobs run` for a home folder. It outlives us, and ends by itself."""

    def __init__(self, settings: Settings, *, is_sqlite: bool) -> None:
        self._home = settings.home
        self._lock = runner_lock(settings.home, is_sqlite=is_sqlite)
        self._waiter: threading.Thread | None = None
        self._not_before = float("-inf")

    def ensure(self) -> None:
        """Have a process work on the jobs. Raises StorageFailed."""
        if self._waiter is not None and self._waiter.is_alive():
            return
        if time.monotonic() < self._not_before or is_held(self._lock):
            return
        # Somebody has to take note of its end, or it stays in the machine's list of processes.
        self._waiter = threading.Thread(target=self._wait, args=(self._started(),), daemon=True)
        self._waiter.start()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        code = process.wait()
        now = time.monotonic()
        if code != 0 and now - began < _SHORTEST_LIFE_S:
            self._not_before = now + _PAUSE_S

    def _started(self) -> subprocess.Popen[bytes]:
        log = self._home / "jobs.log"
        command = [sys.executable, "-P", "-m", "loccit", "jobs", "run", "--quiet"]
        try:
            with _log_file(log) as file:
                return subprocess.Popen(
                    command,
                    env=environment_of_child(self._home),
                    cwd=self._home,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    # Ctrl-C in the server's terminal is not for it.
                    start_new_session=True,
                )
        except OSError as error:
            raise StorageFailed(f"cannot start {command[0]!r}: {error.strerror}") from error


def _log_file(path: Path) -> IO[bytes]:
    """The file that it writes its log to, for the owner alone, begun anew when it is long."""
    is_long = path.exists() and path.stat().st_size > _MOST_LOG_BYTES
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if is_long else 0)
    return os.fdopen(os.open(path, flags, 0o600), "ab")
