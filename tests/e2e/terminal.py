"""A command run on a terminal of its own, as a person runs it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """What the terminal was sent, both streams together, and the exit code."""

    output: bytes
    returncode: int


def on_terminal(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    size: tuple[int, int] = (24, 80),
    interrupt_at: bytes | None = None,
    stdout: int | None = None,
    timeout_s: float = 60,
) -> Finished:
    """Runs the command on a terminal of (rows, columns); Ctrl-C is pressed once it has shown `interrupt_at`.

    `stdout` replaces standard output, so that only standard error and input are the terminal.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size)
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    shown = bytearray()
    ends = time.monotonic() + timeout_s
    try:
        while time.monotonic() < ends and (piece := _next(ours)) is not None:
            shown += piece
            if interrupt_at is not None and interrupt_at in shown:
                os.write(ours, b"\x03")
                interrupt_at = None
        return Finished(bytes(shown), process.wait(timeout=max(1, ends - time.monotonic())))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _next(terminal: int) -> bytes | None:
    """What came within a moment; None when the other end is closed."""
    if not select.select([terminal], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(terminal, 65536) or None
    except OSError:  # how Linux tells that the last process has closed it
        return None
