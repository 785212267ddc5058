"""Where an issue's cause may be: what speaks for a file, how it is ranked, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken, IndexFormatMismatch
from loccit.core.source import FileRole
from loccit.core.suspects import Localisation, ReasonKind
from loccit.indexing.changes import build_table
from loccit.retrieval.features import candidates
from loccit.retrieval.issue_text import read_issue
from loccit.retrieval.learned import columns_of, general_ranker, parse_ranker
from loccit.retrieval.localise import LayPast, Localiser, role_view
from loccit.retrieval.mentions import mentions
from loccit.retrieval.past import past_at
from tests.unit.retrieval.pasts import commit_id, made_change, messages
from tests.unit.retrieval.snapshots import MadeSnapshot, parsed

FILES = {
    "parcels/prices.py": "def price_of(weight):\n    '''What a parcel costs.'''\n    return weight * 2\n",
    "parcels/labels.py": "def print_label(parcel):\n    '''With an address.'''\n    return str(parcel)\n",
    "parcels/routes.py": "class Route:\n    def shortest(self, places):\n        return sorted(places)\n",
    "parcels/storage/shelves.py": "def put_away(parcel, shelf):\n    shelf.append(parcel)\n",
    "parcels/storage/__init__.py": "from parcels.storage.shelves import put_away\n",
    "tests/test_prices.py": "from parcels.prices import price_of\n\ndef test_price():\n    price_of(1)\n",
    "docs/prices.md": "# Prices\n\nThe price of a parcel rises with its weight.\n",
}
CHANGES = [
    made_change(0, edits=list(FILES), message="Begin", time=1_000_000),
    made_change(1, [0], edits=["parcels/routes.py"], message="Fix deliveries on holidays", time=2_000_000),
    made_change(2, [1], edits=["parcels/labels.py"], message="Mend umlauts in addresses", time=3_000_000),
]


@pytest.fixture(scope="module")
def snapshot() -> MadeSnapshot:
    """The files, parsed and indexed."""
    return parsed(FILES)


def the_past() -> LayPast:
    """Lays the three commits over a view."""
    table, commits = build_table(CHANGES), messages(CHANGES)
    return lambda view: past_at(table, commits, np.ones(3, dtype=bool), commit_id(2), view)


def found(snapshot: MadeSnapshot, text: str) -> Localisation:
    """What an issue's text leads to."""
    return localised(Localiser(snapshot.target, the_past(), general_ranker(), top=10), text)


def localised(localiser: Localiser, text: str) -> Localisation:
    """Suspects, tests and documentation together."""
    issue = read_issue(text)
    suspects = localiser.suspects(issue)
    tests, docs = localiser.apart(issue)
    return replace(suspects, tests=tests, docs=docs)


def test_a_file_that_defines_what_the_title_names_comes_first(snapshot: MadeSnapshot) -> None:
    """And the reason says so."""
    first = found(snapshot, "price_of is wrong for heavy parcels").suspects[0]
    assert first.path == "parcels/prices.py"
    assert any(r.kind is ReasonKind.MENTION and "price_of" in r.text for r in first.reasons)
    assert first.functions[0].symbol == "price_of"


def test_words_that_only_a_past_message_holds_lead_to_the_file_it_changed(snapshot: MadeSnapshot) -> None:
    """No file says holiday, but a fix of deliveries on holidays changed the routes."""
    first = found(snapshot, "Nothing is delivered on holidays").suspects[0]
    assert first.path == "parcels/routes.py"
    assert [r.commit for r in first.reasons if r.kind is ReasonKind.PAST_FIX] == [commit_id(1)]


def test_of_a_traceback_the_frame_nearest_the_error_counts_most(snapshot: MadeSnapshot) -> None:
    """Paths before the repository's own do not matter."""
    text = (
        "It crashes\n\n```\nTraceback (most recent call last):\n"
        '  File "/home/me/site/parcels/labels.py", line 3, in print_label\n    put_away(parcel, None)\n'
        '  File "/home/me/site/parcels/storage/shelves.py", line 2, in put_away\n    shelf.append(parcel)\n'
        "AttributeError: 'NoneType' object has no attribute 'append'\n```\n"
    )
    view = role_view(snapshot.target.view, FileRole.SOURCE)
    counted = mentions(read_issue(text), view)["mention:frames"].tolist()
    frames = dict(zip(view.files.paths, counted, strict=True))
    assert frames["parcels/storage/shelves.py"] > frames["parcels/labels.py"] > 0
    assert frames["parcels/prices.py"] == 0
    suspects = {s.path: s for s in found(snapshot, text).suspects}
    assert suspects["parcels/storage/shelves.py"].reasons[0].kind is ReasonKind.TRACEBACK


def test_tests_and_documentation_are_kept_apart(snapshot: MadeSnapshot) -> None:
    """Each list holds files of its own role."""
    result = found(snapshot, "The price of a parcel is wrong")
    assert {s.role for s in result.suspects} == {FileRole.SOURCE}
    assert [s.path for s in result.tests] == ["tests/test_prices.py"]
    assert [s.path for s in result.docs] == ["docs/prices.md"]


def test_probabilities_fall_with_the_rank_and_are_probabilities(snapshot: MadeSnapshot) -> None:
    """From 0 to 1."""
    chances = [s.probability for s in found(snapshot, "The price of a parcel is wrong").suspects]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)


def test_without_a_past_words_alone_decide(snapshot: MadeSnapshot) -> None:
    """A plain folder has no history: suspects all the same, no similar commits."""
    result = localised(
        Localiser(snapshot.target, lambda _: None, general_ranker(), top=10), "price of a parcel"
    )
    assert result.suspects[0].path == "parcels/prices.py"
    assert result.similar_commits == ()


@pytest.mark.parametrize("text", ["", " \n\n", "the of and", "\x00\x01\x02", "?" * 1000])
def test_an_issue_without_words_has_no_suspects_and_no_confidence(snapshot: MadeSnapshot, text: str) -> None:
    """That is a result, not an error."""
    result = found(snapshot, text)
    assert result.suspects == ()
    assert result.confidence == 0


def test_words_are_told_as_the_issue_writes_them(snapshot: MadeSnapshot) -> None:
    """Not as stems."""
    reasons = found(snapshot, "addresses are misprinted on each label").suspects[0].reasons
    told = next(r.text for r in reasons if r.kind is ReasonKind.WORDS)
    assert "addresses" in told


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("see parcels/storage/shelves.py", "parcels/storage/shelves.py"),
        ("import parcels.storage.shelves", "parcels/storage/shelves.py"),
        ("parcels.storage.shelves.put_away fails", "parcels/storage/shelves.py"),
        ("parcels.storage is slow", "parcels/storage/__init__.py"),
    ],
)
def test_a_written_path_or_module_means_one_file(snapshot: MadeSnapshot, written: str, path: str) -> None:
    """Whatever comes after the module in a dotted name."""
    view = role_view(snapshot.target.view, FileRole.SOURCE)
    features = mentions(read_issue(written), view)
    named = features["mention:path"] + features["mention:module"]
    assert view.files.paths[int(np.argmax(named))] == path
    assert named.max() > 0.5


def test_the_columns_are_values_shares_and_inverse_ranks(snapshot: MadeSnapshot) -> None:
    """In this order, a row per candidate."""
    view = role_view(snapshot.target.view, FileRole.SOURCE)
    listed = candidates(read_issue("price of a parcel"), view, the_past()(view))
    columns = columns_of(listed, ("file:all",))
    assert columns.shape == (len(listed.files), 3)
    best = int(np.argmax(columns[:, 0]))
    assert columns[best, 1] == 1
    assert columns[best, 2] == 1
    assert sorted(np.round(1 / columns[:, 2], 3)) == list(range(1, len(listed.files) + 1))


def test_a_ranker_of_another_format_or_with_unknown_features_is_refused(snapshot: MadeSnapshot) -> None:
    """Each with what to do."""
    with pytest.raises(IndexFormatMismatch, match="loccit tune"):
        parse_ranker({"format": 99})
    with pytest.raises(IndexBroken):
        parse_ranker({"format": 1, "features": []})
    view = role_view(snapshot.target.view, FileRole.SOURCE)
    with pytest.raises(IndexFormatMismatch, match="tomorrow"):
        columns_of(candidates(read_issue("price"), view, None), ("tomorrow",))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_any_text_at_all_is_an_issue(text: str) -> None:
    """Nothing in it is an error, and the same text gives the same suspects."""
    snapshot = parsed(FILES)
    once, again = found(snapshot, text), found(snapshot, text)
    assert once == again
