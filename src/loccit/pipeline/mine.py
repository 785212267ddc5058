"""Fixes mined from history: what a commit says it does, as an issue, and the files that it changed, as the
answer.

Left out are merges, bots, reverts, releases, mass changes, and commits that say nothing. A mined pair is
dated by its commit; whoever learns from it looks only at what came before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loccit.core.source import Change, FileRole
from loccit.sources.roles import role_of

# A fix changes few files, a mass change many; what a commit of many files is about, none of them tells.
MOST_SOURCES = 3
MOST_PATHS = 20
_LEAST_WORDS = 3
_MOST_CHARS = 8_000
# More of a subject, or of the text below it, is not even looked at.
_MOST_SUBJECT_CHARS = 1_000
_MOST_RAW_CHARS = 4 * _MOST_CHARS

_BOT = re.compile(
    r"\[bot\]|\bbot\b|dependabot|renovate|pre-commit|greenkeeper|pyup|weblate|transifex|github-actions",
    re.IGNORECASE,
)
_NOT_A_FIX = re.compile(
    r"^(?:merge\b|revert(?:ed|s|ing)?\b|\[?release\b|bump(?:ed)?\b|version\b"
    r"|update[sd]? (?:dependenc|changelog|translation|version|submodule)"
    r"|back to development|prepare (?:for )?(?:release|version)|v?\d+\.\d+|\[pre-commit"
    r"|(?:chore|build|ci|style|release)(?:\([^)]{0,40}\))?!?:"
    r"|initial commit|wip\b|happy new year"
    r"|(?:fix(?:ed|es)? )?(?:typos?|lint|flake8|pep ?8|whitespace|formatting)\b)",
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"^(?:(?:signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|reported-by|suggested-by|cc|change-id"
    r"|reviewed-on|differential revision|pull-request|pr-url|git-svn-id|backport of|thanks|conflicts)[ \t]*:"
    r"|backport of\b|thanks\b|\(cherry picked from\b).*$",
    re.IGNORECASE | re.MULTILINE,
)
# What trackers leave in a subject: `Fixed #123 --`, `[3.2.x]`, `(#123)`, `bpo-1:`, `fix(parser):`.
_PREFIX = re.compile(
    r"^(?:\[[^\]\n]{1,30}\]\s*)*"
    r"(?:(?:fix(?:e[sd])?|refs?|close[sd]?|issue|see|re|gh|bpo)[ -]*(?:#|gh-|bpo-)?\d+(?:, ?#\d+)*"
    r"\s*(?:--|[-:.,])\s*)?(?:(?:fix|feat|bug|perf|refactor)(?:\([^)\n]{0,40}\))?!?:\s*)?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\s*\((?:#|gh-)\d+\)\s*$", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\b(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?|refs?|see)\s*(?::\s*)?(?:#|gh-)\d+\b\.?|(?<!\w)#\d+\b",
    re.IGNORECASE,
)
# Scripts without spaces: a word is one or two of their characters.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class MinedFix:
    """A commit as an issue that it fixed. `parent` is the commit as of which the issue stood open.

    `title` and `body` are its message without references and trailers; `paths` the source files that it
    changed, all of which were there before.
    """

    commit: str
    parent: str
    time: int
    title: str
    body: str
    paths: tuple[str, ...]


def mine(changes: Iterable[Change]) -> Iterator[MinedFix]:
    """The fixes among these changes, in their order."""
    for change in changes:
        found = mined(change)
        if found is not None:
            yield found


def mined(change: Change) -> MinedFix | None:
    """The fix that a change is; None where it is none to learn from."""
    if len(change.parents) != 1 or not 0 < len(change.files) <= MOST_PATHS or _BOT.search(change.author):
        return None
    sources = [file for file in change.files if _is_source(file.path)]
    if not 0 < len(sources) <= MOST_SOURCES:
        return None
    if any(file.old_blob is None or file.new_blob is None for file in sources):
        return None
    title, body = issue_of(change.message)
    if not title or _words(f"{title} {body}") < _LEAST_WORDS:
        return None
    paths = tuple(file.path for file in sources)
    return MinedFix(change.commit, change.parents[0], change.time, title, body, paths)


def issue_of(message: str) -> tuple[str, str]:
    """Title and body of the issue that a message speaks of; an empty title where it speaks of none."""
    subject, _, rest = message.partition("\n")
    subject = subject[:_MOST_SUBJECT_CHARS].strip()
    said = _PREFIX.sub("", _SUFFIX.sub("", subject), count=1)
    if _NOT_A_FIX.match(subject) or _NOT_A_FIX.match(said):
        return "", ""
    body = _REFERENCE.sub("", _TRAILER.sub("", rest[:_MOST_RAW_CHARS]))
    return _REFERENCE.sub("", said).strip(), body.strip()[:_MOST_CHARS]


def _words(text: str) -> int:
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


def _is_source(path: str) -> bool:
    return role_of(path) is FileRole.SOURCE
