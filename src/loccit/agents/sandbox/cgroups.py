"""Limits of memory and processes for a box as a whole, where this machine lets us set them.

rlimits hold for one process each. What all processes of a box have together the kernel limits by cgroups:
version 2 where a group above ours has both controllers and is ours to divide (under systemd a user's own
session), version 1 where we may make groups (mostly root).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "loccit-box-"
_CONTROLLERS = ("memory", "pids")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder below which groups can be made for these controllers. version: 1 or 2."""

    version: int
    folder: Path
    controllers: tuple[str, ...]


@dataclass(slots=True)
class Group:
    """The groups of one box. holds: the controllers that limit it."""

    folders: dict[str, tuple[int, Path]]

    @property
    def holds(self) -> tuple[str, ...]:
        """Which of `memory` and `pids` are limited."""
        return tuple(self.folders)

    def add(self, pid: int) -> bool:
        """Put a process in; its children are born there. Whether that was allowed."""
        return all(_written(folder / "cgroup.procs", str(pid)) for _, folder in self.folders.values())

    def kills_for_memory(self) -> int:
        """How many processes the kernel has ended because the memory was used up."""
        if "memory" not in self.folders:
            return 0
        version, folder = self.folders["memory"]
        return _counted(folder / ("memory.events" if version == 2 else "memory.oom_control"), "oom_kill")

    def refused_processes(self) -> int:
        """How often a process was not born because there were too many."""
        if "pids" not in self.folders:
            return 0
        return _counted(self.folders["pids"][1] / "pids.events", "max")

    def remove(self) -> bool:
        """Remove the groups; whether that was possible: none of their processes may live."""
        left = [folder for _, folder in self.folders.values() if not _removed(folder)]
        return not left


def places(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/self")) -> list[Place]:
    """Where groups can be made here, one place for each controller at most; none where we may not."""
    found: list[Place] = []
    for line in _lines(proc / "cgroup"):
        _, names, path = line.split(":", 2)
        inner = path.lstrip("/")
        if names:
            for name in set(names.split(",")).intersection(_CONTROLLERS):
                place = _writable([root / names / inner, root / name / inner, root / names, root / name])
                found += [Place(1, place, (name,))] if place else []
        else:
            found += _divisible(root, inner)
    return sorted(found, key=lambda place: place.version)


def make(found: Sequence[Place], *, memory_bytes: int, processes: int) -> Group:
    """New groups with these limits, in those places that allow it."""
    limits = {"memory": memory_bytes, "pids": processes}
    name = f"{_PREFIX}{os.getpid()}-{next(_NUMBERS)}"
    group = Group({})
    for place in found:
        folder = place.folder / name
        with suppress(OSError):
            folder.mkdir()
            for controller in place.controllers:
                if controller not in group.folders and _limit(
                    place.version, folder, controller, limits[controller]
                ):
                    group.folders[controller] = (place.version, folder)
            if all(used != folder for _, used in group.folders.values()):
                folder.rmdir()
    return group


def sweep(found: Sequence[Place]) -> None:
    """Remove the groups of boxes whose owner is gone."""
    for place in found:
        for folder in place.folder.glob(f"{_PREFIX}*-*"):
            owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
            if owner.isdigit() and not Path("/proc", owner).exists():
                _removed(folder)


def _divisible(root: Path, inner: str) -> list[Place]:
    """The nearest group of version 2, from ours upwards, that hands both controllers on and is ours."""
    for top in (root, root / "unified"):
        if not (top / "cgroup.controllers").exists():
            continue
        here = top / inner
        for folder in (here, *here.parents):
            handed = " ".join(_lines(folder / "cgroup.subtree_control")).split()
            has_all = set(_CONTROLLERS) <= set(handed)
            if has_all and os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
                return [Place(2, folder, _CONTROLLERS)]
            if folder == top:
                break
    return []


def _writable(folders: Sequence[Path]) -> Path | None:
    return next((folder for folder in folders if folder.is_dir() and os.access(folder, os.W_OK)), None)


def _limit(version: int, folder: Path, controller: str, value: int) -> bool:
    if controller == "pids":
        return _written(folder / "pids.max", str(value))
    if version == 1:
        return _written(folder / "memory.limit_in_bytes", str(value))
    # Nothing moves to the swap space: a box ends where its memory does.
    with suppress(OSError):
        (folder / "memory.swap.max").write_text("0", "ascii")
    return _written(folder / "memory.max", str(value))


def _written(path: Path, text: str) -> bool:
    try:
        path.write_text(text, "ascii")
    except OSError:
        return False
    return True


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _counted(path: Path, name: str) -> int:
    found = (line.split() for line in _lines(path))
    return next((int(words[1]) for words in found if len(words) == 2 and words[0] == name), 0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []
