"""A comment says what the triage says, and nothing in it acts, whatever the issue and the repository hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from loccit.core.triage import Triage, parse_triage, seal
from loccit.pipeline.issue_comment import (
    MARKER,
    MOST_CHARS,
    Web,
    as_code,
    comment_of,
    has_something_to_say,
)

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "loccit-triage-1.example.json"
GITHUB = Web("github.com/acme/parcels", "github.com")

HOSTILE = (
    "@maintainer @acme/everyone",
    "fixes #1, closes acme/other#2 and GH-3",
    "![pixel](https://evil.example/x.png)",
    "[click](javascript:alert(1)) <https://evil.example>",
    "<img src=https://evil.example/x> <script>alert(1)</script>",
    "</details> <!-- loccit-triage -->",
    "``` `` ` \\` ~~~",
    "a\n\n/close\n/loccit quiet\n# Heading\n- list",
    "x\u202etxt.exe\u200b\u2066 \x1b[31m\x00\r",
    "|table|\n|---|\n<details>",
    "$`math`$ :tada: https://evil.example/ www.evil.example evil@evil.example",
    "",
    "`",
    " ",
    "]( https://evil.example )",
)


def hostile(document: Any, text: str) -> Any:
    """The document with this text in place of every text that others wrote."""
    if isinstance(document, dict):
        return {
            name: text or "-"
            if name in {"title", "text", "symbol", "label", "name", "question"} and isinstance(value, str)
            else [text or "-"]
            if name in {"reasons", "evidence", "paths"} and value and isinstance(value[0], str)
            else (f"{text}/x.py".replace("\0", "") if isinstance(value, str) else value)
            if name == "path"
            else hostile(value, text)
            for name, value in document.items()
        }
    return [hostile(one, text) for one in document] if isinstance(document, list) else document


def example(text: str | None = None) -> Triage:
    found = parse_triage(EXAMPLE.read_bytes())
    fields = found.model_dump(mode="json")
    fields["duplicates"] = [{**one, "probability": 0.9} for one in fields["duplicates"]]
    if text is not None:
        fields = hostile(fields, text)
    del fields["format"], fields["digest"]
    return seal(**fields)


def acting(comment: str) -> list[str]:
    """What a renderer makes of a comment that is not ours: links elsewhere, images, HTML, texts outside of
    code that a tracker looks for mentions and references in.
    """
    ours = {MARKER, "<sub>", "</sub>", "<details>", "</details>", "<summary>", "</summary>"}
    found: list[str] = []
    for block in MarkdownIt("commonmark").parse(comment):
        if block.type == "html_block":
            rest = block.content
            for tag in ours:
                rest = rest.replace(tag, "")
            found += [rest.strip()] if "<" in rest else []
        for token in block.children or []:
            if token.type == "image" or (token.type == "html_inline" and token.content not in ours):
                found.append(token.content)
            if token.type == "link_open":
                address = str(token.attrs["href"])
                if not re.match(r"https://(redirect\.)?github\.com/acme/parcels/", address):
                    found.append(address)
            if token.type == "text":
                found += re.findall(r"[@#!`<>]\S*|https?:\S*|www\.\S*|/close|evil", token.content)
    return found


def test_it_says_files_functions_duplicates_and_culprits_with_permanent_links() -> None:
    triage = example()
    comment = comment_of(triage, GITHUB)
    commit = triage.snapshots[0].commit
    assert comment.startswith(MARKER)
    assert f"https://github.com/acme/parcels/blob/{commit}/{triage.suspects[0].path}" in comment
    assert f"/commit/{triage.culprits[0].commit})" in comment
    assert "over 99%" in comment or "%" in comment
    assert has_something_to_say(triage)
    if triage.duplicates:
        assert f"https://redirect.github.com/acme/parcels/issues/{triage.duplicates[0].id}" in comment


def test_a_server_of_ones_own_is_linked_like_the_known_one() -> None:
    comment = comment_of(example(), Web("git.example.org:8443/g/sub/p", "gitlab.com"))
    assert "https://git.example.org:8443/g/sub/p/-/blob/" in comment
    assert "redirect." not in comment


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_others_wrote_acts(text: str) -> None:
    comment = comment_of(example(text), GITHUB)
    assert acting(comment) == []
    assert comment.startswith(MARKER)
    assert not re.search(r"^\s*/", comment, re.MULTILINE), "no line begins as a command"
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200b]", comment)


@given(st.text(max_size=400))
def test_any_text_is_one_code_span(text: str) -> None:
    """It is shown as code, whole, on one line; so nothing in it is looked at by a tracker."""
    (block,) = [b for b in MarkdownIt("commonmark").parse(f"x {as_code(text)} y") if b.type == "inline"]
    assert [token.type for token in block.children or []] == ["text", "code_inline", "text"]
    assert len(as_code(text)) <= 162


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3_000))
def test_a_comment_is_never_longer_than_it_may_be(text: str) -> None:
    triage = example(text)
    suspect = triage.suspects[0]
    wide = suspect.model_copy(update={"functions": suspect.functions * 20, "reasons": suspect.reasons * 20})
    long = triage.model_copy(
        update={
            "suspects": (wide,) * 30,
            "culprits": triage.culprits * 30,
            "duplicates": triage.duplicates * 30,
        }
    )
    assert len(comment_of(long, GITHUB)) <= MOST_CHARS
    assert acting(comment_of(long, GITHUB)) == []


def test_without_suspects_there_is_something_to_say_only_where_it_was_seen_before() -> None:
    found = example()
    silent = found.model_copy(update={"suspects": (), "culprits": (), "duplicates": ()})
    assert not has_something_to_say(silent)
    assert "too little" in comment_of(silent, GITHUB)
    assert acting(comment_of(silent, GITHUB)) == []
