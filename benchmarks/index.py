"""Indexing Django with the installed command, as a person does: from nothing, its history, what came since.

"Cold" is an empty home folder; the repository's packs are in the page cache.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import benchmarks
from benchmarks import processes, repositories

NAME = "index"
SUMMARY = "Django: cold index, history, the next 100 commits, a commit of 100 files; memory and size"

_COLD_RUNS = 3
_COMMITS = 3
_FILES = 100


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Seconds of whole processes, the most memory of the whole process tree, and bytes on disk."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    with TemporaryDirectory(prefix="loccit-bench-") as folder:
        source = repositories.clone(django, Path(folder) / "django.git")
        repositories.warm(source)
        cold = [_cold(source, Path(folder) / f"home-{number}") for number in range(_COLD_RUNS)]
        home = Path(folder) / f"home-{_COLD_RUNS - 1}"
        return {
            "missing_repositories": [],
            "repository": "django/django",
            "head": repositories.head(django),
            **_cold_figures(cold, source, home),
            **_history_figures(source, home),
            **_change_figures(source, home),
        }


def _cold(source: Path, home: Path) -> processes.Finished:
    return processes.loccit(home, "index", source, "--no-history", "--quiet")


def _cold_figures(cold: list[processes.Finished], source: Path, home: Path) -> dict[str, Any]:
    """Beside the text as git sees it: no binary files. A local repository has no mirror in the home."""
    texts = [len(data) for _, data in repositories.text_files(source, "HEAD")]
    text = sum(texts)
    size = processes.folder_bytes(home)
    peaks = [run.peak_mb for run in cold if run.peak_mb is not None]
    return {
        "text_files": len(texts),
        "text_mb": round(text / 1e6, 2),
        "cold_seconds": benchmarks.target(
            round(statistics.median(run.seconds for run in cold), 2), at_most=25
        ),
        "cold_seconds_of_each_run": [round(run.seconds, 2) for run in cold],
        "cold_peak_memory_mb": benchmarks.target(max(peaks) if peaks else None, at_most=700),
        "index_mb": round(size / 1e6, 2),
        "index_bytes_per_text_byte": benchmarks.target(round(size / text, 3), at_most=1.5),
    }


def _history_figures(source: Path, home: Path) -> dict[str, Any]:
    """The history up to 100 first parents before HEAD, then the rest; the clock leaves files out."""
    past = repositories.lines(source, "rev-list", "--first-parent", "--skip=100", "-n", "1", "HEAD")[0]
    processes.loccit(home, "index", source, "--rev", past, "--no-history", "--quiet")
    first = processes.loccit(home, "index", source, "--history-only", "--quiet")
    files = processes.loccit(home, "index", source, "--no-history", "--quiet")
    rest = processes.loccit(home, "index", source, "--history-only", "--quiet")
    return {
        "history_commits": int(repositories.lines(source, "rev-list", "--count", past)[0]),
        "history_first_seconds": benchmarks.target(round(first.seconds, 2), at_most=60),
        "history_first_peak_memory_mb": first.peak_mb,
        "next_commits": int(repositories.lines(source, "rev-list", "--count", f"{past}..HEAD")[0]),
        "next_commits_history_seconds": benchmarks.target(round(rest.seconds, 2), at_most=2),
        "next_commits_files_seconds": round(files.seconds, 2),
        "home_with_history_mb": round(processes.folder_bytes(home) / 1e6, 2),
    }


def _change_figures(source: Path, home: Path) -> dict[str, Any]:
    """Commits of 100 changed Python files each, one after the other; each is indexed with its history."""
    seconds: list[float] = []
    for number in range(_COMMITS):
        repositories.commit_changes(source, _FILES, f"change {number}")
        seconds.append(processes.loccit(home, "index", source, "--quiet").seconds)
    median = round(statistics.median(seconds), 2)
    return {
        "commit_of_100_files_seconds": benchmarks.target(median, at_most=2),
        "commit_of_100_files_seconds_of_each_run": [round(value, 2) for value in seconds],
    }
