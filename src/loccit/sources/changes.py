"""What every commit changed, blob by blob: the past as learning and replay read it.

One `git log --raw` for a whole history: no patch is made, so that tens of thousands of commits take seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import IO

from loccit.core.source import Change, ChangedFile, path_text
from loccit.sources.git import GitView
from loccit.sources.view import shallow_commits
from loccit.sources.walks import check_commit, reading, seconds, unwalked

_FORM = "--format=%x00%H%x00%P%x00%ct%x00%an%x00%B"
_LOG = (
    "log --raw -z --no-abbrev --no-renames --topo-order --reverse --root --ignore-missing --no-show-signature"
)
_DIFF_TREE = "diff-tree --stdin -r -z --raw --no-abbrev --no-renames --always"
_BLOCK_BYTES = 1 << 22
_HEADER_FIELDS = 5
_REGULAR = (b"100644", b"100755")

# A line of git's raw format (modes, blobs, kind of change) without its colon, and the path that it is about.
RawEntry = tuple[bytes, bytes]
_NOTHING: tuple[str, list[RawEntry]] = ("", [])


def read_changes(view: GitView, tip: str, known: Collection[str]) -> Iterator[Change]:
    """The commits reachable from `tip` but not from any in `known`, parents before their children.

    Of a merge, and of a commit where a shallow clone ends, no changed files are told. Commits in `known` that
    are no longer there are passed over. Raises ObjectMissing, ObjectCorrupt.
    """
    ends = shallow_commits(view)
    check_commit(view, tip)
    wanted = chain([tip], (f"^{commit}" for commit in known if len(commit) == view.id_length))
    with reading(view, [*_LOG.split(), _FORM, "--stdin"], wanted) as stream:
        for header, entries in _commits(_fields(stream)):
            yield _change(header, entries, ends)


def read_differences(view: GitView, commits: Sequence[str]) -> Iterator[list[ChangedFile]]:
    """For each commit but the first, how its tree differs from that of the one before it in the sequence.

    Raises ObjectMissing, ObjectCorrupt.
    """
    for entries in read_raw_differences(view, commits):
        yield [_changed_file(entry, path) for entry, path in entries]


def read_raw_differences(view: GitView, commits: Sequence[str]) -> Generator[list[RawEntry]]:
    """The same as git tells it, with modes."""
    missing = ""
    # A second commit on the line stands in for the first one's parents.
    lines = (f"{new} {old}" for old, new in pairwise(commits))
    with reading(view, _DIFF_TREE.split(), lines) as stream:
        found = _differences(_fields(stream))
        for new in commits[1:]:
            commit, entries = next(found, _NOTHING)
            if not commit:
                missing = new
                break
            yield entries
    # git passes over a last commit that it does not have; anywhere else it stops, and its reason was raised.
    if missing:
        raise unwalked(missing, "no such commit")


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """What stands between NULs. Neither a message nor a name nor a path holds one."""
    rest = b""
    while block := stream.read(_BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    yield rest


def _commits(fields: Iterator[bytes]) -> Iterator[tuple[list[bytes], list[RawEntry]]]:
    """The header of each commit, in the order of `_FORM`, and its entries.

    A commit begins with an empty field, and another follows the last one; an entry begins with a colon, the
    first one after a line's end. Messages and paths that look like either are told by their place.
    """
    header: list[bytes] = []
    entries: list[RawEntry] = []
    for field in fields:
        if field:
            entries.append((field.lstrip(b"\n")[1:], next(fields, b"")))
            continue
        if header:
            yield header, entries
        header, entries = list(islice(fields, _HEADER_FIELDS)), []


def _differences(fields: Iterator[bytes]) -> Iterator[tuple[str, list[RawEntry]]]:
    """The entries of each commit: its id is the field before them, and an empty field ends them all."""
    commit = ""
    entries: list[RawEntry] = []
    for field in fields:
        if field.startswith(b":"):
            entries.append((field[1:], next(fields, b"")))
            continue
        if commit:
            yield commit, entries
        commit, entries = field.decode("ascii"), []


def _changed_file(entry: bytes, path: bytes) -> ChangedFile:
    old_mode, new_mode, old, new, _ = entry.split(b" ")
    return ChangedFile(
        path=path_text(path),
        old_blob=old.decode("ascii") if old_mode in _REGULAR else None,
        new_blob=new.decode("ascii") if new_mode in _REGULAR else None,
    )


def _change(header: Sequence[bytes], entries: Sequence[RawEntry], ends: frozenset[str]) -> Change:
    commit, parents, time, author, message = header
    name = commit.decode("ascii")
    return Change(
        commit=name,
        parents=tuple(parents.decode("ascii").split()),
        time=seconds(time),
        author=author.decode("utf-8", "replace").strip(),
        message=message.decode("utf-8", "replace").strip(),
        files=() if name in ends else tuple(_changed_file(entry, path) for entry, path in entries),
    )
