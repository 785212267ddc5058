"""Everything that reaches the terminal goes through here, so that no source text can steer it."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from loccit.core.errors import InputError
from loccit.core.visible import (
    HIDDEN,
    one_line,  # noqa: F401  # pyright: ignore[reportUnusedImport] - the room takes both from here
    visible,
)

_SURROGATE = re.compile("[\ud800-\udfff]")
# In JSON, C0 is written as escapes already; the rest a terminal would obey.
_UNSAFE_IN_JSON = re.compile(f"[{HIDDEN}]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")


class ReaderLeft(Exception):
    """Nobody reads standard output any more, as after `| head`."""


def amount(size: int) -> str:
    """So many bytes, in MB, of little in kB."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 or not size else f"{size / 1e3:,.1f} kB"


def counted(count: int, noun: str) -> str:
    """A number and what it counts: `1 file`, `1,204 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def say(text: str = "") -> None:
    """A line on standard output."""
    _write(visible(text))


def note(text: str) -> None:
    """A line on standard error: progress, warnings, what to try next."""
    with suppress(OSError):  # nobody reads it
        sys.stderr.write(_encodable(sys.stderr, visible(text)) + "\n")


def say_styled(text: str) -> None:
    """A line on standard output that holds only our own styling and text that is already `visible`."""
    _write(text)


def emit(document: dict[str, Any] | str) -> None:
    """One JSON object on one line; `str` is JSON already. Each line is on its way before the next is made.

    On a terminal, control characters are written as escapes, and where standard output is not UTF-8 all
    but ASCII is.
    """
    text = document
    if not isinstance(text, str):
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATE.sub(_json_escape, text)
    if codecs.lookup(sys.stdout.encoding).name != "utf-8":
        text = _NOT_ASCII.sub(_json_escape, text)
    elif sys.stdout.isatty():
        text = _UNSAFE_IN_JSON.sub(_json_escape, text)
    _write(text)
    finish()


_CODES = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31", "cyan": "36"}


class Style:
    """ANSI styles, empty where standard output is no terminal or NO_COLOR is set."""

    def __init__(self) -> None:
        from loccit.settings import wants_colour

        self._codes = _CODES if sys.stdout.isatty() and wants_colour() else {}

    def __call__(self, text: str, *styles: str) -> str:
        """The text, made visible, in these styles."""
        shown = visible(text)
        codes = ";".join(self._codes[style] for style in styles if style in self._codes)
        return f"\x1b[{codes}m{shown}\x1b[0m" if codes else shown


def _json_escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _write(line: str) -> None:
    with _told_apart():
        sys.stdout.write(_encodable(sys.stdout, line) + "\n")


def _encodable(stream: TextIO, line: str) -> str:
    """The line; a terminal that cannot show a character gets its escape rather than an error."""
    return line.encode(stream.encoding, "backslashreplace").decode(stream.encoding)


def finish() -> None:
    """Send what was printed on its way. Raises ReaderLeft, and InputError where it cannot be written."""
    with _told_apart():
        sys.stdout.flush()


def discard() -> None:
    """Let nothing more be written: Python flushes once more when it ends, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def replace_closed_streams() -> None:
    """Let a process that was started without standard output or standard error write to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


@contextmanager
def _told_apart() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderLeft from error
    except OSError as error:
        raise InputError(f"the output cannot be written: {error.strerror or error}") from error
