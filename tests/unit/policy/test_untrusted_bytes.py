"""What untrusted bytes can do to a decision: nothing, but make it stricter."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.policy.secrets import find_secrets
from tests.untrusted_histories import History, histories, moved, texts, widened


@settings(max_examples=200, deadline=None)
@given(histories())
def test_no_untrusted_text_allows_what_was_not_allowed_without_it(history: History) -> None:
    """Whatever it says, and whatever a model makes of it."""
    assert widened(history) == []


@settings(max_examples=200, deadline=None)
@given(histories(), st.lists(texts(), min_size=3, max_size=3))
def test_changing_untrusted_bytes_changes_no_decision(history: History, others: list[str]) -> None:
    """Where no key is among them, which would make decisions stricter."""
    other = tuple(others[: len(history.texts)])
    assert not any(map(find_secrets, [*history.texts, *other]))
    assert moved(history, other) == []
