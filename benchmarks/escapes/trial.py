"""Trying attempts: what there is outside to reach, the box, and whether it held.

`python -m benchmarks.escapes.trial` tries all of them as whoever runs it, and prints a JSON object on a line
for each, and one with start-up times. It needs nothing but loccit's own modules.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.escapes import ATTEMPTS
from benchmarks.escapes.program import Attempt, program
from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox import Box, Files, Ran, open_box
from loccit.core.errors import InputError, LimitExceeded, SandboxFailed

# Small, so that taking everything takes little.
LIMITS = SandboxOptions(
    work_bytes=200_000_000,
    temporary_bytes=100_000_000,
    memory_bytes=600_000_000,
    processes=100,
    timeout_s=8.0,
    printed_bytes=20_000_000,
    copied_bytes=10_000_000,
    file_bytes=300_000_000,
)
_SECRET = "loccit-outside-7f3a"
_GIVEN = Files({"given/file.txt": b"as it was"})
_LOOKED_AT = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/sysrq",
    "/proc/swaps",
)


@dataclass(frozen=True)
class Tried:
    """What came of an attempt. why: what worked, or what was not as it should be; empty where it held."""

    name: str
    held: bool
    why: str
    seconds: float


@dataclass(frozen=True)
class Outside:
    """What an attempt could reach, were it outside."""

    variables: dict[str, str]
    bystander: subprocess.Popen[bytes]
    file: Path
    inside_port: int

    def looks(self) -> dict[str, str]:
        """What must be afterwards as it was before."""
        seen = {name: Path(name).read_text() for name in _LOOKED_AT if os.access(name, os.R_OK)}
        seen["bystander"] = str(self.bystander.poll())
        seen["file"] = self.file.read_text()
        seen["mounts"] = Path("/proc/self/mountinfo").read_text()
        seen["clock"] = str(abs(time.time() - time.monotonic() - self._began) < 5)
        segments = Path("/proc/sysvipc/shm").read_text().splitlines()
        seen["shared memory"] = repr([s for s in segments if s.split()[0] == self.variables["OUTSIDE_SHM"]])
        return seen

    @property
    def _began(self) -> float:
        return float(self.variables["OUTSIDE_CLOCK"])


@contextmanager
def outside() -> Iterator[Outside]:
    """A file, a process, sockets, a segment of memory and an open file, to be reached by nobody inside."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loccit-outside-")))
        folder.chmod(0o755)
        file = folder / "secret.txt"
        file.write_text(_SECRET)
        inherited = os.open(file, os.O_RDWR)
        os.set_inheritable(inherited, True)
        stack.callback(os.close, inherited)
        listener = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0loccit-outside-{os.getpid()}")
        abstract.listen()
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        named.bind(str(folder / "socket"))
        named.listen()
        words = [sys.executable, "-c", "import time; time.sleep(600)", "loccit-outside"]
        bystander = subprocess.Popen(words)
        stack.callback(bystander.wait)
        stack.callback(bystander.kill)
        with socket.create_server(("127.0.0.1", 0)) as free:
            inside_port = free.getsockname()[1]
        key = 0x10CC17 + os.getpid()
        libc = ctypes.CDLL(None)
        segment = libc.shmget(key, 4096, 0o1666)
        stack.callback(libc.shmctl, segment, 0, None)
        os.environ["LOCCIT_ESCAPE_SECRET"] = _SECRET
        variables = {
            "OUTSIDE_CLOCK": str(time.time() - time.monotonic()),
            "OUTSIDE_FILE": str(file),
            "OUTSIDE_PID": str(bystander.pid),
            "OUTSIDE_OWNER": str(os.getpid()),
            "OUTSIDE_PORT": str(listener.getsockname()[1]),
            "OUTSIDE_ADDRESS": _address(),
            "OUTSIDE_ABSTRACT": f"loccit-outside-{os.getpid()}",
            "OUTSIDE_SOCKET": str(folder / "socket"),
            "OUTSIDE_SHM": str(key),
            "INSIDE_PORT": str(inside_port),
        }
        yield Outside(variables, bystander, file, inside_port)


async def try_one(attempt: Attempt, there: Outside) -> Tried:
    """Try an attempt in a box of its own. One that ends the box was not held."""
    began = time.monotonic()
    before = there.looks()
    try:
        async with open_box(LIMITS, files=_GIVEN) as box:
            why = await _why_not(box, attempt, there)
    except SandboxFailed as error:
        why = error.message
    if there.looks() != before:
        changed = [name for name, value in there.looks().items() if before[name] != value]
        why = why or f"outside changed: {changed!r}"
    return Tried(attempt.name, not why, why, time.monotonic() - began)


async def _why_not(box: Box, attempt: Attempt, there: Outside) -> str:
    ran = await box.run(["python", "-c", program(attempt.source)], variables=there.variables)
    why = _said(attempt, ran)
    if attempt.then and not why:
        why = _said(Attempt("", ""), await box.run(["python", "-c", program(attempt.then)]))
    if attempt.refused and not why:
        changes = await box.changes()
        missing = attempt.refused - changes.refused.keys()
        why = f"not refused: {sorted(missing)!r}" if missing else ""
        taken = [path for path, data in changes.files.items() if _SECRET.encode() in data]
        why = why or (f"the secret is in {taken!r}" if taken else "")
        for path in attempt.refused & {"secret", "hosts"}:
            why = why or await _copied(box, path)
    # Whatever happened, the box works on: nothing in it may end its keeper.
    last = await box.run(["true"])
    return why or ("" if last.code == 0 else f"the next command: {last!r}")


def _said(attempt: Attempt, ran: Ran) -> str:
    if ran.stopped_by not in attempt.stopped_by:
        return f"stopped by {ran.stopped_by!r}, {ran.stderr[-300:]!r}"
    if ran.stopped_by:
        return ""
    said = ran.stdout.decode(errors="replace").strip()
    if ran.code == 0 and said == "held":
        return ""
    return said or f"code {ran.code}: {ran.stderr[-400:].decode(errors='replace')}"


async def _copied(box: Box, path: str) -> str:
    try:
        data = await box.read(path)
    except (InputError, LimitExceeded):
        return ""
    return f"{path} was read: {data[:40]!r}"


def _address() -> str:
    """An address of this machine that is not its loopback, where it has one."""
    found = re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", Path("/proc/net/fib_trie").read_text())
    return next((address for address in found if not address.startswith("127.")), "127.0.0.1")


async def start_times(count: int) -> list[float]:
    """How long it takes from asking for a box until it takes a command, in ms; the first is not counted."""
    found: list[float] = []
    for _ in range(count + 1):
        began = time.perf_counter()
        async with open_box(SandboxOptions()) as box:
            found.append(1000 * (time.perf_counter() - began))
            await box.run(["true"])
    return found[1:]


def main() -> None:
    """Try what is asked for, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true", help="leave the slow ones out")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--starts", type=int, default=0)
    asked = parser.parse_args()
    with outside() as there:
        for attempt in ATTEMPTS:
            if (asked.fast and attempt.slow) or (asked.only and attempt.name not in asked.only):
                continue
            print(json.dumps(asdict(asyncio.run(try_one(attempt, there)))), flush=True)
    if asked.starts:
        print(
            json.dumps({"start_ms": asyncio.run(start_times(asked.starts)), "uid": os.getuid()}), flush=True
        )


if __name__ == "__main__":
    main()
