"""Whole processes, as a person starts them: how long they take, and how much memory with their workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.02
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended well. `peak_mb` is None where there is no /proc."""

    seconds: float
    peak_mb: float | None
    output: str


def loccit(
    home: Path, *arguments: str | Path, accepted: Sequence[int] = (0,), sampled: bool = True
) -> Finished:
    """Run the installed `loccit` with this home folder. Raises RuntimeError for an exit code not accepted."""
    script = Path(sys.executable).parent / "loccit"
    return measured(
        [str(script), *map(str, arguments)], {"LOCCIT_HOME": str(home)}, accepted, sampled=sampled
    )


def measured(
    command: Sequence[str],
    environment: dict[str, str],
    accepted: Sequence[int] = (0,),
    *,
    sampled: bool = True,
) -> Finished:
    """Run a command to its end. Raises RuntimeError for an exit code not accepted.

    Memory is the resident sets of the process and all it started, added up every 20 ms, if `sampled`. Pages
    that processes share are counted once for each, so the sum is an upper bound.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    peaks = [0]
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, over, peaks))
    if sampled and _PROC.is_dir():
        watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - started
    over.set()
    if watcher.ident is not None:
        watcher.join()
    if process.returncode not in accepted:
        # A CalledProcessError would not show what the command said.
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors[-2000:]}")
    return Finished(seconds, round(peaks[0] / 1e6, 1) if peaks[0] else None, output)


def _watch(session: int, over: threading.Event, peaks: list[int]) -> None:
    while not over.wait(_EVERY_S):
        peaks[0] = max(peaks[0], _resident_bytes(session))


def _resident_bytes(session: int) -> int:
    """The resident sets of all processes of a session, which is what a command and its workers are."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for entry in os.scandir(_PROC):
        if not entry.name.isdigit():
            continue
        try:
            # The name in parentheses may hold anything; session is the fourth field after it.
            fields = (_PROC / entry.name / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += int(fields[21]) * page
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended since it was listed
    return total


def folder_bytes(folder: Path) -> int:
    """What the files below a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
