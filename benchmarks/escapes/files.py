"""Files of this machine, and what is copied out of a box."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

FILES = (
    Attempt(
        "reading-the-home-folder",
        """
        secret = os.environ["OUTSIDE_FILE"]
        for name in (
            secret,
            "/proc/self/root" + secret,
            "/proc/1/root" + secret,
            "/proc/self/cwd/../.." + secret,
            "/work/../.." + secret,
        ):
            refused(lambda: os.open(name, os.O_RDONLY), errno.ENOENT)
        for folder in (
            "/home",
            "/root/.ssh",
            "/var",
            "/srv",
            "/mnt",
            "/media",
            "/opt",
            "/boot",
            "/tmp/" + os.path.basename(secret),
        ):
            absent(folder)
        """,
    ),
    Attempt(
        "accounts-of-this-machine",
        """
        for name in (
            "/etc/shadow",
            "/etc/gshadow",
            "/etc/sudoers",
            "/etc/ssh",
            "/etc/hostname",
            "/etc/machine-id",
            "/etc/fstab",
            "/etc/resolv.conf",
        ):
            absent(name)
        with open("/etc/passwd") as file:
            if file.read().count("\\n") != 1:
                raise Escaped("the machine's accounts")
        """,
    ),
    Attempt(
        "writing-to-the-system",
        """
        for name in (
            "/x",
            "/usr/x",
            "/usr/bin/x",
            "/usr/local/bin/x",
            "/etc/x",
            "/run/x",
            "/dev/x",
            "/proc/x",
            "/etc/alternatives/x",
            "/usr/lib/x",
        ):
            refused(lambda: os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), errno.ENOENT)
            refused(lambda: os.mkdir(name), errno.ENOENT)
        for name in ("/usr/bin/env", "/etc/passwd", "/etc/hosts", "/run/keeper", "/etc/ld.so.cache"):
            refused(lambda: os.open(name, os.O_WRONLY))
            refused(lambda: os.unlink(name), errno.EBUSY)
            refused(lambda: os.chmod(name, 0o777))
            refused(lambda: os.rename(name, "/work/x"), errno.EXDEV, errno.EBUSY)
        """,
    ),
    Attempt(
        "every-writable-mount",
        """
        with open("/proc/self/mountinfo") as table:
            places = [line.split()[4] for line in table]
        writable = set()
        for place in places:
            if os.path.isdir(place):
                try:
                    os.close(os.open(place + "/probe", os.O_WRONLY | os.O_CREAT, 0o600))
                except OSError:
                    continue
                writable.add(place)
        if writable != {"/work", "/tmp", "/dev/shm"}:
            raise Escaped(repr(writable))
        """,
    ),
    Attempt(
        "hard-links-to-the-system",
        """
        for name in ("/usr/bin/env", "/etc/passwd", "/etc/ld.so.cache"):
            refused(lambda: os.link(name, "/work/linked"), errno.EXDEV)
        """,
    ),
    Attempt(
        "files-by-their-number",
        """
        handle = struct.pack("=Ii", 128, 0) + bytes(128)
        refused(lambda: call("name_to_handle_at", -100, b"/usr/bin/env", handle, buffer(8), 0))
        folder = os.open("/usr", os.O_RDONLY)
        root = struct.pack("=Ii", 8, 1) + struct.pack("=II", 2, 0)
        refused(lambda: call("open_by_handle_at", folder, root, os.O_RDONLY))
        """,
    ),
    Attempt(
        "copy-out-of-a-link",
        """
        os.symlink(os.environ["OUTSIDE_FILE"], "/work/secret")
        os.symlink("/etc/passwd", "/work/accounts")
        os.symlink("/proc/self/environ", "/work/environment")
        os.symlink("../../../../etc/hosts", "/work/hosts")
        """,
        refused=frozenset({"secret", "accounts", "environment", "hosts"}),
    ),
    Attempt(
        "copy-out-through-a-linked-folder",
        """
        os.symlink(os.path.dirname(os.environ["OUTSIDE_FILE"]), "/work/folder")
        os.symlink("/etc", "/work/etc")
        os.rename("/work/given", "/work/given.before")
        os.symlink("/usr", "/work/given")
        """,
        refused=frozenset({"folder", "etc", "given"}),
    ),
    Attempt(
        "copy-out-of-what-is-no-file",
        """
        os.mkfifo("/work/pipe")
        socket.socket(socket.AF_UNIX).bind("/work/socket")
        os.mkdir("/work/closed")
        with open("/work/closed/file", "w") as file:
            file.write("x")
        os.chmod("/work/closed", 0)
        with open("/work/unreadable", "w") as file:
            file.write("x")
        os.chmod("/work/unreadable", 0)
        """,
        refused=frozenset({"pipe", "socket", "closed", "unreadable"}),
    ),
    Attempt(
        "copy-out-of-a-huge-file",
        """
        with open("/work/sparse", "wb") as file:
            refused(lambda: file.truncate(1 << 50), errno.EFBIG, errno.EINVAL)
            file.truncate(1 << 28)
        """,
        refused=frozenset({"sparse"}),
    ),
    Attempt(
        "copy-out-of-names-that-git-obeys",
        """
        for name in (".git", ".GIT", ".git ", "git~1", ".git.", ".Git::$INDEX_ALLOCATION"):
            os.makedirs("/work/" + name + "/hooks")
            with open("/work/" + name + "/hooks/pre-commit", "w") as file:
                file.write("#!/bin/sh")
        """,
        refused=frozenset(
            f"{name}/hooks/pre-commit"
            for name in (".git", ".GIT", ".git ", "git~1", ".git.", ".Git::$INDEX_ALLOCATION")
        ),
    ),
    Attempt(
        "copy-out-of-odd-names",
        """
        for name in ("a\\nb", "a\\x1b[2Jb", "back\\\\slash", "right\\u202eleft", "zero\\u200bwidth"):
            with open("/work/" + name, "w") as file:
                file.write("x")
        with open(b"/work/\\xff\\xfe", "w") as file:
            file.write("x")
        """,
        refused=frozenset(
            {"a\nb", "a\x1b[2Jb", "back\\slash", "right\u202eleft", "zero\u200bwidth", "\udcff\udcfe"}
        ),
    ),
    Attempt(
        "copy-out-of-a-deep-folder",
        """
        os.chdir("/work")
        for _ in range(2000):
            os.mkdir("d")
            os.chdir("d")
        with open("file", "w") as file:
            file.write("x")
        """,
        refused=frozenset({"/".join(["d"] * 64)}),
    ),
)
