"""What plots are drawn with: scales, round numbers, labels that fit, and what tells series apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from loccit.evals.markup import Html, element, number
from loccit.evals.report_parts import Unit

TEXT = 12  # pixels; the average letter is a little more than half as wide
LETTER = 0.56
_BOLD_LETTER = 0.72  # of the larger, bold headings
_OTHERS = 5  # colours besides the accent
_DASHES = ("7 4", "2 4", "10 4 2 4", "4 4", "12 5")
# Below this many marks an axis in powers of ten tells too little: it gets 2 and 5 as well.
_FEW_MARKS = 4


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at most `low` to at least `high`, at most `most` steps apart."""
    # Values that differ only in their last bits, or hardly from zero, have no range of their own.
    span = high - low if high - low > max(1e-12, 1e-9 * abs(high)) else max(abs(high), 1e-3)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if span / (power * factor) <= most)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return [round(at * step, 15) for at in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Numbers of 1, 2 and 5 times a power of ten, or of powers alone, around a range of positive values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps: Sequence[int] = (1,) if last - first >= _FEW_MARKS else (1, 2, 5)
    marks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    start = max((at for at, mark in enumerate(marks) if mark <= low), default=0)
    end = next((at for at, mark in enumerate(marks) if mark >= high), len(marks) - 1)
    return marks[start : max(end, start + 1) + 1]


def log_scale_of(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """As `scale_of`, each factor as wide as any other of its size."""
    place = scale_of(math.log10(low), math.log10(high), start, end)
    return lambda value: place(math.log10(max(value, low)))


def series_class(position: int, count: int) -> str:
    """The colour of a series: the last one has the accent."""
    return "accent" if position == count - 1 else f"s{position % _OTHERS + 1}"


def shape(position: int, x: float, y: float, size: float) -> Html:
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


def dash(position: int, count: int) -> str | None:
    """How the line of a series is broken: the last one is whole."""
    return None if position == count - 1 else _DASHES[position % len(_DASHES)]


def scale_of(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values to pixels; what lies beyond an end is put there."""

    def place(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return start + share * (end - start)

    return place


def axis_label(value: float, unit: Unit) -> str:
    """A round number below an axis."""
    if unit is Unit.SHARE:
        return f"{100 * value:.4g}%"
    if unit is Unit.POINTS:
        return f"{100 * value:+.4g}".replace("-", "−") if value else "0"
    if unit is Unit.SECONDS:
        return f"{1000 * value:.4g} ms" if 0 < value < 1 else f"{value:.4g} s"
    if unit is Unit.DOLLARS:
        return f"${value:.4g}"
    return f"{value:,.12g}"


def axis_text(x: float, y: float, text: str) -> Html:
    """A label whose middle is at `x`."""
    return element("text", text, x=x, y=y, class_="tick middle")


def fitted_text(x: float, y: float, text: str, room: float, *, class_: str) -> Html:
    """Text that fits so many pixels, else cut in its middle (paths differ at both ends), with a tooltip."""
    letters = max(5, int(room / (TEXT * (_BOLD_LETTER if class_ == "group" else LETTER))))
    if len(text) <= letters:
        return element("text", text, x=x, y=y, class_=class_)
    shown = f"{text[: letters // 2]}…{text[-((letters - 1) // 2) :]}"
    return element("text", element("title", shortened(text)), shown, x=x, y=y, class_=class_)


def shortened(text: str) -> str:
    """A name that fits a tooltip."""
    return text if len(text) <= 300 else f"{text[:300]}…"
