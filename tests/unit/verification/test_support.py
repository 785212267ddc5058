"""A claim is checked against its passages by words, names, numbers and negations, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.answers import VerdictLabel
from loccit.verification.support import (
    CHECKER,
    DROPPED_BELOW,
    SUPPORTED_FROM,
    Premise,
    check_support,
    explain_support,
)

RETRIES = Premise(
    """def with_retries(ask, attempts=3, pause_s=0.5):
    for attempt in range(attempts):
        try:
            return ask()
        except TimeoutError:
            if attempt + 1 == attempts:
                raise
            time.sleep(pause_s * 2**attempt)
""",
    path="parcels/retries.py",
    symbol="with_retries",
)
PRICES = Premise(
    """def price_of(weight_kg: float, zone: str) -> float:
    if weight_kg > 30:
        raise TooHeavy(weight_kg)
    return RATES[zone] * weight_kg
""",
    path="parcels/prices.py",
    symbol="price_of",
)
DROPPED = {VerdictLabel.UNSUPPORTED, VerdictLabel.CONTRADICTED}


@pytest.mark.parametrize(
    ("claim", "premise"),
    [
        ("with_retries sleeps after a TimeoutError before the next attempt.", RETRIES),
        ("The pause is multiplied by two for each attempt.", RETRIES),
        ("price_of raises TooHeavy when the weight is more than 30.", PRICES),
        ("The price is the rate of the zone times the weight.", PRICES),
    ],
)
def test_what_the_passage_says_is_kept(claim: str, premise: Premise) -> None:
    verdict = check_support(claim, [premise])
    assert verdict.label not in DROPPED
    assert verdict.checker == CHECKER


@pytest.mark.parametrize(
    ("claim", "premise", "kind"),
    [
        ("price_of raises TooHeavy when the weight is more than 45.", PRICES, "number"),
        ("with_retries does not sleep after a TimeoutError.", RETRIES, "negation"),
        ("with_retries tries again after a ConnectionRefused.", RETRIES, "identifier"),
        ("It deletes every user from the database and sends an e-mail.", RETRIES, "behaviour"),
    ],
)
def test_a_claim_falls_by_what_is_wrong_with_it(claim: str, premise: Premise, kind: str) -> None:
    findings = explain_support(claim, [premise])
    assert findings.verdict.label in DROPPED
    assert findings.falls_by == kind
    expected = VerdictLabel.UNSUPPORTED if kind == "behaviour" else VerdictLabel.CONTRADICTED
    assert findings.verdict.label is expected


def test_it_says_what_the_passages_lack() -> None:
    messages = {
        one.kind: one.message
        for one in explain_support("price_of raises ParcelRefused above 45.", [PRICES]).disagreements
    }
    assert messages["number"] == "the number 45 is not in the passages"
    assert messages["identifier"] == "the name 'ParcelRefused' is not in the passages"


def test_a_quote_that_is_not_in_the_text_counts_as_part_of_it() -> None:
    alone = explain_support("The limit is 45.", [PRICES])
    quoted = Premise(PRICES.text, PRICES.path, PRICES.symbol, quotes=("LIMIT_KG = 45",))
    assert [one.kind for one in alone.disagreements if one.kind == "number"] == ["number"]
    assert not [
        one for one in explain_support("The limit is 45.", [quoted]).disagreements if one.kind == "number"
    ]


@pytest.mark.parametrize("claim", ["", "   ", "...", "\x00"])
def test_a_claim_that_says_nothing_is_unsupported(claim: str) -> None:
    assert check_support(claim, [PRICES]).label is VerdictLabel.UNSUPPORTED


def test_a_claim_without_passages_is_unsupported() -> None:
    assert check_support("The price is the rate of the zone.", []).label is VerdictLabel.UNSUPPORTED


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=3), st.text(max_size=20))
def test_any_text_has_a_verdict_that_agrees_with_its_score(claim: str, texts: list[str], name: str) -> None:
    verdict = check_support(claim, [Premise(text, path=name, symbol=name) for text in texts])
    assert verdict.score is not None
    assert 0.0 <= verdict.score <= 1.0
    if verdict.score >= SUPPORTED_FROM:
        assert verdict.label is VerdictLabel.SUPPORTED
    elif verdict.score >= DROPPED_BELOW:
        assert verdict.label is VerdictLabel.PARTLY
    else:
        assert verdict.label in DROPPED


@given(
    st.sampled_from(["It raises TooHeavy above 30.", "It sleeps twice.", "No zone has a rate."]), st.data()
)
def test_the_order_of_passages_changes_nothing(claim: str, data: st.DataObject) -> None:
    premises = [RETRIES, PRICES, Premise("Zones and rates.", path="README.md")]
    assert check_support(claim, premises) == check_support(claim, data.draw(st.permutations(premises)))


def test_a_megabyte_of_passage_is_read() -> None:
    long = Premise("\n".join(f"value_{n} = {n}" for n in range(60_000)), path="a.py")
    assert check_support("value_7 is 7.", [long]).label is not None
