"""Which system calls code in a box may make: a filter for the kernel, written as its BPF program.

What is refused, and why, stands in `_REFUSED`. All other calls up to the highest number that somebody has
looked at are allowed; later ones do not exist in a box, so that a new kernel opens nothing. The filter is
for x86_64 and aarch64, in that architecture's own calls alone: 32-bit programs are killed, x32 has no call.

Source: Documentation/userspace-api/seccomp_filter.rst and include/uapi/linux of Linux.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence

from loccit.core.errors import SandboxUnavailable

# struct sock_filter: what to do, where to go on if so and if not, a number.
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS: take a word of seccomp_data
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_ABOVE = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_IF_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000

# struct seccomp_data: the call's number, the architecture, where it was made, its arguments of 64 bits.
# Both architectures are little-endian: the low half of an argument comes first, and the kernel looks at no
# more of those that are compared here. Comparing the high half too would let a caller hide behind it.
_NUMBER = 0
_ARCHITECTURE = 4


def _argument(index: int) -> int:
    return 16 + 8 * index


_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# The calls of x32, a second set of numbers of x86_64, have this bit.
_X32 = 0x40000000
# mseal(2), of Linux 6.10, the last one looked at. The numbers above 423 are those of all architectures.
_HIGHEST = 462

# Calls that are refused whatever their arguments: name, number on x86_64, on aarch64 (None: it has none).
_Call = tuple[str, int | None, int | None]
_REFUSED: tuple[tuple[int, tuple[_Call, ...]], ...] = (
    (
        # Memory and control of other processes. The keeper of the box is one of them.
        errno.EPERM,
        (
            ("ptrace", 101, 117),
            ("process_vm_readv", 310, 270),
            ("process_vm_writev", 311, 271),
            ("process_madvise", 440, 440),
            ("process_mrelease", 448, 448),
            ("pidfd_getfd", 438, 438),
            ("kcmp", 312, 272),
            ("move_pages", 279, 239),
            ("migrate_pages", 256, 238),
        ),
    ),
    (
        # Namespaces, and what a process sees as its files. In a new user namespace code would have every
        # capability, and with them the parts of the kernel that most holes were found in.
        errno.EPERM,
        (
            ("unshare", 272, 97),
            ("setns", 308, 268),
            ("mount", 165, 40),
            ("umount2", 166, 39),
            ("pivot_root", 155, 41),
            ("chroot", 161, 51),
            ("open_tree", 428, 428),
            ("move_mount", 429, 429),
            ("fsopen", 430, 430),
            ("fsconfig", 431, 431),
            ("fsmount", 432, 432),
            ("fspick", 433, 433),
            ("mount_setattr", 442, 442),
            ("statmount", 457, 457),
            ("listmount", 458, 458),
            ("quotactl", 179, 60),
            ("quotactl_fd", 443, 443),
            ("swapon", 167, 224),
            ("swapoff", 168, 225),
            # A file by its number instead of its path gets around what is mounted.
            ("name_to_handle_at", 303, 264),
            ("open_by_handle_at", 304, 265),
            ("fanotify_init", 300, 262),
        ),
    ),
    (
        # clone3 takes its flags from memory, where a filter cannot look. C libraries fall back on clone.
        errno.ENOSYS,
        (("clone3", 435, 435),),
    ),
    (
        # Large, fast-changing parts of the kernel that tests have no use for. Programs that could use
        # io_uring ask whether it is there.
        errno.ENOSYS,
        (
            ("io_uring_setup", 425, 425),
            ("io_uring_enter", 426, 426),
            ("io_uring_register", 427, 427),
        ),
    ),
    (
        errno.EPERM,
        (
            ("bpf", 321, 280),
            ("perf_event_open", 298, 241),
            ("userfaultfd", 323, 282),
            ("kexec_load", 246, 104),
            ("kexec_file_load", 320, 294),
            ("init_module", 175, 105),
            ("finit_module", 313, 273),
            ("delete_module", 176, 106),
            ("lookup_dcookie", 212, 18),
            ("nfsservctl", 180, 42),
        ),
    ),
    (
        # The kernel's keyrings belong to no namespace.
        errno.EPERM,
        (("add_key", 248, 217), ("request_key", 249, 218), ("keyctl", 250, 219)),
    ),
    (
        # The machine itself: its clock, name, log, power, ports.
        errno.EPERM,
        (
            ("reboot", 169, 142),
            ("syslog", 103, 116),
            ("acct", 163, 89),
            ("settimeofday", 164, 170),
            ("clock_settime", 227, 112),
            ("clock_adjtime", 305, 266),
            ("adjtimex", 159, 171),
            ("sethostname", 170, 161),
            ("setdomainname", 171, 162),
            ("vhangup", 153, 58),
            ("iopl", 172, None),
            ("ioperm", 173, None),
            ("modify_ldt", 154, None),
            ("uselib", 134, None),
            ("ustat", 136, None),
            ("sysfs", 139, None),
            ("_sysctl", 156, None),
        ),
    ),
    (
        # Memory that outlives its processes, or that belongs to no file system of the box and to no mapping:
        # nothing would count it where there is no cgroup. Programs fall back on files.
        errno.ENOSYS,
        (
            ("shmget", 29, 194),
            ("msgget", 68, 186),
            ("mq_open", 240, 180),
            ("memfd_create", 319, 279),
            ("memfd_secret", 447, 447),
        ),
    ),
)

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (NEWTIME cannot be asked for by clone.)
_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_NETLINK_ROUTE = 0
# The default of the type, ICMP (ping), TCP, UDP, ICMPv6. Others load modules of the kernel on demand (SCTP,
_PROTOCOLS = (0, 1, 6, 17, 58)

# What puts characters into a terminal's input, and the console's own.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
# PER_LINUX, and the question which it is. Others are of old binaries, or turn protections off.
_PERSONALITIES = (0, 0xFFFFFFFF)

_Step = tuple[int, int, int, int]


def seccomp_program(machine: str | None = None) -> bytes:
    """The filter as an array of `struct sock_filter`, for this machine or one that `os.uname` calls so.

    Raises SandboxUnavailable for another architecture.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise SandboxUnavailable(
            f"there is no filter of system calls for {machine!r}",
            next_step="run it on x86_64 or aarch64",
        )
    is_x86 = machine == "x86_64"
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    # x32 numbers are above the highest, too; they are named here because they must never be allowed.
    for bound in (_X32 - 1, _HIGHEST) if is_x86 else (_HIGHEST,):
        steps += [(_IF_ABOVE, 0, 1, bound), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for code, calls in _REFUSED:
        for call in calls:
            number = call[1] if is_x86 else call[2]
            if number is not None:
                steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | code)]
    for numbers, block in _blocks():
        # Each block ends with a verdict, so that whoever enters it never comes out of it.
        steps += [(_IF_EQUAL, 0, len(block), numbers[0 if is_x86 else 1]), *block]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", code, yes, no, number) for code, yes, no, number in steps)


def _blocks() -> tuple[tuple[tuple[int, int], list[_Step]], ...]:
    """Calls that depend on their arguments: numbers on both architectures, and what decides."""
    clone = [
        (_LOAD, 0, 0, _argument(0)),
        (_IF_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    ioctl = _only_if_none_of(1, (_TIOCSTI, _TIOCLINUX), errno.EPERM)
    personality = _only_if_one_of(0, _PERSONALITIES, errno.EPERM)
    return (
        ((56, 220), clone),
        ((16, 29), ioctl),
        ((135, 92), personality),
        ((41, 198), _socket()),
        ((53, 199), _only_if_one_of(0, (_UNIX,), errno.EAFNOSUPPORT)),
    )


def _socket() -> list[_Step]:
    """Unix sockets, TCP and UDP, and the kernel's list of network devices.

    No AF_VSOCK: it belongs to no namespace, and the host of a virtual machine may answer there.
    """
    inet = _only_if_one_of(2, _PROTOCOLS, errno.EPROTONOSUPPORT)
    netlink = _only_if_one_of(2, (_NETLINK_ROUTE,), errno.EPROTONOSUPPORT)
    return [
        (_LOAD, 0, 0, _argument(0)),
        (_IF_EQUAL, 0, 1, _UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_IF_EQUAL, 0, len(netlink), _NETLINK),
        *netlink,
        (_IF_EQUAL, 2, 0, _INET),
        (_IF_EQUAL, 1, 0, _INET6),
        (_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT),
        *inet,
    ]


def _only_if_one_of(argument: int, values: Sequence[int], code: int) -> list[_Step]:
    return [
        (_LOAD, 0, 0, _argument(argument)),
        *[(_IF_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)],
        (_RETURN, 0, 0, _ERRNO | code),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _only_if_none_of(argument: int, values: Sequence[int], code: int) -> list[_Step]:
    return [
        (_LOAD, 0, 0, _argument(argument)),
        *[(_IF_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)],
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | code),
    ]
