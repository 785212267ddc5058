"""Plots as inline SVG, drawn for one width at a time, and the table of what each shows.

Colours are classes (`s1` ... `s5`, `accent`) that the page's stylesheet fills, so that one drawing serves
light and dark. Nothing is told by colour alone: bars carry names, lines their dashes, points their shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from loccit.evals.difference_plot import difference_table, draw_differences
from loccit.evals.distribution_plot import distribution_table, draw_distribution, legend_name
from loccit.evals.markup import Html, element, join, number
from loccit.evals.plot_marks import (
    LETTER,
    TEXT,
    axis_label,
    axis_text,
    dash,
    fitted_text,
    scale_of,
    series_class,
    shape,
    shortened,
    ticks,
)
from loccit.evals.report_parts import (
    BarPlot,
    Cell,
    Column,
    DifferencePlot,
    DistributionPlot,
    LinePlot,
    Plot,
    Point,
    PointSeries,
    ReliabilityPlot,
    ScatterPlot,
    Table,
    Unit,
    Value,
    ends,
    middle,
    value_cell,
    written,
)

_BAR, _ROW, _HEADING, _GAP, _FOOT = 11, 20, 24, 14, 26


def draw(plot: Plot, identity: str, width: int) -> Html:
    """The plot as one `svg` element, so many pixels wide. `identity` is unique within the page."""
    if isinstance(plot, BarPlot):
        height, inside = _bars(plot, width)
    elif isinstance(plot, ReliabilityPlot):
        height, inside = _reliability(plot, width)
    elif isinstance(plot, DistributionPlot):
        height, inside = draw_distribution(plot, width)
    elif isinstance(plot, DifferencePlot):
        height, inside = draw_differences(plot, width)
    else:
        height, inside = _points(plot, width)
    return element(
        "svg",
        element("title", shortened(plot.title), id=f"{identity}-title"),
        element("desc", shortened(plot.description), id=f"{identity}-desc"),
        inside,
        viewbox=f"0 0 {width} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
    )


def legend(plot: Plot) -> Html | None:
    """What the lines or shapes of the plot stand for; None where the drawing names them itself."""
    if isinstance(plot, BarPlot | ReliabilityPlot | DifferencePlot) or len(plot.series) < 2:
        return None
    count = len(plot.series)
    if isinstance(plot, DistributionPlot):
        names = [legend_name(one, plot.unit) for one in plot.series]
    else:
        names = [shortened(one.name) for one in plot.series]
    items = [element("li", _sample(plot, at, count), name) for at, name in enumerate(names)]
    return element("ul", items, class_="legend")


def data_table(plot: Plot) -> Table:
    """The figures that the plot shows."""
    if isinstance(plot, BarPlot):
        columns = (Column("", is_number=False), *(Column(one.name) for one in plot.series))
        rows = tuple(
            (Cell(category), *(value_cell(one.values[at], plot.unit) for one in plot.series))
            for at, category in enumerate(plot.categories)
        )
        return Table(plot.title, columns, rows)
    if isinstance(plot, ReliabilityPlot):
        titles = ("Probabilities", "Predictions", "Predicted", "Came true")
        rows = tuple(
            (
                Cell(f"{each.low:.2f}–{each.high:.2f}"),
                Cell(f"{each.count:,}"),
                Cell(written(each.predicted, Unit.SHARE)),
                value_cell(each.observed, Unit.SHARE),
            )
            for each in plot.bins
        )
        return Table(plot.title, (Column(titles[0], is_number=False), *map(Column, titles[1:])), rows)
    if isinstance(plot, DistributionPlot):
        return distribution_table(plot)
    if isinstance(plot, DifferencePlot):
        return difference_table(plot)
    named = any(point.label for one in plot.series for point in one.points)
    rows = tuple(
        (
            Cell(f"{one.name}: {point.label}" if named and point.label else one.name),
            Cell(written(point.x, plot.x_unit)),
            value_cell(point.y, plot.y_unit),
        )
        for one in plot.series
        for point in one.points
    )
    columns = (Column("", is_number=False), Column(plot.x_title), Column(plot.y_title))
    return Table(plot.title, columns, rows)


def _bars(plot: BarPlot, width: int) -> tuple[float, Html]:
    is_single = len(plot.series) == 1
    names = plot.categories if is_single else tuple(one.name for one in plot.series)
    left = min(width * 0.38, max(84.0, 14 + max(map(len, names)) * TEXT * LETTER))
    marks = _bar_ticks(plot)
    scale = scale_of(marks[0], marks[-1], left, width - 58)
    y = 4.0 if is_single else 0.0
    rows: list[Html] = []
    for at, category in enumerate(plot.categories):
        if not is_single:
            rows.append(fitted_text(0, y + 15, category, width, class_="group"))
            y += _HEADING
        for position, one in enumerate(plot.series):
            kind = series_class(position, len(plot.series))
            label = category if is_single else one.name
            tip = category if is_single else f"{category}, {one.name}"
            rows.append(_bar(one.values[at], label, tip, kind, plot.unit, scale, y, left))
            y += _ROW
        y += 0 if is_single else _GAP
    bottom = y + 2
    grid = [
        element(
            "path", d=f"M{number(scale(mark))} 0V{number(bottom)}", class_="zero" if mark == 0 else "grid"
        )
        for mark in marks
    ]
    feet = [axis_text(scale(mark), bottom + 16, axis_label(mark, plot.unit)) for mark in marks]
    return bottom + _FOOT, join([*grid, *rows, *feet])


def _bar_ticks(plot: BarPlot) -> list[float]:
    values = [value for one in plot.series for value in one.values]
    reached = [each for value in values for each in (middle(value), *(ends(value) or ())) if each is not None]
    highest = plot.highest if plot.highest is not None else max([0.0, *reached])
    return ticks(min([0.0, *reached]), highest or 1.0, 5)


def _bar(
    value: Value,
    label: str,
    tip: str,
    kind: str,
    unit: Unit,
    scale: Callable[[float], float],
    y: float,
    left: float,
) -> Html:
    """One row: its name, the bar with its interval, the figure."""
    centre = y + _ROW / 2
    name = fitted_text(0, centre + 4, label, left - 8, class_="name")
    estimate = middle(value)
    if estimate is None:
        return element(
            "g", name, fitted_text(scale(0) + 6, centre + 4, "not measured", 200, class_="name"), class_=kind
        )
    cell = value_cell(value, unit)
    start, end = sorted((scale(0), scale(estimate)))
    low, high = ends(value) or (estimate, estimate)
    marks = [
        element(
            "title",
            f"{shortened(tip)}: {cell.text} ({cell.detail})"
            if cell.detail
            else f"{shortened(tip)}: {cell.text}",
        ),
        name,
        element(
            "rect", x=start, y=centre - _BAR / 2, width=max(end - start, 0.5), height=_BAR, rx=2, class_="bar"
        ),
    ]
    if ends(value):
        marks.append(
            element(
                "path", d=f"M{number(scale(low))} {number(centre)}H{number(scale(high))}", class_="whisker"
            )
        )
    marks.append(element("circle", cx=scale(estimate), cy=centre, r=3.6, class_="dot"))
    marks.append(
        fitted_text(
            scale(max(high, estimate, 0.0)) + 9, centre + 4, cell.text.removesuffix("%"), 58, class_="figure"
        )
    )
    return element("g", marks, class_=kind)


def _points(plot: LinePlot | ScatterPlot, width: int) -> tuple[float, Html]:
    height = 320 if width > 500 else 280
    points = [point for one in plot.series for point in one.points]
    x_marks, y_marks = _point_ticks(plot, points, width)
    left = 12 + max(len(axis_label(mark, plot.y_unit)) for mark in y_marks) * TEXT * LETTER
    x = scale_of(x_marks[0], x_marks[-1], left, width - 20)
    y = scale_of(y_marks[0], y_marks[-1], height - 52, 30)
    shapes: list[Html] = []
    for position, one in enumerate(plot.series):
        kind = series_class(position, len(plot.series))
        body = _line(one, x, y, position, len(plot.series)) if isinstance(plot, LinePlot) else []
        body += [_mark(point, plot, one.name, position, x, y) for point in one.points]
        shapes.append(element("g", body, class_=kind))
    frame = _frame(plot, x_marks, y_marks, x, y, left, width, height)
    return height, join([*frame, *shapes])


def _point_ticks(
    plot: LinePlot | ScatterPlot, points: list[Point], width: int
) -> tuple[list[float], list[float]]:
    xs = [point.x for point in points]
    ys = [each for point in points for each in (middle(point.y), *(ends(point.y) or ())) if each is not None]
    # A cloud is read against nothing at all: its x starts at zero. A line shows its own range.
    start = min(0.0, *xs) if isinstance(plot, ScatterPlot) else min(xs)
    return ticks(start, max(xs), 6 if width > 500 else 4), ticks(min(ys), max(ys), 5)


def _frame(
    plot: LinePlot | ScatterPlot,
    x_marks: list[float],
    y_marks: list[float],
    x: Callable[[float], float],
    y: Callable[[float], float],
    left: float,
    width: int,
    height: int,
) -> Iterator[Html]:
    yield fitted_text(0, 13, plot.y_title, width, class_="axis-title")
    yield fitted_text(width - 20, height - 8, plot.x_title, width - left, class_="axis-title end")
    for mark in y_marks:
        yield element("path", d=f"M{number(left)} {number(y(mark))}H{width - 20}", class_="grid")
        yield fitted_text(left - 8, y(mark) + 4, axis_label(mark, plot.y_unit), left, class_="tick end")
    for mark in x_marks:
        yield axis_text(x(mark), height - 32, axis_label(mark, plot.x_unit))


def _line(
    one: PointSeries, x: Callable[[float], float], y: Callable[[float], float], position: int, count: int
) -> list[Html]:
    if len(one.points) < 2:
        return []
    ordered = sorted(one.points, key=lambda point: point.x)
    path = "M" + "L".join(f"{number(x(each.x))} {number(y(_estimate(each)))}" for each in ordered)
    drawn = [element("path", d=path, class_="line", stroke_dasharray=dash(position, count))]
    if all(ends(each.y) for each in ordered):
        lower = [(each.x, (ends(each.y) or (0, 0))[0]) for each in ordered]
        upper = [(each.x, (ends(each.y) or (0, 0))[1]) for each in reversed(ordered)]
        around = "M" + "L".join(f"{number(x(at))} {number(y(value))}" for at, value in [*lower, *upper]) + "Z"
        drawn.insert(0, element("path", d=around, class_="band"))
    return drawn


def _mark(
    point: Point,
    plot: LinePlot | ScatterPlot,
    name: str,
    position: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> Html:
    cell = value_cell(point.y, plot.y_unit)
    who = f"{shortened(name)}, {shortened(point.label)}" if point.label else shortened(name)
    said = f"{who}: {cell.text} {cell.detail}".strip()
    parts: list[Html] = [element("title", f"{said} at {written(point.x, plot.x_unit)}")]
    at, high = x(point.x), y(_estimate(point))
    span = ends(point.y)
    if span and isinstance(plot, ScatterPlot):
        parts.append(
            element("path", d=f"M{number(at)} {number(y(span[0]))}V{number(y(span[1]))}", class_="whisker")
        )
    if isinstance(plot, ScatterPlot):
        parts.append(shape(position, at, high, 5))
    else:
        parts.append(element("circle", cx=at, cy=high, r=3.2, class_="dot"))
    return element("g", parts)


def _reliability(plot: ReliabilityPlot, width: int) -> tuple[float, Html]:
    height = min(width, 400)
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    left = 52.0
    x, y = scale_of(0, 1, left, width - 16), scale_of(0, 1, height - 48, 30)
    parts = [
        fitted_text(0, 13, "Came true", width, class_="axis-title"),
        fitted_text(width - 16, height - 6, "Predicted probability", width - left, class_="axis-title end"),
    ]
    for mark in marks:
        parts.append(element("path", d=f"M{number(left)} {number(y(mark))}H{width - 16}", class_="grid"))
        parts.append(fitted_text(left - 8, y(mark) + 4, f"{100 * mark:.0f}%", left, class_="tick end"))
        parts.append(axis_text(x(mark), height - 28, f"{100 * mark:.0f}%"))
    parts.append(
        element("path", d=f"M{number(x(0))} {number(y(0))}L{number(x(1))} {number(y(1))}", class_="ideal")
    )
    largest = max(each.count for each in plot.bins)
    for each in plot.bins:
        at, seen = x(each.predicted), each.observed
        said = (
            f"predicted {written(each.predicted, Unit.SHARE)}, came true {written(seen.estimate, Unit.SHARE)}"
        )
        line = f"M{number(at)} {number(y(seen.low))}V{number(y(seen.high))}"
        radius = 3 + 3 * math.sqrt(each.count / largest)
        dot = element("circle", cx=at, cy=y(seen.estimate), r=radius, class_="dot")
        title = element("title", f"{said}, {each.count:,} predictions")
        parts.append(element("g", title, element("path", d=line, class_="whisker"), dot, class_="accent"))
    return height, join(parts)


def _sample(plot: LinePlot | ScatterPlot | DistributionPlot, position: int, count: int) -> Html:
    if isinstance(plot, ScatterPlot):
        inside = shape(position, 14, 7, 5)
    else:
        inside = element("path", d="M1 7H27", class_="line", stroke_dasharray=dash(position, count))
    drawn = element("g", inside, class_=series_class(position, count))
    return element("svg", drawn, viewbox="0 0 28 14", width=28, height=14, aria_hidden="true")


def _estimate(point: Point) -> float:
    return point.y if isinstance(point.y, float | int) else point.y.estimate
