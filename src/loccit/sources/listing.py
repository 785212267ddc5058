"""Listing a commit's files, each with its role, or the reason why it is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loccit.core.errors import ObjectCorrupt, ObjectMissing, SourceError
from loccit.core.source import FileEntry, FileMode, SkippedFile, SkipReason, path_bytes, path_text
from loccit.sources.attributes import GITATTRIBUTES, Attributes, AttributesFile
from loccit.sources.git import GitView, complaint
from loccit.sources.ignore import LOCCITIGNORE, IgnoreFile, IgnoreRules
from loccit.sources.roles import role_of

_ENTRY = re.compile(rb"(\d{6}) \w+ ([0-9a-f]+) +(\d+|-|BAD)\t([^\0]*)\0")
_SKIPPED_MODES = {FileMode.SYMLINK: SkipReason.SYMLINK, FileMode.SUBMODULE: SkipReason.SUBMODULE}
_MODES = {mode.value.encode("ascii"): mode for mode in FileMode}


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One entry of a tree that is no folder. `size` is None where there is no object to measure."""

    path: str
    blob: str
    size: int | None
    mode: FileMode


def list_tree(view: GitView, commit: str) -> list[TreeFile]:
    """The files, symlinks and submodules of a commit, sorted by path bytes.

    Raises ObjectMissing, ObjectCorrupt.
    """
    listing = view.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    if listing.returncode:
        raise _unlisted(commit, complaint(listing.stderr))
    return [
        TreeFile(
            path=path_text(path),
            blob=blob.decode("ascii"),
            size=int(size) if size.isdigit() else None,
            mode=_MODES.get(mode, FileMode.REGULAR),
        )
        for mode, blob, size, path in _ENTRY.findall(listing.stdout)
    ]


def blobs_of(view: GitView, commit: str) -> dict[bytes, str]:
    """The blob of each path of a commit. Raises ObjectMissing, ObjectCorrupt."""
    listing = view.run("ls-tree", "-r", "-z", "--full-tree", commit)
    if listing.returncode:
        raise _unlisted(commit, complaint(listing.stderr))
    rows = (row.partition(b"\t") for row in listing.stdout.split(b"\0") if row)
    return {path: about.rpartition(b" ")[2].decode("ascii") for about, _, path in rows}


def sort_out(
    files: Iterable[TreeFile], *, read: Callable[[TreeFile], bytes | None], max_file_bytes: int
) -> tuple[tuple[FileEntry, ...], tuple[SkippedFile, ...]]:
    """Parts what can be searched from what is left out, in the order given.

    `read` gives the content of ignore and attributes files, None for one that cannot be read.
    """
    files = list(files)
    rules, attributes = rules_of(files, read)
    entries: list[FileEntry] = []
    skipped: list[SkippedFile] = []
    for file in files:
        found = judged(file, rules, attributes, max_file_bytes=max_file_bytes)
        if isinstance(found, FileEntry):
            entries.append(found)
        else:
            skipped.append(found)
    return tuple(entries), tuple(skipped)


def judged(
    file: TreeFile, rules: IgnoreRules, attributes: Attributes, *, max_file_bytes: int
) -> FileEntry | SkippedFile:
    """The file with its role, or why it is left out, by the rules of the tree that it is in."""
    reason = _reason(file, rules, max_file_bytes)
    if reason is not None or file.size is None:
        return SkippedFile(file.path, reason or SkipReason.MISSING)
    role = role_of(file.path)
    if attributes.has_roles:
        role = attributes.role(path_bytes(file.path), role)
    return FileEntry(path=file.path, blob=file.blob, size=file.size, mode=file.mode, role=role)


def rules_of(
    files: Iterable[TreeFile], read: Callable[[TreeFile], bytes | None]
) -> tuple[IgnoreRules, Attributes]:
    """What the tree's own `.loccitignore` and `.gitattributes` files say."""
    ignores: dict[bytes, IgnoreFile] = {}
    attributes: dict[bytes, AttributesFile] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        if name in (LOCCITIGNORE, GITATTRIBUTES) and file.mode not in _SKIPPED_MODES:
            text = read(file)
            if text is not None and name == LOCCITIGNORE:
                ignores[path_bytes(folder)] = IgnoreFile.parse(text)
            elif text is not None:
                attributes[path_bytes(folder)] = AttributesFile.parse(text)
    return IgnoreRules(ignores), Attributes(attributes)


def _reason(file: TreeFile, rules: IgnoreRules, max_file_bytes: int) -> SkipReason | None:
    if file.mode in _SKIPPED_MODES:
        return _SKIPPED_MODES[file.mode]
    if rules.files and rules.is_ignored(path_bytes(file.path)):
        return SkipReason.IGNORED
    if file.size is None:
        return SkipReason.MISSING
    if file.size == 0:
        return SkipReason.EMPTY
    return SkipReason.TOO_LARGE if file.size > max_file_bytes else None


def _unlisted(commit: str, reason: str) -> SourceError:
    if "corrupt" in reason or "hash mismatch" in reason or "inflate" in reason:
        return ObjectCorrupt(
            f"the tree of {commit} is corrupt: {reason}", next_step="run 'git fsck' in the repository"
        )
    return ObjectMissing(
        f"the tree of {commit} is not complete: {reason}",
        next_step="fetch the rest of the repository: 'git fetch --refetch'",
    )
