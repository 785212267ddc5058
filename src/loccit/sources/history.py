"""Commit history: what each commit says, which paths it changes, and which symbols its hunks name.

Messages and paths come from `git diff-tree --raw`, symbols from a second pass that diffs only code files.
Both read lists of commits on standard input, a few hundred at a time, so that several git processes work side
by side and memory stays flat.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, TYPE_CHECKING

from loccit.core.errors import ObjectMissing
from loccit.core.source import CommitRecord, path_text
from loccit.sources.git import GitView, complaint
from loccit.sources.options import SourceOptions
from loccit.sources.symbols import DEFINITION, symbol_in_hunk_header
from loccit.sources.view import DRIVERS, shallow_commits
from loccit.sources.walks import check_commit, reading, seconds, unwalked

if TYPE_CHECKING:
    from concurrent.futures import Future

_COMMITS_PER_PROCESS = 400
# With a few missing files among four hundred commits, halving finds them in fewer.
_MOST_DIFFS = 64
# What git says of a file that is not here.
_UNREADABLE = "unable to read"
_BLOCK_BYTES = 1 << 20
_CODE_ENDINGS = tuple(pattern[1:].encode("ascii") for patterns in DRIVERS.values() for pattern in patterns)
_CODE_PATHS = tuple(pattern for patterns in DRIVERS.values() for pattern in patterns)
_PATCH_LINE = re.compile(
    rb"\n(?:@@ -\S+ \+\S+ @@ (?P<hunk>[^\n]+)|(?P<commit>[0-9a-f]{40,64})(?=\n)|[+-](?P<defined>%s))"
    % DEFINITION
)

# A commit, and the parent it is compared with; None for a root and where a shallow clone ends.
_Pair = tuple[str, str | None]


def ancestors_of(view: GitView, tip: str) -> list[str]:
    """`tip` and all commits reachable from it, newest first. Raises ObjectMissing, ObjectCorrupt."""
    listing = view.run("rev-list", "--end-of-options", tip)
    if listing.returncode:
        raise unwalked(tip, complaint(listing.stderr))
    return listing.stdout.decode("ascii").split()


def read_history(
    view: GitView, tip: str, known: Collection[str], *, options: SourceOptions
) -> Iterator[CommitRecord]:
    """The commits reachable from `tip` but not from any in `known`, oldest first.

    Commits in `known` that are no longer there are passed over. A commit that changes files which are not
    here, as in a partial clone, has no symbols. Raises ObjectMissing, ObjectCorrupt.
    """
    from concurrent.futures import ThreadPoolExecutor

    ends = shallow_commits(view)
    pairs = _pairs(view, tip, known)
    with ThreadPoolExecutor(options.history_processes, thread_name_prefix="history") as pool:
        under_way: deque[Future[list[CommitRecord]]] = deque()
        try:
            while batch := list(islice(pairs, _COMMITS_PER_PROCESS)):
                under_way.append(pool.submit(_records, view, batch, ends, options.max_diffed_paths))
                if len(under_way) > options.history_processes:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            pairs.close()


def _pairs(view: GitView, tip: str, known: Collection[str]) -> Generator[_Pair]:
    # A tip that is missing would be passed over like a known one.
    check_commit(view, tip)
    wanted = chain([tip], (f"^{commit}" for commit in known if len(commit) == view.id_length))
    with reading(
        view, ["rev-list", "--reverse", "--parents", "--ignore-missing", "--stdin"], wanted
    ) as lines:
        for line in lines:
            commit, *parents = line.decode("ascii").split()
            yield commit, parents[0] if parents else None


def _records(view: GitView, pairs: Sequence[_Pair], ends: frozenset[str], most: int) -> list[CommitRecord]:
    said = list(_said(view, pairs, ends))
    # Only commits that touch code have hunks that name symbols; in huge ones they would say nothing.
    diffed = {
        commit
        for commit, _, _, paths in said
        if len(paths) <= most and any(path.endswith(_CODE_ENDINGS) for path in paths)
    }
    symbols = _symbols_told(view, [pair for pair in pairs if pair[0] in diffed])
    return [
        CommitRecord(
            commit=commit,
            time=time,
            message=message,
            paths=tuple(map(path_text, paths)),
            symbols=tuple(symbols.get(commit, ())),
        )
        for commit, time, message, paths in said
    ]


def _said(
    view: GitView, pairs: Sequence[_Pair], ends: frozenset[str]
) -> Iterator[tuple[str, int, str, list[bytes]]]:
    form = "--format=%x00%H%x00%ct%x00%B"
    arguments = [
        "diff-tree",
        "--stdin",
        "--root",
        "-r",
        "-z",
        "--raw",
        "--no-renames",
        "--always",
        "-v",
        form,
    ]
    with reading(view, arguments, _lines(pairs)) as stream:
        # Neither a message nor a path holds a NUL. Entries start with a colon, and a commit with an empty
        # field.
        fields = stream.read().split(b"\0")
    position = 0
    while position + 3 < len(fields):
        position += 1
        commit, time, message = fields[position : position + 3]
        position += 3
        paths: list[bytes] = []
        while position + 1 < len(fields) and fields[position].lstrip(b"\n").startswith(b":"):
            paths.append(fields[position + 1])
            position += 2
        name = commit.decode("ascii")
        yield (
            name,
            seconds(time),
            message.decode("utf-8", "replace").strip(),
            [] if name in ends else paths,
        )


def _symbols_told(view: GitView, pairs: Sequence[_Pair]) -> dict[str, dict[str, None]]:
    """The symbols of the commits whose files are here. In a partial clone, or a damaged one, the others are
    known by their paths: they are found by halves, and given up where that takes too many processes.
    """
    found: dict[str, dict[str, None]] = {}
    left = [pairs]
    for _ in range(_MOST_DIFFS):
        if not left:
            break
        part = left.pop()
        try:
            found |= _symbols(view, part)
        except ObjectMissing as error:
            # Git may have failed for another reason, which is no answer.
            if _UNREADABLE not in error.message:
                raise
            middle = len(part) // 2
            left += [half for half in (part[middle:], part[:middle]) if middle]
    return found


def _symbols(view: GitView, pairs: Sequence[_Pair]) -> dict[str, dict[str, None]]:
    """The symbols that the changes of each commit name, without repetition, in order of appearance."""
    if not pairs:
        return {}
    arguments = ["-c", "core.bigFileThreshold=1m", "diff-tree", "--stdin", "--root", "-r", "-p", "-U0"]
    arguments += ["--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--", *_CODE_PATHS]
    found: dict[str, dict[str, None]] = {}
    current: dict[str, None] = {}
    with reading(view, arguments, _lines(pairs)) as stream:
        for block in _blocks(stream):
            for line in _PATCH_LINE.finditer(block):
                if line["hunk"] is not None:
                    symbol = symbol_in_hunk_header(line["hunk"])
                elif line["commit"] is not None:
                    current = found.setdefault(line["commit"].decode("ascii"), {})
                    continue
                else:
                    symbol = line["name"].decode("utf-8", "replace")
                if symbol:
                    current[symbol] = None
    return found


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Pieces of about a megabyte that start with a line's end and stop before one, so that no line is cut."""
    rest = b"\n"
    while piece := stream.read(_BLOCK_BYTES):
        whole, newline, rest_of_line = piece.rpartition(b"\n")
        if not newline:
            rest += piece
            continue
        yield rest + whole + b"\n"
        rest = b"\n" + rest_of_line
    yield rest


def _lines(pairs: Iterable[_Pair]) -> Iterator[str]:
    # A parent named on the line stands in for all: merges are compared with their first.
    return (f"{commit} {parent}" if parent else commit for commit, parent in pairs)
