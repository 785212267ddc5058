"""A progress bar with rate and time left, for work that takes more than a second."""

from __future__ import annotations

import sys
import time
from typing import Any

from loccit.cli.output import note

_QUIET_S = 1.0


class ProgressBar:
    """A `Progress` on standard error. Shows nothing in the first second, nothing at all when quiet or without
    a terminal: what a program prints into a file must not depend on how busy the machine was.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._started = time.monotonic()
        self._began: dict[str, float] = {}
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int, unit: str) -> None:
        """See `loccit.core.progress.Progress`."""
        now = time.monotonic()
        # A stage may be told of for the first time when its first part is done: it began before that.
        began = self._began.setdefault(stage, now if self._began else self._started)
        if self._quiet or now - self._started < _QUIET_S or not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = _rich_bar()
            self._bar.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=None, shown="")
        self._bar.update(
            self._tasks[stage],
            completed=done,
            total=total or None,
            shown=_amount(done, total, unit, now - began),
        )

    def close(self) -> None:
        """Take the bar off the screen; the next work begins a new one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._tasks.clear()
        self._began.clear()
        self._started = time.monotonic()


def waiting() -> None:
    """Tell that another indexer of the same repository is at work."""
    note("another loccit is indexing this repository; waiting for it to finish …")


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[shown]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _amount(done: int, total: int, unit: str, seconds: float) -> str:
    rate = done / max(seconds, 0.001)
    if unit == "bytes":
        of = f" / {total / 1e6:,.1f}" if total else ""
        return f"{done / 1e6:,.1f}{of} MB, {rate / 1e6:,.1f} MB/s"
    of = f" / {total:,}" if total else ""
    return f"{done:,}{of} {unit}, {rate:,.0f}/s"
