"""A proof sees nothing younger than the parent of a fix, says what it did, and finds what it planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from loccit.core.errors import InputError
from loccit.learning.asking import Asker
from loccit.learning.dated_blocks import in_blocks, learn, train
from loccit.learning.past_cases import LeftOut, Origin, PastCase
from loccit.learning.proof import METRICS, SYSTEMS, TUNED, UNTUNED, Proof
from loccit.learning.prove import leaks_of
from loccit.learning.train import Trainer
from loccit.library import Loccit
from loccit.retrieval.learned import general_ranker
from tests.repositories import Commit, git, make_repository
from tests.unit.learning.fixing import Past, fixes, indexed, past_of, path_of, source, time_of
from tests.unit.pipeline.homes import loccit_at

FIXES = 100
BEGIN: Commit = {"files": {"src/a.py": "n = 1\n", "README.md": "# A\n"}}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with past_of(tmp_path_factory.mktemp("past"), fixes(FIXES)) as made:
        yield made


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    loccit, _ = indexed(tmp_path_factory.mktemp("proof"), fixes(FIXES))
    return loccit.prove("parcels", cases=30, blocks=3)


def test_the_newest_fixes_are_asked_in_blocks_by_four_systems(proof: Proof) -> None:
    """Each case as of its parent; blocks in order of time, of one size."""
    assert (proof.origin, len(proof.cases), proof.commits) == (Origin.COMMITS, 30, FIXES + 1)
    assert [block.cases for block in proof.blocks] == [10, 10, 10]
    assert [one.block for one in proof.cases] == sorted(one.block for one in proof.cases)
    assert proof.blocks[0].first == time_of(FIXES - 30)
    for one in proof.cases:
        assert list(one.results) == list(SYSTEMS)
        assert all(list(result.scores) == list(METRICS) for result in one.results.values())


def test_the_word_that_each_fix_says_finds_its_file(proof: Proof) -> None:
    """In this repository a topic's word stands in one file alone."""
    for system in SYSTEMS:
        assert all(one.results[system].first_rank == 1 for one in proof.cases), system
    assert proof.misses == ()


def test_what_a_block_learned_came_before_it(proof: Proof) -> None:
    """The later block has learned from the cases of the one before it, none from its own."""
    assert [block.lessons for block in proof.blocks] == [70, 80, 90]
    assert all(block.is_tuned for block in proof.blocks)
    for block in proof.blocks:
        assert block.newest_lesson is not None
        assert block.newest_lesson <= block.first


def test_the_leak_check_is_counted_from_what_was_used(proof: Proof) -> None:
    """Every case saw as many commits as there were before its fix, and no other."""
    assert proof.held == 30
    seen = [one.leaks.seen_commits for one in proof.cases]
    assert seen == list(range(FIXES - 29, FIXES + 1))
    assert {one.leaks.lessons for one in proof.cases} == {70, 80, 90}


def test_a_proof_is_one_json_document_and_one_page(proof: Proof) -> None:
    """The page names no other file and runs nothing."""
    document = json.loads(json.dumps(proof.to_json()))
    assert document["format"] == "loccit-proof/1"
    assert document["leak_check"] == {"held": 30, "failed": 0}
    assert set(document["systems"]) == set(SYSTEMS)
    page = proof.to_html()
    assert page.startswith("<!doctype html>")
    assert "30 of 30 cases saw nothing younger" in page
    assert "<script" not in page
    assert "<img" not in page


def test_two_runs_give_the_same_figures(proof: Proof, tmp_path: Path) -> None:
    """All but how long it took."""
    loccit, _ = indexed(tmp_path, fixes(FIXES))
    again = loccit.prove("parcels", cases=30, blocks=3).to_json()
    first = proof.to_json()

    def timeless(document: dict[str, object]) -> str:
        kept = {name: value for name, value in document.items() if not name.startswith("seconds")}
        text = json.dumps(kept, sort_keys=True)
        return "\n".join(part for part in text.split(", ") if "seconds" not in part)

    assert timeless(again) == timeless(first)


def a_case(past: Past, number: int) -> PastCase:
    found = past.finder.cases(past.repository, past.table, FIXES)
    return next(case for case in found.cases if case.commit == past.commits[number])


def test_a_replay_that_sees_too_much_is_caught(past: Past) -> None:
    """Asked at the fix in place of its parent, the check counts the fix, its commit and its file."""
    case = a_case(past, 50)
    wrong = replace(case, parent=case.commit)
    (before,) = past.replay.moments([case.parent])
    (after,) = past.replay.moments([case.commit])
    with ThreadPoolExecutor(1) as beside:
        asker = Asker(past.repository, past.table, general_ranker(), beside)
        assert leaks_of(asker.ask(case, before), ()).holds
        leaks = leaks_of(asker.ask(case, after), ())
        assert (leaks.is_fix_seen, leaks.unrelated_commits, leaks.other_files) == (True, 1, 1)
        assert not leaks.holds
        # That its own parent is the fix does not make it right.
        assert leaks_of(asker.ask(wrong, after), ()).is_fix_seen


def test_a_lesson_that_came_later_is_caught(past: Past) -> None:
    """Whoever hands it over."""
    case = a_case(past, 50)
    (moment,) = past.replay.moments([case.parent])
    blocks = in_blocks([a_case(past, 90)], 1, past.table)
    learned = learn(past.replay, past.mined, blocks)
    with ThreadPoolExecutor(1) as beside:
        asked = Asker(past.repository, past.table, general_ranker(), beside).ask(case, moment)
    leaks = leaks_of(asked, learned)
    assert (leaks.lessons, leaks.late_lessons, leaks.holds) == (89, 40, False)


def test_a_block_learns_from_nothing_younger_than_its_first_case(past: Past) -> None:
    """Although what the last block learns from was replayed for all of them."""
    found = past.finder.cases(past.repository, past.table, 20)
    first, second = in_blocks(found.cases, 2, past.table)
    learned = learn(past.replay, past.mined, [first, second])
    assert len(learned) == FIXES - 10
    for block, count in ((first, FIXES - 20), (second, FIXES - 10)):
        trained = train(block, learned, Trainer(general_ranker()))
        assert len(trained.lessons) == count
        assert max(one.time for one in trained.lessons) <= block.cases[0].moment


def test_a_commit_that_does_not_lead_to_the_case_teaches_nothing(tmp_path: Path) -> None:
    """Another branch may be older by the clock: it was not known there."""
    aside: Commit = {
        "message": "Fix the wrong weight of light parcels",
        "files": {path_of("weight"): source("weight", 77)},
        "branch": "aside",
        "parent": 3,
        "time": time_of(4),
    }
    merge: Commit = {
        "message": "Merge the other branch",
        "merge": 11,
        "files": {path_of("weight"): source("weight", 77)},
    }
    with past_of(tmp_path, [*fixes(10), aside, merge]) as past:
        case = a_case(past, 10)
        (block,) = in_blocks([case], 1, past.table)
        learned = learn(past.replay, past.mined, [block])
        commits = {one.commit for one in learned}
        assert past.commits[11] in {fix.commit for fix in past.mined}
        assert commits == set(past.commits[1:10])


def test_a_block_learns_from_what_leads_to_each_of_its_cases(tmp_path: Path) -> None:
    """Not from what leads to its first one alone: a later one may stand on a branch that never saw it."""
    aside: list[Commit] = [
        {
            "message": f"Fix the wrong weight of {parcels} parcels",
            "files": {path_of("weight"): source("weight", version)},
            "branch": "aside",
            **({"parent": 3} if version == 77 else {}),
            "time": time_of(9) + version - 76,
        }
        for version, parcels in ((77, "light"), (78, "empty"))
    ]
    merge: Commit = {
        "message": "Merge the other branch",
        "merge": 12,
        "files": {path_of("weight"): source("weight", 78)},
    }
    with past_of(tmp_path, [*fixes(10), *aside, merge]) as past:
        cases = [a_case(past, 10), a_case(past, 12)]
        assert cases[0].moment < cases[1].moment
        (block,) = in_blocks(cases, 1, past.table)
        assert {one.commit for one in learn(past.replay, past.mined, [block])} == set(past.commits[1:4])
        # The check counts what was older by the clock alone.
        (moment,) = past.replay.moments([cases[1].parent])
        with ThreadPoolExecutor(1) as beside:
            asked = Asker(past.repository, past.table, general_ranker(), beside).ask(cases[1], moment)
        leaks = leaks_of(asked, learn(past.replay, past.mined, in_blocks(cases[:1], 1, past.table)))
        assert (leaks.lessons, leaks.late_lessons) == (9, 6)


def test_a_file_that_is_not_searched_gives_nothing_away(tmp_path: Path) -> None:
    """It is too large, and the fix changes it beside one that is searched."""
    large = "number = 1  # a line of many\n" * 40_000
    commits: list[Commit] = [
        {
            "message": "Begin with parcels",
            "files": {path_of("zone"): source("zone", 0), "src/large.py": large},
        },
        {
            "message": "Fix the wrong zone of islands",
            "files": {path_of("zone"): source("zone", 1), "src/large.py": f"{large}more = 2\n"},
        },
    ]
    loccit, _ = indexed(tmp_path, commits)
    (case,) = loccit.prove("parcels", cases=1).cases
    assert {file.path for file in case.case.changed} == {path_of("zone"), "src/large.py"}
    assert case.leaks.holds


def test_too_little_past_is_untuned_and_says_so(tmp_path: Path) -> None:
    """A lesser answer, stated: fewer cases than asked for, too few to learn from."""
    loccit, _ = indexed(tmp_path, fixes(5))
    proof = loccit.prove("parcels", cases=50)
    assert len(proof.cases) == 5
    assert not proof.blocks[0].is_tuned
    for one in proof.cases:
        assert one.results[TUNED].scores == one.results[UNTUNED].scores
    said = " ".join(proof.notes)
    assert "50 cases were asked for, and 5 past fixes can be replayed" in said
    assert "too few to learn from" in said
    assert "fewer than 30 cases" in said
    assert "with care" in proof.to_html()


def test_one_case_is_enough_for_a_page(tmp_path: Path) -> None:
    """Its intervals say that nothing is known of others."""
    loccit, _ = indexed(tmp_path, fixes(1))
    proof = loccit.prove("parcels")
    assert len(proof.cases) == 1
    assert proof.to_json()["systems"]["tuned"]["mrr"] == {"estimate": 1.0, "low": 0.0, "high": 1.0}
    assert "of your last fix?" in proof.to_html()


@pytest.mark.parametrize(
    ("commits", "said"),
    [
        ([BEGIN], "1 commit"),
        ([BEGIN, {"message": "", "files": {"src/a.py": "n = 2\n"}}], "2 commits"),
        ([BEGIN, {"message": "Fix what is read", "files": {"README.md": "# B\n"}}], "2 commits"),
    ],
)
def test_a_history_without_fixes_is_an_error_that_says_so(
    tmp_path: Path, commits: list[Commit], said: str
) -> None:
    """One commit, commits without a message, nothing but documentation."""
    loccit, _ = indexed(tmp_path, commits)
    with pytest.raises(InputError, match=f"no fix that can be asked again: {said}"):
        loccit.prove("parcels")


def test_a_plain_folder_and_no_cases_are_refused(tmp_path: Path) -> None:
    """There is no past in it; none of it was asked for."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("n = 1\n")
    loccit: Loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "plain")
    with pytest.raises(InputError, match="plain folder"):
        loccit.prove("plain")
    with pytest.raises(InputError, match="0 cases"):
        loccit.prove("plain", cases=0)


def test_a_shallow_clone_asks_what_is_there(tmp_path: Path) -> None:
    """And says that older fixes are not."""
    make_repository(tmp_path / "whole", fixes(30))
    git(tmp_path, "clone", "-q", "--depth=10", f"file://{tmp_path / 'whole'}", "parcels")
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "parcels")
    proof = loccit.prove("parcels")
    assert len(proof.cases) == 9
    assert proof.held == 9
    assert "shallow clone" in " ".join(proof.notes)


def test_files_that_are_not_searched_are_no_cases(tmp_path: Path) -> None:
    """Counted with the reason."""
    commits = fixes(4)
    ignored = {".loccitignore": f"{path_of('weight')}\n"}
    commits[0] = {**commits[0], "files": {**commits[0].get("files", {}), **ignored}}
    loccit, _ = indexed(tmp_path, commits)
    proof = loccit.prove("parcels")
    assert len(proof.cases) == 3
    assert proof.left_out == {LeftOut.NOT_SEARCHED: 1}


def test_history_that_was_not_indexed_is_read_first(tmp_path: Path) -> None:
    """As far as the revision that is asked for."""
    made = make_repository(tmp_path / "parcels", fixes(6))
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "parcels", history=False)
    proof = loccit.prove("parcels", rev=made[4])
    assert (proof.head, proof.commits, len(proof.cases)) == (made[4], 5, 4)
