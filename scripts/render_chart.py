"""Render the Helm chart for the tests: tests/golden/chart/NAME.values.yaml -> NAME.yaml.

Needs Helm's own engine, as nothing else here does: `pip install helm-python-sdk pyyaml` into an environment
of its own, then run this with that environment's Python. The first line of each file is a digest of the chart
and the values; a test fails where it is not that of the present ones.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm" / "loccit"
GOLDEN = ROOT / "tests" / "golden" / "chart"


def digest_of(values: Path) -> str:
    """SHA-256 over the names and bytes of the chart's files, then the values."""
    made = hashlib.sha256()
    for path in sorted(path for path in CHART.rglob("*") if path.is_file()):
        made.update(path.relative_to(CHART).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    made.update(values.read_bytes())
    return made.hexdigest()


def render(values: Path) -> str:
    """The manifests, by template. Helm checks the values against the chart's schema first."""
    import helm_python  # the tests, which have no Helm, load this module for its digest

    chosen: dict[str, Any] = yaml.safe_load(values.read_text()) or {}
    with helm_python.Chart.load(str(CHART)) as chart:
        chart.validate_schema(chosen)
        made: dict[str, str] = chart.render(chosen, name="team", namespace="tools")
    parts = [f"# sha256 {digest_of(values)}\n"]
    for template, text in sorted(made.items()):
        if text.strip() and template.endswith(".yaml"):
            parts.append(f"---\n# {template.removeprefix('loccit/')}\n{text.strip()}\n")
    return "".join(parts)


if __name__ == "__main__":
    for values in sorted(GOLDEN.glob("*.values.yaml")):
        (GOLDEN / values.name.replace(".values", "")).write_text(render(values))
