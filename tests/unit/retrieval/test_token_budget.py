"""What a model is given: whole definitions within a number of tokens, under ids that no text can know."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.evidence import Evidence, Hit, PackedEvidence, Passage, Place
from loccit.pipeline.searchable import Searchable, read_place
from loccit.retrieval.token_budget import pack_for_model, with_ids
from tests.repositories import Commit, make_repository
from tests.unit.pipeline.homes import loccit_at

# Longer than a chunk, so that it is cut in several.
LONG = "def long_one(values):\n" + "".join(
    f"    values.append('{n:04}, and more of it')\n" for n in range(200)
)
SHORT = "def short_one(values):\n    return sorted(values)\n"
OTHER = "@decorated\ndef other_one(values, *, key=None):\n    return max(values, key=key)\n"
FILE = f"{SHORT}\n\n{LONG}\n\n{OTHER}"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searchable:
    folder = tmp_path_factory.mktemp("packing")
    commits: list[Commit] = [
        {"files": {"src/a.py": FILE, "src/b.py": SHORT.replace("short", "brief")}, "message": "x"}
    ]
    make_repository(folder / "repo", commits)
    loccit = loccit_at(folder / "home")
    loccit.index(folder / "repo")
    (one,) = loccit._searchable((), None, None, history=True, changes=True)
    return one


def evidence_of(searched: Searchable, path: str) -> list[Evidence]:
    """Every chunk of a file as evidence, in order."""
    view = searched.view
    file = view.file_at(path)
    assert file is not None
    found: list[Evidence] = []
    for number in view.documents_of(file):
        document = view.document(number, file=file)
        place = Place(
            searched.name,
            searched.snapshot.commit,
            searched.snapshot.tree,
            path,
            view.files.blobs[file],
            document.start_byte,
            document.end_byte,
            document.start_line,
            document.end_line,
        )
        hit = Hit(place, 1.0, document.symbol, document.kind, "python", "source", document.encoding)  # type: ignore[arg-type]
        found.append(Evidence(f"E{number}", hit, b"", ()))
    return found


def packed(
    searched: Searchable,
    evidence: list[Evidence],
    budget: int,
    *,
    question: str = "?",
    known: tuple[Passage, ...] = (),
) -> PackedEvidence:
    with searched.repository.reader() as reader:
        return pack_for_model(
            question,
            evidence,
            {searched.name: searched.view},
            read_place({searched.name: reader}),
            count_tokens=lambda text: len(text) // 4,
            budget_tokens=budget,
            known=known,
        )


def test_a_piece_of_a_function_becomes_the_whole_function(searched: Searchable) -> None:
    pieces = [one for one in evidence_of(searched, "src/a.py") if one.hit.symbol == "long_one"]
    assert len(pieces) > 2
    (passage,) = packed(searched, [pieces[1]], 50_000).passages
    assert passage.text.strip() == LONG.strip()
    assert passage.place.start_line == 1 + FILE[: FILE.index("def long_one")].count("\n")


def test_what_a_passage_holds_is_not_repeated(searched: Searchable) -> None:
    pieces = [one for one in evidence_of(searched, "src/a.py") if one.hit.symbol == "long_one"]
    assert len(packed(searched, pieces, 50_000).passages) == 1


def test_a_function_that_would_take_too_much_is_read_in_part(searched: Searchable) -> None:
    pieces = [one for one in evidence_of(searched, "src/a.py") if one.hit.symbol == "long_one"]
    (passage,) = packed(searched, [pieces[1]], 2_000).passages
    assert passage.place == pieces[1].hit.place


def test_what_finds_no_room_is_left_out_and_counted(searched: Searchable) -> None:
    every = evidence_of(searched, "src/a.py")
    short = [one for one in every if one.hit.symbol == "short_one"]
    long = [one for one in every if one.hit.symbol == "long_one"]
    found = packed(searched, [*long[:1], *short], 100)
    assert [passage.symbol for passage in found.passages] == ["short_one"]
    assert found.left_out == 1


def test_the_heads_of_neighbours_are_shown_beside(searched: Searchable) -> None:
    short = [one for one in evidence_of(searched, "src/a.py") if one.hit.symbol == "short_one"]
    (outline,) = packed(searched, short, 50_000).outlines
    assert outline.path == "src/a.py"
    assert [head.partition(": ")[2] for head in outline.heads] == [
        "def long_one(values):",
        "def other_one(values, *, key=None):",
    ]


def test_what_was_read_before_stays_first_and_keeps_its_id(searched: Searchable) -> None:
    first = packed(searched, evidence_of(searched, "src/b.py"), 50_000)
    then = packed(searched, evidence_of(searched, "src/a.py"), 50_000, known=first.passages)
    assert then.passages[: len(first.passages)] == first.passages
    assert len({passage.id for passage in then.passages}) == len(then.passages)


@given(st.integers(0, 3000))
def test_passages_never_take_more_than_the_budget(searched: Searchable, budget: int) -> None:
    found = packed(searched, [*evidence_of(searched, "src/a.py"), *evidence_of(searched, "src/b.py")], budget)
    assert sum(len(passage.text) // 4 for passage in found.passages) <= budget
    assert found.tokens <= max(budget, 1)


def test_ids_depend_on_the_question_and_are_the_same_each_time(searched: Searchable) -> None:
    """Who writes a source cannot know the id that it will have."""
    evidence = evidence_of(searched, "src/b.py")
    one = packed(searched, evidence, 50_000, question="one")
    assert one == packed(searched, evidence, 50_000, question="one")
    assert {p.id for p in one.passages}.isdisjoint(p.id for p in packed(searched, evidence, 50_000).passages)


def test_an_id_that_stands_in_a_text_is_not_given(tmp_path: Path) -> None:
    place = Place("repo", "c" * 40, "t" * 40, "a.py", "b" * 40, 0, 6, 1, 1)
    (plain,) = with_ids("?", [Passage("", place, "", "utf-8", "text")])
    (other,) = with_ids("?", [Passage("", place, "", "utf-8", f"{plain.id}>>>")])
    assert other.id != plain.id
