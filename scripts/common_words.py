"""Writes src/loccit/retrieval/common_words.json: in how many of some 180 Python packages and modules each
word occurs.

A question's words that most projects use say little about which project it is about; the file tells them from
the others. It is counted over the standard library and the packages of requirements/dev.txt, as `make
develop` installs them, without the projects on which ranking and abstention are measured. Words in fewer than
one in fifty are left out.
"""

from __future__ import annotations

import json
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from loccit.indexing.terms import stems, tokens, words_of

TARGET = Path(__file__).resolve().parent.parent / "src" / "loccit" / "retrieval" / "common_words.json"

# Projects of the development and the published evaluation sets, loccit itself, and what is no project.
_LEFT_OUT = re.compile(
    r"_?(astropy|django|flask|matplotlib|pylint|pytest|requests|seaborn|sklearn|sphinx|sqlfluff|streamlink|sympy|xarray"
    r"|loccit|idlelib|lib2to3|site-packages|test|turtledemo|__pycache__)(\.py)?|.*\.(dist-info|so|pth|txt)"
)
_LEAST_CHARS = 8_000
_MOST_CHARS = 3_000_000
_LEAST_SHARE = 0.02


def projects() -> Iterator[set[str]]:
    """The stems that each package or module holds."""
    for root in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")):
        for path in sorted(Path(root).iterdir()):
            if _LEFT_OUT.fullmatch(path.name):
                continue
            words: set[str] = set()
            size = 0
            for text in _texts(path):
                size += len(text)
                words.update(word for token in set(tokens(text)) for word in words_of(token))
                if size > _MOST_CHARS:
                    break
            if size >= _LEAST_CHARS:
                yield set(stems(sorted(words)))


def _texts(path: Path) -> Iterator[str]:
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.suffix == ".py" else []
    for file in files:
        if {"test", "tests"} & set(file.parts):
            continue
        try:
            yield file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def main() -> int:
    """Count, write, and say what was written."""
    counts: Counter[str] = Counter()
    total = 0
    for held in projects():
        counts.update(held)
        total += 1
    kept = {stem: count for stem, count in sorted(counts.items()) if count >= _LEAST_SHARE * total}
    TARGET.write_text(
        json.dumps({"projects": total, "stems": kept}, ensure_ascii=False, separators=(",", ":")) + "\n",
        encoding="utf-8",
    )
    print(f"{len(kept):,} stems of {total} projects: {TARGET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
