"""The page and the document of a proof: whatever the cases, what they say is what was found."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loccit.core.source import ChangedFile
from loccit.learning.past_cases import LeftOut, Origin, PastCase
from loccit.learning.proof import (
    METRICS,
    SYSTEMS,
    TUNED,
    Block,
    LeakCheck,
    Miss,
    Placed,
    Proof,
    ProvedCase,
    SystemResult,
)
from loccit.learning.proof_figures import day, duration, gain, score, splits
from tests.unit.evals.pages import parsed

DAY = 86_400
HELD = LeakCheck(40, False, 0, 0, 0, 70, 0, False)


def result(rank: int | None) -> SystemResult:
    scores = {f"recall@{k}": float(rank is not None and rank <= k) for k in (1, 3, 5, 10)}
    return SystemResult({**scores, "mrr": 1 / rank if rank else 0.0}, rank, 0.02)


def proved(number: int, rank: int | None = 1, *, path: str = "src/a/x.py", **more: object) -> ProvedCase:
    """A case that the tuned ranker had at this rank, the others one lower."""
    others = {system: result(rank + 1 if rank else None) for system in SYSTEMS[:-1]}
    case = PastCase(
        id=str(number),
        commit=f"{number:040x}",
        parent=f"{number + 1:040x}",
        time=100 * DAY,
        moment=99 * DAY,
        title=f"Case {number} <script>alert(1)</script>",
        body="It \x1b[31mfails\u202e",
        changed=(ChangedFile(path, "1" * 40, "2" * 40),),
        created=98 * DAY,
        url="javascript:alert(1)",
    )
    placed = tuple(Placed(f"src/a/y{at}.py", 0.5 / (at + 1), at == 0 and rank == 1) for at in range(3))
    fields = {"block": 0, "names_file": number % 2 == 0, "leaks": HELD, **more}
    return ProvedCase(case=case, results={**others, TUNED: result(rank)}, placed=placed, **fields)  # type: ignore[arg-type]


def proof_of(*cases: ProvedCase, **more: object) -> Proof:
    made = Proof(
        repo="parcels",
        head="a" * 40,
        commits=50,
        is_shallow=False,
        asked=200,
        origin=Origin.ISSUES,
        left_out={LeftOut.EMPTY: 3},
        version="0",
        seconds={"reading the history": 1.5},
        cases=cases,
        blocks=(Block(90 * DAY, 99 * DAY, len(cases), 70, 60, True, 80 * DAY, 0.5),),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_figures_are_means_over_cases_and_differences_on_the_same() -> None:
    """Ranks 1, 2 and none; the others are one lower."""
    cases = [proved(0, 1), proved(1, 2), proved(2, None)]
    assert score(cases, TUNED, "mrr").estimate == pytest.approx(0.5)
    assert score(cases, TUNED, "recall@1").estimate == pytest.approx(1 / 3)
    assert gain(cases, TUNED, "BM25", "recall@1").estimate == pytest.approx(1 / 3)


def test_cases_of_one_fix_are_one_witness() -> None:
    """Ten issues that one commit fixed say as little as one."""
    alike = [replace(proved(at), case=replace(proved(at).case, commit="c" * 40)) for at in range(10)]
    interval = score(alike, TUNED, "recall@1")
    assert (interval.clusters, interval.low, interval.high) == (1, 0.0, 1.0)


def test_every_split_has_every_case_once() -> None:
    """Whatever the question."""
    cases = tuple(proved(at, path=f"src/room{at % 9}/x.py") for at in range(40))
    found = splits(proof_of(*cases))
    assert [split.name for split in found] == ["named", "size", "age", "component"]
    for split in found:
        assert sum(len(group.cases) for group in split.groups) == 40
    components = found[-1].groups
    assert len(components) == 7
    assert components[-1].name == "elsewhere"


def test_components_lie_below_what_all_fixes_share() -> None:
    """Of one folder alone, its files stand for them."""
    apart = proof_of(*(proved(at, path=f"src/lib/{'ab'[at % 2]}/x.py") for at in range(4)))
    assert {group.name for group in splits(apart)[-1].groups} == {"src/lib/a", "src/lib/b"}
    together = proof_of(*(proved(at, path=f"src/lib/{'ab'[at % 2]}.py") for at in range(4)))
    assert {group.name for group in splits(together)[-1].groups} == {"src/lib/a.py", "src/lib/b.py"}


def test_the_page_holds_what_was_found_and_nothing_of_it_acts() -> None:
    """Titles and bodies are text; a miss shows the issue, the patch and what was first."""
    cases = (proved(0), proved(1, 14))
    miss = Miss(1, "`src/a/y0.py` came first for its size.", "src/a/x.py", "-old\n+<b>new</b>")
    page = proof_of(*cases, misses=(miss,)).to_html()
    tree = parsed(page)
    assert not tree.all("script")
    assert not tree.all("b")
    assert not [node for node in tree.all("a") if "javascript" in (node.attributes.get("href") or "")]
    words = tree.words
    assert "rank 14" in words
    assert "+<b>new</b>" in words
    assert "src/a/y0.py came first for its size." in words
    assert "2 of 2 cases saw nothing younger" in words
    assert "the issue is empty" in words
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_leak_is_told_before_anything_else_of_the_check() -> None:
    """With the count of what failed; it does not say that all is well."""
    leaked = replace(HELD, late_lessons=2)
    words = parsed(proof_of(proved(0), proved(1, leaks=leaked)).to_html()).words
    assert "1 of 2 cases may have seen what came after" in words
    assert "saw nothing younger than the parent of their fix" not in words
    document = proof_of(proved(0), proved(1, leaks=leaked)).to_json()
    assert document["leak_check"] == {"held": 1, "failed": 1}


def test_a_document_is_plain_json() -> None:
    """Also of a case that nothing was found for, and of one alone."""
    nothing = replace(proved(0, None), placed=())
    document = json.loads(json.dumps(proof_of(nothing).to_json(), allow_nan=False))
    assert document["calibration"] is None
    assert document["cases"][0]["systems"][TUNED]["first_rank"] is None
    assert document["seconds_per_case"][TUNED] == {"estimate": 0.02, "low": None, "high": None}
    assert list(document["systems"][TUNED]) == list(METRICS)


def test_a_clock_that_is_far_off_is_no_reason_to_stop() -> None:
    """Years beyond the calendar are written as numbers."""
    assert day(0) == "1970-01-01"
    assert day(10**17) == str(10**17)


def test_the_time_of_many_cases_has_an_interval() -> None:
    """Of one alone there is none."""
    assert duration([proved(0)], TUNED) == 0.02
    assert not isinstance(duration([proved(0), proved(1)], TUNED), float)
