"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from loccit.core.errors import StorageFailed


def write_whole(path: Path, chunks: Iterable[bytes], *, next_step: str) -> None:
    """Write a file in one move, its folder too, and have it on disk.

    Raises StorageFailed with this next step; then what was there before is there still.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageFailed(
            f"cannot write {str(path)!r}: {error.strerror or error}", next_step=next_step
        ) from error
