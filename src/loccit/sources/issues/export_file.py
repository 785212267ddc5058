"""Reading the file of an export whole: its text, whatever its encoding, and what had to be replaced."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import LimitExceeded, MalformedExport, SourceUnreadable
from loccit.sources.files import read_below

_MAX_EXPORT_BYTES = 2_000_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class ExportText:
    """An export's text. `digest` is the SHA-256 of its bytes; `notes` say what of them was no text."""

    text: str
    digest: str
    notes: tuple[str, ...]


def read_export(path: Path) -> ExportText:
    """The export. Bytes that are no UTF-8 (or UTF-16, with its mark) become U+FFFD, and a note says where.

    Raises SourceUnreadable, LimitExceeded, and MalformedExport for an empty file.
    """
    data = read_file(path, limit=_MAX_EXPORT_BYTES)
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    body = data[len(mark) :]
    if not body.strip():
        raise MalformedExport(f"the export {str(path)!r} is empty", next_step="export the issues again")
    digest = hashlib.sha256(data).hexdigest()
    try:
        return ExportText(body.decode(encoding), digest, ())
    except UnicodeDecodeError as error:
        text = body.decode(encoding, "replace")
        line = body[: error.start].decode(encoding, "replace").count("\n") + 1
        note = f"{path.name}: bytes that are not {encoding.upper()} were replaced, first on line {line:,}"
        return ExportText(text, digest, (note,))


def read_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file. Raises SourceUnreadable, LimitExceeded."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            data = read_below(folder, os.fsencode(path.name), limit=limit + 1)
        finally:
            os.close(folder)
    except OSError as error:
        raise SourceUnreadable(
            f"the export {str(path)!r} cannot be read: {error.strerror or error}",
            next_step="name a regular file that you may read, not a link",
        ) from error
    if len(data) > limit:
        raise LimitExceeded(f"size of {str(path)!r} in bytes", len(data), limit)
    return data
