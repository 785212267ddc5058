"""Differences as dots with their intervals around zero, and where each begins to be too bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loccit.evals.markup import Html, element, join, number
from loccit.evals.plot_marks import (
    LETTER,
    TEXT,
    axis_label,
    axis_text,
    fitted_text,
    scale_of,
    shortened,
    ticks,
)
from loccit.evals.report_parts import (
    Cell,
    Column,
    Difference,
    DifferencePlot,
    Table,
    Tone,
    Unit,
    signed,
    signed_range,
)

_ROW, _FOOT, _FIGURE = 34, 30, 64
_KINDS = {Tone.GOOD: "good", Tone.WARNING: "warning", Tone.BAD: "bad", Tone.NEUTRAL: "s1"}
_MARKS = {Tone.GOOD: "✓ ", Tone.WARNING: "⚠ ", Tone.BAD: "✗ ", Tone.NEUTRAL: ""}


def draw_differences(plot: DifferencePlot, width: int) -> tuple[float, Html]:
    """The height, and what is inside."""
    # A phone has no room beside the lines: names stand above them.
    is_narrow = width <= 500
    longest = max(len(row.name) for row in plot.rows)
    left = 16.0 if is_narrow else min(width * 0.34, max(84.0, 14 + longest * TEXT * LETTER))
    row = _ROW + 14 if is_narrow else _ROW
    right = width - (22.0 if is_narrow else _FIGURE + 6)
    marks = _marks(plot, is_narrow=is_narrow)
    x = scale_of(marks[0], marks[-1], left, right)
    bottom = len(plot.rows) * row + 4.0
    parts = [
        element("path", d=f"M{number(x(mark))} 0V{number(bottom)}", class_="zero" if mark == 0 else "grid")
        for mark in marks
    ]
    for at, one in enumerate(plot.rows):
        drawn = _row(one, plot.unit, x, at * row + 2, row, (left, right), is_narrow=is_narrow)
        parts.append(element("g", drawn, class_=_KINDS[one.tone]))
    parts += [axis_text(x(mark), bottom + 18, _label(mark, plot.unit)) for mark in marks]
    return bottom + _FOOT, join(parts)


def difference_table(plot: DifferencePlot) -> Table:
    """Each difference, its interval, and the margin that it was held to."""
    rows = tuple(
        (
            Cell(one.name),
            Cell("–", "not measured")
            if one.value is None
            else Cell(
                signed(one.value.estimate, plot.unit), signed_range(one.value, plot.unit), tone=one.tone
            ),
            Cell("–" if (edge := one.edge) is None else signed(edge, plot.unit)),
        )
        for one in plot.rows
    )
    return Table(plot.title, (Column("", is_number=False), Column("Difference"), Column("Margin")), rows)


def _marks(plot: DifferencePlot, *, is_narrow: bool) -> list[float]:
    reached = [0.0]
    for one in plot.rows:
        reached += [] if one.value is None else [one.value.low, one.value.high, one.value.estimate]
        if one.edge is not None:
            reached += [one.edge, 1.6 * one.edge]
    return ticks(min(reached), max(reached), 4 if is_narrow else 7)


def _row(
    one: Difference,
    unit: Unit,
    x: Callable[[float], float],
    top: float,
    row: float,
    sides: tuple[float, float],
    *,
    is_narrow: bool,
) -> Iterator[Html]:
    left, right = sides
    centre = top + row - _ROW / 2
    said = "not measured" if one.value is None else signed(one.value.estimate, unit)
    shown = _MARKS[one.tone] + said
    around = "" if one.value is None else f" ({signed_range(one.value, unit)})"
    yield element("title", f"{shortened(one.name)}: {said}{around}{_beyond(one, unit)}")
    if one.edge is not None:
        start, end = (left, x(one.edge)) if one.edge_is_left else (x(one.edge), right)
        yield element("rect", x=start, y=centre - 13, width=max(end - start, 0), height=26, class_="beyond")
        edge = f"M{number(x(one.edge))} {number(centre - 13)}v26"
        yield element("path", d=edge, class_="edge")
    if is_narrow:
        yield fitted_text(0, top + 12, one.name, right - _FIGURE, class_="name")
        yield element("text", shown, x=right, y=top + 12, class_="figure end")
    else:
        yield fitted_text(0, centre + 4, one.name, left - 8, class_="name")
        yield element("text", shown, x=right + _FIGURE + 4, y=centre + 4, class_="figure end")
    if one.value is not None:
        line = f"M{number(x(one.value.low))} {number(centre)}H{number(x(one.value.high))}"
        yield element("path", d=line, class_="whisker")
        yield element("circle", cx=x(one.value.estimate), cy=centre, r=5, class_="dot")


def _beyond(one: Difference, unit: Unit) -> str:
    if one.edge is None:
        return ""
    return f"; {'below' if one.edge_is_left else 'above'} {signed(one.edge, unit)} is too bad"


def _label(mark: float, unit: Unit) -> str:
    if not mark or unit is Unit.POINTS:
        return axis_label(mark, unit)
    return f"{'+' if mark > 0 else '−'}{axis_label(abs(mark), unit)}"
