"""Lessons: what was tried in a repository, and what came of it, in files that people and later runs read.

A lesson is a Markdown file in `docs/lessons/` of the repository. Its front matter, between two lines `+++`,
is TOML; a later run reads it and does not try again what was settled on the same samples.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loccit.core.errors import StorageFailed, UnsafeSource
from loccit.learning.search_space import Change, Value

FOLDER = Path("docs") / "lessons"
_FENCE = "+++"
_FORMAT = "loccit-lesson/1"
_MAX_BYTES = 200_000
_MOST_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """One change that was tried on samples it was not chosen by.

    `date` is ISO 8601. `dataset` is the digest of the samples. The difference of `metric` on the `samples`
    that were held back is from `low` to `high`.
    """

    date: str
    key: str
    before: Value
    after: Value
    metric: str
    difference: float
    low: float
    high: float
    samples: int
    dataset: str
    is_kept: bool

    @property
    def change(self) -> Change:
        """What was tried."""
        return Change(self.key, self.before, self.after)


def write_lesson(repository: Path, lesson: Lesson, text: str) -> Path:
    """Write a lesson with this text into the repository, beside the others.

    Raises UnsafeSource where a link in the repository leads out of it, StorageFailed.
    """
    folder = repository / FOLDER
    if not _is_within(folder, repository):
        raise UnsafeSource(
            f"{str(folder)!r} leads out of the repository", next_step="remove the link, or use --no-lesson"
        )
    slug = lesson.key.replace(".", "-").replace("_", "-")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_FILES):
            more = "" if number == 1 else f"-{number}"
            path = folder / f"{lesson.date}-{slug}{more}.md"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(_front_matter(lesson) + text)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise StorageFailed(
            f"cannot write into {str(folder)!r}: {error.strerror or error}",
            next_step="make it writable, or run with --no-lesson",
        ) from error
    raise StorageFailed(f"{str(folder)!r} has too many lessons of one day", next_step="join them")


def read_lessons(repository: Path) -> tuple[Lesson, ...]:
    """The lessons of a repository that loccit wrote, by the names of their files.

    Others' notes in the folder are left alone. They are data: nothing in them is run, and they change no
    setting by themselves.
    """
    found: list[Lesson] = []
    folder = repository / FOLDER
    is_ours = folder.is_dir() and _is_within(folder, repository)
    for path in sorted(folder.glob("*.md"))[:_MOST_FILES] if is_ours else ():
        lesson = _lesson_in(path)
        if lesson is not None:
            found.append(lesson)
    return tuple(found)


def _is_within(folder: Path, repository: Path) -> bool:
    return folder.resolve().is_relative_to(repository.resolve())


def _lesson_in(path: Path) -> Lesson | None:
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
        begin, front, _ = text.split(f"{_FENCE}\n", 2)
        document = tomllib.loads(front)
    except (OSError, ValueError):
        return None  # not one of ours
    if begin or document.pop("format", None) != _FORMAT:
        return None
    return _checked(document)


def _checked(document: dict[str, Any]) -> Lesson | None:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Lesson).validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError:
        return None  # somebody edited it into something else


def _front_matter(lesson: Lesson) -> str:
    fields: Sequence[tuple[str, Any]] = [
        ("format", _FORMAT),
        *((name, getattr(lesson, name)) for name in Lesson.__slots__),
    ]
    # JSON's strings, numbers and booleans are TOML's.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields]
    return f"{_FENCE}\n{''.join(lines)}{_FENCE}\n\n"
