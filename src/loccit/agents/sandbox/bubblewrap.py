"""How bubblewrap is started: what a box sees of this machine, and as whom it runs.

A box sees the system's programs and libraries, read-only, the interpreter that its keeper runs on, and the
folders that it is given. Everything else is new and empty, in memory and of a fixed size.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loccit.agents.options import SandboxOptions
from loccit.core.errors import SandboxUnavailable

INSTALL = "install bubblewrap (Debian and Ubuntu: apt-get install bubblewrap)"

# What programs of the system read, below /etc; nothing there that says who uses this machine and for what.
_ETC = (
    "alternatives",
    "pki/tls/certs",
    "pki/ca-trust",
    "ssl/certs",
)
# Of these a copy is put in: a mount costs more than a small file.
_ETC_FILES = ("ld.so.cache", "localtime", "mime.types", "protocols", "services", "ssl/openssl.cnf")
# With these names the system's programs find themselves, where they are links or folders of their own.
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Of Nix and Guix, whose programs lie there and nowhere else.
_STORES = ("/nix/store", "/gnu/store")
_SHARED_MEMORY_BYTES = 64 << 20
_NOBODY = 65_534
_FIRST_UID, _UIDS = 2_000_000_000, 100_000_000
KEEPER = "/run/keeper"
PROGRAMS = "/run/programs"


@dataclass(frozen=True, slots=True)
class Inside:
    """What a box has.

    folders: those of this machine that it sees read-only, by their path inside.
    has_memory_limit: whether a cgroup limits the memory of all its processes together.
    """

    limits: SandboxOptions
    folders: Mapping[str, Path] = field(default_factory=dict[str, Path])
    work_folder: str = "/work"
    has_network: bool = False
    has_memory_limit: bool = False


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python for the keeper. folder: what has to be seen of it, None where the system's folders hold it."""

    program: Path
    folder: Path | None
    runs_our_bytecode: bool


def find_bubblewrap(name: str) -> str:
    """The path of bubblewrap's program. Raises SandboxUnavailable."""
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(
            f"boxes are made of parts of Linux, and this is {sys.platform!r}",
            next_step="run it on Linux, for instance in a virtual machine",
        )
    found = shutil.which(name)
    if found is None:
        raise SandboxUnavailable(f"there is no program {name!r}", next_step=INSTALL)
    return os.path.realpath(found)


def find_interpreter() -> Interpreter:
    """The Python that keeps boxes: our own, or the system's where an ordinary user could not reach ours.

    Root's boxes run as somebody who may not read root's folders.
    """
    own = Path(os.path.realpath(sys.executable))
    prefix = Path(sys.base_prefix)
    if _is_of_system(own):
        return Interpreter(own, None, runs_our_bytecode=True)
    system = Path(os.path.realpath("/usr/bin/python3"))
    if os.geteuid() == 0 and not is_reachable(prefix) and system.exists():
        same = system.name == f"python{sys.version_info.major}.{sys.version_info.minor}"
        return Interpreter(system, None, runs_our_bytecode=same)
    return Interpreter(own, prefix, runs_our_bytecode=True)


def is_reachable(path: Path) -> bool:
    """Whether somebody with no rights of their own can read the folder: all above it let them pass."""
    needed = stat.S_IROTH | stat.S_IXOTH
    try:
        return (path.stat().st_mode & needed) == needed and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents
        )
    except OSError:
        return False


def system_files() -> dict[str, bytes]:
    """Small files below /etc that a box has a copy of, by path; those that are there."""
    found = {path: Path(path) for path in (f"/etc/{name}" for name in _ETC_FILES)}
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def fresh_uid() -> int | None:
    """A number of nobody on this machine, for root to run a box as; None where we are an ordinary user.

    Uid 0 without any capability still owns files of the kernel, such as /proc/sys/kernel/core_pattern.
    """
    if os.geteuid() != 0:
        return None
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    covered = any(int(first) + int(count) > _FIRST_UID + _UIDS for first, _, count in lines)
    # In a container there may be no more than 65,536 of them.
    return random.SystemRandom().randrange(_FIRST_UID, _FIRST_UID + _UIDS) if covered else _NOBODY


def command(
    program: str,
    inside: Inside,
    interpreter: Interpreter,
    descriptors: Mapping[str, int],
    *,
    uid: int | None,
    disable_userns: bool,
) -> list[str]:
    """The command that starts a box as somebody of this uid, None as we are.

    `descriptors` are open files: `control`, `seccomp`, and those whose bytes a box has below its root folder.

    Raises SandboxUnavailable where root cannot become somebody else.
    """
    folders = dict(inside.folders)
    if interpreter.folder is not None:
        folders[str(interpreter.folder)] = interpreter.folder
    staged: dict[str, Path] = {}
    if uid is not None and not all(is_reachable(path) for path in folders.values()):
        staged = {f"/tmp/{place}": path for place, path in enumerate(folders.values())}  # noqa: S108
        folders = {target: Path(source) for target, source in zip(folders, staged, strict=True)}
    words = [
        program,
        *_namespaces(disable_userns=disable_userns, has_network=inside.has_network),
        *_system(has_network=inside.has_network),
        *_files(inside, descriptors, interpreter.program),
    ]
    for target, source in folders.items():
        words += ["--ro-bind", str(source), target]
    # The root folder itself is one more file system in memory, and has no size.
    words += ["--remount-ro", "/", "--clearenv", "--chdir", inside.work_folder]
    words += ["--seccomp", str(descriptors["seccomp"])]
    limits = inside.limits
    words += ["--", str(interpreter.program), "-I", "-S", "-B", KEEPER, str(descriptors["control"])]
    words += map(str, (limits.processes, limits.memory_bytes, limits.open_files, limits.file_bytes))
    # Some programs ask for far more than they use, which only a limit of what is used lets pass.
    words.append("0" if inside.has_memory_limit else str(limits.memory_bytes))
    if uid is None:
        return words
    return [*_stage(program, staged), *_as_somebody_else(uid), *words]


def _namespaces(*, disable_userns: bool, has_network: bool) -> list[str]:
    words = ["--unshare-all", "--unshare-user", "--unshare-cgroup", "--die-with-parent", "--new-session"]
    words += ["--as-pid-1", "--hostname", "box", "--cap-drop", "ALL"]
    words += ["--disable-userns"] if disable_userns else []
    return [*words, "--share-net"] if has_network else words


def _system(*, has_network: bool) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for store in _STORES:
        words += ["--ro-bind-try", store, store]
    for name in (*_ETC, *(("resolv.conf",) if has_network else ())):
        if Path("/etc", name).exists():
            words += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    return words


def _files(inside: Inside, descriptors: Mapping[str, int], python: Path) -> list[str]:
    words = ["--proc", "/proc", "--dev", "/dev"]
    for size, folder in (
        (_SHARED_MEMORY_BYTES, "/dev/shm"),  # noqa: S108 - that of the box
        (inside.limits.temporary_bytes, "/tmp"),  # noqa: S108
        (inside.limits.work_bytes, inside.work_folder),
    ):
        words += ["--size", str(size), "--tmpfs", folder]
    words += ["--remount-ro", "/dev"]
    for name, descriptor in descriptors.items():
        if name.startswith("/"):
            words += ["--perms", "0644", "--file", str(descriptor), name]
    return [*words, "--symlink", str(python), f"{PROGRAMS}/python"]


def _stage(program: str, staged: Mapping[str, Path]) -> list[str]:
    """What root runs first, so that somebody else can show folders to a box that only root can reach.

    They are bound to where everybody can, in a mount namespace of its own.
    """
    if not staged:
        return []
    words = [program, "--dev-bind", "/", "/", "--tmpfs", "/tmp", "--die-with-parent"]  # noqa: S108
    for target, source in staged.items():
        words += ["--ro-bind", str(source), target]
    return [*words, "--"]


def _as_somebody_else(uid: int) -> list[str]:
    """How root gives up what it may, before bubblewrap starts.

    Python can do that for a process that it starts, and then has to copy itself for it: 17 ms where it holds
    300 MB.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SandboxUnavailable(
            "there is no program 'setpriv', by which root becomes somebody else before a box starts",
            next_step="install util-linux (Alpine: apk add setpriv), or run loccit as an ordinary user",
        )
    return [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]


def _is_of_system(path: Path) -> bool:
    return any(path.is_relative_to(top) for top in ("/usr", *_STORES))
