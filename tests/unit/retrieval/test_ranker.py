"""What comes on top of the scores of words: names, paths, and what kind of file it is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from loccit.core.source import FileRole
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, MadeSnapshot, hits_of, made, paths_of

SAME = MadeChunk(body="alpha beta")


def score_of(snapshot: MadeSnapshot, text: str, path: str) -> float:
    scores = [hit.score for hit in hits_of(snapshot, text, top_k=50).hits if hit.place.path == path]
    assert scores, f"{path} is not found"
    return max(scores)


def two(one: MadeFile, other: MadeFile) -> MadeSnapshot:
    """Two files among a few that hold other words, so that no word is in every file."""
    rest = [MadeFile(f"rest/{number}.py", (MadeChunk(body=f"delta{number} epsilon"),)) for number in range(4)]
    return made([one, other, *rest])


ORDER = [
    [FileRole.SOURCE],
    [FileRole.TEST],
    [FileRole.DOCS, FileRole.CONFIG, FileRole.DATA],
    [FileRole.GENERATED, FileRole.VENDORED],
]
BESIDE = [(one, other) for before, after in pairwise(ORDER) for one in before for other in after]


@pytest.mark.parametrize(("better", "worse"), BESIDE)
def test_roles_are_weighed(better: FileRole, worse: FileRole) -> None:
    """Source before tests, those before documents and data, and last what nobody wrote here."""
    snapshot = two(MadeFile("y.py", (SAME,), better), MadeFile("x.py", (SAME, MadeChunk("gamma")), worse))
    assert paths_of(hits_of(snapshot, "alpha beta"))[0] == "y.py"


def test_a_question_about_tests_takes_tests_for_full() -> None:
    """Then a test is worth as much as source."""
    snapshot = two(
        MadeFile("a.py", (SAME,), FileRole.TEST),
        MadeFile("b.py", (SAME, MadeChunk("gamma")), FileRole.SOURCE),
    )
    assert paths_of(hits_of(snapshot, "alpha beta"))[0] == "b.py"
    assert paths_of(hits_of(snapshot, "which test covers alpha beta"))[0] == "a.py"


def test_a_question_about_documentation_takes_documents_for_more() -> None:
    """Not for full: documentation is often asked for and code meant."""
    docs = MadeFile("a.md", (SAME,), FileRole.DOCS)
    snapshot = two(docs, MadeFile("b.py", (MadeChunk("gamma"),)))
    plain = score_of(snapshot, "alpha beta", "a.md")
    asked = score_of(snapshot, "alpha beta tutorial", "a.md")
    assert asked == pytest.approx(plain * 0.8 / 0.6, rel=1e-3)


def test_a_file_that_defines_a_name_comes_first() -> None:
    """All else equal, the question's identifiers decide."""
    defining = MadeFile("b.py", (MadeChunk("place_order", defines=("place_order",)),))
    speaking = MadeFile("a.py", (MadeChunk("place_order place_order place_order place_order"),))
    assert paths_of(hits_of(two(defining, speaking), "place_order"))[0] == "b.py"


def test_a_name_that_many_files_define_counts_less() -> None:
    """1 for a name that one file alone defines."""
    chunk = MadeChunk("alpha", defines=("router",))
    bonus = []
    for count in (1, 3):
        files = [MadeFile(f"{number}.py", (chunk,)) for number in range(count)]
        files += [MadeFile(f"rest{number}.py", (MadeChunk("alpha"),)) for number in range(9 - count)]
        snapshot = made(files)
        bonus.append(score_of(snapshot, "alpha Router", "0.py") - score_of(snapshot, "alpha router", "0.py"))
    assert bonus[0] > bonus[1]


def first_symbol(*chunks: MadeChunk) -> str:
    snapshot = two(MadeFile("a.py", chunks), MadeFile("b.py", (MadeChunk("gamma"),)))
    return hits_of(snapshot, "place_order alpha").hits[0].symbol


def test_the_chunk_that_defines_a_name_comes_before_those_that_speak_of_it() -> None:
    """Within one file too, even if it is longer and speaks of other things."""
    speaking = MadeChunk("place_order alpha place_order", signature="alpha alpha", symbol="sell")
    defining = MadeChunk("gamma " * 6 + "alpha", symbol="place_order", defines=("place_order",))
    assert first_symbol(speaking, defining) == "place_order"
    # Of what a question does not name, the words alone decide.
    unnamed = MadeChunk("gamma " * 6 + "alpha", symbol="refuse", defines=("refuse",))
    assert first_symbol(speaking, unnamed) == "sell"


def test_the_beginning_of_a_method_comes_before_its_other_parts() -> None:
    """All parts are found by the qualified name; the first one defines it."""
    beginning = MadeChunk("gamma", symbol="Shop.place_order", defines=("place_order",))
    rest = MadeChunk("alpha alpha", signature="place_order " * 3, symbol="Shop.place_order")
    snapshot = two(MadeFile("a.py", (rest, beginning)), MadeFile("b.py", (MadeChunk("gamma"),)))
    hits = hits_of(snapshot, "place_order alpha").hits
    assert [hit.place.start_byte > 0 for hit in hits] == [True, False]


def test_a_file_that_the_question_is_named_after_comes_first() -> None:
    """In singular or plural."""
    for word in ("session", "sessions"):
        snapshot = two(MadeFile("lib/b/session.py", (SAME,)), MadeFile("lib/a/other.py", (SAME,)))
        assert paths_of(hits_of(snapshot, f"alpha {word}"))[0] == "lib/b/session.py"


@pytest.mark.parametrize(
    "written",
    [
        "src/shop/orders.py",
        "shop/orders.py",
        "./shop/orders.py",
        "/usr/lib/python3/site-packages/shop/orders.py",
        'File "/usr/lib/python3/site-packages/shop/orders.py", line 3, in f',
    ],
)
def test_a_path_that_is_written_out_comes_first(written: str) -> None:
    """Its first folders may be missing, or others stand before it."""
    snapshot = two(MadeFile("src/shop/orders.py", (SAME,)), MadeFile("src/mill/orders.py", (SAME, SAME)))
    assert paths_of(hits_of(snapshot, f"alpha beta in {written}"))[0] == "src/shop/orders.py"


def test_a_folder_with_a_dot_is_part_of_a_path() -> None:
    """`.github` is not `github`."""
    snapshot = two(MadeFile(".ci/steps.yml", (SAME,)), MadeFile("ci/steps.yml", (SAME,)))
    assert paths_of(hits_of(snapshot, "alpha in .ci/steps.yml"))[0] == ".ci/steps.yml"


def test_a_path_elsewhere_with_the_same_file_name_is_not_meant() -> None:
    """One equal part of two longer paths is chance."""
    snapshot = two(MadeFile("src/shop/orders.py", (SAME,)), MadeFile("src/b.py", (SAME,)))
    plain = score_of(snapshot, "alpha beta orders py home", "src/shop/orders.py")
    elsewhere = score_of(snapshot, "alpha beta /home/orders.py", "src/shop/orders.py")
    assert elsewhere < plain + 0.1


def test_a_file_name_that_fits_many_files_counts_less_for_each() -> None:
    """Over the root of their number."""
    files = [MadeFile(f"{folder}/main.py", (SAME,)) for folder in "abcd"]
    rest = [MadeFile("e/other.py", (SAME,)), MadeFile("f/rest.py", (MadeChunk("gamma"),))]
    many = score_of(made([*files, *rest]), "alpha main.py", "a/main.py") - score_of(
        made([*files, *rest]), "alpha main", "a/main.py"
    )
    assert many == pytest.approx(0.25, abs=0.1)


def test_the_last_frame_of_a_traceback_counts_most() -> None:
    """The error arose there."""
    frame = 'File "/srv/site-packages/shop/{}.py", line 1, in f\n'
    files = [MadeFile(f"src/shop/{name}.py", (MadeChunk(f"alpha {name}"),)) for name in ("server", "orders")]
    snapshot = made([*files, MadeFile("rest.py", (MadeChunk("gamma"),))])
    for first, last in (("server", "orders"), ("orders", "server")):
        found = paths_of(hits_of(snapshot, "alpha\n" + frame.format(first) + frame.format(last)))
        assert found == [f"src/shop/{last}.py", f"src/shop/{first}.py"]
