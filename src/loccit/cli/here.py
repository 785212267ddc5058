"""The repository that a person is in: found by itself, and indexed the first time it is asked about."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.mcp.desk import Indexer


def default_repos(loccit: Loccit, repos: list[str] | None, collection: str | None) -> list[str]:
    """The repositories that were named; without any, the one that the working directory is in.

    Outside of every repository an empty list: all that is indexed.
    """
    if repos or collection:
        return list(repos or [])
    here = loccit.repository_at(".")
    return [here] if here else []


def index_here(loccit: Loccit, repo: str, *, history: bool, quiet: bool) -> str | None:
    """Index this repository if it never was, after saying what that costs; its name if so, else None."""
    from loccit.cli.output import amount, counted, note, one_line

    if loccit.is_known(repo):
        return None
    if not quiet:
        cost = loccit.estimate(repo)
        more = "and its history now" if history else "now; its history follows in the background"
        note(
            f"{one_line(repo)} is not indexed yet: {counted(cost.files, 'file')}, {amount(cost.text_bytes)}, "
            f"about {max(1, round(cost.seconds)):,} s. Indexing it {more}."
        )
    return loccit.index(repo, history=history).repository.name


def history_in_background(name: str) -> None:
    """Start reading the history of a repository in a process of its own that outlives this one."""
    subprocess.Popen(
        _indexing("--history-only", name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def index_in_background(path: str) -> Indexer:
    """Start indexing a repository, files before history, in a process of its own that outlives this one."""
    from loccit.serving.mcp.desk import Indexer

    # What it says when it fails is read once it ended; a file takes any length of it.
    said = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with what is returned
    process = subprocess.Popen(
        _indexing(path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
    )

    def fault() -> str:
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().split("\n")
        return lines[0].removeprefix("loccit: ") if process.returncode else ""

    return Indexer(is_over=lambda: process.poll() is not None, fault=fault)


def _indexing(*arguments: str) -> list[str]:
    # -P: with -m Python would look for modules in the working directory, which may be a hostile repository.
    options, name = arguments[:-1], arguments[-1]
    return [sys.executable, "-P", "-m", "loccit", "index", *options, "--quiet", "--", name]
