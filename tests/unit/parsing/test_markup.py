"""Headings: what is one, what only looks like one, and the trail they make."""

from __future__ import annotations

import pytest

from loccit.core.chunks import ChunkKind
from loccit.parsing import ParsingOptions, parse

APART = ParsingOptions(min_chunk_bytes=0)


def trails(text: str, language: str) -> list[str]:
    """Symbols of the sections, joined ones left apart; every heading has some text below it."""
    return [chunk.symbol for chunk in parse(text.encode(), language=language, options=APART).chunks]


def test_headings_make_a_trail() -> None:
    """A chunk's symbol is the headings above it; a level that is skipped does no harm."""
    text = "# A\nt\n### B\nt\n## C #\nt\nD\n=\nt\n\nE\n---\nt\n"
    assert trails(text.replace("D\n=", "\nD\n="), "markdown") == ["A", "A > B", "A > C", "D", "D > E"]


def test_a_heading_without_text_of_its_own_joins_the_one_below_it() -> None:
    """A bare heading is no passage; its title is in the trail of the next."""
    assert trails("# A\n\n## B\n\nText.\n", "markdown") == ["A > B"]
    assert trails("A\n=\n\nB\n-\n\nText.\n", "rst") == ["A > B"]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# comment\n```\n",
        "~~~\n```\n# comment\n~~~\n",
        "- item\n\n  ```\n# comment\n  ```\n",
        "````\n```\n# comment\n````\n",
        "```\n# never closed\n",
        "<!--\n# comment\n-->\n",
        "<pre>\n# raw\n</pre>\n",
        "    # indented\n",
        "> # quoted\n",
        "- # listed\n",
        "#hashtag\n",
        "####### seven\n",
        "- item\n---\n",
        "two lines\nof text\n---\n",
        "| a |\n---\n",
        "\n---\n",
        "---\n# front: matter\n---\n",
    ],
)
def test_what_only_looks_like_a_markdown_heading_is_none(text: str) -> None:
    """Code, comments, lists, quotes, rules and front matter have no headings of the document."""
    assert trails(f"{text}\nText.\n", "markdown") == [""]


def test_text_after_a_fence_has_headings_again() -> None:
    """A fence closes with as many of its own characters, and nothing after them."""
    assert trails("```a\n``` b\n# no\n`````\n# Yes\nt\n", "markdown") == ["", "Yes"]


def test_a_document_without_headings_is_text() -> None:
    """There is no structure that we know."""
    for language in ("markdown", "rst", "html"):
        (chunk,) = parse(b"Only words.\n", language=language).chunks
        assert (chunk.kind, chunk.symbol) == (ChunkKind.TEXT, "")


def test_rst_levels_follow_the_order_of_adornments() -> None:
    """An overline makes another style; the first style seen is the highest."""
    text = "====\nTop_\n====\nt\n\nA\n====\nt\n\nB\n~~~~\nt\n\nC\n====\nt\n\n====\nEnd\n====\nt\n"
    assert trails(text, "rst") == ["Top_", "Top_ > A", "Top_ > A > B", "Top_ > C", "End"]


def test_rst_targets_above_a_title_belong_to_its_section() -> None:
    """A reference leads to the title, so both are in one chunk."""
    data = b"A\n=\nt\n\n.. index:: b\n.. _b:\n\nB\n=\nt\n"
    second = parse(data, language="rst", options=APART).chunks[1]
    assert data[second.start_byte :] == b".. index:: b\n.. _b:\n\nB\n=\nt\n"


@pytest.mark.parametrize(
    "text",
    [
        "    A\n    =====\n",
        "two lines\nof text\n=======\n",
        "\n-----\n",
        "====  ====\na     b\n====  ====\n",
        "long title\n==\n",
        "A\n=- =\n",
    ],
)
def test_what_only_looks_like_an_rst_title_is_none(text: str) -> None:
    """Literal blocks, transitions, tables and underlines that are too short."""
    assert trails(f"t\n\n{text}\nt\n", "rst") == [""]


def test_html_headings_are_read_without_their_tags() -> None:
    """Entities and inner tags are resolved; comments, scripts and text areas are passed over."""
    text = (
        "<H1 class='a'>A &amp; <b>B</b></H1>\nt\n<!-- <h2>no</h2> -->\n<script>'<h2>no</h2>'</script>\n"
        "<textarea><h2>no</h2></textarea>\n<h2\n id=c>C\n</h2>\nt\n<h2>open\n<h3>D</h3>\nt\n"
    )
    assert trails(text, "html") == ["A & B", "A & B > C", "A & B > C > D"]
