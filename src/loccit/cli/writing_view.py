"""What a person sees while an answer is written: on standard error, and gone when it is there."""

from __future__ import annotations

import sys
from typing import Any

from loccit.cli.output import note, one_line, visible
from loccit.pipeline.events import ClaimChecked, Degraded, Event, Found, Searching, Writing

_SHOWN_CHARS = 100
_WORDS = {
    "answer": "writes",
    "repair": "is asked again for what did not hold",
    "judge": "judges the claims",
    "stronger": "writes, because claims of the first answer fell",
    "condense": "reads the question in its conversation",
    "reply_draft": "drafts a reply",
}


class WritingView:
    """Shows what goes on while a model writes. A claim appears when it was checked, with its verdict.

    Without a terminal, or when quiet, it shows nothing but what could not be had.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.shows = not quiet and sys.stderr.isatty()
        self._quiet = quiet
        self._live: Any = None
        self._lines: list[str] = []
        self._told: list[Degraded] = []

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        match event:
            case Degraded():
                self._told.append(event)
            case Found():
                pass  # soon there is something to read
            case Searching(queries):
                self._show(f"searching: {one_line('; '.join(queries))}")
            case Writing(model, why):
                self._show(f"{one_line(model)} {_WORDS.get(why, why)} …")
            case ClaimChecked(text, verdict, _):
                self._claim(visible(text), verdict.label.value)

    def close(self) -> None:
        """Take it off the screen, and say what could not be had."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        for event in self._told:
            if not self._quiet:
                note(f"loccit: {event.why}")
                if event.next_step:
                    note(f"        {event.next_step}")
        self._told.clear()

    def _claim(self, text: str, verdict: str) -> None:
        flat = " ".join(text.split())
        shown = flat if len(flat) <= _SHOWN_CHARS else f"{flat[:_SHOWN_CHARS]}…"
        self._show(f"  checked, {verdict}: {shown}")

    def _show(self, line: str) -> None:
        if not self.shows:
            return
        from rich.text import Text

        if self._live is None:
            self._live = _live()
            self._live.start()
        self._lines.append(line)
        self._live.update(Text("\n".join(self._lines), style="dim"))


def _live() -> Any:
    from rich.console import Console
    from rich.live import Live

    return Live(console=Console(stderr=True), transient=True, refresh_per_second=12)
