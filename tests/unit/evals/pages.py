"""A whole page of made-up figures, and what a test reads out of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from loccit.evals.report_parts import (
    BarPlot,
    Callout,
    Case,
    Cases,
    Cell,
    Column,
    Difference,
    DifferencePlot,
    Distribution,
    DistributionPlot,
    Fact,
    Facts,
    Headline,
    LinePlot,
    Page,
    Panel,
    Point,
    PointSeries,
    Prose,
    ReliabilityPlot,
    ScatterPlot,
    Section,
    Series,
    Table,
    Tone,
    Unit,
    systems_table,
)
from loccit.evals.scorers import calibration
from loccit.evals.statistics import Interval, proportion

VOID = {"meta", "br", "hr"}


@dataclass
class Node:
    """An element with its attributes; `words` is its text and that of all within."""

    name: str
    attributes: dict[str, str | None]
    children: list[Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return "".join(self.texts)

    def all(self, name: str) -> list[Node]:
        found = [each for child in self.children for each in child.all(name)]
        return [self, *found] if self.name == name else found

    def walk(self) -> list[Node]:
        return [self, *(each for child in self.children for each in child.walk())]


class Tree(HTMLParser):
    """Builds nodes and fails on a tag that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for node in self.open:
            node.texts.append(data)


def parsed(page: str) -> Node:
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == [tree.root]
    return tree.root


def full_page(text: str = "plain") -> Page:
    """A page with every part there is; `text` stands wherever text may come from outside."""
    systems = tuple(
        Series(f"{name} {text}", (proportion(hits, 50), proportion(hits + 5, 50)))
        for name, hits in (("git grep", 10), ("BM25", 20), ("untuned", 26), ("tuned", 33))
    )
    metrics = (f"recall@1 {text}", "recall@5")
    points = tuple(
        PointSeries(f"{name} {text}", (Point(0.0, 0.2, text), Point(at + 1.0, proportion(at + 5, 20), text)))
        for at, name in enumerate(("one", "two", "three", "four", "five", "six", "seven"))
    )
    bins = calibration([at / 40 for at in range(40)], [at % 3 == 0 for at in range(40)], bins=4).bins
    fact = Fact(f"Label {text}", text, text)
    panels = tuple(Panel(f"Panel {text}", text, is_code=code, url=text) for code in (True, False))
    cases = tuple(Case(f"Case {at} {text}", text, text, (fact,), panels) for at in range(2))
    plots = (
        BarPlot(f"Bars {text}", text, metrics, systems, highest=1.0),
        BarPlot(f"Single {text}", text, metrics, (Series(text, (0.4, None)),), Unit.DOLLARS),
        LinePlot(f"Lines {text}", text, text, text, points),
        ScatterPlot(f"Cloud {text}", text, text, text, points, x_unit=Unit.SECONDS),
        ReliabilityPlot(f"Calibration {text}", text, bins),
        DistributionPlot(f"Spread {text}", text, text, (Distribution(text, (0.02, 0.3, 4.0, 50.0)),)),
        DistributionPlot(
            f"Spreads {text}", text, text, (Distribution(text, (1.0, 1.0)), Distribution("b", (0.0, 2.5)))
        ),
        DifferencePlot(
            f"Differences {text}",
            text,
            (
                Difference(text, Interval(0.02, -0.01, 0.05, 0.95, 9, 9, "m"), 0.03, tone=Tone.GOOD),
                Difference(f"low {text}", Interval(0.4, 0.3, 0.5, 0.95, 9, 9, "m"), 0.1, False, Tone.BAD),
                Difference(f"none {text}", None),
            ),
        ),
    )
    table = Table(
        text, (Column(text, is_number=False), Column(text)), ((Cell(text), Cell(text, text, True, Tone.BAD)),)
    )
    return Page(
        title=f"Title {text}",
        kicker=text,
        summary=text,
        headline=Headline("68%", text, text, (fact, fact)),
        sections=(
            Section(f"Systems {text}", (systems_table(text, metrics, systems, note=text), *plots), text),
            Section(
                "Words", (Prose(f"{text}\n\n{text}"), Facts((fact,)), Callout(text, text, Tone.GOOD), table)
            ),
            Section("Misses", (Cases(cases, text),)),
        ),
        colophon=(fact,),
    )
