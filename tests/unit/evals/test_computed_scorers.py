"""Figures that are computed: known values by hand, and what becomes of a scorer that gives none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loccit.core.errors import InputError, LoccitError, ScorerFailed
from loccit.evals.agents_scorer import AgentsScorer, is_as_demanded
from loccit.evals.answers_scorer import AnswersScorer, word_f1
from loccit.evals.datasets import Gold, Job, Lines, Sample, TrajectoryCheck
from loccit.evals.function_scorer import FunctionScorer
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Step
from loccit.evals.report_parts import Unit
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.scoring import Scorer, Scores, scored
from loccit.evals.statistics import Scale

FAILED = Output(outcome=OutputOutcome.FAILED, error="Timeout", message="too late")


def sample(job: Job = Job.ASK, **gold: Any) -> Sample:
    return Sample(id="s", question="?", job=job, gold=Gold(**gold))


def scores(scorer: Scorer, asked: Sample, output: Output) -> Scores:
    return asyncio.run(scored([scorer], asked, output))


def lines(path: str, start: int, end: int) -> Lines:
    return Lines(path=path, start_line=start, end_line=end)


# Retrieval


def test_figures_of_files_are_those_by_hand() -> None:
    """Right ones at ranks 2 and 6 of three: the third is nowhere."""
    ranked = ("x", "a", "y", "z", "w", "b", "v")
    found = scores(RetrievalScorer(), sample(files=("a", "b", "c")), Output(files=ranked)).values
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found == pytest.approx(
        {
            "file.hit@1": 0.0,
            "file.hit@5": 1.0,
            "file.recall@5": 1 / 3,
            "file.recall@10": 2 / 3,
            "file.mrr": 1 / 2,
            "file.ndcg@10": (1 / math.log2(3) + 1 / math.log2(7)) / ideal,
        }
    )


def test_a_file_that_is_ranked_twice_counts_once() -> None:
    once = scores(RetrievalScorer(), sample(files=("a",)), Output(files=("x", "a")))
    assert scores(RetrievalScorer(), sample(files=("a",)), Output(files=("x", "x", "a", "a"))) == once


def test_a_passage_is_right_where_it_shares_a_line() -> None:
    """The second on the same lines does not count again, nor does it take a rank."""
    gold = sample(passages=(lines("a", 10, 20), lines("a", 100, 110)))
    ranked = (
        lines("a", 1, 9),
        lines("a", 20, 30),
        lines("a", 15, 16),
        lines("b", 10, 20),
        lines("a", 105, 105),
    )
    found = scores(RetrievalScorer(), gold, Output(passages=ranked)).values
    assert found["passage.hit@1"] == 0.0
    assert found["passage.mrr"] == 1 / 2
    assert found["passage.recall@5"] == 1.0
    # Ranks of the names: other, right 0, (nothing), other, right 1.
    ideal = 1 + 1 / math.log2(3)
    assert found["passage.ndcg@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_one_passage_may_meet_two_right_ones() -> None:
    gold = sample(passages=(lines("a", 1, 2), lines("a", 5, 6)))
    found = scores(RetrievalScorer(), gold, Output(passages=(lines("a", 1, 9),))).values
    assert {name: found[f"passage.{name}"] for name in ("hit@1", "recall@5", "ndcg@10")} == {
        "hit@1": 1.0,
        "recall@5": 1.0,
        "ndcg@10": 1.0,
    }


def test_what_a_system_does_not_rank_is_missing_and_an_empty_ranking_is_zero() -> None:
    asked = sample(files=("a",), functions=("a::f",))
    found = scores(RetrievalScorer(), asked, Output(files=()))
    assert set(found.values.values()) == {0.0}
    assert {name.partition(".")[0] for name in found.values} == {"file"}
    assert set(found.missing.values()) == {"the system ranks no functions"}
    assert {name.partition(".")[0] for name in found.missing} == {"function"}


# Answers


def test_words_in_common_are_counted_as_often_as_they_stand_there() -> None:
    assert word_f1("The cat, the mat.", "the cat sat") == pytest.approx(
        2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)
    )
    assert word_f1("a", "a") == 1.0
    assert word_f1("", "a") == word_f1("a", "") == word_f1("b", "a") == 0.0


@pytest.mark.parametrize(
    ("abstain", "outcome", "values"),
    [
        (False, "answered", {"coverage": 1.0}),
        (False, "partial", {"coverage": 1.0}),
        (False, "abstained", {"coverage": 0.0, "abstention.precision": 0.0}),
        (True, "answered", {"abstention.recall": 0.0}),
        (True, "abstained", {"abstention.recall": 1.0, "abstention.precision": 1.0}),
    ],
)
def test_coverage_and_abstention_are_of_those_that_they_are_about(
    abstain: bool, outcome: str, values: dict[str, float]
) -> None:
    """Coverage of answerable questions, recall of the others, precision of what was declined."""
    found = scores(AnswersScorer(), sample(abstain=abstain), Output(outcome=OutputOutcome(outcome)))
    assert found == Scores(values)


def test_a_declined_answer_gets_nothing_for_the_words_beside_it() -> None:
    asked = sample(answer="I do not know Kung Fu.", claims=("I do not know Kung Fu.",), files=("a",))
    cited = Cited(path="a", start_line=1, end_line=1)
    claim = OutputClaim(text="I do not know Kung Fu.", cited=(cited,))
    output = Output(outcome=OutputOutcome.ABSTAINED, text=claim.text, claims=(claim,))
    found = scores(AnswersScorer(), asked, output).values
    assert (found["correct.f1"], found["claims.recall"], found["citations.recall"]) == (0.0, 0.0, 0.0)
    assert "citations.precision" not in found


def cite(path: str, start: int, end: int, *, quote: str = "", holds: bool | None = None) -> Cited:
    return Cited(path=path, start_line=start, end_line=end, quote=quote, holds=holds)


def test_citations_are_weighed_against_right_places_and_their_bytes() -> None:
    asked = sample(passages=(lines("a", 10, 20), lines("b", 1, 5)))
    claims = (
        OutputClaim(text="x", cited=(cite("a", 12, 13, holds=True), cite("a", 50, 51, holds=False))),
        OutputClaim(text="y", cited=(cite("a", 20, 20), cite("c", 1, 1, holds=True))),
        OutputClaim(text="z"),
    )
    found = scores(AnswersScorer(), asked, Output(claims=claims)).values
    assert found["citations.precision"] == 2 / 4
    assert found["citations.recall"] == 1 / 2
    assert found["citations.hold"] == 2 / 3
    assert found["grounded"] == 0.0


def test_without_right_passages_citations_are_weighed_against_right_files() -> None:
    claims = (OutputClaim(text="x", cited=(cite("a", 1, 2), cite("b", 1, 2))),)
    found = scores(AnswersScorer(), sample(files=("a", "c", "d")), Output(claims=claims)).values
    assert (found["citations.precision"], found["citations.recall"]) == (1 / 2, 1 / 3)


def test_a_claim_is_grounded_in_its_own_quotes() -> None:
    code = 'def retry(call, attempts=3):\n    """Call again at most three times after a pause."""\n'
    said = "It calls again at most three times after a pause."
    claims = (
        OutputClaim(text=said, cited=(cite("a", 1, 2, quote=code),)),
        OutputClaim(text=said, cited=(cite("a", 1, 2),)),
        OutputClaim(text=said, cited=(cite("a", 1, 2, quote=code, holds=False),)),
        OutputClaim(text=code, cited=(cite("a", 1, 2, quote=code),), is_quotation=True),
        OutputClaim(text=code, is_quotation=True),
    )
    found = scores(AnswersScorer(), sample(answer="?"), Output(text=said, claims=claims)).values
    assert found["grounded"] == 2 / 5


def test_claims_that_the_answer_bears_out_are_counted() -> None:
    said = "It calls again at most three times after a pause."
    asked = sample(claims=(said, "It writes parcels into the ledger of the harbour."))
    assert scores(AnswersScorer(), asked, Output(text=said)).values["claims.recall"] == 1 / 2
    assert scores(AnswersScorer(), asked, Output()).values["claims.recall"] == 0.0
    other = "The cache is an LRU cache. It holds at most 128 entries and drops the oldest."
    borne = sample(claims=("The cache holds at most 128 entries.",))
    assert scores(AnswersScorer(), borne, Output(text=other)).values["claims.recall"] == 1.0


def test_a_claim_without_words_is_said_by_nobody() -> None:
    quoting = OutputClaim(text="x", cited=(cite("a", 1, 1, quote="a = 1"),))
    for output in (Output(text="a b"), Output(claims=(quoting,))):
        assert scores(AnswersScorer(), sample(claims=("…",)), output).values["claims.recall"] == 0.0


# Agents


@pytest.mark.parametrize(
    ("called", "check", "passes"),
    [
        ("a b c", {"calls": ("c", "a")}, True),
        ("a b", {"calls": ("c",)}, False),
        ("a x b", {"in_order": ("a", "b")}, True),
        ("b a", {"in_order": ("a", "b")}, False),
        ("a", {"in_order": ("a", "a")}, False),
        ("a b", {"never": ("b",)}, False),
        ("a a a", {"most_steps": 3}, True),
        ("a a a", {"most_steps": 2}, False),
        ("", {"most_steps": 0}, True),
    ],
)
def test_trajectories_are_held_to_what_the_sample_demands(called: str, check: Any, passes: bool) -> None:
    assert is_as_demanded(called.split(), TrajectoryCheck(**check)) is passes


def test_what_an_agent_does_not_tell_is_missing() -> None:
    asked = Sample(id="s", question="?", job=Job.FIX, expect=TrajectoryCheck(calls=("run",)))
    told = scores(AgentsScorer(), asked, Output(resolved=True, steps=(Step(tool="run"),)))
    assert told == Scores({"resolved": 1.0, "steps": 1.0, "trajectory": 1.0})
    assert set(scores(AgentsScorer(), asked, Output()).missing) == {"resolved", "steps", "trajectory"}
    assert scores(AgentsScorer(), asked, Output(resolved=False, steps=())).values["resolved"] == 0.0


# Whatever a scorer does


@dataclass
class Odd:
    """Gives, or raises, what it is told."""

    given: Any
    always: frozenset[str] = frozenset({"m"})
    name: str = "odd"
    version: str = "1"
    metrics: tuple[Metric, ...] = (Metric("m", "A share."), Metric("n", "A number.", scale=Scale.AMOUNT))
    unit: Unit = Unit.SHARE
    asked: list[str] = field(default_factory=list[str])

    def expected(self, sample: Sample) -> frozenset[str]:
        return self.always

    async def score(self, sample: Sample, output: Output) -> Scores:
        self.asked.append(sample.id)
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Scores({"m": math.nan}), "scorer 'odd' gave nan"),
        (Scores({"m": math.inf}), "scorer 'odd' gave inf"),
        (Scores({"m": 1.01}), "scorer 'odd' gave 1.01, which is not on its scale"),
        (Scores({"m": -0.5}), "scorer 'odd' gave -0.5, which is not on its scale"),
        (Scores(), "scorer 'odd' gave no figure"),
        (Scores({}, {"m": "a \udc80 reason"}), "a \\udc80 reason"),
        (ScorerFailed("no \udc80"), "ScorerFailed: no \\udc80"),
        (LoccitError("judge gone"), "LoccitError: judge gone"),
    ],
)
def test_what_is_no_figure_is_missing_with_its_reason(given: Any, reason: str) -> None:
    assert scores(Odd(given), sample(abstain=True), Output()) == Scores({}, {"m": reason})


def test_an_amount_may_be_large_and_what_is_not_announced_is_refused() -> None:
    found = scores(Odd(Scores({"n": 7.5, "x": 1.0, "m": 0.0})), sample(abstain=True), Output())
    assert found == Scores(
        {"n": 7.5, "m": 0.0}, {"x": "scorer 'odd' gave a figure that it does not announce"}
    )


def test_where_nothing_was_given_nobody_is_asked_and_all_is_missing() -> None:
    odd = Odd(Scores({"m": 1.0}))
    assert scores(odd, sample(abstain=True), FAILED) == Scores({}, {"m": "no output: Timeout"})
    assert odd.asked == []


def test_a_wrong_task_is_an_error_and_no_figure() -> None:
    with pytest.raises(InputError):
        scores(Odd(InputError("no such judge")), sample(abstain=True), Output())


# Functions that a team wrote

FUNCTIONS = """
import sys
from fractions import Fraction
import numpy

def number(sample, output):
    '''The length of the text, shortened.

    More of it.
    '''
    assert sample["gold"]["files"] == ["a"] and output["outcome"] == "answered"
    return len(output["text"]) / 10

async def later(sample, output): return {"later": 0.25, "other": 1}
def yes(sample, output): return True
def none(sample, output): return None
def nothing_of_it(sample, output): return {}
def numpys(sample, output): return numpy.float32(0.5)
def share(sample, output): return Fraction(1, 4)
def nan(sample, output): return float("nan")
def large(sample, output): return 10**400
def text(sample, output): return "0.5"
def many(sample, output): return [0.5]
def raises(sample, output): raise KeyError("\\udc80")
def leaves(sample, output): sys.exit(0)
def stops(sample, output): raise StopIteration("so")
class Unshowable:
    def __repr__(self): raise ValueError("no")
def odd(sample, output): return Unshowable()
"""


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("number", {"number": 0.5}, ""),
        ("later", {"later": 0.25}, ""),
        ("yes", {"yes": 1.0}, ""),
        ("none", {}, ""),
        ("nothing_of_it", {}, ""),
        ("numpys", {"numpys": 0.5}, ""),
        ("share", {"share": 0.25}, ""),
        ("nan", {}, "gave nan"),
        ("large", {}, "gave a number that is too large"),
        ("text", {}, "gave '0.5', which is no number"),
        ("many", {}, "gave [0.5], which is no number"),
        ("raises", {}, "raised KeyError: '\\udc80'"),
        ("leaves", {}, "raised SystemExit: 0"),
        ("stops", {}, "raised RuntimeError: StopIteration: so"),
        ("odd", {}, "cannot be shown (ValueError), which is no number"),
    ],
)
def test_a_function_gives_a_figure_or_what_is_missing_says_why(
    tmp_path: Path, name: str, values: Mapping[str, float], reason: str
) -> None:
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    scorer = FunctionScorer(f"mine.py:{name}", tmp_path)
    found = scores(scorer, sample(files=("a",)), Output(text="12345"))
    assert found.values == values
    assert [reason in one for one in found.missing.values()] == ([True] if reason else [])
    failed = scores(scorer, sample(files=("a",)), FAILED)
    assert failed == Scores({}, {name: "no output: Timeout"})


def test_a_function_is_told_by_its_first_line_and_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    scorer = FunctionScorer("mine.py:number", tmp_path)
    assert scorer.metrics[0].about == "The length of the text, shortened."
    before = scorer.version
    (tmp_path / "mine.py").write_text(FUNCTIONS + "\n")
    assert FunctionScorer("mine.py:number", tmp_path).version != before


@pytest.mark.parametrize(
    ("content", "written", "said"),
    [
        (None, "mine.py:f", "names no file"),
        ("", "mine.py:", "has no function ''"),
        ("", "mine.py:f", "has no function 'f'"),
        ("f = 1", "mine.py:f", "has no function 'f'"),
        ("1 / 0", "mine.py:f", "cannot be run: ZeroDivisionError"),
        ("import sys; sys.exit(0)", "mine.py:f", "cannot be run: SystemExit: 0"),
        ("def f(:", "mine.py:f", "cannot be run: SyntaxError"),
        ("", "mine.txt:f", "names no file"),
    ],
)
def test_what_is_no_function_is_refused(tmp_path: Path, content: str | None, written: str, said: str) -> None:
    if content is not None:
        (tmp_path / "mine.py").write_text(content)
    with pytest.raises(InputError) as caught:
        FunctionScorer(written, tmp_path)
    assert said in caught.value.message


def test_data_classes_of_a_file_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass One:\n    a: int\n"
        "def f(sample, output):\n    return One(1).a\n"
    )
    assert scores(FunctionScorer("mine.py:f", tmp_path), sample(files=("a",)), Output()).values == {"f": 1.0}
