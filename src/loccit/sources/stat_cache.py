"""Remembering the blob id of a file for as long as the file looks untouched."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, cast

from loccit.sources.home_files import make_folder, replace_file

_FORMAT = 1
# A file changed within one tick of its file system's clock can look untouched; so a file that is younger than
# this when it is hashed is not remembered. The second figure is for file systems that keep whole seconds.
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000


class StatCache:
    """Blob ids by path, kept in one JSON file.

    What is not asked for or remembered again is forgotten on `save`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known, self._equal = _load(file)
        self._seen: dict[str, list[Any]] = {}
        self._seen_equal: set[str] = set()
        self._is_changed = False

    def blob(self, path: str, status: os.stat_result) -> str | None:
        """The id that the file at `path` had when it looked like `status`, None where that is not known."""
        row = self._known.get(path)
        if (
            row is None
            or row[0] != status.st_mtime_ns
            or row[1:4]
            != [
                status.st_ctime_ns,
                status.st_size,
                status.st_ino,
            ]
        ):
            return None
        self._seen[path] = row
        return row[4]

    def remember(self, path: str, status: os.stat_result, blob: str, *, hashed_at_ns: int) -> None:
        """Notes the id of a file that looked like `status` and was read after `hashed_at_ns`."""
        youngest = max(status.st_mtime_ns, status.st_ctime_ns)
        tick = _TICK_NS if youngest % _SECOND_NS else _COARSE_TICK_NS
        self._is_changed = True
        if youngest + tick < hashed_at_ns:
            self._seen[path] = [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, blob]

    def is_equal(self, found: str, stored: str) -> bool:
        """Whether content `found` was judged to be `stored` as a checkout writes it."""
        pair = f"{found}:{stored}"
        if pair not in self._equal:
            return False
        self._seen_equal.add(pair)
        return True

    def remember_equal(self, found: str, stored: str) -> None:
        """Notes that content `found` is `stored` as a checkout writes it."""
        self._seen_equal.add(f"{found}:{stored}")
        self._is_changed = True

    def save(self) -> None:
        """Writes what was seen, if it differs from what was loaded. Raises StorageFailed."""
        if not self._is_changed and len(self._seen) == len(self._known):
            return
        make_folder(self._file.parent)
        document = {"format": _FORMAT, "files": self._seen, "equal": sorted(self._seen_equal)}
        replace_file(self._file, json.dumps(document, separators=(",", ":")).encode("ascii"))


def now_ns() -> int:
    """The time to hand to `remember`: taken before the file is read."""
    return time.time_ns()


def _load(file: Path) -> tuple[dict[str, list[Any]], frozenset[str]]:
    # A cache that is missing, damaged or of another format is an empty one: it costs time, never a wrong id.
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}, frozenset()
    if not isinstance(document, dict):
        return {}, frozenset()
    fields = cast("dict[str, Any]", document)
    files, equal = fields.get("files"), fields.get("equal")
    if fields.get("format") != _FORMAT or not isinstance(files, dict) or not isinstance(equal, list):
        return {}, frozenset()
    return cast("dict[str, list[Any]]", files), frozenset(cast("list[str]", equal))
