"""What the commands that make a log show: how far they are, and what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loccit.cli.progress import ProgressBar

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.evals.runner import Standing


class Progress:
    def __init__(self, *, quiet: bool) -> None:
        self.indexing = ProgressBar(quiet=quiet)
        self._asking = ProgressBar(quiet=quiet)

    def told(self, standing: Standing) -> None:
        self._asking("asking", len(standing.entries), standing.total, "sample")

    def __enter__(self):
        return self

    def __exit__(self, *args) -> None:
        self.indexing.close()
        self._asking.close()


def finished(log: EvalLog, path: Path, *, report: Path | None, json: bool, quiet: bool) -> None:
    from loccit.cli.output import note, say
    from loccit.evals.statistics import mean

    for name in log.measured():
        figures = log.figures(name)
        if figures.values:
            one = mean(figures.values, clusters=log.clusters, scale=log.metrics[name].scale)
            say(
                f"{name:24} {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}] n={one.samples} missing={len(figures.missing)}"
            )
        else:
            say(f"{name:24} - missing={len(figures.missing)}")
    note(f"log: {path}")
