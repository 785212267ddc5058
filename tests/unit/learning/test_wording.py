"""Sentences that people wrote become questions, or none at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.learning.wording import (
    first_sentence,
    question_of_change,
    question_of_docstring,
    question_of_heading,
    speaks_of_upkeep,
)


@pytest.mark.parametrize(
    ("said", "question"),
    [
        (
            "Create a label for each heavy parcel.\n\nMore of it.",
            "Where does the code make a label for each heavy parcel?",
        ),
        (
            "Creates a label and returns the parcel that has it.",
            "Where does the code make a label and return the parcel that has it?",
        ),
        (
            "Return the price of a parcel (in cents), with tax.",
            "Which function gives the price of a parcel, with tax?",
        ),
        ("Parse the ``zone`` of an address. Slow.", "Where does the code read the zone of an address?"),
        ("Weigh the parcel on the left scales.", "Where does the code weigh the parcel on the left scales?"),
        (
            "True if the parcel contains something fragile.",
            "Which function tells whether the parcel has something fragile?",
        ),
        (
            "Called when a courier leaves the depot.",
            "Which function is called when a courier leaves the depot?",
        ),
        (
            "The rate of a :class:`~parcels.Zone` in a year.",
            "Which function gives the rate of a Zone in a year?",
        ),
        (
            "A shelf for parcels that nobody fetched.",
            "Which function is a shelf for parcels that nobody fetched?",
        ),
        (
            "This function is called at the end of each day.",
            "Which function is called at the end of each day?",
        ),
    ],
)
def test_a_docstring_of_a_function_becomes_a_question(said: str, question: str) -> None:
    """Verbs are exchanged for others, markup and asides are gone, only the first sentence counts."""
    assert question_of_docstring(said, is_class=False) == question


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Represents a parcel on its way home.", "Which class stands for a parcel on its way home?"),
        ("Base for everything that can be sent.", "Which class is a base for everything that can be sent?"),
        ("A class that weighs every kind of parcel.", "Which class weighs every kind of parcel?"),
        ("Class used to stamp the letters quickly.", "Which class is used to stamp the letters quickly?"),
    ],
)
def test_a_docstring_of_a_class_asks_for_the_class(said: str, question: str) -> None:
    assert question_of_docstring(said, is_class=True) == question


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Too short.",
        "See the other function for what this does.",
        "Deprecated since version two, use another one.",
        "If the parcel is heavy, this is called.",
        "The parcel is weighed and then sent away.",
        "Options for the parcels in the depot here.",
        "Return x >>> 3 of the given parcel today.",
        "Return the {thing} of the given parcel today.",
        "does lower case work here at all, friend?",
        "Return the a of the b in the c.",
        " ".join(["Return the price of the parcel and"] * 8),
    ],
)
def test_what_says_too_little_or_has_no_known_form_becomes_none(said: str) -> None:
    assert question_of_docstring(said, is_class=False) == ""


@pytest.mark.parametrize(
    ("heading", "page", "question"),
    [
        ("Sending Heavy Parcels", "Guide", "How does sending heavy parcels work?"),
        ("How to Send Parcels", "Guide", "How do I send parcels?"),
        ("Configure the Depot", "", "How do I configure the depot?"),
        ("Upload Progress Bars", "", "What does the documentation say about upload progress bars?"),
        ("Postal Zones", "The Guide", "What does the documentation say about postal zones, under the guide?"),
        ("Zones and their Rates", "Guide", "What does the documentation say about zones and their rates?"),
        ("Why does it rain so much?", "Guide", "Why does it rain so much?"),
        ("Working with Celery", "Guide", "How does working with Celery work?"),
        ("Version 2.1 of Parcels", "Guide", ""),
        ("Parcels", "Guide", ""),
        ("API", "", ""),
    ],
)
def test_a_heading_becomes_a_question(heading: str, page: str, question: str) -> None:
    """Names keep their capital where the text has them so amid a sentence."""
    text = f"{heading}\n=====\n\nParcels are sent. They go to Celery by night."
    assert question_of_heading(heading, page, text) == question


@pytest.mark.parametrize(
    ("subject", "question"),
    [
        (
            "Fixed crash for parcels without weight.",
            "What was changed to fix crash for parcels without weight?",
        ),
        ("Add zones to labels", "What was changed to add zones to labels?"),
        ("Allows empty parcels via the desk", "What was changed to allow empty parcels through the desk?"),
        ("Stopped weighing letters", "What was changed to stop weighing letters?"),
        ("Don't weigh letters twice", "What was changed so that the code does not weigh letters twice?"),
        ("Parcels", ""),
        ("Parcels and letters again", ""),
    ],
)
def test_a_subject_of_a_commit_becomes_a_question(subject: str, question: str) -> None:
    assert question_of_change(subject) == question


def test_upkeep_is_told_from_faults() -> None:
    assert speaks_of_upkeep("fix mypy findings")
    assert speaks_of_upkeep("Fixed typo in a comment")
    assert not speaks_of_upkeep("Fixed crash for parcels without weight")


def test_a_sentence_ends_where_it_ends() -> None:
    """Not within `e.g.`, nor where a name has a dot; a paragraph ends one too."""
    assert first_sentence("Weigh e.g. letters, in parcels.desk now. Then go.") == (
        "Weigh e.g. letters, in parcels.desk now"
    )
    assert first_sentence("Weigh letters\n  slowly\n\nThen go.") == "Weigh letters slowly"


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_taken(text: str, is_class: bool) -> None:
    """What becomes a question ends as one, on one line."""
    for made in (
        question_of_docstring(text, is_class=is_class),
        question_of_heading(text, text, text),
        question_of_change(text),
    ):
        assert not made or (made.endswith("?") and "\n" not in made)
