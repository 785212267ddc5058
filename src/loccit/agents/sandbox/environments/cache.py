"""Where environments lie: `environments/KEY` in the home folder, each complete or not there.

An environment is written next to its place and renamed. What is in it was made in a box and is never run, or
followed, outside of one.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from loccit.agents.sandbox.box import Box
from loccit.agents.sandbox.names import path_in
from loccit.agents.sandbox.values import Environment
from loccit.core.errors import StorageFailed

INSIDE = "/environment"
# What it was made from.
FROM = ".from"
_MANIFEST = "environment.json"
_TREE = "tree"
_DAY_S = 86_400.0


def folder_of(home: Path, key: str) -> Path:
    """Where the environment of this key lies, or would."""
    return home / "environments" / key


def find(home: Path, key: str) -> dict[str, Any] | None:
    """What was noted of an environment, None where it is not there. It is taken as used now."""
    folder = folder_of(home, key)
    try:
        noted = json.loads((folder / _MANIFEST).read_text("utf-8"))
        os.utime(folder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageFailed(
            f"cannot read {str(folder)!r}: {error}", next_step="remove the folder; it is made again"
        ) from error
    return noted


def tree_of(home: Path, key: str) -> Path:
    """The folder that boxes see as `/environment`."""
    return folder_of(home, key) / _TREE


async def keep(home: Path, key: str, box: Box, noted: Mapping[str, Any]) -> None:
    """Copy what a box has made to its place in the cache. Raises StorageFailed, and as `box.read` does."""
    place = folder_of(home, key)
    draft = place.with_name(f"{key}.{os.getpid()}.{time.monotonic_ns()}.draft")
    try:
        draft.mkdir(parents=True, mode=0o755)
        await _copy(box, draft / _TREE)
        (draft / _MANIFEST).write_text(json.dumps(dict(noted)), "utf-8")
        try:
            draft.rename(place)
        except OSError:
            # Somebody else has made the same one meanwhile.
            if not (place / _MANIFEST).exists():
                raise
    except OSError as error:
        raise StorageFailed(f"cannot write {str(place)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def prune(home: Path, *, unused_days: float = 30.0) -> tuple[int, int]:
    """Remove environments that nobody has used for so long, and drafts of whoever was killed: folders, bytes."""
    folders = size = 0
    for folder in sorted((home / "environments").glob("*")):
        with suppress(FileNotFoundError):
            limit = _DAY_S if folder.name.endswith(".draft") else unused_days * _DAY_S
            if time.time() - folder.stat().st_mtime > limit:
                held = sum(path.lstat().st_size for path in folder.rglob("*"))
                shutil.rmtree(folder)
                folders, size = folders + 1, size + held
    return folders, size


def environment(key: str, home: Path, noted: Mapping[str, Any], folders: Mapping[str, Path]) -> Environment:
    """The environment that was noted, with the folders that a box sees for it."""
    return Environment(
        key=key,
        kind=noted["kind"],
        folders={**folders, INSIDE: tree_of(home, key)},
        variables=noted["variables"],
        links=noted["links"],
        test_command=tuple(noted["test_command"]),
        left_out=tuple(noted["left_out"]),
    )


async def _copy(box: Box, target: Path) -> None:
    """Write all that a box has. Nothing that is written is opened again, so no link is followed."""
    made: set[Path] = set()
    target.mkdir(mode=0o755)
    # Links last: nothing is ever written below one.
    entries = sorted(await box.everything(), key=lambda entry: entry.link is not None)
    for entry in entries:
        if entry.path.startswith(f"{FROM}/"):
            continue
        path_in(entry.path)
        place = target / entry.path
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            made.add(place.parent)
        if entry.link is not None:
            place.symlink_to(entry.link)
            continue
        mode = 0o755 if entry.is_executable else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(place, flags, mode), "wb") as file:
            file.write(await box.read(entry.path))
            os.fchmod(file.fileno(), mode)
