"""Writes the published schema of the fix format; `--check` only says if it is current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loccit.core.fixes import json_schema

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "reference" / "loccit-fix-1.schema.json"


def main(arguments: list[str]) -> int:
    """Write the schema, or say that it is old."""
    text = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    if arguments == ["--check"]:
        return 0 if SCHEMA.read_text(encoding="utf-8") == text else 1
    SCHEMA.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
