"""What a person sees of an evaluation in a terminal: in 80 columns, whatever the log, and steered by none."""

from __future__ import annotations

import io
import re
import sys

import pytest

from loccit.cli.evals.comparison_view import show_comparison
from loccit.cli.evals.gate_view import show_gate
from loccit.cli.evals.progress_view import EvalProgress, interim_text, progress_text
from loccit.cli.evals.run_view import show_run, whisker
from loccit.cli.score_tables import terminal_width
from loccit.evals.compare import compare
from loccit.evals.gate import gate, parse_margin
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output
from loccit.evals.statistics import Interval, proportion
from tests.unit.evals.made_logs import METRICS, failed_entry, log_of, made_log, made_sample

ATTACK = "\x1b]0;owned\x07\x1b[31m\x9b31m\u202edne\u202c\u200b\x7f\r"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
MARGINS = [
    parse_margin(each) for each in ("recall@5=0.02", "cost_usd=10%", "latency_s=0.5", "correctness=0.03")
]


def logs() -> dict[str, EvalLog]:
    return {
        "whole": made_log(60),
        "repeated": made_log(30, repeats=3),
        "one sample": made_log(1, failing=0.0),
        "all failed": log_of([failed_entry(made_sample(at)) for at in range(12)]),
        "nothing told": log_of([failed_entry(made_sample(0), error="", message="")], metrics=[]),
        "no entry": log_of([], metrics=METRICS, is_complete=False),
    }


@pytest.mark.parametrize("name", logs())
def test_a_run_fits_80_columns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of one sample, of nothing but failures, and of nothing."""
    show_run(logs()[name])
    shown = capsys.readouterr().out
    assert shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_says_what_is_missing_flaky_and_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its reason; nothing is zero because it is not there."""
    show_run(made_log(40, repeats=3))
    shown = capsys.readouterr().out
    assert "correctness ↑ ⚠" in shown
    assert "uncalibrated judge" in shown
    assert "do not agree with themselves" in shown
    show_run(log_of([failed_entry(made_sample(at)) for at in range(3)]))
    shown = capsys.readouterr().out
    assert re.search(r"recall@5 ↑ +0 +– +not measured +3", shown)
    assert "- no output: TimedOut: recall@5 3" in shown
    assert "Without an output: 3 of 3" in shown


def test_a_comparison_and_a_gate_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """With the verdict in a word first, and nothing cut off."""
    new, old = made_log(60, skill=0.8, seed=2), made_log(60)
    show_comparison(compare(new, old))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "in common" in shown
    assert "flipped" in shown
    report = gate(new, old, MARGINS)
    show_gate(report)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert report.verdict.value in shown.splitlines()[0]
    assert "INCONCLUSI…" not in shown
    assert "not calibrated" in shown.replace("\n  ", " ")


def test_a_comparison_without_a_common_metric_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """And names what only one has."""
    other = Metric("other", "Another one.")
    one = log_of(
        [failed_entry(made_sample(0)).model_copy(update={"missing": {"other": "x"}})], metrics=[other]
    )
    show_comparison(compare(one, log_of([failed_entry(made_sample(0))])))
    assert "not compared: recall@5: only theirs has it" in capsys.readouterr().out


def test_no_control_character_of_a_log_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """They are shown written out."""
    sample = made_sample(0, question=ATTACK).model_copy(update={"id": ATTACK, "slices": {ATTACK: ATTACK}})
    entries = [
        failed_entry(sample, error=ATTACK, message=ATTACK),
        made_log(1, failing=0.0)
        .entries[0]
        .model_copy(
            update={
                "sample": sample.model_copy(update={"id": f"other{ATTACK}"}),
                "output": Output(text=ATTACK),
            }
        ),
    ]
    hostile = log_of(entries, name=ATTACK)
    show_run(hostile)
    show_comparison(compare(hostile, hostile))
    show_gate(gate(hostile, hostile, MARGINS[:1]))
    shown = capsys.readouterr().out
    assert not RAW.search(shown.replace("\n", ""))
    assert "\\x1b" in shown


def test_a_whisker_stands_where_its_figure_is() -> None:
    """From 0 at the left to 1 at the right, the dot within its ends."""
    assert whisker(Interval(0.5, 0.2, 0.8, 0.95, 9, 9, "m"), 11) == "  ├──●──┤  "
    assert whisker(0.0, 5) == "●    "
    assert whisker(Interval(1.0, 1.0, 1.0, 0.95, 9, 9, "m"), 5) == "    ●"
    assert terminal_width() == 80


class Clock:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestProgress:
    """How far a run is."""

    def test_what_was_done_before_does_not_count_for_the_rate(self) -> None:
        """A run that goes on after a kill begins with what was there."""
        text = progress_text(60, 100, failed=1, spent_usd=0.12, done_here=10, seconds=5)
        assert text == "60 of 100 samples, 1 failed, $0.12, 2.0/s, 20 s left"
        assert progress_text(5, 5, failed=0, spent_usd=0, done_here=5, seconds=100) == (
            "5 of 5 samples, 3.0/min"
        )
        assert progress_text(0, 5, failed=0, spent_usd=0, done_here=0, seconds=0) == "0 of 5 samples"

    def test_a_run_that_goes_on_counts_from_where_it_was(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Fifty that are there already were not done in ten seconds."""
        clock = Clock()
        progress = EvalProgress(quiet=False, clock=clock)
        progress(50, 100)
        clock.now += 10
        progress(60, 100)
        assert capsys.readouterr().err == "60 of 100 samples, 1.0/s, 40 s left\n"

    def test_interim_means_have_their_intervals(self) -> None:
        """Three at most."""
        means = {name: proportion(10, 20) for name in ("a", "b\x1b", "c", "d")}
        assert interim_text(means) == "a 50% (30–70), b\\x1b 50% (30–70), c 50% (30–70)"
        assert interim_text({}) == ""

    def test_without_a_terminal_a_line_comes_every_ten_seconds(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And at the end; none in the first second."""
        clock = Clock()
        progress = EvalProgress(quiet=False, clock=clock)
        for at in range(41):
            clock.now = 100.0 + at
            progress(at, 40, interim={"recall@5": proportion(10, 20)})
        progress.close()
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(" of")[0] for line in lines] == ["10", "20", "30", "40"]
        assert lines[0] == "10 of 40 samples, 1.0/s, 30 s left; so far recall@5 50% (30–70)"

    def test_nothing_is_shown_when_quiet(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Neither then nor in the first second."""
        clock = Clock()
        progress = EvalProgress(quiet=True, clock=clock)
        clock.now += 60
        progress(1, 1)
        EvalProgress(quiet=False, clock=clock)(1, 1)
        assert capsys.readouterr().err == ""

    def test_on_a_terminal_it_is_a_bar_that_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the interim figures below it."""

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal, clock = Terminal(), Clock()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        progress = EvalProgress(quiet=False, clock=clock)
        clock.now += 5
        progress(1, 4, spent_usd=0.5, interim={"recall@5": proportion(10, 20)})
        progress.close()
        shown = terminal.getvalue()
        assert "1 of 4 samples" in shown
        assert "so far recall@5 50% (30–70)" in shown
        assert shown.endswith("\x1b[2K") or "\x1b[?25h" in shown
