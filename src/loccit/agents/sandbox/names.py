"""Paths inside a box: which may go in, and which may come out."""

from __future__ import annotations

from loccit.agents.sandbox.keeper import MOST_DEPTH
from loccit.core.errors import InputError
from loccit.core.visible import one_line

_MOST_NAME_BYTES = 255
_MOST_PATH_BYTES = 4_000


def path_in(path: str) -> bytes:
    """The path as the box knows it. Raises InputError for one that does not stay in the work folder."""
    reason = _reason(path)
    if reason:
        raise InputError(
            f"{path!r} is no path in a box: {reason}",
            next_step="write it relative to the work folder, with / between names",
            field="path",
        )
    return path.encode("utf-8", "surrogateescape")


def reason_to_refuse(path: str) -> str:
    """Why a file of this path does not come out of a box, empty where it may.

    A hidden character makes one name look like another, and git takes several names for its own folder, where
    files say what it runs.
    """
    reason = _reason(path)
    if reason:
        return reason
    if one_line(path) != path:
        return "a name with hidden characters"
    if "\\" in path:
        return "a name with a backslash"
    if any(_is_of_git(name) for name in path.split("/")):
        return "a name that git takes for its own"
    return ""


def _reason(path: str) -> str:
    names = path.split("/")
    if any(name in {"", ".", ".."} for name in names):
        return "it is absolute, empty, or has an empty name, '.' or '..' in it"
    if "\0" in path:
        return "it has a zero byte in it"
    try:
        sizes = [len(name.encode("utf-8", "surrogateescape")) for name in names]
    except UnicodeEncodeError:
        return "it cannot be written in UTF-8"
    if max(sizes) > _MOST_NAME_BYTES or sum(sizes) > _MOST_PATH_BYTES or len(names) > MOST_DEPTH:
        return "it is too long"
    return ""


def _is_of_git(name: str) -> bool:
    # Windows knows files by short names too, and leaves out dots and spaces at the end, and what follows
    plain = name.partition(":")[0].rstrip(". ").casefold()
    return plain in {".git", "git~1"}
