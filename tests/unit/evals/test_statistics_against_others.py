"""The statistics agree with scipy and statsmodels on the same data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from loccit.evals.statistics import (
    Scale,
    Spread,
    all_of,
    any_of,
    holm,
    mean,
    paired_difference,
    paired_ratio,
    proportion,
    quantile,
    randomisation_test,
    required_samples,
    spread,
    student_quantile,
)

RANDOM = np.random.default_rng(20)
OWNERS = np.repeat(np.arange(40), RANDOM.integers(1, 9, 40))
SIZE = len(OWNERS)
CLUSTERS = {f"s{at}": f"d{owner}" for at, owner in enumerate(OWNERS)}
SECONDS = np.exp(RANDOM.normal(0, 0.4, 40)[OWNERS] + RANDOM.normal(0, 0.5, SIZE))
OTHER_SECONDS = SECONDS * np.exp(RANDOM.normal(-0.1, 0.3, SIZE))
HITS = (RANDOM.random(SIZE) < 0.3 + 0.4 * RANDOM.random(40)[OWNERS]).astype(float)
OTHER_HITS = np.where(RANDOM.random(SIZE) < 0.25, 1 - HITS, HITS)


def named(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    return {f"s{at}": float(value) for at, value in enumerate(values)}


def clustered_error(values: np.ndarray) -> float:
    """Of the mean, by statsmodels, from residuals summed by cluster; made a jackknife's by G / (G − 1)."""
    fitted = OLS(values, np.ones((SIZE, 1))).fit(
        cov_type="cluster", cov_kwds={"groups": OWNERS, "use_correction": False}
    )
    return float(fitted.bse[0]) * math.sqrt(40 / 39)


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 39, 200, 9_999])
@pytest.mark.parametrize("share", [0.6, 0.9, 0.95, 0.975, 0.9938, 0.9995])
def test_the_quantile_of_t_is_scipys(share: float, degrees: int) -> None:
    assert student_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (1, 3), (81, 263), (200, 200)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_a_proportion_is_statsmodels_and_scipys_wilson(successes: int, trials: int, level: float) -> None:
    found = proportion(successes, trials, level=level)
    theirs = proportion_confint(successes, trials, alpha=1 - level, method="wilson")
    assert (found.low, found.high) == pytest.approx(theirs, abs=1e-12)
    scipys = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


def test_the_clustered_error_of_a_mean_is_statsmodels_but_for_the_jackknife() -> None:
    """Equal clusters: the two are the same. Unequal ones: within a few percent."""
    equal = np.repeat(np.arange(40), 5)
    values = np.random.default_rng(2).random(200) * np.random.default_rng(3).random(40)[equal]
    fitted = OLS(values, np.ones((200, 1))).fit(
        cov_type="cluster", cov_kwds={"groups": equal, "use_correction": False}
    )
    error = float(fitted.bse[0]) * math.sqrt(40 / 39)
    owners = {f"s{at}": str(owner) for at, owner in enumerate(equal)}
    found = spread(named(values), named(np.zeros(200)), clusters=owners)
    ours = found.standard_deviation * math.sqrt(found.design_effect / 200)
    assert ours == pytest.approx(error, rel=1e-9)
    found = spread(named(HITS), named(OTHER_HITS), clusters=CLUSTERS)
    ours = found.standard_deviation * math.sqrt(found.design_effect / SIZE)
    assert ours == pytest.approx(clustered_error(HITS - OTHER_HITS), rel=0.06)


def test_the_mean_of_a_few_amounts_is_scipys_t_interval() -> None:
    values = SECONDS[:8]
    found = mean(named(values), scale=Scale.AMOUNT)
    theirs = stats.t.interval(0.95, 7, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(theirs, rel=1e-9)


def test_the_mean_of_many_amounts_is_near_scipys_bootstraps() -> None:
    """Ours is studentised, scipy's is BCa: the same data, ends within a tenth of the width."""
    found = mean(named(SECONDS), scale=Scale.AMOUNT)
    theirs = stats.bootstrap((SECONDS,), np.mean, method="BCa", rng=np.random.default_rng(1))
    width = found.high - found.low
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=width / 10)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=width / 10)


def test_a_paired_difference_is_scipys_paired_t_of_the_pairs_and_two_more() -> None:
    """Scipy is given one more pair for each side, of the usual change."""
    ours, theirs = HITS, OTHER_HITS
    found = paired_difference(named(ours), named(theirs))
    padded = stats.ttest_rel(np.append(ours, (1, 0)), np.append(theirs, (0, 1)))
    interval = padded.confidence_interval(0.95)
    # With two degrees of freedom less than scipy: the added pairs are no samples.
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=2e-4)


def test_a_paired_difference_over_groups_is_statsmodels_within_what_padding_adds() -> None:
    found = paired_difference(named(HITS), named(OTHER_HITS), clusters=CLUSTERS)
    reach = stats.t.ppf(0.975, 39) * clustered_error(HITS - OTHER_HITS)
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.08)
    assert found.estimate == pytest.approx(float((HITS - OTHER_HITS).mean()))


def test_a_ratio_is_statsmodels_to_first_order() -> None:
    """The delta method: the clustered error of what each sample adds to the logarithm of the ratio."""
    found = paired_ratio(named(SECONDS), named(OTHER_SECONDS), clusters=CLUSTERS)
    influence = SECONDS / SECONDS.mean() - OTHER_SECONDS / OTHER_SECONDS.mean()
    reach = stats.t.ppf(0.975, 39) * clustered_error(influence)
    middle = math.log(SECONDS.mean() / OTHER_SECONDS.mean())
    assert math.log(found.estimate) == pytest.approx(middle, abs=1e-12)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx(
        (middle - reach, middle + reach), abs=0.1 * reach
    )


def test_the_error_of_a_ratio_is_scipys_bootstraps() -> None:
    def log_ratio(ours: np.ndarray, theirs: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.log(ours.mean(axis=axis) / theirs.mean(axis=axis))

    theirs = stats.bootstrap(
        (SECONDS, OTHER_SECONDS), log_ratio, paired=True, vectorized=True, rng=np.random.default_rng(5)
    )
    found = paired_ratio(named(SECONDS), named(OTHER_SECONDS))
    reach = math.log(found.high / found.low) / 2 / stats.t.ppf(0.975, SIZE - 1)
    assert reach == pytest.approx(theirs.standard_error, rel=0.06)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_quantile_is_scipys_order_statistics_within_a_place_or_two(share: float) -> None:
    """Scipy inverts the binomial test, which is a little wider; ours inverts Wilson's interval."""
    values = np.sort(SECONDS)
    found = quantile(named(SECONDS), share)
    theirs = stats.quantile_test(SECONDS, q=values[SIZE // 2], p=share).confidence_interval(0.95)
    for end, other in ((found.low, theirs.low), (found.high, theirs.high)):
        places = abs(int(np.searchsorted(values, end)) - int(np.searchsorted(values, other)))
        assert places <= 2
    assert found.estimate == np.quantile(SECONDS, share, method="inverted_cdf")


@pytest.mark.parametrize("size", [6, 12])
def test_the_exact_randomisation_test_is_scipys_permutation_test(size: int) -> None:
    ours, theirs = SECONDS[:size], OTHER_SECONDS[:size]
    found = stats.permutation_test(
        (ours, theirs),
        lambda one, two: np.mean(one - two),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert randomisation_test(named(ours), named(theirs)) == pytest.approx(found.pvalue, rel=1e-9)


def test_the_sampled_randomisation_test_is_scipys_sign_test_for_hits() -> None:
    lost, won = int((HITS < OTHER_HITS).sum()), int((HITS > OTHER_HITS).sum())
    expected = stats.binomtest(won, won + lost).pvalue
    found = randomisation_test(named(HITS), named(OTHER_HITS), rounds=49_999)
    assert found == pytest.approx(expected, abs=0.01)


def test_holm_is_statsmodels() -> None:
    values = dict(zip("abcdefgh", np.random.default_rng(4).random(8) ** 3, strict=True))
    theirs = multipletests(list(values.values()), method="holm")[1]
    assert list(holm(values).values()) == pytest.approx(list(theirs), abs=1e-15)


@pytest.mark.parametrize(("deviation", "margin"), [(0.4, 0.05), (0.3, 0.1), (0.5, 0.2)])
def test_the_required_size_is_statsmodels_power_analysis(deviation: float, margin: float) -> None:
    """Theirs uses the noncentral t, ours adds two quantiles: within two samples."""
    theirs = TTestPower().solve_power(effect_size=margin / deviation, alpha=0.05, power=0.9)
    assert required_samples(Spread(deviation, 1.0), margin) == pytest.approx(theirs, abs=2)


def test_pass_at_k_is_scipys_hypergeometric() -> None:
    for trials, successes, tries in [(5, 2, 3), (10, 0, 1), (10, 10, 4), (8, 3, 8), (20, 7, 5)]:
        none = stats.hypergeom.pmf(0, trials, successes, tries)
        every = stats.hypergeom.pmf(tries, trials, successes, tries)
        assert any_of(successes, trials, tries) == pytest.approx(1 - none, abs=1e-12)
        assert all_of(successes, trials, tries) == pytest.approx(every, abs=1e-12)
