"""The report is one sound, safe, readable document, whatever stands in the issues."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loccit.evals
from loccit.core.errors import InputError
from loccit.evals.markup import Html, cut, element, visible, web_address
from loccit.evals.plot_marks import ticks
from loccit.evals.plots import data_table
from loccit.evals.report import render
from loccit.evals.report_parts import (
    BarPlot,
    Case,
    Cases,
    Cell,
    Column,
    LinePlot,
    Page,
    Panel,
    Point,
    PointSeries,
    ReliabilityPlot,
    Section,
    Series,
    Table,
    Unit,
    systems_table,
    value_cell,
    written,
    written_range,
)
from loccit.evals.statistics import Interval, proportion
from tests.unit.evals.pages import full_page, parsed


@pytest.fixture
def page() -> Page:
    return full_page()


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "' onmouseover='alert(1)",
    "</title></svg></details><iframe src=//x.test>",
    "<!-- ]]> --!> <![CDATA[",
    "javascript:alert(1)",
    "&lt;b&gt; &#60;script&#62;",
    "null \x00 bell \x07 escape \x1b[31m",
    "lone \ud83d surrogate \udc80",
    "\u202eright to left\u202c \u2066isolate\u2069 zero\u200bwidth",
    "`code` `<b>` ``",
    "line\r\nline\u2028line",
    "\ufeff\ufffe\uffff\U000e0041",
]
EVENTS = re.compile(r"on[a-z]+")
LOADING = {"src", "srcset", "action", "formaction", "poster", "data", "xlink:href", "background", "style"}
ROOT = Path(__file__).resolve().parents[3]
STYLE = (Path(loccit.evals.__file__).parent / "report.css").read_text(encoding="utf-8")


def test_the_page_is_whole_and_says_how_it_is_to_be_read(page: Page) -> None:
    """Language, viewport, one heading, a skip link that leads somewhere, sections in the contents."""
    text = render(page)
    root = parsed(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert [each.words for each in root.all("h1")] == ["Title plain"]
    assert [each.words for each in root.all("h2")] == ["Systems plain", "Words", "Misses"]
    names = [each.attributes.get("name") for each in root.all("meta")]
    assert {"viewport", "color-scheme"} <= set(names)
    targets = {each.attributes["id"] for each in root.walk() if "id" in each.attributes}
    inner = [each.attributes["href"] for each in root.all("a")]
    assert inner[0] == "#main"
    assert {each[1:] for each in inner} == {"main", "part-1", "part-2", "part-3"} <= targets


def test_every_id_is_there_once_and_every_reference_leads_to_one(page: Page) -> None:
    """Also for the two drawings of each plot."""
    nodes = parsed(render(page)).walk()
    ids = [each.attributes["id"] for each in nodes if "id" in each.attributes]
    assert len(set(ids)) == len(ids)
    named = [each.attributes["aria-labelledby"] for each in nodes if "aria-labelledby" in each.attributes]
    assert named
    assert {one for each in named for one in (each or "").split()} <= set(ids)


def test_headings_never_skip_a_level(page: Page) -> None:
    """A reader that moves by headings loses nothing."""
    levels = [int(each.name[1]) for each in parsed(render(page)).walk() if re.fullmatch("h[1-6]", each.name)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("text", ["plain", *HOSTILE])
def test_nothing_loads_runs_or_acts(text: str) -> None:
    """No script, no event, nothing fetched, no inline style; the policy forbids them as well."""
    rendered = render(full_page(text))
    rendered.encode("utf-8")
    root = parsed(rendered)
    assert not {each.name for each in root.walk()} & {
        "script",
        "iframe",
        "img",
        "link",
        "object",
        "base",
        "form",
    }
    for node in root.walk():
        for name, value in node.attributes.items():
            assert not EVENTS.fullmatch(name)
            assert name not in LOADING
            assert "url(" not in (value or "")
    for link in root.all("a"):
        assert link.attributes["href"].startswith("#")
    [style] = [each.words for each in root.all("style")]
    assert "@import" not in style
    assert "url(" not in style
    policy = next(each.attributes["content"] for each in root.all("meta") if "http-equiv" in each.attributes)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    """It stands in the page as it was written, with what hides or reorders spelt out."""
    root = parsed(render(full_page(text)))
    plain = visible(text)
    assert [each.words for each in root.all("h1")] == [f"Title {plain}"]
    panels = [each.words for each in root.all("pre")]
    assert panels == [plain, plain]


@settings(max_examples=40)
@given(st.text(max_size=40))
def test_no_text_changes_what_the_page_is_made_of(text: str) -> None:
    """Elements are the same whatever is written; only our backticks and empty lines mark anything."""
    text = "x" + re.sub(r"[`\n\r]", "", text)

    def skeleton(words: str) -> list[str]:
        # A drawing's cut label carries a title of its own.
        return [each.name for each in parsed(render(full_page(words))).walk() if each.name != "title"]

    assert skeleton(text) == skeleton("y")


def test_hidden_and_forbidden_characters_are_written_out() -> None:
    """Line feeds and tabs stay; everything else below a blank, and what reorders, is spelt."""
    assert visible("a\tb\nc\r\nd") == "a\tb\nc\nd"
    assert visible("\x00\x1b\x85") == "\\x00\\x1b\\x85"
    assert visible("\u202e\ud83d\U000e0041") == "\\u202e\\ud83d\\U000e0041"
    assert visible("naïve – 漢字 🦆") == "naïve – 漢字 🦆"


def test_a_megabyte_is_cut_with_a_note() -> None:
    """Wherever it stands; the page stays small."""
    text = render(full_page("x" * 1_000_000))
    assert len(text) < 1_000_000
    assert "6,000 of 1,000,000 characters are shown" in text
    assert "300 of 1,000,006 characters are shown" in text
    assert cut("abc", 3) == "abc"


def test_the_same_page_gives_the_same_bytes() -> None:
    """In another process too, whatever the seed of its hashes."""
    code = (
        "import hashlib; from tests.unit.evals.pages import full_page;"
        "from loccit.evals.report import render;"
        "print(hashlib.sha256(render(full_page()).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-B", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert runs == {hashlib.sha256(render(full_page()).encode()).hexdigest()}


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.org/issues/1?a=b&c=%20#x", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("javascript://example.org/%0aalert(1)", False),
        ("file://example.org/etc/passwd", False),
        ("data:text/html,<b>", False),
        ("//example.org", False),
        ("https:", False),
        ("https://exa mple.org", False),
        ("java\nscript:alert(1)", False),
        ("https://example.org/\u202egnp", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_only_plain_web_addresses_become_links(url: str, is_link: bool) -> None:
    """Others are shown as text."""
    assert web_address(url) == (url if is_link else None)
    case = Case("t", "o", "w", panels=(Panel("p", "x", url=url),))
    links = parsed(render(Page("t", (Section("s", (Cases((case,)),)),)))).all("a")
    outside = [each.attributes for each in links if each.attributes["href"] != "#main"]
    assert outside == ([{"href": url, "rel": "noopener noreferrer nofollow"}] if is_link else [])


class TestPlots:
    """Drawings that can also be read."""

    def test_every_plot_has_title_description_and_its_figures_as_a_table(self, page: Page) -> None:
        """For a desk and for a phone, and in a table that opens."""
        figures = parsed(render(page)).all("figure")
        assert len(figures) == 8
        for figure in figures:
            drawings = [each for each in figure.all("svg") if each.attributes.get("role") == "img"]
            assert [each.attributes["viewbox"].split()[2] for each in drawings] == ["820", "340"]
            for drawing in drawings:
                assert [each.name for each in drawing.children[:2]] == ["title", "desc"]
            [details] = figure.all("details")
            assert details.all("table")
            assert details.all("summary")

    def test_marks_stay_within_the_drawing(self, page: Page) -> None:
        """No bar, dot or line is outside, at either width."""
        for drawing in parsed(render(page)).all("svg"):
            _, _, width, height = map(float, drawing.attributes["viewbox"].split())
            for node in drawing.walk():
                at = node.attributes
                x, y = float(at.get("cx", at.get("x", 0))), float(at.get("cy", at.get("y", 0)))
                right = x + float(at.get("width", 0)) if node.name == "rect" else x
                assert -1 <= x <= right <= width + 1, at
                assert -1 <= y <= height + 1, at
                for value in re.findall(r"-?[\d.]+", at.get("d", "")):
                    assert -1 <= float(value) <= max(width, height) + 1

    def test_the_table_beneath_says_what_was_drawn(self) -> None:
        """Estimates with their intervals, and what is missing as missing."""
        half = proportion(10, 20)
        plot = BarPlot("t", "d", ("a", "b"), (Series("one", (half, None)),))
        assert data_table(plot).plain_rows() == (
            ("", "one"),
            ("a", "50.0% 29.9–70.1%"),
            ("b", "– not measured"),
        )

    def test_a_missing_value_is_never_drawn_as_zero(self) -> None:
        """It is said."""
        plot = BarPlot("t", "d", ("a",), (Series("one", (None,)), Series("two", (0.0,))))
        drawing = parsed(render(Page("t", (Section("s", (plot,)),)))).all("svg")[0]
        assert "not measured" in drawing.words
        assert len(drawing.all("circle")) == 1

    @given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.integers(2, 8))
    def test_ticks_hold_the_range_and_are_few(self, low: float, span: float, most: int) -> None:
        """From below the lowest to above the highest."""
        found = ticks(low, low + span, most)
        slack = 1e-6 * max(1.0, abs(low), span)
        assert found[0] <= low + slack
        assert found[-1] >= low + span - slack
        assert 2 <= len(found) <= most + 3
        assert found == sorted(set(found))

    def test_ticks_are_round(self) -> None:
        """0 to 0.93 in fifths; 3 to 14 in twos."""
        assert ticks(0, 0.93, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
        assert ticks(3, 14, 6) == [2, 4, 6, 8, 10, 12, 14]

    def test_what_cannot_be_drawn_is_refused(self) -> None:
        """No values, too few, or none that is a number."""
        with pytest.raises(InputError, match="nothing to draw"):
            BarPlot("t", "d", (), ())
        with pytest.raises(InputError, match="series 'x' has 1 values, expected 2"):
            BarPlot("t", "d", ("a", "b"), (Series("x", (1.0,)),))
        with pytest.raises(InputError, match="nothing to draw"):
            LinePlot("t", "d", "x", "y", (PointSeries("s", ()),))
        with pytest.raises(InputError, match="nothing to draw"):
            ReliabilityPlot("t", "d", ())
        with pytest.raises(InputError, match="the value nan"):
            BarPlot("t", "d", ("a",), (Series("x", (float("nan"),)),))
        with pytest.raises(InputError, match="the value inf"):
            LinePlot("t", "d", "x", "y", (PointSeries("s", (Point(float("inf"), 0.1),)),))


class TestTables:
    """The same values for page and terminal."""

    def test_the_highest_of_each_column_is_strong(self) -> None:
        """The last system is the one that stands out."""
        table = systems_table(
            "c",
            ("r@1", "mrr"),
            (Series("a", (0.5, None)), Series("b", (0.4, 0.75))),
            units=(Unit.SHARE, Unit.SCORE),
        )
        assert [[cell.is_strong for cell in row] for row in table.rows] == [
            [False, True, False],
            [False, False, True],
        ]
        assert table.strong_row == 1
        assert table.plain_rows() == (
            ("System", "r@1", "mrr"),
            ("a", "50.0%", "– not measured"),
            ("b", "40.0%", "0.750"),
        )

    def test_a_row_of_another_length_is_refused(self) -> None:
        """Rather than shifted."""
        with pytest.raises(InputError, match="has 1 cells, expected 2"):
            Table("c", (Column("a"), Column("b")), ((Cell("x"),),))

    def test_tables_scroll_in_a_box_that_the_keyboard_reaches(self, page: Page) -> None:
        """Each names itself, its columns and its rows."""
        root = parsed(render(page))
        boxes = [each for each in root.walk() if each.attributes.get("class") == "scroll"]
        assert len(boxes) == len(root.all("table")) == 10
        assert all(each.attributes["tabindex"] == "0" and each.attributes["aria-label"] for each in boxes)
        for table in root.all("table"):
            assert table.all("caption")
            scopes = {each.attributes["scope"] for each in table.all("th")}
            assert scopes == {"col", "row"}

    @pytest.mark.parametrize(
        ("value", "unit", "expected"),
        [
            (0.6825, Unit.SHARE, "68.2%"),
            (1.0, Unit.SHARE, "100.0%"),
            (0.4969, Unit.SCORE, "0.497"),
            (0.031, Unit.POINTS, "+3.1"),
            (-0.031, Unit.POINTS, "−3.1"),
            (0.31, Unit.SECONDS, "310 ms"),
            (2.25, Unit.SECONDS, "2.2 s"),
            (180, Unit.SECONDS, "3.0 min"),
            (0.0042, Unit.DOLLARS, "$0.0042"),
            (0.0, Unit.DOLLARS, "$0.00"),
            (1204, Unit.COUNT, "1,204"),
            (0.1234, Unit.PLAIN, "0.123"),
            (12345.6, Unit.PLAIN, "12,346"),
        ],
    )
    def test_numbers_are_written_in_their_unit(self, value: float, unit: Unit, expected: str) -> None:
        """As people read them."""
        assert written(value, unit) == expected

    def test_intervals_are_written_once_with_their_unit(self) -> None:
        """The unit stands at the end, unless the two differ."""
        assert written_range(Interval(0.5, 0.4, 0.6, 0.95, 9, 9, "m"), Unit.SHARE) == "40.0–60.0%"
        assert written_range(Interval(0.5, -0.1, 0.6, 0.95, 9, 9, "m"), Unit.POINTS) == "−10.0 to +60.0"
        assert written_range(Interval(0.5, 0.4, 0.6, 0.95, 9, 9, "m"), Unit.SECONDS) == "400–600 ms"
        assert written_range(Interval(0.9, 0.8, 1.5, 0.95, 9, 9, "m"), Unit.SECONDS) == "800 ms–1.5 s"
        assert value_cell(None, Unit.SHARE) == Cell("–", "not measured")


def test_cases_are_closed_until_opened(page: Page) -> None:
    """With the evidence side by side, in boxes that the keyboard reaches; no script is needed."""
    cases = [each for each in parsed(render(page)).all("details") if each.attributes.get("class") == "case"]
    assert len(cases) == 2
    for case in cases:
        assert "open" not in case.attributes
        panels = [each for each in case.walk() if each.attributes.get("class") == "text"]
        assert [each.attributes["tabindex"] for each in panels] == ["0", "0"]
        assert [each.attributes["dir"] for each in panels] == ["ltr", "auto"]


def luminance(colour: tuple[float, ...]) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> dict[str, dict[str, tuple[float, ...]]]:
    """The colours of each scheme, 0 to 1, as the stylesheet has them."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = [
        {
            name: tuple(int(value[at : at + 2], 16) / 255 for at in (0, 2, 4))
            for name, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)
        }
        for block in blocks
    ]
    return dict(zip(("light", "dark", "print"), found, strict=True))


class TestContrast:
    """WCAG 2.2 AA, computed from the palette."""

    @pytest.mark.parametrize("scheme", ["light", "dark", "print"])
    def test_text_can_be_read(self, scheme: str) -> None:
        """4.5 to 1 for every colour of text on every ground it stands on."""
        palette = palettes()[scheme]
        grounds = ("bg", "surface", "sunk", "accent-soft")
        for text in ("ink", "muted", "accent", "good", "warning", "bad"):
            for ground in grounds:
                assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)

    @pytest.mark.parametrize("scheme", ["light", "dark", "print"])
    def test_marks_can_be_seen(self, scheme: str) -> None:
        """3 to 1 for dots, whiskers and lines, on the ground and on the tint of their own bar."""
        palette = palettes()[scheme]
        share = float(re.search(r"svg \.bar \{[^}]*fill-opacity: ([\d.]+)", STYLE)[1])
        for name in ("s1", "s2", "s3", "s4", "s5", "accent"):
            surface, colour = palette["surface"], palette[name]
            tint = tuple(share * c + (1 - share) * g for c, g in zip(colour, surface, strict=True))
            assert contrast(colour, surface) >= 3, name
            assert contrast(colour, tint) >= 3, name

    def test_dark_and_light_have_the_same_colours_by_name(self) -> None:
        """None is forgotten in one of them."""
        assert len({frozenset(each) for each in palettes().values()}) == 1

    def test_colours_stand_in_the_palette_only(self) -> None:
        """A colour elsewhere would be in nobody's contrast."""
        outside = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", outside)


def test_our_own_markup_is_not_escaped_twice() -> None:
    """And everything else once."""
    inner = element("b", "a < b")
    assert inner == "<b>a &lt; b</b>"
    assert (
        element("p", inner, "&", class_="x", hidden=True, id=None)
        == '<p class="x" hidden><b>a &lt; b</b>&amp;</p>'
    )
    assert element("p", title='"<') == '<p title="&quot;&lt;"></p>'
    assert isinstance(inner, Html)
    with pytest.raises(ValueError, match="is no attribute name"):
        element("p", **{"x onclick": "1"})


def test_the_front_door_leads_to_what_it_lists() -> None:
    """Each name is there, and nothing heavy is loaded before one is used."""
    assert all(getattr(loccit.evals, name) for name in loccit.evals.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loccit.evals.nothing
    code = "import sys, loccit.evals; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
