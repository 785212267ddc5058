"""The canonical form: RFC 8785 as the library of that name writes it, to the byte, and with its errors."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from loccit.core.documents import canonical

_EDGES = [2**53 - 1, -(2**53) + 1, 2**53, 1e15, 9007199254740993.0, 1e16, 1e21, 1e22]
_NUMBERS = st.integers() | st.floats() | st.sampled_from([*_EDGES, *(-edge for edge in _EDGES)])
# As confidences and scores are: many of the small ones are written with an exponent by Python alone.
_SCORES = st.integers(0, 10**6).map(lambda millionths: round(millionths / 10**6, 6))
_TEXTS = st.text() | st.text(st.characters(max_codepoint=0x9F)) | st.text(st.characters(categories=["Cs"]))
_SCALARS = st.none() | st.booleans() | _NUMBERS | _SCORES | _TEXTS
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inside: (
        st.lists(inside) | st.lists(inside).map(tuple) | st.dictionaries(_TEXTS, inside, max_size=6)
    ),
    max_leaves=30,
)


def _written(write: Any, document: Any) -> bytes | tuple[type[Exception], str]:
    try:
        return write(document)
    except ValueError as error:
        return type(error), str(error)


@given(_DOCUMENTS)
@example(0.0)
@example(-0.0)
@example(1e-05)
@example(0.0001)
@example(1e-07)
@example(5e-324)
@example(math.nan)
@example([math.inf])
@example("\x00\x1f\x7f\x80 \u2028\u2029\\/\"'<>&")
@example({"\ue000": 1, "\U00010000": 2, "é": 3, "e": 4})
@example({"b": {"z": 1.0, "a": [True, False, None, 1, 0]}, "a": ()})
def test_the_canonical_form_is_that_of_rfc_8785(document: Any):
    assert _written(canonical, document) == _written(rfc8785.dumps, document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_written_as_rfc_8785_has_it(number: float):
    assert canonical(number) == rfc8785.dumps(number)


class _Colour(StrEnum):
    RED = "rosso"


class _Count(int):
    def __str__(self) -> str:
        return "many"

    __repr__ = __str__


@pytest.mark.parametrize(
    "value", [_Colour.RED, _Count(3), {_Colour.RED: 1}, [1.5, _Count(2**53)], {1: 2}, b""]
)
def test_what_only_resembles_json_is_left_to_the_definition(value: Any):
    assert _written(canonical, value) == _written(rfc8785.dumps, value)
