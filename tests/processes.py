"""Which git processes a test has started, as /proc lists them."""

from __future__ import annotations

import os
from pathlib import Path


def git_children() -> set[int]:
    """The ids of the `git` processes that this process started and that still run."""
    found: set[int] = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = rest.split()[:2]
        if name == "git" and int(parent) == os.getpid() and state != "Z":
            found.add(int(status.parent.name))
    return found
