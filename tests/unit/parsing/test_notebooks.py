"""Notebooks: cells at the places that they have in the file's own bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loccit.core.chunks import ChunkKind
from loccit.parsing import ParsingOptions, parse
from tests.unit.parsing.tiling import check_tiling

CODE = {
    "cell_type": "code",
    "metadata": {},
    "outputs": [{"output_type": "stream", "text": ["line\n"] * 40}],
    "source": ["def load():\n", "    pass\n", "class Loan: ...\n", "# " + "é" * 120],
}
HEADING = {"cell_type": "markdown", "metadata": {}, "source": "## Part " + "of it " * 40}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.mark.parametrize("indent", [1, None], ids=["indented", "one line"])
@pytest.mark.parametrize("is_sorted", [True, False], ids=["outputs first", "source first"])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_each_cell_has_a_chunk_and_large_outputs_are_text(
    indent: int | None, is_sorted: bool, is_ascii: bool
) -> None:
    """However the JSON is written, a cell's chunk holds its source, and its outputs are beside it."""
    cell = CODE if is_sorted else {key: CODE[key] for key in ("cell_type", "source", "outputs")}
    data = json.dumps(notebook(HEADING, cell, HEADING), indent=indent, ensure_ascii=is_ascii).encode()
    parsed = parse(data, language="notebook", options=ParsingOptions(min_chunk_bytes=100))
    check_tiling(parsed, data)
    kinds = [chunk.kind for chunk in parsed.chunks]
    code = [ChunkKind.TEXT, ChunkKind.CELL] if is_sorted else [ChunkKind.CELL, ChunkKind.TEXT]
    assert kinds == [ChunkKind.CELL, *code, ChunkKind.CELL]
    outputs = parsed.chunks[kinds.index(ChunkKind.TEXT)]
    assert data[outputs.start_byte : outputs.end_byte].count(b'"line\\n"') == 40
    assert [chunk.defines for chunk in parsed.chunks if chunk.defines] == [("load", "Loan")]


def test_the_trail_of_headings_goes_on_through_the_cells() -> None:
    """A cell's symbol is what a reader sees above it."""
    cells = [
        dict(HEADING, source=["# A\n", "x" * 300]),
        CODE,
        dict(HEADING, source="## B\n" + "x" * 300),
        CODE,
    ]
    parsed = parse(json.dumps(notebook(*cells)).encode(), language="notebook")
    assert [chunk.symbol for chunk in parsed.chunks if chunk.kind is ChunkKind.CELL] == [
        "A",
        "A",
        "A > B",
        "A > B",
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"cells": []}',
        b'{"cells": 3}',
        b'{"cells": [{"cell_type": "code"}',
        json.dumps(notebook(CODE)).encode()[:-1],
        b'{"cells": [' + b"[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_cut_as_text(data: bytes) -> None:
    """Broken JSON, another shape, and nesting that JSON readers give up on."""
    parsed = parse(data, language="notebook")
    assert parsed.is_partial
    assert {chunk.kind for chunk in parsed.chunks} == {ChunkKind.TEXT}
    check_tiling(parsed, data)


def test_cells_of_odd_shape_do_no_harm() -> None:
    """Numbers among the cells, sources of other types, members in another order."""
    odd = [1, {"source": [1, "a"]}, {"outputs": "x" * 500, "source": None, "cell_type": 7}]
    data = json.dumps({"nbformat": 4, "cells": odd}).encode()
    check_tiling(parse(data, language="notebook"), data)
