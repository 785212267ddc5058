"""Searching a commit by regular expression, on its objects."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from loccit.core.errors import InputError, LimitExceeded, ObjectMissing
from loccit.core.source import path_bytes, path_text
from loccit.sources.git import GitView, complaint
from loccit.sources.listing import blobs_of
from loccit.sources.repository import GrepMatch, ManyBlobReader
from loccit.sources.scratch import scratch_file

if TYPE_CHECKING:
    from loccit.sources.git_repository import GitReaderSpec

_READ_BYTES = 1 << 16
# More than this many paths are cheaper to pick from all matches than to hand to git.
_MOST_PATHS = 100
_MAX_PATTERN_LENGTH = 64_000
_FAILED = 128
# Path, line number, line; a path may hold a line feed, a line may hold a NUL.
_RECORD = re.compile(rb"([^\0]*)\0(\d+)\0([^\n]*)\n")


def check_pattern(pattern: str) -> None:
    """Raises InputError for what cannot be the pattern of one line."""
    if not pattern or "\n" in pattern or "\0" in pattern:
        raise InputError(
            f"{pattern[:80]!r} is not a pattern", next_step="expected a regular expression in one line"
        )
    if len(pattern) > _MAX_PATTERN_LENGTH:
        raise LimitExceeded("length of the pattern", len(pattern), _MAX_PATTERN_LENGTH)


def is_below(path: bytes, wanted: frozenset[bytes]) -> bool:
    """Whether `path` is one of these files or lies in one of these folders; no files means everywhere."""
    if not wanted or path in wanted:
        return True
    while folder := path.rpartition(b"/")[0]:
        if folder in wanted:
            return True
        path = folder
    return False


@dataclass(frozen=True, slots=True)
class GrepQuestion:
    """What to look for. `paths` are files or folders, none means everywhere."""

    pattern: str
    paths: Sequence[str]
    ignore_case: bool
    timeout_s: float
    max_matches: int

    def arguments(self) -> list[str]:
        """The options of `git grep`, up to and with the pattern."""
        options = ["-z", "-n", "-I", "-E", "--full-name", "--no-color", "--no-textconv"]
        return [*options, *(["-i"] if self.ignore_case else []), "-e", self.pattern]

    def pathspecs(self) -> list[str]:
        """The paths where they are few; else none, and the matches are picked from all."""
        return sorted(self.paths) if len(self.paths) <= _MOST_PATHS else []


def grep_commit(spec: GitReaderSpec, question: GrepQuestion, commit: str) -> Iterator[GrepMatch]:
    """Lines at `commit` that match, in path order. See `Repository.grep`."""
    check_pattern(question.pattern)
    arguments = ["--literal-pathspecs", "grep", *question.arguments(), commit, "--", *question.pathspecs()]
    start = partial(spec.view.start, *arguments)
    with spec.open() as reader:
        # Each path comes with the commit and a colon before it.
        places = _Places(partial(blobs_of, spec.view, commit), reader)
        yield from _matches(start, question, places, skip=spec.view.id_length + 1)


def grep_folder(
    folder: Path, git_dir: Path, reader: ManyBlobReader, blobs: dict[bytes, str], question: GrepQuestion
) -> Iterator[GrepMatch]:
    """Lines of the files in `blobs` that match.

    `git_dir` is ours: git looks for no other. See `Repository.grep`.
    """
    check_pattern(question.pattern)
    arguments = [
        "--literal-pathspecs",
        "grep",
        "--no-index",
        "--exclude-standard",
        *question.arguments(),
        "--",
    ]
    start = partial(GitView(str(git_dir)).start, *arguments, *question.pathspecs(), folder=str(folder))
    yield from _matches(start, question, _Places(lambda: blobs, reader), skip=0)


def _matches(
    start: Callable[..., subprocess.Popen[bytes]], question: GrepQuestion, places: _Places, *, skip: int
) -> Iterator[GrepMatch]:
    wanted = frozenset(path_bytes(path).rstrip(b"/") for path in question.paths)
    left = question.max_matches
    with _grepping(start, question) as stream:
        for name, line, text in _records(stream):
            path = name[skip:]
            if left > 0 and is_below(path, wanted) and path in places.blobs:
                yield places.match(path, int(line), text)
                left -= 1
            if left <= 0:
                return


class _Places:
    """Turns lines of files into bytes of blobs, one file after the other."""

    def __init__(self, find_blobs: Callable[[], dict[bytes, str]], reader: ManyBlobReader) -> None:
        self._find_blobs = find_blobs
        self._reader = reader
        self._path = b""
        self._data = b""
        self._line, self._start = 1, 0

    @cached_property
    def blobs(self) -> dict[bytes, str]:
        """The blob of each path; looked up at the first match."""
        return self._find_blobs()

    def match(self, path: bytes, line: int, text: bytes) -> GrepMatch:
        """The match at this line; lines of one file must come in rising order."""
        if path != self._path:
            self._path, self._data = path, self._reader.read(self.blobs[path]).data
            self._line, self._start = 1, 0
        while self._line < line:
            self._start = self._data.index(b"\n", self._start) + 1
            self._line += 1
        end = self._start + len(text)
        return GrepMatch(
            path_text(path), self.blobs[path], line, self._start, end, self._data[self._start : end]
        )


def _records(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    rest = b""
    while piece := cast("BufferedReader", stream).read1(_READ_BYTES):
        rest += piece
        position = 0
        while found := _RECORD.match(rest, position):
            yield found[1], found[2], found[3]
            position = found.end()
        rest = rest[position:]


@contextmanager
def _grepping(start: Callable[..., subprocess.Popen[bytes]], question: GrepQuestion) -> Generator[IO[bytes]]:
    """The output of `git grep`; complains after it has been read to its end."""
    is_late = threading.Event()
    with scratch_file() as stderr:
        process = start(stdin=subprocess.DEVNULL, stderr=stderr.fileno())

        def stop() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(question.timeout_s, stop)
        timer.start()
        try:
            yield cast("IO[bytes]", process.stdout)
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
            cast("IO[bytes]", process.stdout).close()
            process.wait()
        if is_late.is_set():
            raise LimitExceeded(
                "search time in seconds",
                question.timeout_s,
                question.timeout_s,
                next_step="search fewer paths",
            )
        if code >= _FAILED:
            stderr.seek(0)
            raise _failure(question.pattern, complaint(stderr.read()))


def _failure(pattern: str, reason: str) -> InputError | ObjectMissing:
    # git names the place that a pattern came from, and nothing else this way.
    bad = re.match(r"fatal: (?:-e option|command line), '.*': (?P<why>.*)", reason)
    if bad:
        return InputError(
            f"{pattern[:200]!r} is not a regular expression: {bad['why']}",
            next_step="expected a POSIX extended one; a backslash before ( ) [ { * + ? . means the character",
        )
    return ObjectMissing(f"the search stopped: {reason}", next_step="run 'git fsck' in the repository")
