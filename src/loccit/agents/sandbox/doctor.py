"""Which of a box's promises hold on this machine, found out by opening one and looking around in it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Literal

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.box import open_box
from loccit.agents.sandbox.bubblewrap import INSTALL
from loccit.agents.sandbox.start import machine
from loccit.core.errors import LoccitError, SandboxUnavailable

State = Literal["holds", "weaker", "broken"]

# Says of itself what it could do. Numbers are of calls that are the same on all architectures, or by socket.
_LOOK_AROUND = r"""
import ctypes, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def works(what):
    try:
        what()
    except OSError:
        return False
    return True

def written(name):
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT))

def unshared():
    if libc.unshare(0x10000000):
        raise OSError

with open("/proc/self/status") as file:
    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": int(status["CapBnd"], 16) | int(status["CapEff"], 16),
    "filter": status.get("Seccomp") == "2" and status.get("NoNewPrivs") == "1",
    "unshare": works(unshared),
    "vsock": works(lambda: socket.socket(40, 1)),
    "connects": works(lambda: socket.create_connection(("192.0.2.1", 9), 0.2)),
    "system": [name for name in ("/x", "/usr/x", "/etc/x", "/dev/x") if works(lambda: written(name))],
    "core_pattern": works(lambda: written("/proc/sys/kernel/core_pattern")),
    "environment": sorted(set(os.environ) - {"LC_CTYPE", "PWD", "SHLVL", "_"}),
    "first": works(lambda: open("/proc/1/environ", "rb").read()),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
}))
"""
_MOST_START_MS = 25.0
_STARTS = 10
_LANGUAGES = (("Node", "node"), ("npm", "npm"), ("Go", "go"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, and whether it is kept here.

    state: `weaker` where something else stands in, or where something is missing that only some need.
    """

    name: str
    state: State
    found: str
    next_step: str = ""


async def doctor(options: SandboxOptions) -> tuple[Finding, ...]:
    """What holds on this machine, in the order of what it rests on. Starts boxes, changes nothing."""
    try:
        this = machine(options.bwrap)
        version = _version(this.program)
        async with open_box(options) as box:
            ran = await box.run(["python", "-c", _LOOK_AROUND])
            limits = box.limited
    except SandboxUnavailable as error:
        return (Finding("boxes", "broken", error.message, error.next_step or INSTALL),)
    except LoccitError as error:
        return (Finding("boxes", "broken", error.message, error.next_step),)
    if ran.code != 0:
        said = ran.stderr.decode("utf-8", "replace").strip()
        return (Finding("boxes", "broken", f"a program in a box fails: {said[-300:]}"),)
    seen: dict[str, Any] = json.loads(ran.stdout)
    return (
        Finding("boxes", "holds", f"{version} starts them"),
        *_isolation(seen, disables_userns=this.disables_userns),
        *_limits(limits, options),
        await _start_up(options),
        *_languages(),
    )


def _isolation(seen: dict[str, Any], *, disables_userns: bool) -> list[Finding]:
    wrote = ", ".join(seen["system"])
    found = [
        _finding("user", seen["uid"] != 0 and not seen["capabilities"], f"{seen['uid']}, without rights"),
        _finding("system calls", seen["filter"] and not seen["unshare"], "filtered; no new namespaces"),
        _finding("network", not seen["connects"] and not seen["vsock"], "none, also no AF_VSOCK"),
        _finding("system folders", not seen["system"], f"written to: {wrote}" if wrote else "read-only"),
        _finding("settings of the kernel", not seen["core_pattern"], "cannot be written"),
        _finding("environment", not seen["first"], "clean, that of the first process closed"),
        _finding("other processes", seen["processes"] <= 2, "cannot be seen"),
    ]
    if disables_userns:
        return [*found, Finding("nested namespaces", "holds", "switched off by the kernel")]
    return [
        *found,
        Finding(
            "nested namespaces",
            "weaker",
            "refused by the filter of system calls alone: bubblewrap cannot switch them off here",
            "a bubblewrap of 0.8 or later that is not set-uid does",
        ),
    ]


def _limits(held: frozenset[str], options: SandboxOptions) -> list[Finding]:
    found: list[Finding] = []
    for name, controller, instead in (
        ("memory as a whole", "memory", "watched ten times a second, and limited for each process"),
        ("processes as a whole", "pids", "limited by the kernel for the box's user"),
    ):
        if controller in held:
            found.append(Finding(name, "holds", f"limited by the cgroup controller {controller!r}"))
        else:
            state: State = "broken" if options.needs_cgroup else "weaker"
            way = "run loccit as root, or in a systemd session whose cgroups of version 2 are delegated"
            found.append(Finding(name, state, f"no cgroup can be made here; {instead}", way))
    return found


async def _start_up(options: SandboxOptions) -> Finding:
    took: list[float] = []
    for _ in range(_STARTS):
        began = time.perf_counter()
        async with open_box(options):
            took.append(1000 * (time.perf_counter() - began))
    slowest = max(took)
    state: State = "holds" if slowest <= _MOST_START_MS else "weaker"
    middle = sorted(took)[_STARTS // 2]
    return Finding("start-up", state, f"{middle:.0f} ms, the slowest of {_STARTS} {slowest:.0f} ms")


def _languages() -> list[Finding]:
    found: list[Finding] = []
    for name, program in _LANGUAGES:
        path = shutil.which(program)
        state: State = "holds" if path else "weaker"
        found.append(Finding(name, state, path or "not here: its projects cannot be tested"))
    return found


def _finding(name: str, holds: bool, found: str) -> Finding:
    return Finding(name, "holds" if holds else "broken", found if holds else f"not so: {found}")


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, timeout=10, check=False)
    return done.stdout.decode("utf-8", "replace").strip() or program


def diagnose(options: SandboxOptions) -> tuple[Finding, ...]:
    """`doctor`, for a program that has no event loop."""
    return asyncio.run(doctor(options))
