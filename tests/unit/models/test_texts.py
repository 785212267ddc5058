"""What a model says and what it thinks, and how many tokens there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.calls import Message, ModelCall, Speaker
from loccit.models import tokens
from loccit.models.thoughts import Spoken
from loccit.models.transport import is_loopback


def spoken(*pieces: str) -> str:
    filter_ = Spoken()
    return "".join(filter_.take(piece) for piece in pieces) + filter_.rest()


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("<think>hm</think>\n\nyes", "yes"),
        ("\n<think>\nhm\n</think>{}", "{}"),
        ("yes <think>hm</think>", "yes <think>hm</think>"),
        ("<think>never ends", ""),
        ("<thin", "<thin"),
        ("  <", "  <"),
        ("<thinking>x</thinking>", "<thinking>x</thinking>"),
        ("", ""),
    ],
)
def test_only_a_thought_at_the_very_beginning_is_left_out(said: str, heard: str) -> None:
    assert spoken(said) == heard
    assert spoken(*said) == heard


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think", ">", " ", "\n", "a", "é"])), st.data())
def test_what_is_heard_does_not_depend_on_the_pieces(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert spoken(*pieces) == spoken(text)


@given(st.text(max_size=200))
def test_a_bound_is_never_below_the_estimate(text: str) -> None:
    call = ModelCall("a", (Message(Speaker.USER, text),), "p@1")
    assert tokens.estimate(call) <= tokens.bound(call, 1.0) <= tokens.bound(call, 3.0)
    assert tokens.bound(call, 1e9) <= len(text.encode()) + 16


def test_tokens_are_counted() -> None:
    assert tokens.count("") == 0
    assert tokens.count("hello world") == 2
    assert tokens.count("<|endoftext|>") > 1  # as text, never as a sign of its own
    assert tokens.count("\ud800") > 0


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:9/", True),
        ("http://127.9.9.9/", True),
        ("http://localhost.example/v1", False),
        ("http://127.0.0.1.example/", False),
        ("https://api.openai.com/v1", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_address(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here
