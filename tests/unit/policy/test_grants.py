"""What words grant, and that nothing widens it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.policy.grants import Constraint, Grant, Request, grants_of, narrowed
from loccit.policy.policy_file import parse_policy, shipped_policy
from loccit.policy.values import ValueKind
from tests.simulated_tools import MAIL

POLICY = parse_policy(MAIL)


def tools(words: str) -> set[str]:
    return {grant.tool for grant in grants_of(POLICY, Request(words))} - {"read_inbox", "find_contact"}


@pytest.mark.parametrize(
    ("words", "granted"),
    [
        ("send Ana an email", {"send_email"}),
        ("E-mail Ana", {"send_email"}),
        ("pay the invoice, and delete it", {"pay", "delete_email"}),
        ("what is new?", set()),
        ("prepay nothing", set()),
        ("do not pay it. Delete it", {"delete_email"}),
        ("don't send any email", set()),
        ("never delete; pay", {"pay"}),
        ("pay it without an email", {"pay"}),
        ("add her email address to my notes", set()),
    ],
)
def test_words_grant_tools(words: str, granted: set[str]) -> None:
    """All words of a list, and none that the request denies."""
    assert tools(words) == granted


def test_uses_are_more_where_the_request_means_many() -> None:
    """Each, every, all."""
    many = parse_policy(MAIL.replace("uses = 2", "uses = 2\nuses_of_many = 9"))
    uses = {
        words: next(grant.uses for grant in grants_of(many, Request(words)) if grant.tool == "send_email")
        for words in ("email Ana", "email each of them")
    }
    assert uses == {"email Ana": 2, "email each of them": 9}


def test_a_policy_that_needs_facts_gets_them_or_refuses() -> None:
    """The fix of no repository is nobody's."""
    with pytest.raises(InputError, match="repository"):
        grants_of(shipped_policy("fix"), Request("fix it"))
    facts = {"repository": "../evil", "issue": "7", "branch": "loccit/fix-7", "base": "main"}
    with pytest.raises(InputError, match="no repository"):
        grants_of(shipped_policy("fix"), Request("fix it", facts))


def test_a_proposal_makes_grants_narrower_and_never_wider() -> None:
    """Fewer tools, fewer uses, fewer values; what it invents counts for nothing."""
    bound = {"to": Constraint(ValueKind.NAME, frozenset({"ana", "bo"}))}
    grants = (Grant("send", 3, bound), Grant("pay", 1), Grant("look", None))
    proposed = (
        Grant("send", 9, {"to": Constraint(ValueKind.NAME, frozenset({"bo", "eve"}))}),
        Grant("look", 2),
        Grant("launch", 1),
    )
    found = {grant.tool: grant for grant in narrowed(grants, proposed)}
    assert set(found) == {"send", "look"}
    assert (found["send"].uses, found["look"].uses) == (3, 2)
    assert found["send"].arguments["to"].values == frozenset({"bo"})


VALUES = st.none() | st.frozensets(st.sampled_from(["ana", "bo", "eve"]))


@given(
    VALUES,
    VALUES,
    st.none() | st.integers(1, 9),
    st.none() | st.integers(1, 9),
    st.sampled_from(["ana", "bo", "eve", "x"]),
)
def test_what_a_narrowed_grant_admits_the_grant_admitted(
    values: frozenset[str] | None,
    wished: frozenset[str] | None,
    uses: int | None,
    fewer: int | None,
    value: str,
) -> None:
    """For all values and uses."""
    before = Grant("send", uses, {"to": Constraint(ValueKind.NAME, values)})
    (after,) = narrowed([before], [Grant("send", fewer, {"to": Constraint(ValueKind.NAME, wished)})])
    assert not before.arguments["to"].problem_of(value) or after.arguments["to"].problem_of(value)
    assert uses is None or (after.uses is not None and after.uses <= uses)
