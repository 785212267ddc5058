"""Who owns a file, as a CODEOWNERS file says it: GitHub's syntax and GitLab's.

Both: a pattern and its owners per line, `#` begins a comment, the last pattern that matches decides. GitLab
adds sections (`[Name]`, `^[Optional]`, `[Name][2]`, owners for the whole section after the header); the last
match decides in each section, and what the sections say adds up. Lines that cannot be read are passed over,
as the hosts do, and reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loccit.core.source import path_bytes
from loccit.sources.patterns import glob_expression


class Dialect(StrEnum):
    """Whose syntax a file is in."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """One line: a pattern and its owners as written (`@name`, `@org/team`, `@@role`, an e-mail address).

    No owners mean that nobody owns what matches. `line` counts from 1; bytes are 0-based offsets into the
    file, end exclusive, without the line's end. `section` is empty outside of every section.
    """

    pattern: str
    owners: tuple[str, ...]
    line: int
    start_byte: int
    end_byte: int
    section: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was passed over, and why."""

    line: int
    text: str
    problem: str


# Where the hosts look, first found first.
PLACES = {
    Dialect.GITHUB: (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    Dialect.GITLAB: ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
}
# GitHub reads no larger file.
MAX_BYTES = 3_000_000
_MAX_RULES = 20_000
_SHOWN_CHARS = 80

_HEADER = re.compile(
    r"(?P<optional>\^)?\[(?P<name>[^\]\n]*)\](?:\[(?P<approvals>\d{0,6})\])?(?P<owners>(?:\s.*)?)$"
)
_OWNER = re.compile(r"@{0,2}[\w.+/-]+(?:@[\w.-]+)?", re.ASCII)
_SECTION_START = re.compile(rb"(?m)^\^?\[[^\]\n]+\]")


class CodeOwners:
    """The rules of a CODEOWNERS file, and what they say of a path."""

    def __init__(self, rules: Sequence[OwnerRule], bad_lines: Sequence[BadLine]) -> None:
        self.rules = tuple(rules)
        self.bad_lines = tuple(bad_lines)
        # In each section the last that matches decides, so the last are tried first.
        self._sections: dict[str, list[_Matcher]] = {}
        for rule in rules:
            self._sections.setdefault(rule.section.lower(), []).insert(0, _Matcher(rule))

    def rules_for(self, path: str) -> tuple[OwnerRule, ...]:
        """The rules that decide for a path (surrogate escapes as in FileEntry): at most one per section, in
        order of line. One without owners says that nobody owns it there.
        """
        data = path_bytes(path)
        found: list[OwnerRule] = []
        for matchers in self._sections.values():
            if any(one.is_exclusion and one.matches(data) for one in matchers):
                continue
            rule = next((one.rule for one in matchers if not one.is_exclusion and one.matches(data)), None)
            if rule is not None:
                found.append(rule)
        return tuple(sorted(found, key=lambda rule: rule.line))


def dialect_of(path: str, data: bytes, repo: str) -> Dialect:
    """Whose syntax a file is in: told by its place, the repository's host, and whether it has sections."""
    if path.startswith(".github/") or repo.startswith("github."):
        return Dialect.GITHUB
    if path.startswith(".gitlab/") or repo.startswith("gitlab.") or _SECTION_START.search(data):
        return Dialect.GITLAB
    return Dialect.GITHUB


def find_codeowners(paths: Iterable[str]) -> str | None:
    """The path of the file that the host reads, among the paths of a snapshot; None where there is none."""
    there = set(paths)
    places = dict.fromkeys((*PLACES[Dialect.GITHUB], *PLACES[Dialect.GITLAB]))
    return next((place for place in places if place in there), None)


def read_codeowners(data: bytes, dialect: Dialect) -> CodeOwners:
    """The rules of a file's bytes; bytes that are not UTF-8 are replaced, and make no line unreadable."""
    reader = _Reader(dialect)
    position = 0
    for number, raw in enumerate(data[:MAX_BYTES].split(b"\n"), start=1):
        text = raw.decode("utf-8", "replace").removeprefix("\ufeff").removesuffix("\r")
        reader.take(text, number, position, position + len(raw.removesuffix(b"\r")))
        position += len(raw) + 1
    if len(data) > MAX_BYTES:
        reader.bad_lines.append(
            BadLine(data.count(b"\n", 0, MAX_BYTES) + 1, "", f"the file is larger than {MAX_BYTES:,} bytes")
        )
    return CodeOwners(reader.rules, reader.bad_lines)


class _Reader:
    """Reads lines, and keeps the section that they are in."""

    def __init__(self, dialect: Dialect) -> None:
        self.rules: list[OwnerRule] = []
        self.bad_lines: list[BadLine] = []
        self._is_gitlab = dialect is Dialect.GITLAB
        self._section = ""
        self._defaults: tuple[str, ...] = ()

    def take(self, text: str, number: int, start: int, end: int) -> None:
        stripped = text.strip()
        if not stripped or stripped.startswith("#"):
            return
        if len(self.rules) == _MAX_RULES:
            self._refuse(number, text, f"more than {_MAX_RULES:,} rules")
            return
        if self._is_gitlab and stripped.startswith(("[", "^[")):
            self._open_section(stripped, number)
            return
        pattern, owners, problem = self._parts(stripped)
        problem = problem or self._problem_of(pattern)
        if problem:
            self._refuse(number, text, problem)
            return
        good = tuple(owner for owner in owners if _is_owner(owner))
        if len(good) < len(owners):
            bad = next(owner for owner in owners if owner not in good)
            self._refuse(number, text, f"{bad[:40]!r} is no owner: expected @name, @org/team or an address")
            if not good:
                return
        if self._is_gitlab and not good and not pattern.startswith("!"):
            good = self._defaults
        self.rules.append(OwnerRule(pattern, good, number, start, end, self._section))

    def _open_section(self, text: str, number: int) -> None:
        header = _HEADER.match(text)
        if header is None or not header["name"].strip():
            self._refuse(number, text, "no section header: expected [Name], ^[Name] or [Name][2]")
            return
        self._section = header["name"].strip()
        owners = (header["owners"] or "").partition(" #")[0].split()
        self._defaults = tuple(owner for owner in owners if _is_owner(owner))

    def _parts(self, text: str) -> tuple[str, list[str], str]:
        """Pattern, owners, and what is wrong. Spaces of a pattern are escaped; a comment ends the owners."""
        pattern: list[str] = []
        position = 0
        while position < len(text) and not text[position].isspace():
            if text[position] == "\\" and position + 1 < len(text):
                # Of what may be escaped, only spaces and `#` are no special characters of a pattern.
                escaped = text[position + 1]
                pattern.append(escaped if escaped in " #" else text[position : position + 2])
                position += 2
                continue
            pattern.append(text[position])
            position += 1
        owners: list[str] = []
        for word in text[position:].split():
            if word.startswith("#"):
                break
            owners.append(word)
        return "".join(pattern), owners, ""

    def _problem_of(self, pattern: str) -> str:
        if pattern.startswith("!") and not self._is_gitlab:
            return "GitHub takes no patterns that begin with '!'"
        if not self._is_gitlab and ("[" in pattern or "]" in pattern):
            return "GitHub takes no ranges in brackets"
        if pattern in {"!", "/"}:
            return "the pattern is empty"
        if _expression(pattern.removeprefix("!")) is None:
            return "the pattern can match nothing"
        return ""

    def _refuse(self, number: int, text: str, problem: str) -> None:
        self.bad_lines.append(BadLine(number, text.strip()[:_SHOWN_CHARS], problem))


class _Matcher:
    """A rule with its pattern as an expression."""

    def __init__(self, rule: OwnerRule) -> None:
        self.rule = rule
        self.is_exclusion = rule.pattern.startswith("!")
        expression = _expression(rule.pattern.removeprefix("!"))
        self._matches = re.compile(expression or rb"(?!)", re.DOTALL).fullmatch
        self._reaches_below = not rule.pattern.endswith("/*")

    def matches(self, path: bytes) -> bool:
        """Whether the pattern matches the path or a folder that it is in; `docs/*` reaches no deeper."""
        if self._matches(path):
            return not self.rule.pattern.endswith("/")
        if not self._reaches_below:
            return False
        end = path.rfind(b"/")
        while end > 0:
            if self._matches(path[:end]):
                return True
            end = path.rfind(b"/", 0, end)
        return False


def _expression(pattern: str) -> bytes | None:
    """What matches whole paths from the root: a pattern without an inner slash matches at any depth."""
    bare = pattern.removesuffix("/")
    anchored = "/" in bare
    raw = path_bytes(bare.removeprefix("/"))
    if not raw:
        return None
    return glob_expression(raw if anchored else b"**/" + raw)


def _is_owner(written: str) -> bool:
    return ("@" in written) and _OWNER.fullmatch(written) is not None
