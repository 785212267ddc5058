"""How values are spread, drawn as the share of samples that had this much or less, with median and p95."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loccit.evals.markup import Html, element, join, number
from loccit.evals.plot_marks import (
    LETTER,
    TEXT,
    axis_label,
    axis_text,
    dash,
    fitted_text,
    log_scale_of,
    log_ticks,
    scale_of,
    series_class,
    shape,
    shortened,
    ticks,
)
from loccit.evals.report_parts import Cell, Column, Distribution, DistributionPlot, Table, Unit, written

MARKED = (0.5, 0.95)
_SHARES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
# So many steps are drawn at most: more are closer together than a pixel.
_STEPS = 240
# A largest value so many times the smallest is drawn in powers of ten.
_LONG_TAIL = 20


def draw_distribution(plot: DistributionPlot, width: int) -> tuple[float, Html]:
    """The height, and what is inside."""
    height = 320 if width > 500 else 280
    left, right, bottom = 44.0, width - 20.0, height - 52.0
    marks, x = _axis(plot, left, right, width)
    y = scale_of(0, 1, bottom, 34)
    parts: list[Html] = [
        fitted_text(0, 13, "Share of samples with this much or less", width, class_="axis-title"),
        fitted_text(right, height - 8, plot.x_title, width - left, class_="axis-title end"),
    ]
    for share in _SHARES:
        parts.append(element("path", d=f"M{number(left)} {number(y(share))}H{number(right)}", class_="grid"))
        if share != 0.95:  # it would stand on top of 100%
            parts.append(fitted_text(left - 8, y(share) + 4, f"{100 * share:.0f}%", left, class_="tick end"))
    parts += [axis_text(x(mark), height - 32, axis_label(mark, plot.unit)) for mark in marks]
    count = len(plot.series)
    for position, one in enumerate(plot.series):
        drawn = [*_steps(one, x, y, position, count), *_marked(plot, one, x, y, position, right)]
        parts.append(element("g", drawn, class_=series_class(position, count)))
    return height, join(parts)


def distribution_table(plot: DistributionPlot) -> Table:
    """How many values there are, and some of their quantiles."""
    titles = ("Samples", "least", "p25", "p50", "p75", "p95", "most")
    rows = tuple(
        (
            Cell(one.name),
            Cell(f"{len(one.values):,}"),
            *(Cell(written(one.quantile(share), plot.unit)) for share in _SHARES),
        )
        for one in plot.series
    )
    return Table(plot.title, (Column("", is_number=False), *map(Column, titles)), rows)


def _axis(
    plot: DistributionPlot, left: float, right: float, width: int
) -> tuple[list[float], Callable[[float], float]]:
    lowest = min(one.values[0] for one in plot.series)
    highest = max(one.values[-1] for one in plot.series)
    if lowest > 0 and highest / lowest > _LONG_TAIL:
        marks = log_ticks(lowest, highest)
        place = log_scale_of(marks[0], marks[-1], left, right)
        room = max(len(axis_label(mark, plot.unit)) for mark in marks) * TEXT * LETTER + 10
        most = max(2, int((right - left) / room))
        return marks[:: max(1, -(-len(marks) // most))], place
    marks = ticks(min(0.0, lowest), highest, 6 if width > 500 else 4)
    return marks, scale_of(marks[0], marks[-1], left, right)


def _steps(
    one: Distribution,
    x: Callable[[float], float],
    y: Callable[[float], float],
    position: int,
    count: int,
) -> Iterator[Html]:
    size = len(one.values)
    stride = max(1, size // _STEPS)
    at = sorted({*range(0, size, stride), size - 1})
    path = f"M{number(x(one.values[0]))} {number(y(0))}"
    for index in at:
        path += f"H{number(x(one.values[index]))}V{number(y((index + 1) / size))}"
    if count == 1:
        end = f"V{number(y(0))}Z"
        yield element("path", d=path + end, class_="band")
    yield element("path", d=path, class_="line", stroke_dasharray=dash(position, count))


def _marked(
    plot: DistributionPlot,
    one: Distribution,
    x: Callable[[float], float],
    y: Callable[[float], float],
    position: int,
    right: float,
) -> Iterator[Html]:
    for share in MARKED:
        value = one.quantile(share)
        said = f"p{100 * share:.0f} {written(value, plot.unit)}"
        at, height = x(value), y(share)
        dot = shape(position, at, height, 4.5)
        yield element("g", element("title", f"{shortened(one.name)}: {said}"), dot)
        if len(plot.series) > 1:
            continue
        yield element("path", d=f"M{number(at)} {number(height)}V{number(y(0))}", class_="guide")
        # To the right of the line, which only rises; at the edge of the page, to its left.
        is_tight = at + 8 + len(said) * TEXT * LETTER > right
        where = (at - 9, height - 9, "figure end") if is_tight else (at + 9, height + 16, "figure")
        yield fitted_text(where[0], where[1], said, 200, class_=where[2])


def legend_name(one: Distribution, unit: Unit) -> str:
    """The name of a series with its two figures, as a legend has it."""
    figures = ", ".join(f"p{100 * share:.0f} {written(one.quantile(share), unit)}" for share in MARKED)
    return f"{shortened(one.name)} ({figures})"
