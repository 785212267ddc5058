"""Unified diffs that somebody else wrote: applied exactly, or refused with what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from loccit.agents.fix.paths import tree_path
from loccit.agents.fix.texts import EditableText, bytes_of, new_file, text_of
from loccit.core.errors import InputError, LimitExceeded

_MOST_BYTES = 500_000
_MOST_FILES = 50
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NOTHING = "/dev/null"
_WITHOUT_END = "\\ No newline at end of file"
_REFUSED = {
    "rename from": "a renaming: delete the one file and create the other",
    "copy from": "a copy: create the file",
    "old mode": "a change of mode: only contents can change",
    "GIT binary patch": "a binary change: only text can change",
    "Binary files": "a binary change: only text can change",
}


@dataclass(slots=True)
class _Hunk:
    """Lines without their ends. `start` counts from 1; a bare side has no line end at its last line."""

    number: int
    start: int
    old: list[str] = field(default_factory=list[str])
    new: list[str] = field(default_factory=list[str])
    old_ends_bare: bool = False
    new_ends_bare: bool = False


@dataclass(slots=True)
class _FilePatch:
    old: str | None
    new: str | None
    hunks: list[_Hunk] = field(default_factory=list[_Hunk])


def apply_patch(patch: str, read: Callable[[str], bytes | None]) -> dict[str, bytes | None]:
    """The files that a unified diff changes, with their new bytes (None: taken away). All or nothing.

    `read` gives a file's bytes, None where there is none. The lines of a hunk must stand in the file exactly;
    where they do not stand at the line that the hunk names, they must stand at one place alone. Raises
    InputError that names the hunk and what was expected, LimitExceeded.
    """
    if len(patch.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        raise LimitExceeded("size of the patch in bytes", len(patch), _MOST_BYTES)
    changed: dict[str, bytes | None] = {}
    for each in _parsed(patch):
        path, data = _applied(each, lambda path: changed.get(path, read(path)))
        changed[path] = data
    return changed


def _parsed(patch: str) -> list[_FilePatch]:
    lines = patch.replace("\r\n", "\n").removesuffix("\n").split("\n")
    files: list[_FilePatch] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        for words, reason in _REFUSED.items():
            if line.startswith(words):
                raise InputError(f"line {at + 1} of the patch is {reason}")
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            files.append(_FilePatch(_named(line, "a/"), _named(lines[at + 1], "b/")))
            at += 2
        elif line.startswith("@@"):
            if not files:
                raise InputError(
                    f"line {at + 1} of the patch is a hunk of no file",
                    next_step="write '--- a/PATH' and '+++ b/PATH' before it",
                )
            hunk, at = _hunk(lines, at, len(files[-1].hunks) + 1)
            files[-1].hunks.append(hunk)
        else:
            at += 1
    if not files or any(not each.hunks and each.new is not None for each in files):
        raise InputError(
            "the patch changes nothing",
            next_step="expected a unified diff: '--- a/PATH', '+++ b/PATH', '@@ -1,3 +1,4 @@', lines",
        )
    if len(files) > _MOST_FILES:
        raise LimitExceeded("number of files in the patch", len(files), _MOST_FILES)
    return files


def _named(line: str, prefix: str) -> str | None:
    # git puts a tab and a time behind names of other tools' diffs.
    name = line[4:].split("\t")[0].rstrip(" ")
    return None if name == _NOTHING else tree_path(name.removeprefix(prefix))


def _hunk(lines: list[str], at: int, number: int) -> tuple[_Hunk, int]:
    """The hunk that begins at this line, and the line after it."""
    header = _HUNK.match(lines[at])
    if header is None:
        raise InputError(
            f"line {at + 1} of the patch is {lines[at][:60]!r}",
            next_step="expected '@@ -START,COUNT +START,COUNT @@'",
        )
    start, old_count, _, new_count = (1 if part is None else int(part) for part in header.groups())
    hunk = _Hunk(number, start)
    at += 1
    while at < len(lines) and not _begins_another(lines, at, hunk, old_count, new_count):
        line, kind = lines[at][1:], lines[at][:1]
        if kind == "\\":
            hunk.old_ends_bare |= lines[at - 1][:1] in {"-", " ", ""}
            hunk.new_ends_bare |= lines[at - 1][:1] in {"+", " ", ""}
        elif kind in {" ", "-", "+", ""}:
            # A context line that is empty often loses its space on the way.
            if kind != "+":
                hunk.old.append(line)
            if kind != "-":
                hunk.new.append(line)
        else:
            break
        at += 1
    if (len(hunk.old), len(hunk.new)) != (old_count, new_count):
        raise InputError(
            f"hunk {number} says that it has {old_count} old and {new_count} new lines,"
            f" and has {len(hunk.old)} and {len(hunk.new)}",
            next_step=f"write '@@ -{start},{len(hunk.old)} +{header[3]},{len(hunk.new)} @@' if it is whole",
        )
    return hunk, at


def _begins_another(lines: list[str], at: int, hunk: _Hunk, old_count: int, new_count: int) -> bool:
    line = lines[at]
    is_full = len(hunk.old) >= old_count and len(hunk.new) >= new_count
    if line.startswith("\\"):
        return False
    if line.startswith(("@@", "diff --git ")):
        return True
    return is_full and (line == "" or line.startswith(("--- ", "index ")))


def _applied(patch: _FilePatch, read: Callable[[str], bytes | None]) -> tuple[str, bytes | None]:
    path = patch.new or patch.old
    if path is None:
        raise InputError("the patch names no file", next_step="write '--- a/PATH' and '+++ b/PATH'")
    if patch.old is not None and patch.new is not None and patch.old != patch.new:
        raise InputError(
            f"the patch renames {patch.old!r} to {patch.new!r}", next_step="delete the one, create the other"
        )
    data = read(path)
    if patch.old is None:
        if data is not None:
            raise InputError(f"{path!r} is there already", next_step="write '--- a/PATH' to change it")
        return path, _created(path, patch)
    if data is None:
        raise InputError(f"there is no file {path!r}", next_step="write '--- /dev/null' to create it")
    before = text_of(path, data)
    text, ends = _patched(path, before, patch.hunks)
    if patch.new is None:
        if text:
            raise InputError(
                f"the patch deletes {path!r} and leaves lines of it", next_step="use the tool that deletes"
            )
        return path, None
    return path, bytes_of(path, before, text, ends)


def _created(path: str, patch: _FilePatch) -> bytes:
    if len(patch.hunks) != 1 or patch.hunks[0].old:
        raise InputError(f"the new file {path!r} has old lines", next_step="write one hunk of '+' lines")
    end = "" if patch.hunks[0].new_ends_bare else "\n"
    return new_file(path, "\n".join(patch.hunks[0].new) + end)


def _patched(path: str, before: EditableText, hunks: list[_Hunk]) -> tuple[str, tuple[str, ...]]:
    """The text after all hunks, and the ends of its lines."""
    # The last piece has no line end; it is empty where the file ends in one.
    lines = before.text.split("\n")
    ends = list(before.ends)
    moved = after = 0
    for hunk in hunks:
        at = _place(path, lines, hunk, hunk.start - 1 + moved + (not hunk.old), after)
        ends_here = ends[at : at + len(hunk.old)]
        usual = ends_here[0] if ends_here else before.usual_end
        count = len(hunk.new)
        lines[at : at + len(hunk.old)] = hunk.new
        ends[at : at + len(hunk.old)] = (ends_here + [usual] * count)[:count]
        if hunk.old_ends_bare and not hunk.new_ends_bare:
            lines.append("")
        elif hunk.new_ends_bare and not hunk.old_ends_bare and lines[-1] == "":
            lines.pop()
        moved += count - len(hunk.old)
        after = at + count
    text = "\n".join(lines)
    wanted = text.count("\n")
    return text, tuple((ends + [before.usual_end] * wanted)[:wanted])


def _place(path: str, lines: list[str], hunk: _Hunk, wanted: int, after: int) -> int:
    """The line, counted from 0, at which the old lines stand."""
    size = len(hunk.old)
    if not size:
        if 0 <= wanted <= len(lines):
            return wanted
        raise InputError(f"hunk {hunk.number}: {path!r} has no line {hunk.start}")
    if lines[wanted : wanted + size] == hunk.old and wanted >= after:
        return wanted
    found = [at for at in range(after, len(lines) - size + 1) if lines[at : at + size] == hunk.old]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(str(at + 1) for at in found[:5])
        raise InputError(
            f"hunk {hunk.number}: its lines stand in {path!r} at lines {shown}, not at {hunk.start}",
            next_step="give the right line, or more context",
        )
    raise InputError(f"hunk {hunk.number} does not fit {path!r}", next_step=_difference(lines, hunk, wanted))


def _difference(lines: list[str], hunk: _Hunk, wanted: int) -> str:
    """The first line that is otherwise than the hunk says."""
    for offset, old in enumerate(hunk.old):
        at = wanted + offset
        here = lines[at] if 0 <= at < len(lines) else None
        if here != old:
            found = "the end of the file" if here is None else repr(here[:120])
            return f"it expects {old[:120]!r} at line {at + 1}, where {found} is"
    return "its lines stand before those of the hunk above it: write hunks in order"
