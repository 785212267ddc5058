"""gitignore and gitattributes patterns, matched as git matches them.

A hostile pattern must not make matching slow: what a star swallows is never given back (atomic groups), so
that matching stays about linear in the path for each pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
_WILD = re.compile(rb"[*?\[\\]")
# Possessive, as git reads it from left to right: a first `]` is one of the characters, never the end.
_BRACKET = re.compile(rb"\[(?P<not>[!^]?+)(?P<body>\]?+(?:\[:[a-z]+:\]|\\.|[^\]\\])*+)\]", re.DOTALL)
_PIECE = re.compile(_BRACKET.pattern + rb"|\\.|.", re.DOTALL)
_BRACKET_PART = re.compile(rb"\[:(?P<class>[a-z]+):\]|(?P<low>\\.|[^\\])(?:-(?P<high>\\.|[^\\]))?", re.DOTALL)


@dataclass(slots=True)
class PatternTable:
    """An ordered list of patterns. The last one that matches a path decides.

    Most patterns are plain names, paths or endings and are found by look-up; only the others are tried one by
    one.
    """

    _names: dict[bytes, list[tuple[int, bool]]] = field(default_factory=dict)
    _paths: dict[bytes, list[tuple[int, bool]]] = field(default_factory=dict)
    _endings: dict[bytes, list[tuple[int, bool]]] = field(default_factory=dict)
    _globs: list[tuple[int, bool, bool, Callable[[bytes], object]]] = field(default_factory=list)
    _size: int = 0

    def add(self, pattern: bytes, *, only_folders: bool = False) -> int:
        """Adds a pattern without its `!` and its last `/`; its number, counted from 0."""
        number, self._size = self._size, self._size + 1
        rule = (number, only_folders)
        if b"/" not in pattern:
            if not _WILD.search(pattern):
                self._names.setdefault(pattern, []).append(rule)
            elif pattern[:2] == b"*." and not _WILD.search(pattern, 1) and b"." not in pattern[2:]:
                self._endings.setdefault(pattern[2:], []).append(rule)
            else:
                self._add_glob(pattern, rule, whole_path=False)
            return number
        pattern = pattern.removeprefix(b"/")
        if _WILD.search(pattern):
            self._add_glob(pattern, rule, whole_path=True)
        else:
            self._paths.setdefault(pattern, []).append(rule)
        return number

    def last_match(self, path: bytes, *, is_folder: bool) -> int | None:
        """The number of the last pattern that matches this path (relative to the patterns' own folder)."""
        name = path.rpartition(b"/")[2]
        best = -1
        _, dot, ending = name.rpartition(b".")
        for rules in (
            self._names.get(name),
            self._paths.get(path),
            self._endings.get(ending) if dot else None,
        ):
            for number, only_folders in rules or ():
                if number > best and (is_folder or not only_folders):
                    best = number
        for number, only_folders, whole_path, matches in reversed(self._globs):
            if number < best:
                break
            if (is_folder or not only_folders) and matches(path if whole_path else name):
                best = number
                break
        return None if best < 0 else best

    def _add_glob(self, pattern: bytes, rule: tuple[int, bool], *, whole_path: bool) -> None:
        expression = glob_expression(pattern)
        if expression is not None:
            self._globs.append((*rule, whole_path, re.compile(expression, re.DOTALL).fullmatch))


def glob_expression(pattern: bytes) -> bytes | None:
    """A regular expression for whole paths that matches as git does; None if it can match nothing."""
    folders = _folders(pattern)
    pieces: list[bytes] = []
    # `**/` opens a group that swallows folders up to the first place where what follows, up to the next
    # `**/`, fits.
    is_open = False
    last = len(folders) - 1
    for position, folder in enumerate(folders):
        if folder == b"**" and position < last:
            pieces += [b")"] if is_open else []
            pieces += [b"(?>(?:[^/]+/)*?"]
            is_open = True
            continue
        if folder == b"**":
            pieces += [b".+"]
            continue
        piece = _one_folder(folder)
        if piece is None:
            return None
        pieces += [piece, b"/" if position < last else b""]
    expression = b"".join(pieces)
    if is_open:
        # The last group must reach the end of the path, and may try again further on until it does.
        expression = expression + rb"\Z)"
    return expression


def _folders(pattern: bytes) -> list[bytes]:
    """The pattern cut at its slashes, but not at one in brackets, which can match nothing."""
    folders = [b""]
    for piece in _PIECE.finditer(pattern):
        if piece.group() in (b"/", b"\\/"):
            folders.append(b"")
        else:
            folders[-1] += piece.group()
    return folders


def _one_folder(glob: bytes) -> bytes | None:
    """The expression for one name; stars match within it. None for a pattern that is malformed."""
    chunks: list[list[bytes]] = [[]]
    position = 0
    while position < len(glob):
        character = glob[position : position + 1]
        if character == b"*":
            chunks.append([])
        elif character == b"?":
            chunks[-1].append(rb"[^/]")
        elif character == b"\\":
            position += 1
            if position == len(glob):
                return None
            chunks[-1].append(re.escape(glob[position : position + 1]))
        elif character == b"[":
            bracket = _BRACKET.match(glob, position)
            expression = _bracket(bracket) if bracket else None
            if bracket is None or expression is None:
                return None
            chunks[-1].append(expression)
            position = bracket.end() - 1
        else:
            chunks[-1].append(re.escape(character))
        position += 1
    return _join([b"".join(chunk) for chunk in chunks])


def _join(chunks: list[bytes]) -> bytes:
    first, *rest = chunks
    if not rest:
        return first
    middle = b"".join(rb"(?>[^/]*?%s)" % chunk for chunk in rest[:-1] if chunk)
    return first + middle + rb"[^/]*" + rest[-1]


def _bracket(found: re.Match[bytes]) -> bytes | None:
    parts: list[bytes] = []
    for part in _BRACKET_PART.finditer(found["body"]):
        if part["class"] is not None:
            if part["class"] not in _CLASSES:
                return None
            parts.append(_CLASSES[part["class"]])
            continue
        low = part["low"][-1:]
        high = low if part["high"] is None else part["high"][-1:]
        # A range that runs backwards still holds its first character.
        parts.append(rb"\x%02x-\x%02x" % (low[0], high[0] if low <= high else low[0]))
    body = b"".join(parts)
    return rb"[^/%s]" % body if found["not"] else rb"(?!/)[%s]" % body


def split_lines(text: bytes) -> Iterable[bytes]:
    """The lines of an ignore or attributes file, without their ends and without a byte order mark."""
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        yield line.removesuffix(b"\r")
