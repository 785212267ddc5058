"""What of a text reaches a page, which addresses are linked, and that every colour can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from loccit.core.permalinks import HOSTS
from loccit.evals.markup import visible
from loccit.serving.web import text
from loccit.serving.web.highlight import highlighted
from loccit.serving.web.login import local
from loccit.serving.web.places import source_url

STYLE = Path("src/loccit/serving/web/static/page.css")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//github.com/x",
        "https://github.com.evil.example/x",
        "https://evil.example/?github.com",
        "https://github.com@evil.example/",
        "https://user:password@github.com/",
        "https://github.com\u202e/x",
        "ftp://github.com/x",
        "https://github.com:8443/x y",
        "",
        None,
    ],
)
def test_only_plain_addresses_of_known_hosts_are_linked(address: str | None) -> None:
    assert text.known_address(address, HOSTS) is None


def test_addresses_of_known_hosts_are_linked() -> None:
    good = "https://github.com/o/n/blob/1a2b/x.py#L1-L2"
    assert text.known_address(good, HOSTS) == good
    assert text.known_address("https://git.example.org/x", ("git.example.org",)) is not None


@given(st.text())
def test_what_a_page_prints_of_a_text_is_text(written: str) -> None:
    """Not one tag of it, and nothing that hides or reorders."""
    said = str(text.inline(written))
    assert re.sub(r"</?code>", "", said).count("<") == 0
    assert visible(said) == said
    assert text.shown(written) == visible(written)


def test_our_own_markup_is_printed_as_it_is() -> None:
    assert text.shown(Markup("<b>x</b>")) == Markup("<b>x</b>")
    assert str(text.inline("a `b<c` d")) == "a <code>b&lt;c</code> d"


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1, max_size=9
    )
)
def test_highlighting_loses_and_adds_nothing(lines: list[str]) -> None:
    """Whatever a grammar makes of it, the pieces are the line."""
    for language in ("python", "javascript", "text"):
        found = highlighted(lines, language, 1, len(lines))
        assert ["".join(part for _, part in line.parts) for line in found] == lines


def test_highlighting_tells_apart_what_is_what() -> None:
    lines = ["def weigh(parcel):  # in grams", '    return {"a": 12}']
    first, second = highlighted(lines, "python", 1, 2)
    assert first.parts[0] == ("k", "def")
    assert ("d", "weigh") in first.parts
    assert first.parts[-1] == ("c", "# in grams")
    assert ("s", '"a"') in second.parts
    assert ("n", "12") in second.parts


@pytest.mark.parametrize(
    "there", ["https://evil.example", "//evil.example", "/\\evil", "", "javascript:x", "/\n"]
)
def test_a_login_leads_to_this_site_only(there: str) -> None:
    assert local(there) == "/"


def test_a_path_that_is_not_utf8_has_an_address() -> None:
    assert "path64=" in source_url("r", None, "caf\udce9.py", 3)
    assert source_url("r", "1a", "a b/ü&.py", 3, 9).endswith("lines=3-9#L3-L9")


def palettes() -> dict[str, dict[str, str]]:
    """The colours of each theme by name."""
    found: dict[str, dict[str, str]] = {}
    for head, body in re.findall(r"(:root[^{]*)\{([^}]*)\}", STYLE.read_text()):
        found[head.strip()] = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body))
    return found


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 has it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXTS = ("ink", "muted", "accent", "good", "warning", "bad")
CODE = ("code-comment", "code-string", "code-number", "code-keyword", "code-name")
GROUNDS = ("bg", "surface", "sunk")
LINES = ("edge", "s1", "s2", "s3", "s4", "s5")


def test_every_colour_of_a_text_can_be_read_on_every_ground() -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for what is no text and tells something; in light and dark."""
    themes = palettes()
    assert len(themes) == 3
    light, by_media, by_choice = themes.values()
    assert by_media == by_choice
    for name, theme in (("light", light), ("dark", by_choice)):
        pairs = [(one, ground, 4.5) for one in TEXTS for ground in GROUNDS]
        pairs += [
            (one, ground, 4.5) for one in (*CODE, "ink", "accent") for ground in ("surface", "accent-soft")
        ]
        pairs += [(one, ground, 3.0) for one in LINES for ground in ("bg", "surface")]
        pairs += [("on-accent", "accent", 4.5), ("muted", "surface", 4.5), ("bg", "ink", 4.5)]
        for one, ground, least in pairs:
            ratio = contrast(theme[one], theme[ground])
            assert ratio >= least, f"{name}: {one} on {ground} is {ratio:.2f}"


def test_the_style_has_no_colour_beside_its_palette() -> None:
    """What the test above did not look at."""
    rules = re.sub(r"(:root[^{]*)\{[^}]*\}", "", STYLE.read_text())
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;, ])", rules) == []
    assert "http" not in rules
    assert "@import" not in rules
