"""The text of a file that is edited: its encoding, byte order mark and line ends stay as they are."""

from __future__ import annotations

import codecs
import difflib
import re
from dataclasses import dataclass

from loccit.core.encodings import encoding_of
from loccit.core.errors import InputError, LimitExceeded

MAX_FILE_BYTES = 1_000_000
_LOOKED_AT = 8_000
_MOST_PLACES = 5
_LINE_END = re.compile(r"\r\n|\n")


@dataclass(frozen=True, slots=True)
class EditableText:
    """A file's text with every line end as a line feed, and what it takes to write it as it was.

    `ends` is the line end of each line of the file in order; the last line may have none.
    """

    text: str
    encoding: str
    ends: tuple[str, ...]
    mark: bytes = b""

    @property
    def usual_end(self) -> str:
        """The line end that most lines have."""
        return "\r\n" if self.ends.count("\r\n") * 2 > len(self.ends) else "\n"


def text_of(path: str, data: bytes) -> EditableText:
    """The text of a file's bytes. Raises InputError for one that is binary, LimitExceeded for a large one."""
    check_size(path, data)
    encoding = encoding_of(data)
    if b"\0" in data[:_LOOKED_AT] and not encoding.startswith("utf-16"):
        raise InputError(f"{path!r} is binary", next_step="edit text files alone")
    mark = _mark_of(data, encoding)
    text = data[len(mark) :].decode(encoding)
    return EditableText(_LINE_END.sub("\n", text), encoding, tuple(_LINE_END.findall(text)), mark)


def bytes_of(path: str, before: EditableText, text: str, ends: tuple[str, ...]) -> bytes:
    """The bytes of a text in the form that the file had; line n ends as `ends` says.

    Raises InputError where the file's encoding has no such character, LimitExceeded where it grows too large.
    """
    pieces = text.split("\n")
    written = "".join(piece + end for piece, end in zip(pieces, (*ends, ""), strict=True))
    try:
        data = before.mark + written.encode(before.encoding)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise InputError(
            f"{path!r} is {before.encoding} text, which has no {character!r}",
            next_step="write it with the characters that the file has",
        ) from error
    check_size(path, data)
    return data


def new_file(path: str, text: str) -> bytes:
    """The bytes of a new file: UTF-8, as written. Raises InputError, LimitExceeded."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the text for {path!r} holds half characters", next_step="write UTF-8") from error
    if "\0" in text:
        raise InputError(f"the text for {path!r} holds NUL", next_step="write text files alone")
    check_size(path, data)
    return data


def check_size(path: str, data: bytes) -> None:
    """Raises LimitExceeded for a file that is too large to be edited."""
    if len(data) > MAX_FILE_BYTES:
        raise LimitExceeded(f"size of {path!r} in bytes", len(data), MAX_FILE_BYTES)


def replaced_once(path: str, data: bytes, old: str, new: str) -> bytes:
    """The file with the one place where `old` stands holding `new`.

    Line ends are matched however either side writes them. Raises InputError where `old` stands nowhere (with
    the lines most like it), or at several places (with their lines), or is what `new` is.
    """
    before = text_of(path, data)
    old, new = _LINE_END.sub("\n", old), _LINE_END.sub("\n", new)
    if not old:
        raise InputError(f"the text to replace in {path!r} is empty", next_step="give the lines as they are")
    if old == new:
        raise InputError(f"the new text for {path!r} is the old one", next_step="give what it should become")
    places = _places(before.text, old)
    if not places:
        raise InputError(f"{path!r} does not hold that text", next_step=_nearest(before.text, old))
    if len(places) > 1:
        lines = ", ".join(str(before.text.count("\n", 0, place) + 1) for place in places[:_MOST_PLACES])
        more = " and more" if len(places) > _MOST_PLACES else ""
        raise InputError(
            f"{path!r} holds that text {len(places):,} times, at lines {lines}{more}",
            next_step="give more lines around it, so that one place is meant",
        )
    at = places[0]
    text = before.text[:at] + new + before.text[at + len(old) :]
    return bytes_of(path, before, text, replaced_ends(before, at, old, new))


def replaced_ends(before: EditableText, at: int, old: str, new: str) -> tuple[str, ...]:
    """The line ends of the whole file after `old` at this place became `new`: new lines end as those did."""
    first = before.text.count("\n", 0, at)
    gone = before.ends[first : first + old.count("\n")]
    # What has a place among the old lines keeps that line's end.
    usual = gone[0] if gone else before.usual_end
    count = new.count("\n")
    ends = (*gone[:count], *([usual] * (count - len(gone))))
    return (*before.ends[:first], *ends, *before.ends[first + len(gone) :])


def _places(text: str, wanted: str) -> list[int]:
    """Where `wanted` begins, overlaps counted."""
    found: list[int] = []
    at = text.find(wanted)
    while at >= 0:
        found.append(at)
        at = text.find(wanted, at + 1)
    return found


def _nearest(text: str, wanted: str) -> str:
    """What stands in the file that is most like the first line of `wanted` that says something."""
    lines = text.split("\n")
    first = next((line for line in wanted.split("\n") if line.strip()), "")
    same = [number for number, line in enumerate(lines, 1) if line.split() == first.split() and first.strip()]
    if same:
        return f"its line {same[0]} has the first line, but what follows differs: read it and copy it exactly"
    # Compared with every line, a long file would take seconds.
    close = difflib.get_close_matches(first, lines[:20_000], n=1, cutoff=0.6)
    if close:
        return f"nearest is line {lines.index(close[0]) + 1}: {close[0][:200]!r}"
    return "read the file and copy the lines exactly"


def _mark_of(data: bytes, encoding: str) -> bytes:
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    mark = marks.get(encoding, b"")
    return mark if mark and data.startswith(mark) else b""
