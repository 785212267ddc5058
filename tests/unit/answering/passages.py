"""Passages as a model is given them, made up for tests."""

from __future__ import annotations

from loccit.core.evidence import Passage, Place


def passage(
    text: str,
    *,
    id: str = "aaaaaa",
    path: str = "src/a.py",
    start: int = 0,
    symbol: str = "",
    encoding: str = "utf-8",
) -> Passage:
    size = len(text.encode(encoding))
    place = Place("repo", "c" * 40, "t" * 40, path, "b" * 40, start, start + size, 1, 1 + text.count("\n"))
    return Passage(id, place, symbol, encoding, text)
