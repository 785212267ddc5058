"""What `prove` compares with is what it says: real `git grep`, and BM25 by the book."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from loccit.core.errors import InputError, ObjectMissing
from loccit.indexing.terms import stems, tokens, words_of
from loccit.learning.baselines import MOST_WORDS, bm25_ranking, grep_ranking, grep_words
from loccit.sources import Repository, SourceOptions, open_repository
from loccit.sources.repository import WordMatch
from loccit.sources.word_grep import covering
from tests.repositories import git, make_repository
from tests.unit.pipeline.homes import loccit_at

FILES = {
    "src/a.py": "Zone = 1\nzone_table = 2\nfind = zone + Zone\n",
    "src/b.py": "prezone = 1\nzones = 2\n",
    "src/deep/c.py": "# Größe größer zone find\nZONE\n",
    "src/bin.py": "zone\0zone\n",
    "src/odd\nname.py": "zone\n",
    "other/d.py": "zone find\n",
}
NAMED = [path for path in FILES if path.startswith("src/")]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("grep")
    make_repository(folder / "parcels", [{"files": FILES}])
    return open_repository(str(folder / "parcels"), home=folder / "home", options=SourceOptions())


def test_files_hold_whole_words_in_either_case(repository: Repository) -> None:
    """Not parts of words, not in binary files, not in files that were not asked for."""
    found = repository.match_words(["zone", "find"], commit=repository.resolve(), paths=NAMED)
    assert found == {
        "src/a.py": WordMatch({"zone", "find"}, 2),
        "src/deep/c.py": WordMatch({"zone", "find"}, 2),
        "src/odd\nname.py": WordMatch({"zone"}, 1),
    }


def test_a_word_beyond_ascii_is_found_as_it_is_written(repository: Repository) -> None:
    """And is no part of a longer one."""
    commit = repository.resolve()
    assert list(repository.match_words(["Größe"], commit=commit, paths=NAMED)) == ["src/deep/c.py"]
    assert not repository.match_words(["Größ"], commit=commit, paths=NAMED)


def test_what_git_finds_is_what_a_person_would_find(repository: Repository) -> None:
    """The files are those of `git grep -l -w -i`."""
    commit = repository.resolve()
    folder = Path(repository.location)
    told = git(folder, "grep", "-I", "-l", "-w", "-i", "-F", "-z", "-e", "zone", commit, "--", "src")
    files = {name.partition(":")[2] for name in told.split("\0") if name}
    assert set(repository.match_words(["zone"], commit=commit, paths=NAMED)) == files


def test_only_words_are_looked_for(repository: Repository) -> None:
    """A pattern is refused, nothing is found for nothing, and a commit that is not there is an error."""
    commit = repository.resolve()
    with pytest.raises(InputError, match="no word"):
        repository.match_words(["zone|a"], commit=commit, paths=NAMED)
    assert not repository.match_words([], commit=commit, paths=NAMED)
    assert not repository.match_words(["zone"], commit=commit, paths=[])
    with pytest.raises(ObjectMissing, match="the search stopped"):
        repository.match_words(["zone"], commit="0" * 40, paths=NAMED)


def test_many_files_are_covered_by_few_folders() -> None:
    """Each file lies in one of them, and folders that hold none are not searched."""
    paths = [f"src/room{number % 7}/part{number}/file.py" for number in range(500)]
    found = covering([*paths, "setup.py"])
    assert found == ["setup.py", *(f"src/room{number}" for number in range(7))]
    assert covering(paths[:100]) == sorted(paths[:100])


def test_beside_many_files_no_other_is_found(tmp_path: Path) -> None:
    """Although git is given the folder that holds them all."""
    wanted = [f"src/part{number}.py" for number in range(120)]
    files = dict.fromkeys([*wanted, "src/other.py"], "zone\n")
    make_repository(tmp_path / "parcels", [{"files": files}])
    many = open_repository(str(tmp_path / "parcels"), home=tmp_path / "home", options=SourceOptions())
    assert set(many.match_words(["zone"], commit=many.resolve(), paths=wanted)) == set(wanted)


def test_the_words_of_an_issue_are_distinct_and_say_something() -> None:
    """Identifiers whole; no function words, numbers and single letters; not endlessly many."""
    text = "The find_zone of a Zone is x at 12, and find_zone of the ZONE is not"
    assert grep_words(text) == ["find_zone", "zone"]
    assert len(grep_words(" ".join(f"word{number}" for number in range(500)))) == MOST_WORDS


def test_files_with_more_words_come_before_files_with_more_lines() -> None:
    """Then by path."""
    matches = {
        "d": WordMatch({"a"}, 900),
        "c": WordMatch({"a", "b"}, 1),
        "b": WordMatch({"a", "b"}, 2),
        "a": WordMatch({"a"}, 900),
    }
    assert grep_ranking(matches) == ["b", "c", "a", "d"]


SOURCES = {
    "src/zones.py": "def find_zone(parcel):\n    '''The zone of a parcel.'''\n    return parcel.zone\n",
    "src/prices.py": "def price(parcel, zone):\n    return zone.rate * parcel.weight\n",
    "src/labels.py": "def print_label(parcel):\n    # labels are printed\n    print(parcel.address)\n",
}


def by_the_book(issue: str) -> list[str]:
    """Lucene's BM25, straight from its formula, over stems and whole compounds of the files' text."""

    def terms(text: str) -> list[str]:
        found: list[str] = []
        for token in tokens(text):
            words = words_of(token)
            found += stems(words) + ([f"={token.lower()}"] if len(words) > 1 else [])
        return found

    counts = {path: Counter(terms(text)) for path, text in SOURCES.items()}
    lengths = {path: sum(len(words_of(t)) for t in tokens(text)) for path, text in SOURCES.items()}
    mean = sum(lengths.values()) / len(lengths)
    scores = dict.fromkeys(SOURCES, 0.0)
    for term, asked in Counter(terms(issue)).items():
        held = sum(term in each for each in counts.values())
        idf = math.log(1 + (len(SOURCES) - held + 0.5) / (held + 0.5))
        for path, each in counts.items():
            norm = 1.5 * (0.25 + 0.75 * lengths[path] / mean)
            scores[path] += asked * idf * each[term] / (each[term] + norm)
    return sorted((path for path in scores if scores[path]), key=lambda path: -scores[path])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("bm25")
    make_repository(folder / "parcels", [{"files": SOURCES}])
    loccit = loccit_at(folder / "home")
    loccit.index(folder / "parcels")
    return loccit._searchable(["parcels"], None, None)[0].view


@pytest.mark.parametrize(
    "issue", ["zone zone label", "printed labels", "find_zone weight", "rates address parcel", "price zone"]
)
def test_bm25_is_by_the_book(sources: object, issue: str) -> None:
    """The same order as its formula, word for word, gives; files that hold nothing are not ranked."""
    assert bm25_ranking(issue, sources) == by_the_book(issue)  # type: ignore[arg-type]


def test_bm25_of_nothing_ranks_nothing(sources: object) -> None:
    """Neither does what no file holds."""
    assert bm25_ranking("", sources) == []  # type: ignore[arg-type]
    assert bm25_ranking("xylophone", sources) == []  # type: ignore[arg-type]
