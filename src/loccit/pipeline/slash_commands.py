"""What maintainers tell us in comments: lines that begin with `/loccit`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from loccit.core.issue_links import links_in

MOST_FILES = 100
_MOST_COMMANDS = 10
_MOST_TEXT = 4_000
_LINE = re.compile(r"/loccit[ \t]+(?P<name>[a-z-]{1,20})(?:[ \t]+(?P<rest>\S.*))?[ \t]*", re.ASCII)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_WORD = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|(\S+)")


class CommandName(StrEnum):
    """What may be told."""

    FILES = "files"
    DUPLICATE = "duplicate"
    NOT_DUPLICATE = "not-duplicate"
    WRONG = "wrong"
    AGAIN = "again"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `files` are paths, `issue` is an id as `Issue.id` has it, `text` what was said."""

    name: CommandName
    files: tuple[str, ...] = ()
    issue: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A line that begins as a command and is none."""

    line: str


def commands_in(comment: str) -> tuple[Command | Misunderstood, ...]:
    """The commands of a comment, in order; none that stand in code or in what is quoted of another one."""
    found: list[Command | Misunderstood] = []
    fence = ""
    for line in comment.splitlines():
        mark = _FENCE.match(line)
        if mark is not None and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence and line.startswith("/loccit") and len(found) < _MOST_COMMANDS:
            found.append(_command(line))
    return tuple(found)


def _command(line: str) -> Command | Misunderstood:
    match = _LINE.fullmatch(line)
    names = {name.value for name in CommandName}
    if match is None or match["name"] not in names:
        return Misunderstood(line[:200])
    name, rest = CommandName(match["name"]), (match["rest"] or "").strip()
    if name is CommandName.FILES:
        words = ["".join(groups) for groups in _WORD.findall(rest)]
        files = tuple(dict.fromkeys(word.strip(",") for word in words if word.strip(",")))
        return Command(name, files=files) if 0 < len(files) <= MOST_FILES else Misunderstood(line[:200])
    if name is CommandName.DUPLICATE:
        issues = [link.id for link in links_in(rest) if link.repo is None and link.id.isdigit()]
        return Command(name, issue=issues[0]) if len(issues) == 1 else Misunderstood(line[:200])
    if name is CommandName.WRONG:
        return Command(name, text=rest[:_MOST_TEXT]) if rest else Misunderstood(line[:200])
    return Command(name) if not rest else Misunderstood(line[:200])
