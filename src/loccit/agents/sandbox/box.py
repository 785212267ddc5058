"""A box: files, and commands that run on them with nothing else in reach."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.bubblewrap import PROGRAMS, Inside
from loccit.agents.sandbox.channel import Closed
from loccit.agents.sandbox.command import GRACE_S, Command
from loccit.agents.sandbox.folder import read_folder
from loccit.agents.sandbox.names import path_in, reason_to_refuse
from loccit.agents.sandbox.start import Running, start
from loccit.agents.sandbox.values import Changes, Entry, Environment, Files, Ran
from loccit.core.errors import InputError, LimitExceeded, NotFound, SandboxFailed

_PATH = f"/usr/local/bin:/usr/bin:/bin:{PROGRAMS}"
_VARIABLES = {
    "HOME": "/tmp",  # noqa: S108 - that of the box
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108
    "TZ": "UTC",
}
# What a keeper has for files.
_LONGEST_REQUEST_S = 120.0
_BATCH_BYTES = 4 << 20

_Result = TypeVar("_Result")


@asynccontextmanager
async def open_box(
    options: SandboxOptions,
    *,
    files: Files | Mapping[str, bytes] | Path | None = None,
    environment: Environment | None = None,
    has_network: bool = False,
    work_folder: str = "/work",
) -> AsyncGenerator[Box]:
    """A box with these files in its work folder, and what a project needs. It ends with the block.

    Of a folder its `.git` is left out. `has_network` is for installing what an operator wants installed, and
    for nothing that an agent or a project says: it reaches whatever this machine reaches. Raises
    SandboxUnavailable where this machine cannot keep one, InputError for a path that does not stay in the
    work folder, LimitExceeded for more than it holds.
    """
    most = options.work_bytes
    given = read_folder(files, most_bytes=most) if isinstance(files, Path) else files
    given = given if isinstance(given, Files) else Files(given or {})
    needs = environment or Environment("", "", {})
    running = await start(Inside(options, needs.folders, work_folder, has_network=has_network))
    box = Box(running, options, needs.variables)
    try:
        await box.put(Files(given.contents, given.executable, {**needs.links, **given.links}))
        yield box
    finally:
        await running.close()


class Box:
    """Keeps its files from one command to the next, and nothing else: what a command leaves running is ended.

    One thing is done at a time; whoever comes meanwhile waits. All methods raise SandboxFailed where the box
    has ended.
    """

    def __init__(self, running: Running, options: SandboxOptions, variables: Mapping[str, str]) -> None:
        self._running = running
        self._options = options
        own = variables.get("PATH")
        self._variables = {**_VARIABLES, **variables, "PATH": f"{own}:{_PATH}" if own else _PATH}
        self._put: dict[str, tuple[bytes, bytes]] = {}
        self._turn = asyncio.Lock()

    @property
    def limited(self) -> frozenset[str]:
        """What the kernel limits for all processes together: `memory` and `pids`, or less."""
        return self._running.group.holds

    async def run(
        self,
        words: Sequence[str],
        *,
        cwd: str = "",
        stdin: bytes = b"",
        timeout_s: float | None = None,
        output_bytes: int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a command in a folder below the work folder, and end all that it has started.

        A program that is not there gives the code 127, as in a shell. Raises InputError for words or a folder
        that cannot be.
        """
        if not words or any("\0" in word for word in words):
            raise InputError(f"{list(words)!r} is no command", field="words")
        async with self._turn:
            command = Command(
                self._running,
                self._options,
                self._options.timeout_s if timeout_s is None else timeout_s,
                self._options.output_bytes if output_bytes is None else output_bytes,
            )
            environment = {**self._variables, **(variables or {})}
            request = [
                b"run",
                path_in(cwd) if cwd else b"",
                str(len(words)).encode("ascii"),
                *(os.fsencode(word) for word in words),
                *(os.fsencode(text) for pair in environment.items() for text in pair),
            ]
            return await self._waited_for(command.run(request, stdin), command.give_up)

    async def write(
        self, files: Mapping[str, bytes | None], *, executable: Collection[str] = frozenset()
    ) -> None:
        """Have files hold these bytes, or be deleted; whatever stands there is replaced.

        Raises InputError for a path that does not stay in the work folder or has a file above it, NotFound
        for one to delete that is not there, LimitExceeded where the work folder is full.
        """
        entries = [(_kind(data, path in executable), path, data or b"") for path, data in files.items()]
        await self._write(entries)

    async def put(self, files: Files) -> None:
        """Put files into the box: what `changes` compares with. Raises as `write` does."""
        entries = [
            (_kind(data, path in files.executable), path, data) for path, data in files.contents.items()
        ]
        # Links last: nothing is written through one.
        links = [(b"link", path, os.fsencode(goal)) for path, goal in files.links.items()]
        await self._write([*entries, *links])
        for kind, path, data in entries:
            self._put[path] = (kind, _digest(data))
        self._put.update({path: (kind, goal) for kind, path, goal in links})

    async def read(self, path: str) -> bytes:
        """The bytes of a file. Raises NotFound, InputError for what is no plain file, LimitExceeded."""
        most = self._options.copied_bytes
        data, _ = await self._ask([b"read", path_in(path), str(most).encode("ascii")])
        return data

    async def copy_out(self, paths: Iterable[str] | None = None) -> dict[str, bytes]:
        """The bytes of these files, or of all that changed since they were put in.

        Raises as `read` does, InputError for a path that means something outside, LimitExceeded for too much.
        """
        if paths is None:
            return dict((await self.changes()).files)
        found: dict[str, bytes] = {}
        size = 0
        for path in paths:
            reason = reason_to_refuse(path)
            if reason:
                raise InputError(f"{path!r} does not come out of a box: {reason}", field="paths")
            found[path] = await self.read(path)
            size += len(found[path])
            self._check_amount(len(found), size)
        return found

    async def everything(self) -> list[Entry]:
        """Every file and link, in order of their paths. Raises LimitExceeded where there are too many."""
        return [
            Entry(path, kind == b"executable", os.fsdecode(about) if kind == b"link" else None)
            for kind, path, about in await self._listed()
            if kind in {b"file", b"executable", b"link"}
        ]

    async def changes(self) -> Changes:
        """How the files differ from what was put in. Raises LimitExceeded for too many, or too much."""
        changed: dict[str, bytes] = {}
        refused: dict[str, str] = {}
        there: set[str] = set()
        for kind, path, about in await self._listed():
            there.add(path)
            if self._put.get(path) == (kind, about):
                continue
            reason = reason_to_refuse(path)
            if kind not in {b"file", b"executable"}:
                reason = "a link" if kind == b"link" else os.fsdecode(kind)
            if reason:
                refused[path] = reason
            else:
                changed[path] = kind
        return Changes(
            files=await self.copy_out(changed),
            executable=frozenset(path for path, kind in changed.items() if kind == b"executable"),
            deleted=tuple(sorted(self._put.keys() - there)),
            refused=refused,
        )

    async def _listed(self) -> list[tuple[bytes, str, bytes]]:
        """Everything but folders: kind, path, and a digest or what a link leads to."""
        options = self._options
        most = options.copied_files + len(self._put)
        more, *listed = await self._ask(
            [b"list", str(most).encode("ascii"), str(options.copied_bytes).encode("ascii")]
        )
        if more:
            raise LimitExceeded("the number of files in a box", most + 1, most)
        return [(listed[at], os.fsdecode(listed[at + 1]), listed[at + 2]) for at in range(0, len(listed), 3)]

    def _check_amount(self, files: int, size: int) -> None:
        if files > self._options.copied_files:
            raise LimitExceeded("the number of files copied out of a box", files, self._options.copied_files)
        if size > self._options.copied_bytes:
            raise LimitExceeded("the size in bytes of what is copied out", size, self._options.copied_bytes)

    async def _write(self, entries: Iterable[tuple[bytes, str, bytes]]) -> None:
        batch: list[bytes] = []
        size = 0
        for kind, path, data in entries:
            batch += [kind, path_in(path), data]
            size += len(data)
            if size > _BATCH_BYTES:
                await self._ask([b"write", *batch])
                batch, size = [], 0
        if batch:
            await self._ask([b"write", *batch])

    async def _ask(self, request: Sequence[bytes]) -> list[bytes]:
        """The parts of the keeper's answer. Raises what it refuses."""
        async with self._turn:
            verdict, *parts = await self._waited_for(self._exchange(request))
        if verdict == b"refused":
            raise _refusal(os.fsdecode(parts[0]), os.fsdecode(parts[1]))
        if verdict == b"failed":
            raise self._cannot(int(parts[0]), os.fsdecode(parts[1]))
        return parts

    async def _exchange(self, request: Sequence[bytes]) -> list[bytes]:
        async with asyncio.timeout(_LONGEST_REQUEST_S):
            await self._running.channel.send(request)
            return await self._running.channel.receive()

    async def _waited_for(
        self, work: Coroutine[Any, Any, _Result], give_up: Callable[[], None] | None = None
    ) -> _Result:
        """What the work gives.

        It is brought to its end also where nobody waits for it any more: half a request, or an answer that
        nobody took, would be the next one's.
        """
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if give_up is not None:
                give_up()
            done, _ = await asyncio.wait({task}, timeout=GRACE_S)
            if not done or task.exception() is not None:
                task.cancel()
                self._failed()
            raise
        except (Closed, TimeoutError) as error:
            raise self._failed() from error

    def _cannot(self, code: int, said: str) -> LimitExceeded | InputError | SandboxFailed:
        if code in {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM}:
            most = self._options.work_bytes
            return LimitExceeded("the size in bytes of the work folder", most + 1, most)
        if code == errno.EFBIG:
            most = self._options.file_bytes
            return LimitExceeded("the size in bytes of a file", most + 1, most)
        return SandboxFailed(f"a box could not do what it was asked: {said}")

    def _failed(self) -> SandboxFailed:
        self._running.channel.close()
        said = self._running.last_words()
        out_of_memory = self._running.group.kills_for_memory() > 0
        why = "its memory was used up" if out_of_memory else said or "it does not answer"
        return SandboxFailed(f"the box has ended: {why}", next_step="open another one")


def _kind(data: bytes | None, is_executable: bool) -> bytes:
    if data is None:
        return b"delete"
    return b"executable" if is_executable else b"file"


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def _refusal(reason: str, path: str) -> InputError:
    if reason == "not there":
        return NotFound(f"the box has no file {path!r}", field="path")
    return InputError(f"{path!r} in the box is refused: {reason}", field="path")
