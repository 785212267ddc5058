"""Chunks: the natural pieces of a file, and what a parser says about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ChunkKind(StrEnum):
    """What a chunk is. `CODE` is code between definitions; `TEXT` has no structure that we know."""

    FUNCTION = "function"
    CLASS = "class"
    CODE = "code"
    SECTION = "section"
    CELL = "cell"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one file. Chunks of a file are sorted and tile it: each starts where the one before ends.

    Bytes are 0-based offsets into the original file, end exclusive. Lines are 1-based and inclusive, and end
    at 0x0A (at its code unit in UTF-16); a chunk that does not start at a line's beginning shares that line
    with the one before.

    `symbol` is the qualified name of the definition or the heading trail (`Blueprint.register`, `Install >
    Linux`), or empty. `defines` are the plain names that the chunk itself defines. `signature` is the text of
    the definition's head, one line, with the heads of the definitions around it before it (`class
    Blueprint(Scaffold): def register(self, app, options)`). `docs` are byte ranges, within the chunk, of
    comments and docstrings, sorted and disjoint.
    """

    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    kind: ChunkKind
    symbol: str = ""
    defines: tuple[str, ...] = ()
    signature: str = ""
    docs: tuple[tuple[int, int], ...] = ()


class Unsearchable(StrEnum):
    """Why the bytes of a file are not searched. Values are those of `SkipReason` of the same name."""

    BINARY = "binary"
    LFS_POINTER = "git-lfs pointer"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What is in a file.

    `encoding` is the Python codec name by which the bytes become text: one of `utf-8`, `utf-16-le`,
    `utf-16-be`, `latin-1`; a byte order mark stays part of the bytes. `is_partial` says that the grammar met
    errors, so that the file, or part of it, was cut as text. `is_generated` says that its own text declares
    it generated or minified. `chunks` is empty exactly when `unsearchable` is set.
    """

    language: str
    encoding: str
    chunks: tuple[Chunk, ...]
    is_partial: bool = False
    is_generated: bool = False
    unsearchable: Unsearchable | None = None


class Parser(Protocol):
    """Cuts a file into chunks. Deterministic: the same bytes, language and options give the same chunks."""

    def __call__(self, data: bytes, *, language: str) -> ParsedFile:
        """The parsed file. Never raises for what is in `data`."""
        ...
