"""Lines that match a regular expression, read from the objects of a commit: needs no index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loccit.core.evidence import Filters
from loccit.core.source import Snapshot
from loccit.parsing import language_of
from loccit.retrieval.search import path_spec
from loccit.sources import GrepMatch, Repository


@dataclass(frozen=True, slots=True)
class MatchingLine:
    """A line that matches, and where: `commit` is None for a plain folder, `tree` for all else."""

    repo: str
    commit: str | None
    tree: str | None
    match: GrepMatch


def matching_lines(
    repository: Repository,
    name: str,
    pattern: str,
    *,
    rev: str | None,
    filters: Filters,
    ignore_case: bool,
    timeout_s: float,
    max_matches: int,
) -> Iterator[MatchingLine]:
    """Lines at `rev` that match a POSIX extended regular expression, in path order.

    A language filter goes by the names of files. Raises InputError for a pattern that is none, LimitExceeded
    after `timeout_s`.
    """
    revision = repository.resolve(rev)
    paths: list[str] = []
    if filters.languages or filters.paths:
        paths = _allowed_paths(repository.snapshot(rev), filters)
        if not paths:
            return
    commit, tree = (revision, None) if repository.is_git else (None, revision)
    for match in repository.grep(
        pattern,
        commit=revision,
        paths=paths,
        ignore_case=ignore_case,
        timeout_s=timeout_s,
        max_matches=max_matches,
    ):
        yield MatchingLine(name, commit, tree, match)


def _allowed_paths(snapshot: Snapshot, filters: Filters) -> list[str]:
    paths = [*(entry.path for entry in snapshot.entries), *(skipped.path for skipped in snapshot.skipped)]
    if filters.languages:
        paths = [path for path in paths if language_of(path) in filters.languages]
    if filters.paths:
        spec = path_spec(filters.paths)
        paths = [path for path in paths if spec.match_file(path)]
    return paths
