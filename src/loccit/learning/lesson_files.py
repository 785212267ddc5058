"""Lessons: what was tried in a repository, and what came of it, in files that people and later runs read.

A lesson is a note in `docs/lessons/` of the repository (`agents/lesson_notes.py`). A later run reads its
front matter and does not try again what was settled on the same samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loccit.agents.lesson_notes import FOLDER, read_notes, write_note
from loccit.agents.project_files import FolderFiles
from loccit.learning.search_space import Change, Value

__all__ = ["FOLDER", "Lesson", "read_lessons", "write_lesson"]

_FORMAT = "loccit-lesson/1"


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
    slug = lesson.key.replace(".", "-").replace("_", "-")
    fields = {name: getattr(lesson, name) for name in Lesson.__slots__}
    return write_note(repository, f"{lesson.date}-{slug}", {"format": _FORMAT, **fields}, text)


def read_lessons(repository: Path) -> tuple[Lesson, ...]:
    """The lessons of a repository that loccit wrote, by the names of their files.

    Others' notes in the folder are left alone. They are data: nothing in them is run, and they change no
    setting by themselves.
    """
    notes = read_notes(FolderFiles(repository, "repository"))
    found = (_lesson_in(note.front) for note in notes if note.front and note.format == _FORMAT)
    return tuple(lesson for lesson in found if lesson is not None)


def _lesson_in(front: Mapping[str, Any]) -> Lesson | None:
    from pydantic import TypeAdapter, ValidationError

    fields = {key: value for key, value in front.items() if key != "format"}
    try:
        return TypeAdapter(Lesson).validate_json(json.dumps(fields, default=str), strict=True)
    except ValidationError:
        return None  # somebody edited it into something else
