"""The page of a comparison: differences, intervals and margins, flips with both answers, what is missing."""

from __future__ import annotations

import hashlib
import re

import pytest

from loccit.evals.compare import compare
from loccit.evals.comparison_page import page_of_comparison
from loccit.evals.difference_plot import difference_table
from loccit.evals.gate import Verdict, gate, parse_margin
from loccit.evals.log import Entry, EvalLog
from loccit.evals.metrics import Better, Metric
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.plots import draw
from loccit.evals.report import render
from loccit.evals.report_parts import Difference, DifferencePlot, Tone
from loccit.evals.statistics import Interval
from tests.unit.evals.made_logs import log_of, made_log, made_sample
from tests.unit.evals.pages import Node, parsed

SCORE = Metric("recall@5", "Share of the right passages that are among the first five.")
WRONG = Metric("wrong", "Whether it said something wrong.", Better.LOWER)


def log(*values: float | None, text: str = "answer", metric: Metric = SCORE, **more: object) -> EvalLog:
    """One sample for each value; None is missing."""
    entries = [
        Entry(
            sample=made_sample(3 * at),
            output=Output(text=f"{text} {at}"),
            scores={} if value is None else {metric.name: value},
            missing={metric.name: "the judge said nothing"} if value is None else {},
            run=Usage(latency_s=1.0 + at / 10, cost_usd=0.01),
        )
        for at, value in enumerate(values)
    ]
    return log_of(entries, metrics=[metric], **more)  # type: ignore[arg-type]


def page(new: EvalLog, old: EvalLog, *margins: str) -> Node:
    report = gate(new, old, [parse_margin(each) for each in margins]) if margins else None
    return parsed(render(page_of_comparison(compare(new, old), new, old, report)))


def rows_of(root: Node, caption: str) -> list[list[str]]:
    [table] = [each for each in root.all("table") if each.all("caption")[0].words == caption]
    return [[cell.words for cell in row.children] for row in table.all("tbody")[0].all("tr")]


def test_a_difference_is_new_less_old_with_its_interval() -> None:
    """In points, with both means beside it."""
    root = page(log(*[1.0] * 20, *[0.0] * 10), log(*[0.0] * 20, *[0.0] * 10))
    row = next(
        row for row in rows_of(root, "Every metric that both measured") if row[0].startswith("recall@5")
    )
    assert row[1].startswith("0.0%")
    assert row[2].startswith("66.7%")
    assert row[3].startswith("✓ +66.7")


def test_less_of_what_is_bad_is_better() -> None:
    """The mark follows what is good, not the sign."""
    root = page(log(*[0.0] * 30, metric=WRONG), log(*[1.0] * 20, *[0.0] * 10, metric=WRONG))
    row = next(row for row in rows_of(root, "Every metric that both measured") if row[0].startswith("wrong"))
    assert row[3].startswith("✓ −66.7")


def test_flips_are_shown_with_both_answers_side_by_side() -> None:
    """Those that became worse first, then those that became better."""
    old = log(1.0, 0.0, 1.0, 1.0, text="old answer")
    new = log(0.0, 1.0, 1.0, 1.0, text="new answer")
    root = page(new, old)
    cases = [each for each in root.all("details") if each.attributes.get("class") == "case"]
    badges = [
        node.words
        for case in cases
        for node in case.walk()
        if "badge" in (node.attributes.get("class") or "")
    ]
    assert badges == ["✗ 100% → 0%", "✓ 0% → 100%"]
    assert "old answer 0" in cases[0].words
    assert "new answer 0" in cases[0].words


def test_what_is_missing_has_its_bounds_and_reasons() -> None:
    """At its worst and at its best for new; nothing of it is zero."""
    root = page(log(1.0, 1.0, 1.0, None), log(1.0, 1.0, 1.0, 1.0))
    [row] = rows_of(root, "If what is missing were as bad, or as good, for new as can be")
    assert row[1] == "1"
    assert row[2].startswith("+0.0")
    assert row[3].startswith("−25.0")
    assert rows_of(root, "Why") == [["new: the judge said nothing", "recall@5 (1)"]]


@pytest.mark.parametrize(
    ("new", "expected"),
    [([1.0] * 400, Verdict.PASS), ([0.0] * 200 + [1.0] * 200, Verdict.FAIL), ([0.0] * 4 + [1.0] * 6, None)],
)
def test_a_gate_says_its_verdict_in_words_and_draws_the_margin(
    new: list[float], expected: Verdict | None
) -> None:
    """PASS, FAIL, or INCONCLUSIVE with how many samples would decide."""
    root = page(log(*new), log(*[1.0] * len(new)), "recall@5=0.05")
    verdict = expected or Verdict.INCONCLUSIVE
    callouts = [node.words for node in root.walk() if "callout" in (node.attributes.get("class") or "")]
    assert any(verdict.value in each for each in callouts)
    row = next(row for row in rows_of(root, "Every metric with a margin") if row[0].startswith("recall@5"))
    assert verdict.value in row[1]
    assert row[3] == "5 points"
    assert [node for node in root.walk() if node.attributes.get("class") == "edge"]


def test_the_margin_is_on_the_bad_side() -> None:
    """Below zero of what should be high, above zero of what should be low."""
    change = Interval(0.01, -0.02, 0.04, 0.95, 9, 9, "m")
    plot = DifferencePlot(
        "t",
        "d",
        (
            Difference("high", change, 0.03),
            Difference("low", change, 0.03, is_higher_better=False, tone=Tone.BAD),
            Difference("none", None),
        ),
    )
    assert difference_table(plot).plain_rows() == (
        ("", "Difference", "Margin"),
        ("high", "+1.0 −2.0 to +4.0", "−3.0"),
        ("low", "+1.0 −2.0 to +4.0", "+3.0"),
        ("none", "– not measured", "–"),
    )


def test_an_uncalibrated_judge_is_said() -> None:
    """Beside its figure and above the table."""
    words = page(made_log(40), made_log(40, skill=0.5)).words
    assert "By an uncalibrated judge." in words
    assert "loccit eval calibrate" in words


def test_degenerate_comparisons_have_a_page() -> None:
    """One sample, everything missing, all failed, no metric in common, logs that are the same."""
    failed = log_of(
        [
            Entry(
                sample=made_sample(3 * at),
                output=Output(outcome=OutputOutcome.FAILED, error="TimedOut"),
                scores={},
                missing={SCORE.name: "no output: TimedOut"},
            )
            for at in range(4)
        ],
        metrics=[SCORE],
    )
    whole = log(1.0, 0.0, 1.0, 1.0)
    for new, old in (
        (log(1.0), log(0.0)),
        (log(None, None), log(None, None)),
        (failed, failed),
        (failed, whole),
        (whole, failed),
        (whole, whole),
        (whole, log(1.0, 0.0, 1.0, 1.0, metric=WRONG)),
    ):
        for margins in ((), ("failed=0.05",)):
            words = page(new, old, *margins).words
            assert not re.search(r"\b(nan|None|inf)\b", words)


def test_hostile_text_is_shown_as_text_and_the_same_logs_give_the_same_bytes() -> None:
    """Answers and names of both sides."""
    text = '<script>alert(1)</script>"><img src=x>\x1b[31m\u202e'
    new, old = log(1.0, 0.0, text=text, name=text), log(0.0, 0.0, text=text, name=text)
    comparison = compare(new, old)
    pages = {render(page_of_comparison(comparison, new, old)) for _ in range(2)}
    assert len({hashlib.sha256(each.encode()).hexdigest() for each in pages}) == 1
    rendered = pages.pop()
    assert not {node.name for node in parsed(rendered).walk()} & {"script", "img"}
    assert "\x1b" not in rendered
    assert "\u202e" not in rendered


@pytest.mark.parametrize("is_higher_better", [True, False])
def test_the_ground_beyond_the_margin_is_marked_on_the_bad_side(is_higher_better: bool) -> None:
    """To the left of the dashed line of what should be high, to its right of what should be low."""
    change = Interval(0.01, -0.02, 0.04, 0.95, 9, 9, "m")
    plot = DifferencePlot("t", "d", (Difference("x", change, 0.03, is_higher_better),))
    drawing = parsed(draw(plot, "p", 820)).all("svg")[0]
    [ground] = [node for node in drawing.walk() if node.attributes.get("class") == "beyond"]
    [edge] = [node for node in drawing.walk() if node.attributes.get("class") == "edge"]
    at = float((edge.attributes["d"] or "")[1:].split()[0])
    left, width = (float(ground.attributes[name] or "") for name in ("x", "width"))
    assert (left + width if is_higher_better else left) == pytest.approx(at, abs=0.02)
    assert width > 0


def test_of_repeats_those_are_shown_that_flipped() -> None:
    """The better one where it was better, the worse one where it was worse."""

    def repeated(name: str, *values: float) -> EvalLog:
        entries = [
            Entry(
                sample=made_sample(3 * number),
                repeat=at,
                output=Output(text=f"{name} gave {value:.0f}"),
                scores={SCORE.name: value},
            )
            for number in range(2)
            for at, value in enumerate(values)
        ]
        return log_of(entries, metrics=[SCORE], repeats=len(values))

    steady, shaky = repeated("steady", 1.0, 1.0), repeated("shaky", 1.0, 0.0)
    for new, old in ((shaky, steady), (steady, shaky)):
        [*cases] = [each for each in page(new, old).all("details") if each.attributes.get("class") == "case"]
        assert len(cases) == 2
        assert all("shaky gave 0" in case.words and "shaky gave 1" not in case.words for case in cases)
