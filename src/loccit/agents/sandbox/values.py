"""What boxes take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

StoppedBy = Literal["", "time", "memory", "output", "processes"]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    code: its exit code, negative for the signal that ended it; None where it was stopped.
    stdout, stderr: what it printed, as bytes that nobody has looked at; was_cut says that a line in the
        middle of one stands for what was left out.
    stopped_by: the limit that ended it, empty where it ended by itself.
    """

    code: int | None
    stdout: bytes
    stderr: bytes
    stopped_by: StoppedBy
    seconds: float
    was_cut: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """How the files of a box differ from what was put in.

    files: those that are new or hold something else, whole. executable: which of them are.
    deleted: those that were put in and are gone.
    refused: what is new or different and does not come out, with the reason: links, devices, pipes, what is
        too large or nested too deep, and names that could mean something outside. A name that is no UTF-8 has
        its odd bytes as surrogates.
    """

    files: Mapping[str, bytes]
    executable: frozenset[str]
    deleted: tuple[str, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Files:
    """What is put into a box: bytes by path, relative to the work folder, with / between names.

    links: symbolic links by path, with what they lead to; nobody outside ever follows them.
    """

    contents: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    executable: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Environment:
    """What a project needs to run, installed once and shown read-only to boxes.

    key: a digest of all that decided what is in it. folders: those of this machine, by their path in the box.
    variables: what commands find in their environment, with `PATH` put before that of the system.
    links: symbolic links in the work folder that lead there.
    test_command: how the project's tests are run, empty where nobody could tell.
    left_out: what the project asks for that is no package of a name, and was not installed.
    """

    key: str
    kind: Literal["python", "node", "go", ""]
    folders: Mapping[str, Path]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    test_command: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a link in a box. link: what it leads to, None for a file."""

    path: str
    is_executable: bool
    link: str | None
