"""The parts that going back into a repository's past needs, from those that index it."""

from __future__ import annotations

from loccit.core.errors import NotIndexed
from loccit.core.progress import Progress
from loccit.indexing.changes import ChangeTable
from loccit.learning.replay_past import Replay
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.searchable import Searchable


def open_replay(searched: Searchable, ingest: Ingest, table: ChangeTable, progress: Progress) -> Replay:
    """The replay of a repository whose history is searchable. Raises NotIndexed where it is not."""
    if searched.history is None:
        raise NotIndexed(
            f"the history of {searched.name!r} is not indexed", next_step="run 'loccit index' there"
        )
    return Replay(
        repository=searched.repository,
        cache=ingest.cache,
        parsing=ingest.parsing,
        workers=ingest.options.workers,
        table=table,
        commits=searched.history[1],
        progress=progress,
    )
