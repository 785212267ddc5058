"""What belongs to the machine: its mounts, its settings, its name and clock, its devices, its accounts."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

MACHINE = (
    Attempt(
        "mounting",
        """
        for source, target, kind, flags in (
            (b"tmpfs", b"/work", b"tmpfs", 0),
            (b"proc", b"/tmp", b"proc", 0),
            (b"sysfs", b"/tmp", b"sysfs", 0),
            (b"/", b"/tmp", b"", 4096),
            (b"cgroup", b"/tmp", b"cgroup", 0),
            (b"cgroup2", b"/tmp", b"cgroup2", 0),
            (b"overlay", b"/tmp", b"overlay", 0),
            (b"debugfs", b"/tmp", b"debugfs", 0),
            (b"bpf", b"/tmp", b"bpf", 0),
        ):
            refused(lambda: call("mount", source, target, kind, flags, 0))
        """,
    ),
    Attempt(
        "making-mounts-writable",
        """
        for target in (b"/", b"/usr", b"/dev", b"/proc", b"/etc/passwd"):
            refused(lambda: call("mount", b"", target, b"", 32, 0))
            refused(lambda: call("mount", b"", target, b"", 32 | 4096, 0))
        attributes = struct.pack("=4Q", 0, 1, 0, 0)
        refused(lambda: call("mount_setattr", -100, b"/usr", 0, attributes, len(attributes)))
        """,
    ),
    Attempt(
        "unmounting",
        """
        for target in (b"/usr", b"/proc", b"/etc/alternatives", b"/work", b"/dev/null"):
            refused(lambda: call("umount2", target, 2))
        """,
    ),
    Attempt(
        "mounting-by-the-new-calls",
        """
        refused(lambda: call("fsopen", b"tmpfs", 0))
        refused(lambda: call("fsmount", 0, 0, 0))
        refused(lambda: call("open_tree", -100, b"/usr", 1))
        refused(lambda: call("move_mount", 0, b"", -100, b"/tmp", 4))
        refused(lambda: call("listmount", buffer(32), buffer(), 8, 0))
        """,
    ),
    Attempt(
        "pivot-root",
        """
        os.makedirs("/tmp/new/old")
        refused(lambda: call("pivot_root", b"/tmp/new", b"/tmp/new/old"))
        refused(lambda: call("pivot_root", b".", b"."))
        """,
    ),
    Attempt(
        "chroot-and-climb",
        """
        os.makedirs("/tmp/cage", exist_ok=True)
        refused(lambda: os.chroot("/tmp/cage"))
        for _ in range(100):
            os.chdir("..")
        if os.path.exists("home") or os.path.exists("root/.bashrc"):
            raise Escaped("the machine's root folder")
        """,
    ),
    Attempt(
        "core-pattern",
        """
        for mode in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
            refused(lambda: os.open("/proc/sys/kernel/core_pattern", mode))
        refused(lambda: os.chmod("/proc/sys/kernel/core_pattern", 0o666))
        """,
    ),
    Attempt(
        "settings-of-the-kernel",
        """
        names = []
        for folder, _, files in os.walk("/proc/sys"):
            names += [os.path.join(folder, file) for file in files]
        if len(names) < 100:
            raise Escaped("nothing was tried")
        for name in names:
            # Writing back what is there changes nothing where it works.
            try:
                with open(name, "rb") as file:
                    before = file.read()
                descriptor = os.open(name, os.O_WRONLY)
            except OSError:
                continue
            try:
                os.write(descriptor, before)
            except OSError:
                continue
            finally:
                os.close(descriptor)
            # Of the box's own namespaces.
            if name.startswith(("/proc/sys/net/", "/proc/sys/user/", "/proc/sys/fs/mqueue/")):
                continue
            if os.path.basename(name).startswith(("auto_msgmni", "msg", "sem", "shm", "pid_max")):
                continue
            raise Escaped(name)
        """,
    ),
    Attempt(
        "sysrq",
        """
        refused(lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY), errno.EIO, errno.ENOENT)
        """,
    ),
    Attempt(
        "files-of-the-kernel",
        """
        for name in (
            "/proc/kcore",
            "/proc/kmsg",
            "/proc/kpagemap",
            "/proc/kpagecount",
            "/proc/vmallocinfo",
            "/proc/slabinfo",
        ):
            refused(lambda: os.open(name, os.O_RDONLY), errno.ENOENT)
        with open("/proc/kallsyms") as names:
            if any(int(line.split()[0], 16) for line in names):
                raise Escaped("addresses of the kernel")
        """,
    ),
    Attempt(
        "sysfs-and-what-is-mounted-there",
        """
        for name in (
            "/sys/kernel",
            "/sys/fs/cgroup",
            "/sys/power/state",
            "/sys/kernel/debug",
            "/sys/kernel/security",
        ):
            absent(name)
        refused(lambda: os.mkdir("/sys"))
        """,
    ),
    Attempt(
        "cgroup-release-agent",
        """
        os.makedirs("/tmp/group", exist_ok=True)
        for kind, data in ((b"cgroup", b"memory"), (b"cgroup", b"rdma"), (b"cgroup2", b"")):
            refused(lambda: call("mount", b"x", b"/tmp/group", kind, 0, data))
        absent("/sys/fs/cgroup")
        """,
    ),
    Attempt(
        "host-name",
        """
        refused(lambda: call("sethostname", b"escaped", 7))
        refused(lambda: call("setdomainname", b"escaped", 7))
        refused(lambda: os.open("/proc/sys/kernel/hostname", os.O_WRONLY))
        if socket.gethostname() != "box":
            raise Escaped(socket.gethostname())
        """,
    ),
    Attempt(
        "clock",
        """
        moment = struct.pack("=qq", 1_000_000_000, 0)
        refused(lambda: call("clock_settime", 0, moment))
        refused(lambda: call("settimeofday", moment, None))
        refused(lambda: call("adjtimex", struct.pack("=I", 1) + bytes(252)))
        refused(lambda: time.clock_settime(time.CLOCK_REALTIME, 1e9))
        """,
    ),
    Attempt(
        "power",
        """
        refused(lambda: call("reboot", 0xFEE1DEAD, 672274793, 0x01234567, 0))
        """,
    ),
    Attempt(
        "swap-quota-accounting-log",
        """
        with open("/work/swap", "wb") as file:
            file.write(bytes(1 << 16))
        refused(lambda: call("swapon", b"/work/swap", 0))
        refused(lambda: call("swapoff", b"/work/swap"))
        refused(lambda: call("quotactl", 0x800007 << 8, b"/dev/vda", 0, buffer()))
        refused(lambda: call("acct", b"/work/swap"))
        refused(lambda: call("syslog", 3, buffer(), 4096))
        refused(lambda: call("syslog", 5, None, 0))
        """,
    ),
    Attempt(
        "ports-of-the-machine",
        """
        if X86:
            refused(lambda: call(172, 3))
            refused(lambda: call(173, 0x80, 1, 1))
            refused(lambda: call(154, 1, buffer(16), 16))
        """,
    ),
    Attempt(
        "device-nodes",
        """
        for kind, device in (
            (stat.S_IFBLK, (8, 0)),
            (stat.S_IFBLK, (254, 0)),
            (stat.S_IFCHR, (1, 1)),
            (stat.S_IFCHR, (1, 11)),
        ):
            for folder in ("/work", "/tmp", "/dev/shm"):
                refused(lambda: os.mknod(f"{folder}/device", 0o600 | kind, os.makedev(*device)))
        for name in (
            "mem",
            "kmem",
            "port",
            "kmsg",
            "vda",
            "sda",
            "nvme0n1",
            "fuse",
            "kvm",
            "loop-control",
            "vsock",
            "uinput",
        ):
            absent("/dev/" + name)
        """,
    ),
    Attempt(
        "becoming-somebody-else",
        """
        for number in (0, 1, 65534, 1000):
            refused(lambda: os.setuid(number), errno.EINVAL)
            refused(lambda: os.setgid(number), errno.EINVAL)
        refused(lambda: os.setgroups([0]))
        refused(
            lambda: (
                os.open("/proc/self/uid_map", os.O_WRONLY)
                and os.write(os.open("/proc/self/uid_map", os.O_WRONLY), b"0 0 1")
            )
        )
        if 0 in (os.getuid(), os.geteuid(), os.getgid()):
            raise Escaped("root")
        """,
    ),
    Attempt(
        "set-uid-programs",
        """
        import shutil, subprocess

        tried = 0
        for folder in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec"):
            for here, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(here, name)
                    mode = os.lstat(path).st_mode
                    if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                        tried += 1
                        # Whoever runs it is still nobody.
                        try:
                            started = subprocess.Popen([path], stdin=-3, stdout=-3, stderr=-3)
                        except PermissionError:
                            continue
                        with open(f"/proc/{started.pid}/status") as status:
                            held = dict(line.split(":", 1) for line in status)
                        started.kill()
                        started.wait()
                        if "0" in held["Uid"].split() or int(held["CapPrm"], 16):
                            raise Escaped(path)
        if not tried:
            raise Escaped("nothing was tried")
        if os.statvfs("/usr").f_flag & os.ST_NOSUID == 0:
            raise Escaped("set-uid programs keep their rights")
        for words in (["su", "-c", "true"], ["sudo", "-n", "true"], ["pkexec", "true"]):
            if shutil.which(words[0]):
                try:
                    done = subprocess.run(words, stdin=-3, stdout=-3, stderr=-3, timeout=1)
                except subprocess.TimeoutExpired:
                    continue
                if done.returncode == 0:
                    raise Escaped(words[0])
        """,
    ),
    Attempt(
        "set-uid-programs-of-its-own",
        """
        import shutil, subprocess

        for folder in ("/work", "/tmp", "/dev/shm"):
            shutil.copy("/usr/bin/id", folder + "/id")
            os.chmod(folder + "/id", 0o6755)
            shown = subprocess.run([folder + "/id"], capture_output=True).stdout
            if b"uid=0" in shown or b"euid=" in shown:
                raise Escaped(shown.decode())
            refused(
                lambda: os.setxattr(
                    folder + "/id", "security.capability", struct.pack("=5I", 0x02000001, 0xFFFFFFFF, 0, 0, 0)
                ),
                errno.EOPNOTSUPP,
                errno.EINVAL,
            )
            refused(lambda: os.chown(folder + "/id", 0, 0), errno.EINVAL)
        """,
    ),
    Attempt(
        "characters-for-the-terminal",
        """
        import fcntl, termios

        refused(lambda: os.open("/dev/tty", os.O_RDWR), errno.ENXIO)
        master, slave = os.openpty()
        for request in (termios.TIOCSTI, 0x541C):
            for place in (0, 1, 2, slave):
                refused(lambda: fcntl.ioctl(place, request, b"x"))
        # The kernel looks at 32 bits of it, and so has a filter to.
        refused(lambda: call(16 if X86 else 29, slave, (1 << 32) | 0x5412, b"x"))
        """,
    ),
    Attempt(
        "ftrace-and-debugging",
        """
        for name in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing", "/proc/1/stack"):
            refused(lambda: os.open(name, os.O_RDONLY), errno.ENOENT)
        refused(lambda: call("lookup_dcookie", 0, buffer(), 4096))
        """,
    ),
)
