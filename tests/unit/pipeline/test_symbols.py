"""Where a name is defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit import Loccit
from loccit.core.errors import InputError, NotIndexed
from tests.repositories import make_repository

_BODY = "".join(f"        self.total += rates[{n}] * weights[{n}]\n" for n in range(20))
FILES = {
    "post/parcel.py": f'''"""Parcels."""

MOST_KG = 30
LEAST_KG = 0.1


class Parcel:
    """What is sent."""

    def price(self, rates, weights):
        """What it costs."""
        self.total = 0
{_BODY}        return self.total

    @property
    # How heavy it is.
    def weight(self):
        """Its weight."""
{_BODY}        return self.kg


def price_of_all(parcels):
    """All of them together."""
    total = 0
{_BODY.replace("        ", "    ")}    return total
''',
    "post/letter.py": f'''"""Letters."""


class Letter:
    """Lighter."""

    def price(self, rates, weights):
        """What it costs."""
        self.total = 0
{_BODY}        return self.total
''',
    "tests/test_parcel.py": f'''"""Tests."""


def price(parcel):
    """A helper of tests."""
    self = parcel
{_BODY.replace("        ", "    ")}    return self.total
''',
    "docs/price.md": "# Price\n\nThe price is what a parcel costs.\n\n## MOST_KG\n\nThirty.\n",
    "web/parcel.js": "export function parcelLabel(parcel) {\n  return parcel.label;\n}\n",
}


OF_ALL = FILES["post/parcel.py"].split("\n").index("def price_of_all(parcels):") + 1


@pytest.fixture(scope="module")
def loccit(tmp_path_factory: pytest.TempPathFactory) -> Loccit:
    """A repository with a few definitions."""
    folder = tmp_path_factory.mktemp("symbols")
    loccit = Loccit(folder / "home")
    make_repository(folder / "post", [{"files": FILES, "message": "Begin"}])
    loccit.index(folder / "post", history=False)
    return loccit


def line_of(path: str, text: str) -> int:
    return FILES[path].split("\n").index(text) + 1


def found(loccit: Loccit, name: str, **options: int) -> list[tuple[str, str, int, str]]:
    return [(d.symbol, d.place.path, d.line, d.match) for d in loccit.find_symbol(name, **options)]


def test_a_qualified_name_is_found_first_and_alone_among_the_exact(loccit: Loccit):
    assert found(loccit, "Parcel.price") == [("Parcel.price", "post/parcel.py", 10, "exact")]
    assert found(loccit, "Parcel::price") == found(loccit, "Parcel.price()") == found(loccit, "Parcel.price")


def test_a_last_name_is_found_wherever_it_is_defined_sources_before_tests(loccit: Loccit):
    names = found(loccit, "price")
    assert names[:3] == [
        ("Letter.price", "post/letter.py", 7, "exact"),
        ("Parcel.price", "post/parcel.py", 10, "exact"),
        ("price", "tests/test_parcel.py", 4, "exact"),
    ]
    assert names[3] == ("price_of_all", "post/parcel.py", OF_ALL, "prefix")


def test_exact_names_come_before_those_that_begin_so_before_those_that_hold_it(loccit: Loccit):
    matches = [match for *_, match in found(loccit, "par")]
    assert matches == sorted(matches, key=["exact", "prefix", "substring"].index)
    assert found(loccit, "of_all") == [("price_of_all", "post/parcel.py", OF_ALL, "substring")]


def test_case_is_forgiven_where_nothing_else_is_called_so(loccit: Loccit):
    assert found(loccit, "parcel")[0] == ("Parcel", "post/parcel.py", 7, "exact")
    assert found(loccit, "parcellabel")[0][:2] == ("parcelLabel", "web/parcel.js")


def test_what_stands_in_one_chunk_with_others_is_found_by_its_whole_name(loccit: Loccit):
    (most,) = loccit.find_symbol("MOST_KG")
    assert (most.symbol, most.head, most.place.start_line, most.place.end_line) == (
        "MOST_KG",
        "MOST_KG = 30",
        3,
        3,
    )


def test_the_place_is_the_whole_definition_with_what_stands_above_it(loccit: Loccit):
    (weight,) = loccit.find_symbol("Parcel.weight")
    lines = FILES["post/parcel.py"].split("\n")
    assert weight.line == line_of("post/parcel.py", "    def weight(self):")
    assert lines[weight.place.start_line - 1] == "    @property"
    assert lines[weight.place.end_line - 1].strip() in {"return self.kg", ""}
    data = FILES["post/parcel.py"].encode()[weight.place.start_byte : weight.place.end_byte]
    assert data.startswith(b"    @property")
    (parcel,) = (d for d in loccit.find_symbol("Parcel") if d.symbol == "Parcel")
    assert parcel.place.start_line == 7
    assert parcel.place.end_line >= weight.place.end_line


def test_a_module_before_the_name_is_taken_for_its_path(loccit: Loccit):
    assert found(loccit, "post.letter.Letter")[0] == ("Letter", "post/letter.py", 4, "exact")
    assert found(loccit, "post.letter.price")[0][:2] == ("Letter.price", "post/letter.py")


def test_headings_are_no_definitions(loccit: Loccit):
    assert all(path != "docs/price.md" for _, path, *_ in found(loccit, "price", limit=50))


def test_the_limit_holds_and_what_is_no_name_is_refused(loccit: Loccit):
    assert len(loccit.find_symbol("price", limit=2)) == 2
    assert loccit.find_symbol("nothing_of_this_name") == ()
    assert loccit.find_symbol("no.such.thing") == ()
    for name in ("", " ", "..", "a\nb", "x" * 400):
        with pytest.raises(InputError):
            loccit.find_symbol(name)
    with pytest.raises(InputError):
        loccit.find_symbol("price", limit=0)
    with pytest.raises(NotIndexed):
        loccit.find_symbol("price", repos=["nowhere"])


def test_only_what_is_at_the_revision_is_found(tmp_path: Path):
    loccit = Loccit(tmp_path / "home")
    make_repository(
        tmp_path / "moves",
        [
            {"files": {"old.py": "def once():\n    return 1\n"}},
            {"files": {"old.py": None, "new.py": "def now():\n    return 2\n"}},
        ],
    )
    loccit.index(tmp_path / "moves", history=False)
    assert loccit.find_symbol("once") == ()
    assert [d.place.path for d in loccit.find_symbol("once", rev="HEAD~1")] == ["old.py"]
    narrowed = loccit.only(frozenset({"moves"}))
    assert [d.place.path for d in narrowed.find_symbol("now")] == ["new.py"]
    with pytest.raises(NotIndexed):
        loccit.only(frozenset()).find_symbol("now")
