"""What a server logs: one event per line, a fixed phrase with key-values, and no text of anybody's.

`note` logs an event; `bound` adds facts, such as the id of a run, to every event within. Facts that are texts
by their name (a question, an answer, a quote) are logged as their length; secrets in all others are redacted.
Of an error its type and the places that it came through are logged, its message only where it is one of ours:
others repeat what they were given. Of a request the path is, without its query.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, TextIO, cast

from loccit.core.errors import LoccitError
from loccit.telemetry.redaction import redact, redact_tree

if TYPE_CHECKING:
    from types import TracebackType

    from loccit.telemetry.options import TelemetryOptions

Fact = str | int | float | bool | None
"""A value that is logged."""

# Names of facts whose values are somebody's text.
TEXTS = frozenset(
    {"answer", "body", "claim", "code", "content", "correction", "issue", "prompt", "query", "question"}
    | {"quote", "reply", "snippet", "source", "text", "title"}
)
_LONGEST = 300
_MOST_PLACES = 12
_ACCESS = "uvicorn.access"
_FACTS = "loccit_facts"
_OWN_KEYS = ("at", "level", "event", "logger")

_bound: ContextVar[Mapping[str, Fact]] = ContextVar("loccit_log_facts", default={})  # noqa: B039 - read only


@contextmanager
def bound(**facts: Fact) -> Generator[None]:
    """Every event that is logged within, in this task and those that it starts, has these facts too."""
    token = _bound.set({**_bound.get(), **facts})
    try:
        yield
    finally:
        _bound.reset(token)


def note(
    logger: logging.Logger,
    event: str,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    **facts: Fact,
) -> None:
    """Log an event: a fixed verb phrase (`request answered`), all that varies in facts."""
    if logger.isEnabledFor(level):
        logger.log(level, event, exc_info=error, extra={_FACTS: {**_bound.get(), **facts}})


def start_logging(options: TelemetryOptions, stream: TextIO) -> None:
    """Log to this stream, as the settings say, from now on; what was set up before is replaced.

    Of other packages warnings and worse are logged, and of uvicorn's requests what `log_level` says: run it
    with `log_config=None`.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if options.log_format == "json" else TextLines())
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    for name in ("loccit", "uvicorn"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", _ACCESS):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


class JsonLines(logging.Formatter):
    """One JSON object per line, in ASCII, so that nothing in it can steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return json.dumps(document_of(record))


class TextLines(logging.Formatter):
    """A line for a person: when, how grave, what, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        document = document_of(record)
        at, level, event, logger = (document.pop(key) for key in _OWN_KEYS)
        told = [f"{name}={_plain(value)}" for name, value in document.items()]
        return "  ".join([at, f"{level:<7}", event, *told, f"({logger})"])


def document_of(record: logging.LogRecord) -> dict[str, Any]:
    """What is logged of a record, as JSON can hold it."""
    event, facts = _told(record)
    document: dict[str, Any] = {
        "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z",
        "level": record.levelname.lower(),
        "event": event,
        "logger": record.name,
    }
    for name, value in facts.items():
        if name in TEXTS and isinstance(value, str):
            document[f"{name}_chars"] = len(value)
        else:
            document[f"{name}_" if name in _OWN_KEYS else name] = _value(value)
    if record.exc_info and record.exc_info[1] is not None:
        document |= _error(record.exc_info[1])
    return redact_tree(document)


def _told(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    facts = cast("dict[str, Any] | None", getattr(record, _FACTS, None))
    if facts is not None:
        return record.getMessage(), facts
    if record.name == _ACCESS and isinstance(record.args, tuple) and len(record.args) == 5:
        _, method, path, _, status = record.args
        return "request served", {
            **_bound.get(),
            "method": str(method),
            "path": str(path).partition("?")[0],
            "status": status,
        }
    # Of others the first line: what follows may repeat what they were given.
    return _cut(record.getMessage().partition("\n")[0]), dict(_bound.get())


def _value(value: object) -> object:
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return _cut(str(value))


def _error(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, LoccitError):
        told["message"] = _cut(redact(str(error)))
    told["where"] = _places(error.__traceback__)
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < _MOST_PLACES:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    if causes:
        told["because"] = causes
    return told


def _places(traceback: TracebackType | None) -> list[str]:
    """The places that an error came through, the innermost last: `file.py:12 function`."""
    found = [
        f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(traceback)
    ]
    return found[-_MOST_PLACES:]


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # Quoted where it would not read as one word; JSON's escapes keep the line one line.
    return text if text.isascii() and text.isprintable() and text and " " not in text else json.dumps(text)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
