"""`tune` learns what carries over, uses it only where later fixes show it, and costs what is new."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loccit.core.errors import IndexFormatMismatch, InputError
from loccit.core.progress import Progress
from loccit.indexing.arrays import read_arrays
from loccit.indexing.changes import build_table
from loccit.learning.adopt import adopted, adopted_rankers, publish, roll_back
from loccit.learning.lesson_cache import read_lessons
from loccit.learning.lessons import Lesson
from loccit.learning.proof import TUNED, UNTUNED
from loccit.learning.train import Trainer
from loccit.learning.tune import NEEDED
from loccit.learning.tuning import Decision, Outcome, is_better
from loccit.learning.validating import validate
from loccit.sources import SourceOptions, open_repository
from tests.repositories import Commit, add_commits, git, make_repository
from tests.unit.learning.generals import made_general
from tests.unit.learning.histories import (
    creation,
    fixes,
    history,
    indexed,
    learned_folder,
    names,
    path_of,
    source,
    tuned,
)

COUNT = 120


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose past is learned. Not to be changed: see `place`."""
    place = tmp_path_factory.mktemp("taught")
    make_repository(place / "r", history(COUNT))
    tuned(place)
    return place


@pytest.fixture
def place(taught: Path, tmp_path: Path) -> Path:
    """The same for one test alone, at the same path below another folder."""
    shutil.copytree(taught / "r", tmp_path / "r")
    indexed(tmp_path)
    shutil.copytree(learned_folder(taught), learned_folder(tmp_path))
    return tmp_path


def interrupt_at(stage: str, least: int) -> Progress:
    """A `Progress` that is Ctrl-C once so much of a stage is done."""

    def progress(now: str, done: int, _total: int, _unit: str) -> None:
        if now == stage and done >= least:
            raise KeyboardInterrupt

    return progress


def test_nicknames_are_learned_and_adopted(taught: Path) -> None:
    """Words that stand in no file lead to the right one after tuning, and the ranker in use has them."""
    again = tuned(taught)
    assert again.decision is Decision.IN_USE
    assert again.gain("mrr").low > 0
    assert again.score(TUNED, "mrr").estimate > again.score(UNTUNED, "mrr").estimate + 0.2
    assert again.replayed == again.fixes == COUNT
    ranker = adopted(learned_folder(taught), made_general())
    assert ranker.own is not None
    assert ranker.own.learned_from == COUNT
    assert ranker.own.association_share > 0


def test_a_tuning_says_all_it_found_as_json_and_as_a_page(taught: Path) -> None:
    """Both carry the decision, the scores and what is in use."""
    found = tuned(taught)
    document = json.loads(json.dumps(found.to_json()))
    assert document["format"] == "loccit-tune/1"
    assert document["decision"] == "in_use"
    assert document["tested"] == len(found.outcomes) == COUNT - COUNT // 2
    assert document["validation"]["mrr"]["difference"]["low"] > 0
    assert document["in_use"][0]["commit"] == found.commit
    page = found.to_html()
    assert "nothing to do" in page
    assert "Tuned less untuned" in page


def test_what_does_not_help_is_not_adopted(tmp_path: Path) -> None:
    """Where the words of fixes name the function, nothing is to be gained, and the general ranker stays."""
    make_repository(tmp_path / "r", history(COUNT, are_plain=True))
    found = tuned(tmp_path)
    assert found.decision is Decision.NOT_BETTER
    assert not found.gain("mrr").low > 0
    assert "the general ranker stays in use" in found.why
    general = made_general()
    assert adopted(learned_folder(tmp_path), general) is general


def test_after_new_commits_only_new_fixes_are_replayed_and_tested(place: Path) -> None:
    """The new fixes are tested with the ranker that stood, which never saw them; then it learns from them."""
    before = adopted_rankers(learned_folder(place))
    add_commits(place / "r", fixes(10, first=COUNT), first=COUNT + 1)
    found = tuned(place)
    assert found.new == 10
    assert found.fixes == COUNT + 10
    assert len(found.outcomes) == COUNT - COUNT // 2 + 10
    assert found.decision is Decision.ADOPTED
    kept = adopted_rankers(learned_folder(place))
    assert kept[1:] == before
    ranker = adopted(learned_folder(place), made_general())
    assert ranker.own is not None
    assert ranker.own.learned_from == COUNT + 10


def test_increments_end_where_one_run_over_everything_does(place: Path, tmp_path: Path) -> None:
    """Lessons that were kept are those that a fresh run makes: the learned weights are the same."""
    add_commits(place / "r", fixes(10, first=COUNT), first=COUNT + 1)
    tuned(place)
    fresh = tmp_path / "fresh"
    shutil.copytree(place / "r", fresh / "r")
    tuned(fresh)
    ours = adopted(learned_folder(place), made_general()).own
    theirs = adopted(learned_folder(fresh), made_general()).own
    assert ours is not None
    assert theirs is not None
    assert np.array_equal(ours.linear, theirs.linear)
    assert ours.association_share == theirs.association_share


def test_history_that_was_rewritten_drops_its_lessons(place: Path) -> None:
    """Lessons of commits that lead here no more are gone, and nothing is tested by who saw it before."""
    git(place / "r", "reset", "-q", "--hard", "HEAD~30")
    add_commits(place / "r", fixes(20, first=300), first=500)
    found = tuned(place)
    assert found.fixes == COUNT - 30 + 20
    assert found.new == 20
    commits = set(git(place / "r", "rev-list", "HEAD").split())
    assert {one.commit for one in found.outcomes} <= commits
    assert len(found.outcomes) == found.fixes - 60


def test_ctrl_c_keeps_the_old_ranker_and_the_lessons_made_so_far(place: Path) -> None:
    """An interrupted run changes nothing that is in use; the next one replays only what is left."""
    folder = learned_folder(place)
    (folder / "lessons.arr").unlink()
    before = (folder / "adopted.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        tuned(place, progress=interrupt_at("replaying the past", 50))
    assert (folder / "adopted.json").read_bytes() == before
    found = tuned(place)
    assert 0 < found.new <= COUNT - 40
    assert found.fixes == COUNT


def test_ctrl_c_while_learning_leaves_what_was(place: Path) -> None:
    """Between test and adoption nothing is half done."""
    before = adopted_rankers(learned_folder(place))
    add_commits(place / "r", fixes(5, first=COUNT), first=COUNT + 1)
    with pytest.raises(KeyboardInterrupt):
        tuned(place, progress=interrupt_at("learning", 0))
    assert adopted_rankers(learned_folder(place)) == before
    assert tuned(place).decision is Decision.ADOPTED


def test_too_little_past_is_a_result_that_says_so(tmp_path: Path) -> None:
    """With a dozen fixes nothing is learned, and the numbers are told."""
    make_repository(tmp_path / "r", history(12))
    found = tuned(tmp_path)
    assert found.decision is Decision.TOO_LITTLE
    assert found.why == f"too little past to learn from: 12 fixes, {NEEDED} needed"
    assert found.outcomes == ()
    assert found.to_json()["validation"] == {}
    assert "too little past" in found.to_html()


@pytest.mark.parametrize(
    "commits",
    [
        [creation()],
        [creation(), *({**each, "message": ""} for each in fixes(100))],
        [creation(), *({**each, "message": "Merge branch 'x'"} for each in fixes(100))],
    ],
    ids=["one commit", "no messages", "nothing but merges"],
)
def test_a_past_that_says_nothing_is_too_little(tmp_path: Path, commits: list[Commit]) -> None:
    """One commit, a hundred without a message: no fix to learn from, and no failure."""
    make_repository(tmp_path / "r", commits)
    found = tuned(tmp_path)
    assert found.decision is Decision.TOO_LITTLE
    assert "0 fixes" in found.why


def test_messages_in_other_languages_teach(tmp_path: Path) -> None:
    """Fixes told in Chinese and German are learned from as any others."""
    words = {"delivery": "鸽子坏了,需要修理一下", "storage": "Größenprüfung für Tresore übersehen"}
    commits = [creation()]
    for number in range(100):
        part = list(words)[number % 2]
        message = f"{words[part]} {number}"
        commits.append({"message": message, "files": {path_of(part): source(part, number + 1)}})
    make_repository(tmp_path / "r", commits)
    found = tuned(tmp_path)
    assert found.fixes == 100
    assert found.score(TUNED, "mrr").estimate > 0.9


def test_a_shallow_clone_is_told_and_its_lessons_are_not_those_of_a_deeper_one(
    taught: Path, tmp_path: Path
) -> None:
    """What was replayed with half the past is replayed again once there is more."""
    url = f"file://{taught / 'r'}"
    git(tmp_path, "clone", "-q", "--depth", "100", url, str(tmp_path / "r"))
    shallow = tuned(tmp_path)
    assert any("shallow" in note for note in shallow.notes)
    assert shallow.fixes == 99
    git(tmp_path / "r", "fetch", "-q", "--unshallow", url)
    whole = tuned(tmp_path)
    assert whole.fixes == whole.new == COUNT
    assert not any("shallow" in note for note in whole.notes)


def test_a_clock_in_the_future_does_not_stop_later_tests(place: Path) -> None:
    """After a commit of the year 2100, fixes with sane clocks are tested again from the next run on."""
    late = {**fixes(1, first=COUNT)[0], "time": 4_102_444_800}
    add_commits(place / "r", [late], first=COUNT + 1)
    tuned(place)
    for number in (1, 2):
        first = COUNT + 10 * number
        add_commits(place / "r", fixes(5, first=first), first=first)
        found = tuned(place)
    assert len(found.outcomes) >= COUNT - COUNT // 2 + 5


@pytest.mark.parametrize("name", ["lessons.arr", "tested.json", "adopted.json"])
def test_a_damaged_file_costs_its_work_again_and_is_told(place: Path, name: str) -> None:
    """Nothing is used of a damaged file, and the run ends well."""
    path = learned_folder(place) / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = tuned(place)
    assert found.notes
    assert found.decision in {Decision.IN_USE, Decision.ADOPTED}
    assert adopted(learned_folder(place), made_general()).own is not None


def test_after_a_roll_back_tune_adopts_again(place: Path) -> None:
    """Going back takes what was learned out of use; another run, which finds it better, puts it back."""
    roll_back(learned_folder(place))
    assert adopted_rankers(learned_folder(place)) == ()
    found = tuned(place)
    assert found.decision is Decision.ADOPTED
    assert found.new == 0


def test_another_general_ranker_is_tested_anew_without_replaying(place: Path) -> None:
    """What was learned beside another general ranker says nothing; the lessons are the same."""
    general = made_general()
    other = replace(general, trees=replace(general.trees, value=2 * general.trees.value))
    with pytest.raises(IndexFormatMismatch, match="another general ranker"):
        adopted(learned_folder(place), other)
    found = tuned(place, general=other)
    assert found.new == 0
    assert found.decision is Decision.ADOPTED


def test_no_file_is_left_that_nothing_names(place: Path) -> None:
    """After a run there are the lessons, the tests, the list, and the rankers of that list."""
    folder = learned_folder(place)
    (folder / "0123456789ab-1.json").write_text("{}")
    (folder / ".adopted.json.1.tmp").write_text("{")
    tuned(place)
    kept = adopted_rankers(folder)
    rankers = {f"{one.name}{end}" for one in kept for end in (".json", ".arr")}
    assert set(names(folder)) == {"adopted.json", "lessons.arr", "tested.json", "lock", *rankers}


def test_no_ranker_is_tested_on_what_it_could_know(place: Path) -> None:
    """With every later message made nonsense, the outcomes of the first block are the same."""
    repository = open_repository(str(place / "r"), home=place / "home", options=SourceOptions())
    table = build_table(repository.changes(repository.resolve(), ()))
    kept = learned_folder(place) / "lessons.arr"
    found = read_lessons(kept, str(read_arrays(kept)[0]["version"]), table)
    assert found is not None
    lessons = list(found.lessons)
    honest = validate(lessons, table, Trainer(made_general()), lambda *_: None)
    first = honest[0].commit
    at = next(number for number, one in enumerate(lessons) if one.commit == first)
    # The lessons after the first block cannot have taught it anything.
    size = round(len(honest) / max(1, len(honest) // 20))
    later = lessons[at + size :]
    shuffled = [*lessons[: at + size], *(_as_if_of(one, lessons[0]) for one in later)]
    changed = validate(shuffled, table, Trainer(made_general()), lambda *_: None)
    assert honest[:size] == changed[:size]
    assert honest[size:] != changed[size:]


def _as_if_of(lesson: Lesson, other: Lesson) -> Lesson:
    """The lesson as if it had changed the files of another."""
    return replace(lesson, message=replace(lesson.message, paths=other.message.paths))


def test_only_a_gain_that_is_clear_of_zero_is_better() -> None:
    """A few lucky fixes are no proof, many are; a loss never is."""

    def outcomes(count: int, tuned_mrr: float) -> list[Outcome]:
        return [Outcome(f"{n:040x}", n, {"mrr": 0.5}, {"mrr": tuned_mrr}) for n in range(count)]

    assert not is_better([])
    assert not is_better(outcomes(2, 1.0))
    assert is_better(outcomes(60, 1.0))
    assert not is_better(outcomes(60, 0.2))


def test_a_plain_folder_has_no_past(tmp_path: Path) -> None:
    """It is refused, with what to do instead."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.py").write_text("a = 1\n")
    loccit = indexed(tmp_path)
    with pytest.raises(InputError, match="no past"):
        loccit.tune(str(tmp_path / "r"))


def test_publishing_keeps_three_before_the_one_in_use(place: Path) -> None:
    """The list holds four at most, newest first."""
    folder = learned_folder(place)
    (kept,) = adopted_rankers(folder)
    for number in range(5):
        publish(folder, type(kept)(f"{kept.name}{number}", kept.sha256))
    assert [one.name[-1] for one in adopted_rankers(folder)] == ["4", "3", "2", "1"]
