"""The gate: PASS, FAIL or INCONCLUSIVE, how often it errs, and that nothing passes because it vanished."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.evals.gate import (
    FORMAT,
    Decision,
    GateReport,
    Margin,
    Verdict,
    document,
    gate,
    parse_margin,
)
from loccit.evals.log import EvalLog
from loccit.evals.metrics import COST, Better, Metric
from tests.unit.evals.compared_logs import log

HIT_2 = parse_margin("hit=0.02")
HIT_5 = parse_margin("hit=0.05")
VALUES = st.sampled_from([0.0, 0.5, 1.0, None, "no answer"])


def decided(report: GateReport, name: str = "hit") -> Decision:
    return next(one for one in report.decisions if one.metric.name == name)


def changed(size: int, *, lost: int = 0, won: int = 0, **fields: object) -> tuple[EvalLog, EvalLog]:
    """Ours loses and wins so many of the samples; half of the rest are right on both sides."""
    rest = [float(at % 2) for at in range(size - lost - won)]
    ours = [0.0] * lost + [1.0] * won + rest
    theirs = [1.0] * lost + [0.0] * won + rest
    return log({"hit": ours}, **fields), log({"hit": theirs}, name="before")  # pyright: ignore


class TestMargins:
    """As people write them."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("file.recall@5=0.02", Margin("file.recall@5", 0.02)),
            ("cost_usd=10%", Margin("cost_usd", 0.1, is_relative=True)),
            (" latency_s = 20 % ", Margin("latency_s", 0.2, is_relative=True)),
            ("latency_s=1.5", Margin("latency_s", 1.5)),
        ],
    )
    def test_a_margin_is_a_number_or_a_percentage(self, text: str, expected: Margin) -> None:
        found = parse_margin(text)
        assert (found.metric, found.is_relative) == (expected.metric, expected.is_relative)
        assert found.allowed == pytest.approx(expected.allowed)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "'' is no margin"),
            ("hit", "'hit' is no margin"),
            ("=0.1", "'=0.1' is no margin"),
            ("hit=", "is '', no number"),
            ("hit=much", "is 'much', no number"),
            ("hit=0", "expected more than nothing"),
            ("hit=-0.1", "expected more than nothing"),
            ("hit=nan", "expected more than nothing"),
            ("hit=inf", "expected more than nothing"),
            ("cost_usd=20000%", "expected 10000% at most"),
        ],
    )
    def test_nonsense_is_refused(self, text: str, said: str) -> None:
        with pytest.raises(InputError, match=said) as error:
            parse_margin(text)
        assert error.value.message

    def test_a_margin_must_suit_its_metric(self) -> None:
        one = log({"hit": [1, 0]})
        for text, said in [
            ("hit=2%", "of what"),
            ("hit=1", "no score can lose more than 1"),
            ("recall=0.1", "neither log has the metric 'recall'"),
        ]:
            with pytest.raises(InputError, match=said):
                gate(one, one, [parse_margin(text)])
        with pytest.raises(InputError, match="'hit' has two margins"):
            gate(one, one, [HIT_2, HIT_5])
        with pytest.raises(InputError, match="nothing to decide"):
            gate(one, one, [])


class TestVerdicts:
    """What decides."""

    def test_a_loss_beyond_the_margin_fails(self) -> None:
        report = gate(*changed(200, lost=30, won=5), [HIT_5])
        assert report.verdict is decided(report).verdict is Verdict.FAIL
        change = decided(report).corrected
        assert change is not None
        assert change.high < 0

    def test_no_loss_on_enough_samples_passes(self) -> None:
        report = gate(*changed(400, lost=4, won=4), [HIT_5])
        assert report.verdict is Verdict.PASS
        assert report.needed is None

    def test_few_samples_are_inconclusive_and_say_how_many_would_do(self) -> None:
        report = gate(*changed(30, lost=2, won=2), [HIT_5])
        assert report.verdict is Verdict.INCONCLUSIVE
        assert report.needed is not None
        assert report.needed > 300

    def test_a_small_but_sure_loss_within_the_margin_passes(self) -> None:
        """One in a hundred is lost for certain, and five were allowed."""
        found = decided(gate(*changed(2000, lost=20), [HIT_5]))
        assert found.change is not None
        assert found.change.high < 0
        assert found.verdict is Verdict.PASS

    def test_a_gain_passes(self) -> None:
        assert gate(*changed(200, won=20), [HIT_2]).verdict is Verdict.PASS

    def test_what_is_not_decided_always_asks_for_more_than_there_are(self) -> None:
        """From one sample to thousands, whatever was lost."""
        for size in (2, 40, 300, 900, 1000, 1100, 3000):
            for share in (0.0, 0.02, 0.025, 0.028, 0.03, 0.04):
                won = size // 20
                report = gate(*changed(size, lost=won + int(share * size), won=won), [HIT_5])
                found = decided(report)
                if found.verdict is Verdict.INCONCLUSIVE:
                    assert found.needed is not None
                    assert found.needed > size

    def test_identical_logs_pass_where_they_are_large_enough(self) -> None:
        """Fifty samples without a change do not exclude that two in a hundred change."""
        assert gate(*changed(300), [HIT_2]).verdict is Verdict.PASS
        report = gate(*changed(50), [HIT_2])
        assert report.verdict is Verdict.INCONCLUSIVE
        assert report.needed is not None
        assert 300 < report.needed < 2500

    def test_all_right_on_both_sides_is_no_certainty(self) -> None:
        one = log({"hit": [1] * 20})
        report = gate(one, one, [HIT_5])
        assert report.verdict is Verdict.INCONCLUSIVE
        assert decided(report, "failed").verdict is Verdict.PASS

    def test_one_sample_decides_nothing(self) -> None:
        one = log({"hit": [1]}, seconds=[2.0])
        report = gate(one, log({"hit": [0]}, seconds=[2.0]), [HIT_5, parse_margin("latency_s=10%")])
        assert report.verdict is Verdict.INCONCLUSIVE
        assert "1 independent groups are too few" in decided(report, "latency_s").reason

    def test_a_pilot_without_a_change_does_not_claim_that_two_samples_suffice(self) -> None:
        for size in (2, 5, 20):
            report = gate(*changed(size), [HIT_5])
            assert report.needed is not None
            assert report.needed > 200

    def test_groups_raise_what_is_needed(self) -> None:
        """Documents that are lost or won as a whole."""
        ours = [0.0] * 20 + [1.0] * 20 + [1.0] * 60
        theirs = [1.0] * 20 + [0.0] * 20 + [1.0] * 60
        alone = gate(log({"hit": ours}), log({"hit": theirs}), [HIT_5]).needed
        grouped = gate(log({"hit": ours}, each=5), log({"hit": theirs}, each=5), [HIT_5]).needed
        assert alone is not None
        assert grouped is not None
        assert grouped > 3 * alone

    def test_one_group_decides_nothing(self) -> None:
        """All questions are about one document."""
        ours, theirs = (log({"hit": [each] * 40}, each=40) for each in (0.0, 1.0))
        found = decided(gate(ours, theirs, [HIT_5]))
        assert (found.verdict, found.groups) == (Verdict.INCONCLUSIVE, 1)
        assert found.needed is not None
        assert found.needed > 400

    def test_a_lower_error_is_better(self) -> None:
        wrong = Metric("wrong", "Wrong.", Better.LOWER)
        worse = log({"wrong": [1.0] * 20 + [0.0] * 80}, metrics=[wrong])
        better = log({"wrong": [0.0] * 100}, metrics=[wrong])
        margin = parse_margin("wrong=0.05")
        assert gate(worse, better, [margin]).verdict is Verdict.FAIL
        assert gate(better, worse, [margin]).verdict is Verdict.PASS


class TestAmounts:
    """Cost and time, mostly relative."""

    @staticmethod
    def logs(times: float, size: int = 60) -> tuple[EvalLog, EvalLog]:
        random = np.random.default_rng(1)
        base = np.exp(random.normal(0, 0.5, size))
        mine = (base * times * np.exp(random.normal(0, 0.05, size))).tolist()
        hits = [1.0] * size
        return log({"hit": hits}, seconds=mine), log({"hit": hits}, seconds=base.tolist())

    @pytest.mark.parametrize(
        ("times", "verdict"), [(1.0, Verdict.PASS), (0.5, Verdict.PASS), (1.3, Verdict.FAIL)]
    )
    def test_growth_is_held_against_a_percentage(self, times: float, verdict: Verdict) -> None:
        found = decided(gate(*self.logs(times), [parse_margin("latency_s=10%")]), "latency_s")
        assert found.verdict is verdict
        assert found.change is not None
        assert found.change.estimate == pytest.approx(times - 1, abs=0.03)

    def test_growth_is_held_against_an_amount(self) -> None:
        margin = parse_margin("latency_s=0.2")
        assert decided(gate(*self.logs(1.0), [margin]), "latency_s").verdict is Verdict.PASS
        assert decided(gate(*self.logs(1.5), [margin]), "latency_s").verdict is Verdict.FAIL

    def test_zero_dollars_on_both_sides_pass(self) -> None:
        one = log({"hit": [1] * 30}, dollars=[0.0] * 30)
        found = decided(gate(one, one, [parse_margin("cost_usd=10%")]), COST.name)
        assert (found.verdict, found.reason) == (Verdict.PASS, "it is zero throughout")

    def test_growth_from_zero_has_no_percentage(self) -> None:
        ours, theirs = (log({"hit": [1] * 30}, dollars=[each] * 30) for each in (0.1, 0.0))
        found = decided(gate(ours, theirs, [parse_margin("cost_usd=10%")]), COST.name)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "theirs is zero throughout" in found.reason
        assert decided(gate(ours, theirs, [parse_margin("cost_usd=0.01")]), COST.name).verdict is Verdict.FAIL

    def test_where_one_sample_costs_it_all_nothing_is_decided(self) -> None:
        """The ratio's interval has no end, and the report is JSON all the same."""
        ours, theirs = (log({"hit": [1] * 12}, dollars=[each, *[0.0] * 11]) for each in (9.0, 1.0))
        report = gate(ours, theirs, [parse_margin("cost_usd=10%")])
        found = decided(report, COST.name)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.needed is not None
        json.dumps(document(report), allow_nan=False)

    def test_costs_that_are_not_known_are_not_zero(self) -> None:
        one = log({"hit": [1] * 30}, dollars=[None] * 30)
        known = log({"hit": [1] * 30}, dollars=[1.0] * 30)
        found = decided(gate(one, known, [parse_margin("cost_usd=10%")]), COST.name)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.missing == 30


class TestNothingVanishes:
    """What failed is never a reason to pass."""

    def test_samples_that_fail_are_taken_at_their_worst(self) -> None:
        """Forty samples time out, half of which were right, and what is left is as good as before."""
        ours, theirs = changed(400, failed=range(40))
        report = gate(ours, theirs, [HIT_5])
        found = decided(report)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "40 samples lack it on a side" in found.reason
        assert found.needed is None
        assert found.worst is not None
        assert found.worst.low < -0.05
        assert decided(report, "failed").verdict is Verdict.FAIL
        assert report.verdict is Verdict.FAIL

    def test_a_sample_that_fails_at_random_does_not_block(self) -> None:
        report = gate(*changed(600, failed=[3]), [HIT_5])
        assert report.verdict is Verdict.PASS
        assert decided(report).missing == 1

    def test_all_failed_fails(self) -> None:
        report = gate(*changed(50, failed=range(50)), [HIT_5])
        assert decided(report).verdict is Verdict.INCONCLUSIVE
        assert decided(report).reason == "no sample has it on both sides"
        assert report.verdict is Verdict.FAIL

    def test_all_failed_on_both_sides_decides_nothing(self) -> None:
        one = log({"hit": [1] * 50}, failed=range(50))
        assert gate(one, one, [HIT_5]).verdict is Verdict.INCONCLUSIVE

    def test_failures_of_theirs_are_no_credit(self) -> None:
        """Where theirs failed it may have been right, for all that is known."""
        ours, theirs = changed(400)
        broken = log({"hit": [1] * 400}, failed=range(60))
        assert decided(gate(ours, broken, [HIT_5])).verdict is not Verdict.PASS
        assert decided(gate(ours, theirs, [HIT_5])).verdict is Verdict.PASS

    def test_failing_has_a_margin_of_its_own_if_wanted(self) -> None:
        """Without one a few more are let through; with one it is proven, which takes many samples."""
        ours, theirs = changed(100)
        assert decided(gate(ours, theirs, [HIT_5]), "failed").verdict is Verdict.PASS
        found = decided(gate(ours, theirs, [HIT_5, parse_margin("failed=0.01")]), "failed")
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.needed is not None
        assert found.needed > 200

    def test_a_few_more_failures_than_allowed_are_inconclusive(self) -> None:
        report = gate(*changed(100, failed=range(3)), [parse_margin("hit=0.2")])
        found = decided(report, "failed")
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.needed is not None
        assert report.verdict is Verdict.INCONCLUSIVE

    def test_a_metric_that_applies_to_fewer_samples_does_not_pass(self) -> None:
        """It declines what it got wrong before, and is right in all the rest."""
        theirs = log({"hit": [0.0] * 40 + [1.0] * 360})
        ours = log({"hit": [None] * 40 + [1.0] * 360})
        found = decided(gate(ours, theirs, [HIT_5]))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "applies to 40 samples fewer" in found.reason
        assert decided(gate(theirs, ours, [HIT_5])).verdict is Verdict.PASS

    def test_repeats_that_fail_are_taken_at_their_worst_too(self) -> None:
        ours = log({"hit": [(1, "late", "late")] * 100 + [(1, 1, 1)] * 300})
        theirs = log({"hit": [1] * 400})
        found = decided(gate(ours, theirs, [HIT_5]))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.missing == 100

    def test_an_incomplete_log_never_passes(self) -> None:
        ours, theirs = changed(400, complete=False)
        with pytest.raises(InputError, match="incomplete"):
            gate(ours, theirs, [HIT_5])
        report = gate(ours, theirs, [HIT_5], allow_incomplete=True)
        assert report.verdict is Verdict.INCONCLUSIVE
        assert "An incomplete log never passes" in report.cautions[-1]


class TestWhoMayDecide:
    """Not everyone."""

    def test_an_uncalibrated_judge_decides_nothing(self) -> None:
        ours, theirs = log({"judged": [0.0] * 100}), log({"judged": [1.0] * 100})
        margin = parse_margin("judged=0.05")
        for one, other in ((ours, theirs), (theirs, ours)):
            found = decided(gate(one, other, [margin]), "judged")
            assert found.verdict is Verdict.INCONCLUSIVE
            assert "is not calibrated" in found.reason
            assert found.change is not None
        assert gate(ours, theirs, [margin], calibrated={"judge/3"}).verdict is Verdict.FAIL

    def test_two_rulers_decide_nothing(self) -> None:
        ours, theirs = log({"hit": [1] * 50}, version="2"), log({"hit": [1] * 50})
        found = decided(gate(ours, theirs, [HIT_5]))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "the scorer 'test' has the versions" in found.reason

    def test_a_metric_of_one_log_decides_nothing(self) -> None:
        found = decided(gate(log({"mrr": [1] * 50}), log({"hit": [1] * 50}), [HIT_5]))
        assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "the log of ours does not have it")

    def test_flaky_samples_are_counted(self) -> None:
        report = gate(log({"hit": [(1, 0)] * 3 + [(1, 1)] * 40}), log({"hit": [1] * 43}), [HIT_5])
        assert decided(report).flaky == (3, 0)


class TestManyMetrics:
    """One gate, one chance of a false alarm."""

    def test_a_fail_rests_on_an_interval_that_counts_the_others(self) -> None:
        """Six to none is clear of zero alone, and not beside another metric that changed."""
        size = 200
        hit, before = [0.0] * 6 + [1.0] * (size - 6), [1.0] * size
        ours = log({"hit": hit, "mrr": [0.5] * size})
        theirs = log({"hit": before, "mrr": [0.5] * size})
        margins = [parse_margin("hit=0.01"), parse_margin("mrr=0.01")]
        assert decided(gate(ours, theirs, margins)).verdict is Verdict.FAIL
        moved = log({"hit": hit, "mrr": [0.5] * (size - 2) + [0.6, 0.4]})
        found = decided(gate(moved, theirs, margins))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.change is not None
        assert found.corrected is not None
        assert found.change.high < 0 < found.corrected.high

    def test_false_alarms_of_the_whole_gate_stay_rare(self) -> None:
        """Three metrics that flip either way, 200 gates: at most one in twenty fails."""
        random = np.random.default_rng(5)
        names = ("hit", "mrr", "other")
        metrics = [Metric(name, "-") for name in names]
        fails = 0
        for _ in range(200):
            values = {name: (random.random(80) < 0.6).astype(float) for name in names}
            after = {k: np.where(random.random(80) < 0.2, 1 - v, v) for k, v in values.items()}
            # As many flip each way in the mean: which side is ours is tossed.
            swap = random.random(80) < 0.5
            ours = {k: np.where(swap, values[k], after[k]).tolist() for k in names}
            theirs = {k: np.where(swap, after[k], values[k]).tolist() for k in names}
            report = gate(
                log(ours, metrics=metrics), log(theirs, metrics=metrics), [Margin(k, 0.05) for k in names]
            )
            fails += report.verdict is Verdict.FAIL
        assert fails <= 10

    def test_the_size_that_it_asks_for_finds_the_drop(self) -> None:
        """A pilot of 60 samples, then 60 runs of so many with a loss of the margin."""
        random = np.random.default_rng(6)
        pilot = gate(*changed(60, lost=4, won=4), [parse_margin("hit=0.1")])
        assert pilot.needed is not None
        found = 0
        for _ in range(60):
            lost = int(random.binomial(pilot.needed, 0.16))
            won = int(random.binomial(pilot.needed, 0.06))
            found += (
                gate(*changed(pilot.needed, lost=lost, won=won), [parse_margin("hit=0.1")]).verdict
                is Verdict.FAIL
            )
        assert found >= 51

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=40),
        st.sampled_from([0.02, 0.1, 0.5]),
        st.integers(1, 3),
    )
    def test_what_passes_does_not_fail_and_says_why(
        self, pairs: list[tuple[object, object]], allowed: float, each: int
    ) -> None:
        """A PASS excludes the margin, at its worst; a FAIL excludes zero; a wider margin keeps a PASS."""
        ours = log({"hit": [a for a, _ in pairs]}, each=each)  # pyright: ignore
        theirs = log({"hit": [b for _, b in pairs]}, each=each)  # pyright: ignore
        found = decided(gate(ours, theirs, [Margin("hit", allowed)]))
        wider = decided(gate(ours, theirs, [Margin("hit", allowed * 1.5)]))
        match found.verdict:
            case Verdict.PASS:
                assert found.change is not None
                assert (found.worst or found.change).low > -allowed
                assert wider.verdict is Verdict.PASS
            case Verdict.FAIL:
                assert found.corrected is not None
                assert found.corrected.high < 0
                assert decided(gate(theirs, ours, [Margin("hit", allowed)])).verdict is not Verdict.FAIL
            case Verdict.INCONCLUSIVE:
                pass
        assert found.reason

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.floats(0.01, 9), st.floats(0.01, 9)), min_size=12, max_size=30))
    def test_another_unit_of_an_amount_changes_no_verdict(self, pairs: list[tuple[float, float]]) -> None:
        """Cents are a hundred times dollars."""
        margins = [parse_margin("cost_usd=10%")]
        found = [
            decided(
                gate(
                    log({"hit": [1] * len(pairs)}, dollars=[a * unit for a, _ in pairs]),
                    log({"hit": [1] * len(pairs)}, dollars=[b * unit for _, b in pairs]),
                    margins,
                ),
                COST.name,
            )
            for unit in (1, 128)
        ]
        assert found[0].verdict is found[1].verdict
        assert found[0].needed == found[1].needed


def test_the_document_is_json() -> None:
    report = gate(*changed(30, lost=2, failed=[29]), [HIT_5])
    found = json.loads(json.dumps(document(report), allow_nan=False))
    assert found["format"] == FORMAT
    assert found["verdict"] in {"PASS", "FAIL", "INCONCLUSIVE"}
    assert {one["metric"]["name"] for one in found["decisions"]} == {"hit", "failed"}
    assert found["needed"] == report.needed
