"""Reading objects by id, through one long-lived `git cat-file --batch`."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self, cast

from loccit.core.errors import LimitExceeded, ObjectCorrupt, ObjectMissing, SourceError, SourceUnreadable
from loccit.core.source import GitObject
from loccit.sources.git import GitView, complaint
from loccit.sources.scratch import scratch_file

# Ids on their way to git: fewer than fit into the smallest pipe (16 kB), so that writing never waits for
# reading.
_WINDOW = 192
_FATAL = 128
_HEX_DIGITS = frozenset("0123456789abcdef")


def object_id(kind: str, data: bytes, *, id_length: int) -> str:
    """The id that git gives an object: SHA-1 or SHA-256 by the length of its hex form."""
    header = b"%s %d\0" % (kind.encode("ascii"), len(data))
    digest = hashlib.sha256(header) if id_length == 64 else hashlib.sha1(header, usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


class BatchReader:
    """Reads objects of one repository. Every object's id is recomputed before it is handed out.

    One caller at a time. Close it, or use it as a context manager.
    """

    def __init__(self, view: GitView, *, max_object_bytes: int) -> None:
        self._view = view
        self._limit = max_object_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._heard = 0
        # Ids that git was asked for and has not answered.
        self._owed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, object_id: str) -> GitObject:
        """The object with this full id.

        Raises ObjectMissing, ObjectCorrupt, or LimitExceeded for an object bigger than is ever loaded.
        """
        self._check(object_id)
        self._ask([object_id])
        return self._answer(object_id)

    def read_many(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each id with its content, in the order given; far quicker than one `read` after another.

        Raises like `read` at the first object that cannot be read; the reader stays usable.
        """
        asked = answered = 0
        try:
            while answered < len(ids):
                if asked < len(ids) and asked - answered <= _WINDOW // 2:
                    batch = ids[asked : answered + _WINDOW]
                    for wanted in batch:
                        self._check(wanted)
                    asked += len(batch)
                    self._ask(batch)
                wanted = ids[answered]
                answered += 1
                yield wanted, self._answer(wanted).data
        finally:
            if asked > answered:
                self.close()

    @property
    def is_settled(self) -> bool:
        """Whether git runs and has answered all that it was asked: then another caller may go on."""
        return self._process is not None and not self._owed

    def close(self) -> None:
        """Ends the git process. The next read starts another."""
        process, self._process = self._process, None
        self._owed = 0
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                # Ids that a dead process did not take are dropped with it.
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            process.wait()
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def _check(self, wanted: str) -> None:
        if len(wanted) != self._view.id_length or not _HEX_DIGITS.issuperset(wanted):
            raise ObjectMissing(
                f"no object {wanted!r}: expected {self._view.id_length} lower-case hex digits",
                next_step="give the full id, as 'git rev-parse' prints it",
            )

    def _ask(self, ids: Sequence[str]) -> None:
        # A process that has died gives a short answer, and that is where it is reported.
        with suppress(BrokenPipeError):
            stdin = cast("IO[bytes]", self._running().stdin)
            self._owed += len(ids)
            stdin.write("".join(f"{wanted}\n" for wanted in ids).encode("ascii"))
            stdin.flush()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._complaints = scratch_file()
            self._heard = 0
            self._process = self._view.start(
                "cat-file", "--batch", stdin=subprocess.PIPE, stderr=self._complaints.fileno()
            )
        return self._process

    def _answer(self, wanted: str) -> GitObject:
        stdout = cast("IO[bytes]", self._running().stdout)
        header = stdout.readline()
        parts = header.split()
        if len(parts) != 3:
            self._owed -= 1
            raise self._absent(wanted, header)
        kind, size = parts[1].decode("ascii"), int(parts[2])
        if size > self._limit:
            self.close()
            raise LimitExceeded(f"size of object {wanted} in bytes", size, self._limit)
        data = stdout.read(size)
        if len(data) != size or stdout.read(1) != b"\n":
            self.close()
            raise _corrupt(wanted, "its content ends early")
        self._owed -= 1
        if object_id(kind, data, id_length=self._view.id_length) != wanted:
            raise _corrupt(wanted, "its bytes hash to another id")
        return GitObject(kind=kind, data=data)

    def _absent(self, wanted: str, header: bytes) -> SourceError:
        if not header.endswith(b" missing\n"):
            return self._death(wanted)
        heard = os.fstat(cast("IO[bytes]", self._complaints).fileno()).st_size
        is_silent, self._heard = heard == self._heard, heard
        if not is_silent:
            return _corrupt(wanted, "git finds it damaged")
        return ObjectMissing(
            f"no object {wanted} in the repository",
            next_step="in a partial clone, fetch the rest with 'git fetch --refetch --no-filter'",
        )

    def _death(self, wanted: str) -> SourceError:
        process, complaints = (
            cast("subprocess.Popen[bytes]", self._process),
            cast("IO[bytes]", self._complaints),
        )
        code = process.wait()
        complaints.seek(0)
        reason = complaint(complaints.read())
        self.close()
        # 128 is git's own "fatal": anything else came from outside, and says nothing about the object.
        if code == _FATAL:
            return _corrupt(wanted, reason)
        return SourceUnreadable(
            f"git ended with code {code} while it read object {wanted}", next_step="try again"
        )


def _corrupt(wanted: str, how: str) -> ObjectCorrupt:
    return ObjectCorrupt(f"object {wanted} is corrupt: {how}", next_step="run 'git fsck' in the repository")
