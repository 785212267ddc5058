"""The Dockerfile of deploy/ as its instructions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"


@dataclass(frozen=True)
class Instruction:
    """`RUN apt-get update`: its word, and what follows on one line."""

    word: str
    rest: str

    @property
    def items(self) -> list[str]:
        """Of one in JSON form (`CMD ["serve"]`)."""
        return json.loads(self.rest[self.rest.index("[") :])


def stages() -> dict[str, list[Instruction]]:
    """What each stage does, in order; before the first one, under the empty name, what stands there."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, list[Instruction]] = {"": []}
    stage = ""
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            stage = rest.split(" AS ")[1]
        found.setdefault(stage, []).append(Instruction(word, rest))
    return found


def the(word: str) -> Instruction:
    """The one instruction of this word in the stage that runs."""
    (found,) = (each for each in stages()["runtime"] if each.word == word)
    return found


def service(name: str) -> dict[str, Any]:
    """A service of compose.yaml."""
    import yaml

    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][name]
