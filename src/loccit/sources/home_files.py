"""Writing below our own home folder, so that a reader never meets half a file."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from loccit.core.errors import StorageFailed


@contextmanager
def writing_home(path: Path) -> Generator[None]:
    """Turns a failure to write `path` into StorageFailed."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            next_step="free some space there, or choose another folder with LOCCIT_HOME",
        ) from error


def make_folder(path: Path) -> None:
    """Makes a folder of ours, readable by nobody else. Raises StorageFailed."""
    with writing_home(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Puts `data` at `path` in one step; two writers at once leave one of the two, whole.

    Raises StorageFailed.
    """
    with writing_home(path):
        temporary = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_if_different(path: Path, data: bytes) -> None:
    """Like `replace_file`, but leaves a file that already says so alone. Raises StorageFailed."""
    try:
        if path.read_bytes() == data:
            return
    except FileNotFoundError:
        pass
    replace_file(path, data)
