"""Plots by day as inline SVG, without a style of their own: classes that the page's stylesheet colours.

Drawn once for a desk and once for a phone. Nothing is told by colour alone: series have dashes and a legend,
and the figures stand in a table below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from loccit.evals.markup import Html, element, join, number
from loccit.evals.plot_marks import axis_label, dash, scale_of, ticks
from loccit.evals.report_parts import Unit, written

Scale = Callable[[float], float]

_WIDTHS = (("wide", 560), ("narrow", 320))
_HEIGHT, _TOP, _FOOT, _RIGHT = 190, 10, 26, 6
_WIDEST = 40.0  # pixels of a column
_LETTER = 7.5  # pixels of a letter of a tick


@dataclass(frozen=True, slots=True)
class DaySeries:
    """A named value for each day, None where there is none; `tone` is the class that colours it."""

    name: str
    values: tuple[float | None, ...]
    tone: str


@dataclass(frozen=True, slots=True)
class DayPlot:
    """Values by day, the oldest first: columns one upon the other, or lines. The axis ends at `highest` or
    above.
    """

    title: str
    about: str
    days: tuple[date, ...]
    series: tuple[DaySeries, ...]
    unit: Unit = Unit.COUNT
    is_stacked: bool = False
    highest: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)

    @property
    def rows(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The figures of the days that have any."""
        return tuple(
            (day.isoformat(), tuple("–" if v is None else written(v, self.unit) for v in values))
            for day, *values in zip(self.days, *(one.values for one in self.series), strict=True)
            if any(values)
        )

    def drawn(self, identity: str) -> Markup:
        """Both drawings; `identity` is unique within the page."""
        both = (
            element("div", self._draw(f"{identity}-{name}", width), class_=name) for name, width in _WIDTHS
        )
        return Markup(join(both))  # noqa: S704 - `element` escapes what is not its own

    def legend(self) -> Markup:
        """What the colours and dashes are; nothing where there is one series."""
        if len(self.series) < 2:
            return Markup()
        items = (element("li", self._sample(at, one), one.name) for at, one in enumerate(self.series))
        return Markup(element("ul", list(items), class_="legend"))  # noqa: S704

    def _sample(self, at: int, one: DaySeries) -> Html:
        width = 14 if self.is_stacked else 24
        if self.is_stacked:
            inside = element("rect", x=0, y=1, width=12, height=12, rx=2, class_="bar")
        else:
            broken = dash(at, len(self.series))
            inside = element("path", d="M0 7H22", class_="line", stroke_dasharray=broken)
        drawn = element("g", inside, class_=one.tone)
        return element("svg", drawn, viewbox=f"0 0 {width} 14", width=width, height=14, aria_hidden="true")

    def _draw(self, identity: str, width: int) -> Html:
        totals = [
            sum(v or 0 for v in values) for values in zip(*(one.values for one in self.series), strict=True)
        ]
        singles = [value for one in self.series for value in one.values if value is not None]
        top = max([*(totals if self.is_stacked else singles), self.highest or 0, 1e-9])
        marks = ticks(0, top, 4)
        labels = [axis_label(mark, self.unit) for mark in marks]
        left = 10 + _LETTER * max(map(len, labels))
        x = scale_of(0, max(1, len(self.days)), left, width - _RIGHT)
        y = scale_of(0, marks[-1], _HEIGHT - _FOOT, _TOP)
        shapes: list[Html] = []
        for mark, label in zip(marks, labels, strict=True):
            shapes.append(
                element("path", d=f"M{number(left)} {number(y(mark))}H{width - _RIGHT}", class_="grid")
            )
            shapes.append(element("text", label, x=left - 6, y=y(mark) + 4, class_="tick end"))
        every = max(1, -(-len(self.days) * 52 // int(width - left)))
        for at in range(len(self.days) - 1, -1, -every):
            text = f"{self.days[at]:%d %b}".lstrip("0")
            shapes.append(
                element("text", text, x=(x(at) + x(at + 1)) / 2, y=_HEIGHT - 8, class_="tick middle")
            )
        if self.is_stacked:
            shapes += self._columns(x, y)
        else:
            shapes += [self._line(at, one, x, y) for at, one in enumerate(self.series)]
        return element(
            "svg",
            element("title", self.title, id=f"{identity}-title"),
            element("desc", self.about, id=f"{identity}-desc"),
            join(shapes),
            viewbox=f"0 0 {width} {_HEIGHT}",
            width=width,
            height=_HEIGHT,
            role="img",
            aria_labelledby=f"{identity}-title {identity}-desc",
        )

    def _columns(self, x: Scale, y: Scale) -> list[Html]:
        shapes: list[Html] = []
        for at, day in enumerate(self.days):
            room = x(at + 1) - x(at)
            wide = min(_WIDEST, room - min(5.0, room * 0.24))
            start = x(at) + (room - wide) / 2
            below, parts = 0.0, list[Html]()
            for one in self.series:
                value = one.values[at]
                if not value:
                    continue
                high, low = y(below + value), y(below)
                bar = element(
                    "rect",
                    x=start,
                    y=high,
                    width=wide,
                    height=low - high,
                    class_="bar",
                )
                parts.append(element("g", bar, class_=one.tone))
                below += value
            if parts:
                said = ", ".join(
                    f"{written(one.values[at] or 0, self.unit)} {one.name}"
                    for one in self.series
                    if one.values[at]
                )
                shapes.append(element("g", element("title", f"{day.isoformat()}: {said}"), parts))
        return shapes

    def _line(self, position: int, one: DaySeries, x: Scale, y: Scale) -> Html:
        """Broken where days have no value."""
        path, dots, is_on = list[str](), list[Html](), False
        for at, value in enumerate(one.values):
            if value is None:
                is_on = False
                continue
            place = f"{number((x(at) + x(at + 1)) / 2)} {number(y(value))}"
            path.append(f"{'L' if is_on else 'M'}{place}")
            is_on = True
            told = element("title", f"{self.days[at].isoformat()}: {one.name} {written(value, self.unit)}")
            dots.append(element("circle", told, cx=(x(at) + x(at + 1)) / 2, cy=y(value), r=2.8, class_="dot"))
        line = element(
            "path", d="".join(path), class_="line", stroke_dasharray=dash(position, len(self.series))
        )
        return element("g", [line, *dots] if path else [], class_=one.tone)


def by_day(days: Sequence[date], values: dict[date, float]) -> tuple[float, ...]:
    """The value of each day, 0 where there is none."""
    return tuple(values.get(day, 0.0) for day in days)
