"""What an issue's template says is no part of what its author says."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.retrieval.boilerplate import without_boilerplate

TEMPLATE = """Describe the bug
Parcels vanish.

To Reproduce
Steps to reproduce the behavior:

Expected behavior
A clear and concise description of what you expected to happen.
They arrive.

Environment info
- OS: [e.g. Linux] Debian
- Python version: 3.8.2
something nobody needs

Additional context
_No response_"""
HEADINGS = ("Describe the bug", "To Reproduce", "Expected behavior", "Environment info", "Additional context")


def test_of_a_filled_in_template_only_what_was_written_is_left() -> None:
    """Headings, the template's own sentences and the whole section on the environment go."""
    left = without_boilerplate(TEMPLATE, HEADINGS)
    assert [line for line in left.split("\n") if line.strip()] == ["Parcels vanish.", "They arrive."]


def test_without_known_headings_lines_of_versions_go_all_the_same() -> None:
    """A list of versions is known by its lines."""
    text = "It fails.\nnumpy: 1.21.0\n- OS: Linux\npython 3.8.2\nscipy: None\nIt fails again."
    assert without_boilerplate(text) == "It fails.\nIt fails again."


@pytest.mark.parametrize(
    "line",
    [
        "The price of a parcel is 1.5 too high since yesterday's release of the prices.",
        "`ValueError: no such unit 2.0` is raised by convert(unit)",
        "def test_os(): return os.name",
        "version numbers are compared as text",
    ],
)
def test_what_a_person_says_of_versions_and_systems_stays(line: str) -> None:
    """Sentences and code that only mention such words are no boilerplate."""
    assert without_boilerplate(line) == line


@given(st.text(alphabet="ab:- .\n*#_1", max_size=200))
def test_what_is_left_are_lines_of_the_text_in_their_order(text: str) -> None:
    """Nothing is added, changed or moved."""
    lines = iter(text.split("\n"))
    left = without_boilerplate(text)
    assert left == "" or all(any(line == other for other in lines) for line in left.split("\n"))


@pytest.mark.parametrize("piece", ["a ", "- ", "x: ", "k: 1.2.", "(", "[e.g", "version "])
def test_hostile_texts_take_time_linear_in_their_length(piece: str) -> None:
    """A megabyte of anything is read in a moment."""
    text = (piece * 60 + "\n") * (1_000_000 // (60 * len(piece)))
    started = time.process_time()
    without_boilerplate(text)
    assert time.process_time() - started < 20
