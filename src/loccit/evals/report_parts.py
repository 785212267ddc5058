"""What a report is made of: plain values, which a page or a terminal can show.

All text is plain text and may be hostile; nobody but `report` turns it into markup. In `Prose`, an empty line
parts paragraphs and `backticks` mark code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from loccit.core.errors import InputError
from loccit.evals.scorers import ReliabilityBin
from loccit.evals.statistics import Interval

# None is "not measured": shown as a dash, never as zero.
Value: TypeAlias = Interval | float | None


class Unit(StrEnum):
    """How numbers are written.

    A share of 0 to 1 is written in percent, a difference of two in percentage points; a score of 0 to 1 that
    is no share, as MRR, with three decimals.
    """

    SHARE = "share"
    SCORE = "score"
    POINTS = "points"
    SECONDS = "seconds"
    DOLLARS = "dollars"
    COUNT = "count"
    PLAIN = "plain"


class Tone(StrEnum):
    """What a cell or callout is to the reader. Never told by colour alone."""

    NEUTRAL = "neutral"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure and what it is, as `Fact("Median time", "0.31 s", "from issue to list")`."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """The one figure of the page and what it means, with its interval in words."""

    figure: str
    label: str
    words: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs."""

    text: str


@dataclass(frozen=True, slots=True)
class Callout:
    """One statement that must not be missed, as whether the leak check held."""

    title: str
    text: str
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Facts:
    """Figures side by side."""

    items: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers are aligned to the right."""

    title: str
    is_number: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says, and below it, smaller, its interval or a remark. A strong cell is the row's best."""

    text: str
    detail: str = ""
    is_strong: bool = False
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are columns; the first cell names its row. `strong_row` stands out.

    Raises InputError where a row has another number of cells.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    strong_row: int | None = None

    def __post_init__(self) -> None:
        wrong = next((row for row in self.rows if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise InputError(
                f"a row of {self.caption!r} has {len(wrong)} cells, expected {len(self.columns)}"
            )

    def plain_rows(self) -> tuple[tuple[str, ...], ...]:
        """The titles, then each row, as text with details in the same cell: what a terminal shows."""
        titles = tuple(column.title for column in self.columns)
        rows = [tuple(f"{cell.text} {cell.detail}".strip() for cell in row) for row in self.rows]
        return (titles, *rows)


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of values, one for each category of its plot."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars from zero, grouped by category, with their intervals. The last series stands out.

    `highest` is the end of the axis; None takes the highest value. Raises InputError where a series has
    another number of values than there are categories, or there is nothing to draw.
    """

    title: str
    description: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    unit: Unit = Unit.SHARE
    highest: float | None = None

    def __post_init__(self) -> None:
        if not self.series or not self.categories:
            raise InputError(f"{self.title!r} has nothing to draw, expected categories and series")
        wrong = next((one for one in self.series if len(one.values) != len(self.categories)), None)
        if wrong is not None:
            raise InputError(
                f"series {wrong.name!r} has {len(wrong.values)} values, expected {len(self.categories)}"
            )
        _check_finite(self.title, [value for one in self.series for value in one.values])


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line or cloud. `label` names it for a reader who asks."""

    x: float
    y: Interval | float
    label: str = ""


@dataclass(frozen=True, slots=True)
class PointSeries:
    """Named points; those of a line from left to right."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _PointPlot:
    title: str
    description: str
    x_title: str
    y_title: str
    series: tuple[PointSeries, ...]
    x_unit: Unit = Unit.PLAIN
    y_unit: Unit = Unit.SHARE

    def __post_init__(self) -> None:
        if not any(one.points for one in self.series):
            raise InputError(f"{self.title!r} has nothing to draw, expected at least one point")
        points = [point for one in self.series for point in one.points]
        _check_finite(self.title, [value for point in points for value in (point.x, point.y)])


@dataclass(frozen=True, slots=True)
class LinePlot(_PointPlot):
    """Lines with bands for their intervals. The last series stands out. Raises InputError if empty."""


@dataclass(frozen=True, slots=True)
class ScatterPlot(_PointPlot):
    """Points with whiskers, as quality against cost. Raises InputError if empty."""


@dataclass(frozen=True, slots=True)
class ReliabilityPlot:
    """Predicted probability against what came true, with the line where both are equal."""

    title: str
    description: str
    bins: tuple[ReliabilityBin, ...]

    def __post_init__(self) -> None:
        if not self.bins:
            raise InputError(f"{self.title!r} has nothing to draw, expected at least one bin")


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values of one system, smallest first. Raises InputError where there are none."""

    name: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(f"the distribution {self.name!r} has no values, expected at least one")
        object.__setattr__(self, "values", tuple(sorted(self.values)))

    def quantile(self, share: float) -> float:
        """The smallest value that at least this share of all does not exceed."""
        return self.values[max(0, math.ceil(share * len(self.values) - 1e-9) - 1)]


@dataclass(frozen=True, slots=True)
class DistributionPlot:
    """How values are spread, with p50 and p95. The last series stands out. Raises InputError if empty."""

    title: str
    description: str
    x_title: str
    series: tuple[Distribution, ...]
    unit: Unit = Unit.SECONDS

    def __post_init__(self) -> None:
        if not self.series:
            raise InputError(f"{self.title!r} has nothing to draw, expected at least one distribution")
        _check_finite(self.title, [value for one in self.series for value in one.values])


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference with its interval. What is worse than `margin` (0 or more) is too bad; None: no margin.

    `is_higher_better` says on which side of zero the margin is.
    """

    name: str
    value: Interval | None
    margin: float | None = None
    is_higher_better: bool = True
    tone: Tone = Tone.NEUTRAL

    @property
    def edge(self) -> float | None:
        """Where it begins to be too bad."""
        if self.margin is None:
            return None
        return -self.margin if self.is_higher_better else self.margin

    @property
    def edge_is_left(self) -> bool:
        """Whether too bad is below the edge, and not above."""
        return self.is_higher_better


@dataclass(frozen=True, slots=True)
class DifferencePlot:
    """Differences of one unit around zero, with their margins. Raises InputError where there are none."""

    title: str
    description: str
    rows: tuple[Difference, ...]
    unit: Unit = Unit.POINTS

    def __post_init__(self) -> None:
        if not self.rows:
            raise InputError(f"{self.title!r} has nothing to draw, expected at least one difference")
        _check_finite(self.title, [one.value for one in self.rows])


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece of evidence, shown beside the others of its case. Code keeps its spaces and lines.

    A `url` that is not http or https is shown as text.
    """

    title: str
    text: str
    is_code: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One sample a reader can open: what it was, how it went (`rank 14`), why, and the evidence."""

    title: str
    outcome: str
    why: str
    facts: tuple[Fact, ...] = ()
    panels: tuple[Panel, ...] = ()
    tone: Tone = Tone.BAD


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases that open on demand, in the order given. `note` says how they were chosen."""

    items: tuple[Case, ...]
    note: str = ""


Plot: TypeAlias = BarPlot | LinePlot | ScatterPlot | ReliabilityPlot | DistributionPlot | DifferencePlot
Part: TypeAlias = Prose | Callout | Facts | Table | Plot | Cases


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence that says what one sees, and the parts."""

    title: str
    parts: tuple[Part, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report. `kicker` stands above the title (the repository), `colophon` at the end."""

    title: str
    sections: tuple[Section, ...]
    kicker: str = ""
    summary: str = ""
    headline: Headline | None = None
    colophon: tuple[Fact, ...] = ()


def written(value: float, unit: Unit) -> str:
    """A number in its unit: 68.2%, 0.497, +3.1, 310 ms, $0.0042, 1,204, ∞."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    formats: dict[Unit, Callable[[float], str]] = {
        Unit.SHARE: lambda v: f"{100 * v:.1f}%",
        Unit.SCORE: lambda v: f"{v:.3f}",
        Unit.POINTS: lambda v: f"{100 * v:+.1f}".replace("-", "−"),
        Unit.SECONDS: _seconds,
        Unit.DOLLARS: lambda v: f"${v:,.4f}" if 0 < v < 0.1 else f"${v:,.2f}",
        Unit.COUNT: lambda v: f"{v:,.0f}",
        Unit.PLAIN: lambda v: f"{v:,.3g}" if abs(v) < 1000 else f"{v:,.0f}",
    }
    return formats[unit](value)


def written_range(interval: Interval, unit: Unit) -> str:
    """The ends of an interval: 61.4–74.3%, 280–350 ms, −0.1 to +6.0."""
    low, high = written(interval.low, unit), written(interval.high, unit)
    if unit is Unit.POINTS:
        return f"{low} to {high}"
    if unit is Unit.SHARE:
        low = low.removesuffix("%")
    if unit is Unit.SECONDS and low.rpartition(" ")[2] == high.rpartition(" ")[2]:
        low = low.rpartition(" ")[0]
    return f"{low}–{high}"


def signed(value: float, unit: Unit) -> str:
    """A difference in the unit of what differs, with its sign: +3.1, −120 ms, +$0.0040, 0."""
    if unit in {Unit.SHARE, Unit.SCORE, Unit.POINTS}:
        return written(value, Unit.POINTS)
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{written(abs(value), unit)}"


def signed_range(interval: Interval, unit: Unit) -> str:
    """The ends of the interval of a difference: −0.1 to +6.0, −80 ms to +1.2 s."""
    return f"{signed(interval.low, unit)} to {signed(interval.high, unit)}"


def value_cell(value: Value, unit: Unit, *, is_strong: bool = False, tone: Tone = Tone.NEUTRAL) -> Cell:
    """A cell with an estimate and its interval; a dash for what was not measured."""
    if value is None:
        return Cell("–", "not measured")
    if isinstance(value, Interval):
        return Cell(written(value.estimate, unit), written_range(value, unit), is_strong, tone)
    return Cell(written(value, unit), "", is_strong, tone)


def systems_table(
    caption: str,
    metrics: tuple[str, ...],
    systems: tuple[Series, ...],
    *,
    units: tuple[Unit, ...] | None = None,
    note: str = "",
) -> Table:
    """Systems down, metrics across; each column's highest is strong, and the last system stands out.

    `units` has one for each metric; None writes all of them as shares.
    """
    columns = (Column("System", is_number=False), *(Column(name) for name in metrics))
    chosen = units or (Unit.SHARE,) * len(metrics)
    best = [_highest([one.values[at] for one in systems]) for at in range(len(metrics))]
    rows = tuple(
        (
            Cell(one.name),
            *(
                value_cell(value, unit, is_strong=value is not None and middle(value) == top)
                for value, unit, top in zip(one.values, chosen, best, strict=True)
            ),
        )
        for one in systems
    )
    return Table(caption, columns, rows, note, strong_row=len(systems) - 1)


def _highest(values: list[Value]) -> float | None:
    return max((found for value in values if (found := middle(value)) is not None), default=None)


def middle(value: Value) -> float | None:
    """The estimate, with or without an interval."""
    return value.estimate if isinstance(value, Interval) else value


def ends(value: Value) -> tuple[float, float] | None:
    """The ends of the interval, where there is one."""
    return (value.low, value.high) if isinstance(value, Interval) else None


def _seconds(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.2g} ms" if 0 < value < 0.001 else f"{1000 * value:.0f} ms"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def _check_finite(title: str, values: list[Value]) -> None:
    numbers = [each for value in values for each in (middle(value), *(ends(value) or ()))]
    wrong = next((each for each in numbers if each is not None and not math.isfinite(each)), None)
    if wrong is not None:
        raise InputError(
            f"{title!r} has the value {wrong!r}, expected finite numbers, or None for a missing one"
        )
