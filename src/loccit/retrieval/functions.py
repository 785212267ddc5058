"""Within a suspect file: which of its functions an issue is about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loccit.core.chunks import ChunkKind
from loccit.core.suspects import SuspectFunction
from loccit.indexing.lexical import Field
from loccit.indexing.terms import name_term, term_key, tokens, whole_of
from loccit.retrieval.features import PARTS, Analysis
from loccit.retrieval.query import STOP_WORDS

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_PART_WEIGHTS = {"all": 1.0, "title": 0.5, "prose": 0.25, "code": 0.25, "errors": 0.5}
_NAME_WEIGHT = 0.3
_FRAME_WEIGHT = 0.5
_KINDS = frozenset({ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE})


def function_scores(analysis: Analysis) -> Float64:
    """Per chunk of the view, how much of the issue it holds and whether the issue names it; made once."""
    shares = analysis.chunk_shares
    score = sum(
        (weight * shares[PARTS.index(part)] for part, weight in _PART_WEIGHTS.items()),
        start=np.zeros(shares.shape[1]),
    )
    issue = analysis.issue
    said = {whole_of(t) for t in tokens("\n".join([issue.title, issue.prose, *issue.code]))} - STOP_WORDS
    frames = {whole_of(t) for trace in issue.tracebacks for f in trace.frames for t in tokens(f.function)}
    for names, weight in ((said, _NAME_WEIGHT), (frames, _FRAME_WEIGHT)):
        score += weight * _defining(analysis, sorted(name for name in names if len(name) > 2))
    return score


def rank_functions(analysis: Analysis, scores: Float64, file: int, *, limit: int) -> list[SuspectFunction]:
    """The functions and classes of a file, best first; pieces of one are one, from its best piece."""
    view = analysis.view
    mine = np.flatnonzero(view.record_of == view.record_of_file[file])
    best: dict[str, SuspectFunction] = {}
    for document in mine[np.argsort(-scores[mine], kind="stable")].tolist():
        found = view.document(document, file=file)
        if scores[document] <= 0 or not found.symbol or found.kind not in _KINDS:
            continue
        known = best.get(found.symbol)
        if known is None:
            best[found.symbol] = SuspectFunction(
                found.symbol,
                found.start_byte,
                found.end_byte,
                found.start_line,
                found.end_line,
                round(float(scores[document]), 6),
            )
        if len(best) == limit:
            break
    return list(best.values())


def _defining(analysis: Analysis, names: list[str]) -> Float64:
    """Per chunk, 1 where it defines a name that it alone defines, less the more chunks define it."""
    view = analysis.view
    result = np.zeros(len(view))
    if names and len(view):
        keys = np.array([term_key(name_term(name)) for name in names], dtype=np.uint64)
        found = view.gather(Field.SYMBOLS, keys)
        count = np.bincount(found.terms, minlength=len(keys))
        np.maximum.at(result, found.documents, 1 / np.sqrt(count[found.terms]))
    return result
