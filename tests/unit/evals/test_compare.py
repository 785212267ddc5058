"""Two logs side by side: pairs, what is missing, what cannot be compared, and nothing dropped unseen."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.evals.compare import FORMAT, Flip, MetricComparison, compare, document
from loccit.evals.datasets import Gold
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Better, Metric
from loccit.evals.statistics import mean, paired_difference
from tests.unit.evals.compared_logs import HIT, Value, log, sample

SCORE = st.sampled_from([0.0, 0.25, 0.5, 1.0, None, "no answer"])


def only(ours: EvalLog, theirs: EvalLog, name: str = "hit", **choices: object) -> MetricComparison:
    return next(one for one in compare(ours, theirs, **choices).metrics if one.metric.name == name)  # pyright: ignore


class TestPairs:
    """Paired by sample, counted by group."""

    def test_the_difference_is_that_of_the_pairs_by_group(self) -> None:
        new, old = [1, 1, 0, 1, 1, 0] * 5, [1, 0, 0, 1, 0, 1] * 5
        ours, theirs = log({"hit": new}, each=3), log({"hit": old}, each=3, name="before")
        found = only(ours, theirs)
        one, two = ({f"s{at}": float(v) for at, v in enumerate(values)} for values in (new, old))
        assert found.difference == paired_difference(one, two, clusters=ours.clusters)
        assert found.ours.mean == mean(one, clusters=ours.clusters)
        assert (found.samples, found.groups) == (30, 10)
        assert found.p is not None
        assert found.missing == ()
        assert found.bounds is None

    def test_p_values_are_corrected_over_the_metrics_that_have_one(self) -> None:
        ours = log({"hit": [1] * 8 + [0] * 12, "mrr": [0.5] * 20})
        theirs = log({"hit": [0] * 20, "mrr": [0.5] * 19 + [1]})
        hit, mrr, *_ = compare(ours, theirs).metrics
        assert hit.p == pytest.approx(2 / 2**8)
        # `failed` is the third metric that both measured.
        assert hit.p_holm == pytest.approx(3 * 2 / 2**8)
        assert mrr.p == mrr.p_holm == 1

    def test_amounts_have_a_ratio_and_quantiles(self) -> None:
        seconds = [1.0 + at / 10 for at in range(20)]
        ours = log({"hit": [1] * 20}, seconds=[2 * each for each in seconds])
        theirs = log({"hit": [1] * 20}, seconds=seconds)
        found = only(ours, theirs, "latency_s")
        assert found.ratio is not None
        assert found.ratio.estimate == pytest.approx(2)
        assert found.theirs.p50 is not None
        assert found.theirs.p50.estimate == pytest.approx(1.9)
        assert found.ours.p95 is not None
        assert found.ours.p95.high == math.inf
        assert found.flips == ()

    def test_flips_come_largest_first_with_old_and_new(self) -> None:
        found = only(log({"hit": [1, 0.5, 0, 1]}), log({"hit": [1, 0.25, 1, 0]}))
        assert found.flips == (Flip("s2", 1, 0), Flip("s3", 0, 1), Flip("s1", 0.25, 0.5))

    def test_slices_are_compared_and_the_small_ones_named(self) -> None:
        samples = [sample(at, slices={"kind": "doc" if at < 12 else "issue"}) for at in range(16)]
        ours = log({"hit": [0] * 9 + [1] * 7}, samples=samples)
        found = only(ours, log({"hit": [1] * 16}, samples=samples))
        (one,) = found.slices
        assert (one.key, one.value, one.difference.samples) == ("kind", "doc", 12)
        assert (one.ours, one.theirs) == (0.25, 1)
        assert one.p_holm == one.p == pytest.approx(2 / 2**9)
        assert found.small_slices == {"kind=issue": 4}

    def test_repeats_are_averaged_and_those_that_disagree_are_named(self) -> None:
        ours = log({"hit": [(1, 0), (1, 1), (0, 0)]})
        found = only(ours, log({"hit": [1, 1, 0]}))
        assert found.flaky_ours == {"s0": (1.0, 0.0)}
        assert found.flaky_theirs == {}
        assert found.flips == (Flip("s0", 1, 0.5),)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(SCORE, SCORE), min_size=2, max_size=20))
    def test_swapped_sides_negate_the_difference_and_its_bounds(
        self, pairs: list[tuple[Value, Value]]
    ) -> None:
        ours, theirs = log({"hit": [a for a, _ in pairs]}), log({"hit": [b for _, b in pairs]})
        if "hit" not in set(ours.measured()) & set(theirs.measured()):
            return
        one, other = only(ours, theirs), only(theirs, ours)
        assert (one.only_ours, one.only_theirs) == (other.only_theirs, other.only_ours)
        assert [gap.sample for gap in one.missing] == [gap.sample for gap in other.missing]
        # Every sample is somewhere, or has it on neither side.
        neither = sum(a is None and b is None for a, b in pairs)
        gone = [gap for gap in one.missing if not gap.is_partial]
        assert one.samples + len(gone) + len(one.only_ours) + len(one.only_theirs) + neither == len(pairs)
        for mine, theirs_ in ((one.difference, other.difference), *_bounds(one, other)):
            assert (mine is None) == (theirs_ is None)
            if mine is not None and theirs_ is not None:
                assert (mine.low, mine.high) == pytest.approx((-theirs_.high, -theirs_.low), abs=1e-9)
        if one.difference and one.bounds and one.bounds.worst and one.bounds.best:
            assert one.bounds.worst.estimate <= one.bounds.best.estimate


def _bounds(one: MetricComparison, other: MetricComparison) -> list[tuple[object, object]]:
    if one.bounds is None or other.bounds is None:
        assert one.bounds is other.bounds
        return []
    return [(one.bounds.worst, other.bounds.best), (one.bounds.best, other.bounds.worst)]


class TestMissing:
    """Counted, named, and bounded; never zero."""

    def test_what_is_missing_is_named_on_its_side_and_bounded(self) -> None:
        ours = log({"hit": [1, 1, 1, 0, "the judge said nonsense"]})
        theirs = log({"hit": [1, 1, 1, 0, 1]})
        found = only(ours, theirs)
        assert found.samples == 4
        (gap,) = found.missing
        assert (gap.sample, gap.ours, gap.theirs) == ("s4", "the judge said nonsense", "")
        assert found.difference is not None
        assert found.difference.estimate == 0
        assert found.bounds is not None
        assert found.bounds.worst is not None
        assert found.bounds.best is not None
        assert (found.bounds.worst.estimate, found.bounds.best.estimate) == (-0.2, 0)
        assert any("1 samples lack it" in text for text in found.cautions)

    def test_missing_on_both_sides_may_be_all_the_difference_there_can_be(self) -> None:
        found = only(log({"hit": [1, "x"]}), log({"hit": [1, "y"]}))
        assert found.bounds is not None
        assert found.bounds.worst is not None
        assert found.bounds.best is not None
        assert (found.bounds.worst.estimate, found.bounds.best.estimate) == (-0.5, 0.5)

    def test_repeats_that_are_missing_count_by_their_share(self) -> None:
        found = only(log({"hit": [(1, "late", "late", "late"), (1, 1, 1, 1)]}), log({"hit": [1, 1]}))
        assert found.samples == 2
        (gap,) = found.missing
        assert gap.is_partial
        assert gap.ours == "3 of 4 repeats: late"
        assert found.bounds is not None
        assert found.bounds.worst is not None
        assert found.bounds.worst.estimate == pytest.approx(-0.75 / 2)

    def test_missing_amounts_are_bounded_by_the_largest_that_was_seen(self) -> None:
        steps = [4.0, 6, 5, 7, 3]
        found = only(log({"steps": [*steps, "killed"]}), log({"steps": [*steps, 5]}), "steps")
        assert found.bounds is not None
        assert found.bounds.worst is not None
        assert found.bounds.best is not None
        assert found.bounds.worst.estimate == pytest.approx((7 - 5) / 6)
        assert found.bounds.best.estimate == pytest.approx((3 - 5) / 6)

    def test_what_does_not_apply_on_one_side_is_not_missing_but_named(self) -> None:
        found = only(log({"hit": [1, None, 0, None]}), log({"hit": [1, 1, None, None]}))
        assert (found.samples, found.only_ours, found.only_theirs) == (1, ("s2",), ("s1",))
        assert found.missing == ()
        assert any("1 samples on our side only, and to 1 on theirs" in text for text in found.cautions)

    def test_all_samples_failed_is_a_stated_result(self) -> None:
        ours, theirs = log({"hit": [1] * 5}, failed=range(5)), log({"hit": [1] * 5})
        found = compare(ours, theirs)
        hit = next(one for one in found.metrics if one.metric.name == "hit")
        assert hit.samples == 0
        assert hit.difference is hit.p is hit.ours.mean is None
        assert len(hit.missing) == 5
        assert "No sample has it on both sides." in hit.cautions
        failed = next(one for one in found.metrics if one.metric.name == "failed")
        assert failed.difference is not None
        assert failed.difference.estimate == 1
        json.dumps(document(found), allow_nan=False)

    def test_one_sample_has_no_interval_of_an_amount(self) -> None:
        found = only(log({"steps": [4]}), log({"steps": [5]}), "steps")
        assert found.difference is found.ratio is found.ours.mean is None
        assert any("one group" in text for text in found.cautions)


class TestWhatCannotBeCompared:
    """Left out with its reason, or refused."""

    def test_a_metric_of_one_side_is_left_out(self) -> None:
        found = compare(log({"hit": [1, 0], "mrr": [1, 0]}), log({"hit": [1, 1], "steps": [2, 3]}))
        assert found.left_out == {"mrr": "only ours has it", "steps": "only theirs has it"}

    def test_a_judge_of_another_prompt_is_another_ruler(self) -> None:
        other = Metric("judged", "As a model says.", judge="judge/4")
        ours = log({"judged": [1, 0]})
        theirs = log({"judged": [1, 0]}, metrics=[other])
        assert compare(ours, theirs).left_out["judged"] == (
            "the judge's prompt has the versions 'judge/3' and 'judge/4'"
        )

    def test_another_version_of_a_scorer_is_another_ruler(self) -> None:
        found = compare(log({"hit": [1, 0]}, version="2"), log({"hit": [1, 0]}))
        assert "the scorer 'test' has the versions '2' and '1'" in found.left_out["hit"]
        assert [one.metric.name for one in found.metrics] == ["failed"]

    def test_where_the_scorer_is_not_known_any_may_be_it(self) -> None:
        def anonymous(version: str) -> EvalLog:
            made = log({"hit": [1, 0]}, version=version)
            facts = {k: v.model_copy(update={"scorer": ""}) for k, v in made.header.metrics.items()}
            return EvalLog(made.header.model_copy(update={"metrics": facts}), made.entries, made.end)

        assert compare(anonymous("1"), anonymous("1")).left_out == {}
        assert "hit" in compare(anonymous("2"), anonymous("1")).left_out

    def test_a_metric_that_changed_its_direction_is_left_out(self) -> None:
        other = Metric("hit", "Missed.", Better.LOWER)
        assert (
            "lower better" in compare(log({"hit": [1]}), log({"hit": [1]}, metrics=[other])).left_out["hit"]
        )

    def test_an_uncalibrated_judge_is_said_to_be_one(self) -> None:
        ours, theirs = log({"judged": [1, 0]}), log({"judged": [1, 1]})
        assert any("uncalibrated judge" in text for text in only(ours, theirs, "judged").cautions)
        assert only(ours, theirs, "judged", calibrated={"judge/3"}).cautions == ()

    def test_an_unknown_metric_is_refused(self) -> None:
        with pytest.raises(InputError, match="neither log has the metric 'recall'"):
            compare(log({"hit": [1]}), log({"hit": [1]}), metrics=["recall"])

    def test_logs_without_a_common_sample_are_refused(self) -> None:
        ours = log({"hit": [1, 0]}, samples=[sample(7), sample(8)])
        with pytest.raises(InputError, match="they share no sample"):
            compare(ours, log({"hit": [1, 0]}))

    def test_one_id_for_two_questions_is_refused(self) -> None:
        theirs = log({"hit": [1, 0]}, samples=[sample(0), sample(1, question="something else?")])
        with pytest.raises(InputError, match="'s1' has the question 'what is 1"):
            compare(log({"hit": [1, 0]}), theirs)

    def test_samples_of_one_side_are_counted_and_refused_if_asked(self) -> None:
        ours, theirs = log({"hit": [1, 0, 1]}), log({"hit": [1, 0]})
        found = compare(ours, theirs)
        assert found.samples.only_ours == ("s2",)
        assert found.cautions == ("1 samples are in our log only, and not compared.",)
        with pytest.raises(InputError, match="1 samples only ours has, as 's2'"):
            compare(ours, theirs, strict=True)

    def test_a_sample_whose_gold_was_changed_is_not_compared(self) -> None:
        theirs = log({"hit": [1, 0]}, samples=[sample(0), sample(1, gold=Gold(answer="no"))])
        found = compare(log({"hit": [1, 0]}), theirs)
        assert found.samples.changed == ("s1",)
        assert only(log({"hit": [1, 0]}), theirs).samples == 1
        with pytest.raises(InputError, match="another gold"):
            compare(log({"hit": [1, 0]}), theirs, strict=True)

    def test_an_incomplete_log_is_refused_unless_allowed(self) -> None:
        ours, theirs = log({"hit": [1, 0]}, complete=False), log({"hit": [1, 0]})
        with pytest.raises(InputError, match="incomplete"):
            compare(ours, theirs)
        assert "incomplete" in compare(ours, theirs, allow_incomplete=True).cautions[0]


class TestDocument:
    """The JSON document."""

    def test_it_is_json_without_numbers_that_json_does_not_have(self) -> None:
        ours = log({"hit": [1, 0, "x"], "judged": [1, 1, 1]}, seconds=[1, 2, None])
        theirs = log({"hit": [0, 0, 1], "judged": [0, 1, 1]}, seconds=[2, 2, 2])
        found = document(compare(ours, theirs))
        assert found["format"] == FORMAT
        text = json.dumps(found, allow_nan=False)
        first = json.loads(text)["metrics"][0]
        assert first["metric"]["name"] == HIT.name
        assert first["missing"] == [{"sample": "s2", "ours": "x", "theirs": "", "is_partial": False}]
        assert first["difference"]["samples"] == 2

    def test_identical_logs_are_said_to_be(self) -> None:
        one = log({"hit": [1, 0, 1]})
        assert any("are the same" in text for text in compare(one, one).cautions)
