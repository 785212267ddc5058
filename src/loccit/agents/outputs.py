"""Outputs of tools that are too long to be shown: kept in files of the run, read again in parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.core.calls import ToolSpec
from loccit.core.errors import NotFound, StorageFailed
from loccit.policy.labels import UNTRUSTED, Label
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL_NAME = "read_output"
# Below what a context shows of one result, so that what is read is not put into a file again.
_MOST_READ_CHARACTERS = 8_000
_DEFAULT_LINES = 200
_MOST_LINE_CHARACTERS = 2_000
_NAME = re.compile(r"output-\d{1,9}")

_SPEC = ToolSpec(
    TOOL_NAME,
    "Reads lines of an output that was too long to be shown, or was cleared. `name` is the one that stands in"
    " its place (output-12). Lines count from 1; a line over 2,000 characters counts as several.",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "first_line": {"type": "integer", "minimum": 1},
            "last_line": {"type": "integer", "minimum": 1},
        },
        "required": ["name"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class KeptOutput:
    """An output in a file: what it is called, and how much it is."""

    name: str
    lines: int
    size: int


class Outputs:
    """The outputs of one run, in a folder of its own that nobody else can read.

    They are numbered in the order in which they are kept, so a run that goes on after a kill, and keeps the
    same outputs again, gives them the same names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._labels: list[Label] = []

    def keep(self, text: str, label: Label | None = None) -> KeptOutput:
        """Put an output into a file. Without a label it is untrusted. Raises StorageFailed."""
        name = f"output-{len(self._labels) + 1}"
        data = text.encode("utf-8", "backslashreplace")
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{name}.draft")
            draft.touch(mode=0o600)
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as error:
            raise StorageFailed(
                f"cannot write {str(path)!r}: {error.strerror or error}",
                next_step="free some space there, or choose another folder with LOCCIT_HOME",
            ) from error
        self._labels.append(label or UNTRUSTED)
        return KeptOutput(name, len(_lines(text)), len(data))

    def read(self, name: str, first_line: int, last_line: int) -> str:
        """These lines of an output, below a line that says which, as many as are shown at once.

        Raises NotFound for a name that none has, or lines that it does not have.
        """
        self.label(name)
        try:
            lines = _lines((self._folder / name).read_bytes().decode("utf-8"))
        except OSError as error:
            raise StorageFailed(f"the output {name!r} is gone: {error.strerror or error}") from error
        chosen = lines[first_line - 1 : last_line]
        if not chosen:
            raise NotFound(f"{name} has lines 1 to {len(lines)}, not {first_line} to {last_line}")
        shown = 0
        room = _MOST_READ_CHARACTERS
        while shown < len(chosen) and (room := room - len(chosen[shown]) - 1) >= 0:
            shown += 1
        head = f"{name}, lines {first_line} to {first_line + shown - 1} of {len(lines)}"
        return "\n".join([head, *chosen[:shown]])

    def label(self, name: str) -> Label:
        """The label of an output. Raises NotFound."""
        number = int(name.removeprefix("output-")) if _NAME.fullmatch(name) else 0
        if not 1 <= number <= len(self._labels):
            raise NotFound(f"there is no output {name!r}", next_step=f"there are {len(self._labels)}")
        return self._labels[number - 1]

    def tool(self) -> Tool:
        """The tool `read_output`; what it gives is labelled as the output was."""
        roles = dict.fromkeys(_SPEC.schema["properties"], ArgumentRole.OPTION)
        return Tool(_SPEC, Effect.READ, roles, self._run, probe=self._run)

    async def _run(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        del intent  # it changes nothing
        first = int(arguments.get("first_line", 1))
        last = int(arguments.get("last_line", first + _DEFAULT_LINES - 1))
        try:
            name = str(arguments["name"])
            return ToolResult(self.read(name, first, last), label=self.label(name))
        except NotFound as error:
            return ToolResult(str(error), is_error=True)


def _lines(text: str) -> Sequence[str]:
    step = _MOST_LINE_CHARACTERS
    return [line[i : i + step] for line in text.split("\n") for i in range(0, max(1, len(line)), step)]
