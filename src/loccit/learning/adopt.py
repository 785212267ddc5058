"""The rankers that a repository has adopted, on disk: the one in use, and those before it.

    learned/adopted.json    which are kept, the one in use first, each with the SHA-256 of its text
    learned/NAME.json       a ranker as text: weights, shares, what it learned from, how it did
    learned/NAME.arr        its association of words with files; the text has its SHA-256

A file that was published is never written again. What is in use changes by renaming `adopted.json`
alone, so that a killed run leaves what was. Writers hold the lock of the folder, readers never wait.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from loccit.core.errors import IndexBroken, IndexFormatMismatch, InputError
from loccit.indexing.arrays import broken, read_arrays, storage_failed, write_arrays
from loccit.indexing.documents import from_fields, read_document, replace_document, sweep_drafts
from loccit.retrieval.association import Association
from loccit.retrieval.learned import Own, Ranker, comparable, with_own

FORMAT = 1
# Beside the one in use.
KEPT_BEFORE = 3

_ADOPTED = "adopted.json"
_AGAIN = "run 'loccit tune' again, or go back with 'loccit tune --roll-back'"
_WEIGHTS = ("linear", "mean", "spread")


@dataclass(frozen=True, slots=True)
class Facts:
    """Where a ranker comes from.

    `made_at` is in seconds since the epoch. It learned from `read` fixes, of which `replayed` were asked
    again, up to `commit`. `validation` has, by metric, both rankers' scores and the difference as intervals.
    """

    repo: str
    commit: str
    made_at: int
    read: int
    replayed: int
    version: str
    validation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """The name of a kept ranker, and the SHA-256 of its text."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A kept ranker and where it comes from."""

    name: str
    ranker: Ranker
    facts: Facts


@contextmanager
def writing(folder: Path, *, waiting: Callable[[], None] | None = None) -> Generator[None]:
    """Hold the lock of the folder, made where there is none. Raises StorageFailed."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting is not None:
                waiting()
            lock.acquire()
    except OSError as error:
        raise storage_failed(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def adopted(folder: Path, general: Ranker) -> Ranker:
    """The ranker in use: the general one with what was learned; where nothing was adopted, the general one.

    Raises IndexFormatMismatch for one of a newer format, or learned beside another general ranker, and
    IndexBroken for a damaged one: whoever ranks without it is to say so.
    """
    kept = adopted_rankers(folder)
    return read_ranker(folder, kept[0], general).ranker if kept else general


def adopted_rankers(folder: Path) -> tuple[Kept, ...]:
    """The kept rankers, the one in use first. Raises IndexFormatMismatch, IndexBroken."""
    path = folder / _ADOPTED
    document = read_document(path)
    if document is None:
        return ()
    _check_format(document, "the list of what was learned")
    try:
        return tuple(from_fields(Kept, entry) for entry in document["rankers"])
    except (KeyError, TypeError) as error:
        raise _damaged(path, f"unexpected content: {error}") from error


def read_facts(folder: Path, kept: Kept) -> Facts:
    """Where a kept ranker comes from. Raises IndexFormatMismatch, IndexBroken."""
    return _facts_of(folder / f"{kept.name}.json", _text_of(folder, kept))


def read_ranker(folder: Path, kept: Kept, general: Ranker) -> Stored:
    """A kept ranker, whole. Raises IndexFormatMismatch, IndexBroken."""
    path = folder / f"{kept.name}.json"
    document = _text_of(folder, kept)
    if document.get("general") != identity_of(general):
        raise IndexFormatMismatch(
            "what was learned rests on another general ranker than this version has",
            next_step="run 'loccit tune' again",
        )
    try:
        own = _own(folder, document, _width(general))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"unexpected content: {error}") from error
    return Stored(kept.name, with_own(general, own), _facts_of(path, document))


def keep_ranker(folder: Path, ranker: Ranker, facts: Facts) -> Kept:
    """Write a ranker that has learned, under a name of its own; nobody uses it yet. Raises StorageFailed."""
    own = ranker.own
    if own is None:
        raise InputError("a ranker that has learned nothing cannot be kept, expected one with an own part")
    name = f"{facts.commit[:12]}-{time.time_ns():x}"
    association = None
    if own.association is not None:
        path = folder / f"{name}.arr"
        write_arrays(path, {"format": FORMAT}, own.association.arrays())
        association = {"file": path.name, "sha256": _digest(path)}
    document = {
        "format": FORMAT,
        "general": identity_of(with_own(ranker, None)),
        "features": list(ranker.features),
        "linear_share": own.linear_share,
        "association_share": own.association_share,
        "learned_from": own.learned_from,
        **{column: getattr(own, column).tolist() for column in _WEIGHTS},
        "association": association,
        **{field: getattr(facts, field) for field in _FACTS},
    }
    path = folder / f"{name}.json"
    replace_document(path, document)
    return Kept(name, _digest(path))


_FACTS = ("repo", "commit", "made_at", "read", "replayed", "version", "validation")


def publish(folder: Path, kept: Kept) -> tuple[Kept, ...]:
    """Use this ranker from now on, and keep the last KEPT_BEFORE before it; all that are kept.

    A list that cannot be read is replaced: what it named cannot be used any more. Raises StorageFailed.
    """
    try:
        before = adopted_rankers(folder)
    except (IndexBroken, IndexFormatMismatch):
        before = ()
    rankers = (kept, *(one for one in before if one.name != kept.name))[: 1 + KEPT_BEFORE]
    _write(folder, rankers)
    return rankers


def roll_back(folder: Path) -> tuple[Kept, ...]:
    """Stop using the ranker in use: the one before it is used again, without one the general ranker.

    Returns what is kept now. Raises InputError where none is in use.
    """
    rankers = adopted_rankers(folder)
    if not rankers:
        raise InputError(
            "there is nothing to go back to: the general ranker is in use",
            next_step="learn from the past with 'loccit tune'",
        )
    _write(folder, rankers[1:])
    return rankers[1:]


def sweep(folder: Path, kept: Sequence[Kept]) -> None:
    """Delete the rankers that are not among these, and the drafts of killed writers. Raises StorageFailed."""
    names = {one.name for one in kept}
    try:
        sweep_drafts(folder / _ADOPTED)
        for path in folder.glob("*-*.*"):
            if path.suffix in {".json", ".arr"} and path.stem not in names:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_failed(folder, error) from error


def identity_of(general: Ranker) -> str:
    """What tells a general ranker from others: a digest of its features, trees and calibration."""
    digest = hashlib.sha256("\0".join(general.features).encode())
    trees = general.trees
    for column in (trees.roots, trees.feature, trees.threshold, trees.children, trees.value):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update(repr(general.calibration).encode())
    return digest.hexdigest()


def _write(folder: Path, rankers: Sequence[Kept]) -> None:
    entries = [{"name": one.name, "sha256": one.sha256} for one in rankers]
    replace_document(folder / _ADOPTED, {"format": FORMAT, "rankers": entries})


def _text_of(folder: Path, kept: Kept) -> dict[str, Any]:
    path = folder / f"{kept.name}.json"
    document = read_document(path)
    if document is None:
        raise _damaged(path, "it is not there")
    _check_format(document, "what was learned")
    if _digest(path) != kept.sha256:
        raise _damaged(path, "its content fails its checksum")
    return document


def _check_format(document: Mapping[str, Any], what: str) -> None:
    if document.get("format") != FORMAT:
        raise IndexFormatMismatch(
            f"{what} has format {document.get('format')!r}, this version reads {FORMAT}", next_step=_AGAIN
        )


def _facts_of(path: Path, document: Mapping[str, Any]) -> Facts:
    try:
        return Facts(**{field: document[field] for field in _FACTS})
    except KeyError as error:
        raise _damaged(path, f"it has no {error}") from error


def _own(folder: Path, document: Mapping[str, Any], width: int) -> Own:
    """The own part that the text holds. Raises KeyError, TypeError and ValueError for what is none."""
    columns = {name: np.array(document[name], dtype=np.float64) for name in _WEIGHTS}
    wrong = next((n for n, c in columns.items() if c.shape != (width,) or not np.isfinite(c).all()), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} is no row of {width} numbers")
    described = cast("dict[str, str] | None", document["association"])
    return Own(
        **columns,
        linear_share=float(document["linear_share"]),
        association_share=float(document["association_share"]),
        learned_from=int(document["learned_from"]),
        association=None if described is None else _association(folder, described),
    )


def _width(general: Ranker) -> int:
    """How many columns the linear part has beside this general ranker."""
    return comparable(np.zeros((0, 3 * len(general.features)))).shape[1]


def _association(folder: Path, described: Mapping[str, str]) -> Association:
    path = folder / Path(described["file"]).name
    try:
        is_sound = _digest(path) == described["sha256"]
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    if not is_sound:
        raise _damaged(path, "its content fails its checksum")
    return Association.of(read_arrays(path)[1])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: str) -> IndexBroken:
    return IndexBroken(broken(path, why).message, next_step=_AGAIN)
