"""Writes docs/reference/cli.md from the commands' own help; `--check` only says whether it is up to date.

Help is what the installed command prints, 100 columns wide, without colours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer.main

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "cli.md"

_HEAD = """\
# Command line

<!-- Written by `make docs` from the commands' own help: change it there. -->
"""


def command_names() -> Iterator[tuple[str, ...]]:
    """The words of each visible command after `loccit`, in the order of the help; the first is empty."""
    from loccit.cli.app import app

    def below(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, child in getattr(command, "commands", {}).items():
            if not child.hidden:
                yield from below(child, (*words, name))

    return below(typer.main.get_command(app), ())


def help_of(words: Sequence[str]) -> str:
    """What `loccit WORDS --help` prints, without spaces at line ends."""
    plain = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [Path(sys.executable).parent / "loccit", *words, "--help"],
        env={**os.environ, **plain},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip("\n")


def cli_page() -> str:
    """The whole page."""
    sections = [
        f"## `{' '.join(['loccit', *words])}`\n\n```text\n{help_of(words)}\n```\n"
        for words in command_names()
    ]
    return "\n".join([_HEAD, *sections])


def main() -> int:
    """Exit code 1 if `--check` finds the page out of date."""
    page = cli_page()
    if "--check" in sys.argv[1:]:
        is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page
        if not is_current:
            sys.stderr.write(f"{PAGE.relative_to(ROOT)} is not what `make docs` writes\n")
        return 0 if is_current else 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
