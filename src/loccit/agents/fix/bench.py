"""Where tests of a working copy run: each time in a fresh box, which takes nothing back but what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from loccit.agents.fix.projects import Project, Tested
from loccit.agents.fix.working_copy import WorkingCopy
from loccit.agents.sandbox import Box, Files, Ran
from loccit.core.errors import InputError
from loccit.core.source import FileMode, path_text
from loccit.core.visible import visible

_OUTPUT_BYTES = 4_000_000


OpenBox = Callable[[Files], AbstractAsyncContextManager[Box]]


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """What a command printed, with everything written out that a terminal would obey, and how it ended."""

    code: int | None
    text: str
    stopped_by: str
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class Bench:
    """Runs commands over the files of a working copy. Nothing that they do outlives them."""

    def __init__(
        self,
        copy: WorkingCopy,
        project: Project,
        open_box: OpenBox,
        *,
        timeout_s: float,
        most_output: int = 12_000,
    ) -> None:
        """A command may take `timeout_s` seconds, and shows the last `most_output` characters."""
        self._copy = copy
        self._open_box = open_box
        self._timeout_s = timeout_s
        self._most_output = most_output
        self.project = project

    async def test(
        self,
        paths: Sequence[str] = (),
        *,
        commit: str = "",
        with_files: Mapping[str, bytes | None] | None = None,
        timeout_s: float | None = None,
    ) -> Tested:
        """What these test files say of a commit of the run (by default of now), all without a name.

        `with_files` take the place of the commit's (None: gone). Raises InputError for what is no test file.
        """
        files = self._files(commit, with_files)
        command = self.project.test_command(paths, files.contents.get)
        async with self._open_box(files) as box:
            limit = self._timeout_s if timeout_s is None else timeout_s
            ran = await self._ran(box, command.words, limit)
            if self.project.lacks_plugins(ran.code, ran.stderr):
                # The options that the project adds are of plugins that nobody installed; its tests need none.
                command = command.without_own_options()
                ran = await self._ran(box, command.words, limit)
            results = await _taken(box, command.results) if command.results and not ran.stopped_by else None
        return self.project.tested(
            command,
            code=ran.code,
            stdout=ran.stdout,
            stderr=ran.stderr,
            results=results,
            stopped_by=ran.stopped_by,
            seconds=ran.seconds,
        )

    async def _ran(self, box: Box, words: Sequence[str], timeout_s: float) -> Ran:
        return await box.run(words, timeout_s=timeout_s, output_bytes=_OUTPUT_BYTES)

    async def run(self, words: Sequence[str], *, commit: str = "", take: Sequence[str] = ()) -> CommandEnd:
        """What a command says over the files of a commit, and the files that are to be taken from it."""
        async with self._open_box(self._files(commit, None)) as box:
            ran = await box.run(words, timeout_s=self._timeout_s, output_bytes=_OUTPUT_BYTES)
            found = {path: await _taken(box, path) for path in take}
        text = (ran.stdout + ran.stderr).decode("utf-8", "replace")[-self._most_output :]
        files = {path: data for path, data in found.items() if data is not None}
        return CommandEnd(ran.code, visible(text), ran.stopped_by, files)

    def _files(self, commit: str, instead: Mapping[str, bytes | None] | None) -> Files:
        contents: dict[str, bytes] = {}
        executable: set[str] = set()
        links: dict[str, str] = {}
        for file, data in self._copy.contents(commit):
            if file.mode is FileMode.SYMLINK:
                links[file.path] = path_text(data)
            else:
                contents[file.path] = data
                if file.mode is FileMode.EXECUTABLE:
                    executable.add(file.path)
        for path, data in (instead or {}).items():
            if data is None:
                contents.pop(path, None)
            else:
                contents[path] = data
        return Files(contents, frozenset(executable & contents.keys()), links)


async def _taken(box: Box, path: str) -> bytes | None:
    try:
        return await box.read(path)
    except InputError:
        return None
