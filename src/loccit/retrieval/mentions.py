"""What an issue names outright: paths, modules, defined names, and the frames of tracebacks.

Each feature is per file: 1 where what is written can only mean this file, less the more files it fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loccit.indexing.arrays import distinct
from loccit.indexing.lexical import Field
from loccit.indexing.terms import name_term, term_key, tokens, whole_of, words_of
from loccit.indexing.view import SnapshotView
from loccit.retrieval.issue_text import IssueText
from loccit.retrieval.query import STOP_WORDS

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_DOTTED = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)+")
_MOST_DOTTED = 200
_MOST_NAMES = 400
_MOST_FRAMES = 40
# What a name counts for that is written before a dot.
_OWNER = 0.7
# Names of these appear wherever code does.
_EVERYWHERE = frozenset(
    "self cls init main test get set run str int list dict object none true false".split()
)


def mentions(issue: IssueText, view: SnapshotView) -> dict[str, Float64]:
    """The features, each parallel to the view's files."""
    by_ending = endings_of(view)
    body = "\n".join([issue.title, issue.prose, *issue.code])
    return {
        "mention:path": _written_paths(issue.paths, by_ending),
        "mention:module": _modules(_first(_DOTTED.findall(body), _MOST_DOTTED), by_ending),
        "mention:frames": _frames(issue, by_ending),
        **_defined(issue, view),
        **_marked(issue, view),
        "mention:called": _called(issue.title, view),
        "mention:called:all": _called(body, view),
    }


def endings_of(view: SnapshotView, known: PathEndings | None = None) -> PathEndings:
    """The paths of a view by their endings, made once; `known` are those of a view with the same paths."""
    return view.kept("paths by ending", lambda: known or PathEndings(view.files.paths))


class PathEndings:
    """Paths by their endings: finds which files a written path may mean."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.size = len(paths)
        self._by_name: dict[str, list[tuple[int, list[str]]]] = {}
        for number, path in enumerate(paths):
            parts = path.split("/")
            self._by_name.setdefault(parts[-1], []).append((number, parts))
            stem = parts[-1].partition(".")[0]
            self._by_name.setdefault(f"{stem}.", []).append((number, [*parts[:-1], stem]))
            if stem in {"__init__", "index", "mod"} and len(parts) > 1:
                # A package is named by its folder.
                self._by_name.setdefault(f"{parts[-2]}.", []).append((number, parts[:-1]))

    def fits(self, written: Sequence[str], *, is_module: bool = False) -> tuple[int, list[int]]:
        """How many parts at the end fit, and the files that they fit best; (0, []) where too little does.

        That must be all of the one or the other, or two parts.
        """
        name = f"{written[-1]}." if is_module else written[-1]
        best, files = 0, list[int]()
        for number, own in self._by_name.get(name, ()):
            shared = 0
            while shared < min(len(written), len(own)) and written[-1 - shared] == own[-1 - shared]:
                shared += 1
            if shared < 2 and shared not in {len(written), len(own)}:
                continue
            if shared > best:
                best, files = shared, [number]
            elif shared == best:
                files.append(number)
        return best, files


def _written_paths(paths: Iterable[str], endings: PathEndings) -> Float64:
    result = np.zeros(endings.size)
    for path in paths:
        parts = _parts(path)
        if parts:
            _raise(result, endings.fits(parts)[1], 1.0)
    return result


def _modules(names: Iterable[str], endings: PathEndings) -> Float64:
    """Dotted names that begin with, or are, a module: `django.db.models.query.QuerySet`."""
    result = np.zeros(endings.size)
    for name in names:
        parts = name.split(".")
        for end in range(len(parts), 1, -1):
            shared, files = endings.fits(parts[:end], is_module=True)
            if shared >= 2:
                _raise(result, files, shared / (shared + 1))
                break
    return result


def _frames(issue: IssueText, endings: PathEndings) -> Float64:
    """Files of the tracebacks' frames: 1 nearest the error, falling with the distance from it."""
    result = np.zeros(endings.size)
    for traceback in issue.tracebacks:
        distance = 0
        for frame in traceback.frames[:_MOST_FRAMES]:
            parts = _parts(frame.path)
            files = endings.fits(parts)[1] if parts else []
            if files:
                _raise(result, files, 1 / (1 + 0.25 * distance))
                distance += 1
    return result


def _raise(result: Float64, files: Sequence[int], value: float) -> None:
    """Lift these files to what each of them gets of a value that fits all of them."""
    share = value / math.sqrt(max(len(files), 1))
    for file in files:
        result[file] = max(result[file], share)


def _defined(issue: IssueText, view: SnapshotView) -> dict[str, Float64]:
    """The rarity of the names in the issue that a file defines: the best of them, and all together; those of
    the title apart.
    """
    title = _names(issue.title)
    said = {**_names(issue.prose), **title}
    code = _names("\n".join(issue.code))
    functions = {
        name: 1.0 for t in issue.tracebacks for f in t.frames[:_MOST_FRAMES] for name in _names(f.function)
    }
    result: dict[str, Float64] = {}
    groups = {"defined:title": title, "defined": said, "defined:code": code, "defined:frames": functions}
    for label, names in groups.items():
        best, total = _rarity(names, view)
        result[f"mention:{label}"] = best
        if label in {"defined", "defined:code"}:
            result[f"mention:{label}:sum"] = total
    return result


def _names(text: str) -> dict[str, float]:
    """Names in a text that look like code or may be defined somewhere: 1 for what is written as code is, less
    for a plain word.
    """
    found: dict[str, float] = {}
    for token in tokens(text):
        name = whole_of(token)
        if len(name) < 3 or name in STOP_WORDS or name in _EVERYWHERE:
            continue
        is_code = len(words_of(token)) > 1
        found[name] = max(found.get(name, 0.0), 1.0 if is_code else 0.5)
        if len(found) >= _MOST_NAMES:
            break
    return found


def _marked(issue: IssueText, view: SnapshotView) -> dict[str, Float64]:
    """The rarity of what the issue marks as code and a file defines: dotted, called, or between backquotes,
    also if it is a plain word; that of the title apart. `qualified` is what it names with its owner.
    """
    in_title = {whole_of(token) for token in tokens(issue.title)}
    names: dict[str, float] = {}
    owned: dict[tuple[str, str], None] = {}
    for written in issue.names[:_MOST_DOTTED]:
        parts = [part for part in map(whole_of, written.split(".")) if part]
        for at, name in enumerate(parts):
            if len(name) > 2 and name not in _EVERYWHERE:
                names[name] = max(names.get(name, 0.0), 1.0 if at == len(parts) - 1 else _OWNER)
        owned |= dict.fromkeys(pairwise(parts))
    title = {name: weight for name, weight in names.items() if name in in_title}
    return {
        "mention:marked": _rarity(names, view)[0],
        "mention:marked:title": _rarity(title, view)[0],
        "mention:qualified": _qualified(list(owned), view),
    }


def _qualified(owned: Sequence[tuple[str, str]], view: SnapshotView) -> Float64:
    """The files with a definition that has both names of a pair: less the more of them there are."""
    best = np.zeros(view.records)
    names = sorted({name for pair in owned for name in pair})
    keys = np.array([term_key(name_term(name)) for name in names], dtype=np.uint64)
    found = view.gather(Field.SYMBOLS, keys)
    order = np.argsort(found.terms, kind="stable")
    at = np.searchsorted(found.terms[order], np.arange(len(names) + 1))
    defining = [found.documents[order[start:end]] for start, end in pairwise(at.tolist())]
    number = {name: at for at, name in enumerate(names)}
    for owner, name in owned:
        both = np.intersect1d(defining[number[owner]], defining[number[name]])
        records = distinct(view.record_of[both])
        best[records] = np.maximum(best[records], 1 / math.sqrt(max(len(records), 1)))
    return best[view.record_of_file]


def _rarity(names: Mapping[str, float], view: SnapshotView) -> tuple[Float64, Float64]:
    best, total = np.zeros(view.records), np.zeros(view.records)
    if names and view.records:
        keys = np.array([term_key(name_term(name)) for name in names], dtype=np.uint64)
        found = view.gather(Field.SYMBOLS, keys)
        pairs = distinct(found.terms * view.records + view.record_of[found.documents])
        term, record = pairs // view.records, pairs % view.records
        count = np.bincount(term, minlength=len(keys))
        weight = np.array(list(names.values()))
        rarity = weight * np.log(1 + view.records / np.maximum(count, 1)) / math.log(1 + view.records)
        # A name that many files define says little about each.
        value = (rarity / np.sqrt(np.maximum(count, 1)))[term]
        np.maximum.at(best, record, value)
        np.add.at(total, record, value)
    return best[view.record_of_file], total[view.record_of_file]


def _called(text: str, view: SnapshotView) -> Float64:
    """How tellingly the text names the file itself: 1 where one file alone is called so."""
    result = np.zeros(len(view.files.paths))
    words = {part for token in tokens(text) for part in (*words_of(token), whole_of(token))}
    for word in sorted(word for word in words if len(word) > 2 and word not in STOP_WORDS)[:_MOST_NAMES]:
        for form in sorted({word, word.removesuffix("s"), f"{word}s"}):
            files = view.files.words.postings(name_term(form))[0]
            if len(files):
                result[files] = np.maximum(result[files], 1 / math.sqrt(len(files)))
    return result


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]


def _first(names: Sequence[str], count: int) -> list[str]:
    return list(dict.fromkeys(names))[:count]


class Definitions:
    """Which files of a view define what an issue names."""

    def __init__(self, issue: IssueText, view: SnapshotView) -> None:
        functions = [f.function for trace in issue.tracebacks for f in trace.frames]
        names = _names("\n".join([issue.title, issue.prose, *issue.code])) | {
            name: 1.0 for function in functions for name in _names(function)
        }
        self._view = view
        self._names = list(names)
        found = view.gather(
            Field.SYMBOLS, np.array([term_key(name_term(name)) for name in names], dtype=np.uint64)
        )
        pairs = distinct(found.terms * view.records + view.record_of[found.documents])
        self._name, self._record = np.divmod(pairs, max(view.records, 1))
        self._count = np.bincount(self._name, minlength=len(names))

    def of(self, file: int) -> list[str]:
        """The names that this file defines, those that fewest files define first."""
        mine = self._name[self._record == self._view.record_of_file[file]]
        rarest = mine[np.argsort(self._count[mine], kind="stable")]
        return [self._names[at] for at in rarest.tolist()]
