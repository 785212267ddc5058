"""What speaks for each function of the suspect files: one row of features per function, the same code for
training and ranking.

A function is everything in one file that bears one qualified name: a function or method with all its pieces,
or what of a class is outside its methods. All functions of all suspect files are rows of one table.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt

from loccit.core.chunks import ChunkKind
from loccit.indexing.arrays import Array
from loccit.indexing.lexical import KINDS, Field
from loccit.indexing.segment import Segment
from loccit.indexing.terms import name_term, stems, term_key, tokens, whole_of, words_of
from loccit.indexing.view import SnapshotView
from loccit.retrieval.features import PARTS, Analysis, relative, strongest
from loccit.retrieval.mentions import endings_of
from loccit.retrieval.past import Past
from loccit.retrieval.query import STOP_WORDS

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_IS_DEFINITION = np.array([kind in {ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE} for kind in KINDS])
_LEAST_PROBABILITY = 1e-4
# Past commits that read like the issue: so many vote.
_VOTERS = 100
# What a word of a name counts for that the issue does not have; about the idf of a middling word.
_UNHEARD = 5.0
_MOST_FRAMES = 40
_SHORTLIST = 250
_SHORTEST_NAME = 3
_EVERYWHERE = STOP_WORDS | {"self", "cls"}
_MONTH = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of some files, file after file, in order of appearance.

    Function i is in `files[file[i]]`, is called `symbols[i]`, and has the pieces
    `documents[starts[i] : starts[i + 1]]` (chunks of the view, rising). `places` is parallel to `documents`:
    start byte, end byte, start line, end line.
    """

    files: Int64
    file: Int64
    symbols: tuple[str, ...]
    starts: Int64
    documents: Int64
    places: Int64

    def __len__(self) -> int:
        """The number of functions."""
        return len(self.symbols)

    def pieces(self, row: int) -> slice:
        """Where the pieces of a function stand in `documents` and `places`."""
        return slice(int(self.starts[row]), int(self.starts[row + 1]))

    def best_of_pieces(self, values: Array) -> Float64:
        """Per function the greatest value of its pieces; `values` are parallel to `documents`."""
        return np.maximum.reduceat(values, self.starts[:-1])

    def chosen(self, rows: Int64) -> Functions:
        """These functions alone; `rows` are rising."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.repeat(self.starts[rows] - starts[:-1], sizes) + np.arange(int(starts[-1]))
        symbols = tuple(self.symbols[row] for row in cast("list[int]", rows.tolist()))
        return Functions(self.files, self.file[rows], symbols, starts, self.documents[at], self.places[at])


def functions_of(view: SnapshotView, files: Sequence[int]) -> Functions:
    """The functions and classes of these files (numbers in the view)."""
    numbers = np.array(files, dtype=np.int64)
    records = view.record_of_file[numbers] if len(numbers) else numbers
    # A view numbers its documents record after record, and those of a record as its segment does.
    firsts = np.searchsorted(view.record_of, records).tolist()
    owner: list[int] = []
    symbols: list[str] = []
    pieces: list[list[int]] = []
    places: list[Array] = []
    for position, (file, first) in enumerate(zip(files, firsts, strict=True)):
        segment, record = _stored(view, file)
        start, stop = segment.first_doc[record : record + 2].tolist()
        here: dict[str, list[int]] = {}
        for local, symbol in _named(segment, start, stop):
            here.setdefault(symbol, []).append(local - start)
        owner += [position] * len(here)
        symbols += here
        pieces += [[first + at for at in mine] for mine in here.values()]
        places += [segment.places[[start + at for mine in here.values() for at in mine]]] if here else []
    return Functions(
        files=numbers,
        file=np.array(owner, dtype=np.int64),
        symbols=tuple(symbols),
        starts=np.cumsum([0, *map(len, pieces)], dtype=np.int64),
        documents=np.array([document for mine in pieces for document in mine], dtype=np.int64),
        places=np.concatenate([np.empty((0, 4), dtype=np.int64), *places]).astype(np.int64),
    )


def _stored(view: SnapshotView, file: int) -> tuple[Segment, int]:
    """The segment that has the file's record, and the record's number there."""
    key = view.files.keys[file : file + 1]
    found = ((segment, int(segment.find(key)[0])) for segment in view.segments)
    return next((segment, record) for segment, record in found if record >= 0)


def _named(segment: Segment, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """The documents of a range that are of a named definition, and its name."""
    at = segment.symbol_at[start : stop + 1].tolist()
    text = segment.symbol_text[at[0] : at[-1]].tobytes()
    is_code = _IS_DEFINITION[segment.kind[start:stop]].tolist()
    for number, (wanted, begin, end) in enumerate(zip(is_code, at, at[1:], strict=False), start=start):
        if wanted and end > begin:
            yield number, text[begin - at[0] : end - at[0]].decode("utf-8", "surrogatepass")


def function_features(
    analysis: Analysis, files: Sequence[int], probabilities: Float64
) -> tuple[Functions, dict[str, Float64]]:
    """The functions of these files that a look at words, size and file leaves in question, and their features
    by name. The likeliest file is first; `probabilities` are parallel to the files.
    """
    functions = functions_of(analysis.view, files)
    if not len(functions):
        return functions, {}
    columns = {
        **_file_columns(functions, probabilities),
        **_text_columns(analysis, functions),
        **_size_columns(analysis, functions),
    }
    rows = _shortlist(columns)
    functions = functions.chosen(rows)
    columns = {name: values[rows] for name, values in columns.items()}
    if len(functions):
        names = _Names.of(functions)
        columns |= _name_columns(analysis, functions, names)
        columns |= _word_columns(analysis, names)
        columns |= _frame_columns(analysis, functions, names)
        columns |= _past_columns(analysis, functions, names)
    return functions, columns


def _shortlist(columns: Mapping[str, Float64]) -> Int64:
    """The functions that hold anything of the issue; of many, those that a first look puts first."""
    first = (
        columns["words:all"]
        + columns["words:title"]
        + columns["held:all"]
        + 0.1 * columns["file"]
        + 0.1 * columns["size"]
    )
    rows = np.flatnonzero(columns["held:all"] > 0)
    if len(rows) > _SHORTLIST:
        rows = np.sort(rows[np.argsort(-first[rows], kind="stable")[:_SHORTLIST]])
    return rows


@dataclass(frozen=True, slots=True)
class _Names:
    """What the functions are called: as written, as it is compared whole, and the names around each."""

    written: tuple[str, ...]
    own: tuple[str, ...]
    around: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, functions: Functions) -> _Names:
        # Other languages write `A::b` and `A#b`.
        parts = [symbol.replace("::", ".").replace("#", ".").split(".") for symbol in functions.symbols]
        return cls(
            tuple(part[-1] for part in parts),
            tuple(whole_of(part[-1]) for part in parts),
            tuple(tuple(map(whole_of, part[:-1])) for part in parts),
        )


def _file_columns(functions: Functions, probabilities: Float64) -> dict[str, Float64]:
    shares = probabilities / max(float(probabilities.sum()), 1e-9)
    ranks = np.arange(len(shares), dtype=np.float64)
    counts = np.bincount(functions.file, minlength=len(shares))
    return {
        "file": np.log(np.maximum(shares, _LEAST_PROBABILITY))[functions.file],
        "file:rank": (1 / (1 + ranks))[functions.file],
        "file:behind": np.log1p(ranks)[functions.file],
        "file:functions": np.log(np.maximum(counts, 1))[functions.file],
    }


def _text_columns(analysis: Analysis, functions: Functions) -> dict[str, Float64]:
    """Words: of BM25 the share of the best piece, against that of the best function of all and in rank within
    its file; and how much of the issue's idf a piece has at all.
    """
    shares = {
        part: functions.best_of_pieces(analysis.chunk_shares[at][functions.documents])
        for at, part in enumerate(PARTS)
    }
    columns = {f"words:{part}": relative(shares[part]) for part in ("all", "title", "prose", "code")}
    both = shares["all"] + shares["title"]
    columns["words:rank"] = 1 / (1 + _rank_within(functions.file, both))
    is_wanted = np.zeros(len(analysis.view), dtype=bool)
    is_wanted[functions.documents] = True
    entries = analysis.chunks
    here = is_wanted[entries.owner]
    term, owner = entries.term[here], entries.owner[here]
    for part in ("all", "title", "errors"):
        row = np.where(analysis.weights[PARTS.index(part)] > 0, analysis.idf, 0.0)
        held = np.bincount(owner, weights=row[term], minlength=len(analysis.view))
        total = float(row.sum()) or 1.0
        columns[f"held:{part}"] = functions.best_of_pieces(held[functions.documents]) / total
    return columns


def _name_columns(analysis: Analysis, functions: Functions, names: _Names) -> dict[str, Float64]:
    """Names that the issue writes: the function's own and those around it, less the more bear them."""
    issue = analysis.issue
    title = _distinct(tokens(issue.title))
    written = [[whole_of(part) for part in name.split(".")] for name in issue.names]
    # Code that shows the fault calls much that has no part in it: what is told counts.
    told = title | _distinct(tokens(issue.prose))
    said = told & _distinct(part for name in written for part in name)
    pairs = {pair for name in written for pair in pairwise(name)}
    bearers = Counter(names.own)
    outermost = dict.fromkeys(zip(functions.file.tolist(), names.around, strict=True))
    classes = Counter(outer[-1] for _, outer in outermost if outer)
    columns: dict[str, list[float]] = {
        "name": [1 / math.sqrt(bearers[name]) if name in said else 0.0 for name in names.own],
        "class:title": [
            max((1 / math.sqrt(max(classes[name], 1)) for name in outer if name in title), default=0.0)
            for outer in names.around
        ],
        "dotted": [
            float(any((name, last) in pairs for name in outer))
            for outer, last in zip(names.around, names.own, strict=True)
        ],
    }
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def _word_columns(analysis: Analysis, names: _Names) -> dict[str, Float64]:
    """How much of a function's own name, by idf, the issue has as words."""
    split = {name: words_of(name) for name in names.written}
    vocabulary = sorted({word for words in split.values() for word in words})
    stem_of = dict(zip(vocabulary, stems(vocabulary), strict=True))
    number_of = {key: at for at, key in enumerate(analysis.candidates.keys.tolist())}
    term_of = {word: number_of.get(term_key(stem)) for word, stem in stem_of.items()}
    columns: dict[str, Float64] = {}
    for part in ("all", "title"):
        idf = np.where(analysis.weights[PARTS.index(part)] > 0, analysis.idf, 0.0)
        heard = {word: 0.0 if at is None else float(idf[at]) for word, at in term_of.items()}
        share = {
            name: sum(heard[word] for word in words) / (sum(heard[word] or _UNHEARD for word in words) or 1.0)
            for name, words in split.items()
        }
        columns[f"called:{part}"] = np.array([share[name] for name in names.written])
    return columns


def _frame_columns(analysis: Analysis, functions: Functions, names: _Names) -> dict[str, Float64]:
    """Frames of tracebacks: 1 nearest the error, falling with the distance from it; by name, by line, and
    whether the error came from there.
    """
    view = analysis.view
    columns = {name: np.zeros(len(functions)) for name in ("frame", "frame:line", "frame:last")}
    position = {file: at for at, file in enumerate(functions.files.tolist())}
    endings = endings_of(view)
    for traceback in analysis.issue.tracebacks:
        distance = 0
        for frame in traceback.frames[:_MOST_FRAMES]:
            parts = [part for part in frame.path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
            fitting = endings.fits(parts)[1] if parts else []
            value = 1 / (1 + 0.25 * distance) / math.sqrt(max(len(fitting), 1))
            called = whole_of(frame.function.rpartition(".")[2])
            for at in (position[file] for file in fitting if file in position):
                for row in np.flatnonzero(functions.file == at).tolist():
                    if called and names.own[row] == called:
                        columns["frame"][row] = max(columns["frame"][row], value)
                        columns["frame:last"][row] = max(columns["frame:last"][row], float(distance == 0))
                    if frame.line and _has_line(functions, row, frame.line):
                        columns["frame:line"][row] = max(columns["frame:line"][row], value)
            distance += bool(fitting)
    return columns


def _has_line(functions: Functions, row: int, line: int) -> bool:
    lines = functions.places[functions.pieces(row), 2:]
    return bool(((lines[:, 0] <= line) & (line <= lines[:, 1])).any())


def _past_columns(analysis: Analysis, functions: Functions, names: _Names) -> dict[str, Float64]:
    """Past commits that changed both the file and something of the function's name: how much they read like
    the issue, how many there are, how long ago the last was.
    """
    columns = {
        name: np.zeros(len(functions)) for name in ("votes", "votes:best", "recency", "changes", "latest")
    }
    past = analysis.past
    if past is None or not past.is_past.any():
        return columns
    row, commit, newest = _changes(past, functions, names)
    if not len(row):
        return columns
    votes = _votes(analysis.likeness, past)
    total = np.bincount(row, weights=votes[commit], minlength=len(functions))
    columns["votes"] = relative(total)
    np.maximum.at(columns["votes:best"], row, votes[commit])
    last = np.full(len(functions), np.iinfo(np.int64).min)
    np.maximum.at(last, row, past.times[commit])
    counts = np.bincount(row, minlength=len(functions))
    is_changed = counts > 0
    age = np.maximum(past.now - last[is_changed], 0) / _MONTH
    columns["recency"][is_changed] = 1 / (1 + age)
    columns["changes"] = np.log1p(counts.astype(np.float64))
    columns["latest"][is_changed] = last[is_changed] >= newest[functions.file[is_changed]]
    return columns


def _votes(likeness: Float64, past: Past) -> Float64:
    """What each commit has to give to a function that it changed."""
    return strongest(likeness, _VOTERS) ** 2 / np.sqrt(np.maximum(past.width, 1))


def _changes(past: Past, functions: Functions, names: _Names) -> tuple[Int64, Int64, Int64]:
    """Function and commit, for each past commit that changed the function's file and names the function; and
    when each file was last changed.
    """
    position = np.full(int(max(past.changed.max(initial=0), functions.files.max())) + 1, -1)
    position[functions.files] = np.arange(len(functions.files))
    here = position[past.changed] >= 0
    changed_by, changed = past.changed_by[here], position[past.changed[here]]
    has_changed = np.zeros((len(functions.files), len(past.commits)), dtype=bool)
    has_changed[changed, changed_by] = True
    newest = np.full(len(functions.files), np.iinfo(np.int64).min)
    np.maximum.at(newest, changed, past.times[changed_by])
    distinct, name = np.unique(np.array(names.own, dtype=np.str_), return_inverse=True)
    keys = np.array([term_key(name_term(one)) for one in distinct.tolist()], dtype=np.uint64)
    found = past.commits.gather(Field.SYMBOLS, keys)
    is_in_question = np.zeros(len(past.commits), dtype=bool)
    is_in_question[changed_by] = True
    is_near = is_in_question[found.documents]
    term, commit = found.terms[is_near], found.documents[is_near]
    # Every function that bears the name, for every commit that names it.
    order = np.argsort(name, kind="stable")
    bearers = np.bincount(name, minlength=len(distinct))
    begins = np.cumsum(bearers) - bearers
    size = bearers[term]
    row = order[np.repeat(begins[term] - np.cumsum(size) + size, size) + np.arange(int(size.sum()))]
    commit = np.repeat(commit, size)
    kept = has_changed[functions.file[row], commit]
    return row[kept], commit[kept], newest


def _size_columns(analysis: Analysis, functions: Functions) -> dict[str, Float64]:
    words = np.add.reduceat(analysis.view.document_words[functions.documents], functions.starts[:-1])
    return {"size": np.log1p(words.astype(np.float64))}


def _distinct(names: Iterable[str]) -> set[str]:
    found = {whole_of(name) for name in names}
    return {name for name in found if len(name) >= _SHORTEST_NAME and name not in _EVERYWHERE}


def _rank_within(group: Int64, values: Float64) -> Int64:
    """Each value's rank in its group, from 0, the greatest first. Groups stand one after the other."""
    order = np.lexsort((-values, group))
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values)) - np.searchsorted(group, group[order])
    return ranks
