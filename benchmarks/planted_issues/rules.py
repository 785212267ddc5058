"""Scripts as files: what a scripted model of the settings reads, made from turns by part."""

from __future__ import annotations

from typing import Any

from benchmarks.planted_issues.scripts import Turns
from loccit.models.scripted import Said

# Words of each part's prompt that no other part has, most telling first.
_PARTS = (
    ("fix_edit", "\nThe plan:\n"),
    ("fix_plan", "\nThe test that reproduces it, "),
    ("fix_review", "\nWhat the tests say:\n"),
    ("fix_reproduce", "The project: "),
)


def rules_of(turns: Turns) -> dict[str, Any]:
    """The same script as rules: of each part every turn, the last one for ever."""
    rules: list[dict[str, Any]] = []
    for part, words in _PARTS:
        said = turns.get(part, [])
        rules += [_rule(words, each, turn) for turn, each in enumerate(said, 1)]
        if said:
            rules.append(_rule(words, said[-1], 0))
    rules.append({"reply": "I do not know what to do."})
    return {"rules": rules}


def _rule(words: str, said: Said, turn: int) -> dict[str, Any]:
    calls = [{"name": each.name, "arguments": each.arguments} for each in said.calls]
    return {"contains": words, "turn": turn, "reply": said.text, "calls": calls}
