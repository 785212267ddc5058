"""Which functions of the suspect files an issue is about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.source import FileRole
from loccit.indexing.changes import build_table
from loccit.indexing.view import SnapshotView
from loccit.retrieval.features import Analysis, analyse
from loccit.retrieval.function_features import function_features, functions_of
from loccit.retrieval.functions import (
    RankedFunction,
    function_weights,
    functions_by_file,
    rank_functions,
)
from loccit.retrieval.issue_text import read_issue
from loccit.retrieval.localise import role_view
from loccit.retrieval.past import Past, past_at
from tests.unit.retrieval.pasts import commit_id, made_change, messages
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, made, parsed

LONG = "".join(f"    shelf.append(parcel + {number})  # put the parcel away\n" for number in range(120))
# Neighbours shorter than a chunk would be cut as one.
FILLING = "".join(f"    note_{number} = {number} * {number}\n" for number in range(14))
METHOD = FILLING.replace("    ", "        ")
FILES = {
    "parcels/prices.py": (
        f"def price_of(weight):\n    '''What a parcel costs.'''\n{FILLING}    return weight * 2\n\n\n"
        f"def discount_of(customer):\n    '''What a customer need not pay.'''\n{FILLING}    return 1\n"
    ),
    "parcels/routes.py": (
        f'class Route:\n    """A way from here to there."""\n\n    stops = ()\n{FILLING}\n'
        f"    def shortest(self, places):\n{METHOD}        return sorted(places)\n\n"
        f'    stops_told = """Where the route from here stops on its way."""\n{FILLING}\n'
        f"    def cheapest(self, places):\n{METHOD}        return max(places)\n"
    ),
    "parcels/shelves.py": (
        f"def put_away(parcel, shelf):\n{LONG}\n\ndef take_down(shelf):\n{FILLING}    shelf.pop()\n"
    ),
}


def view_of(files: Mapping[str, str]) -> SnapshotView:
    """The source files among these."""
    return role_view(parsed(files).target.view, FileRole.SOURCE)


@pytest.fixture(scope="module")
def view() -> SnapshotView:
    """The files above."""
    return view_of(FILES)


def ranked(view: SnapshotView, text: str, past: Past | None = None) -> list[RankedFunction]:
    """The functions of all files, every file as likely as the others."""
    analysis = analyse(read_issue(text), view, past)
    files = list(range(len(view.files.paths)))
    return rank_functions(analysis, files, np.full(len(files), 1 / len(files)))


def symbols(found: list[RankedFunction]) -> list[str]:
    """Their names, best first."""
    return [one.function.symbol for one in found]


def columns(analysis: Analysis) -> dict[str, dict[str, float]]:
    """Each feature by function, every file as likely as the others."""
    files = list(range(len(analysis.view.files.paths)))
    functions, found = function_features(analysis, files, np.full(len(files), 1 / len(files)))
    return {
        name: dict(zip(functions.symbols, values.tolist(), strict=True)) for name, values in found.items()
    }


def test_the_function_that_the_title_names_comes_first(view: SnapshotView) -> None:
    """Of all functions of all suspects, with its lines."""
    first = ranked(view, "discount_of is wrong for old customers")[0]
    assert first.function.symbol == "discount_of"
    assert view.files.paths[first.file] == "parcels/prices.py"
    assert (first.function.start_line, first.function.end_line) == (20, 36)


def test_the_likelier_file_puts_its_functions_first() -> None:
    """Where words cannot tell: by its probability and by its place."""
    files = {path: f"def send(parcel):\n{FILLING}    parcel.send()\n# {path}\n" for path in ("a.py", "b.py")}
    analysis = analyse(read_issue("send fails"), view_of(files), None)
    shares: list[float] = []
    for first in (0.9, 0.5):
        for order in ([0, 1], [1, 0]):
            found = rank_functions(analysis, order, np.array([first, 1 - first]))
            assert found[0].file == order[0]
            shares.append(found[0].function.score)
    assert min(shares[:2]) > max(shares[2:]) > 0.5


def test_pieces_of_a_long_function_are_one_function_from_its_first_line_to_its_last(
    view: SnapshotView,
) -> None:
    """It is listed once."""
    found = [
        one for one in ranked(view, "put_away puts the parcel away") if one.function.symbol == "put_away"
    ]
    assert len(found) == 1
    assert len(found[0].documents) > 1
    assert found[0].function.start_line == 1
    assert found[0].function.end_line >= 121


def test_what_of_a_class_is_outside_its_methods_is_listed_beside_them(view: SnapshotView) -> None:
    """A class of scattered pieces has the place of its best piece, never that of its methods."""
    found = {one.function.symbol: one for one in ranked(view, "Route: the shortest way from here")}
    assert {"Route", "Route.shortest"} <= found.keys()
    head, method = found["Route"].function, found["Route.shortest"].function
    assert len(found["Route"].documents) > 1
    assert head.end_byte <= method.start_byte or method.end_byte <= head.start_byte


def test_a_dotted_name_means_the_method_of_that_class_alone() -> None:
    """Not its namesake in another class."""
    files = {
        f"{name.lower()}.py": (
            f"class {name}:\n{FILLING}\n    def send(self):\n{METHOD}        return {name}\n"
        )
        for name in ("Parcel", "Letter")
    }
    dotted = columns(analyse(read_issue("Letter.send() loses the stamp"), view_of(files), None))["dotted"]
    assert dotted["Letter.send"] == 1
    assert dotted["Parcel.send"] == 0


def test_the_frame_nearest_the_error_counts_most(view: SnapshotView) -> None:
    """By name and by line; a frame of a file that is not here counts nothing."""
    text = (
        "It crashes\n\n```\nTraceback (most recent call last):\n"
        '  File "/home/me/site/parcels/prices.py", line 3, in price_of\n    put_away(parcel, None)\n'
        '  File "/home/me/site/parcels/shelves.py", line 2, in put_away\n    shelf.append(parcel)\n'
        '  File "/usr/lib/python3/shelf.py", line 9, in take_down\n    pop()\n'
        "AttributeError: 'NoneType' object has no attribute 'append'\n```\n"
    )
    found = columns(analyse(read_issue(text), view, None))
    assert found["frame"]["put_away"] == found["frame:line"]["put_away"] == 1
    assert 0 < found["frame"]["price_of"] < 1
    assert found["frame:last"] == {**dict.fromkeys(found["frame:last"], 0.0), "put_away": 1.0}
    assert found["frame"].get("take_down", 0) == 0


def test_a_past_fix_that_reads_like_the_issue_votes_for_the_function_that_it_names(
    view: SnapshotView,
) -> None:
    """Only where it changed that function's file, and only if it came before."""
    changes = [
        made_change(0, edits=list(FILES), message="Begin", time=1_000_000),
        made_change(1, [0], edits=["parcels/prices.py"], message="Fix rebates on holidays", time=2_000_000),
        made_change(2, [1], edits=["parcels/routes.py"], message="Quicker", time=3_000_000),
    ]
    named = {1: ("discount_of", "shortest"), 2: ("cheapest",)}
    table, commits = build_table(changes), messages(changes, symbols=named)
    for before, voted in ((3, 1.0), (1, 0.0)):
        is_past = np.arange(3) < before
        past = past_at(table, commits, is_past, commit_id(before - 1), view)
        text = "On holidays no rebates: neither discount_of nor price_of, shortest or cheapest help"
        found = columns(analyse(read_issue(text), view, past))
        assert found["votes"]["discount_of"] == voted
        assert (found["votes:best"]["discount_of"] > 0) == (voted > 0)
        assert found["votes"]["price_of"] == found["votes"]["Route.shortest"] == 0
        assert (found["changes"]["Route.cheapest"] > 0) == (before == 3)


def test_the_best_of_a_file_are_those_of_the_whole_list_in_its_order(view: SnapshotView) -> None:
    """At most as many as asked for."""
    analysis = analyse(read_issue("the price of a parcel on a shelf of a customer"), view, None)
    files, chances = [0, 1, 2], np.array([0.5, 0.3, 0.2])
    whole = rank_functions(analysis, files, chances)
    by_file = functions_by_file(analysis, files, chances, limit=1)
    assert by_file == {
        file: (next(one.function for one in whole if one.file == file),) for file in {o.file for o in whole}
    }


@pytest.mark.parametrize("text", ["", "the of and", "\x00\x01", "zzz qqq"])
def test_an_issue_that_no_function_holds_a_word_of_has_none(view: SnapshotView, text: str) -> None:
    """That is a result, not an error."""
    assert ranked(view, text) == []


def test_files_without_definitions_have_no_functions() -> None:
    """Nor have no files at all."""
    analysis = analyse(read_issue("a parcel"), view_of({"parcels.py": "parcel = 1\n"}), None)
    assert rank_functions(analysis, [0], np.ones(1)) == []
    assert rank_functions(analysis, [], np.ones(0)) == []


def test_every_weight_is_of_a_feature_that_there_is(view: SnapshotView) -> None:
    """And every feature has one."""
    found = columns(analyse(read_issue("the price of a parcel"), view, None))
    assert function_weights().keys() <= found.keys()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from("price parcel shelf Route.shortest put_away away customer".split()), max_size=8)
)
def test_shares_fall_and_add_up_to_one_and_no_function_is_listed_twice(words: list[str]) -> None:
    """Whatever the issue says; places are those of the file."""
    view = view_of(FILES)
    found = ranked(view, " ".join(words))
    shares = [one.function.score for one in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1 if found else 0, abs=1e-4)
    assert len({(one.file, one.function.symbol) for one in found}) == len(found)
    for one in found:
        data = FILES[view.files.paths[one.file]].encode()
        assert 0 <= one.function.start_byte < one.function.end_byte <= len(data)
        assert one.function.start_line == data[: one.function.start_byte].count(b"\n") + 1


def test_functions_are_read_as_the_view_tells_their_chunks(view: SnapshotView) -> None:
    """File after file in the order asked for."""
    read = functions_of(view, [2, 0])
    assert [read.symbols[at] for at in np.flatnonzero(read.file == 0)] == ["put_away", "take_down"]
    assert [read.symbols[at] for at in np.flatnonzero(read.file == 1)] == ["price_of", "discount_of"]
    for row in range(len(read)):
        for document, place in zip(
            read.documents[read.pieces(row)].tolist(), read.places[read.pieces(row)].tolist(), strict=True
        ):
            seen = view.document(document)
            assert seen.symbol == read.symbols[row]
            assert place == [seen.start_byte, seen.end_byte, seen.start_line, seen.end_line]


def test_functions_are_found_in_whichever_segment_their_file_is() -> None:
    """Each file's own, whatever is kept beside it."""
    files = [MadeFile(f"{n}.py", (MadeChunk(body=f"parcel {n}", symbol=f"send_{n}"),)) for n in range(6)]
    read = functions_of(made(files, segments=3).target.view, [4, 0, 5])
    assert read.symbols == ("send_4", "send_0", "send_5")
