"""Programs that tests need and Debian has packages of."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

_LONGEST_S = 240


def program_of(package: str, find: Callable[[], str | None]) -> str:
    """The program that `find` finds, after the package is installed where it finds none.

    Only root can install. Somebody else is told to, by a skip; in CI that is a failure.
    """
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # apt serves one at a time, and the other processes of this run may want the same.
        with FileLock(Path(tempfile.gettempdir()) / "loccit-tests-apt.lock"):
            found = find()
            if found is None:
                _install(package)
                found = find()
    if found is None:
        missing = f"what Debian's package {package!r} has is not here: install it"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _install(package: str) -> None:
    """Debian's package. Where that fails the caller says what is missing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The tests' own proxies lead nowhere: apt uses those of the machine's configuration.
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment.pop(name, None)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        subprocess.run(
            ["apt-get", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )
