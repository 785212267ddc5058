"""Rules fire on what is there, stay silent on noise, and are read strictly."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from loccit.budgets.accounting import BudgetRow
from loccit.core.errors import SettingsError
from loccit.evals.alert_rules import AlertRules, read_rules
from loccit.evals.alerts import Watched, difference, readings
from loccit.evals.statistics import mean, proportion
from loccit.telemetry.alerts import Reading
from loccit.telemetry.metrics import Counts, Minute
from loccit.telemetry.scores import RunScore

# 2026-01-10 12:00 UTC: half of the day, 9.5 of 31 days.
NOW = 1768046400.0
DAY = 86_400.0


def rules(**rule: object) -> AlertRules:
    return AlertRules.model_validate({"rules": [{"name": "one", **rule}]})


def watched(
    *,
    budgets: Sequence[BudgetRow] = (),
    scores: Sequence[RunScore] = (),
    counts: Counts | None = None,
    ages: Mapping[str, float] | None = None,
) -> Watched:
    return Watched(
        budgets=lambda: budgets,
        scores=lambda metric, since, until: [
            score for score in scores if score.metric == metric and since <= score.at < until
        ],
        counts=lambda: counts or Counts(),
        index_age_s=lambda: ages or {},
    )


def said(of: AlertRules, facts: Watched, now: float = NOW) -> Reading:
    (found,) = readings(of, facts, now)
    assert not (found.fires and found.clears)
    return found


def budget(spent: str, per: str = "month") -> BudgetRow:
    return BudgetRow(f"total per {per}", per, Decimal(10), Decimal(spent), Decimal(0))  # type: ignore[arg-type]


def test_a_budget_fires_at_its_share() -> None:
    rule = rules(kind="budget_burn", share=0.8)
    assert not said(rule, watched(budgets=[budget("7.99")])).fires
    found = said(rule, watched(budgets=[budget("8")]))
    assert found.fires
    assert (found.subject, found.value, found.bound) == ("total per month", 0.8, 0.8)
    assert found.message == "80% of the budget of total per month is spent"
    assert said(rule, watched(budgets=[budget("7.99")])).clears


def test_a_budget_fires_where_its_end_is_in_sight() -> None:
    """Of a month 9.5 of 31 days have passed: 3.3 of 10 dollars are 10.8 by its end."""
    rule = rules(kind="budget_burn", share=0.9, projected_share=1.0)
    assert not said(rule, watched(budgets=[budget("3.0")])).fires
    found = said(rule, watched(budgets=[budget("3.3")]))
    assert found.fires
    assert found.value == pytest.approx(0.33 * 31 / 9.5)
    assert "at this pace 108%" in found.message
    assert said(rule, watched(budgets=[budget("5.1", "day")])).fires
    assert not said(rule, watched(budgets=[budget("8.9", "ever")])).fires
    assert not said(rule, watched(budgets=[budget("8.9", "day")]), NOW - DAY / 2 + 60).fires


def test_a_budget_of_nothing_says_nothing() -> None:
    nothing = BudgetRow("total per day", "day", Decimal(0), Decimal(0), Decimal(0))
    assert readings(rules(kind="budget_burn"), watched(budgets=[nothing]), NOW) == []


def score(number: int, at: float, value: float) -> RunScore:
    return RunScore(f"{number:032x}", "claims.supported", "run", "1", value, at)


def answers(chance: random.Random, days: float, per_day: int, end: float, *, share: float) -> list[RunScore]:
    """Answers of four claims each, at random times up to `end`."""
    return [
        score(
            chance.getrandbits(100),
            end - days * DAY * chance.random(),
            sum(chance.random() < share for _ in range(4)) / 4,
        )
        for _ in range(round(days * per_day))
    ]


@pytest.mark.parametrize("seed", range(3))
def test_noise_fires_no_alert(seed: int) -> None:
    """Six weeks of answers that are as good every day, looked at every three hours."""
    chance = random.Random(seed)
    rule = rules(kind="groundedness_drop")
    scores = answers(chance, 50, 60, NOW, share=0.85)
    fired = 0
    for look in range(42 * 8):
        found = said(rule, watched(scores=scores), NOW - look * 3 * 3600)
        fired += found.fires
    assert fired == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_drop_fires_and_is_over_when_it_is_mended(seed: int) -> None:
    chance = random.Random(seed)
    rule = rules(kind="groundedness_drop")
    week = answers(chance, 7, 60, NOW - DAY, share=0.85)
    worse = said(rule, watched(scores=[*week, *answers(chance, 1, 60, NOW, share=0.55)]))
    assert worse.fires
    assert worse.value == pytest.approx(-0.3, abs=0.1)
    assert "claims.supported is" in worse.message
    assert "(60 answers)" in worse.message
    mended = said(rule, watched(scores=[*week, *answers(chance, 1, 60, NOW, share=0.88)]))
    assert mended.clears


def test_too_few_answers_tell_nothing() -> None:
    rule = rules(kind="groundedness_drop", least_answers=30)
    week = [score(number, NOW - 2 * DAY, 1.0) for number in range(500)]
    found = said(rule, watched(scores=[*week, *(score(1000 + n, NOW - 5, 0.0) for n in range(29))]))
    assert (found.fires, found.clears) == (False, False)
    assert said(rule, watched(scores=[*week, *(score(1000 + n, NOW - 5, 0.0) for n in range(30))])).fires


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe (1998), method 10: 56/70 against 48/80 is 0.2, from 0.0524 to 0.3339."""
    found = difference(proportion(56, 70), proportion(48, 80))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    same = mean({"a": 1.0, "b": 0.5, "c": 0.0})
    estimate, low, high = difference(same, same)
    assert estimate == 0
    assert low == pytest.approx(-high)


def minute(requests: int, *, slow: int = 0, failed: int = 0) -> Counts:
    step = math.ceil(math.log(3.0) / math.log(1.05))
    times = {step: slow, -40: requests - slow}
    return Counts(minutes={int(NOW // 60): Minute(requests, failed, times)})


def test_slow_requests_fire_where_they_are_surely_more_than_one_in_twenty() -> None:
    rule = rules(kind="latency", p95_s=2.0)
    assert said(rule, watched(counts=minute(200, slow=40))).fires
    near = said(rule, watched(counts=minute(200, slow=12)))
    assert (near.fires, near.clears) == (False, False)
    assert said(rule, watched(counts=minute(200, slow=10))).clears
    few = said(rule, watched(counts=minute(49, slow=49)))
    assert (few.fires, few.clears) == (False, False)
    assert not said(rule, watched(counts=minute(200, slow=40)), NOW + 601).fires
    assert (
        "p95 of 200 requests in 10 minutes is 3." in said(rule, watched(counts=minute(200, slow=40))).message
    )


def test_failures_fire_where_they_are_surely_too_many() -> None:
    rule = rules(kind="error_rate", share=0.02)
    found = said(rule, watched(counts=minute(200, failed=20)))
    assert found.fires
    assert found.message == "20 of 200 requests in 10 minutes failed"
    assert not said(rule, watched(counts=minute(200, failed=5))).fires
    assert said(rule, watched(counts=minute(200, failed=4))).clears


def test_old_indexes_fire_one_by_one() -> None:
    facts = watched(ages={"parcels": 50 * 3600.0, "letters": 3600.0})
    letters, parcels = readings(rules(kind="index_age", hours=48), facts, NOW)
    assert (parcels.subject, parcels.fires, parcels.message) == (
        "parcels",
        True,
        "parcels was indexed 50.0 hours ago",
    )
    assert letters.clears
    assert said(rules(kind="index_age", repository="letters"), facts).subject == "letters"


def test_only_what_a_rule_wants_is_looked_at() -> None:
    def never(*_: object) -> object:
        raise AssertionError

    facts = Watched(never, never, never, lambda: {"a": 1.0})  # type: ignore[arg-type]
    assert said(rules(kind="index_age"), facts).clears


def test_the_rules_of_the_documentation_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "alerts.md").read_text()
    (tmp_path / "alerts.toml").write_text(page.split("```toml\n")[2].split("```")[0])
    found = read_rules(tmp_path / "alerts.toml")
    assert [rule.kind for rule in found.rules] == [
        "budget_burn",
        "groundedness_drop",
        "latency",
        "error_rate",
        "index_age",
    ]
    assert found.webhook is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = 1", "rules"),
        ('[[rules]]\nname = "a"\nkind = "weather"', "kind"),
        ('[[rules]]\nname = "a"\nkind = "latency"', "p95_s"),
        ('[[rules]]\nname = "a"\nkind = "latency"\np95_s = 1\ncolour = 2', "colour"),
        ('[[rules]]\nname = "a"\nkind = "latency"\np95_s = 1\nwindow_minutes = 61', "window_minutes"),
        (
            '[[rules]]\nname = "a"\nkind = "index_age"\n[[rules]]\nname = "a"\nkind = "index_age"',
            "called 'a'",
        ),
        ('[webhook]\nurl = "file:///etc/passwd"', "url"),
        ("[[rules]", "no? ?TOML|not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "alerts.toml").write_text(text)
    with pytest.raises(SettingsError, match=problem):
        read_rules(tmp_path / "alerts.toml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the rules"):
        read_rules(tmp_path / "alerts.toml")
