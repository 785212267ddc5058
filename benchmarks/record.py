"""Keeps what the benchmarks measured, and writes docs/benchmarks.md from it, so that the two are the same.

`python -m benchmarks NAME --save` keeps a run as benchmarks/results/NAME.json and writes the page again,
`python -m benchmarks.record` writes the page from what is kept, `--check` only says whether it is up to date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
MARK = "<!-- Below: written by `python -m benchmarks.record` from benchmarks/results, not by hand. -->"

# What was measured on what: it stands in one line above the figures.
_ORIGIN = (
    "benchmark",
    "loccit",
    "commit",
    "python",
    "system",
    "processor",
    "cores",
    "memory_gb",
    "measured_on",
)

Row = tuple[str, ...]


def save(figures: Mapping[str, Any]) -> None:
    """Keep a run in place of the one before it, and write the page again."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(figures, ensure_ascii=False, indent=2) + "\n"
    (RESULTS / f"{figures['benchmark']}.json").write_text(text, encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), RESULTS), encoding="utf-8")


def page(now: str, results: Path) -> str:
    """The whole page: what people wrote above the mark of the page as it is now, and the kept figures."""
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    sections = [_overview(kept), *map(_section, kept)] if kept else ["None are kept yet.\n"]
    return "\n".join([now.partition(MARK)[0].rstrip("\n") + "\n", MARK, "", "## Results", "", *sections])


def _overview(kept: Sequence[Mapping[str, Any]]) -> str:
    """Every figure that has a target, and whether it is reached."""
    rows = [
        (f"[{figures['benchmark']}](#{figures['benchmark']})", name, *_judged(figure))
        for figures in kept
        for name, figure in _leaves(figures)
        if isinstance(figure, dict)
    ]
    met = sum(row[-1] == "yes" for row in rows)
    return f"{met} of {len(rows)} targets met.\n\n" + _table(
        ("benchmark", "figure", "measured", "target", "met"), rows
    )


def _section(figures: Mapping[str, Any]) -> str:
    """One benchmark: where it was measured, its single figures, its tables."""
    origin = ", ".join(
        f"{_words(name)} {figures[name]}" for name in _ORIGIN[1:] if figures.get(name) is not None
    )
    own = {name: value for name, value in figures.items() if name not in _ORIGIN}
    single = [(name, *_judged(value)) for name, value in _leaves(own)]
    parts = [f"### {figures['benchmark']}\n", f"{origin}.\n"]
    parts.append(_table(("figure", "measured", "target", "met"), single))
    parts += [f"{_words(name)}:\n\n{_table(*_grid(value))}" for name, value in _tables(own) if value]
    return "\n".join(parts)


def _leaves(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Single figures with the words of their names: numbers, texts, short lists, judged ones as they are."""
    for name, value in figures.items():
        words = f"{above}{_words(name)}"
        if _is_table(value):
            continue
        if isinstance(value, dict) and "met" not in value:
            yield from _leaves(value, f"{words}: ")
        else:
            yield words, value


def _tables(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if _is_table(value):
            yield f"{above}{name}", value
        elif isinstance(value, dict):
            yield from _tables(value, f"{above}{name}: ")


def _is_table(value: Any) -> bool:
    """A list of records, or records by name."""
    rows = list(value.values()) if isinstance(value, dict) else value
    return isinstance(rows, list) and bool(rows) and all(isinstance(r, dict) and "met" not in r for r in rows)


def _grid(value: Any) -> tuple[Row, list[Row]]:
    """Head and rows of a table; the first column is the name, where records have one."""
    records = list(value.values()) if isinstance(value, dict) else value
    columns = list(dict.fromkeys(name for record in records for name in record))
    head = tuple(_words(column) for column in columns)
    rows = [tuple(_text(record.get(column)) for column in columns) for record in records]
    if isinstance(value, dict):
        return ("", *head), [(name, *row) for name, row in zip(value, rows, strict=True)]
    return head, rows


def _judged(figure: Any) -> Row:
    """Measured, target, met."""
    if not isinstance(figure, dict):
        return _text(figure), "", ""
    measured = _text(figure["value"])
    if "tried" in figure:
        measured += f" ({figure['caught']:,} of {figure['tried']:,})"
    met = {True: "yes", False: "**no**", None: "not measured"}[figure["met"]]
    return measured, figure.get("target", ""), met


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _judged(value)[0] if "met" in value else " ".join(map(_text, value.values()))
    if isinstance(value, list):
        return ("–" if _is_interval(value) else ", ").join(map(_text, value)) or "none"
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)


def _is_interval(value: list[Any]) -> bool:
    return len(value) == 2 and all(isinstance(end, float) for end in value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )


def main() -> int:
    """Write the page, or say whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 1 where the page is not up to date"
    )
    now = PAGE.read_text(encoding="utf-8")
    wanted = page(now, RESULTS)
    if not parser.parse_args().check:
        PAGE.write_text(wanted, encoding="utf-8")
    elif wanted != now:
        print(
            "docs/benchmarks.md is not what benchmarks/results gives: 'python -m benchmarks.record'",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
