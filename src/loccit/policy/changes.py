"""What a call would do to files: which paths, how many lines, and what it adds.

An argument of the role `files` is an object (path to text, null to delete), a list of objects with `path` and
`content`, or the text of a unified diff as git writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from loccit.core.errors import InputError

_HEAD = re.compile(r"diff --git (?:\"?a/(?P<old>.*?)\"?) (?:\"?b/(?P<new>.*?)\"?)$")
_SIDE = re.compile(r"(?:---|\+\+\+) (?:\"?[ab]/(?P<path>.*?)\"?|/dev/null)\t?$")
_NAMED = re.compile(r"(?:rename|copy) (?:from|to) \"?(?P<path>.*?)\"?$")
_MODE = re.compile(r"(?:new file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (?P<mode>\d{6})$")
_HUNK = re.compile(r"@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_PLAIN_MODES = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Changes:
    """`added` is the text that is added; `lines` counts those added and removed. `odd` names what is neither
    text nor a plain file: a symbolic link, a submodule, something binary.
    """

    paths: tuple[str, ...]
    added: str
    lines: int
    odd: tuple[str, ...] = ()


def changes_of(value: Any) -> Changes:
    """What an argument of the role `files` would change. Raises InputError for what is none."""
    if isinstance(value, str):
        return _of_diff(value)
    if isinstance(value, Mapping):
        pairs = list(cast("Mapping[str, Any]", value).items())
    elif isinstance(value, list):
        pairs = [_pair(each) for each in cast("list[Any]", value)]
    else:
        raise InputError(f"{value!r} are no files", next_step="give an object from paths to texts, or a diff")
    if not all(isinstance(path, str) and isinstance(text, str | None) for path, text in pairs):
        raise InputError("files are paths with texts", next_step="give an object from paths to texts")
    texts = [text for _, text in pairs if text]
    return Changes(
        tuple(path for path, _ in pairs), "\n".join(texts), sum(text.count("\n") + 1 for text in texts)
    )


def _pair(value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        return value, None
    if not isinstance(value, Mapping) or "path" not in value:
        raise InputError(f"{value!r} is no file", next_step="give objects with path and content")
    each = cast("Mapping[str, Any]", value)
    return each["path"], each.get("content")


def _of_diff(text: str) -> Changes:
    """Reads hunks by their counts, so that no line of a file passes for a line of the diff."""
    paths: dict[str, None] = {}
    added: list[str] = []
    odd: list[str] = []
    removed = old = new = 0
    for line in text.split("\n"):
        if old > 0 or new > 0:
            sign = line[:1]
            old -= sign in {" ", "-", ""}
            new -= sign in {" ", "+", ""}
            removed += sign == "-"
            if sign == "+":
                added.append(line[1:])
            elif sign not in {" ", "-", "", "\\"}:
                raise InputError(
                    f"{line[:60]!r} is no line of a diff", next_step="give what 'git diff' prints"
                )
            continue
        hunk, head = _HUNK.match(line), _HEAD.match(line)
        side = _SIDE.match(line) or _NAMED.match(line)
        mode = _MODE.match(line)
        if hunk:
            old, new = (int(count) if count is not None else 1 for count in (hunk["old"], hunk["new"]))
        elif head:
            paths |= dict.fromkeys((head["old"], head["new"]))
        elif side and side["path"] is not None:
            paths[side["path"]] = None
        elif mode and mode["mode"] not in _PLAIN_MODES:
            odd.append(f"mode {mode['mode']}")
        elif line.startswith(("Binary files ", "GIT binary patch")):
            odd.append("binary")
    if text.strip() and not paths:
        raise InputError("a text that is no diff", next_step="give what 'git diff' prints")
    return Changes(tuple(paths), "\n".join(added), len(added) + removed, tuple(odd))


def fits(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern: `*` any name or part of one, `**` any folders, `[ab]` either.

    Case counts for nothing, since some file systems do not tell it apart; a pattern without a slash is for a
    name in any folder.
    """
    return _expression(pattern).fullmatch(path.casefold()) is not None


@lru_cache(maxsize=1000)
def _expression(pattern: str) -> re.Pattern[str]:
    anchored = pattern if "/" in pattern else f"**/{pattern}"
    pieces = re.findall(r"\*\*/|/\*\*$|\*\*|\*|\?|\[[^\]]+\]|.", anchored.casefold().removeprefix("/"))
    return re.compile("".join(map(_piece, pieces)), re.DOTALL)


_WILD = {"**/": r"(?:.*/)?", "/**": r"(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _piece(piece: str) -> str:
    if len(piece) > 1 and piece.startswith("["):
        return piece
    return _WILD.get(piece) or re.escape(piece)
