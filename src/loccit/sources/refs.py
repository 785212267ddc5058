"""Reading a repository's refs as files, each one checked before it is believed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import NotARepository
from loccit.sources.git_config import read_small_file, unreadable
from loccit.sources.layout import GitLayout

_MAX_REF_BYTES = 4096
_MAX_PACKED_BYTES = 512_000_000
_MAX_SYMBOLIC_STEPS = 5
# What `git check-ref-format` refuses, and refs/replace, which would let one object speak for another.
_NAME = rb"refs/(?!replace/)(?![^\n]*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)|[./]$))[^\x00-\x20\x7f~^:?*\[\\]+"
_VALID_NAME = re.compile(_NAME + rb"\Z")
_PACKED = {
    length: re.compile(rb"^([0-9a-f]{%d}) (%s)$" % (length, _NAME), re.MULTILINE) for length in (40, 64)
}
_HEX = {length: re.compile(rb"[0-9a-f]{%d}(?=\s|\Z)" % length) for length in (40, 64)}
# Besides HEAD; all of them may name a revision on the command line.
PSEUDO_REFS = ("ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_HEAD")
_PER_WORK_TREE = ("bisect", "worktree", "rewritten")


@dataclass(frozen=True, slots=True)
class Refs:
    """A repository's refs: names and full hex ids as bytes.

    `head` is the name of a branch, which may have no commit yet, or an id.
    """

    head: bytes
    targets: dict[bytes, bytes]
    pseudo: dict[str, bytes]

    def packed(self) -> bytes:
        """The refs as the text of a packed-refs file."""
        lines = [b"# pack-refs with: sorted \n"]
        lines += [b"%s %s\n" % (self.targets[name], name) for name in sorted(self.targets)]
        return b"".join(lines)

    def head_file(self) -> bytes:
        """The text of a HEAD file."""
        return (b"ref: %s\n" if self.head.startswith(b"refs/") else b"%s\n") % self.head


def read_refs(layout: GitLayout, *, id_length: int) -> Refs:
    """All refs that can be believed; what is malformed is left out, as git would leave it out.

    Raises NotARepository when HEAD is neither a branch nor an id, SourceUnreadable where reading is not
    permitted.
    """
    packed = read_small_file(layout.common_dir / "packed-refs", limit=_MAX_PACKED_BYTES) or b""
    targets = {name: target for target, name in _PACKED[id_length].findall(packed)}
    symbolic: dict[bytes, bytes] = {}
    for root in {layout.common_dir, layout.git_dir}:
        for name, content in _loose(root, only_own=root != layout.common_dir):
            _believe(name, content, targets, symbolic, id_length)
    for name, target in symbolic.items():
        _follow(name, target, targets, symbolic)
    pseudo = {name: found for name in PSEUDO_REFS if (found := _pseudo(layout, name, id_length)) is not None}
    return Refs(head=_head(layout, id_length), targets=targets, pseudo=pseudo)


def head_commit(layout: GitLayout, *, id_length: int) -> str | None:
    """The commit that HEAD is at, where two small reads tell, else None: then `read_refs` has to be asked.

    Raises like `read_refs`.
    """
    head = _head(layout, id_length)
    if not head.startswith(b"refs/"):
        return head.decode("ascii")
    loose = read_small_file(layout.common_dir / os.fsdecode(head), limit=_MAX_REF_BYTES)
    if loose is not None:
        found = _HEX[id_length].match(loose)
        return found.group().decode("ascii") if found else None
    packed = read_small_file(layout.common_dir / "packed-refs", limit=_MAX_PACKED_BYTES) or b""
    line = re.compile(rb"^([0-9a-f]{%d}) %s$" % (id_length, re.escape(head)), re.MULTILINE)
    # The expression alone would be tried on every line, and there may be many thousands.
    at = packed.find(b" " + head)
    while at >= 0:
        if entry := line.match(packed, at - id_length):
            return entry.group(1).decode("ascii")
        at = packed.find(b" " + head, at + 1)
    return None


def _loose(root: Path, *, only_own: bool) -> Iterator[tuple[bytes, bytes]]:
    tops = [f"refs/{name}" for name in _PER_WORK_TREE] if only_own else ["refs"]
    pending = tops
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = list(entries)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise unreadable(root / folder, error) from error
        for entry in found:
            name = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                pending.append(name)
            elif entry.is_symlink():
                yield os.fsencode(name), b"ref: " + os.fsencode(Path(entry.path).readlink())
            elif entry.is_file(follow_symlinks=False):
                yield os.fsencode(name), read_small_file(Path(entry.path), limit=_MAX_REF_BYTES) or b""


def _believe(
    name: bytes, content: bytes, targets: dict[bytes, bytes], symbolic: dict[bytes, bytes], id_length: int
) -> None:
    if not _VALID_NAME.match(name):
        return
    if content.startswith(b"ref:"):
        symbolic[name] = content[4:].strip()
        return
    found = _HEX[id_length].match(content)
    if found:
        targets[name] = found.group()


def _follow(name: bytes, target: bytes, targets: dict[bytes, bytes], symbolic: dict[bytes, bytes]) -> None:
    for _ in range(_MAX_SYMBOLIC_STEPS):
        if target not in symbolic:
            break
        target = symbolic[target]
    if target in targets:
        targets[name] = targets[target]


def _head(layout: GitLayout, id_length: int) -> bytes:
    path = layout.git_dir / "HEAD"
    if path.is_symlink() and _VALID_NAME.match(os.fsencode(path.readlink())):
        return os.fsencode(path.readlink())
    content = read_small_file(path, limit=_MAX_REF_BYTES) or b""
    if content.startswith(b"ref:") and _VALID_NAME.match(content[4:].strip()):
        return content[4:].strip()
    found = _HEX[id_length].match(content)
    if found:
        return found.group()
    raise NotARepository(
        f"{str(path)!r} names neither a branch nor a commit: {content[:80].decode('utf-8', 'replace')!r}",
        next_step="check the repository with 'git fsck'",
    )


def _pseudo(layout: GitLayout, name: str, id_length: int) -> bytes | None:
    found = _HEX[id_length].match(read_small_file(layout.git_dir / name, limit=_MAX_PACKED_BYTES) or b"")
    return found.group() if found else None
