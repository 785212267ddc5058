"""Citations for what a triage says, each re-checked against the repository before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loccit.core.answers import Citation, CitationKind, SnapshotInfo
from loccit.core.encodings import code_unit_size, encoding_of
from loccit.core.errors import IndexBroken, InputError
from loccit.core.evidence import Place
from loccit.core.source import BlobReader
from loccit.pipeline.searchable import read_place
from loccit.verification.citations import check_citation, cite, cite_commit
from loccit.verification.objects import ObjectStore

# A longer passage is cited by its first lines: they say which function it is.
_MOST_LINES = 12
_MOST_BYTES = 4_000


class Citer:
    """Makes citations, and keeps those that hold. `fallen` counts the places of which none could be made."""

    def __init__(self, readers: Mapping[str, BlobReader], snapshots: Sequence[SnapshotInfo]) -> None:
        self._read = read_place(readers)
        self._store = ObjectStore(readers.values())
        self._snapshots = tuple(snapshots)
        self._known: dict[tuple[str, str, str, int], Citation | None] = {}
        self.fallen = 0

    def place(self, place: Place, *, kind: CitationKind = CitationKind.FILE) -> Citation | None:
        """The citation of the first lines of a place; None where it does not hold."""
        key = (place.repo, place.path, place.object_id, place.start_byte)
        if key not in self._known:
            self._known[key] = self._checked(self._cited(place, kind))
        return self._known[key]

    def commit(self, repo: str, commit: str) -> Citation | None:
        """The citation of a commit's subject line (of one without a message, its first line)."""
        key = (repo, "", commit, 0)
        if key not in self._known:
            self._known[key] = self._checked(self._cited_commit(repo, commit))
        return self._known[key]

    def _cited(self, place: Place, kind: CitationKind) -> Citation | None:
        try:
            data = self._read(place)
            end = _shortened(data, place.start_byte, place.end_byte)
            return cite(
                repo=place.repo,
                commit=place.commit,
                tree=place.tree,
                path=place.path,
                data=data,
                start_byte=place.start_byte,
                end_byte=end,
                kind=kind,
            )
        except (IndexBroken, InputError):
            return None

    def _cited_commit(self, repo: str, commit: str) -> Citation | None:
        place = Place(repo, commit, "", "", commit, 0, 0, 1, 1)
        try:
            data = self._read(place)
            head, _, message = data.partition(b"\n\n")
            subject = message.lstrip(b"\n").partition(b"\n")[0]
            start = data.index(subject, len(head)) if subject.strip() else 0
            end = start + len(subject) if subject.strip() else data.index(b"\n")
            return cite_commit(repo=repo, commit=commit, data=data, start_byte=start, end_byte=end)
        except (IndexBroken, InputError):
            return None

    def _checked(self, citation: Citation | None) -> Citation | None:
        if citation is None or check_citation(citation, self._snapshots, self._store):
            self.fallen += 1
            return None
        return citation


def _shortened(data: bytes, start: int, end: int) -> int:
    """Where the first lines of a range end."""
    if code_unit_size(encoding_of(data)) > 1:
        return end
    position = start
    for _ in range(_MOST_LINES):
        following = data.find(b"\n", position, end)
        if following < 0:
            return end
        if following + 1 - start > _MOST_BYTES and position > start:
            break
        position = following + 1
    return position
