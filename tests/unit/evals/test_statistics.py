"""Intervals hold as often as they say, agree with closed forms, and refuse what they cannot count."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.evals.statistics import (
    Interval,
    Scale,
    Spread,
    all_of,
    any_of,
    holm,
    mean,
    paired_difference,
    paired_ratio,
    pilot_spread,
    proportion,
    quantile,
    randomisation_test,
    ratio_spread,
    required_samples,
    spread,
    student_quantile,
)

SCORE = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0])
SCORES = st.lists(SCORE, min_size=1, max_size=30)
PAIRS = st.lists(st.tuples(SCORE, SCORE, st.integers(0, 4)), min_size=2, max_size=30)


def named(values: object) -> dict[str, float]:
    return {f"s{at}": float(value) for at, value in enumerate(values)}  # pyright: ignore


def groups(size: int, each: int) -> dict[str, str]:
    return {f"s{at}": f"g{at // each}" for at in range(size)}


def coverage(draw: Callable[[], Interval], truth: float, rounds: int) -> float:
    found = [draw() for _ in range(rounds)]
    return sum(each.low <= truth <= each.high for each in found) / rounds


def documents(random: np.random.Generator, share: float) -> np.ndarray:
    """One 0 or 1 for each of 5 questions about each of 40 documents, of which some are harder than others."""
    easy = random.beta(share * 2, (1 - share) * 2, 40)
    return (random.random((40, 5)) < easy[:, None]).astype(float).ravel()


class TestCoverage:
    """Simulated: how often the truth is inside."""

    def test_a_mean_over_documents_is_covered_as_often_as_it_says(self) -> None:
        """40 documents with 5 questions each, easy and hard ones: 95 % means 95 %."""
        random = np.random.default_rng(3)
        by_document = groups(200, 5)
        held = coverage(lambda: mean(named(documents(random, 0.6)), clusters=by_document), 0.6, 1500)
        assert 0.93 <= held <= 0.97

    def test_without_its_documents_the_same_interval_is_far_too_narrow(self) -> None:
        """Which is why there are groups."""
        random = np.random.default_rng(4)
        assert coverage(lambda: mean(named(documents(random, 0.6))), 0.6, 800) < 0.87

    @pytest.mark.parametrize(("share", "size"), [(0.5, 25), (0.9, 30), (0.97, 100), (0.02, 100)])
    def test_a_mean_near_its_ends_is_covered(self, share: float, size: int) -> None:
        """Few samples and hardly any misses: never far below what it says."""
        random = np.random.default_rng(5)
        held = coverage(lambda: mean(named(random.random(size) < share)), share, 800)
        assert held >= 0.93

    @pytest.mark.parametrize(("better", "worse"), [(0.10, 0.05), (0.01, 0.01), (0.06, 0.0), (0.3, 0.3)])
    def test_a_paired_difference_is_covered(self, better: float, worse: float) -> None:
        """Also where only a handful of samples changed."""
        random = np.random.default_rng(6)

        def draw() -> Interval:
            chance = random.random(200)
            theirs = np.where(chance < better, 0.0, 1.0)
            ours = np.where((chance >= better) & (chance < better + worse), 0.0, 1.0)
            return paired_difference(named(ours), named(theirs))

        assert coverage(draw, better - worse, 800) >= 0.93

    def test_a_paired_difference_over_documents_is_covered(self) -> None:
        """Changes that come in documents, of unequal size."""
        random = np.random.default_rng(7)

        def draw() -> Interval:
            owner = np.repeat(np.arange(40), random.geometric(0.2, 40))
            lean = random.normal(0, 0.05, 40)[owner]
            chance = random.random(len(owner))
            theirs = np.where(chance < 0.15 + lean, 0.0, 1.0)
            ours = np.where(chance > 0.92 + lean, 0.0, 1.0)
            by_document = {f"s{at}": str(number) for at, number in enumerate(owner)}
            return paired_difference(named(ours), named(theirs), clusters=by_document)

        # 15 % + lean go up, 8 % − lean go down; lean is 0 on average.
        assert 0.93 <= coverage(draw, 0.07, 1000) <= 0.975

    def test_an_amount_with_a_long_tail_is_covered_better_than_by_students_t(self) -> None:
        """Seconds per case: a plain t-interval misses one truth in nine, on one side."""
        random = np.random.default_rng(8)
        truth = math.exp(0.5)
        drawn = [random.lognormal(0, 1, 40) for _ in range(250)]
        ours = iter(mean(named(each), scale=Scale.AMOUNT) for each in drawn)
        reach = student_quantile(0.975, 39)
        plain = sum(abs(x.mean() - truth) <= reach * x.std(ddof=1) / math.sqrt(40) for x in drawn) / 250
        assert coverage(lambda: next(ours), truth, 250) > max(0.89, plain + 0.01)

    @pytest.mark.parametrize("share", [0.5, 0.95])
    def test_a_quantile_over_documents_is_covered(self, share: float) -> None:
        """Seconds that are alike within a document: 95 % means 95 %."""
        random = np.random.default_rng(10)
        by_document = groups(200, 5)
        truth = math.exp(0.6 * NormalDist().inv_cdf(share))

        def draw() -> Interval:
            seconds = random.normal(0, 0.4, 40).repeat(5) + random.normal(0, math.sqrt(0.2), 200)
            return quantile(named(np.exp(seconds)), share, clusters=by_document)

        assert 0.92 <= coverage(draw, truth, 400) <= 0.98

    def test_a_ratio_over_documents_is_covered(self) -> None:
        """A tenth slower, with a long tail."""
        random = np.random.default_rng(15)
        by_document = groups(200, 5)

        def draw() -> Interval:
            seconds = random.normal(0, 0.4, 40).repeat(5) + random.normal(0, 0.4, 200)
            ours, theirs = (np.exp(seconds + random.normal(0, 0.3, 200)) for _ in range(2))
            return paired_ratio(named(1.1 * ours), named(theirs), clusters=by_document)

        assert 0.93 <= coverage(draw, 1.1, 2000) <= 0.97

    def test_proportions_are_covered(self) -> None:
        """Wilson's interval at a small share."""
        random = np.random.default_rng(9)
        counts = random.binomial(60, 0.08, 2000)
        intervals = {count: proportion(int(count), 60) for count in set(counts.tolist())}
        held = np.mean([intervals[count].low <= 0.08 <= intervals[count].high for count in counts.tolist()])
        assert 0.93 <= held <= 0.98


class TestDecisions:
    """Simulated: what is found, and what is raised without cause."""

    @staticmethod
    def pair(
        random: np.random.Generator, lost: float, won: float, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        before = random.random(size) < 0.8
        chance = random.random(size)
        after = np.where(before, chance >= lost / 0.8, chance < won / 0.2)
        return before.astype(float), after.astype(float)

    def test_pairing_finds_what_comparing_two_means_does_not(self) -> None:
        """A true drop of 5 points at 200 samples: found in about 70 of 100 cases, against 22 unpaired."""
        random = np.random.default_rng(11)
        paired = unpaired = 0
        for _ in range(400):
            before, after = self.pair(random, 0.065, 0.015, 200)
            paired += paired_difference(named(after), named(before)).high < 0
            _, other = self.pair(random, 0.065, 0.015, 200)
            error = math.sqrt((before.var(ddof=1) + other.var(ddof=1)) / 200)
            unpaired += (other.mean() - before.mean()) / error < -1.96
        assert 0.62 <= paired / 400 <= 0.80
        assert unpaired / 400 <= 0.30

    def test_groups_keep_false_alarms_rare(self) -> None:
        """No true difference, changes that come in documents: 5 % with groups, several times that without."""
        random = np.random.default_rng(12)
        by_document = groups(200, 5)
        naive = clustered = 0
        for _ in range(600):
            lean = np.repeat(random.choice([0.0, 0.5, 1.0], 40, p=[0.2, 0.6, 0.2]), 5)
            changed = random.random(200) < 0.4
            up = random.random(200) < lean
            ours, theirs = named(changed & up), named(changed & ~up)
            naive += paired_difference(ours, theirs).is_clear_of_zero
            clustered += paired_difference(ours, theirs, clusters=by_document).is_clear_of_zero
        assert clustered / 600 <= 0.07
        assert naive / 600 >= 0.09

    def test_the_size_that_it_asks_for_finds_the_difference(self) -> None:
        """90 % power means that nine of ten such comparisons are clear of zero."""
        random = np.random.default_rng(13)
        before, after = self.pair(random, 0.09, 0.03, 4000)
        size = required_samples(spread(named(after), named(before)), 0.06)
        assert 250 < size < 450
        found = 0
        for _ in range(400):
            before, after = self.pair(random, 0.09, 0.03, size)
            found += paired_difference(named(after), named(before)).high < 0
        assert 0.86 <= found / 400 <= 0.95

    def test_the_randomisation_test_alarms_as_rarely_as_it_says(self) -> None:
        """Interchangeable systems have p below 0.05 in 5 % of cases, also over groups."""
        random = np.random.default_rng(14)
        alarms = 0
        for _ in range(400):
            shift = np.repeat(random.normal(0, 0.1, 20), 3)
            ours = named(np.clip(0.5 + shift + random.normal(0, 0.1, 60), 0, 1))
            p = randomisation_test(ours, dict.fromkeys(ours, 0.5), clusters=groups(60, 3), rounds=299)
            alarms += p <= 0.05
        assert 0.02 <= alarms / 400 <= 0.08


class TestClosedForms:
    """Against what can be worked out by hand or is in every table."""

    @pytest.mark.parametrize(
        ("share", "degrees", "expected"),
        [
            (0.975, 1, 12.7062),
            (0.975, 2, 4.30265),
            (0.975, 3, 3.18245),
            (0.975, 10, 2.22814),
            (0.95, 30, 1.69726),
            (0.995, 39, 2.70791),
            (0.975, 120, 1.97993),
            (0.025, 10, -2.22814),
            (0.5, 7, 0.0),
        ],
    )
    def test_quantiles_of_t_are_those_of_the_tables(
        self, share: float, degrees: int, expected: float
    ) -> None:
        """Odd, even, one-sided and lower tail."""
        assert student_quantile(share, degrees) == pytest.approx(expected, abs=6e-5)

    def test_with_many_degrees_of_freedom_t_is_normal(self) -> None:
        """And the work does not grow with them."""
        assert student_quantile(0.975, 10**9) == pytest.approx(NormalDist().inv_cdf(0.975), abs=3e-4)

    def test_wilsons_interval_is_that_of_the_textbook(self) -> None:
        """81 of 263: 0.255 to 0.366 (Newcombe 1998, table I, method 3)."""
        found = proportion(81, 263)
        assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
        nothing = proportion(0, 20)
        assert (nothing.low, round(nothing.high, 4)) == (0.0, 0.1611)

    def test_a_mean_of_hits_is_wilsons_with_t(self) -> None:
        """Without groups the effective sample size is the sample size (less one, for the variance)."""
        found = mean(named([1] * 60 + [0] * 40))
        square = student_quantile(0.975, 99) ** 2
        trials = 99
        middle = (0.6 + square / (2 * trials)) / (1 + square / trials)
        assert (found.low + found.high) / 2 == pytest.approx(middle)
        assert found.estimate == 0.6
        assert (found.samples, found.clusters) == (100, 100)

    def test_samples_said_five_times_count_once(self) -> None:
        """Groups of identical samples give the interval of one sample per group."""
        once = [1.0, 0.0, 0.5, 1.0, 0.25, 0.0, 1.0, 1.0]
        five = mean(named(np.repeat(once, 5)), clusters=groups(40, 5))
        single = mean(named(once))
        assert (five.low, five.high) == pytest.approx((single.low, single.high))
        assert (five.samples, five.clusters) == (40, 8)

    def test_a_difference_of_hits_is_bonetts_and_prices(self) -> None:
        """10 of 200 won, 4 lost: theirs adds one to each and two to the total (their jackknifed variance)."""
        ours, theirs = named([1] * 10 + [0] * 4 + [1] * 186), named([0] * 10 + [1] * 4 + [1] * 186)
        found = paired_difference(ours, theirs)
        middle = (11 - 5) / 202
        variance = (16 / 202 - middle**2) / 201
        reach = student_quantile(0.975, 199) * math.sqrt(variance)
        assert found.estimate == pytest.approx(6 / 200)
        assert (found.low, found.high) == pytest.approx((middle - reach, middle + reach))

    @pytest.mark.parametrize(("won", "is_clear"), [(5, False), (6, True)])
    def test_a_handful_of_changes_decides_as_the_exact_sign_test_does(self, won: int, is_clear: bool) -> None:
        """5 to 0 has p = 0.0625, 6 to 0 has p = 0.03125, however many samples did not change."""
        ours, theirs = named([1] * 200), named([0] * won + [1] * (200 - won))
        assert paired_difference(ours, theirs).is_clear_of_zero is is_clear
        assert randomisation_test(ours, theirs) == pytest.approx(2 / 2**won)

    def test_where_nothing_changed_the_interval_still_has_a_width(self) -> None:
        """200 samples without a change allow for a change in one or two of a hundred."""
        found = paired_difference(named([1] * 200), named([1] * 200))
        assert found.estimate == 0
        assert found.low == -found.high
        assert 0.01 < found.high < 0.02

    def test_all_right_is_not_certainty(self) -> None:
        """20 of 20 may well be nine in ten."""
        found = mean(named([1] * 20))
        assert found.estimate == found.high == 1
        assert 0.8 < found.low < 0.85

    def test_many_groups_are_tested_by_drawing_and_agree_with_the_exact_value(self) -> None:
        """16 to 4: the sign test's two-sided p is 0.0118."""
        ours, theirs = named([1] * 16 + [0] * 4), named([0] * 16 + [1] * 4)
        assert randomisation_test(ours, theirs, rounds=49_999) == pytest.approx(0.0118, abs=0.0015)

    def test_holm_is_that_of_the_textbook(self) -> None:
        """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
        found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
        assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
        assert list(found) == ["a", "b", "c", "d"]
        assert holm({}) == {}

    def test_the_required_size_is_the_formulas(self) -> None:
        """(z + z)² sd² / margin², a little more for t; groups multiply it."""
        alone = required_samples(Spread(0.3, 1.0), 0.05)
        assert alone == pytest.approx((1.95996 + 1.28155) ** 2 * 0.3**2 / 0.05**2, abs=3)
        assert required_samples(Spread(0.3, 4.0), 0.05) == pytest.approx(4 * alone, rel=0.01)
        assert required_samples(Spread(0.0, 1.0), 0.05) == 2

    def test_the_design_effect_of_repeated_samples_is_their_number(self) -> None:
        """Five copies of each tell no more than one."""
        once = np.random.default_rng(2).random(30)
        found = spread(
            named(np.repeat(once, 5)), dict.fromkeys(named(range(150)), 0.5), clusters=groups(150, 5)
        )
        assert found.design_effect == pytest.approx(5, rel=0.1)

    def test_a_pilot_without_a_change_plans_for_some(self) -> None:
        """Ten equal pairs: as if two of twelve changed by a whole point, and the loss itself on top."""
        found = pilot_spread(named([1] * 10), named([1] * 10), 0.05)
        assert found.standard_deviation == pytest.approx(math.sqrt(2 / 12 + 0.05 - 0.05**2))
        assert required_samples(found, 0.05) > 500

    def test_a_large_pilot_plans_for_what_it_saw(self) -> None:
        """A tenth of 10,000 changed: with a loss of 5 points 15 in 100 will, and the caution is small."""
        ours = named([0] * 500 + [1] * 500 + [1] * 9_000)
        theirs = named([1] * 500 + [0] * 500 + [1] * 9_000)
        assert pilot_spread(ours, theirs, 0.05).standard_deviation ** 2 == pytest.approx(0.1475, rel=0.03)

    def test_a_ratio_that_never_varies_plans_for_groups_that_do(self) -> None:
        """Two more, that differ by the margin."""
        found = ratio_spread(named([2.0] * 8), named([1.0] * 8), 0.1)
        assert found.standard_deviation == pytest.approx(math.sqrt(2 * 0.1**2 / 8))

    def test_groups_that_are_counted_whole_need_more_for_their_degrees_of_freedom(self) -> None:
        """The same variance in groups of five: a fifth of the degrees of freedom, and whole groups."""
        alone, grouped = Spread(0.1, 1.0), Spread(0.1, 1.0, group_size=5)
        assert required_samples(grouped, 0.1) > required_samples(alone, 0.1)
        assert required_samples(grouped, 0.1) % 5 == 0
        assert required_samples(Spread(0.1, 1.0, padding=0.5), 0.1) > required_samples(alone, 0.1)

    def test_a_constant_ratio_has_no_width(self) -> None:
        """Twice as much for each sample."""
        found = paired_ratio(named([2.0, 4.0, 6.0]), named([1.0, 2.0, 3.0]))
        assert (found.low, found.estimate, found.high) == pytest.approx((2, 2, 2))

    def test_where_one_group_has_all_of_it_a_ratio_has_no_end(self) -> None:
        """Nobody knows what another such group would be."""
        found = paired_ratio(named([5.0, 0.0, 0.0]), named([1.0, 1.0, 1.0]))
        assert (found.low, found.high) == (0, math.inf)

    def test_the_quantile_of_a_few_has_no_upper_end(self) -> None:
        """Of 20 samples none may be among the slowest twentieth."""
        found = quantile(named(range(1, 21)), 0.95)
        assert (found.estimate, found.high) == (19, math.inf)
        assert 10 < found.low < 19
        middle = quantile(named(range(1, 101)), 0.5)
        assert (middle.low, middle.estimate, middle.high) == (41, 50, 60)

    def test_tries_are_counted_without_bias(self) -> None:
        """Three of five succeed: two tries both do in 3 of 10 choices, and neither does in 1 of 10."""
        assert all_of(3, 5, 2) == pytest.approx(0.3)
        assert any_of(3, 5, 2) == pytest.approx(0.9)
        assert any_of(3, 5, 1) == all_of(3, 5, 1) == pytest.approx(0.6)

    def test_a_constant_amount_has_no_width(self) -> None:
        """Nothing was paid, each time."""
        found = mean(named([0.0] * 40), scale=Scale.AMOUNT)
        assert (found.low, found.estimate, found.high) == (0, 0, 0)

    def test_few_groups_of_amounts_have_students_interval(self) -> None:
        """Four cases: mean 2.5, standard error 0.645, t 3.18."""
        found = mean(named([1, 2, 3, 4]), scale=Scale.AMOUNT)
        assert found.method == "Student t"
        assert found.high == pytest.approx(2.5 + 3.18245 * math.sqrt(5 / 3 / 4), abs=1e-4)


class TestProperties:
    """What holds of any scores."""

    @given(SCORES)
    def test_an_interval_holds_its_estimate_and_stays_on_the_scale(self, values: list[float]) -> None:
        """0 <= low <= estimate <= high <= 1."""
        found = mean(named(values))
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.estimate == pytest.approx(sum(values) / len(values))

    @given(PAIRS)
    def test_a_difference_turned_round_is_the_same_with_the_other_sign(
        self, pairs: list[tuple[float, float, int]]
    ) -> None:
        """Neither system is favoured, by interval or test."""
        ours, theirs = named(each[0] for each in pairs), named(each[1] for each in pairs)
        owners = {f"s{at}": str(each[2]) for at, each in enumerate(pairs)}
        one = paired_difference(ours, theirs, clusters=owners)
        other = paired_difference(theirs, ours, clusters=owners)
        assert -1 <= one.low <= one.estimate <= one.high <= 1
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
        assert randomisation_test(ours, theirs, clusters=owners) == randomisation_test(
            theirs, ours, clusters=owners
        )

    @given(SCORES, st.randoms(use_true_random=False))
    def test_the_order_of_samples_changes_no_bit(self, values: list[float], random: object) -> None:
        """Equal input gives equal bits."""
        samples = named(values)
        shuffled = list(samples.items())
        random.shuffle(shuffled)  # pyright: ignore
        assert mean(dict(shuffled)) == mean(samples)
        other = dict.fromkeys(samples, 0.5)
        assert paired_difference(dict(shuffled), other) == paired_difference(samples, other)

    @settings(max_examples=30)
    @given(st.lists(st.floats(0, 1e6), min_size=2, max_size=40), st.integers(0, 3))
    def test_an_amounts_interval_holds_its_mean_and_nothing_negative(
        self, values: list[float], seed: int
    ) -> None:
        """Also for zeros, tiny and huge values together; the same seed gives the same bits."""
        found = mean(named(values), scale=Scale.AMOUNT, seed=seed)
        assert 0 <= found.low <= found.estimate <= found.high
        assert math.isfinite(found.high)
        assert found == mean(named(values), scale=Scale.AMOUNT, seed=seed)

    @given(SCORES.filter(lambda values: len(values) > 1))
    def test_more_certainty_is_a_wider_interval(self, values: list[float]) -> None:
        """99 % holds 95 % holds 80 %."""
        wide, usual, narrow = (mean(named(values), level=level) for level in (0.99, 0.95, 0.8))
        assert wide.low <= usual.low <= narrow.low
        assert narrow.high <= usual.high <= wide.high

    @given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
    def test_holm_raises_values_and_keeps_their_order(self, values: dict[str, float]) -> None:
        """No p-value falls, none passes another, none exceeds 1."""
        found = holm(values)
        assert all(values[key] <= found[key] <= 1 for key in values)
        ranked = sorted(values, key=lambda key: values[key])
        assert [found[key] for key in ranked] == sorted(found.values())

    @given(
        st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 9)), min_size=2, max_size=30)
    )
    def test_a_ratio_turned_round_is_one_over_it(self, rows: list[tuple[float, float, int]]) -> None:
        """Neither system is favoured."""
        ours, theirs = named(row[0] for row in rows), named(row[1] for row in rows)
        owners = {f"s{at}": str(row[2]) for at, row in enumerate(rows)}
        # Beyond these the ratio itself is no number.
        if min(sum(ours.values()), sum(theirs.values())) < 1e-100 or len(set(owners.values())) == 1:
            return
        one = paired_ratio(ours, theirs, clusters=owners)
        other = paired_ratio(theirs, ours, clusters=owners)
        assert one.low <= one.estimate <= one.high
        assert one.estimate == pytest.approx(1 / other.estimate)
        if one.low > 1e-200 and one.high < 1e200:
            assert (one.low, one.high) == pytest.approx((1 / other.high, 1 / other.low))

    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.sampled_from([0.05, 0.5, 0.9, 0.95]))
    def test_a_quantile_is_a_value_and_inside_of_its_interval(
        self, values: list[float], share: float
    ) -> None:
        """At least the share of all values does not exceed it."""
        found = quantile(named(values), share)
        assert found.estimate in values
        assert found.low <= found.estimate <= found.high
        assert sum(value <= found.estimate for value in values) >= share * len(values) - 1e-6


NO_NUMBER = [float("nan"), float("inf"), float("-inf")]


class TestRefusals:
    """What cannot be counted is an error that names it."""

    def test_no_samples_are_refused(self) -> None:
        """A mean of nothing is not zero."""
        for call in (lambda: mean({}), lambda: paired_difference({}, {}), lambda: randomisation_test({}, {})):
            with pytest.raises(InputError, match="there are no samples"):
                call()

    @pytest.mark.parametrize("value", NO_NUMBER)
    def test_a_value_that_is_no_number_is_refused(self, value: float) -> None:
        """And the sample is named."""
        bad = {"a": 1.0, "b": value}
        good = {"a": 1.0, "b": 0.0}
        for call in (
            lambda: mean(bad),
            lambda: mean(bad, scale=Scale.AMOUNT),
            lambda: paired_difference(good, bad),
            lambda: randomisation_test(bad, good),
        ):
            with pytest.raises(InputError, match="'b'"):
                call()

    def test_values_off_the_scale_are_refused(self) -> None:
        """A percentage is no score, a negative cost no amount."""
        with pytest.raises(InputError, match=r"61\.0, expected a score from 0 to 1"):
            mean({"a": 61.0})
        with pytest.raises(InputError, match="expected an amount of 0 or more"):
            mean({"a": -0.1, "b": 1.0}, scale=Scale.AMOUNT)

    def test_samples_of_one_system_only_are_refused(self) -> None:
        """They are neither zero nor dropped unseen."""
        with pytest.raises(InputError, match="'c' was measured for one system only"):
            paired_difference({"a": 1, "b": 0}, {"a": 1, "b": 0, "c": 1})

    def test_a_sample_without_a_group_is_refused(self) -> None:
        """A group of its own would count it too much."""
        with pytest.raises(InputError, match="sample 'b' has no group"):
            mean({"a": 1, "b": 0}, clusters={"a": "x"})

    def test_one_group_alone_gives_the_whole_scale(self) -> None:
        """Nothing is known of how groups vary; for amounts there is no such interval."""
        one = {"a": "x", "b": "x"}
        found = mean({"a": 1, "b": 0}, clusters=one)
        assert (found.low, found.estimate, found.high) == (0, 0.5, 1)
        found = paired_difference({"a": 1, "b": 1}, {"a": 1, "b": 0}, clusters=one)
        assert (found.low, found.estimate, found.high) == (-1, 0.5, 1)
        with pytest.raises(InputError, match="of one group"):
            mean({"a": 1, "b": 0}, clusters=one, scale=Scale.AMOUNT)
        with pytest.raises(InputError, match="expected two or more"):
            spread({"a": 1}, {"a": 0})

    @pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
    def test_an_impossible_level_is_refused(self, level: float) -> None:
        """95 is not 0.95."""
        with pytest.raises(InputError, match="level is"):
            mean({"a": 1}, level=level)

    def test_other_impossible_requests_are_refused(self) -> None:
        """Each names its value."""
        with pytest.raises(InputError, match="3 of 2 is no share"):
            proportion(3, 2)
        with pytest.raises(InputError, match="0 of 0 is no share"):
            proportion(0, 0)
        with pytest.raises(InputError, match="p-value of 'x' is nan"):
            holm({"x": float("nan")})
        with pytest.raises(InputError, match="margin is 0"):
            required_samples(Spread(1, 1), 0)
        with pytest.raises(InputError, match="power is 1"):
            required_samples(Spread(1, 1), 0.1, power=1)
        with pytest.raises(InputError, match="rounds is 0"):
            randomisation_test({"a": 1}, {"a": 0}, rounds=0)


def test_a_whole_comparison_takes_less_than_two_seconds() -> None:
    """2,000 samples, 8 metrics, 4 systems: means, differences from the first, tests, corrected."""
    random = np.random.default_rng(1)
    by_document = groups(2000, 4)
    table = [[named(random.random(2000) < 0.5) for _ in range(7)] for _ in range(4)]
    amounts = [named(random.lognormal(0, 1, 2000)) for _ in range(4)]
    start = time.process_time()
    for system in table:
        p_values: dict[str, float] = {}
        for metric, (ours, first) in enumerate(zip(system, table[0], strict=True)):
            mean(ours, clusters=by_document)
            paired_difference(ours, first, clusters=by_document)
            p_values[str(metric)] = randomisation_test(ours, first, clusters=by_document)
        holm(p_values)
    for amount in amounts:
        mean(amount, clusters=by_document, scale=Scale.AMOUNT)
        paired_difference(amount, amounts[0], clusters=by_document, scale=Scale.AMOUNT)
    assert time.process_time() - start < 2

    def test_a_ratio_of_nothing_is_refused(self) -> None:
        """Neither infinite nor one."""
        some, none = {"a": 1.0, "b": 2.0}, {"a": 0.0, "b": 0.0}
        with pytest.raises(InputError, match="all 2 amounts of theirs are zero"):
            paired_ratio(some, none)
        with pytest.raises(InputError, match="all 2 amounts of ours are zero"):
            paired_ratio(none, some)
        with pytest.raises(InputError, match="are of one group"):
            paired_ratio(some, some, clusters={"a": "x", "b": "x"})

    @pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 95.0])
    def test_an_impossible_quantile_is_refused(self, share: float) -> None:
        """95 is no share."""
        with pytest.raises(InputError, match="share of a quantile"):
            quantile({"a": 1.0}, share)

    @pytest.mark.parametrize(("successes", "trials", "tries"), [(1, 3, 4), (4, 3, 1), (-1, 3, 1), (1, 3, 0)])
    def test_more_tries_than_repeats_are_refused(self, successes: int, trials: int, tries: int) -> None:
        """Five tries are not known from three."""
        for call in (any_of, all_of):
            with pytest.raises(InputError, match="tell nothing of"):
                call(successes, trials, tries)
