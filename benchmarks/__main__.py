"""Lists the benchmarks, or runs one: python -m benchmarks [NAME [--repos FOLDER] [--data FOLDER] …]."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmarks
from benchmarks import record

HERE = Path(__file__).resolve().parent


def modules() -> dict[str, ModuleType]:
    """Every benchmark by its name: a module with NAME, SUMMARY and run(setting)."""
    found = (
        importlib.import_module(f"benchmarks.{m.name}") for m in pkgutil.iter_modules(benchmarks.__path__)
    )
    return {module.NAME: module for module in found if hasattr(module, "NAME")}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    from loccit import __version__

    return {
        "loccit": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(benchmarks.cores()),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "measured_on": datetime.now(UTC).date().isoformat(),
    }


def _commit() -> str | None:
    """The commit that is checked out, "-dirty" where what runs differs; None where this is no clone."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(HERE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    commit = git("rev-parse", "--short=12", "HEAD").stdout.strip()
    # Kept results and the page are no part of what runs.
    changed = git(
        "diff", "--quiet", "HEAD", "--", "src", "pyproject.toml", "benchmarks", ":!benchmarks/results"
    )
    return f"{commit}{'-dirty' if changed.returncode else ''}" if commit else None


def _processor() -> str | None:
    """The processor's name as Linux knows it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else None


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", help="the benchmark; without it, the list of them")
    parser.add_argument(
        "--repos", type=Path, default=Path("../.mirror"), help="folder with clones at OWNER+NAME/repo"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/bench"), help="folder with the development data"
    )
    parser.add_argument("--sample", type=int, help="take at most so many questions (default: all)")
    parser.add_argument("--raw", type=Path, help="append raw measurements to this file, where there are any")
    parser.add_argument(
        "--save", action="store_true", help="keep the figures and write docs/benchmarks.md again"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    chosen = parser.parse_args()
    if chosen.save and chosen.sample is not None:
        parser.error("--save keeps whole runs, not samples")
    known = modules()
    if chosen.name is None:
        for name in sorted(known):
            print(f"{name:14} {known[name].SUMMARY}")
        return 0
    if chosen.name not in known:
        print(f"no benchmark {chosen.name!r}; there are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    setting = benchmarks.Setting(
        repos=chosen.repos.resolve(), data=chosen.data.resolve(), sample=chosen.sample, raw=chosen.raw
    )
    figures = {"benchmark": chosen.name, **machine(), **known[chosen.name].run(setting)}
    if chosen.save:
        record.save(figures)
    print(json.dumps(figures, ensure_ascii=False, indent=None if chosen.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
