"""Whether a box holds, and how fast one starts.

Every attempt of `benchmarks.escapes` is tried in a box of its own, as whoever runs this and, where that is
root, as an ordinary user too, who has a copy of the code and the system's Python. An attempt is held where
all that it tried was refused, or it was ended by the limit that it is about, where what it left in the box
was not copied out, and what it could have reached outside is as it was. Start-up is from asking for a box
until it takes a command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import benchmarks

NAME = "sandbox"
SUMMARY = (
    "programs that want out of a box, as root and as an ordinary user, and the time a box takes to start"
)

_STARTS = 200
_UID = 54_321
_HERE = Path(__file__).resolve().parent


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Attempts, those that were held, and start-up times, for each user."""
    starts = setting.sample or _STARTS
    users = {"root": _as_root(starts), "ordinary user": _as_nobody(starts)} if os.geteuid() == 0 else {}
    users = users or {"ordinary user": _tried([sys.executable], _HERE.parent, starts)}
    tried = [one for rows in users.values() for one in rows if "held" in one]
    times = {name: row["start_ms"] for name, rows in users.items() for row in rows if "start_ms" in row}
    slowest = max(benchmarks.percentile(values, 0.95) for values in times.values())
    return {
        "missing_repositories": [],
        "attempts": benchmarks.target(len(tried), at_least=40),
        "held_share": benchmarks.target(sum(one["held"] for one in tried) / len(tried), at_least=1),
        "start_p95_ms": benchmarks.target(round(slowest, 1), at_most=25),
        "users": {
            name: {
                "attempts": sum("held" in one for one in rows),
                "held": sum(one.get("held", False) for one in rows),
                "start p50 ms": round(benchmarks.percentile(times[name], 0.5), 1),
                "start p95 ms": round(benchmarks.percentile(times[name], 0.95), 1),
                "starts": len(times[name]),
            }
            for name, rows in users.items()
        },
        "not_held": [
            {"name": one["name"], "user": name, "why": one["why"]}
            for name, rows in users.items()
            for one in rows
            if not one.get("held", True)
        ],
    }


def _as_root(starts: int) -> list[dict[str, Any]]:
    return _tried([sys.executable], _HERE.parent, starts)


def _as_nobody(starts: int) -> list[dict[str, Any]]:
    """The same with a uid that nobody has, who can read neither root's folders nor root's Python."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError("setpriv of util-linux is not here")
    is_of_system = Path(sys.base_prefix).is_relative_to("/usr")
    python = sys.executable if is_of_system else "/usr/bin/python3"
    with TemporaryDirectory(prefix="loccit-bench-") as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        left_out = shutil.ignore_patterns("__pycache__", "builtin")
        shutil.copytree(_HERE.parent / "src", copy / "src", ignore=left_out)
        shutil.copytree(_HERE / "escapes", copy / "benchmarks" / "escapes", ignore=left_out)
        shutil.copy(_HERE / "__init__.py", copy / "benchmarks")
        words = [setpriv, f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups", python]
        return _tried(words, copy, starts)


def _tried(python: list[str], folder: Path, starts: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [*python, "-m", "benchmarks.escapes.trial", "--starts", str(starts)],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
