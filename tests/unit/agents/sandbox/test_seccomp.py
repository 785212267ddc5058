"""The filter of system calls as the kernel reads it: a program, run here by a machine of our own."""

from __future__ import annotations

import errno
import struct

import pytest

from loccit.agents.sandbox.seccomp import seccomp_program
from loccit.core.errors import SandboxUnavailable

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the program returns for a call, computed as Documentation/networking/filter.rst says."""
    program = seccomp_program(machine)
    steps = list(struct.iter_unpack("=HBBI", program))
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture or _ARCHITECTURES[machine], 0, *given)
    held = at = 0
    while True:
        code, yes, no, operand = steps[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("<I", data, operand)[0]
        elif code == 0x15:
            at += yes if held == operand else no
        elif code == 0x25:
            at += yes if held > operand else no
        elif code == 0x45:
            at += yes if held & operand else no
        else:
            assert code == 0x06
            return operand


def refusal(code: int) -> int:
    return _ERRNO | code


@pytest.mark.parametrize(
    ("machine", "number", "arguments", "expected"),
    [
        ("x86_64", 0, (), _ALLOW),
        ("x86_64", 272, (0,), refusal(errno.EPERM)),
        ("aarch64", 97, (0,), refusal(errno.EPERM)),
        ("x86_64", 97, (), _ALLOW),
        ("x86_64", 435, (), refusal(errno.ENOSYS)),
        ("x86_64", 425, (), refusal(errno.ENOSYS)),
        ("x86_64", 56, (17,), _ALLOW),
        ("x86_64", 56, (17 | 0x10000000,), refusal(errno.EPERM)),
        ("aarch64", 220, (17 | 0x40000000,), refusal(errno.EPERM)),
        ("x86_64", 56, (1 << 40 | 17 | 0x20000,), refusal(errno.EPERM)),
        ("x86_64", 41, (1, 1, 0), _ALLOW),
        ("x86_64", 41, (2, 1, 0), _ALLOW),
        ("x86_64", 41, (10, 2, 17), _ALLOW),
        ("x86_64", 41, (2, 1, 132), refusal(errno.EPROTONOSUPPORT)),
        ("x86_64", 41, (16, 3, 0), _ALLOW),
        ("x86_64", 41, (16, 3, 9), refusal(errno.EPROTONOSUPPORT)),
        ("x86_64", 41, (40, 1, 0), refusal(errno.EAFNOSUPPORT)),
        ("x86_64", 41, (1 << 32 | 40, 1, 0), refusal(errno.EAFNOSUPPORT)),
        ("aarch64", 198, (40, 1, 0), refusal(errno.EAFNOSUPPORT)),
        ("x86_64", 53, (1, 1, 0), _ALLOW),
        ("x86_64", 53, (2, 1, 0), refusal(errno.EAFNOSUPPORT)),
        ("x86_64", 16, (0, 0x5401), _ALLOW),
        ("x86_64", 16, (0, 0x5412), refusal(errno.EPERM)),
        ("x86_64", 16, (0, 1 << 32 | 0x5412), refusal(errno.EPERM)),
        ("x86_64", 135, (0xFFFFFFFF,), _ALLOW),
        ("x86_64", 135, (0x0040000,), refusal(errno.EPERM)),
        ("x86_64", 462, (), _ALLOW),
        ("x86_64", 463, (), refusal(errno.ENOSYS)),
        ("x86_64", 0x40000000, (), refusal(errno.ENOSYS)),
        ("x86_64", 0xFFFFFFFF, (), refusal(errno.ENOSYS)),
    ],
)
def test_a_call_is_allowed_or_refused(
    machine: str, number: int, arguments: tuple[int, ...], expected: int
) -> None:
    assert verdict(machine, number, *arguments) == expected


def test_calls_of_another_architecture_kill() -> None:
    assert verdict("x86_64", 0, architecture=0x40000003) == _KILL
    assert verdict("aarch64", 0, architecture=_ARCHITECTURES["x86_64"]) == _KILL


def test_every_jump_stays_in_the_program_and_every_way_ends() -> None:
    for machine in _ARCHITECTURES:
        steps = list(struct.iter_unpack("=HBBI", seccomp_program(machine)))
        assert len(steps) < 4096
        assert steps[-1][0] == 0x06
        for at, (code, yes, no, _) in enumerate(steps):
            if code & 0x07 == 0x05:
                assert at + 1 + max(yes, no) < len(steps)


def test_an_architecture_without_a_filter_has_no_boxes() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        seccomp_program("riscv64")
