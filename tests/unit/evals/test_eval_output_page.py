"""docs/reference/eval-output.md names the keys that are printed, no more and no fewer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from loccit.cli.evals.improve import document as improvement_document
from loccit.evals import compare, gate, summary
from loccit.learning.improve import Improvement
from tests.unit.evals.made_logs import made_log

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "eval-output.md"
MARGIN = gate.parse_margin("failed=0.01")


def printed() -> dict[str, Any]:
    log = made_log(40)
    nothing = Improvement({}, 0, 0, (), (), 0.95, "")
    return {
        "loccit-eval-summary/1": summary.document(log),
        "loccit-comparison/1": compare.document(compare.compare(log, log)),
        "loccit-gate/1": gate.document(gate.gate(log, log, [MARGIN])),
        "loccit-improvement/1": {**improvement_document(nothing), "lesson": None, "applied": False},
    }


@pytest.mark.parametrize("name", printed())
def test_every_key_is_documented(name: str) -> None:
    section = PAGE.read_text().split(f"## `{name}`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    documented = [key for row in rows for key in re.findall(r"`([^`]+)`", row)]
    assert sorted(documented) == sorted(printed()[name])
    assert printed()[name]["format"] == name
