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

_PATH = r"(?:(?P<plain>[^\"\t]+)|\"(?P<quoted>(?:[^\"\\]|\\.)*)\")"
_HEAD = re.compile(r"diff --git (?:a/.*|\"a/.*)")
_SIDE = re.compile(rf"(?P<sign>---|\+\+\+) {_PATH}(?:\t.*)?")
_NAMED = re.compile(rf"(?:rename|copy) (?:from|to) {_PATH}")
_OCTAL = re.compile(r"\\([0-7]{3})|\\(.)")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_MODE = re.compile(r"(?:new file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (?P<mode>\d{6})$")
_HUNK = re.compile(r"@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_PLAIN_MODES = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Changes:
    """`added` is the text that is added; `lines` counts those added and removed. `deleted` are the paths that
    go. `odd` names what is neither text nor a plain file: a symbolic link, a submodule, something binary.
    """

    paths: tuple[str, ...]
    added: str
    lines: int
    deleted: tuple[str, ...] = ()
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
    paths = tuple(path for path, _ in pairs)
    deleted = tuple(path for path, text in pairs if text is None)
    return Changes(paths, "\n".join(texts), sum(text.count("\n") + 1 for text in texts), deleted)


def _pair(value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        return value, None
    if not isinstance(value, Mapping) or "path" not in value:
        raise InputError(f"{value!r} is no file", next_step="give objects with path and content")
    each = cast("Mapping[str, Any]", value)
    return each["path"], each.get("content")


def _of_diff(text: str) -> Changes:
    """Reads hunks by their counts, so that no line of a file passes for a line of the diff."""
    found = _Diff()
    old = new = 0
    for line in text.split("\n"):
        if old <= 0 and new <= 0:
            hunk = _HUNK.match(line)
            if hunk:
                old, new = (int(count) if count is not None else 1 for count in (hunk["old"], hunk["new"]))
            else:
                found.head(line)
            continue
        sign = line[:1]
        if sign not in {" ", "+", "-", "", "\\"}:
            raise InputError(f"{line[:60]!r} is no line of a diff", next_step="give what 'git diff' prints")
        old -= sign in {" ", "-", ""}
        new -= sign in {" ", "+", ""}
        found.removed += sign == "-"
        if sign == "+":
            found.added.append(line[1:])
    if text.strip() and not found.paths:
        raise InputError("a text that is no diff", next_step="give what 'git diff' prints")
    lines = len(found.added) + found.removed
    return Changes(
        tuple(found.paths),
        "\n".join(found.added),
        lines,
        tuple(dict.fromkeys(found.deleted)),
        tuple(found.odd),
    )


class _Diff:
    """What the lines between the hunks of a diff say."""

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.added: list[str] = []
        self.removed = 0
        self.deleted: list[str] = []
        self.odd: list[str] = []
        self._last = ""

    def head(self, line: str) -> None:
        """Raises InputError for a path that is not written as git writes it: what it means is unclear."""
        side, named, mode = _SIDE.fullmatch(line), _NAMED.fullmatch(line), _MODE.match(line)
        if side:
            self._side(side["sign"], _written(side))
        elif line.startswith(("--- ", "+++ ")):
            raise InputError(f"{line[:60]!r} names no path", next_step="give what 'git diff' prints")
        elif named:
            self.paths[_written(named)] = None
        elif _HEAD.match(line):
            # Sides, renames and modes follow; where none do, nothing but a mode changes.
            self.paths |= dict.fromkeys(_of_head(line))
        elif mode and mode["mode"] not in _PLAIN_MODES:
            self.odd.append(f"mode {mode['mode']}")
        elif line.startswith(("Binary files ", "GIT binary patch")):
            self.odd.append("binary")

    def _side(self, sign: str, path: str) -> None:
        if path == "/dev/null":
            if sign == "+++":
                self.deleted.append(self._last)
            return
        if path[:2] not in {"a/", "b/"}:
            raise InputError(
                f"{path!r} has neither a/ nor b/ before it", next_step="give what 'git diff' prints"
            )
        self._last = path[2:]
        self.paths[self._last] = None


def _written(match: re.Match[str]) -> str:
    """A path as it is, out of the quotes in which git puts one that is not plain."""
    if match["quoted"] is None:
        return match["plain"]
    raw = bytearray()
    at = 0
    for escape in _OCTAL.finditer(match["quoted"]):
        raw += match["quoted"][at : escape.start()].encode("utf-8", "surrogateescape")
        raw += (
            bytes([int(escape[1], 8) & 0xFF])
            if escape[1]
            else _ESCAPES.get(escape[2], escape[2]).encode("utf-8", "surrogateescape")
        )
        at = escape.end()
    raw += match["quoted"][at:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "surrogateescape")


def _of_head(line: str) -> tuple[str, ...]:
    """The path of a diff's first line where both sides have the same; where they differ, lines follow that
    name both.
    """
    rest = line.removeprefix("diff --git ")
    half = (len(rest) - 1) // 2
    sides = [re.fullmatch(_PATH, side) for side in (rest[:half], rest[half + 1 :])]
    first, second = (_written(side)[2:] if side else "" for side in sides)
    return (first,) if first == second else ()


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
