"""Where a dataset goes: checked before the work, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.core.errors import InputError

if TYPE_CHECKING:
    from loccit.evals.datasets import Dataset

# By this a file is known to be a dataset that loccit made, which may be made again.
_MARK = b'{"format":"loccit-dataset/1"'


def check_dataset_place(out: Path) -> None:
    """Raise InputError, before any work, where a dataset cannot be put."""
    if not out.parent.is_dir():
        raise InputError(f"the folder {str(out.parent)!r} is not there", next_step="make it, or name another")
    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder", next_step="name a file in it")
    if out.exists() and not _is_made(out):
        raise InputError(
            f"{str(out)!r} is there and is no dataset that loccit made",
            next_step="name another file with --out, or move that one away",
        )
    if not os.access(out.parent, os.W_OK):
        raise InputError(f"the folder {str(out.parent)!r} cannot be written", next_step="name another")


def write_dataset(out: Path, dataset: Dataset) -> None:
    """Put the dataset there, whole or not at all. Raises StorageFailed."""
    from loccit.evals.datasets import dataset_lines
    from loccit.evals.whole_files import write_whole

    write_whole(out, dataset_lines(dataset), next_step="make room, or name another file with --out")


def _is_made(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MARK)) == _MARK
    except OSError:
        return False
