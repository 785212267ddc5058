"""Kappa and corrected means agree with others' formulas, hold as often as they say, and refuse nonsense."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from benchmarks.judge import REGIMES, Regime, _measured
from loccit.core.errors import InputError
from loccit.evals.agreement import kappa, labels_needed, ppi_mean
from loccit.evals.statistics import mean, student_quantile

GRADES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


def named(values: object) -> dict[str, float]:
    return {f"s{at:04}": float(value) for at, value in enumerate(values)}  # pyright: ignore


def raters(both_yes: int, first: int, second: int, both_no: int) -> tuple[dict[str, float], dict[str, float]]:
    ours = [1] * both_yes + [1] * first + [0] * second + [0] * both_no
    theirs = [1] * both_yes + [0] * first + [1] * second + [0] * both_no
    return named(ours), named(theirs)


class TestKappa:
    def test_it_is_that_of_the_textbook(self) -> None:
        """20, 5, 10, 15: 35 of 50 agree, chance alone gives 25: 0.4."""
        found = kappa(*raters(20, 5, 10, 15))
        assert found is not None
        assert found.estimate == pytest.approx(0.4)
        assert found.low < 0.4 < found.high
        assert (found.samples, found.clusters) == (50, 50)

    @pytest.mark.parametrize("cells", [(20, 5, 10, 15), (80, 3, 9, 8), (40, 10, 2, 148)])
    def test_it_is_that_of_statsmodels_and_its_width_is_near(self, cells: tuple[int, int, int, int]) -> None:
        """The same estimate; of the interval the width, which ours has a little wider."""
        table = np.array([[cells[0], cells[1]], [cells[2], cells[3]]])
        theirs = inter_rater.cohens_kappa(table)
        ours = kappa(*raters(*cells))
        assert ours is not None
        assert ours.estimate == pytest.approx(theirs.kappa)
        width = theirs.kappa_upp - theirs.kappa_low
        assert width < ours.high - ours.low < 1.3 * width

    def test_of_graded_values_it_is_the_one_weighted_by_squares(self) -> None:
        """Against statsmodels' weights of that kind on three grades."""
        table = np.array([[30, 5, 2], [4, 20, 6], [1, 7, 25]])
        pairs = [(a / 2, b / 2) for a in range(3) for b in range(3) for _ in range(table[a, b])]
        found = kappa(named(a for a, _ in pairs), named(b for _, b in pairs))
        assert found is not None
        assert found.estimate == pytest.approx(inter_rater.cohens_kappa(table, wt="quadratic").kappa)

    def test_full_agreement_on_a_few_is_no_certainty(self) -> None:
        """30 of 30 alike: 1, and the interval goes well below."""
        found = kappa(*raters(20, 0, 0, 10))
        assert found is not None
        assert found.estimate == found.high == 1
        assert 0.5 < found.low < 0.9

    def test_where_both_say_one_thing_of_all_it_cannot_be_told(self) -> None:
        assert kappa(*raters(30, 0, 0, 0)) is None

    def test_samples_said_five_times_count_once(self) -> None:
        """The low end is that of single samples, or nearly; without groups it is much nearer."""
        ours, theirs = raters(10, 3, 3, 10)
        five = [named(np.repeat(list(each.values()), 5)) for each in (ours, theirs)]
        groups = {key: f"g{at // 5}" for at, key in enumerate(five[0])}
        single, alike, naive = kappa(ours, theirs), kappa(*five, clusters=groups), kappa(*five)
        assert single is not None
        assert alike is not None
        assert naive is not None
        assert alike.estimate == pytest.approx(single.estimate)
        assert alike.low == pytest.approx(single.low, abs=0.1)
        assert naive.low > alike.low + 0.1

    def test_one_group_tells_nothing(self) -> None:
        ours, theirs = raters(10, 1, 1, 10)
        found = kappa(ours, theirs, clusters=dict.fromkeys(ours, "g"))
        assert found is not None
        assert (found.low, found.high) == (-1, 1)

    def test_other_samples_and_values_off_the_scale_are_refused(self) -> None:
        with pytest.raises(InputError, match="'s0002' was rated by one only"):
            kappa(named([1, 0, 1]), named([1, 0]))
        with pytest.raises(InputError, match="expected a score from 0 to 1"):
            kappa(named([1, 2]), named([1, 0]))
        with pytest.raises(InputError, match="sample 's0001' has no group"):
            kappa(named([1, 0]), named([1, 0]), clusters={"s0000": "g"})

    @given(st.lists(st.tuples(GRADES, GRADES, st.integers(0, 4)), min_size=2, max_size=40))
    def test_its_interval_holds_it_and_the_raters_may_change_places(
        self, rows: list[tuple[float, float, int]]
    ) -> None:
        ours, theirs = named(a for a, _, _ in rows), named(b for _, b, _ in rows)
        groups = {key: str(rows[at][2]) for at, key in enumerate(ours)}
        found, other = kappa(ours, theirs, clusters=groups), kappa(theirs, ours, clusters=groups)
        if found is None or other is None:
            assert found is other
            return
        assert -1 <= found.low <= found.estimate <= found.high <= 1
        assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=1e-9)


class TestCorrectedMean:
    def test_it_is_the_formula_of_the_paper(self) -> None:
        """λ times the mean of all verdicts, plus the mean of label less λ times verdict; λ of PPI++."""
        random = np.random.default_rng(1)
        truth = (random.random(400) < 0.7).astype(float)
        verdict = np.where(random.random(400) < 0.9, truth, 1 - truth)
        judged, labels = named(verdict), dict(list(named(truth).items())[:100])
        found = ppi_mean(judged, labels)
        y, f = truth[:100], verdict[:100]
        # The paper's λ (Example 6.1) with its unlabelled samples being all: the slope of labels on verdicts.
        slope = np.cov(y, f)[0, 1] / np.var(f, ddof=1)
        assert found.trust == pytest.approx(slope, abs=0.03)
        expected = found.trust * verdict.mean() + np.mean(y - found.trust * f)
        assert found.score.estimate == pytest.approx(expected)
        variance = found.trust**2 * verdict.var(ddof=1) / 400 + np.var(y - found.trust * f, ddof=1) / 100
        reach = student_quantile(0.975, 99) * math.sqrt(variance)
        assert found.score.high - found.score.low == pytest.approx(2 * reach, rel=0.12)

    def test_it_is_near_the_authors_own_program(self) -> None:
        """ppi-python 0.2.3 (`ppi_mean_ci`, the rest of the samples unlabelled): 0.6488, 0.5740 to 0.7237.

        Its interval is the normal one, which allows for nothing unseen, and does not keep to the scale.
        """
        random = np.random.default_rng(2)
        truth = (random.random(1000) < 0.6).astype(float)
        verdict = np.where(random.random(1000) < 0.85, truth, 1 - truth)
        found = ppi_mean(named(verdict), dict(list(named(truth).items())[:100])).score
        assert found.estimate == pytest.approx(0.6488, abs=0.003)
        assert (found.low, found.high) == pytest.approx((0.5740, 0.7237), abs=0.01)

    def test_a_judge_that_says_nothing_is_not_followed(self) -> None:
        """The score is the labels' own, and so, nearly, is the interval."""
        judged, labels = named([0, 1] * 100), {f"s{at:04}": float(at % 4 < 2) for at in range(40)}
        found = ppi_mean(judged, labels)
        assert found.trust == pytest.approx(0, abs=0.05)
        assert found.score.estimate == pytest.approx(0.5)
        assert found.score.high - found.score.low == pytest.approx(
            found.labels_only.high - found.labels_only.low, rel=0.1
        )

    def test_a_judge_that_is_always_wrong_is_not_turned_round(self) -> None:
        """λ is cut at 0: nobody should rest on a judge that says the opposite."""
        truth = [0.0, 1.0] * 20
        assert ppi_mean(named([1 - each for each in truth] * 5), named(truth)).trust == 0

    def test_agreement_on_every_label_is_no_certainty(self) -> None:
        """30 labels without a difference allow for some that were not seen."""
        judged = named([1, 1, 1, 0] * 250)
        found = ppi_mean(judged, dict(list(judged.items())[:30]))
        assert found.score.estimate == pytest.approx(0.75, abs=0.01)
        assert found.score.high - found.score.low > 2 * (found.raw.high - found.raw.low)
        all_yes = ppi_mean(named([1] * 500), named([1] * 30)).score
        assert all_yes.estimate == all_yes.high == 1
        assert 0.8 < all_yes.low < 0.95

    def test_with_every_sample_labelled_it_is_the_mean_of_the_labels(self) -> None:
        labels = named([1, 0, 1, 1, 0] * 10)
        assert ppi_mean(named([1, 1, 1, 0, 0] * 10), labels).score == mean(labels)

    def test_one_labelled_group_tells_nothing(self) -> None:
        judged = named([1, 0] * 10)
        groups = {key: f"g{at // 10}" for at, key in enumerate(judged)}
        found = ppi_mean(judged, dict(list(judged.items())[:5]), clusters=groups)
        assert (found.score.low, found.score.high) == (0, 1)

    def test_labels_of_other_samples_and_too_few_are_refused(self) -> None:
        judged = named([1, 0, 1])
        with pytest.raises(InputError, match="'x' has a label, and the judge did not score it"):
            ppi_mean(judged, {"x": 1.0, "s0000": 1.0})
        with pytest.raises(InputError, match="there is 1 label, expected 2 or more"):
            ppi_mean(judged, {"s0000": 1.0})
        with pytest.raises(InputError, match="expected a finite number"):
            ppi_mean(judged, {"s0000": math.nan, "s0001": 1.0})

    @given(st.lists(st.tuples(GRADES, GRADES, st.integers(0, 4)), min_size=3, max_size=40), st.data())
    def test_its_interval_holds_it_and_stays_on_the_scale(
        self, rows: list[tuple[float, float, int]], data: st.DataObject
    ) -> None:
        judged = named(a for a, _, _ in rows)
        count = data.draw(st.integers(2, len(rows)))
        labels = {key: rows[at][1] for at, key in enumerate(judged) if at < count}
        groups = {key: str(rows[at][2]) for at, key in enumerate(judged)}
        score = ppi_mean(judged, labels, clusters=groups).score
        assert 0 <= score.low <= score.estimate <= score.high <= 1


class TestCoverage:
    """Simulated by the benchmark's own regimes: how often the truth is inside."""

    @pytest.mark.parametrize(
        "name",
        [
            "useless judge, 30 labels",
            "good judge, 95 % right, 100 labels",
            "good judge, documents of 5, 100 labels",
            "near perfect judge, documents of 5, 100 labels",
        ],
    )
    def test_the_corrected_score_is_covered_and_the_judge_alone_is_not_worth_as_much(self, name: str) -> None:
        found = _measured(REGIMES[name], 500)
        assert 92.5 <= found["corrected covers"] <= 98.5
        assert 91 <= found["kappa covers"] <= 100
        assert found["corrected is wide"] <= 1.02 * found["labels alone is wide"]

    def test_a_lenient_judge_alone_misleads(self) -> None:
        """95 % right, the judge says 88: its own interval never holds the truth, the corrected one does."""
        found = _measured(Regime(400, 1, 60, 0.95, 0.92, 0.15), 500)
        assert found["judge alone covers"] < 20
        assert found["corrected covers"] >= 92

    def test_disagreements_that_were_not_seen_are_allowed_for(self) -> None:
        """A judge that finds 7 of 100 wrong which are right: 30 labels often show none of them."""
        found = _measured(Regime(2000, 1, 30, 0.8, 1 - 0.07 / 0.8, 0.0), 500)
        assert found["corrected covers"] >= 93


class TestMoreLabels:
    def test_the_number_it_asks_for_gives_the_width(self) -> None:
        """From 40 labels, and then so many: the interval is about as wide as wanted."""
        random = np.random.default_rng(5)
        truth = (random.random(2000) < 0.7).astype(float)
        judged = named(np.where(random.random(2000) < 0.9, truth, 1 - truth))
        all_labels = list(named(truth).items())
        first = ppi_mean(judged, dict(all_labels[:40]))
        needed = labels_needed(first.score, first.raw, labels=40, samples=2000, width=0.12)
        assert needed is not None
        assert 60 < needed < 400
        second = ppi_mean(judged, dict(all_labels[:needed])).score
        assert second.high - second.low == pytest.approx(0.12, rel=0.25)

    def test_what_no_number_gives_is_said(self) -> None:
        judged = named([1, 0] * 50)
        found = ppi_mean(judged, dict(list(judged.items())[:40]))
        assert labels_needed(found.score, found.raw, labels=40, samples=100, width=0.01) is None
        assert labels_needed(found.score, found.raw, labels=40, samples=100, width=0.9) == 40
        with pytest.raises(InputError, match=r"width is 1\.5"):
            labels_needed(found.score, found.raw, labels=40, samples=100, width=1.5)
