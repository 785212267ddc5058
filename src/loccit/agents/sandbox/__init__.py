"""Where untrusted code runs: a box with files of its own, no network, and limits on all that it takes.

`open_box` gives a `Box`; `box.run` runs a command in it. What it promises, and what not, is in
docs/explanation/sandbox.md. The parts: `bubblewrap` (what a box sees), `seccomp` (what it may ask of the
kernel), `cgroups` (what it may take as a whole), `keeper` (its first process), `names` (what comes out).
"""

from __future__ import annotations

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.box import Box, open_box
from loccit.agents.sandbox.values import Changes, Entry, Environment, Files, Ran

__all__ = ["Box", "Changes", "Entry", "Environment", "Files", "Ran", "SandboxOptions", "open_box"]
