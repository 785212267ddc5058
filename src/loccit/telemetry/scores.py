"""Figures of answers that were given: what the checks of a run said, and what was scored later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from loccit.storage.database import Database

# The share of a run's claims that its own checks support. Every record has it, without any further work.
SUPPORTED = "claims.supported"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RunScore:
    """One figure of a run's answer, from 0 to 1: by whom, and by which version of it.

    `at` is when the run began, in seconds since the epoch.
    """

    run: str
    metric: str
    checker: str
    version: str
    value: float
    at: float


def supported_share(verdicts: Mapping[str, int]) -> float | None:
    """The share of claims that are supported, of those that were checked; None where none was."""
    checked = sum(count for label, count in verdicts.items() if label != "unchecked")
    return verdicts.get("supported", 0) / checked if checked else None


class ScoreStore:
    """The scores of runs. They go with their run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, scores: Sequence[RunScore]) -> None:
        """Keep scores, each in place of the one before it by the same checker.

        Of a run that has been forgotten meanwhile nothing is kept. Raises StorageFailed.
        """
        from sqlalchemy import select

        from loccit.storage.tables import runs

        with self._database.writing() as connection:
            for run in dict.fromkeys(score.run for score in scores):
                held = select(runs.c.id).where(runs.c.id == run).with_for_update()
                if connection.execute(held).first() is not None:
                    put_scores(connection, [score for score in scores if score.run == run])

    def of(self, runs: Iterable[str]) -> dict[str, tuple[RunScore, ...]]:
        """The scores of these runs by run, in order of metric and checker; runs without any are left out."""
        from sqlalchemy import select

        from loccit.storage.tables import scores

        wanted = list(dict.fromkeys(runs))
        found: dict[str, list[RunScore]] = {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                query = (
                    select(scores)
                    .where(scores.c.run.in_(wanted[start : start + _AT_ONCE]))
                    .order_by(scores.c.metric, scores.c.checker)
                )
                for row in connection.execute(query).mappings():
                    score = RunScore(**row)
                    found.setdefault(score.run, []).append(score)
        return {run: tuple(found[run]) for run in wanted if run in found}

    def between(self, metric: str, since: float, until: float) -> tuple[RunScore, ...]:
        """The scores of this metric of runs that began from `since` on and before `until` (seconds since the
        epoch), the oldest first.
        """
        from sqlalchemy import select

        from loccit.storage.tables import scores

        when = (scores.c.metric == metric) & (scores.c.at >= since) & (scores.c.at < until)
        query = select(scores).where(when).order_by(scores.c.at, scores.c.run)
        with self._database.reading() as connection:
            return tuple(RunScore(**row) for row in connection.execute(query).mappings())


def put_scores(connection: Connection, found: Sequence[RunScore]) -> None:
    """Write scores within a transaction, each in place of the one before it by the same checker."""
    from loccit.storage.tables import scores

    for score in found:
        row: dict[str, Any] = asdict(score)
        same = (
            (scores.c.run == score.run)
            & (scores.c.metric == score.metric)
            & (scores.c.checker == score.checker)
        )
        connection.execute(scores.delete().where(same))
        connection.execute(scores.insert(), row)
