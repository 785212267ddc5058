"""`Loccit` as a program uses it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loccit import InputError, Loccit, NotIndexed, SourceError
from loccit.core.answers import Abstention, Outcome, parse_answer
from loccit.verification import Status
from tests.repositories import git, make_repository

PRICES = '''"""What a parcel costs."""


def price_of_parcel(weight_kg: float, zone: str) -> float:
    """The price of one parcel: its weight times the rate of its zone."""
    return weight_kg * RATES[zone]
'''
RETRIES = '''"""Asking the carrier again."""


def with_retries(ask, attempts: int = 3):
    """What ask returns; a timeout is tried again."""
    for attempt in range(attempts):
        yield ask(attempt)
'''


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    """A small repository of two commits."""
    folder = tmp_path / "parcels"
    make_repository(
        folder,
        [
            {"files": {"parcels/prices.py": PRICES}, "message": "Work out what a parcel costs"},
            {"files": {"parcels/retries.py": RETRIES}, "message": "Ask the carrier again after a timeout"},
        ],
    )
    return folder


@pytest.fixture
def loccit(tmp_path: Path) -> Loccit:
    """A library with an empty home."""
    return Loccit(tmp_path / "loccit-home")


def paths(loccit: Loccit, query: str, **options: object) -> list[str]:
    """Paths of the hits, best first."""
    return [hit.place.path for hit in loccit.search(query, **options)]  # type: ignore[arg-type]


def test_a_commit_made_after_indexing_is_searched_without_asking_for_it(
    loccit: Loccit, parcels: Path
) -> None:
    """An open library notices that HEAD has moved, and indexes the difference."""
    loccit.index(parcels)
    assert "parcels/zones.py" not in paths(loccit, "zones of a country")
    (parcels / "parcels/zones.py").write_text("def zones_of_a_country(name):\n    return ZONES[name]\n")
    git(parcels, "add", "-A")
    git(parcels, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "Add zones")
    assert paths(loccit, "zones of a country")[0] == "parcels/zones.py"


def test_a_past_commit_is_searched_as_it_was_and_the_present_stays(loccit: Loccit, parcels: Path) -> None:
    """`rev` makes an old commit searchable beside HEAD."""
    loccit.index(parcels)
    assert paths(loccit, "with_retries", rev="HEAD~1") == []
    assert paths(loccit, "with_retries") == ["parcels/retries.py"]


def test_a_question_may_span_the_repositories_of_a_collection(
    loccit: Loccit, parcels: Path, tmp_path: Path
) -> None:
    """Hits of several repositories stand in one ranking."""
    other = tmp_path / "letters"
    make_repository(other, [{"files": {"stamps.py": PRICES.replace("parcel", "letter")}}])
    loccit.index(parcels, collection="post")
    loccit.index(other, collection="post")
    hits = loccit.search("price of weight and zone", collection="post")
    assert {hit.place.repo for hit in hits} == {"parcels", "letters"}
    assert loccit.collections() == {"post": ("letters", "parcels")} or loccit.collections() == {
        "post": ("parcels", "letters")
    }


def test_an_answer_verifies_against_the_repository_alone(
    loccit: Loccit, parcels: Path, tmp_path: Path
) -> None:
    """Another home that never indexed anything can re-check the answer."""
    loccit.index(parcels)
    answer = loccit.ask("How is the price of a parcel worked out?", repos=["parcels"])
    assert answer.outcome is Outcome.ANSWERED
    data = answer.to_json().encode()
    assert parse_answer(data) == answer
    report = Loccit(tmp_path / "other-home").verify(data, [parcels])
    assert report.status is Status.HOLDS


def test_without_an_index_the_answer_says_not_indexed(loccit: Loccit) -> None:
    """An empty home is not the same as sources that are silent."""
    answer = loccit.ask("Where is anything?")
    assert answer.abstention is Abstention.NOT_INDEXED
    with pytest.raises(NotIndexed, match="nothing is indexed"):
        loccit.search("anything")


def test_a_question_the_sources_are_silent_on_is_declined(loccit: Loccit, parcels: Path) -> None:
    """No passage is quoted for want of a better one."""
    loccit.index(parcels)
    answer = loccit.ask("How does the Kubernetes scheduler evict pods from a drained node?")
    assert (answer.outcome, answer.abstention) == (Outcome.ABSTAINED, Abstention.NOT_IN_SOURCES)
    assert answer.claims == ()


def test_a_mirror_moves_only_when_it_is_indexed(loccit: Loccit, parcels: Path) -> None:
    """A URL is fetched by `index`, never by a question."""
    url = parcels.as_uri()
    loccit.index(url)
    (parcels / "new.py").write_text("def brand_new_function():\n    return 1\n")
    git(parcels, "add", "-A")
    git(parcels, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "Add one")
    assert paths(loccit, "brand_new_function") == []
    loccit.index(url)
    assert paths(loccit, "brand_new_function") == ["new.py"]


def test_the_working_tree_s_differences_are_counted_in_the_answer(loccit: Loccit, parcels: Path) -> None:
    """The answer cites the commit, and says that files differ from it."""
    loccit.index(parcels)
    (parcels / "parcels/prices.py").write_text(PRICES + "\n# more\n")
    answer = loccit.ask("How is the price of a parcel worked out?", repos=["parcels"])
    assert answer.snapshots[0].changed_files == 1


def test_why_and_when_questions_cite_commits(loccit: Loccit, parcels: Path) -> None:
    """History is a source of its own kind."""
    loccit.index(parcels)
    answer = loccit.ask("When was asking the carrier again after a timeout added?", repos=["parcels"])
    assert "commit" in {claim.citations[0].kind.value for claim in answer.claims}
    assert loccit.verify(answer, [parcels]).status is Status.HOLDS


def test_removing_a_repository_leaves_the_source_alone(loccit: Loccit, parcels: Path) -> None:
    """Its index goes, the files stay."""
    before = sorted(path.relative_to(parcels) for path in parcels.rglob("*"))
    loccit.index(parcels)
    loccit.remove("parcels")
    assert loccit.status() == ()
    assert sorted(path.relative_to(parcels) for path in parcels.rglob("*")) == before


def test_a_source_that_has_gone_is_an_error_that_names_it(loccit: Loccit, parcels: Path) -> None:
    """The index alone cannot quote."""
    loccit.index(parcels)
    shutil.rmtree(parcels)
    with pytest.raises(SourceError, match="parcels"):
        Loccit(loccit.home).search("price")
    assert loccit.status()[0].problem


def test_lines_can_be_cited_without_an_index_and_fall_when_altered(loccit: Loccit, parcels: Path) -> None:
    """`cite` and `checked` are each other's inverse."""
    citation = loccit.cite("parcels/prices.py", 4, 6, repository=parcels)
    assert citation.quote.startswith("def price_of_parcel")
    assert loccit.checked(citation, parcels) == citation
    with pytest.raises(SourceError, match="does not hold"):
        loccit.checked(citation.model_copy(update={"start_line": 5}), parcels)
    with pytest.raises(InputError, match="lines 90 to 91"):
        loccit.cite("parcels/prices.py", 90, 91, repository=parcels)


def test_two_repositories_of_one_name_get_names_of_their_own(loccit: Loccit, tmp_path: Path) -> None:
    """Names in the catalogue are unique, and no absolute path is among them."""
    for parent in ("a", "b"):
        make_repository(tmp_path / parent / "tool", [{"files": {"x.py": f"def from_{parent}(): ...\n"}}])
        loccit.index(tmp_path / parent / "tool")
    names = [status.repository.name for status in loccit.status()]
    assert len(set(names)) == 2
    assert not any(name.startswith("/") for name in names)


def test_grep_reads_the_commit_and_not_the_working_tree(loccit: Loccit, parcels: Path) -> None:
    """A regular expression is matched on the objects of the commit."""
    loccit.index(parcels)
    (parcels / "parcels/prices.py").write_text("nothing\n")
    found = list(loccit.grep(r"def \w+_of_parcel", repos=["parcels"]))
    assert [(line.match.path, line.match.line) for line in found] == [("parcels/prices.py", 4)]
