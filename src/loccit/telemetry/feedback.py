"""What people say of answers: thumbs up or down, and what would have been right."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from loccit.core.errors import InputError, NotFound
from loccit.telemetry.redaction import redact

if TYPE_CHECKING:
    from loccit.storage.database import Database

MAX_CORRECTION_CHARS = 20_000
MAX_FILES = 100
_MOST_PATH_CHARS = 4_096
# A database takes so many values in one statement.
_AT_ONCE = 500


class Thumb(StrEnum):
    """Whether an answer was right."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Rating:
    """What one user says of one run, the last time they did. `at` in seconds since the epoch.

    `correction` is what would have been right, `files` are the paths where that stands; both may be empty.
    """

    run: str
    user: str
    at: float
    thumb: Thumb
    correction: str = ""
    files: tuple[str, ...] = ()


class FeedbackStore:
    """The ratings of runs. They go with the run, and nothing secret is kept in their texts."""

    def __init__(self, database: Database, *, keep_text: bool = True) -> None:
        """Use this database. Without `keep_text` corrections are left out, the thumb and the files stay."""
        self._database = database
        self._keep_text = keep_text

    def rate(
        self, run: str, thumb: Thumb, *, user: str = "", correction: str = "", files: Sequence[str] = ()
    ) -> Rating:
        """Keep what a user says of a run, in place of what they said of it before; as it is kept.

        Raises NotFound where there is no such run, InputError for texts that cannot be kept; StorageFailed.
        """
        from sqlalchemy import select

        from loccit.storage.tables import feedback, runs

        paths = tuple(dict.fromkeys(map(_path, files)))
        rating = Rating(
            run=run,
            user=user,
            at=time.time(),
            thumb=thumb,
            correction=redact(_text(correction)) if self._keep_text else "",
            files=tuple(map(redact, paths)),
        )
        if len(correction) > MAX_CORRECTION_CHARS or len(paths) > MAX_FILES:
            raise InputError(
                f"the correction has {len(correction):,} characters and {len(paths):,} files",
                next_step=f"at most {MAX_CORRECTION_CHARS:,} and {MAX_FILES:,} are kept",
            )
        row = {
            "run": run,
            "user": user,
            "at": rating.at,
            "thumb": thumb.value,
            "correction": rating.correction,
            "files": json.dumps(rating.files, ensure_ascii=False),
        }
        with self._database.writing() as connection:
            # Held, so that the run is not forgotten meanwhile, and two ratings of it come one after another.
            held = select(runs.c.id).where(runs.c.id == run).with_for_update()
            if connection.execute(held).first() is None:
                raise NotFound(f"there is no run {run!r}", next_step="see what there is: loccit runs")
            theirs = (feedback.c.run == run) & (feedback.c.user == user)
            connection.execute(feedback.delete().where(theirs))
            connection.execute(feedback.insert(), row)
        return rating

    def of(self, runs: Iterable[str]) -> dict[str, tuple[Rating, ...]]:
        """The ratings of these runs, by run, the oldest first; runs without any are left out."""
        from sqlalchemy import select

        from loccit.storage.tables import feedback

        wanted = list(dict.fromkeys(runs))
        found: dict[str, list[Rating]] = {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                query = (
                    select(feedback)
                    .where(feedback.c.run.in_(wanted[start : start + _AT_ONCE]))
                    .order_by(feedback.c.at, feedback.c.user)
                )
                for row in connection.execute(query).mappings():
                    rating = _rating(dict(row))
                    found.setdefault(rating.run, []).append(rating)
        return {run: tuple(found[run]) for run in wanted if run in found}

    def about(self, user: str) -> tuple[Rating, ...]:
        """What a user said, and what was said of their runs, the oldest first."""
        from sqlalchemy import select

        from loccit.storage.tables import feedback, runs

        theirs = select(runs.c.id).where(runs.c.user == user)
        said = (feedback.c.user == user) | feedback.c.run.in_(theirs)
        query = select(feedback).where(said).order_by(feedback.c.at, feedback.c.run, feedback.c.user)
        with self._database.reading() as connection:
            return tuple(_rating(dict(row)) for row in connection.execute(query).mappings())

    def prune(self, before: float) -> int:
        """Forget the ratings of runs that began before (seconds since the epoch); how many there were."""
        from sqlalchemy import select

        from loccit.storage.tables import feedback, runs

        old = select(runs.c.id).where(runs.c.started_at < before)
        with self._database.writing() as connection:
            return connection.execute(feedback.delete().where(feedback.c.run.in_(old))).rowcount

    def erase(self, user: str) -> int:
        """Forget what a user said, and what was said of their runs; how many ratings there were."""
        from sqlalchemy import select

        from loccit.storage.tables import feedback, runs

        theirs = select(runs.c.id).where(runs.c.user == user)
        with self._database.writing() as connection:
            said = (feedback.c.user == user) | feedback.c.run.in_(theirs)
            return connection.execute(feedback.delete().where(said)).rowcount


def _rating(row: dict[str, Any]) -> Rating:
    row |= {"thumb": Thumb(row["thumb"]), "files": tuple(json.loads(row["files"]))}
    return Rating(**row)


def _path(written: str) -> str:
    """A path as repositories have them. Raises InputError for one that leads out of a repository."""
    path = _text(written).replace("\\", "/").removeprefix("./")
    parts = path.split("/")
    if not path or len(path) > _MOST_PATH_CHARS or path.startswith("/") or ".." in parts:
        raise InputError(
            f"{written[:80]!r} is no path of a file in a repository",
            next_step="write it as answers do: src/parcels/prices.py",
        )
    return path


def _text(text: str) -> str:
    """The text with lone surrogates, as from a terminal that is not UTF-8, written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").strip()
