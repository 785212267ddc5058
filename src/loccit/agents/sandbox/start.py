"""Starting a box: the process, its channel, and its limits as a whole."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox import bubblewrap, cgroups, keeper
from loccit.agents.sandbox.bubblewrap import Inside, Interpreter
from loccit.agents.sandbox.cgroups import Group
from loccit.agents.sandbox.channel import Channel, Closed
from loccit.agents.sandbox.seccomp import seccomp_program
from loccit.core.errors import SandboxUnavailable

_LONGEST_START_S = 20.0
_LONGEST_END_S = 5.0
_MOST_SAID = 2_000
_ACCOUNTS = {
    "/etc/passwd": b"box:x:%d:%d:box:/tmp:/bin/sh\n",
    "/etc/group": b"box:x:%d:\n",
    "/etc/hosts": b"127.0.0.1 localhost box\n::1 localhost box\n",
}


@dataclass(slots=True)
class Running:
    """A box that has started."""

    process: subprocess.Popen[bytes]
    channel: Channel
    group: Group
    said: int

    def last_words(self) -> str:
        """What bubblewrap or the keeper had to complain about."""
        with suppress(BlockingIOError):
            return os.read(self.said, _MOST_SAID).decode("utf-8", "replace").strip()
        return ""

    async def close(self) -> None:
        """End everything in it, and wait until it has ended."""
        self.channel.close()
        try:
            await _ended(self.process)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.said)
            await _removed(self.group)


@dataclass(slots=True)
class Machine:
    """What is found out about this machine once, when the first box is opened."""

    program: str
    interpreter: Interpreter
    places: list[cgroups.Place]
    seccomp: bytes
    # What every box has, by path.
    files: dict[str, bytes]
    # Older kernels, and a bubblewrap that is set-uid, refuse the flag. The filter refuses what it would.
    disables_userns: bool = True


@lru_cache
def machine(name: str) -> Machine:
    """This machine, for a bubblewrap of this name. Raises SandboxUnavailable."""
    program = bubblewrap.find_bubblewrap(name)
    interpreter = bubblewrap.find_interpreter()
    places = cgroups.places()
    cgroups.sweep(places)
    source = Path(keeper.__file__).read_bytes()
    keeper_bytes = _bytecode(source) if interpreter.runs_our_bytecode else source
    return Machine(
        program,
        interpreter,
        places,
        seccomp_program(),
        {bubblewrap.KEEPER: keeper_bytes, **bubblewrap.system_files()},
    )


async def start(inside: Inside) -> Running:
    """A box that waits for its first request. Raises SandboxUnavailable."""
    options = inside.limits
    this = machine(options.bwrap)
    # Of all processes: the keeper, bubblewrap, and those that a command has too many of until it is stopped.
    group = cgroups.make(this.places, memory_bytes=options.memory_bytes, processes=options.processes + 32)
    running = _started(this, replace(inside, has_memory_limit="memory" in group.holds), group)
    try:
        await asyncio.wait_for(running.channel.receive(), _LONGEST_START_S)
        await _limit(options, running)
    except (Closed, TimeoutError) as error:
        said = running.last_words()
        await running.close()
        if this.disables_userns and _is_about_the_flag(said):
            this.disables_userns = False
            return await start(inside)
        raise _unavailable(said) from error
    except BaseException:
        await running.close()
        raise
    return running


async def _limit(options: SandboxOptions, running: Running) -> None:
    if running.group.has_to_be_moved:
        # The kernel takes its time for that.
        await asyncio.to_thread(running.group.add, running.channel.sender)
    else:
        running.group.add(running.channel.sender)
    missing = sorted({"memory", "pids"} - running.group.holds)
    if missing and options.needs_cgroup:
        raise SandboxUnavailable(
            f"no cgroup can be made here that limits {' and '.join(missing)}, and needs_cgroup is set",
            next_step="run it as root, or in a session of systemd with cgroups of version 2",
        )


def _started(this: Machine, inside: Inside, group: Group) -> Running:
    ours, theirs = socket.socketpair()
    said, complaints = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(said, False)
    uid = bubblewrap.fresh_uid()
    try:
        with theirs, _given(this, os.getuid() if uid is None else uid) as given, group.entered():
            words = bubblewrap.command(
                this.program,
                inside,
                this.interpreter,
                {"control": theirs.fileno(), **given},
                uid=uid,
                disable_userns=this.disables_userns,
            )
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                # Its environment would be that of the box's first process.
                env={},
                cwd="/",
                pass_fds=(theirs.fileno(), *given.values()),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        os.close(said)
        group.remove()
        raise _unavailable(f"{this.program}: {error.strerror}") from error
    finally:
        os.close(complaints)
    return Running(process, Channel(ours), group, said)


@contextmanager
def _given(this: Machine, uid: int) -> Generator[Mapping[str, int]]:
    """Files for bubblewrap alone, in memory."""
    contents = {
        "seccomp": this.seccomp,
        **this.files,
        **{name: text.replace(b"%d", str(uid).encode()) for name, text in _ACCOUNTS.items()},
    }
    given: dict[str, int] = {}
    try:
        for name, data in contents.items():
            given[name] = in_memory(name, data)
        yield given
    finally:
        for descriptor in given.values():
            os.close(descriptor)


def in_memory(name: str, data: bytes) -> int:
    """An open file that holds these bytes and takes no others, at its beginning."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _bytecode(source: bytes) -> bytes:
    """The compiled module as a file that the same Python runs: it starts 10 ms sooner."""
    import marshal

    code = compile(source, "keeper", "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def _is_about_the_flag(said: str) -> bool:
    return "disable-userns" in said or "max_user_namespaces" in said


def _unavailable(said: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"a box does not start here: {said or 'bubblewrap says nothing'}",
        next_step="run 'loccit sandbox doctor'",
    )


async def _ended(process: subprocess.Popen[bytes]) -> None:
    pause_s = 0.001
    waited_s = 0.0
    while process.poll() is None and waited_s < _LONGEST_END_S:
        await asyncio.sleep(pause_s)
        waited_s += pause_s
        pause_s = min(2 * pause_s, 0.05)


async def _removed(group: Group) -> None:
    for _ in range(50):
        if group.remove():
            return
        await asyncio.sleep(0.02)
