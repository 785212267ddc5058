"""Which commits may have brought a fault in: by files, functions, versions, words and time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loccit.core.source import FileRole, Tag, Touch
from loccit.core.suspects import Suspect, SuspectFunction
from loccit.library import Loccit
from loccit.retrieval.culprits import Window, rank_culprits, tag_of, versions_told
from loccit.retrieval.issue_text import VersionClue, read_issue
from loccit.retrieval.learned import general_ranker
from tests.repositories import Commit, make_repository

DAY = 86_400
NOW = 1_700_000_000
ISSUE = read_issue("Postage of the far zone is wrong\n\nThe zone table is off.")


def suspect(path: str = "src/zones.py", probability: float = 0.6) -> Suspect:
    function = SuspectFunction("Table.find", 0, 10, 1, 2, 1.0)
    return Suspect(path, "b" * 40, FileRole.SOURCE, "utf-8", 1.0, probability, (), (function,))


def touch(name: str, *, days: float = 10, **fields: object) -> Touch:
    made = Touch(
        commit=name * 40,
        time=NOW - int(days * DAY),
        author="A",
        message="Change it",
        paths=("src/zones.py",),
        symbols=(("other",),),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def ranked(touches: list[Touch], window: Window | None = None, *, reported: int = NOW) -> list[str]:
    found = rank_culprits(touches, [suspect()], ISSUE, window=window or Window(), reported=reported, now=NOW)
    return [one.touch.commit[0] for one in found]


def test_a_change_of_the_suspected_function_comes_first() -> None:
    """Before a newer change of the same file elsewhere."""
    in_function = touch("a", days=20, symbols=(("find",),))
    assert ranked([touch("b", days=10), in_function]) == ["a", "b"]


def test_a_newer_change_comes_before_an_older_one() -> None:
    """All else being equal."""
    assert ranked([touch("a", days=200), touch("b", days=2)]) == ["b", "a"]


def test_a_change_that_speaks_of_the_same_comes_first() -> None:
    """By the words that tell."""
    assert ranked([touch("a"), touch("b", message="Read the zone table of the postage anew")]) == ["b", "a"]


def test_what_came_with_its_file_comes_after_a_change_of_it() -> None:
    """It never worked otherwise."""
    brought = touch("a", days=5, added=("src/zones.py",))
    assert ranked([brought, touch("b", days=10)]) == ["b", "a"]


def test_tidying_comes_last() -> None:
    """A change of comments brings no fault in."""
    assert ranked([touch("a", message="Fix typo in docstring"), touch("b")]) == ["b", "a"]


def test_what_came_after_the_report_cannot_be_the_cause() -> None:
    """Nor can what did not touch a suspect, nor the commit that brought all files in."""
    late, elsewhere = touch("a", days=1), touch("b", paths=("README.md",))
    assert ranked([late, elsewhere, touch("c", is_root=True)], reported=NOW - 2 * DAY) == []


def test_a_commit_of_the_future_counts_as_an_old_one() -> None:
    """Its clock was wrong; that is said."""
    found = rank_culprits(
        [touch("a", days=-900), touch("b")], [suspect()], ISSUE, window=Window(), reported=NOW, now=NOW
    )
    assert [one.touch.commit[0] for one in found] == ["b", "a"]
    assert any("clock was ahead" in reason for reason in found[1].reasons)


def test_what_the_good_version_has_is_left_out() -> None:
    """And what the bad one has comes before what came later."""
    good, bad = Tag("v2.1", "g" * 40, NOW - 90 * DAY), Tag("v3.0", "b" * 40, NOW - 30 * DAY)
    window = Window(good, bad, frozenset({"a" * 40, "b" * 40}), frozenset({"b" * 40}))
    assert ranked([touch("c", days=100), touch("a", days=40), touch("b", days=3)], window) == ["a", "b"]
    found = rank_culprits([touch("a", days=40)], [suspect()], ISSUE, window=window, reported=NOW, now=NOW)
    assert "not yet in v2.1, but in v3.0" in found[0].reasons


def test_a_commit_that_the_report_names_comes_first() -> None:
    """As abbreviated as it is there."""
    issue = read_issue("Broken\n\nBisected to a1a1a1a1a1.")
    named = touch("a", commit="a1" * 20, days=400)
    found = rank_culprits([touch("b"), named], [suspect()], issue, window=Window(), reported=NOW, now=NOW)
    assert found[0].touch is named
    assert "the report names this commit" in found[0].reasons


def test_scores_are_shares_and_some_is_left() -> None:
    """For a commit that is none of these."""
    touches = [touch(name, symbols=(("find",),)) for name in "abcdef"]
    found = rank_culprits(touches, [suspect()], ISSUE, window=Window(), reported=NOW, now=NOW)
    assert 0 < sum(one.score for one in found) < 1


@pytest.mark.parametrize(
    ("version", "tag"),
    [
        ("2.1", "v2.1.0"),
        ("2.1.0", "v2.1.0"),
        ("2.10", "release-2.10"),
        ("1.0", "parcels_1_0"),
        ("3.0rc1", "3.0rc1"),
        ("3.0", None),
        ("9.9", None),
    ],
)
def test_a_version_finds_its_tag(version: str, tag: str | None) -> None:
    """Whatever is put before its number; a candidate is not the release."""
    names = ["v2.1.0", "release-2.10", "parcels_1_0", "3.0rc1", "nightly", "docs-v2.1.0"]
    found = tag_of(version, [Tag(name, "a" * 40, at) for at, name in enumerate(names)])
    assert (found.name if found else None) == tag


def test_versions_of_other_software_bound_nothing() -> None:
    """Only those of the repository, and those said of nothing."""
    issue = read_issue("T\n\nworks with Python 3.8, worked in parcels 2.1, worked in 2.0")
    assert versions_told(issue, "github.com/shop/parcels", VersionClue.GOOD) == ["2.1", "2.0"]


def test_commits_that_touch_a_file_are_found_newest_first(tmp_path: Path) -> None:
    """Those that changed that very file, also before it was moved."""
    commits: list[Commit] = [
        {"files": {"src/zones.py": "a = 1\n", "src/other.py": "b = 1\n"}},
        {"files": {"src/zones.py": "a = 2\n"}},
        {"files": {"src/other.py": "b = 2\n"}},
        {"files": {"src/zones.py": "a = 3\n"}},
        {"files": {"src/zones.py": None, "src/areas.py": "a = 3\n"}},
    ]
    made = make_repository(tmp_path / "r", commits)
    loccit = Loccit(tmp_path / "home")
    loccit.index(tmp_path / "r")
    _, searched = loccit._with_history(None, None)
    localiser = loccit._localiser(searched, general_ranker(), 5)
    assert localiser.commits_changing(["src/areas.py"]) == [made[4], made[3], made[1], made[0]]
    assert localiser.commits_changing(["src/areas.py", "src/other.py"]) == made[::-1]
    assert localiser.commits_changing(["src/unknown.py"]) == []
