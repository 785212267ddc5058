"""The room's front door: options that make sense, and imports that cost nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from loccit.core.errors import SettingsError
from loccit.parsing import PARSER_VERSION, ParsingOptions


@pytest.mark.parametrize(
    "values",
    [
        {"max_chunk_bytes": 63},
        {"min_chunk_bytes": -1},
        {"min_chunk_bytes": 2401},
        {"whole_class_bytes": 2401},
    ],
)
def test_impossible_sizes_are_refused(values: dict[str, int]) -> None:
    """The message names the value, and there is a next step."""
    with pytest.raises(SettingsError, match=repr(next(iter(values.values())))) as raised:
        ParsingOptions(**values)
    assert raised.value.next_step


def test_the_front_door_loads_no_grammar() -> None:
    """Search imports this room for `language_of`; a process that parses nothing pays for no parser."""
    program = "import sys, loccit.parsing as p; p.language_of('a.py'); print('tree_sitter' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "False\n"


def test_the_parser_has_a_version() -> None:
    """It is part of the blob cache's key, and counts from 1."""
    assert PARSER_VERSION >= 1
