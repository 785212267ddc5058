"""What an operator may choose about indexing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexingOptions:
    """How the index is built and kept.

    `workers` is the number of parsing processes, 0 for one per core. `kept_snapshots` is how many commits of
    a repository stay searchable without being indexed again, the last indexed first.
    """

    workers: int = 0
    kept_snapshots: int = 8
