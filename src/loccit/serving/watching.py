"""What a server counts, logs, scores and is warned of, beside its work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, TypeVar

from loccit import __version__
from loccit.core.errors import LoccitError
from loccit.telemetry.logs import note
from loccit.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.settings import Settings
    from loccit.telemetry.export_metrics import MetricsExporter
    from loccit.telemetry.records import RunRecord

T = TypeVar("T")

_log = logging.getLogger("loccit.serving")

_EVERY_S = 60.0
# Answers that wait to be scored; where there are more, the oldest go without.
_MOST_TO_SCORE = 1_000


class Watch:
    """What one process of a server says of itself.

    It hears of every run that has ended (`ended`), has a share of the written ones scored in a thread of its
    own, asks the rules of the alerts once a minute, and sends what was counted to a collector where one is
    configured. What fails in all this is logged, and costs nobody an answer.
    """

    def __init__(self, settings: Settings) -> None:
        """Count in the home folder's `metrics`. Raises SettingsError, StorageFailed."""
        self._options = settings.telemetry
        self.metrics = Metrics(settings.home / "metrics", version=__version__)
        self._exporter: MetricsExporter | None = None
        if settings.telemetry.otlp_endpoint:
            from loccit.telemetry.export_metrics import MetricsExporter

            self._exporter = MetricsExporter(settings.telemetry, self.metrics, version=__version__)
        self._to_score: deque[str] = deque(maxlen=_MOST_TO_SCORE)
        self._has_work = threading.Event()
        self._is_over = False

    def ended(self, record: RunRecord) -> None:
        """A run has ended, well or not."""
        self.metrics.ran(record)
        note(
            _log,
            "run ended",
            run=record.id,
            kind=record.kind,
            outcome=record.outcome,
            problem=record.error,
            took_ms=record.took_ms,
            cost_usd=str(record.cost_usd),
        )
        if record.is_written and (self._options.score_share or self._options.judge_share):
            self._to_score.append(record.id)
            self._has_work.set()

    @contextlib.asynccontextmanager
    async def running(self, loccit: Loccit) -> AsyncGenerator[None]:
        """Watch for as long as this lasts."""
        scorer = threading.Thread(target=self._score, args=(loccit,), name="loccit-scores", daemon=True)
        scorer.start()
        minutes = asyncio.create_task(self._minutes(loccit))
        try:
            yield
        finally:
            minutes.cancel()
            await asyncio.gather(minutes, return_exceptions=True)
            self._is_over = True
            self._has_work.set()
            await asyncio.to_thread(scorer.join)
            await asyncio.to_thread(self._end, loccit)

    async def _minutes(self, loccit: Loccit) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await asyncio.to_thread(self._minute, loccit)

    def _minute(self, loccit: Loccit) -> None:
        """What is done once a minute."""
        if self._options.alerts:
            checked = _attempted("alerts checked", loccit.check_alerts)
            for delivery in checked.deliveries if checked else ():
                note(_log, "alert delivered", level=logging.WARNING, delivery=str(delivery))
        if self._exporter is not None:
            ages = _attempted("index ages read", loccit.index_ages)
            self._exporter.send(index_age_s=ages)

    def _score(self, loccit: Loccit) -> None:
        while not self._is_over:
            self._has_work.wait()
            self._has_work.clear()
            while self._to_score and not self._is_over:
                run = self._to_score.popleft()
                scored = _attempted("answer scored", lambda run=run: loccit.score_run(run), run=run)
                for score in scored.scores if scored else ():
                    self.metrics.scored(score.metric, score.value)

    def _end(self, loccit: Loccit) -> None:
        if self._exporter is not None:
            self._minute(loccit)
            self._exporter.close()
        self.metrics.close()


def _attempted(what: str, work: Callable[[], T], **facts: str) -> T | None:
    """What `work` comes to; None where it fails, which is logged."""
    try:
        return work()
    except LoccitError as error:
        note(_log, f"{what} not", level=logging.WARNING, error=error, **facts)
        return None
