"""Taking everything that there is. What a box may take at most is set low for these."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

RESOURCES = (
    Attempt(
        "fork-bomb",
        """
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
        stopped_by=frozenset({"processes"}),
        slow=True,
    ),
    Attempt(
        "thread-bomb",
        """
        import threading

        while True:
            try:
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
            except RuntimeError:
                time.sleep(0.01)
        """,
        # Their stacks are too much data before they are too many.
        stopped_by=frozenset({"processes", "time"}),
        slow=True,
    ),
    Attempt(
        "memory-bomb",
        """
        held = []
        try:
            while len(held) < 1000:
                held.append(bytearray(b"x") * (8 << 20))
        except MemoryError:
            # Where there is no cgroup, each process has a limit of its own.
            return
        raise Escaped(str(len(held)))
        """,
        stopped_by=frozenset({"memory", ""}),
        slow=True,
    ),
    Attempt(
        "memory-bomb-of-many-children",
        """
        for _ in range(40):
            if os.fork() == 0:
                held = []
                for _ in range(8):
                    held.append(bytearray(b"x") * (4 << 20))
                time.sleep(100)
        time.sleep(100)
        """,
        stopped_by=frozenset({"memory"}),
        slow=True,
    ),
    Attempt(
        "filling-the-disk",
        """
        for folder in ("/work", "/tmp", "/dev/shm"):
            written = 0
            number = 0
            while written < 400 << 20:
                try:
                    with open(f"{folder}/{number}", "wb") as file:
                        for _ in range(8):
                            written += file.write(bytes(1 << 20))
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.EFBIG):
                        raise
                    break
                number += 1
            else:
                raise Escaped(folder)
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name)) if os.path.isfile(os.path.join(folder, name)) else None
        """,
        slow=True,
    ),
    Attempt(
        "filling-the-disk-with-names",
        """
        number = 0
        while number < 3_000_000:
            try:
                os.mkdir(f"/work/{number}")
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return
            number += 1
        raise Escaped(str(number))
        """,
        stopped_by=frozenset({"", "memory"}),
        slow=True,
    ),
    Attempt(
        "printing-a-gigabyte",
        """
        block = b"x" * (1 << 20)
        for _ in range(1024):
            os.write(1, block)
            os.write(2, block)
        """,
        stopped_by=frozenset({"output"}),
        slow=True,
    ),
    Attempt(
        "never-ending",
        """
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass
        os.setsid() if os.fork() == 0 else None
        while True:
            time.sleep(1)
        """,
        stopped_by=frozenset({"time"}),
        slow=True,
    ),
    Attempt(
        "too-many-open-files",
        """
        held = []
        try:
            while len(held) < 100_000:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            return
        raise Escaped(str(len(held)))
        """,
    ),
    Attempt(
        "a-file-that-is-too-large",
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("/work/large", "wb") as file:
            refused(lambda: file.truncate(1 << 40), errno.EFBIG)
        """,
    ),
    Attempt(
        "raising-its-limits",
        """
        import resource

        for limit in (
            resource.RLIMIT_NPROC,
            resource.RLIMIT_NOFILE,
            resource.RLIMIT_FSIZE,
            resource.RLIMIT_CORE,
            resource.RLIMIT_MEMLOCK,
        ):

            def raised():
                try:
                    resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                except ValueError as error:
                    raise OSError(errno.EPERM, str(error)) from error

            refused(raised)
        """,
    ),
)
