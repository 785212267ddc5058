"""How far an evaluation is, what it has cost, and what its figures look like so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from loccit.cli.output import note, one_line
from loccit.evals.report_parts import Unit, written
from loccit.evals.statistics import Interval

_QUIET_S = 1.0
# Where standard error is no terminal, a line so often: a log of CI stays readable.
_LINE_S = 10.0
_BAR = 24
_INTERIM = 3


class EvalProgress:
    """Progress of a run on standard error: a live bar with interim figures, without a terminal a plain line
    every ten seconds, nothing when quiet. Shows nothing in the first second.
    """

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._started = clock()
        self._told = self._started
        self._at_first: int | None = None
        self._live: Any = None

    def __call__(
        self,
        done: int,
        total: int,
        *,
        failed: int = 0,
        spent_usd: float = 0.0,
        interim: Mapping[str, Interval] | None = None,
    ) -> None:
        """Tell how far it is. `interim` are means so far, scores from 0 to 1, the most telling first.

        What was done before the first call, by a run that was killed, does not count for the rate.
        """
        now = self._clock()
        self._at_first = done if self._at_first is None else self._at_first
        if self._quiet or now - self._started < _QUIET_S:
            return
        told = progress_text(
            done, total, failed=failed, spent_usd=spent_usd, done_here=done - self._at_first,
            seconds=now - self._started,
        )  # fmt: skip
        figures = interim_text(interim or {})
        if sys.stderr.isatty():
            self._show(done, total, told, figures)
        elif now - self._told >= _LINE_S or done == total:
            self._told = now
            note(f"{told}; so far {figures}" if figures else told)

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, done: int, total: int, told: str, figures: str) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(total=max(total, 1), completed=done, width=_BAR), Text(told, overflow="ellipsis")
        )
        parts = [line, Text(f"so far {figures}", style="dim", overflow="ellipsis", no_wrap=True)]
        shown = Group(*parts) if figures else Group(line)
        if self._live is None:
            self._live = Live(shown, console=Console(stderr=True), transient=True, refresh_per_second=5)
            self._live.start()
        self._live.update(shown)


def progress_text(
    done: int, total: int, *, failed: int, spent_usd: float, done_here: int, seconds: float
) -> str:
    """As `34 of 120 samples, 1 failed, $0.12, 2.1/s, 41 s left`."""
    parts = [f"{done:,} of {total:,} samples"]
    if failed:
        parts.append(f"{failed:,} failed")
    if spent_usd:
        parts.append(written(spent_usd, Unit.DOLLARS))
    if done_here > 0 and seconds > 0:
        rate = done_here / seconds
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min")
        if done < total:
            parts.append(f"{_left((total - done) / rate)} left")
    return ", ".join(parts)


def interim_text(interim: Mapping[str, Interval]) -> str:
    """As `recall@5 66% (59–72), correctness 54% (48–59)`; empty without any."""
    return ", ".join(
        f"{one_line(name)} {100 * value.estimate:.0f}% ({100 * value.low:.0f}–{100 * value.high:.0f})"
        for name, value in list(interim.items())[:_INTERIM]
    )


def _left(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
