"""What an attempt is, and what stands before each of them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """One way out.

    source: the body of a Python function that tries it. stopped_by: how the box itself may end it. refused:
    paths that must not be among what is copied out. slow: it takes a second or more. then: a second program,
    that runs in the same box afterwards and says what the first one left.
    """

    name: str
    source: str
    stopped_by: frozenset[str] = frozenset({""})
    refused: frozenset[str] = frozenset()
    slow: bool = False
    then: str = ""


_PRELUDE = '''
import ctypes, errno, json, os, platform, signal, socket, stat, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
NUMBERS = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "clone": (56, 220),
    "clone3": (435, 435), "ptrace": (101, 117), "pivot_root": (155, 41), "chroot": (161, 51),
    "io_uring_setup": (425, 425), "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "finit_module": (313, 273),
    "init_module": (175, 105), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186), "mq_open": (240, 180),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432),
    "mount_setattr": (442, 442), "syslog": (103, 116), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "personality": (135, 92), "quotactl": (179, 60), "fanotify_init": (300, 262),
    "kcmp": (312, 272), "capset": (126, 91), "setuid": (105, 146), "setgroups": (116, 159),
    "listmount": (458, 458), "move_pages": (279, 239), "lookup_dcookie": (212, 18),
}
# What the kernel, or our filter, answers to somebody who may not.
REFUSED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


class Escaped(Exception):
    pass


def call(name, *arguments):
    """The result of a system call. Raises OSError."""
    number = name if isinstance(name, int) else NUMBERS[name][0 if X86 else 1]
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(ctypes.c_long(number), *given)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(name))
    return result


def refused(what, *expected):
    """What is tried has to fail as somebody fails who may not, or in one of these other ways."""
    try:
        result = what()
    except OSError as error:
        if error.errno in REFUSED or error.errno in expected:
            return
        raise
    raise Escaped(repr(result))


def absent(path):
    if os.path.lexists(path):
        raise Escaped(path + " is there")


def buffer(size=4096):
    return ctypes.create_string_buffer(size)


def attempt():
'''

_END = """

try:
    attempt()
except Escaped as error:
    print("escaped:", error)
else:
    print("held")
"""


def program(source: str) -> str:
    """The whole program of an attempt's source."""
    return _PRELUDE + textwrap.indent(textwrap.dedent(source).strip("\n"), "    ") + _END
