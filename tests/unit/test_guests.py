"""Guests of a library: who asks over a network sees only what they may, as it is indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit import Loccit
from loccit.core.answers import Abstention
from loccit.core.errors import LoccitError, NotIndexed
from loccit.core.triage import TriageAbstention
from loccit.verification import Status
from tests.repositories import add_commits, make_repository

_SECRET = b"def launch_code():\n    return 'penguin-weather-7'\n"


@pytest.fixture
def loccit(tmp_path: Path) -> Loccit:
    """Two repositories in one collection: `open`, and `closed`, which holds a secret."""
    loccit = Loccit(tmp_path / "home")
    for name, file in (("open", b"def weather_report():\n    return 'sunny'\n"), ("closed", _SECRET)):
        make_repository(
            tmp_path / name, [{"files": {"weather.py": file}, "message": f"The {name} one begins"}]
        )
        loccit.index(tmp_path / name, collection="all")
    return loccit


def _guest(loccit: Loccit) -> Loccit:
    return loccit.for_guest(frozenset({"open"}))


def test_a_guest_sees_only_the_repositories_they_may_see(loccit: Loccit):
    guest = _guest(loccit)
    assert [one.repository.name for one in guest.status()] == ["open"]
    assert guest.collections() == {"all": ("open",)}
    assert {hit.place.repo for hit in guest.search("weather")} == {"open"}
    assert {hit.place.repo for hit in guest.search("weather", collection="all")} == {"open"}
    assert {hit.place.repo for hit in loccit.search("weather")} == {"open", "closed"}


def test_a_guest_who_may_see_all_sees_what_is_indexed_later_too(loccit: Loccit):
    assert {hit.place.repo for hit in loccit.for_guest(None).search("weather")} == {"open", "closed"}


def test_a_repository_that_may_not_be_seen_is_answered_for_as_one_that_is_not_there(
    loccit: Loccit, tmp_path: Path
):
    def told(guest: Loccit, name: str) -> list[str]:
        said: list[str] = []
        for asked in (
            lambda: guest.search("weather", repos=[name]),
            lambda: guest.cite("weather.py", 1, 2, repository=name),
            lambda: list(guest.grep("weather", repos=[name])),
            lambda: guest.issues(name),
            lambda: guest.search("weather", collection=name),
        ):
            with pytest.raises(LoccitError) as raised:
                asked()
            said.append(f"{type(raised.value).__name__} {raised.value}".replace(name, "NAME"))
        return said

    guest = _guest(loccit)
    assert told(guest, "closed") == told(guest, "nowhere")
    assert guest.ask("weather", repos=["closed"]).abstention is Abstention.NOT_INDEXED
    assert guest.triage("the weather is wrong", repo="closed").abstention is TriageAbstention.NOT_INDEXED
    assert not guest.is_known("closed")


def test_a_guest_cannot_name_a_repository_by_its_path(loccit: Loccit, tmp_path: Path):
    for name in (str(tmp_path / "closed"), f"file://{tmp_path / 'closed'}", ".", str(tmp_path)):
        for asked in (
            lambda name=name: _guest(loccit).search("weather", repos=[name]),
            lambda name=name: _guest(loccit).cite("weather.py", 1, 2, repository=name),
            lambda name=name: list(_guest(loccit).grep("weather", repos=[name])),
        ):
            with pytest.raises(NotIndexed):
                asked()


def test_a_guest_cannot_have_an_answer_about_a_closed_repository_checked(loccit: Loccit):
    answer = loccit.ask("what is the launch code", repos=["closed"])
    assert answer.claims
    assert _guest(loccit).verify(answer).status is Status.UNVERIFIABLE
    assert loccit.for_guest(None).verify(answer).status is Status.HOLDS
    with pytest.raises(NotIndexed):
        _guest(loccit).checked(answer.claims[0].citations[0])


def test_a_question_of_a_guest_indexes_nothing(loccit: Loccit, tmp_path: Path):
    before = loccit.status()[1].snapshots
    tides = {"tides.py": b"def tide_table():\n    return 'high at noon'\n"}
    add_commits(tmp_path / "open", [{"files": tides, "message": "Tides"}], first=1)
    guest = _guest(loccit)
    found = guest.ask("where is the weather report made")
    assert found.claims
    assert found.snapshots[0].commit == before[0].commit
    assert guest.ask("who makes the tide table at high noon").abstention is Abstention.INDEX_STALE
    with pytest.raises(NotIndexed, match="is not indexed at 'HEAD'"):
        guest.search("tides", rev="HEAD")
    assert loccit.status()[1].snapshots == before
    assert loccit.ask("who makes the tide table at high noon").claims
