"""What is told of each candidate: names that are marked as code, and files near strong ones."""

from __future__ import annotations

import numpy as np
import pytest

from loccit.core.source import FileRole
from loccit.retrieval.features import candidates
from loccit.retrieval.issue_text import read_issue
from loccit.retrieval.localise import role_view
from tests.unit.retrieval.snapshots import parsed

FILES = {
    "parcels/case.py": "class Case:\n    def weigh(self, parcel):\n        return parcel.weight\n",
    "parcels/van.py": "class Van:\n    def load(self, parcel):\n        self.parcels.append(parcel)\n",
    "parcels/store.py": "class Store:\n    def load(self, parcel):\n        self.shelf = parcel\n",
    "parcels/routing_table.py": "def shortest(places):\n    return sorted(places)\n",
    "parcels/desk.py": "from parcels.routing_table import shortest\ndef plan(tour): return shortest(tour)\n",
    "parcels/till.py": "def pay(sum):\n    return sum\n",
}


def told(text: str, name: str) -> dict[str, float]:
    """The feature of each candidate, by its path."""
    found = candidates(read_issue(text), role_view(parsed(FILES).target.view, FileRole.SOURCE), None)
    values = found.values[:, found.names.index(name)].tolist()
    return {names[0]: value for names, value in zip(found.former, values, strict=True) if value}


@pytest.mark.parametrize("text", ["Case() fails for two parcels", "`case` fails for two parcels"])
def test_a_plain_word_that_is_marked_as_code_means_what_is_defined(text: str) -> None:
    """As a call or between backquotes; the same word in prose does not."""
    assert told(text, "mention:marked") == told(text, "mention:marked:title") == {"parcels/case.py": 1.0}
    assert not told("In this case two parcels fail", "mention:marked")


def test_what_only_the_text_marks_is_not_marked_in_the_title() -> None:
    """The title says more."""
    text = "Two parcels fail\n\nSee `case`."
    assert told(text, "mention:marked") == {"parcels/case.py": 1.0}
    assert not told(text, "mention:marked:title")


def test_a_name_with_its_owner_means_that_owners_file() -> None:
    """Although another file defines the name too, or even the owner elsewhere."""
    assert told("`Van.load` fails", "mention:qualified") == {"parcels/van.py": 1.0}
    by_name = told("`Van.load` fails", "mention:marked")
    assert 0 < by_name["parcels/store.py"] < by_name["parcels/van.py"]
    assert not told("`Van.weigh` fails", "mention:qualified")


def test_a_file_is_near_the_strong_ones_that_import_it_and_that_it_imports() -> None:
    """One way each, and never near itself."""
    asked = "The plan of a tour at the desk, and the shortest places"
    assert list(told(asked, "near:named")) == ["parcels/routing_table.py"]
    assert list(told(asked, "near:names")) == ["parcels/desk.py"]


def test_an_issue_without_candidates_has_rows_of_none() -> None:
    """Every column is there all the same."""
    found = candidates(read_issue(""), role_view(parsed(FILES).target.view, FileRole.SOURCE), None)
    assert found.values.shape == (0, len(found.names))
    assert not np.isnan(found.values).any()
