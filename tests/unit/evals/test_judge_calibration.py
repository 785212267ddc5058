"""Labels are read strictly, random draws are told from others, and a judge is believed only for a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from loccit.core.errors import InputError, SourceUnreadable, StorageFailed
from loccit.evals.judge_calibration import (
    CalibrationStore,
    Label,
    LabelBook,
    calibrate,
    drawn,
    judged_units,
    labels_for_kappa,
    labels_for_width,
    read_calibration,
    read_labels,
    standing,
)
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Metric
from tests.judged_logs import JUDGE, METRIC, RECALL, judged_log

NAME = METRIC.name


class Judged(NamedTuple):
    log: EvalLog
    truth: dict[tuple[str, int], float]
    folder: Path

    def labels(self, count: int, *, seed: int = 0, labeller: str = "") -> list[Label]:
        """True labels of the first of the draw."""
        units = drawn(judged_units(self.log, NAME), seed)[:count]
        return [Label(unit[0], self.truth[unit], unit[1], labeller) for unit in units]

    def read(self, text: str | bytes) -> tuple[Label, ...]:
        path = self.folder / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(path, self.log)


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(*judged_log(tmp_path / "run.jsonl", samples=400, says_right=0.93), tmp_path)


class TestReading:
    def test_yes_no_numbers_and_skips_are_labels(self, judged: Judged) -> None:
        """With a spreadsheet's mark, in any case, with notes of several lines."""
        found = judged.read(
            "\ufeffSample,Label,labeller,note\r\nq0000,yes,ann,\r\nq0001,No,ann,\r\n"
            'q0002,0.25,ann,"half, at\nmost"\r\nq0003,1,,\r\nq0004,skip,,\r\n\r\n'
        )
        assert [label.value for label in found] == [1, 0, 0.25, 1, None]
        assert found[2] == Label("q0002", 0.25, 0, "ann", "half, at\nmost")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", r"line 1: is empty"),
            ("sample,labels\n", r"line 1: has an unknown column 'labels'"),
            ("sample,note\n", r"line 1: has no column 'label'"),
            ("sample,label,label\n", r"line 1: names a column twice"),
            ("sample,label\nq0000,yes\nq9999,no\n", r"line 3: 'q9999' is not in the log"),
            ("sample,label\nq0000,maybe\n", r"line 2: has the label 'maybe'"),
            ("sample,label\nq0000,\n", r"line 2: has the label ''"),
            ("sample,label\nq0000,1.5\n", r"line 2: has the label '1\.5'"),
            ("sample,label\nq0000,nan\n", r"line 2: has the label 'nan'"),
            ("sample,label,repeat\nq0000,1,-1\n", r"line 2: has the repeat '-1'"),
            ("sample,label,repeat\nq0000,1,1\n", r"line 2: repeat 1 of sample 'q0000' is not in the log"),
            ("sample,label\nq0000,yes,x\n", r"line 2: has 3 cells, expected 2"),
            ('sample,label\nq0000,"yes\n', r"line 2: is no CSV"),
            (b"sample,label\nq0000,yes\xff\n", r"line 2: is no UTF-8"),
            (
                'sample,label,note\nq0000,yes,"two\nlines"\nq0001,no,\nq0000,no,\n',
                r"line 5: 'one labeller' says 'no' of 'q0000', and 'yes' in line 2",
            ),
        ],
    )
    def test_what_is_no_label_is_refused_by_its_line(
        self, judged: Judged, text: str | bytes, said: str
    ) -> None:
        with pytest.raises(InputError, match=said) as found:
            judged.read(text)
        assert found.value.next_step

    def test_the_same_label_twice_stands_once_and_two_people_may_differ(self, judged: Judged) -> None:
        text = "sample,label,labeller\nq0000,yes,ann\nq0000,1,ann\nq0000,no,bob\n"
        assert [(label.labeller, label.value) for label in judged.read(text)] == [("ann", 1), ("bob", 0)]

    def test_a_file_that_cannot_be_read_is_told(self, judged: Judged) -> None:
        with pytest.raises(SourceUnreadable, match=r"lost\.csv"):
            read_labels(judged.folder / "lost.csv", judged.log)


class TestBook:
    def test_each_label_is_on_disk_at_once_and_may_be_changed(self, judged: Judged) -> None:
        """Beside those of others, whose notes stay."""
        path = judged.folder / "labels.csv"
        path.write_text('sample,label,labeller,note\nq0001,no,bob,"because, well"\n')
        book = LabelBook(path, judged.log, "ann")
        book.put(("q0001", 0), 1.0)
        book.put(("q0001", 0), None)
        book.put(("q0002", 0), 0.0)
        assert (
            read_labels(path, judged.log)
            == book.labels
            == (
                Label("q0001", 0.0, 0, "bob", "because, well"),
                Label("q0001", None, 0, "ann"),
                Label("q0002", 0.0, 0, "ann"),
            )
        )
        assert [each.name for each in judged.folder.iterdir() if "draft" in each.name] == []

    def test_a_place_that_cannot_be_written_is_told(self, judged: Judged) -> None:
        (judged.folder / "file").write_text("")
        with pytest.raises(StorageFailed, match="cannot write"):
            LabelBook(judged.folder / "file" / "x.csv", judged.log, "").put(("q0001", 0), 1.0)


class TestDraw:
    def test_it_is_the_same_for_a_seed_and_keeps_its_order_when_some_are_lost(self, judged: Judged) -> None:
        units = judged_units(judged.log, NAME)
        assert drawn(units, 1) == drawn(reversed(list(units)), 1) != drawn(units, 2)
        assert drawn(list(units)[::2], 1) == [unit for unit in drawn(units, 1) if unit in list(units)[::2]]

    def test_every_part_of_the_samples_is_drawn_as_often(self, judged: Judged) -> None:
        """Over 200 seeds each of 400 samples is among the first 100 about 50 times."""
        units = judged_units(judged.log, NAME)
        counts = dict.fromkeys(units, 0)
        for seed in range(200):
            for unit in drawn(units, seed)[:100]:
                counts[unit] += 1
        assert 25 < min(counts.values()) < 50 < max(counts.values()) < 80


class TestCalibrating:
    def test_a_good_judge_is_calibrated_and_its_score_corrected(self, judged: Judged) -> None:
        found = calibrate(judged.log, NAME, judged.labels(100))
        assert (found.labels.count, found.judged, found.judge) == (100, 400, JUDGE)
        assert found.labels.is_random
        assert found.kappa is not None
        assert found.corrected is not None
        truth = sum(judged.truth.values()) / 400
        assert found.corrected.low < truth < found.corrected.high
        width = found.corrected.high - found.corrected.low
        assert width < 0.8 * (found.labels_only.high - found.labels_only.low)
        cells = found.confusion
        assert cells.both_yes + cells.judge_alone + cells.people_alone + cells.both_no == 100
        stands = standing(METRIC, [found])
        assert stands.is_calibrated
        assert stands.why.startswith(f"kappa is {found.kappa.estimate:.2f}")

    def test_labels_that_are_no_random_draw_correct_nothing(self, judged: Judged) -> None:
        """The first hundred of the file, or the draw of another seed: agreement only, and no belief."""
        picked = [Label(unit[0], judged.truth[unit]) for unit in list(judged.truth)[:100]]
        for labels in (picked, judged.labels(100, seed=1)):
            found = calibrate(judged.log, NAME, labels, seed=0)
            assert (found.labels.is_random, found.corrected, found.trust) == (False, None, None)
            assert found.kappa is not None
            assert "not the random draw" in standing(METRIC, [found]).why
            assert labels_for_width(found, 0.1) is None
        assert calibrate(judged.log, NAME, judged.labels(100, seed=1), seed=1).corrected is not None

    def test_a_few_skips_are_said_and_many_correct_nothing(self, judged: Judged) -> None:
        few = [*judged.labels(95), *(Label(x.sample, None) for x in judged.labels(100)[95:])]
        assert calibrate(judged.log, NAME, few).labels.skipped == 5
        assert calibrate(judged.log, NAME, few).corrected is not None
        many = [*judged.labels(80), *(Label(x.sample, None) for x in judged.labels(100)[80:])]
        found = calibrate(judged.log, NAME, many)
        assert found.corrected is None
        assert found.not_corrected.startswith("20 of 100 samples were skipped")

    def test_labels_of_samples_without_a_verdict_are_set_aside(self, tmp_path: Path) -> None:
        """And counted; missing verdicts are no zeros."""
        log, truth = judged_log(tmp_path / "run.jsonl", samples=200, missing=50)
        found = calibrate(log, NAME, [Label(unit[0], value) for unit, value in truth.items()])
        assert (found.labels.count, found.labels.set_aside, found.missing, found.judged) == (150, 50, 50, 150)

    def test_two_labellers_are_compared_and_their_mean_counts(self, judged: Judged) -> None:
        ann = judged.labels(60, labeller="ann")
        bob = [
            Label(each.sample, 1 - (each.value or 0) if at < 6 else each.value, 0, "bob")
            for at, each in enumerate(judged.labels(40))
        ]
        found = calibrate(judged.log, NAME, [*ann, *bob])
        (pair,) = found.labellers
        assert (pair.first, pair.second, pair.both) == ("ann", "bob", 40)
        assert pair.agreement.estimate == pytest.approx(34 / 40)
        assert pair.kappa is not None
        assert found.labels.count == 60
        # Of the six on which they differ, each counts a half.
        told = sum(0.5 if at < 6 else each.value or 0 for at, each in enumerate(ann))
        assert found.labels_only.estimate == pytest.approx(told / 60)
        alone = calibrate(judged.log, NAME, [*ann, *bob], labeller="bob")
        assert (alone.labels.labellers, alone.labels.count, alone.labellers) == (("bob",), 40, ())

    def test_repeats_of_one_sample_are_one_group(self, tmp_path: Path) -> None:
        log, truth = judged_log(tmp_path / "run.jsonl", samples=60, repeats=3)
        found = calibrate(
            log, NAME, [Label(sample, value, repeat) for (sample, repeat), value in truth.items()]
        )
        assert (found.judged, found.raw.clusters) == (180, 60)

    def test_what_no_judge_gives_and_what_nobody_labelled_is_refused(self, judged: Judged) -> None:
        with pytest.raises(InputError, match=r"'recall' is no figure of a judge.*it has judge\.correct"):
            calibrate(judged.log, RECALL.name, judged.labels(50))
        with pytest.raises(InputError, match=r"'judge\.grounded' is no figure"):
            judged_units(judged.log, "judge.grounded")
        with pytest.raises(InputError, match="there are 1 labels of 'ann'"):
            calibrate(judged.log, NAME, judged.labels(1, labeller="ann"), labeller="ann")


class TestStanding:
    def test_a_computed_metric_needs_no_calibration(self) -> None:
        assert standing(RECALL, []).is_calibrated

    def test_without_any_or_for_another_prompt_or_model_it_is_uncalibrated(self, judged: Judged) -> None:
        found = calibrate(judged.log, NAME, judged.labels(100))
        assert standing(METRIC, []).why == "nobody has labelled any of its samples"
        for other in ("judge_correct@2 by box:judge", "judge_correct@1 by box:other"):
            said = standing(Metric(NAME, "", judge=other), [found])
            assert not said.is_calibrated
            assert said.why == f"it was calibrated as {JUDGE}, and this is {other}"

    def test_few_labels_are_not_enough(self, judged: Judged) -> None:
        said = standing(METRIC, [calibrate(judged.log, NAME, judged.labels(29))])
        assert (said.is_calibrated, said.why) == (False, "it has 29 labels, 30 are needed")

    def test_agreement_by_chance_is_not_enough(self, tmp_path: Path) -> None:
        """A judge that says the truth six times in ten has a kappa far below the bar."""
        log, truth = judged_log(tmp_path / "run.jsonl", says_right=0.6, samples=300)
        found = calibrate(log, NAME, Judged(log, truth, tmp_path).labels(100))
        said = standing(METRIC, [found])
        assert not said.is_calibrated
        assert said.why.endswith("its lower end must be above 0.4")
        assert labels_for_kappa(found) is None
        assert found.corrected is not None

    def test_one_and_the_same_said_of_all_tells_nothing(self, tmp_path: Path) -> None:
        log, truth = judged_log(tmp_path / "run.jsonl", share=1, says_right=1, samples=100)
        found = calibrate(log, NAME, Judged(log, truth, tmp_path).labels(50))
        assert found.kappa is None
        assert "one and the same of all 50 samples" in standing(METRIC, [found]).why

    def test_that_of_the_same_dataset_comes_first(self, judged: Judged, tmp_path: Path) -> None:
        other_log, truth = judged_log(tmp_path / "other.jsonl", says_right=0.6, samples=300)
        bad = calibrate(other_log, NAME, Judged(other_log, truth, tmp_path).labels(200))
        good = calibrate(judged.log, NAME, judged.labels(100))
        assert standing(METRIC, [bad, good], dataset=good.dataset.digest).is_calibrated
        assert not standing(METRIC, [bad, good], dataset=bad.dataset.digest).is_calibrated
        assert "on 'postage'" in standing(METRIC, [good], dataset="0" * 64).why

    def test_it_says_how_many_labels_would_do(self, judged: Judged) -> None:
        found = calibrate(judged.log, NAME, judged.labels(30))
        needed = labels_for_kappa(found)
        assert needed is not None
        assert standing(METRIC, [calibrate(judged.log, NAME, judged.labels(max(100, needed)))]).is_calibrated


class TestKeeping:
    def test_it_is_read_as_it_was_kept_and_a_new_one_takes_its_place(self, judged: Judged) -> None:
        store = CalibrationStore(judged.folder / "home" / "evals" / "calibrations")
        assert store.all() == ()
        store.keep(calibrate(judged.log, NAME, judged.labels(40)))
        last = calibrate(judged.log, NAME, judged.labels(100))
        path = store.keep(last)
        assert store.all() == (last,) == (read_calibration(path),)
        assert json.loads(path.read_text())["format"] == "loccit-calibration/1"

    def test_labels_read_with_another_seed_do_not_undo_it(self, judged: Judged) -> None:
        """What is then said is kept beside it, and it stands."""
        store = CalibrationStore(judged.folder / "calibrations")
        store.keep(calibrate(judged.log, NAME, judged.labels(100)))
        store.keep(calibrate(judged.log, NAME, judged.labels(110), seed=9))
        assert standing(METRIC, store.all()).is_calibrated

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "is no loccit-calibration/1"),
            ('{"format": "loccit-calibration/2"}', "format is 'loccit-calibration/2'"),
            ("[]", "it is"),
        ],
    )
    def test_what_is_none_is_refused(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match=said):
            CalibrationStore(tmp_path).all()
