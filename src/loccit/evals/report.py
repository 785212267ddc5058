"""A report as one HTML document that needs nothing else: no script, no network, no other file.

It may be mailed, printed, opened from a disk years later, and read by anyone: a content policy in the page
forbids every script and every request, so that not even a mistake of ours could let a hostile issue act.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path

from loccit.evals.markup import Html, cut, element, join, web_address
from loccit.evals.plots import data_table, draw, legend
from loccit.evals.report_parts import (
    BarPlot,
    Callout,
    Case,
    Cases,
    Cell,
    Column,
    DifferencePlot,
    DistributionPlot,
    Fact,
    Facts,
    Headline,
    LinePlot,
    Page,
    Panel,
    Part,
    Plot,
    Prose,
    ReliabilityPlot,
    ScatterPlot,
    Section,
    Table,
    Tone,
)

# Characters. A panel holds an issue or a passage; all else are names and sentences.
_MAX_PANEL = 6_000
_MAX_PROSE = 4_000
_MAX_NAME = 300
_WIDE, _NARROW = 820, 340
_CODE = re.compile(r"`([^`\n]+)`")
# A tone is told by its mark too, for whoever does not see the colour.
_MARKS = {Tone.NEUTRAL: "", Tone.GOOD: "✓ ", Tone.WARNING: "⚠ ", Tone.BAD: "✗ "}


def render(page: Page) -> str:
    """The page as a whole HTML document, encodable as UTF-8. The same page gives the same bytes."""
    identities = (f"plot-{number}" for number in count(1))
    style = _stylesheet()
    sections = [_section(one, f"part-{at}", identities) for at, one in enumerate(page.sections, start=1)]
    body = element(
        "body",
        element("a", "Skip to the figures", href="#main", class_="skip"),
        element(
            "div",
            _header(page),
            _contents(page.sections),
            element("main", sections, id="main", tabindex="-1"),
            _footer(page.colophon),
            class_="frame",
        ),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", _name(f"{page.title} · {page.kicker}" if page.kicker else page.title)),
        element("style", Html(style)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


@lru_cache(maxsize=1)
def _stylesheet() -> str:
    return (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def _policy(style: str) -> str:
    """Nothing may load or run; of styles, only ours by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _header(page: Page) -> Html:
    return element(
        "header",
        element("p", _name(page.kicker), class_="kicker") if page.kicker else None,
        element("h1", _name(page.title)),
        element("p", _inline(page.summary), class_="summary") if page.summary else None,
        _headline(page.headline) if page.headline else None,
    )


def _headline(headline: Headline) -> Html:
    claim = element(
        "div",
        element("p", _name(headline.figure), class_="big"),
        element(
            "div",
            element("p", _name(headline.label), class_="label"),
            element("p", _inline(headline.words), class_="words"),
        ),
        class_="claim",
    )
    return element("div", claim, _facts(headline.facts) if headline.facts else None, class_="headline")


def _contents(sections: tuple[Section, ...]) -> Html | None:
    if len(sections) < 2:
        return None
    items = [
        element("li", element("a", _name(one.title), href=f"#part-{at}"))
        for at, one in enumerate(sections, start=1)
    ]
    return element("nav", element("ol", items), aria_label="Contents")


def _section(section: Section, identity: str, identities: Iterator[str]) -> Html:
    return element(
        "section",
        element("h2", _name(section.title), id=f"{identity}-title"),
        element("p", _inline(section.lead), class_="lead") if section.lead else None,
        element("div", [_part(one, identities) for one in section.parts], class_="stack"),
        id=identity,
        class_="part",
        aria_labelledby=f"{identity}-title",
    )


def _part(part: Part, identities: Iterator[str]) -> Html:
    match part:
        case Prose():
            return element("div", _paragraphs(part.text))
        case Callout():
            return _callout(part)
        case Facts():
            return _facts(part.items)
        case Table():
            return _table(part)
        case Cases():
            return _cases(part)
        case (
            BarPlot() | LinePlot() | ScatterPlot() | ReliabilityPlot() | DistributionPlot() | DifferencePlot()
        ):
            return _figure(part, next(identities))


def _callout(callout: Callout) -> Html:
    title = element("strong", _MARKS[callout.tone] + _name(callout.title))
    return element("div", title, element("p", _inline(callout.text)), class_=f"callout {callout.tone}")


def _facts(facts: Iterable[Fact]) -> Html:
    return element("dl", [_fact(one) for one in facts], class_="facts")


def _fact(fact: Fact) -> Html:
    detail = element("small", _name(fact.detail)) if fact.detail else None
    return element("div", element("dt", _name(fact.label)), element("dd", _name(fact.value), detail))


def _table(table: Table) -> Html:
    head = element("tr", [_column(one) for one in table.columns])
    rows = [_row(row, table.columns, is_strong=at == table.strong_row) for at, row in enumerate(table.rows)]
    whole = element(
        "table",
        element("caption", element("span", _name(table.caption))),
        element("thead", head),
        element("tbody", rows),
    )
    box = element(
        "div", whole, class_="scroll", tabindex="0", role="region", aria_label=_name(table.caption) or "Table"
    )
    return element("div", box, element("p", _inline(table.note), class_="note")) if table.note else box


def _column(column: Column) -> Html:
    return element("th", _name(column.title), scope="col", class_="num" if column.is_number else None)


def _row(cells: tuple[Cell, ...], columns: tuple[Column, ...], *, is_strong: bool) -> Html:
    made = [
        _cell(cell, column, is_heading=at == 0)
        for at, (cell, column) in enumerate(zip(cells, columns, strict=True))
    ]
    return element("tr", made, class_="strong" if is_strong else None)


def _cell(cell: Cell, column: Column, *, is_heading: bool) -> Html:
    text = _MARKS[cell.tone] + _name(cell.text)
    inside = element("strong", text) if cell.is_strong else join([text])
    if cell.tone is not Tone.NEUTRAL:
        inside = element("span", inside, class_=str(cell.tone))
    detail = element("small", _name(cell.detail)) if cell.detail else None
    kind = "num" if column.is_number else None
    if is_heading:
        return element("th", inside, detail, scope="row", class_=kind)
    return element("td", inside, detail, class_=kind)


def _figure(plot: Plot, identity: str) -> Html:
    """Drawn twice, for a desk and for a phone; the one that does not fit is not shown to anyone."""
    return element(
        "figure",
        element(
            "figcaption",
            element("strong", _name(plot.title)),
            element("span", _inline(plot.description)) if plot.description else None,
        ),
        legend(plot),
        element("div", draw(plot, f"{identity}-wide", _WIDE), class_="wide"),
        element("div", draw(plot, f"{identity}-narrow", _NARROW), class_="narrow"),
        element("details", element("summary", "The figures as a table"), _table(data_table(plot))),
    )


def _cases(cases: Cases) -> Html:
    listed = element("div", [_case(one) for one in cases.items], class_="cases")
    return element("div", listed, element("p", _inline(cases.note), class_="note") if cases.note else None)


def _case(case: Case) -> Html:
    summary = element(
        "summary",
        element("span", _name(case.title), class_="name", dir="auto"),
        element("span", _MARKS[case.tone] + _name(case.outcome), class_=f"badge {case.tone}"),
    )
    pairs = [
        element(
            "div", element("dt", _name(one.label)), element("dd", _name(f"{one.value} {one.detail}".strip()))
        )
        for one in case.facts
    ]
    inside = element(
        "div",
        element("p", _inline(case.why), class_="why"),
        element("dl", pairs, class_="pairs") if pairs else None,
        element("div", [_panel(one) for one in case.panels], class_="panels") if case.panels else None,
        class_="inside",
    )
    return element("details", summary, inside, class_="case")


def _panel(panel: Panel) -> Html:
    address = web_address(panel.url) if panel.url else None
    title: list[str] = [_name(panel.title)]
    if address:
        title = [element("a", _name(panel.title), href=address, rel="noopener noreferrer nofollow")]
    elif panel.url:
        title.append(f" ({_name(panel.url)})")
    text = cut(panel.text, _MAX_PANEL)
    body = element(
        "pre" if panel.is_code else "div",
        text,
        class_="text",
        dir="ltr" if panel.is_code else "auto",
        tabindex="0",
        role="region",
        aria_label=_name(panel.title),
    )
    return element("div", element("h3", title), body, class_="panel")


def _footer(colophon: tuple[Fact, ...]) -> Html | None:
    if not colophon:
        return None
    rows = [
        join(
            [
                element("dt", _name(one.label)),
                element("dd", _name(one.value), element("small", _name(one.detail)) if one.detail else None),
            ]
        )
        for one in colophon
    ]
    return element("footer", element("dl", rows))


def _paragraphs(text: str) -> list[Html]:
    pieces = re.split(r"\n[ \t]*\n", cut(text, _MAX_PROSE).strip())
    return [element("p", _inline(one)) for one in pieces]


def _inline(text: str) -> Html:
    """Text in which `backticks` mark code."""
    pieces = _CODE.split(cut(text, _MAX_PROSE))
    return join(element("code", piece) if at % 2 else piece for at, piece in enumerate(pieces))


def _name(text: str) -> str:
    return cut(text, _MAX_NAME)
