"""Scores with their intervals as tables of 80 columns."""

from __future__ import annotations

import io
import os
import sys
import textwrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from loccit.cli.output import Style, say_styled
from loccit.evals.report_parts import Unit, written, written_range
from loccit.evals.statistics import Interval

WIDTH = 80
_MOST_WIDTH = 120


def terminal_width() -> int:
    """The columns of the terminal, from 80 to 120; 80 where standard output is none."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:  # a file or a pipe; io.UnsupportedOperation is one too
        return WIDTH
    return min(max(columns, WIDTH), _MOST_WIDTH)


def score_table(first: str, *columns: str) -> Table:
    """A table whose rows are named in the first column, with numbers in the others."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def score_cell(value: Interval, unit: Unit) -> Text:
    """The estimate, and below it its interval; shares in percent without the sign."""
    text = Text(written(value.estimate, unit).removesuffix("%"))
    if unit is Unit.SHARE:
        ends = f"{100 * value.low:.0f}–{100 * value.high:.0f}"
    else:
        ends = f"{value.low:.2f}–{value.high:.2f}"
    return text.append(f"\n{ends}", style="dim not bold")


def gain_cell(value: Interval) -> Text:
    """A difference in points, marked where it is clear of zero, and below it its interval."""
    mark = "✓ " if value.low > 0 else "✗ " if value.high < 0 else ""
    colour = "green" if value.low > 0 else "red" if value.high < 0 else ""
    text = Text(f"{mark}{written(value.estimate, Unit.POINTS)}", style=colour)
    return text.append(f"\n{written_range(value, Unit.POINTS).replace(' to ', '…')}", style="dim")


def show_table(table: Table, width: int = WIDTH) -> None:
    """Print the table, without styles where standard output is no terminal, after an empty line."""
    from loccit.settings import wants_colour

    has_colour = sys.stdout.isatty() and wants_colour()
    lines = io.StringIO()
    console = Console(
        file=lines,
        width=width,
        color_system="standard" if has_colour else None,
        force_terminal=has_colour,
        no_color=not has_colour,
        highlight=False,
        legacy_windows=False,
    )
    console.print(table)
    say_styled("")
    for line in lines.getvalue().rstrip("\n").split("\n"):
        say_styled(line.rstrip())


def show_wrapped(text: str, style: Style, *styles: str, width: int = WIDTH) -> None:
    """Print a sentence in as many lines as it needs."""
    indent = "  " if text.startswith("- ") else ""
    for line in textwrap.wrap(text, width, break_on_hyphens=False, subsequent_indent=indent):
        say_styled(style(line, *styles))
