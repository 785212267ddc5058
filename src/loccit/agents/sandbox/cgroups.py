"""Limits of memory and processes for a box as a whole, where this machine lets us set them.

rlimits hold for one process each. What all processes of a box have together the kernel limits by cgroups:
version 2 where a group above ours has both controllers and is ours to divide (under systemd a user's own
session), version 1 where we may make groups (mostly root).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "loccit-box-"
_CONTROLLERS = ("memory", "pids")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder below which groups can be made for these controllers. version: 1 or 2.

    own: of version 1, the folder of the group that we are in, None where we could not come back to it.
    """

    version: int
    folder: Path
    controllers: tuple[str, ...]
    own: Path | None = None


@dataclass(slots=True)
class _Limit:
    """One controller's limit: the folder of its group; of version 1, where a thread of ours comes back to."""

    version: int
    folder: Path
    own: Path | None
    holds: bool = True


class Group:
    """The groups of one box, one for each controller, or one for both."""

    def __init__(self, limits: dict[str, _Limit]) -> None:
        self._limits = limits

    @property
    def holds(self) -> frozenset[str]:
        """Which of `memory` and `pids` are limited."""
        return frozenset(name for name, limit in self._limits.items() if limit.holds)

    @property
    def has_to_be_moved(self) -> bool:
        """Whether `add` moves a process, for which the kernel waits until nobody forks, some 20 ms."""
        return any(limit.own is None for limit in self._limits.values())

    @contextmanager
    def entered(self) -> Generator[None]:
        """Processes that this thread starts meanwhile are born inside, where groups are of version 1.

        A thread that moves itself is let through at once, other than a process that is moved by another one.
        """
        here = [limit for limit in self._limits.values() if limit.own is not None]
        try:
            for limit in here:
                _written(limit.folder / "tasks", "0")
            yield
        finally:
            for limit in here:
                if limit.own is not None:
                    (limit.own / "tasks").write_text("0", "ascii")

    def add(self, pid: int) -> None:
        """Have a process in the groups; its children are born there. What does not take it, holds no more."""
        there = {line.rpartition("/")[2] for line in _lines(Path(f"/proc/{pid}/cgroup"))}
        added: dict[Path, bool] = {}
        for limit in self._limits.values():
            if limit.own is not None:
                limit.holds = limit.folder.name in there
                continue
            if limit.folder not in added:
                added[limit.folder] = _written(limit.folder / "cgroup.procs", str(pid))
            limit.holds = added[limit.folder]

    def kills_for_memory(self) -> int:
        """How many processes the kernel has ended because the memory was used up."""
        limit = self._limits.get("memory")
        if limit is None:
            return 0
        return _counted(
            limit.folder / ("memory.events" if limit.version == 2 else "memory.oom_control"), "oom_kill"
        )

    def refused_processes(self) -> int:
        """How often a process was not born because there were too many."""
        limit = self._limits.get("pids")
        return _counted(limit.folder / "pids.events", "max") if limit else 0

    def remove(self) -> bool:
        """Remove the groups; whether that was possible: none of their processes may live."""
        left = [limit for limit in self._limits.values() if not _removed(limit.folder)]
        return not left


def places(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/self")) -> list[Place]:
    """Where groups can be made here, one place for each controller at most; none where we may not."""
    found: list[Place] = []
    for line in _lines(proc / "cgroup"):
        _, names, path = line.split(":", 2)
        inner = path.lstrip("/")
        if names:
            for name in set(names.split(",")).intersection(_CONTROLLERS):
                own = [root / names / inner, root / name / inner]
                place = _writable([*own, root / names, root / name], "cgroup.procs")
                found += [Place(1, place, (name,), _writable(own, "tasks"))] if place else []
        else:
            found += _divisible(root, inner)
    return sorted(found, key=lambda place: place.version)


def make(found: Sequence[Place], *, memory_bytes: int, processes: int) -> Group:
    """New groups with these limits, in those places that allow it."""
    wanted = {"memory": memory_bytes, "pids": processes}
    name = f"{_PREFIX}{os.getpid()}-{next(_NUMBERS)}"
    limits: dict[str, _Limit] = {}
    for place in found:
        folder = place.folder / name
        with suppress(OSError):
            folder.mkdir()
            for controller in place.controllers:
                if controller not in limits and _limit(place, folder, controller, wanted[controller]):
                    limits[controller] = _Limit(place.version, folder, place.own)
            if all(limit.folder != folder for limit in limits.values()):
                folder.rmdir()
    return Group(limits)


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


def _writable(folders: Sequence[Path], file: str) -> Path | None:
    return next((folder for folder in folders if os.access(folder / file, os.W_OK)), None)


def _limit(place: Place, folder: Path, controller: str, value: int) -> bool:
    if controller == "pids":
        return _written(folder / "pids.max", str(value))
    if place.version == 1:
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
