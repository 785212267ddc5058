"""What a triage cites is re-checked before it is told; what does not hold is counted and left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loccit.core.evidence import Place
from loccit.library import Loccit
from loccit.pipeline.citing import Citer
from loccit.pipeline.searchable import Searchable, snapshot_info
from tests.repositories import Commit, git, make_repository

LONG = "def far():\n" + "".join(f"    step_{number}()\n" for number in range(30))
COMMITS: list[Commit] = [
    {"files": {"zones.py": LONG, "other.py": "x = 1\n"}, "message": "Zones\n\nmore of it"},
    {"files": {"other.py": "x = 2\n"}, "message": ""},
]


@pytest.fixture
def searched(tmp_path: Path) -> Searchable:
    make_repository(tmp_path / "r", COMMITS)
    loccit = Loccit(tmp_path / "home")
    loccit.index(tmp_path / "r")
    (found,) = loccit._searchable((), None, None, history=True)
    return found


@pytest.fixture
def citer(searched: Searchable) -> Iterator[Citer]:
    with searched.repository.reader() as reader:
        yield Citer({searched.name: reader}, [snapshot_info(searched)])


@pytest.fixture
def place(searched: Searchable, tmp_path: Path) -> Place:
    blob = git(tmp_path / "r", "rev-parse", "HEAD:zones.py")
    snapshot = searched.snapshot
    return Place(searched.name, snapshot.commit, snapshot.tree, "zones.py", blob, 0, len(LONG), 1, 31)


def test_a_long_passage_is_cited_by_its_first_lines(citer: Citer, place: Place) -> None:
    """Twelve of them, whole."""
    citation = citer.place(place)
    assert citation is not None
    assert (citation.start_line, citation.end_line) == (1, 12)
    assert LONG.startswith(citation.quote)
    assert citer.fallen == 0


def test_a_place_that_does_not_hold_is_left_out(citer: Citer, place: Place, tmp_path: Path) -> None:
    """The blob is at another path, the range is outside of it, or there is no such object."""
    other = git(tmp_path / "r", "rev-parse", "HEAD:other.py")
    assert citer.place(replace(place, object_id=other, end_byte=3)) is None
    assert citer.place(replace(place, start_byte=10_000, end_byte=10_001)) is None
    assert citer.place(replace(place, object_id="0" * 40, start_byte=1)) is None
    assert citer.fallen == 3


def test_a_commit_is_cited_by_its_subject(citer: Citer, searched: Searchable, tmp_path: Path) -> None:
    """One without a message by its first line."""
    first, second = git(tmp_path / "r", "rev-list", "--reverse", "HEAD").split()
    said, silent = citer.commit(searched.name, first), citer.commit(searched.name, second)
    assert said is not None
    assert silent is not None
    assert said.quote == "Zones"
    assert silent.quote.startswith("tree ")
    assert citer.commit(searched.name, "0" * 40) is None
