"""Writes the published schema of policy files and the page of their keys; `--check` only compares."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loccit.policy.policy_file import json_schema

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
SCHEMA = REFERENCE / "loccit-policy-1.schema.json"
PAGE = REFERENCE / "policy-file.md"

_HEAD = """\
# Policy files

<!-- Written by `make docs` from the code's own words: change them there. -->

TOML, in UTF-8, format `loccit-policy/1`. Unknown keys, and values of other types, are refused with their
place. The [JSON Schema](loccit-policy-1.schema.json) is of the same keys. How to write one:
[write a policy](../how-to/write-a-policy.md).
"""
# Where each table stands in a file, in the order of the page.
_TABLES = {
    "": "The file",
    "ToolRule": "`[tools.NAME]`",
    "ArgumentRule": "`[tools.NAME.arguments.NAME]`",
    "Results": "`[tools.NAME.results]`",
    "Directory": "`[directories.NAME]`",
    "FileRules": "`[files]`",
    "ContentRules": "`[content]`",
}


def generated() -> dict[Path, str]:
    """What both files should hold."""
    schema = json_schema()
    sections = [_section(title, schema["$defs"][name] if name else schema) for name, title in _TABLES.items()]
    return {
        SCHEMA: json.dumps(schema, ensure_ascii=False, indent=2) + "\n",
        PAGE: "\n".join([_HEAD, *sections]),
    }


def _section(title: str, table: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_default(name, each, table)} | {_told(each)} |"
        for name, each in table["properties"].items()
    ]
    about = "" if title == "The file" else f"{_words(table.get('description', ''))}\n\n"
    return "\n".join([f"## {title}\n", f"{about}| key | default | |", "|---|---|---|", *rows, ""])


def _default(name: str, each: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    if name in table.get("required", ()):
        return "required"
    default = each.get("default")
    return "" if default in (None, "", [], {}) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _told(each: Mapping[str, Any]) -> str:
    return _words(each.get("description", "")).replace("|", "\\|")


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def main() -> int:
    """Write both files, or with `--check` say whether they are the code's."""
    if "--check" in sys.argv[1:]:
        return int(any(path.read_text("utf-8") != text for path, text in generated().items()))
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
