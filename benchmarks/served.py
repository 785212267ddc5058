"""A server as an operator starts it: `loccit serve` in a process of its own, over a home folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_START_S = 60.0


@dataclass(frozen=True)
class Served:
    """A server that is ready. `ready_s` is how long that took from the start of its process."""

    url: str
    pid: int
    ready_s: float
    cpu_s: float

    def cpu(self) -> float:
        """Seconds of CPU that it and what it started have used and, where they ended, were waited for."""
        return sum(_cpu(pid) for pid in family(self.pid))

    def memory_mb(self) -> float:
        """Resident memory of it and what it started, shared pages counted for each."""
        return sum(_resident(pid) for pid in family(self.pid)) / 1e6


@contextmanager
def serving(home: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """Run `loccit serve` on a free port until the end. Raises RuntimeError where it does not get ready."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "loccit"), "serve", "--port", str(port), *options]
    began = time.perf_counter()
    # A file: a pipe that nobody reads fills with the log, and stops the one who writes.
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, when the process has ended
    process = subprocess.Popen(
        command,
        env={**os.environ, "LOCCIT_HOME": str(home), **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _is_ready(url):
            if process.poll() is not None or time.perf_counter() - began > _START_S:
                process.kill()
                process.wait()
                log.seek(0)
                said = log.read().decode()
                raise RuntimeError(f"the server did not get ready: {said}")
            time.sleep(0.005)
        ready_s = time.perf_counter() - began
        yield Served(url, process.pid, ready_s, sum(map(_cpu, family(process.pid))))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def free_port() -> int:
    """A port that nobody listens at."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def family(pid: int) -> list[int]:
    """The process and all that it started and that still run."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += parents.get(one, [])
    return found


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _cpu(pid: int) -> float:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * _TICK_S


def _resident(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
