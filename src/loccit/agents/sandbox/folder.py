"""The files of a folder of this machine, to be put into a box. No link is followed, and nothing runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from loccit.agents.sandbox.keeper import MOST_DEPTH
from loccit.agents.sandbox.names import path_in
from loccit.agents.sandbox.values import Files
from loccit.core.errors import InputError, LimitExceeded, SourceUnreadable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A repository's own folder: what git would run lies there.
_LEFT_OUT = frozenset({".git"})


def read_folder(folder: Path, *, most_bytes: int) -> Files:
    """Files and links below the folder; devices, pipes, sockets and `.git` are left out.

    Raises SourceUnreadable, InputError for a name that cannot be had in a box, and LimitExceeded.
    """
    contents: dict[str, bytes] = {}
    executable: set[str] = set()
    links: dict[str, str] = {}
    size = 0
    try:
        for here, name, path in _walk(os.open(folder, _FOLDER), "", 1):
            path_in(path)
            mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                links[path] = os.readlink(name, dir_fd=here)
            elif stat.S_ISREG(mode):
                with suppress(FileNotFoundError), os.fdopen(os.open(name, _FILE, dir_fd=here), "rb") as file:
                    contents[path] = file.read(most_bytes - size + 1)
                    size += len(contents[path])
                    if os.fstat(file.fileno()).st_mode & stat.S_IXUSR:
                        executable.add(path)
            if size > most_bytes:
                raise LimitExceeded("the size in bytes of what goes into a box", size, most_bytes)
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(folder)!r}: {error.strerror or error}") from error
    return Files(contents, frozenset(executable), links)


def _walk(here: int, above: str, depth: int) -> Iterator[tuple[int, str, str]]:
    """Everything but folders: the folder it lies in, its name, its path."""
    try:
        with os.scandir(here) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.name in _LEFT_OUT:
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield here, entry.name, above + entry.name
            elif depth >= MOST_DEPTH:
                raise InputError(f"{above + entry.name!r} is nested too deep for a box", field="files")
            else:
                inner = os.open(entry.name, _FOLDER, dir_fd=here)
                yield from _walk(inner, f"{above}{entry.name}/", depth + 1)
    finally:
        os.close(here)
