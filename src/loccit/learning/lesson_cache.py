"""Lessons kept on disk, so that after new commits only new fixes are replayed.

A lesson hangs on its commit, and on how files and issues are read: the kept ones are used only under the
`version` they were made with. They are a cache: a damaged file costs what one that is not there costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from loccit.core.source import path_bytes, path_text
from loccit.indexing.arrays import Array, broken, read_arrays, write_arrays
from loccit.indexing.changes import ChangeTable
from loccit.indexing.lexical import RECORD_VERSION
from loccit.indexing.terms import ANALYSIS_VERSION
from loccit.learning.lessons import Lesson
from loccit.parsing import PARSER_VERSION, ParsingOptions
from loccit.retrieval.association import Message
from loccit.retrieval.features import FEATURES_VERSION, Candidates

FORMAT = 1
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KeptLessons:
    """Lessons, oldest first, complete up to the commit `head`; while some are missing that is None."""

    lessons: tuple[Lesson, ...]
    head: str | None


def version_of(
    parsing: ParsingOptions, max_file_bytes: int, features: Sequence[str], shallow_ends: Sequence[str]
) -> str:
    """What lessons hang on beside their commits.

    Files of more than `max_file_bytes` are not searched. `shallow_ends` are the commits where a shallow clone
    ends: of a deeper one the past is another.
    """
    numbers = (FORMAT, PARSER_VERSION, ANALYSIS_VERSION, RECORD_VERSION, FEATURES_VERSION)
    return " ".join(
        [*map(str, numbers), str(parsing), str(max_file_bytes), *features, "|", *sorted(shallow_ends)]
    )


def write_lessons(path: Path, version: str, kept: KeptLessons) -> None:
    """Keep these lessons in place of those that were kept before. Raises StorageFailed."""
    lessons = kept.lessons
    replayed = [lesson for lesson in lessons if lesson.candidates is not None]
    names = next((one.candidates.names for one in replayed if one.candidates is not None), ())
    arrays: dict[str, Array] = {
        "commits": np.frombuffer(bytes.fromhex("".join(one.commit for one in lessons)), dtype=np.uint8),
        "times": np.array([one.time for one in lessons], dtype=np.int64),
        "terms": _sizes(len(one.message.keys) for one in lessons),
        "keys": _joined([one.message.keys for one in lessons], np.uint64),
        "weights": _joined([one.message.weights for one in lessons], np.float64),
        "changed": _sizes(len(one.message.paths) for one in lessons),
        "paths": _text(path for one in lessons for path in one.message.paths),
        "is_replayed": np.array([one.candidates is not None for one in lessons], dtype=np.uint8),
        **_candidate_columns(replayed, names),
    }
    width = len(lessons[0].commit) // 2 if lessons else 20
    meta: dict[str, Any] = {
        "format": FORMAT,
        "version": version,
        "head": kept.head,
        "names": list(names),
        "id_bytes": width,
    }
    write_arrays(path, meta, arrays)


def read_lessons(path: Path, version: str, table: ChangeTable) -> KeptLessons | None:
    """The kept lessons that the table knows the commits of, numbered and in order as there.

    None where none are kept, or they were made under another version. Raises IndexBroken for a damaged file.
    """
    if not path.exists():
        return None
    meta, arrays = read_arrays(path)
    if meta.get("version") != version:
        return None
    try:
        head = cast("str | None", meta["head"])
        found = [one for one in _lessons(meta, arrays, table) if one.number >= 0]
    except (KeyError, ValueError, IndexError) as error:
        raise broken(path, f"unexpected content: {error}") from error
    return KeptLessons(tuple(sorted(found, key=lambda one: one.number)), head)


def _candidate_columns(replayed: Sequence[Lesson], names: Sequence[str]) -> dict[str, Array]:
    """The candidates of replayed lessons, one below the other."""
    found = [one.candidates for one in replayed if one.candidates is not None]
    gold = [one.is_gold for one in replayed if one.is_gold is not None]
    # Without a past the columns stand in another order.
    orders = [[one.names.index(name) for name in names] for one in found]
    values = [one.values[:, order].astype(np.float32) for one, order in zip(found, orders, strict=True)]
    return {
        "candidates": _sizes(len(one.files) for one in found),
        "files": _joined([one.files for one in found], np.int64),
        "values": np.concatenate([np.empty((0, len(names)), dtype=np.float32), *values]),
        "is_gold": _joined([one.astype(np.uint8) for one in gold], np.uint8),
        "names_of": _sizes(len(names) for one in found for names in one.former),
        "former": _text(path for one in found for names in one.former for path in names),
    }


def _lessons(meta: dict[str, Any], arrays: dict[str, Array], table: ChangeTable) -> list[Lesson]:
    step = 2 * int(meta["id_bytes"])
    ids = arrays["commits"].tobytes().hex()
    commits = [ids[at : at + step] for at in range(0, len(ids), step)]
    take_term, take_path = _taker(arrays["terms"]), _taker(arrays["changed"])
    paths = _paths(arrays["paths"])
    replayed = iter(_candidates(meta, arrays))
    lessons: list[Lesson] = []
    for at, (commit, time, is_replayed) in enumerate(
        zip(commits, arrays["times"].tolist(), arrays["is_replayed"].tolist(), strict=True)
    ):
        terms = take_term(at)
        keys, weights = arrays["keys"][terms], arrays["weights"][terms]
        found, gold = (None, None)
        if is_replayed:
            make, gold = next(replayed)
            found = make(keys, weights)
        lessons.append(
            Lesson(
                commit=commit,
                number=table.number_of.get(commit, -1),
                time=int(time),
                message=Message(keys, weights, tuple(paths[take_path(at)])),
                candidates=found,
                is_gold=gold,
            )
        )
    return lessons


_Make = Callable[[npt.NDArray[np.uint64], npt.NDArray[np.float64]], Candidates]


def _candidates(meta: dict[str, Any], arrays: dict[str, Array]) -> list[tuple[_Make, npt.NDArray[np.bool_]]]:
    """Of each replayed lesson what makes its candidates, given the issue's terms, and which are gold."""
    names = tuple(str(name) for name in meta["names"])
    former, take_name = _paths(arrays["former"]), _taker(arrays["names_of"])
    take = _taker(arrays["candidates"])
    gold = arrays["is_gold"].astype(bool)

    def of(rows: slice) -> _Make:
        own = tuple(tuple(former[take_name(row)]) for row in range(rows.start, rows.stop))
        return lambda keys, weights: Candidates(
            arrays["files"][rows], names, arrays["values"][rows], own, keys, weights
        )

    rows = [take(at) for at in range(len(arrays["candidates"]))]
    return [(of(one), gold[one]) for one in rows]


def _taker(sizes: Array) -> Callable[[int], slice]:
    """What says where the entries of an owner are, by how many each has."""
    at: list[int] = [0, *np.cumsum(sizes, dtype=np.int64).tolist()]
    return lambda owner: slice(at[owner], at[owner + 1])


def _sizes(counts: Iterable[int]) -> Array:
    return np.array(list(counts), dtype=np.uint32)


def _joined(arrays: Sequence[Array], dtype: npt.DTypeLike) -> Array:
    return np.concatenate([np.empty(0, dtype=dtype), *(one.astype(dtype, copy=False) for one in arrays)])


def _text(paths: Iterable[str]) -> Array:
    return np.frombuffer(b"".join(path_bytes(path) + b"\0" for path in paths), dtype=np.uint8)


def _paths(text: Array) -> list[str]:
    return [path_text(path) for path in text.tobytes().split(b"\0")[:-1]]
