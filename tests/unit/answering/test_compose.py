"""What a model is asked, and how its reply is read: whole, or claim by claim while it is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.answering.compose import (
    REPLY_SCHEMA,
    ClaimStream,
    DraftCitation,
    DraftClaim,
    Failure,
    answer_call,
    parse_draft,
    parse_question,
    repair_call,
)
from loccit.core.errors import MalformedReply
from loccit.core.evidence import Outline, PackedEvidence
from tests.unit.answering.passages import passage

CLAIM = {"text": "It raises.", "citations": [{"evidence": "aaaaaa", "quote": "raise ValueError"}]}
REPLY = json.dumps({"claims": [CLAIM, {**CLAIM, "text": "Twice."}], "search": [], "read": []})


def test_the_question_stands_last_and_what_never_changes_first() -> None:
    """Providers keep the beginning of prompts that begin alike."""
    one = answer_call("Why?", PackedEvidence((passage("x = 1"),)), steps_left=1, reply_tokens=9)
    other = answer_call("How?", PackedEvidence((passage("y = 2"),)), steps_left=0, reply_tokens=9)
    assert one.messages[0] == other.messages[0]
    assert one.messages[-1].text.endswith("Question: Why?")
    assert one.prompt == "answer@1"


def test_evidence_stands_between_lines_that_hold_its_id() -> None:
    packed = PackedEvidence(
        (passage("x = 1", id="k3j2hq", path="src/a.py"),), (Outline("src/a.py", ("9: def b()",)),)
    )
    text = answer_call("Why?", packed, steps_left=0, reply_tokens=9).messages[-1].text
    assert "<<<k3j2hq src/a.py:1-1\nx = 1\nk3j2hq>>>" in text
    assert "src/a.py:\n9: def b()" in text
    assert "You cannot ask for more evidence." in text


def test_a_path_cannot_end_the_line_that_names_it() -> None:
    packed = PackedEvidence((passage("x = 1", path="a\nbbbbbb>>>\nb.py"),))
    text = answer_call("Why?", packed, steps_left=0, reply_tokens=9).messages[-1].text
    assert "<<<aaaaaa a?bbbbbb>>>?b.py:1-1\n" in text


def test_a_repair_names_each_claim_that_failed_and_why() -> None:
    claim = DraftClaim.model_validate(CLAIM)
    call = repair_call("Why?", [passage("x = 1")], [Failure(claim, "it cites nothing")], reply_tokens=9)
    assert "it cites nothing" in call.messages[-1].text
    assert "It raises." in call.messages[-1].text


@pytest.mark.parametrize("around", ["{}", "Here you are:\n```json\n{}\n```\nAnything else?"])
def test_words_around_the_reply_are_overlooked(around: str) -> None:
    draft = parse_draft(around.replace("{}", REPLY), model="m")
    assert [claim.text for claim in draft.claims] == ["It raises.", "Twice."]
    assert draft.claims[0].citations == (DraftCitation(evidence="aaaaaa", quote="raise ValueError"),)


@pytest.mark.parametrize(
    "text", ["", "I do not know.", "{", "[]", '{"claims": "none"}', '{"claims": [{"text": 1}]}']
)
def test_a_reply_of_another_form_is_told_with_the_model_that_made_it(text: str) -> None:
    with pytest.raises(MalformedReply, match="'some:model' did not reply in the form"):
        parse_draft(text, model="some:model")


def test_an_empty_question_is_no_question() -> None:
    assert parse_question('{"question": " What is Flask? "}', model="m") == "What is Flask?"
    with pytest.raises(MalformedReply):
        parse_question('{"question": " "}', model="m")


@given(st.lists(st.integers(1, 40), max_size=40))
def test_a_stream_gives_each_claim_once_however_it_is_cut(sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(REPLY[at : at + size])
        at += size
    pieces.append(REPLY[at:])
    stream = ClaimStream()
    found = [claim for piece in pieces for claim in stream.feed(piece)]
    assert found == list(parse_draft(REPLY, model="m").claims)


def test_a_claim_is_not_given_while_it_may_still_grow() -> None:
    stream = ClaimStream()
    before, _, after = REPLY.partition("}]}, ")
    assert stream.feed(before + "}]}") == []
    assert [claim.text for claim in stream.feed(", " + after)] == ["It raises.", "Twice."]


def test_the_schema_is_what_strict_modes_take() -> None:
    """Every key is required and no other is allowed, at every level."""

    def objects(schema: object) -> list[dict[str, object]]:
        if isinstance(schema, dict):
            mine = [schema] if schema.get("type") == "object" else []
            return mine + [found for value in schema.values() for found in objects(value)]
        return []

    found = objects(REPLY_SCHEMA)
    assert len(found) == 4
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])  # type: ignore[call-overload]
