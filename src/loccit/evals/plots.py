"""Plots as inline SVG, drawn for one width at a time, and the table of what each shows.

Colours are classes (`s1` ... `s5`, `accent`) that the page's stylesheet fills, so that one drawing serves
light and dark. Nothing is told by colour alone: bars carry names, lines their dashes, points their shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from loccit.evals.markup import Html, element, join, number
from loccit.evals.report_parts import (
    BarPlot,
    Cell,
    Column,
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

_TEXT = 12  # pixels; the average letter is a little more than half as wide
_LETTER = 0.56
_BOLD_LETTER = 0.72  # of the larger, bold headings
_BAR, _ROW, _HEADING, _GAP, _FOOT = 11, 20, 24, 14, 26
_OTHERS = 5  # colours besides the accent
_DASHES = ("7 4", "2 4", "10 4 2 4", "4 4", "12 5")


def draw(plot: Plot, identity: str, width: int) -> Html:
    """The plot as one `svg` element, so many pixels wide. `identity` is unique within the page."""
    if isinstance(plot, BarPlot):
        height, inside = _bars(plot, width)
    elif isinstance(plot, ReliabilityPlot):
        height, inside = _reliability(plot, width)
    else:
        height, inside = _points(plot, width)
    return element(
        "svg",
        element("title", _short(plot.title), id=f"{identity}-title"),
        element("desc", _short(plot.description), id=f"{identity}-desc"),
        inside,
        viewbox=f"0 0 {width} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
    )


def legend(plot: Plot) -> Html | None:
    """What the lines or shapes of the plot stand for; None where the drawing names them itself."""
    if isinstance(plot, BarPlot | ReliabilityPlot) or len(plot.series) < 2:
        return None
    count = len(plot.series)
    items = [element("li", _sample(plot, at, count), _short(one.name)) for at, one in enumerate(plot.series)]
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


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at most `low` to at least `high`, at most `most` steps apart."""
    # Values that differ only in their last bits, or hardly from zero, have no range of their own.
    span = high - low if high - low > max(1e-12, 1e-9 * abs(high)) else max(abs(high), 1e-3)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if span / (power * factor) <= most)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return [round(at * step, 15) for at in range(first, last + 1)]


def _bars(plot: BarPlot, width: int) -> tuple[float, Html]:
    is_single = len(plot.series) == 1
    names = plot.categories if is_single else tuple(one.name for one in plot.series)
    left = min(width * 0.38, max(84.0, 14 + max(map(len, names)) * _TEXT * _LETTER))
    marks = _bar_ticks(plot)
    scale = _scale(marks[0], marks[-1], left, width - 58)
    y = 4.0 if is_single else 0.0
    rows: list[Html] = []
    for at, category in enumerate(plot.categories):
        if not is_single:
            rows.append(_text(0, y + 15, category, width, class_="group"))
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
    feet = [_axis_text(scale(mark), bottom + 16, _axis_label(mark, plot.unit)) for mark in marks]
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
    name = _text(0, centre + 4, label, left - 8, class_="name")
    estimate = middle(value)
    if estimate is None:
        return element(
            "g", name, _text(scale(0) + 6, centre + 4, "not measured", 200, class_="name"), class_=kind
        )
    cell = value_cell(value, unit)
    start, end = sorted((scale(0), scale(estimate)))
    low, high = ends(value) or (estimate, estimate)
    marks = [
        element(
            "title",
            f"{_short(tip)}: {cell.text} ({cell.detail})" if cell.detail else f"{_short(tip)}: {cell.text}",
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
        _text(
            scale(max(high, estimate, 0.0)) + 9, centre + 4, cell.text.removesuffix("%"), 58, class_="figure"
        )
    )
    return element("g", marks, class_=kind)


def _points(plot: LinePlot | ScatterPlot, width: int) -> tuple[float, Html]:
    height = 320 if width > 500 else 280
    points = [point for one in plot.series for point in one.points]
    x_marks, y_marks = _point_ticks(plot, points, width)
    left = 12 + max(len(_axis_label(mark, plot.y_unit)) for mark in y_marks) * _TEXT * _LETTER
    x = _scale(x_marks[0], x_marks[-1], left, width - 20)
    y = _scale(y_marks[0], y_marks[-1], height - 52, 30)
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
    yield _text(0, 13, plot.y_title, width, class_="axis-title")
    yield _text(width - 20, height - 8, plot.x_title, width - left, class_="axis-title end")
    for mark in y_marks:
        yield element("path", d=f"M{number(left)} {number(y(mark))}H{width - 20}", class_="grid")
        yield _text(left - 8, y(mark) + 4, _axis_label(mark, plot.y_unit), left, class_="tick end")
    for mark in x_marks:
        yield _axis_text(x(mark), height - 32, _axis_label(mark, plot.x_unit))


def _line(
    one: PointSeries, x: Callable[[float], float], y: Callable[[float], float], position: int, count: int
) -> list[Html]:
    if len(one.points) < 2:
        return []
    ordered = sorted(one.points, key=lambda point: point.x)
    path = "M" + "L".join(f"{number(x(each.x))} {number(y(_estimate(each)))}" for each in ordered)
    drawn = [element("path", d=path, class_="line", stroke_dasharray=_dash(position, count))]
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
    who = f"{_short(name)}, {_short(point.label)}" if point.label else _short(name)
    said = f"{who}: {cell.text} {cell.detail}".strip()
    parts: list[Html] = [element("title", f"{said} at {written(point.x, plot.x_unit)}")]
    at, high = x(point.x), y(_estimate(point))
    span = ends(point.y)
    if span and isinstance(plot, ScatterPlot):
        parts.append(
            element("path", d=f"M{number(at)} {number(y(span[0]))}V{number(y(span[1]))}", class_="whisker")
        )
    if isinstance(plot, ScatterPlot):
        parts.append(_shape(position, at, high, 5))
    else:
        parts.append(element("circle", cx=at, cy=high, r=3.2, class_="dot"))
    return element("g", parts)


def _reliability(plot: ReliabilityPlot, width: int) -> tuple[float, Html]:
    height = min(width, 400)
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    left = 52.0
    x, y = _scale(0, 1, left, width - 16), _scale(0, 1, height - 48, 30)
    parts = [
        _text(0, 13, "Came true", width, class_="axis-title"),
        _text(width - 16, height - 6, "Predicted probability", width - left, class_="axis-title end"),
    ]
    for mark in marks:
        parts.append(element("path", d=f"M{number(left)} {number(y(mark))}H{width - 16}", class_="grid"))
        parts.append(_text(left - 8, y(mark) + 4, f"{100 * mark:.0f}%", left, class_="tick end"))
        parts.append(_axis_text(x(mark), height - 28, f"{100 * mark:.0f}%"))
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


def series_class(position: int, count: int) -> str:
    """The colour of a series: the last one has the accent."""
    return "accent" if position == count - 1 else f"s{position % _OTHERS + 1}"


def _sample(plot: LinePlot | ScatterPlot, position: int, count: int) -> Html:
    if isinstance(plot, ScatterPlot):
        inside = _shape(position, 14, 7, 5)
    else:
        inside = element("path", d="M1 7H27", class_="line", stroke_dasharray=_dash(position, count))
    drawn = element("g", inside, class_=series_class(position, count))
    return element("svg", drawn, viewbox="0 0 28 14", width=28, height=14, aria_hidden="true")


def _shape(position: int, x: float, y: float, size: float) -> Html:
    """Circle, square, triangle, diamond, and again."""
    kind = position % 4
    if kind == 0:
        return element("circle", cx=x, cy=y, r=size, class_="dot")
    if kind == 1:
        return element("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, class_="dot")
    corners = {
        2: [(0, -size * 1.2), (size * 1.15, size * 0.9), (-size * 1.15, size * 0.9)],
        3: [(0, -size * 1.3), (size * 1.3, 0), (0, size * 1.3), (-size * 1.3, 0)],
    }[kind]
    path = "L".join(f"{number(x + dx)} {number(y + dy)}" for dx, dy in corners)
    return element("path", d=f"M{path}Z", class_="dot")


def _dash(position: int, count: int) -> str | None:
    return None if position == count - 1 else _DASHES[position % len(_DASHES)]


def _estimate(point: Point) -> float:
    return point.y if isinstance(point.y, float | int) else point.y.estimate


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    def place(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return start + share * (end - start)

    return place


def _axis_label(value: float, unit: Unit) -> str:
    if unit is Unit.SHARE:
        return f"{100 * value:.4g}%"
    if unit is Unit.POINTS:
        return f"{100 * value:+.4g}".replace("-", "−") if value else "0"
    if unit is Unit.SECONDS:
        return f"{value:.4g} s"
    if unit is Unit.DOLLARS:
        return f"${value:.4g}"
    return f"{value:,.12g}"


def _axis_text(x: float, y: float, text: str) -> Html:
    return element("text", text, x=x, y=y, class_="tick middle")


def _text(x: float, y: float, text: str, room: float, *, class_: str) -> Html:
    """Text that fits so many pixels, else cut in its middle (paths differ at both ends), with a tooltip."""
    letters = max(5, int(room / (_TEXT * (_BOLD_LETTER if class_ == "group" else _LETTER))))
    if len(text) <= letters:
        return element("text", text, x=x, y=y, class_=class_)
    shown = f"{text[: letters // 2]}…{text[-((letters - 1) // 2) :]}"
    return element("text", element("title", _short(text)), shown, x=x, y=y, class_=class_)


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
