"""Notes in `docs/lessons/` of a repository: Markdown files that people and later runs read.

One format for all that loccit writes there. The front matter, between two lines `+++`, is TOML: `format` says
whose it is, the other keys are that format's. A file without such a front matter was written by hand.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.core.errors import SourceError, StorageFailed, UnsafeSource

if TYPE_CHECKING:
    from loccit.agents.project_files import ProjectFiles

FOLDER = Path("docs") / "lessons"
_FENCE = "+++"
_MOST_BYTES = 200_000
_MOST_FILES = 2_000


@dataclass(frozen=True, slots=True)
class NoteFile:
    """One file of the folder.

    `front` is None where it has no front matter, empty where it has one that cannot be read. `path` is
    relative to the repository.
    """

    path: str
    front: Mapping[str, Any] | None
    text: str

    @property
    def format(self) -> str:
        """What its front matter says it is, or empty."""
        return str((self.front or {}).get("format", ""))


def write_note(repository: Path, name: str, front: Mapping[str, Any], text: str) -> Path:
    """Write a note, beside the others and over none of them; where it is.

    `name` is the file's, without ending; a number is put behind it where it is taken. Raises UnsafeSource
    where a link in the repository leads out of it, StorageFailed.
    """
    folder = repository / FOLDER
    if not folder.resolve().is_relative_to(repository.resolve()):
        raise UnsafeSource(
            f"{str(folder)!r} leads out of the repository", next_step="remove the link, or use --no-lesson"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_FILES):
            path = folder / f"{name}{'' if number == 1 else f'-{number}'}.md"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(note_text(front, text))
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise StorageFailed(
            f"cannot write into {str(folder)!r}: {error.strerror or error}",
            next_step="make it writable, or run with --no-lesson",
        ) from error
    raise StorageFailed(f"{str(folder)!r} has too many lessons of one day", next_step="join them")


def note_text(front: Mapping[str, Any], text: str) -> str:
    """A note as its file holds it. Values are texts, numbers, booleans and lists of them."""
    # JSON's strings, numbers, booleans and lists are TOML's.
    lines = [f"{key} = {_toml(value)}\n" for key, value in front.items()]
    return f"{_FENCE}\n{''.join(lines)}{_FENCE}\n\n{text}"


def read_notes(files: ProjectFiles) -> Iterator[NoteFile]:
    """The notes of a repository, by the names of their files; what cannot be read is left out."""
    start = FOLDER.as_posix()
    direct = [f for f in files.listed(start) if "/" not in f.path.removeprefix(f"{start}/")]
    notes = [f for f in direct if f.path.endswith(".md") and not f.is_link]
    for fact in notes[:_MOST_FILES]:
        try:
            text = files.read(fact.path, most_bytes=_MOST_BYTES).decode("utf-8")
        except (SourceError, UnicodeDecodeError):
            continue  # too large, gone, or no text: nothing that loccit or a person wrote as a note
        yield read_note(fact.path, text)


def read_note(path: str, text: str) -> NoteFile:
    """The note that a file's text is."""
    if not text.startswith(f"{_FENCE}\n"):
        return NoteFile(path, None, text)
    try:
        _, front, body = text.split(f"{_FENCE}\n", 2)
        return NoteFile(path, tomllib.loads(front), body.strip())
    except ValueError:
        return NoteFile(path, {}, text)


def _toml(value: Any) -> str:
    # DEL is the one character that JSON leaves as it is and TOML refuses.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
