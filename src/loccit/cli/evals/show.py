"""What the commands that make a log show: how far they are, and what came out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.cli.evals.progress_view import EvalProgress
from loccit.cli.progress import ProgressBar

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.evals.runner import Standing
    from loccit.evals.statistics import Interval

# How often the figures so far are computed: it takes longer than many a sample.
_INTERIM_S = 2.0
_LEAST_SAMPLES = 5
_FIGURES = 3


class Progress:
    """What is shown while samples are asked: of indexing first, then of how far it is and how good so far."""

    def __init__(self, *, quiet: bool) -> None:
        self.indexing = ProgressBar(quiet=quiet)
        self._asking = EvalProgress(quiet=quiet)
        self._quiet = quiet
        self._interim: Mapping[str, Interval] = {}
        self._computed = time.monotonic()
        self._is_begun = False

    def told(self, standing: Standing) -> None:
        """Take in how far it is."""
        self.indexing.close()
        if not self._is_begun:
            self._is_begun = True
            self._begin(standing)
        now = time.monotonic()
        if not self._quiet and now - self._computed > _INTERIM_S:
            self._interim = _so_far(standing)
            self._computed = time.monotonic()
        self._asking(
            len(standing.entries),
            standing.total,
            failed=standing.failed,
            spent_usd=standing.spent_usd,
            interim=self._interim,
        )

    def _begin(self, standing: Standing) -> None:
        """Say what is there already: whoever waits or pays should know."""
        from loccit.cli.output import note

        known = (
            (standing.resumed, "were asked by the run that this one goes on with"),
            (standing.reused, "are taken over"),
        )
        for count, what in known:
            if count and not self._quiet:
                note(f"{count:,} of {standing.total:,} samples {what}")

    def close(self) -> None:
        """Take it off the screen."""
        self.indexing.close()
        self._asking.close()


def _so_far(standing: Standing) -> dict[str, Interval]:
    """The first figures of the entries so far, with intervals."""
    from loccit.evals.statistics import mean

    values: dict[str, dict[str, float]] = {}
    clusters: dict[str, str] = {}
    for entry in standing.entries:
        key = f"{entry.sample.id} {entry.repeat}"
        clusters[key] = entry.sample.cluster
        for name, value in entry.scores.items():
            # Scores alone: an amount has no scale to be shown on.
            if 0 <= value <= 1:
                values.setdefault(name, {})[key] = value
    chosen = [name for name, found in values.items() if len(found) >= _LEAST_SAMPLES][:_FIGURES]
    return {
        name: mean(values[name], clusters={key: clusters[key] for key in values[name]}) for name in chosen
    }


def finished(log: EvalLog, path: Path, *, report: Path | None, json: bool, quiet: bool) -> None:
    """Show a finished log, and write its report where one is wanted."""
    from loccit.cli.evals.run_view import show_run
    from loccit.cli.evals.sides import calibrations_of
    from loccit.cli.output import emit, note
    from loccit.cli.report_file import write_report
    from loccit.evals.report import render
    from loccit.evals.run_page import page_of_run
    from loccit.evals.summary import document

    calibrated = calibrations_of(log)
    if report is not None:
        write_report(report, render(page_of_run(log, calibrated)))
    if json:
        emit(
            {**document(log, calibrated), "log": str(path), "report": None if report is None else str(report)}
        )
    else:
        show_run(log, calibrated)
    if not quiet:
        note(f"log: {path}")
        if report is not None:
            note(f"report: {report}")
