"""Reading the user's files: never following a symlink, never waiting at a FIFO, however deep they lie."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager

# Longer paths are opened in steps: the kernel takes at most 4,096 bytes (1,024 on macOS) at once.
_MOST_PATH_BYTES = 900
_BLOCK_BYTES = 1 << 20


@contextmanager
def opened_below(root: int, path: bytes, flags: int) -> Generator[int]:
    """A descriptor of `path` below the folder that `root` is open on. Raises OSError."""
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    folder, held = root, False
    try:
        while len(path) > _MOST_PATH_BYTES:
            cut = path.rindex(b"/", 0, _MOST_PATH_BYTES)
            step = os.open(
                path[:cut], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder
            )
            if held:
                os.close(folder)
            folder, held, path = step, True, path[cut + 1 :]
        descriptor = os.open(path or b".", flags, dir_fd=folder)
    finally:
        if held:
            os.close(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_below(root: int, path: bytes, *, limit: int) -> bytes:
    """The bytes of the regular file `path`, at most `limit` of them. Raises OSError."""
    with opened_below(root, path, os.O_RDONLY) as descriptor:
        _require_regular(descriptor)
        blocks: list[bytes] = []
        while limit > 0 and (block := os.read(descriptor, min(_BLOCK_BYTES, limit))):
            blocks.append(block)
            limit -= len(block)
        return b"".join(blocks)


def hash_below(root: int, path: bytes, *, id_length: int) -> tuple[str, os.stat_result]:
    """The blob id of the regular file `path`, and how the file looked; memory stays flat. Raises OSError.

    A file that grows or shrinks meanwhile raises OSError as well.
    """
    with opened_below(root, path, os.O_RDONLY) as descriptor:
        status = _require_regular(descriptor)
        header = b"blob %d\0" % status.st_size
        digest = hashlib.sha256(header) if id_length == 64 else hashlib.sha1(header, usedforsecurity=False)
        left = status.st_size
        while block := os.read(descriptor, _BLOCK_BYTES):
            digest.update(block)
            left -= len(block)
        if left:
            raise OSError(errno.EAGAIN, "changed while it was read")
        return digest.hexdigest(), status


def sha256_below(root: int, path: bytes) -> str:
    """The SHA-256 of the regular file's bytes, in hex. Raises OSError."""
    with opened_below(root, path, os.O_RDONLY) as descriptor:
        _require_regular(descriptor)
        digest = hashlib.sha256()
        while block := os.read(descriptor, _BLOCK_BYTES):
            digest.update(block)
        return digest.hexdigest()


def _require_regular(descriptor: int) -> os.stat_result:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return status
