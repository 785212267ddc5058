"""From a place to a checked citation, and from a citation to its checked bytes."""

from __future__ import annotations

from collections.abc import Sequence

from loccit.core.answers import Citation, CitationKind
from loccit.core.encodings import encoding_of
from loccit.core.errors import InputError, SourceError
from loccit.core.source import BlobReader, Snapshot
from loccit.verification import cite, cite_issue, verify_citation


def cite_lines(
    repo: str, snapshot: Snapshot, reader: BlobReader, path: str, start: int, end: int
) -> Citation:
    """The citation of lines `start` to `end` (1-based, inclusive) of a file. Raises InputError where there
    are none.
    """
    entry = next((entry for entry in snapshot.entries if entry.path == path), None)
    if entry is None:
        skipped = next((s for s in snapshot.skipped if s.path == path), None)
        why = f"it is left out: {skipped.reason}" if skipped else "there is no such file"
        raise InputError(f"{path!r} cannot be cited at {(snapshot.commit or snapshot.tree)[:12]}: {why}")
    data = reader.read(entry.blob).data
    first, last = _byte_range(path, data, start, end)
    return cite(
        repo=repo,
        commit=snapshot.commit,
        tree=snapshot.tree,
        path=path,
        data=data,
        start_byte=first,
        end_byte=last,
    )


def cite_issue_lines(repo: str, commit: str, path: str, data: bytes, start: int, end: int) -> Citation:
    """The citation of lines (1-based, inclusive) of an issue's file. Raises InputError."""
    first, last = _byte_range(path, data, start, end)
    return cite_issue(repo=repo, commit=commit, path=path, data=data, start_byte=first, end_byte=last)


def checked(citation: Citation, readers: Sequence[BlobReader]) -> Citation:
    """The same citation, if it holds. Raises SourceError that says why it does not."""
    reasons = verify_citation(citation, readers)
    if reasons:
        what = f"commit {citation.commit}" if citation.kind is CitationKind.COMMIT else repr(citation.path)
        raise SourceError(f"the citation of {what} does not hold: {reasons[0].message}")
    return citation


def _byte_range(path: str, data: bytes, start: int, end: int) -> tuple[int, int]:
    """Bytes of these lines, without the last line's end."""
    encoding = encoding_of(data)
    newline = "\n".encode(encoding)
    lines = data.decode(encoding).split("\n")
    if not 1 <= start <= end <= len(lines):
        raise InputError(
            f"lines {start} to {end} are not in {path!r}", next_step=f"it has lines 1 to {len(lines)}"
        )
    first = len("\n".join(lines[: start - 1]).encode(encoding)) + (len(newline) if start > 1 else 0)
    quoted = "\n".join(lines[start - 1 : end])
    size = len(quoted.encode(encoding))
    if not size:
        raise InputError(
            f"lines {start} to {end} of {path!r} are empty", next_step="cite lines that hold something"
        )
    return first, first + size
