"""Small JSON documents that publish something: replaced whole by rename, so that a reader meets the old or
the new.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import GenericAlias
from typing import Any, Generic, TypeVar, cast, get_args, get_origin, get_type_hints

from loccit.indexing.arrays import broken, storage_failed, sync_folder

T = TypeVar("T")

_MOST_REMEMBERED = 256
# Longer than any file system's clock takes to tick.
_SETTLED_NS = 3_000_000_000


def read_document(path: Path) -> dict[str, Any] | None:
    """The JSON object in the file; None where there is no file.

    Raises IndexBroken for a file that cannot be read or is no JSON object.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise broken(path, "it is not JSON") from error
    if not isinstance(document, dict):
        raise broken(path, "it is no JSON object")
    return cast("dict[str, Any]", document)


class Remembered(Generic[T]):
    """What the documents at some paths say, read again only when they were replaced; safe across threads.

    A file is told by its inode, size and times. The clock of a file system ticks every few milliseconds, so
    that a file replaced twice within a tick may look as it did before: what is younger than `_SETTLED_NS` is
    read each time, as git does with what changed while it wrote its own index.
    """

    def __init__(self, read: Callable[[Path], T]) -> None:
        """`read` reads and understands the document at a path; its errors pass through, and are not kept."""
        self._read = read
        self._known: dict[str, tuple[tuple[int, ...], T]] = {}
        self._guard = Lock()

    def at(self, path: Path) -> T:
        """What the document at `path` says now. It is shared: not to be changed."""
        name = str(path)
        try:
            found = path.stat()
        except OSError:
            return self._read(path)  # tells what is wrong, if anything is
        identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known = self._known.get(name)
        if known is not None and known[0] == identity:
            return known[1]
        said = self._read(path)
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS:
            with self._guard:
                self._known.pop(name, None)
                if len(self._known) >= _MOST_REMEMBERED:
                    del self._known[next(iter(self._known))]
                self._known[name] = (identity, said)
        return said


def replace_document(path: Path, document: Mapping[str, Any]) -> None:
    """Put the document at `path`: durable, and at once for every later reader. Raises StorageFailed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="ascii") as file:
            json.dump(document, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise storage_failed(path, error) from error


def sweep_drafts(path: Path) -> None:
    """Delete the drafts of `path` that killed writers left behind. Only for who may write it now."""
    for draft in path.parent.glob(f".{path.name}.*.tmp"):
        draft.unlink(missing_ok=True)


def from_fields(kind: type[T], entry: Any) -> T:
    """The dataclass instance that this JSON object stands for.

    Raises TypeError for an unknown or missing field and for a value of another type than the field's.
    """
    if not isinstance(entry, dict):
        raise TypeError(f"{entry!r} is no {kind.__name__}")
    given = cast("dict[str, Any]", entry)
    hints = _hints(kind)
    for name, value in given.items():
        if name in hints and not _fits(value, hints[name]):
            raise TypeError(f"{name} is {value!r}")
    return kind(**given)


@lru_cache(maxsize=8)
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of the type: a class, a union of classes, a Literal, or dict[str, int]."""
    origin = get_origin(hint)
    if origin is dict:
        items = cast("dict[Any, Any]", value).items() if isinstance(value, dict) else None
        name, content = get_args(cast("GenericAlias", hint))
        return items is not None and all(_fits(k, name) and _fits(v, content) for k, v in items)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(hint, type):
        return isinstance(value, hint)
    options = get_args(hint)
    return any(value == option if isinstance(option, str) else _fits(value, option) for option in options)
