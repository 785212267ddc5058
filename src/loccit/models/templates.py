"""Prompts: versioned templates in text files, whose variables are checked.

A file NAME.md begins with a heading `# NAME, version N` and what the prompt is for; then come its messages,
each below a line `## system`, `## user` or `## assistant`. `{{variable}}` stands for what is put in; nothing
else is special, and what is put in is never looked at again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from loccit.core.calls import Message, Speaker

_HEADING = re.compile(r"# (?P<name>[a-z_]+), version (?P<version>[0-9]+)\n")
_MESSAGE = re.compile(r"^## (system|user|assistant)\n", re.MULTILINE)
_VARIABLE = re.compile(r"\{\{([a-z_]+)\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt. `variables` are the names it needs, `purpose` the sentence below its heading."""

    name: str
    version: int
    purpose: str
    messages: tuple[Message, ...]

    @property
    def id(self) -> str:
        """Its name and version, as run records have it: `answer@1`."""
        return f"{self.name}@{self.version}"

    @property
    def variables(self) -> frozenset[str]:
        """The names of what must be put in."""
        return frozenset(name for m in self.messages for name in _VARIABLE.findall(m.text))

    def fill(self, **values: str) -> tuple[Message, ...]:
        """The messages with the values in their places. Raises ValueError for a missing or unknown one."""
        if values.keys() != self.variables:
            wrong = ", ".join(sorted(values.keys() ^ self.variables))
            raise ValueError(f"the prompt {self.id} is filled with other variables than it has: {wrong}")
        return tuple(
            Message(m.speaker, _VARIABLE.sub(lambda match: values[match.group(1)], m.text))
            for m in self.messages
        )


def load_template(path: Path) -> Template:
    """The template in a file. Raises ValueError where it is not of the form, or not named as its file."""
    text = path.read_text(encoding="utf-8")
    heading = _HEADING.match(text)
    if heading is None or heading["name"] != path.stem:
        raise ValueError(f"{path.name!r} does not begin with '# {path.stem}, version N'")
    purpose, *parts = _MESSAGE.split(text[heading.end() :])
    messages = [
        Message(Speaker(speaker), body.strip()) for speaker, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    if not messages:
        raise ValueError(f"{path.name!r} has no message")
    return Template(heading["name"], int(heading["version"]), " ".join(purpose.split()), tuple(messages))


def load_templates(folder: Path) -> dict[str, Template]:
    """All templates of a folder by their names."""
    return {path.stem: load_template(path) for path in sorted(folder.glob("*.md"))}
