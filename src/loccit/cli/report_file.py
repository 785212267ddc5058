"""Where a report goes: checked before the work, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from loccit.core.errors import InputError

# By these a file is known to be an earlier report, which may be replaced.
_BEGINNING, _MARK = b"<!doctype html>", b"loccit "


def check_place(out: Path, *, command: str) -> None:
    """Raise InputError, before any work, where the report of this command cannot be put."""
    if not out.parent.is_dir():
        raise InputError(f"the folder {str(out.parent)!r} is not there", next_step="make it, or name another")
    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder", next_step="name a file in it")
    if out.exists() and not _is_report(out, command):
        raise InputError(
            f"{str(out)!r} is there and is no report of 'loccit {command}'",
            next_step="name another file with --out, or move that one away",
        )
    if not os.access(out.parent, os.W_OK):
        raise InputError(f"the folder {str(out.parent)!r} cannot be written", next_step="name another")


def write_report(out: Path, text: str) -> None:
    """Put the report there, whole or not at all. Raises InputError."""
    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise InputError(
            f"the report {str(out)!r} cannot be written: {error.strerror or error}",
            next_step="name another file with --out",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _is_report(path: Path, command: str) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data.startswith(_BEGINNING) and _MARK + command.encode() in data
