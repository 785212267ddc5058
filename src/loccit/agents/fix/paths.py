"""Paths that somebody else wrote: only those that name a file inside the tree are taken."""

from __future__ import annotations

import re
import unicodedata

from loccit.core.errors import InputError
from loccit.core.visible import HIDDEN, one_line

_MOST_BYTES = 1_024
_MOST_NAME_BYTES = 255
_CONTROL = re.compile(f"[\x00-\x1f{HIDDEN}\ud800-\udfff]")
# What a file system that ignores case, trailing dots or streams takes for `.git`.
_GIT = re.compile(r"\.?git(~[0-9]+)?[ .]*(:.*)?\Z", re.IGNORECASE)
_GIT_NAMES = frozenset({".git", ".gitmodules"})


def tree_path(written: str) -> str:
    """The path in a tree that somebody means: `./a//b.py` is `a/b.py`.

    Raises InputError for one that is empty, absolute, leaves the tree, names git's own files in the spelling
    of any file system, holds what a reader would not see, or is too long.
    """
    shown = one_line(written[:80])
    if _CONTROL.search(written) or "\\" in written:
        raise InputError(
            f"the path {shown!r} holds a control character or a backslash", next_step="write folders with '/'"
        )
    if written.startswith(("/", "~")) or re.match(r"[A-Za-z]:", written):
        raise InputError(
            f"the path {shown!r} is not inside the repository", next_step="write it from the repository's top"
        )
    names = [name for name in written.split("/") if name not in {"", "."}]
    if not names or written.endswith("/"):
        raise InputError(f"the path {shown!r} names no file", next_step="write it as in 'src/parser.py'")
    if ".." in names:
        raise InputError(f"the path {shown!r} leaves the repository", next_step="write it without '..'")
    if any(_is_gits_own(name) for name in names):
        raise InputError(f"the path {shown!r} is git's own", next_step="edit the files of the project alone")
    path = "/".join(names)
    if len(path.encode()) > _MOST_BYTES or any(len(name.encode()) > _MOST_NAME_BYTES for name in names):
        raise InputError(
            f"the path {shown!r}... is too long", next_step=f"at most {_MOST_BYTES:,} bytes, a name 255"
        )
    return path


def folder_path(written: str) -> str:
    """The same for a folder; empty for the top. Raises InputError."""
    return "" if written.strip("/. ") == "" and ".." not in written else tree_path(written.rstrip("/"))


def _is_gits_own(name: str) -> bool:
    folded = unicodedata.normalize("NFKC", name).casefold()
    short = _GIT.match(folded)
    return folded.rstrip(" .") in _GIT_NAMES or bool(short and (folded.startswith(".") or "~" in folded))
