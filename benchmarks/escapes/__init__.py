"""Attempts to get out of a box, each a program of its own that runs in one.

A program says `held` once everything that it tried was refused in the way that it expects, and `escaped`
where something worked. Anything else, also an error of its own, counts as not held: a broken attempt proves
nothing. Beside what it says, the outside is looked at before and after.
"""

from __future__ import annotations

from benchmarks.escapes.files import FILES
from benchmarks.escapes.kernel import KERNEL
from benchmarks.escapes.machine import MACHINE
from benchmarks.escapes.network import NETWORK
from benchmarks.escapes.processes import PROCESSES
from benchmarks.escapes.program import Attempt, program
from benchmarks.escapes.resources import RESOURCES

ATTEMPTS: tuple[Attempt, ...] = (*KERNEL, *MACHINE, *PROCESSES, *NETWORK, *FILES, *RESOURCES)

__all__ = ["ATTEMPTS", "Attempt", "program"]
