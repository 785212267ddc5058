"""Other processes: the keeper of the box, what comes after the command, and those outside."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

PROCESSES = (
    Attempt(
        "tracing-the-keeper",
        """
        for request in (16, 0x4206):
            refused(lambda: call("ptrace", request, 1, 0, 0))
        child = os.fork()
        if child == 0:
            time.sleep(5)
            os._exit(0)
        refused(lambda: call("ptrace", 16, child, 0, 0))
        refused(lambda: call("ptrace", 0, 0, 0, 0))
        os.kill(child, signal.SIGKILL)
        """,
    ),
    Attempt(
        "memory-of-the-keeper",
        """
        held = ctypes.create_string_buffer(8)
        local = struct.pack("=QQ", ctypes.addressof(held), 8)
        for name in ("process_vm_readv", "process_vm_writev"):
            refused(lambda: call(name, 1, local, 1, struct.pack("=QQ", 0x400000, 8), 1, 0))
        for name in ("mem", "maps", "environ", "auxv", "pagemap", "smaps_rollup"):
            for mode in (os.O_RDONLY, os.O_RDWR):

                def read():
                    descriptor = os.open(f"/proc/1/{name}", mode)
                    return os.read(descriptor, 10)

                refused(read, errno.EIO)
        """,
    ),
    Attempt(
        "descriptors-of-the-keeper",
        """
        refused(lambda: os.listdir("/proc/1/fd"))
        for number in range(64):
            refused(lambda: os.open(f"/proc/1/fd/{number}", os.O_RDWR))
        handle = os.pidfd_open(1)
        for number in range(16):
            refused(lambda: call("pidfd_getfd", handle, number, 0))
        refused(lambda: call("kcmp", 1, os.getpid(), 0, 3, 3))
        """,
    ),
    Attempt(
        "the-keepers-root-folder",
        """
        for name in ("/proc/1/root/", "/proc/1/cwd/", "/proc/1/exe", "/proc/1/ns/mnt"):
            refused(lambda: os.listdir(name) if name.endswith("/") else os.open(name, os.O_RDONLY))
        """,
    ),
    Attempt(
        "signals-to-the-keeper",
        """
        for number in sorted(set(range(1, 65)) - {32, 33}):
            os.kill(1, number)
        time.sleep(0.05)
        os.kill(1, 0)
        """,
        then="""
        return
        """,
    ),
    Attempt(
        "signals-to-outside",
        """
        for pid in (int(os.environ["OUTSIDE_PID"]), int(os.environ["OUTSIDE_OWNER"])):
            for number in (signal.SIGTERM, signal.SIGKILL):
                refused(lambda: os.kill(pid, number), errno.ESRCH)
                refused(lambda: os.killpg(pid, number), errno.ESRCH)
        """,
    ),
    Attempt(
        "signals-to-everybody",
        """
        child = os.fork()
        if child == 0:
            time.sleep(100)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            os.kill(-1, number)
        os.waitpid(child, 0)
        """,
        then="""
        return
        """,
    ),
    Attempt(
        "killing-its-parent",
        """
        os.kill(os.getppid(), signal.SIGKILL)
        os.killpg(0, signal.SIGCONT)
        if os.getppid() != 1:
            raise Escaped(str(os.getppid()))
        """,
        then="""
        return
        """,
    ),
    Attempt(
        "processes-of-outside",
        """
        there = [name for name in os.listdir("/proc") if name.isdigit()]
        for name in there:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read()
            if b"loccit-" + b"outside" in words:
                raise Escaped(repr(words))
        if len(there) > 4:
            raise Escaped(repr(there))
        """,
    ),
    Attempt(
        "priority-over-others",
        """
        refused(lambda: os.nice(-5))
        refused(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
        refused(
            lambda: (
                os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
                if os.geteuid() == -1
                else os.open("/proc/1/oom_score_adj", os.O_WRONLY)
            )
        )

        def lower():
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("-1000")

        refused(lower)
        """,
    ),
    Attempt(
        "outliving-the-command",
        """
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
                for number in (1, 2, 15, 18, 17):
                    signal.signal(number, signal.SIG_IGN)
                while True:
                    with open("/work/alive", "w") as file:
                        file.write(str(time.monotonic()))
                    time.sleep(0.01)
        time.sleep(0.1)
        """,
        then="""
        with open("/work/alive") as file:
            before = file.read()
        time.sleep(0.1)
        with open("/work/alive") as file:
            if file.read() != before:
                raise Escaped("it still runs")
        if len([name for name in os.listdir("/proc") if name.isdigit()]) > 2:
            raise Escaped("something else runs")
        """,
    ),
    Attempt(
        "answering-for-the-keeper",
        """
        forged = struct.pack("<I", 21) + b"".join(struct.pack("<I", len(p)) + p for p in (b"done", b"0", b""))
        tried = 0
        for number in range(3, 1024):
            try:
                os.write(number, forged)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
                tried += 1
        if tried != 1021:
            raise Escaped("something was open")
        with open("/proc/net/unix") as sockets:
            if len(sockets.readlines()) > 1:
                raise Escaped("a socket can be seen")
        """,
    ),
    Attempt(
        "open-files-of-the-owner",
        """
        there = set(os.listdir("/proc/self/fd"))
        if len(there - {"0", "1", "2"}) > 1:
            raise Escaped(repr(there))
        for number in ("0", "1", "2"):
            goal = os.readlink("/proc/self/fd/" + number)
            if not goal.startswith(("pipe:", "/memfd:stdin")):
                raise Escaped(goal)
        refused(lambda: os.write(os.open("/proc/self/fd/0", os.O_RDWR), b"x"))
        """,
    ),
    Attempt(
        "environment-of-the-owner",
        """
        if "LOCCIT_ESCAPE_SECRET" in os.environ:
            raise Escaped("inherited")
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/environ", "rb") as file:
                        if b"LOCCIT_ESCAPE" in file.read():
                            raise Escaped(name)
                except OSError as error:
                    if error.errno not in REFUSED:
                        raise
        """,
    ),
)
