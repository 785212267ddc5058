"""Git objects that prove themselves: each is hashed again when it is read, and parsed from its raw bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from loccit.core.errors import LimitExceeded, ObjectCorrupt, ObjectMissing, SourceUnreadable
from loccit.core.source import BlobReader
from loccit.verification.findings import Finding, Reason

_CACHE_BYTES = 64_000_000
# Of all parsed trees together: some 20 MB.
_MOST_ENTRIES = 100_000
_HEADER = re.compile(rb"tree ([0-9a-f]+)\n((?:parent [0-9a-f]+\n)*)")
_FILE_MODES = frozenset({b"100644", b"100755", b"100664"})
_MODE_NAMES = {b"40000": "a folder", b"120000": "a symbolic link", b"160000": "a submodule"}


def object_id(kind: str, data: bytes, *, hex_digits: int) -> str:
    """The id git gives these bytes: SHA-1 for 40 hex digits, SHA-256 for 64."""
    algorithm = hashlib.sha1(usedforsecurity=False) if hex_digits == 40 else hashlib.sha256()
    algorithm.update(f"{kind} {len(data)}\0".encode())
    algorithm.update(data)
    return algorithm.hexdigest()


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree. `mode` is octal digits without leading zeros."""

    mode: bytes
    object_id: str


class ObjectStore:
    """The objects of all repositories at hand, as one: an object is what hashes to its id, wherever it lies.

    Objects and parsed trees are kept for as long as the store lives, up to a limit.
    """

    def __init__(self, readers: Iterable[BlobReader]) -> None:
        self._readers = tuple(readers)
        self._proven: dict[str, tuple[str, bytes]] = {}
        self._proven_bytes = 0
        self._trees: dict[str, dict[bytes, TreeEntry] | Reason] = {}
        self._whole_histories: dict[str, bool] = {}

    def read(self, wanted: str, kind: str) -> bytes | Reason:
        """The content of this object, or why there is none that is of this kind and hashes to its id."""
        found = self._proven.get(wanted) or self._prove(wanted)
        if isinstance(found, Reason):
            return found
        found_kind, data = found
        if found_kind != kind:
            message = f"object {wanted} is a {found_kind}, expected a {kind}"
            return Reason(finding=Finding.KIND_INCONSISTENT, message=message)
        return data

    def tree(self, tree_id: str) -> dict[bytes, TreeEntry] | Reason:
        """The entries of a tree by name."""
        if tree_id not in self._trees:
            data = self.read(tree_id, "tree")
            self._trees[tree_id] = data if isinstance(data, Reason) else _PARSED.tree(tree_id, data)
        return self._trees[tree_id]

    def commit(self, commit_id: str) -> tuple[str, tuple[str, ...]] | Reason:
        """A commit's root tree and its parents."""
        data = self.read(commit_id, "commit")
        if isinstance(data, Reason):
            return data
        header = _HEADER.match(data)
        if header is None:
            return _malformed("commit", commit_id)
        return header[1].decode(), tuple(line[7:].decode() for line in header[2].splitlines())

    def has_whole_history(self, commit_id: str) -> bool:
        """Whether a commit and all its ancestors are here and prove themselves: not so in a shallow clone."""
        if commit_id not in self._whole_histories:
            self._whole_histories[commit_id] = self._walk(commit_id)
        return self._whole_histories[commit_id]

    def blob_at(self, tree_id: str, path: bytes) -> str | Reason:
        """The id of the regular file at `path` below this root tree."""
        *folders, name = path.split(b"/")
        for folder in folders:
            entries = self.tree(tree_id)
            if isinstance(entries, Reason):
                return entries
            entry = entries.get(folder)
            if entry is None or entry.mode != b"40000":
                return _no_such_path(path, f"there is no folder {_text(folder)!r} on the way")
            tree_id = entry.object_id
        entries = self.tree(tree_id)
        if isinstance(entries, Reason):
            return entries
        entry = entries.get(name)
        if entry is None:
            return _no_such_path(path, "there is no such entry")
        if entry.mode not in _FILE_MODES:
            return _no_such_path(path, f"it is {_MODE_NAMES.get(entry.mode, 'no regular file')}")
        return entry.object_id

    def _prove(self, wanted: str) -> tuple[str, bytes] | Reason:
        failure = Reason(
            finding=Finding.OBJECT_MISSING,
            message=f"no repository at hand has the object {wanted}; name the one that was cited with --repo",
        )
        for reader in self._readers:
            try:
                found = reader.read(wanted)
            except ObjectMissing:
                continue
            except ObjectCorrupt as error:
                failure = _forged(wanted, error.message)
                continue
            except (SourceUnreadable, LimitExceeded) as error:
                if failure.finding is Finding.OBJECT_MISSING:
                    failure = Reason(finding=Finding.OBJECT_UNREADABLE, message=str(error))
                continue
            actual = object_id(found.kind, found.data, hex_digits=len(wanted))
            if actual == wanted:
                self._keep(wanted, found.kind, found.data)
                return found.kind, found.data
            failure = _forged(wanted, f"what is stored there has the id {actual}")
        return failure

    def _keep(self, proven: str, kind: str, data: bytes) -> None:
        self._proven_bytes += len(data)
        if self._proven_bytes > _CACHE_BYTES:
            self._proven.clear()
            self._proven_bytes = len(data)
        self._proven[proven] = (kind, data)

    def _walk(self, commit_id: str) -> bool:
        seen = {commit_id}
        waiting = [commit_id]
        while waiting:
            found = self.commit(waiting.pop())
            if isinstance(found, Reason):
                return False
            new = [parent for parent in found[1] if parent not in seen]
            seen.update(new)
            waiting.extend(new)
        return True


class _ParsedTrees:
    """What trees say, kept for later answers; safe across threads.

    That a tree is here, and that it hashes to its id, is found out again for every answer: only what such
    bytes say is remembered, and that can be nothing else.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._trees: dict[str, dict[bytes, TreeEntry]] = {}
        self._entries = 0

    def tree(self, tree_id: str, proven: bytes) -> dict[bytes, TreeEntry] | Reason:
        """The entries of the tree with this content, which has this id."""
        found = self._trees.get(tree_id)
        if found is not None:
            return found
        parsed = _parse_tree(tree_id, proven)
        if not isinstance(parsed, Reason):
            with self._guard:
                if self._entries + len(parsed) > _MOST_ENTRIES:
                    self._trees.clear()
                    self._entries = 0
                if tree_id not in self._trees:
                    self._trees[tree_id] = parsed
                    self._entries += len(parsed)
        return parsed


_PARSED = _ParsedTrees()


def _parse_tree(tree_id: str, data: bytes) -> dict[bytes, TreeEntry] | Reason:
    """`mode SP name NUL id`, the id raw, as long as the tree's own."""
    size = len(tree_id) // 2
    entries: dict[bytes, TreeEntry] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or end + 1 + size > len(data):
            return _malformed("tree", tree_id)
        name = data[space + 1 : end]
        if name in entries:
            # Which of the two a checkout would give is git's secret: such a tree cites nothing.
            return _malformed("tree", tree_id)
        # Old tools wrote folders' modes with a leading zero.
        entries[name] = TreeEntry(data[at:space].lstrip(b"0"), data[end + 1 : end + 1 + size].hex())
        at = end + 1 + size
    return entries


def _forged(wanted: str, why: str) -> Reason:
    message = (
        f"object {wanted} is damaged or forged in this repository: {why}; fetch it again from its origin"
    )
    return Reason(finding=Finding.OBJECT_FORGED, message=message)


def _malformed(kind: str, wanted: str) -> Reason:
    message = f"{kind} {wanted} hashes to its id but is not a well-formed {kind}"
    return Reason(finding=Finding.OBJECT_MALFORMED, message=message)


def _no_such_path(path: bytes, why: str) -> Reason:
    message = f"the cited tree has no file {_text(path)!r}: {why}"
    return Reason(finding=Finding.PATH_NOT_IN_COMMIT, message=message)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
