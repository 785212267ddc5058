"""The page of a run says what the log holds, whatever the log holds."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest

from loccit.core.errors import InputError
from loccit.evals.datasets import Gold, Sample
from loccit.evals.log import Entry, EvalLog
from loccit.evals.markup import visible
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Stages, Step, Usage
from loccit.evals.report import render
from loccit.evals.report_parts import Unit
from loccit.evals.run_page import in_words, page_of_run, page_of_runs
from loccit.evals.statistics import Interval, proportion
from loccit.evals.summary import Calibrated, Summary, document
from tests.unit.evals.made_logs import METRICS, failed_entry, log_of, made_log, made_sample
from tests.unit.evals.pages import Node, parsed

SCORE = Metric("recall@5", "Share of the right passages that are among the first five.")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "</pre></details><iframe src=//x.test>",
    "javascript:alert(1)",
    "bell \x07 escape \x1b[31m",
    "\u202eright to left\u202c zero\u200bwidth",
    "`code` | [link](https://x.test)",
)


def entry(number: int, score: float | None, *, repeat: int = 0, **more: object) -> Entry:
    """An answered sample with one figure, or with none because its judge said nothing."""
    fields: dict[str, object] = {
        "output": Output(text=f"answer {number}"),
        "scores": {} if score is None else {SCORE.name: score},
        "missing": {SCORE.name: "the scorer gave nan"} if score is None else {},
        "run": Usage(latency_s=0.5 + number, cost_usd=0.01),
        **more,
    }
    return Entry(sample=made_sample(number), repeat=repeat, **fields)  # type: ignore[arg-type]


def page(log: EvalLog, **more: object) -> Node:
    return parsed(render(page_of_run(log, **more)))  # type: ignore[arg-type]


def rows_of(root: Node, caption: str) -> list[list[str]]:
    """The rows of the table of this caption, each cell's text."""
    tables = [each for each in root.all("table") if each.all("caption")[0].words == caption]
    assert len(tables) == 1, [each.all("caption")[0].words for each in root.all("table")]
    body = tables[0].all("tbody")[0]
    return [[cell.words for cell in row.children] for row in body.all("tr")]


def test_every_figure_stands_with_its_interval_and_number_of_samples() -> None:
    """The mean over samples, and what is missing beside it."""
    log = made_log(60)
    rows = {row[0].split("\u00a0")[0]: row for row in rows_of(page(log), "Quality")}
    figures = {each.metric.name: each for each in Summary(log).quality}
    assert set(rows) == set(figures) == {metric.name for metric in METRICS}
    found = figures["recall@5"]
    assert isinstance(found.value, Interval)
    assert rows["recall@5"][1] == f"{found.samples}"
    assert f"{100 * found.value.estimate:.1f}%" in rows["recall@5"][2]
    assert f"{100 * found.value.low:.1f}–{100 * found.value.high:.1f}%" in rows["recall@5"][2]


def test_the_headline_says_its_interval_in_words() -> None:
    """And why there is none where there is none."""
    assert in_words(proportion(10, 20), Unit.SHARE) == "Between 30 and 70%, with 95% confidence."
    assert "there is no interval" in in_words(0.5, Unit.SHARE)
    assert in_words(None, Unit.SHARE) == "Not measured."
    one_group = in_words(Interval(0.5, 0.0, 1.0, 0.95, 9, 1, "one group"), Unit.SHARE)
    assert "One group alone says nothing" in one_group


def test_what_is_missing_is_a_dash_with_its_reason_and_never_zero() -> None:
    """Also where no sample has a figure at all."""
    log = log_of([entry(0, None), entry(1, None)], metrics=[SCORE])
    root = page(log)
    [row] = rows_of(root, "Quality")
    assert row[1:] == ["0", "–not measured", "⚠ 2"]
    assert ["the scorer gave nan", "recall@5 (2)"] in rows_of(root, "What is missing, and why")
    assert "recall@5: not measured" in root.words
    assert "0.0%" not in row[2]


def test_a_figure_counts_only_the_samples_that_have_one() -> None:
    """One of three is missing: the mean is of two, and it says so."""
    log = log_of([entry(0, 1.0), entry(1, 0.0), entry(2, None)], metrics=[SCORE])
    [row] = rows_of(page(log), "Quality")
    assert row[1] == "2"
    assert row[2].startswith("50.0%")
    assert row[3] == "⚠ 1"


def test_an_uncalibrated_judge_is_said_to_be_one_wherever_its_figure_stands() -> None:
    """In the table, above it, among the four, and in each sample; not where people's labels stand behind."""
    log = made_log(60)
    root = page(log)
    rows = {row[0].split("\u00a0")[0]: row for row in rows_of(root, "Quality")}
    assert "uncalibrated judge" in rows["correctness"][2]
    assert "uncalibrated" not in rows["recall@5"][2]
    assert "Uncalibrated judge" in root.words
    known = {"agrees-3": Calibrated(proportion(80, 100), 100)}
    calibrated = page(log, calibrated=known)
    rows = {row[0].split("\u00a0")[0]: row for row in rows_of(calibrated, "Quality")}
    assert "judge with κ 0.80" in rows["correctness"][2]
    assert "Uncalibrated judge" not in calibrated.words


def test_a_judge_is_not_the_headline_while_anything_computed_is_there() -> None:
    """The first that no judge gives and half of the samples have."""
    judged = Metric("liked", "Whether it pleases.", judge="likes-1")
    entries = [entry(at, 1.0, scores={"liked": 1.0, SCORE.name: 0.5}) for at in range(4)]
    assert Summary(log_of(entries, metrics=[judged, SCORE])).headline.metric.name == "recall@5"
    only = [entry(at, 1.0, scores={"liked": 1.0}) for at in range(4)]
    root = page(log_of(only, metrics=[judged]))
    assert "nobody has compared that judge with people" in root.words


def test_coverage_abstention_correctness_and_citations_stand_together() -> None:
    """Each with a figure, or a dash and why; not for a task in which nothing is asked."""
    four = [each.name for each in Summary(made_log(60)).aspects]
    assert four == ["coverage", "abstention", "correctness", "citations"]
    words = page(log_of([entry(0, 1.0), entry(1, 0.0)], metrics=[SCORE])).words
    assert "no question without an answer was asked" in words
    assert "no scorer of the task measures it" in words


def test_coverage_leaves_out_what_failed() -> None:
    """A sample without an output was neither answered nor declined."""
    declined = Output(outcome=OutputOutcome.ABSTAINED, abstention="nothing found")
    log = log_of(
        [entry(0, 1.0), entry(1, 0.0, output=declined), failed_entry(made_sample(2))], metrics=[SCORE]
    )
    coverage = Summary(log).aspects[0].figure
    assert coverage is not None
    assert isinstance(coverage.value, Interval)
    assert (coverage.value.estimate, coverage.samples) == (0.5, 2)
    assert dict(coverage.missing) == {"no output: TimedOut": 1}


def test_failures_are_grouped_by_error() -> None:
    """The most frequent first, with the samples that they hit."""
    entries = [failed_entry(made_sample(at)) for at in range(5)]
    entries.append(failed_entry(made_sample(5), error="ModelFailed", message="the model said 500"))
    rows = rows_of(page(log_of(entries, metrics=[SCORE])), "Samples without an output, by error")
    assert rows == [
        ["TimedOutno answer within 60 s", "5", "q0000, q0001, q0002 and 2 more"],
        ["ModelFailedthe model said 500", "1", "q0005"],
    ]


def test_flaky_samples_are_listed_with_what_each_repeat_gave() -> None:
    """A mean of 67% would hide that one of three times it was wrong."""
    entries = [entry(0, value, repeat=at) for at, value in enumerate((1.0, 0.0, 1.0))]
    entries += [entry(1, 1.0, repeat=at) for at in range(3)]
    log = log_of(entries, metrics=[SCORE], repeats=3)
    rows = rows_of(page(log), "1 sample of 2, with what each repeat gave")
    assert [row[1] for row in rows] == ["100% · 0% · 100%"]
    assert rows[0][0].startswith("q0000")


def test_repeats_tell_how_often_one_some_and_all_tries_succeed() -> None:
    """Without bias from few repeats: of (1, 0, 1) one of the three pairs is good twice."""
    entries = [entry(0, value, repeat=at) for at, value in enumerate((1.0, 0.0, 1.0))]
    entries += [entry(1, 1.0, repeat=at) for at in range(3)]
    log = log_of(entries, metrics=[SCORE], repeats=3)
    rows = rows_of(page(log), "Success over repeats")
    assert [[cell.split("%")[0] for cell in row[1:5]] for row in rows] == [
        ["2", "83.3", "100.0", "66.7"],
        ["3", "83.3", "100.0", "50.0"],
    ]
    assert document(log)["repeat_success"][1]["all"]["estimate"] == 0.5


def test_no_success_is_told_of_what_is_no_yes_or_no_and_of_samples_tried_once() -> None:
    once = log_of([entry(0, 1.0)], metrics=[SCORE])
    graded = log_of([entry(0, 0.5, repeat=at) for at in range(2)], metrics=[SCORE], repeats=2)
    lacking = log_of(
        [entry(0, value, repeat=at) for at, value in enumerate((1.0, None))], metrics=[SCORE], repeats=2
    )
    assert [Summary(log).repeat_success for log in (once, graded, lacking)] == [(), (), ()]


def test_asked_once_it_says_that_flaky_samples_cannot_be_seen() -> None:
    """Nothing flaky was found is not nothing is flaky."""
    assert "cannot be seen" in page(log_of([entry(0, 1.0)], metrics=[SCORE])).words
    steady = [entry(0, 1.0, repeat=at) for at in range(2)]
    assert "always gave the same figures" in page(log_of(steady, metrics=[SCORE], repeats=2)).words


def test_the_worst_samples_are_shown_with_gold_and_answer_side_by_side() -> None:
    """Question, what would be right, what was given, where the evidence was lost, what was cited."""
    sample = made_sample(0)
    [right] = sample.gold.passages
    cited = Cited(path="docs/other.md", start_line=1, end_line=2, quote="something else")
    output = Output(
        text="It is heavy.",
        claims=(OutputClaim(text="It is heavy.", cited=(cited,)),),
        stages=Stages(retrieved=(right,), packed=()),
    )
    log = log_of([entry(0, 0.0, output=output), entry(1, 1.0)], metrics=[SCORE])
    cases = [each for each in page(log).all("details") if each.attributes.get("class") == "case"]
    assert len(cases) == 1
    words = cases[0].words
    for expected in (
        "When is TooHeavy raised?",
        "A parcel over 30 kg is refused",
        "It is heavy.",
        "something else",
    ):
        assert expected in words
    assert f"{right.path}:{right.start_line}-{right.end_line}" in words
    assert "number 1 of 1" in words


def test_where_the_right_evidence_was_lost_is_said() -> None:
    """Not found, found and not packed, packed and not cited."""
    sample = made_sample(0)
    [right] = sample.gold.passages
    other = right.model_copy(update={"path": "docs/other.md"})
    elsewhere = OutputClaim(text="x", cited=(Cited(path="docs/other.md", start_line=1, end_line=2),))
    for stages, said in (
        (Stages(retrieved=(other,), packed=(other,)), "was not found by search"),
        (Stages(retrieved=(other, right), packed=(other,)), "was found, and not given to the writer"),
        (Stages(retrieved=(right,), packed=(right,)), "was given to the writer, and not cited"),
    ):
        output = Output(text="x", claims=(elsewhere,), stages=stages)
        assert said in page(log_of([entry(0, 0.0, output=output)], metrics=[SCORE])).words


def degenerate() -> dict[str, EvalLog]:
    bare = Sample(id="s", question=" ", gold=Gold(answer="x"))
    nothing = Entry(sample=bare, output=Output(), scores={})
    return {
        "one sample": log_of([entry(0, 1.0)], metrics=[SCORE]),
        "one sample, repeated": log_of(
            [entry(0, 0.5, repeat=at) for at in range(3)], metrics=[SCORE], repeats=3
        ),
        "all failed": log_of([failed_entry(made_sample(at)) for at in range(20)]),
        "all perfect": log_of([entry(at, 1.0) for at in range(20)], metrics=[SCORE]),
        "all missing": log_of([entry(at, None) for at in range(20)], metrics=[SCORE]),
        "nothing is told": log_of([nothing], metrics=[]),
        "no entry": log_of([], metrics=[SCORE], is_complete=False),
        "not complete": log_of([entry(0, 1.0)], metrics=[SCORE], is_complete=False),
        "an agent": log_of([entry(0, 1.0, output=Output(steps=(Step(tool="grep"),)))], metrics=[SCORE]),
    }


@pytest.mark.parametrize("name", degenerate())
def test_a_page_is_whole_whatever_the_log(name: str) -> None:
    """One sample, all failed, everything missing, nothing at all."""
    log = degenerate()[name]
    root = page(log)
    assert root.all("h1")
    assert not re.search(r"\b(nan|None|inf)\b", root.words.replace("gave nan", ""))
    parsed(render(page_of_runs([log, log])))


def test_five_thousand_samples_make_a_small_page() -> None:
    """Only the worst are quoted, and a curve has so many steps at most."""
    text = "x" * 50_000
    first = [entry(at, 0.0, output=Output(text=text)) for at in range(40)]
    rest = [entry(at, float(at % 2)) for at in range(40, 5_000)]
    rendered = render(page_of_run(log_of([*first, *rest], metrics=[SCORE])))
    assert len(rendered) < 400_000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_of_a_log_is_shown_as_text(text: str) -> None:
    """Wherever it stands: questions, answers, quotes, names, reasons, errors."""
    sample = Sample(
        id=f"id {text}",
        question=text,
        gold=Gold(answer=text, claims=(text,), files=(text,)),
        group=text,
        slices={f"slice {text}": text},
    )
    cited = Cited(path=text, start_line=1, end_line=2, quote=text)
    output = Output(
        text=text, claims=(OutputClaim(text=text, cited=(cited,)),), abstention=text, files=(text,)
    )
    metric = Metric(f"metric {text}", text, judge=text)
    entries = [
        Entry(sample=sample, output=output, scores={metric.name: 0.0}, run=Usage(trace_id=text)),
        Entry(
            sample=sample.model_copy(update={"id": f"other {text}"}),
            output=Output(outcome=OutputOutcome.FAILED, error=text, message=text),
            scores={},
            missing={metric.name: text},
        ),
    ]
    log = log_of(entries, name=text, metrics=[metric], facts={text: text})
    for rendered in (render(page_of_run(log)), render(page_of_runs([log, log]))):
        root = parsed(rendered)
        assert not {node.name for node in root.walk()} & {"script", "img", "iframe", "b"}
        assert all((link.attributes.get("href") or "").startswith("#") for link in root.all("a"))
        assert not [name for node in root.walk() for name in node.attributes if name.startswith("on")]
        assert "\x1b" not in rendered
        assert "\u202e" not in rendered
    assert visible(text) in parsed(render(page_of_run(log))).words


def test_the_same_log_gives_the_same_bytes() -> None:
    """Byte for byte, with slices, failures and flaky samples."""
    digests = {
        hashlib.sha256(render(page_of_run(made_log(40, repeats=2))).encode()).hexdigest() for _ in range(2)
    }
    assert len(digests) == 1


class TestSeveral:
    """Systems side by side."""

    def test_they_are_told_apart_and_the_best_is_strong(self) -> None:
        """By name, and by number where two have the same."""
        good, bad = made_log(60, skill=1.0), made_log(60, skill=0.3)
        root = parsed(render(page_of_runs([bad, good])))
        [row] = [row for row in rows_of(root, "Quality") if row[0].startswith("recall@5")]
        table = next(each for each in root.all("table") if each.all("caption")[0].words == "Quality")
        titles = [each.words for each in table.all("thead")[0].all("th")]
        assert titles == ["Figure", "loccit (1)", "loccit (2)"]
        strong = [each.words for each in table.all("strong")]
        assert row[2].split("%")[0] + "%" in strong
        assert row[1].split("%")[0] + "%" not in strong

    def test_other_samples_are_said(self) -> None:
        """Their figures are not comparable."""
        words = parsed(render(page_of_runs([made_log(30), made_log(31)]))).words
        assert "Not the same samples" in words
        assert "Not the same samples" not in parsed(render(page_of_runs([made_log(30), made_log(30)]))).words

    def test_one_alone_has_the_page_of_a_run_and_none_is_an_error(self) -> None:
        """There is nothing to compare."""
        log = made_log(10)
        assert page_of_runs([log]) == page_of_run(log)
        with pytest.raises(InputError, match="there is no log to show"):
            page_of_runs([])

    def test_a_metric_that_one_lacks_is_a_dash(self) -> None:
        """Not zero."""
        other = made_log(30)
        facts = {name: one for name, one in other.header.metrics.items() if name != "claim_recall"}
        entries = tuple(
            one.model_copy(update={"scores": {k: v for k, v in one.scores.items() if k in facts}})
            for one in other.entries
        )
        header = other.header.model_copy(update={"metrics": facts})
        lacking = replace(other, header=header, entries=entries)
        rows = rows_of(parsed(render(page_of_runs([lacking, made_log(30)]))), "Quality")
        [row] = [row for row in rows if row[0].startswith("claim_recall")]
        assert row[1] == "–not measured"
