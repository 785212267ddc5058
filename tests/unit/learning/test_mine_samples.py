"""A repository's own past becomes a dataset: what is asked, at which commit, and what is right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loccit.core.errors import InputError
from loccit.core.issues import EventKind, Issue, IssueEvent
from loccit.core.progress import silent
from loccit.evals.datasets import Job, Sample, dataset_lines, parse_dataset
from loccit.learning.mine_samples import Place, mine_samples
from loccit.learning.mined_samples import OWN_KINDS, Mined, MinedKind
from loccit.learning.sample_checks import LeakCheck
from loccit.parsing import ParsingOptions
from loccit.sources import SourceOptions, open_repository
from tests.repositories import Commit, make_repository, write_files
from tests.unit.learning.fixing import fixes, issue, path_of, source, time_of

POSTAGE = path_of("postage")
DESK = '''"""The desk."""


def weigh_at_desk(parcel, scales):
    """Weigh a parcel on the scales of the desk.

    More than once if need be.
    """
    return scales.weigh(parcel)


def stamp(letter):
    """Too short."""


class Shelf:
    """Keeps every parcel that nobody has fetched so far."""

    def lend(self, parcel):
        return parcel
'''
GUIDE = """# The guide

Text before everything else, of no great use to anybody who wants to know something.

## Sending Heavy Parcels

Heavy parcels are sent by night. They need two couriers, and a label that says so on three sides. Nobody else
may touch them before they have left the depot, and what is lost on the way is paid for by the courier.
"""


def place(folder: Path, name: str, commits: Sequence[Commit]) -> tuple[list[str], Place]:
    made = make_repository(folder / name, commits)
    return made, opened(folder, name)


def opened(folder: Path, name: str) -> Place:
    repository = open_repository(str(folder / name), home=folder / "home", options=SourceOptions())
    return Place(repository, name, repository.snapshot())


def mined(at: Place, *kinds: MinedKind, issues: Sequence[Issue] = (), **more: object) -> Mined:
    choices = {"count": 50, "since": None, "other": None, "seed": 0, **more}
    return mine_samples(at, issues=issues, kinds=kinds, parsing=ParsingOptions(), progress=silent, **choices)  # type: ignore[arg-type]


def samples(found: Mined, kind: str) -> list[Sample]:
    return [sample for sample in found.dataset.samples if sample.slices["kind"] == kind]


def documented() -> list[Commit]:
    return [*fixes(3), {"message": "Add desk", "files": {"src/desk.py": DESK, "docs/guide.md": GUIDE}}]


def test_a_fix_asks_for_what_it_changed_as_of_the_commit_before_it(tmp_path: Path) -> None:
    made, at = place(tmp_path, "parcels", fixes(3))
    found = mined(at, MinedKind.LOCALISE)
    newest = found.dataset.samples[0]
    path = path_of("zone")
    assert (newest.job, newest.repo, newest.commit) == (Job.TRIAGE, "parcels", made[2])
    assert newest.question == "Fix the wrong zone of heavy ones\n\nIt was off by a bit."
    assert newest.gold.files == (path,)
    assert newest.gold.functions == (f"{path}::compute_zone",)
    assert newest.group == made[3]
    assert newest.origin["fix"] == made[3]
    assert newest.origin["at"] == "2023-11-14T22:16:20Z"
    assert newest.slices == {"kind": "localise", "names_answer": "yes", "files": "one", "source": "commits"}
    assert [sample.commit for sample in found.dataset.samples] == [made[2], made[1], made[0]]
    assert found.checked == 3
    assert not found.leaks
    assert any("no fixed issues" in remark for remark in found.notes)


def test_an_issue_is_asked_as_it_stood_before_its_fix(tmp_path: Path) -> None:
    commits: list[Commit] = [
        *fixes(0),
        {"message": "Fixes #12", "files": {POSTAGE: source("postage", 99)}},
        {"message": "Later", "files": {POSTAGE: source("postage", 100)}},
    ]
    made, at = place(tmp_path, "parcels", commits)
    renamed = IssueEvent(EventKind.RENAMED, time_of(9), "Too dear for what it weighs")
    told = issue("12", "The postage of postage.py", "Off by one", events=(renamed,))
    (sample,) = mined(at, MinedKind.LOCALISE, issues=[told]).dataset.samples
    assert sample.id == "localise-12"
    assert sample.question == "Too dear for what it weighs\n\nOff by one"
    assert (sample.commit, sample.origin["fix"]) == (made[0], made[1])
    assert sample.slices["names_answer"] == "no"
    assert sample.origin["issue"] == "12"


def test_an_issue_that_names_what_came_later_is_taken_out_and_counted(tmp_path: Path) -> None:
    """A text that was edited after the fix names a commit that was not there yet."""
    commits: list[Commit] = [
        *fixes(0),
        {"message": "Fixes #12", "files": {POSTAGE: source("postage", 99)}},
        {"message": "Fixes #13", "files": {path_of("zone"): source("zone", 99)}},
    ]
    made, at = place(tmp_path, "parcels", commits)
    issues = [issue("12", body=f"Fixed for good in {made[2][:9]}"), issue("13", "The zone is wrong")]
    found = mined(at, MinedKind.LOCALISE, issues=issues)
    assert [sample.id for sample in found.dataset.samples] == ["localise-13"]
    assert found.leaks == {"the text names a commit that came later": 1}
    assert found.checked == 2


def test_messages_that_tell_of_no_fault_are_left_out_and_counted(tmp_path: Path) -> None:
    commits = fixes(0)
    for number, message in enumerate(
        [
            "Add the colour of parcels",
            "Fix the wording in postage",
            "Fixed it all today",
            "Fix rounding of the yearly postage",
        ]
    ):
        commits.append({"message": message, "files": {POSTAGE: source("postage", number + 1)}})
    _, at = place(tmp_path, "parcels", commits)
    found = mined(at, MinedKind.LOCALISE)
    assert [sample.question for sample in found.dataset.samples] == ["Fix rounding of the yearly postage"]
    (vein,) = found.veins
    assert vein.left_out == {
        "the message does not say that it mends something": 1,
        "the message says too little": 1,
        "the message speaks of upkeep, not of a fault": 1,
    }


def test_docstrings_and_sections_become_questions_with_their_places(tmp_path: Path) -> None:
    made, at = place(tmp_path, "parcels", documented())
    found = mined(at, MinedKind.QUESTIONS)
    by_question = {sample.question: sample for sample in found.dataset.samples}
    asked = by_question["Where does the code weigh a parcel on the scales of the desk?"]
    assert (asked.job, asked.commit, asked.group) == (Job.ASK, made[-1], "src/desk.py")
    assert asked.gold.functions == ("src/desk.py::weigh_at_desk",)
    (lines,) = asked.gold.passages
    assert (lines.path, lines.start_line) == ("src/desk.py", 4)
    assert asked.slices == {"kind": "docstring", "names_answer": "yes"}
    shelf = by_question["Which class keeps every parcel that nobody has fetched so far?"]
    assert shelf.gold.functions == ("src/desk.py::Shelf",)
    assert shelf.slices["names_answer"] == "no"
    section = by_question["How does sending heavy parcels work?"]
    assert section.gold.files == ("docs/guide.md",)
    assert section.gold.functions == ()
    assert section.slices["kind"] == "docs"


def test_what_several_places_say_is_no_question(tmp_path: Path) -> None:
    twice: Commit = {"files": {"src/desk.py": DESK, "src/counter.py": DESK}}
    _, at = place(tmp_path, "parcels", [*fixes(0), twice])
    found = mined(at, MinedKind.QUESTIONS)
    assert not any("desk" in sample.question for sample in found.dataset.samples)
    assert found.veins[0].left_out["several places say the same"] >= 4


def test_a_change_asks_what_was_changed_as_of_itself(tmp_path: Path) -> None:
    commits: list[Commit] = [
        *fixes(0),
        {
            "message": "Allowed parcels without a stamp\n\nCouriers asked for it, because stamps are lost.",
            "files": {POSTAGE: source("postage", 5)},
        },
    ]
    made, at = place(tmp_path, "parcels", commits)
    by_seed = [mined(at, MinedKind.CHANGES, seed=seed).dataset.samples for seed in range(6)]
    assert all(len(one) == 1 for one in by_seed)
    asked = {sample.slices["asks"]: sample for one in by_seed for sample in one}
    assert asked["what"].question == "What was changed to permit parcels without a stamp?" or (
        asked["what"].question == "What was changed to allow parcels without a stamp?"
    )
    assert asked["why"].question == "Why was compute_postage in postage.py changed last?"
    assert asked["why"].slices["names_answer"] == "yes"
    assert {sample.commit for sample in asked.values()} == {made[1]}
    assert "stamps are lost" in asked["why"].gold.answer
    assert asked["why"].gold.files == (POSTAGE,)


def test_the_past_before_a_date_is_not_asked(tmp_path: Path) -> None:
    made, at = place(tmp_path, "parcels", fixes(4))
    since = datetime.fromtimestamp(time_of(3), UTC)
    found = mined(at, MinedKind.LOCALISE, MinedKind.CHANGES, since=since)
    assert {sample.group for sample in found.dataset.samples} == set(made[3:])


def test_what_another_repository_answers_is_asked_where_it_is_not(tmp_path: Path) -> None:
    """And left out where a name, all of the words, or most of them, are here too."""
    _, here = place(tmp_path, "letters", documented())
    there_said = {
        # Nothing of it is here.
        "src/boat.py": 'def sail(x):\n    """Steer the ferry across the wide river."""\n',
        # Its name is here.
        "src/scale.py": 'def weigh_at_desk(x):\n    """Ponder the elephants of a far circus."""\n',
        # Its words are here, though in another order.
        "src/shelf.py": 'def keep(x):\n    """Keep the parcel that nobody has so far fetched."""\n',
        # Most of them are here in one place.
        "src/night.py": 'def moon(x):\n    """Send heavy parcels by night with couriers and elephants."""\n',
    }
    _, there = place(tmp_path, "boats", [{"files": there_said}])
    found = mined(here, other=there)
    (sample,) = found.dataset.samples
    assert sample.question == "Where does the code steer the ferry across the wide river?"
    assert sample.gold.abstain
    assert sample.gold.files == ()
    assert (sample.repo, sample.commit) == ("letters", here.snapshot.commit)
    assert sample.group == "boats:src/boat.py"
    assert sample.origin["from"] == "boats"
    assert found.veins[0].left_out == {
        "a passage here has more than half of its words": 1,
        "all of its words stand somewhere here": 1,
        "what it is about is defined here too": 1,
    }


def test_the_same_state_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """Also from another clone in another place; another seed draws other samples."""
    _, first = place(tmp_path / "a", "parcels", [*documented(), *fixes(30)[1:]])
    _, second = place(tmp_path / "b", "parcels", [*documented(), *fixes(30)[1:]])
    texts = [
        b"".join(dataset_lines(mined(at, *OWN_KINDS, count=6, seed=seed).dataset))
        for at, seed in ((first, 3), (second, 3), (first, 4))
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    _, at = place(tmp_path, "parcels", documented())
    found = mined(at, *OWN_KINDS)
    again = parse_dataset(b"".join(dataset_lines(found.dataset)), name="x")
    assert again == found.dataset
    assert again.header.made["commit"] == at.snapshot.commit
    assert {sample.slices["kind"] for sample in again.samples} == {
        "localise",
        "changes",
        "docstring",
        "docs",
    }


def test_no_sample_of_the_past_leaks(tmp_path: Path) -> None:
    """Checked again with a table of the whole history, from what the file says."""
    made, at = place(tmp_path, "parcels", [*documented(), *fixes(20)[1:]])
    from loccit.indexing.changes import build_table

    found = mined(at, MinedKind.LOCALISE, MinedKind.CHANGES)
    table = build_table(at.repository.changes(made[-1], ()))
    assert set(LeakCheck(table).leaks(found.dataset.samples)) == {None}


def test_a_plain_folder_has_questions_and_no_past(tmp_path: Path) -> None:
    write_files(tmp_path / "plain", {"src/desk.py": DESK})
    at = opened(tmp_path, "plain")
    found = mined(at, MinedKind.QUESTIONS)
    assert {sample.commit for sample in found.dataset.samples} == {None}
    with pytest.raises(InputError, match="plain folder") as told:
        mined(at, MinedKind.LOCALISE)
    assert "--kind questions" in told.value.next_step


def test_a_repository_without_anything_to_mine_is_told_why(tmp_path: Path) -> None:
    _, at = place(tmp_path, "empty", [{"files": {"a.txt": "x\n"}, "message": "Begin"}])
    with pytest.raises(InputError, match="nothing could be mined from 'empty'"):
        mined(at, *OWN_KINDS)


def test_paths_that_are_not_unicode_are_left_out(tmp_path: Path) -> None:
    """A document cannot hold them."""
    odd = b"src/\xff.py".decode("utf-8", "surrogateescape")
    commits: list[Commit] = [
        *fixes(1),
        {"files": {odd: DESK}, "message": "Add one"},
        {"files": {odd: DESK + "\n\nn = 1\n"}, "message": "Fix weighing of very odd things"},
    ]
    _, at = place(tmp_path, "parcels", commits)
    found = mined(at, *OWN_KINDS)
    assert all("\udcff" not in path for sample in found.dataset.samples for path in sample.gold.files)
    assert found.veins[0].left_out["a path is not UTF-8"] == 1
