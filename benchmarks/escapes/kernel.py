"""Parts of the kernel that give rights, or that holes were found in."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

KERNEL = (
    Attempt(
        "unshare-any-namespace",
        """
        for flag in (
            0x10000000,
            0x00020000,
            0x40000000,
            0x20000000,
            0x04000000,
            0x08000000,
            0x02000000,
            0x80,
        ):
            refused(lambda: call("unshare", flag))
            refused(lambda: call("unshare", flag | 0x10000000))
        """,
    ),
    Attempt(
        "clone-into-a-namespace",
        """
        def clone(flags):
            pid = call("clone", flags | signal.SIGCHLD, 0, 0, 0, 0)
            if pid == 0:
                os._exit(0)
            return pid

        for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x10020000):
            refused(lambda: clone(flag))
        """,
    ),
    Attempt(
        "clone-with-high-bits",
        """
        # A filter that compares all 64 bits would not see the flag.
        def clone():
            pid = call("clone", (1 << 40) | 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
            if pid == 0:
                os._exit(0)
            return pid

        refused(clone, errno.EINVAL)
        """,
    ),
    Attempt(
        "clone3-into-a-namespace",
        """
        def clone():
            arguments = struct.pack("=8Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
            pid = call("clone3", arguments, len(arguments))
            if pid == 0:
                os._exit(0)
            return pid

        refused(clone)
        """,
    ),
    Attempt(
        "setns-of-the-keeper-and-of-itself",
        """
        for process in ("1", "self"):
            for name in ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup"):
                try:
                    descriptor = os.open(f"/proc/{process}/ns/{name}", os.O_RDONLY)
                except OSError as error:
                    if error.errno not in REFUSED:
                        raise
                    continue
                refused(lambda: call("setns", descriptor, 0), errno.EINVAL)
        """,
    ),
    Attempt(
        "setns-by-a-process-handle",
        """
        handle = os.pidfd_open(1)
        refused(lambda: call("setns", handle, 0x10000000 | 0x00020000))
        """,
    ),
    Attempt(
        "io-uring",
        """
        refused(lambda: call("io_uring_setup", 8, buffer(256)))
        """,
    ),
    Attempt(
        "perf-events",
        """
        event = struct.pack("=IIQ", 1, 128, 0) + bytes(112)
        refused(lambda: call("perf_event_open", event, 0, -1, -1, 0))
        """,
    ),
    Attempt(
        "bpf-map-and-program",
        """
        refused(lambda: call("bpf", 0, struct.pack("=IIII", 2, 4, 8, 1) + bytes(112), 128))
        refused(lambda: call("bpf", 5, struct.pack("=IIQ", 1, 0, 0) + bytes(112), 128))
        """,
    ),
    Attempt(
        "userfaultfd",
        """
        refused(lambda: call("userfaultfd", 0))
        refused(lambda: call("userfaultfd", 1))
        absent("/dev/userfaultfd")
        """,
    ),
    Attempt(
        "kernel-modules",
        """
        refused(lambda: call("init_module", buffer(), 4096, b""))
        refused(lambda: call("finit_module", os.open("/bin/true", os.O_RDONLY), b"", 0))
        refused(lambda: call("delete_module", b"loop", 0))
        """,
    ),
    Attempt(
        "modules-by-odd-sockets",
        """
        # Asking for a protocol makes the kernel load the module that has it.
        for family, kind, protocol in (
            (2, 1, 132),
            (2, 5, 132),
            (2, 6, 33),
            (2, 1, 262),
            (2, 3, 255),
            (10, 1, 132),
        ):
            refused(lambda: socket.socket(family, kind, protocol), errno.ESOCKTNOSUPPORT)
        """,
    ),
    Attempt(
        "kexec",
        """
        refused(lambda: call("kexec_load", 0, 0, None, 0))
        refused(lambda: call("kexec_file_load", 0, 0, 0, b"", 0))
        """,
    ),
    Attempt(
        "keyrings",
        """
        for arguments in ((0, -3, 1), (0, -5, 1), (6, -5), (11, -3, buffer(), 4096), (1, b"loccit")):
            refused(lambda: call("keyctl", *arguments))
        refused(lambda: call("add_key", b"user", b"loccit", b"x", 1, -3))
        refused(lambda: call("request_key", b"user", b"loccit-outside", None, 0))
        with open("/proc/keys") as keys:
            if "loccit-outside" in keys.read():
                raise Escaped("the key's name can be read")
        """,
    ),
    Attempt(
        "x32-calls",
        """
        if X86:
            refused(lambda: call(0x40000000 | 272, 0x10000000))
            refused(lambda: call(0x40000000 | 39))
        """,
    ),
    Attempt(
        "32-bit-calls",
        """
        import mmap

        if X86:
            # mov eax, 20 (getpid of i386); int 0x80; ret
            code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            code.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
            address = ctypes.addressof(ctypes.c_char.from_buffer(code))
            child = os.fork()
            if child == 0:
                ctypes.CFUNCTYPE(ctypes.c_int)(address)()
                os._exit(0)
            if os.waitpid(child, 0)[1] == 0:
                raise Escaped("a call of i386 was answered")
        """,
    ),
    Attempt(
        "calls-that-are-newer-than-the-filter",
        """
        for number in (463, 464, 467, 468, 470, 500, 600):
            refused(lambda: call(number, 0, 0, 0, 0, 0, 0))
        """,
    ),
    Attempt(
        "personality",
        """
        for value in (0x0040000, 0x0400000, 0x4000000):
            refused(lambda: call("personality", value))
        """,
    ),
    Attempt(
        "memory-that-nobody-counts",
        """
        refused(lambda: call("memfd_create", b"x", 0))
        refused(lambda: call("memfd_secret", 0))
        refused(lambda: call("shmget", 0, 1 << 30, 0o1600))
        refused(lambda: call("msgget", 0, 0o1600))
        refused(lambda: call("mq_open", b"loccit", 0o102, 0o600, None))
        """,
    ),
    Attempt(
        "shared-memory-of-outside",
        """
        refused(lambda: call("shmget", int(os.environ["OUTSIDE_SHM"]), 0, 0))
        with open("/proc/sysvipc/shm") as table:
            if len(table.readlines()) > 1:
                raise Escaped("segments of outside are listed")
        """,
    ),
    Attempt(
        "watching-all-files",
        """
        refused(lambda: call("fanotify_init", 0, 0))
        """,
    ),
    Attempt(
        "capabilities",
        """
        header = struct.pack("=Ii", 0x20080522, 0)
        refused(lambda: call("capset", header, struct.pack("=6I", *[0xFFFFFFFF] * 6)))
        with open("/proc/self/status") as status:
            held = dict(line.split(":", 1) for line in status)
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if int(held[name], 16):
                raise Escaped(name + held[name])
        if held["NoNewPrivs"].strip() != "1" or held["Seccomp"].strip() != "2":
            raise Escaped("no filter")
        """,
    ),
)
