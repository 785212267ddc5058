"""Passages that hold, word for word, what a question quotes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.retrieval.quoting import limited, literal_parts, quoting_first
from tests.unit.retrieval.snapshots import hits_of, parsed, paths_of

SHOP = "".join(
    f"def {verb}_order(order):\n    # what it takes to {verb} an order, told at some length: {'word ' * 40}\n"
    f"    return order.{verb}()\n\n\n"
    for verb in ("sell", "ship", "cancel")
)
FILES = {
    "a.py": "def check(order):\n    # order is empty, empty order is empty\n    return order.empty\n",
    "b.py": 'def refuse(order):\n    raise ValueError(f"order {order.number} is empty")\n',
    "c.py": "def other():\n    return 1\n",
}


def ordered(files: dict[str, str | bytes], text: str) -> tuple[list[str], list[str]]:
    """Paths before and after, best first."""
    snapshot = parsed(files)
    results = hits_of(snapshot, text)
    after = quoting_first(results.hits, results.query.quoted, snapshot.read)
    return paths_of(results), [hit.place.path for hit in after]


def test_the_passage_that_holds_a_quoted_text_comes_first() -> None:
    """The others keep their order behind it."""
    files = {
        "a.txt": "empty order empty order empty\n",
        "b.txt": "some lines\nwith an empty   order in them\n",
        "c.txt": "x\n",
    }
    before, after = ordered(files, 'where is "an empty order"')
    assert before == ["a.txt", "b.txt"]
    assert after == ["b.txt", "a.txt"]


def test_it_says_so_first_among_its_reasons() -> None:
    """In the question's own words."""
    snapshot = parsed(FILES)
    results = hits_of(snapshot, 'who raises "order 17 is empty"?')
    first = quoting_first(results.hits, results.query.quoted, snapshot.read)[0]
    assert first.reasons[0] == 'quotes "order 17 is empty"'


def test_a_placeholder_stands_for_what_an_error_fills_in() -> None:
    """Numbers and quoted values of a message are not in the source."""
    before, after = ordered(FILES, "ValueError: order 17 is empty")
    assert "b.py" in before
    assert after[0] == "b.py"


def test_a_message_that_is_written_in_several_strings_is_found() -> None:
    """Strings one below the other are one string."""
    files = {
        "a.py": "def f():\n    # cannot find the order book order book order\n    pass\n",
        "b.py": 'def g():\n    raise E(\n        "cannot find the "\n        f"order book"\n    )\n',
        "c.py": "x = 1\n",
    }
    _, after = ordered(files, "error: cannot find the order book")
    assert after[0] in {"a.py", "b.py"}
    assert len(after) == 2
    snapshot = parsed(files)
    results = hits_of(snapshot, "error: cannot find the order book")
    found = quoting_first(results.hits, results.query.quoted, snapshot.read)
    assert all(hit.reasons[0].startswith("quotes") for hit in found)


def test_other_case_is_another_text() -> None:
    """A quotation is literal."""
    before, after = ordered({"a.txt": "an Empty order\n", "b.txt": "other\n"}, 'where is "an empty order"')
    assert before == after


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_passages_are_read_in_their_encoding(encoding: str) -> None:
    """The quotation is text, the passage bytes."""
    files = {
        "a.txt": "größe fehlt fehlt\n",
        "b.txt": "die größe fehlt hier\n".encode(encoding),
        "c.txt": "x\n",
    }
    _, after = ordered(files, 'who says "die größe fehlt"')
    assert after[0] == "b.txt"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("no such order", ("no such order",)),
        ("no  such\torder", ("no such order",)),
        ("order 17 is empty", ("order", "is empty")),
        ("cannot import name 'shop' from 'mill'", ("cannot import name", "from")),
        ("object at 0x7fe3 is gone", ("object at", "is gone")),
        ("a 1 b 2", ("a 1 b 2",)),
        ("'a b'", ("'a b'",)),
        ("don't do that now", ("don't do that now",)),
    ],
)
def test_what_is_literal_in_a_message(text: str, parts: tuple[str, ...]) -> None:
    """What stands around filled-in values, where that is enough to know it by; else all of it."""
    assert literal_parts(text) == parts


@given(st.text(max_size=30))
def test_there_is_always_something_literal(text: str) -> None:
    """Or the text is blank; and nothing that a text does not hold is looked for."""
    flat = " ".join(text.split())
    parts = literal_parts(text)
    assert parts
    assert all(part in flat for part in parts)


def test_a_file_has_no_more_hits_than_it_may_have() -> None:
    """Its first ones, wherever they stand; commits have no path and are told apart by what they are."""
    snapshot = parsed({"a.py": SHOP, "b.py": "def sell():\n    return order\n"})
    hits = hits_of(snapshot, "order sell").hits
    assert len(hits) == 4
    once = limited(hits, 1)
    assert [hit.place.path for hit in once] == paths_of(hits_of(snapshot, "order sell"))
    assert limited(hits, 3) == list(hits)
    commits = [replace(h, place=replace(h.place, path="", object_id=str(n))) for n, h in enumerate(hits)]
    assert limited(commits, 1) == commits
