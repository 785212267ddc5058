"""Histories with something to learn, and runs of `tune` over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loccit.core.progress import Progress, silent
from loccit.learning.tune import tune
from loccit.learning.tuning import Tuning
from loccit.library import Loccit
from loccit.retrieval.learned import Ranker
from loccit.sources.options import SourceOptions
from tests.repositories import Commit
from tests.unit.learning.generals import made_general
from tests.unit.pipeline.homes import loccit_at

# What people call a part, and the file that it is: no file says its nickname.
NICKNAMES = {
    "pigeon": "delivery",
    "vault": "storage",
    "mirror": "replica",
    "compass": "router",
    "anvil": "builder",
    "lantern": "logging",
    "ferry": "transfer",
    "hourglass": "timeouts",
}
COMPLAINTS = ("is slow after lunch", "forgets what it was told", "breaks on an empty input", "answers twice")


def path_of(part: str) -> str:
    """The file of a part."""
    return f"src/shop/{part}.py"


def source(part: str, state: int) -> str:
    """The file of a part in one of its states."""
    return f'def run_{part}(value):\n    """Runs the {part} of the shop."""\n    return value + {state}\n'


def creation() -> Commit:
    """The commit that brings in all files."""
    return {"message": "Begin", "files": {path_of(part): source(part, 0) for part in NICKNAMES.values()}}


def fixes(count: int, *, first: int = 0, are_plain: bool = False) -> list[Commit]:
    """So many fixes, which call the parts by their nicknames, or plainly by the names of their functions."""
    commits: list[Commit] = []
    for number in range(first, first + count):
        nickname, part = list(NICKNAMES.items())[(number * 5 + number // 7) % len(NICKNAMES)]
        name = f"run_{part}" if are_plain else f"the {nickname}"
        message = f"Repair {name}, which {COMPLAINTS[number % len(COMPLAINTS)]}"
        commits.append({"message": message, "files": {path_of(part): source(part, number + 1)}})
    return commits


def history(count: int, *, are_plain: bool = False) -> list[Commit]:
    """A history with so many fixes."""
    return [creation(), *fixes(count, are_plain=are_plain)]


def indexed(place: Path) -> Loccit:
    """The repository `place / "r"` as it is now, searchable from the home beside it."""
    loccit = loccit_at(place / "home")
    loccit.index(place / "r")
    return loccit


def learned_folder(place: Path) -> Path:
    """Where it keeps what it learned."""
    (folder,) = (place / "home" / "repositories").glob("*/shard")
    return folder / "learned"


def tuned(place: Path, *, general: Ranker | None = None, progress: Progress = silent) -> Tuning:
    """`tune` over the repository as it is now, with a small general ranker."""
    loccit = indexed(place)
    _, searched = loccit._with_history(str(place / "r"), None)
    with loccit._ingest(searched.repository) as ingest:
        return tune(
            searched,
            ingest,
            learned_folder(place),
            general=general or made_general(),
            max_file_bytes=SourceOptions().max_file_bytes,
            progress=progress,
        )


def names(folder: Path) -> Sequence[str]:
    """The files in a folder."""
    return sorted(path.name for path in folder.iterdir())
