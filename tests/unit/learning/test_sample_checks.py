"""A sample that has its answer in sight is found out, and one that names its answer is known to."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.evals.datasets import Gold, Job, Sample
from loccit.indexing.changes import ChangeTable, build_table
from loccit.learning.mined_samples import moment_text
from loccit.learning.sample_checks import Leak, LeakCheck, names_answer
from loccit.sources import SourceOptions, open_repository
from tests.repositories import make_repository
from tests.unit.learning.fixing import fixes, path_of, time_of


@pytest.fixture
def past(tmp_path: Path) -> tuple[list[str], ChangeTable]:
    """A line of seven commits, and a branch of one beside the third."""
    commits = fixes(6)
    commits.append({"message": "Aside", "files": {"aside.py": "n = 1\n"}, "branch": "aside", "parent": 2})
    made = make_repository(tmp_path / "parcels", commits)
    repository = open_repository(str(tmp_path / "parcels"), home=tmp_path / "home", options=SourceOptions())
    table = build_table([*repository.changes(made[6], ()), *repository.changes(made[7], ())])
    return made, table


def asked(commit: str | None, text: str = "The postage is wrong", **origin: str) -> Sample:
    return Sample(
        id="x",
        question=text,
        job=Job.TRIAGE,
        gold=Gold(files=("a.py",)),
        commit=commit,
        origin={"at": moment_text(time_of(4)), **origin},
    )


def test_a_sample_at_the_parent_of_its_fix_gives_nothing_away(past: tuple[list[str], ChangeTable]) -> None:
    """Also where it names commits that were there by then, or hex that names none."""
    made, table = past
    text = f"Since {made[1]} and {made[2][:7]} the postage is wrong, 0xdeadbeef and 1234567 too"
    samples = [
        asked(made[3], fix=made[4]),
        asked(made[3], text, fix=made[4], opened=moment_text(time_of(2))),
        asked(made[4], change=made[4]),
    ]
    assert list(LeakCheck(table).leaks(samples)) == [None, None, None]


def test_planted_leaks_are_found(past: tuple[list[str], ChangeTable]) -> None:
    """The fix itself, what comes after it, names of it and of what came later, an issue of afterwards."""
    made, table = past
    planted = [
        (asked(made[4], fix=made[4]), Leak.FIX_IN_SIGHT),
        (asked(made[6], fix=made[4]), Leak.FIX_IN_SIGHT),
        (asked(None, fix=made[4]), Leak.NOT_IN_HISTORY),
        (asked("f" * 40, fix=made[4]), Leak.NOT_IN_HISTORY),
        (asked(made[3], change=made[4]), Leak.CHANGE_OUT_OF_SIGHT),
        (asked(made[3], fix=made[4], opened=moment_text(time_of(5))), Leak.ISSUE_YOUNGER),
        (asked(made[3], fix=made[4], opened=moment_text(time_of(4))), Leak.ISSUE_YOUNGER),
        (asked(made[3], f"Fixed by {made[4]}", fix=made[4]), Leak.NAMES_FIX),
        (asked(made[3], f"Fixed by ({made[4][:7]}).", fix=made[4]), Leak.NAMES_FIX),
        (asked(made[3], f"See {made[5][:10]}", fix=made[4]), Leak.NAMES_LATER),
        # On a branch that the commit asked at knows nothing of.
        (asked(made[3], f"See {made[7]}", fix=made[4]), Leak.NAMES_LATER),
    ]
    samples = [sample for sample, _ in planted]
    assert list(LeakCheck(table).leaks(samples)) == [leak for _, leak in planted]


POSTAGE = path_of("postage")


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("src/parcels/prices/postage.py is wrong", ()),
        ("look at postage.py", ()),
        ("The Postage is wrong", ()),
        ("parcels.prices.postage raises", ()),
        ("compute_rate() raises", ("x.py::compute_rate",)),
        ("the compute rate is off", ("x.py::compute_rate",)),
        ("a Shelf loses books", ("x.py::Shelf.lend",)),
        ("shelves of a `Shelf`", ("x.py::Shelf.lend",)),
        ("camel case: the book list", ("x.go::bookList",)),
        ("Signals are lost", ("x.py::signal",)),
    ],
)
def test_a_text_that_names_its_answer_is_known(text: str, functions: tuple[str, ...]) -> None:
    """By path, file, module or a part of a qualified name, in any case and form."""
    assert names_answer(text, [POSTAGE], functions)


@pytest.mark.parametrize(
    ("text", "files", "functions"),
    [
        ("What parcels cost is wrong", [POSTAGE], ()),
        ("init is called twice", ["src/parcels/__init__.py"], ("src/parcels/__init__.py::A.__init__",)),
        ("it is of no use", ["a/of.py"], ("a/of.py::it",)),
        ("rates compute", ["a.py"], ("a.py::compute_rate",)),
    ],
)
def test_a_text_that_names_nothing_is_known(text: str, files: list[str], functions: tuple[str, ...]) -> None:
    """Names that a language gives, names of two letters, and words in another order name nothing."""
    assert not names_answer(text, files, functions)


def test_a_package_is_named_by_its_folder() -> None:
    """Its file has no name of its own."""
    assert names_answer("parcels cannot be imported", ["src/parcels/__init__.py"])
