"""docs/reference/mcp.md says what the tools are, and the set-up page shows configurations that are some."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from loccit.serving.mcp.schemas import schema_of
from loccit.serving.mcp.tools import TOOLS, Tool

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "reference" / "mcp.md").read_text()
SETUP = (DOCS / "how-to" / "coding-agents.md").read_text()


def test_the_page_has_a_section_for_each_tool_in_order():
    assert re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE) == [tool.name for tool in TOOLS]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_is_documented_with_its_arguments_defaults_and_results(tool: Tool):
    section = PAGE.partition(f"### `{tool.name}`\n\n")[2].partition("\n### ")[0]
    assert section.startswith(f"{tool.description}\n")
    taken = schema_of(tool.arguments)
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:`([^`]*)`)? ?\|", section, re.MULTILINE)
    assert rows == [
        (name, "" if name in taken.get("required", ()) else json.dumps(argument["default"]))
        for name, argument in taken["properties"].items()
    ]
    given = section.partition("\nGives ")[2]
    assert re.findall(r"`(\w+)`", given) == list(schema_of(tool.result)["properties"])


def test_every_configuration_of_the_set_up_page_can_be_read_and_starts_loccit():
    blocks = re.findall(r"```(json|toml)\n(.*?)```", SETUP, re.DOTALL)
    assert len(blocks) > 12
    for language, text in blocks:
        held = json.loads(text) if language == "json" else tomllib.loads(text)
        written = json.dumps(held)
        is_remote = "https://loccit.example.org/mcp" in written
        assert is_remote or ('"loccit"' in written and '"mcp"' in written)
        assert is_remote == ("Authorization" in written or "bearer_token_env_var" in written)
