"""The process that keeps a box: its first inside, which holds its files and runs one command after another.

It is a program of its own, started by bubblewrap, and speaks with whoever opened the box over a socket. That
it is process 1 makes three things hold that code in the box cannot change: no signal of theirs reaches it,
`kill(-1)` ends whatever a command has left behind, and when it ends, because the owner is gone, so does
everything inside. It makes itself undumpable, so that nobody can read or write its memory, its descriptors or
its environment through /proc.

Start-up counts: nothing is imported that the interpreter has not loaded already, but for small C modules.
The other side imports the encoding of messages from here.
"""

from __future__ import annotations

import sys

# Whoever looks at the types of this module sees whole modules; at run time they cost half of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import signal as _signal
    import stat
    from collections.abc import Iterator, Sequence
    from socket import socket
    from typing import BinaryIO, Literal
else:
    # What the modules of these names are made of.
    import _signal
    import _stat as stat
    import posix as os

# A message is a list of byte strings: its size, then each with its own, little-endian.
_WORD = 4
MOST_DEPTH = 64

_PR_SET_DUMPABLE = 4
# How often a running command is looked at, in milliseconds.
_TICK_MS = 100
# The work folder, in which bubblewrap starts us.
_ROOT = "."
_SIGKILL = 9
# Below this share of the machine's memory a box without a cgroup is stopped.
_LEAST_AVAILABLE = 0.04
_MOST_NAMES = 400_000
_MOST_LISTED_BYTES = 32 << 20


def encode(parts: Sequence[bytes]) -> bytes:
    """The message of these parts."""
    body = b"".join(len(part).to_bytes(_WORD, "little") + part for part in parts)
    return len(body).to_bytes(_WORD, "little") + body


def decode(body: bytes) -> list[bytes]:
    """The parts of a message without its size. Raises ValueError for what is none."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        end = at + _WORD + int.from_bytes(body[at : at + _WORD], "little")
        if at + _WORD > len(body) or end > len(body):
            raise ValueError("the message is cut off")
        parts.append(body[at + _WORD : end])
        at = end
    return parts


class Refused(Exception):
    """A path that is not what it should be; the owner is told."""

    def __init__(self, reason: str, path: bytes) -> None:
        super().__init__(reason)
        self.reason = reason.encode()
        self.path = path


class Keeper:
    """Answers one request after another, each with one message."""

    def __init__(self, control: socket, processes: int, memory_bytes: int) -> None:
        self._control = control
        self._processes = processes
        self._memory_bytes = memory_bytes
        self._most_names = 0

    def serve(self) -> None:
        """Answer until the owner is gone."""
        answers = {
            b"write": _write,
            b"read": _read,
            b"list": _list,
            b"run": self._run,
            # For a command that ended while the request was on its way.
            b"stop": None,
        }
        self._send([b"ready"])
        while True:
            name, *parts = self._receive()
            answer = answers[name]
            if answer is None:
                continue
            try:
                self._send([b"done", *answer(parts)])
            except Refused as error:
                self._send([b"refused", error.reason, error.path])
            except OSError as error:
                self._send([b"failed", str(error.errno or 0).encode(), _bytes(str(error))])

    def _send(self, parts: Sequence[bytes]) -> None:
        try:
            self._control.sendall(encode(parts))
        except OSError:
            os._exit(0)

    def _receive(self) -> list[bytes]:
        size = int.from_bytes(self._exactly(_WORD), "little")
        return decode(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        held = bytearray()
        while len(held) < size:
            try:
                data = self._control.recv(min(size - len(held), 1 << 20))
            except OSError:
                data = b""
            if not data:
                os._exit(0)
            held += data
        return bytes(held)

    def _run(self, parts: list[bytes]) -> list[bytes]:
        """Run a command with the three descriptors that come along: how it ended, and what stopped it.

        The parts are the working folder, the number of words of the command, its words, and its environment.
        """
        descriptors = self._descriptors()
        count = int(parts[1])
        words, variables = parts[2 : 2 + count], parts[2 + count :]
        environment = dict(zip(variables[::2], variables[1::2], strict=True))
        # A command that finds too many may take them away.
        self._most_names = max(_MOST_NAMES, _names())
        child = os.fork()
        if child == 0:
            _become(words, environment, _bytes(f"{_ROOT}/") + parts[0], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        status, stopped = self._wait(child)
        _end_everything()
        return [str(status).encode(), stopped.encode()]

    def _descriptors(self) -> list[int]:
        import _socket

        size = _WORD
        data, ancillary, _, _ = self._control.recvmsg(1, _socket.CMSG_SPACE(3 * size))
        if not data:
            os._exit(0)
        found = [
            int.from_bytes(sent[at : at + size], sys.byteorder)
            for level, kind, sent in ancillary
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS
            for at in range(0, len(sent), size)
        ]
        for descriptor in found:
            os.set_inheritable(descriptor, False)
        return found

    def _wait(self, child: int) -> tuple[int, str]:
        """The command's status once it has ended, and why it was ended if it was."""
        import select

        ended = os.pidfd_open(child)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(self._control.fileno(), select.POLLIN)
        stopped = ""
        status: int | None = None
        try:
            while status is None:
                ready = {descriptor for descriptor, _ in poll.poll(_TICK_MS)}
                if self._control.fileno() in ready:
                    # The only thing that is said meanwhile; where the owner is gone, this does not return.
                    self._receive()
                    stopped = stopped or "owner"
                stopped = stopped or self._too_much()
                if stopped:
                    _kill_all()
                status = _reap(child)
        finally:
            os.close(ended)
        return status, stopped

    def _too_much(self) -> str:
        threads, pages, running = _usage()
        if threads > self._processes:
            return "processes"
        if _names() > self._most_names:
            return "memory"
        if (
            pages * os.sysconf("SC_PAGE_SIZE") > self._memory_bytes
            and _shared_fairly(running) > self._memory_bytes
        ):
            return "memory"
        return "memory" if _machine_is_short() else ""


def _usage() -> tuple[int, int, list[str]]:
    """Threads of all processes but this one, the pages that they have in memory, and their numbers."""
    threads = pages = 0
    with os.scandir("/proc") as entries:
        running = [entry.name for entry in entries if entry.name.isdigit() and entry.name != "1"]
    for name in running:
        # Behind the name, which may hold anything, there are numbers alone.
        fields = _text(f"/proc/{name}/stat").rpartition(b")")[2].split()
        if len(fields) > 21:
            threads += int(fields[17])
            pages += int(fields[21])
    return threads, pages, running


def _names() -> int:
    """How many files there are: each takes memory that the size of their file system does not count."""
    found = os.statvfs(_ROOT)
    return found.f_files - found.f_ffree


def _shared_fairly(running: list[str]) -> int:
    """Bytes in memory, where each page that several processes share counts once."""
    total = 0
    for name in running:
        for line in _text(f"/proc/{name}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def _machine_is_short() -> bool:
    """Whether hardly any memory is left: some of what a box may take hold of belongs to no process."""
    found = {line.split()[0]: int(line.split()[1]) for line in _text("/proc/meminfo").splitlines()}
    return found.get(b"MemAvailable:", 1) < _LEAST_AVAILABLE * found.get(b"MemTotal:", 1)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _opened(descriptor: int, mode: Literal["rb", "wb"]) -> BinaryIO:
    return open(descriptor, mode)


def _text(path: str) -> bytes:
    try:
        with _opened(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            return file.read()
    except OSError:
        # Processes end while they are looked at.
        return b""


def _become(
    words: list[bytes], environment: dict[bytes, bytes], folder: bytes, descriptors: list[int]
) -> None:
    """Be the command. Does not return."""
    code = 126
    try:
        os.setsid()
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        # What was kept from others of the keeper is kept from the command of itself as well, until it is one.
        _set_dumpable(True)
        for number in (_signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, _signal.SIG_DFL)
        # Where memory runs out, the kernel ends commands before the keeper.
        os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC), b"1000")
        os.umask(0o022)
        os.chdir(folder)
        code = 127
        _execute(words, environment)
    except OSError as error:
        where = folder if code == 126 else words[0]
        os.write(2, b"cannot run " + where + b": " + _bytes(error.strerror or "") + b"\n")
    finally:
        os._exit(code)


def _execute(words: list[bytes], environment: dict[bytes, bytes]) -> None:
    """Be the program of this name: of PATH, unless it says where it is. Raises OSError."""
    name = words[0]
    folders = [b""] if b"/" in name else [f + b"/" for f in environment.get(b"PATH", b"").split(b":")]
    error: OSError = FileNotFoundError(2, "No such file or directory")
    for folder in folders:
        try:
            os.execve(folder + name, words, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as found:
            error = found
    raise error


def _kill_all() -> None:
    """SIGKILL for every process but this one. None is born meanwhile that would not get it."""
    try:
        os.kill(-1, _SIGKILL)
    except ProcessLookupError:
        return


def _reap(child: int) -> int | None:
    """The exit code of the command once it has ended, negative for a signal. Others that ended are let go."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _end_everything() -> None:
    _kill_all()
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _set_dumpable(value: bool) -> None:
    # ctypes itself takes 5 ms to load, more than all the rest of this module.
    import _ctypes

    ourselves = _ctypes.dlopen(None, 0)  # pyright: ignore[reportArgumentType]
    prctl = _ctypes.dlsym(ourselves, "prctl")
    if _ctypes.call_function(prctl, (_PR_SET_DUMPABLE, int(value), 0, 0, 0)) != 0:
        os._exit(1)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _parent(path: bytes, *, make: bool) -> tuple[int, bytes]:
    """The folder that the path lies in, opened without following a link, and its last name."""
    *folders, name = path.split(b"/")
    here = os.open(_ROOT, _FOLDER)
    for folder in folders:
        try:
            if make:
                _make_folder(here, folder)
            there = os.open(folder, _FOLDER, dir_fd=here)
        except NotADirectoryError as error:
            raise Refused("not a folder", path) from error
        except FileNotFoundError as error:
            raise Refused("not there", path) from error
        finally:
            os.close(here)
        here = there
    return here, name


def _make_folder(here: int, name: bytes) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=here)
    except FileExistsError:
        # Whether it is a folder is found out when it is opened.
        return


def _write(parts: list[bytes]) -> list[bytes]:
    """Files in place of what stands there: kind (file, executable, link, delete), path, bytes of each."""
    for at in range(0, len(parts), 3):
        kind, path, data = parts[at : at + 3]
        here, name = _parent(path, make=kind != b"delete")
        try:
            _write_one(here, name, kind, path, data)
        finally:
            os.close(here)
    return []


def _write_one(here: int, name: bytes, kind: bytes, path: bytes, data: bytes) -> None:
    # Into a new file always: what stands there may be a link, a device, or have a second name.
    try:
        os.unlink(name, dir_fd=here)
    except FileNotFoundError:
        if kind == b"delete":
            raise Refused("not there", path) from None
    except IsADirectoryError:
        raise Refused("a folder", path) from None
    if kind == b"link":
        os.symlink(data, name, dir_fd=here)
    elif kind != b"delete":
        mode = 0o755 if kind == b"executable" else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _opened(os.open(name, flags, mode, dir_fd=here), "wb") as file:
            file.write(data)


def _read(parts: list[bytes]) -> list[bytes]:
    """The bytes of a file, of so many at most, and whether it is executable."""
    path, most = parts[0], int(parts[1])
    here, name = _parent(path, make=False)
    try:
        with _opened(_open_file(here, name, path), "rb") as file:
            found = os.fstat(file.fileno())
            _check_plain(found, most, path)
            data = file.read(most + 1)
    finally:
        os.close(here)
    if len(data) > most:
        raise Refused("too large", path)
    return [data, b"1" if found.st_mode & 0o100 else b""]


def _open_file(here: int, name: bytes, path: bytes) -> int:
    import errno

    try:
        # A pipe without a writer would be waited for.
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    except FileNotFoundError:
        raise Refused("not there", path) from None
    except OSError as error:
        reasons = {errno.ELOOP: "a link", errno.ENXIO: "a socket", errno.EACCES: "not readable"}
        raise Refused(reasons.get(error.errno or 0, error.strerror or ""), path) from None


def _check_plain(found: os.stat_result, most: int, path: bytes) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused("a folder" if stat.S_ISDIR(found.st_mode) else "no regular file", path)
    if found.st_size > most:
        # Also one with holes, whose bytes are nowhere yet.
        raise Refused("too large", path)


def _list(parts: list[bytes]) -> list[bytes]:
    """Everything in the work folder but folders, so many at most: kind, path, digest or the link's goal.

    The kind is `file`, `executable`, `link`, or why it is none of these. The first part says whether there is
    more than that.
    """
    most_entries, most_bytes = int(parts[0]), int(parts[1])
    found: list[bytes] = []
    size = 0
    for kind, path, about in _walk(os.open(_ROOT, _FOLDER), b"", 1, most_bytes):
        size += len(path) + len(about)
        if len(found) >= 3 * most_entries or size > _MOST_LISTED_BYTES:
            return [b"more", *found]
        found += [kind, path, about]
    return [b"", *found]


def _walk(here: int, above: bytes, depth: int, most: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    try:
        with os.scandir(here) as entries:
            names = sorted(_bytes(entry.name) for entry in entries)
        for name in names:
            path = above + name
            try:
                mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
                inner = os.open(name, _FOLDER, dir_fd=here) if stat.S_ISDIR(mode) else -1
            except PermissionError:
                yield b"not readable", path, b""
                continue
            if stat.S_ISLNK(mode):
                yield b"link", path, os.readlink(name, dir_fd=here)
            elif inner == -1:
                yield _digest(here, name, path, most)
            elif depth >= MOST_DEPTH:
                os.close(inner)
                yield b"too deep", path, b""
            else:
                yield from _walk(inner, path + b"/", depth + 1, most)
    finally:
        os.close(here)


def _digest(here: int, name: bytes, path: bytes, most: int) -> tuple[bytes, bytes, bytes]:
    # The one hash that needs no library of its own to be loaded.
    from _blake2 import blake2b

    digest = blake2b(digest_size=32)
    try:
        with _opened(_open_file(here, name, path), "rb") as file:
            found = os.fstat(file.fileno())
            _check_plain(found, most, path)
            while data := file.read(1 << 20):
                digest.update(data)
    except Refused as error:
        return error.reason, path, b""
    return b"executable" if found.st_mode & 0o100 else b"file", path, digest.digest()


def _limit(processes: int, files: int, file_bytes: int, data: int) -> None:
    """What each process may have at most, the keeper too; any amount of data for 0."""
    import resource

    for limit, value in (
        # The watcher counts up to the limit itself; a little more lets it see that there are too many.
        (resource.RLIMIT_NPROC, processes + 16),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_DATA, data or resource.RLIM_INFINITY),
        (resource.RLIMIT_MEMLOCK, 8 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            value = most if value == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


def main() -> None:
    """Keep the box: `keeper FD PROCESSES MEMORY_BYTES OPEN_FILES FILE_BYTES DATA_BYTES`."""
    import _socket

    _set_dumpable(False)
    # The one signal that Python listens to of itself, and so the one that would reach process 1.
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    control, processes, memory, files, file_bytes, data = (int(word) for word in sys.argv[1:])
    os.set_inheritable(control, False)
    # Nothing else that the owner had open, whatever it was.
    os.closerange(3, control)
    os.closerange(control + 1, os.sysconf("SC_OPEN_MAX"))
    _limit(processes, files, file_bytes, data)
    channel = _socket.socket(fileno=control)
    Keeper(channel, processes, memory).serve()  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
