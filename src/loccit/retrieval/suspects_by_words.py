"""Suspects by words alone: what search finds for the text of an issue. Neither history nor learning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from loccit.core.evidence import Filters, Hit
from loccit.core.source import FileRole
from loccit.core.suspects import Localisation, Reason, ReasonKind, Suspect, SuspectFunction
from loccit.retrieval.confidence import confidence
from loccit.retrieval.issue_text import IssueText
from loccit.retrieval.query import understand
from loccit.retrieval.search import Target, search

_HITS, _PER_FILE = 200, 4
_FILES = 50
_TESTS = frozenset({FileRole.TEST})
_DOCS = frozenset({FileRole.DOCS})


def localise_by_words(issue: IssueText, files: Target, *, max_chars: int) -> Localisation:
    """Where the cause of an issue may be. Raises InputError for an empty one.

    Probabilities are shares of the confidence by score; they are not calibrated.
    """
    query = understand(_said(issue)[:max_chars], max_chars=max_chars)
    found = search(query, [files], filters=Filters(), top_k=_HITS, per_file=_PER_FILE)
    sure = confidence(found)
    by_path: dict[str, list[Hit]] = {}
    for hit in found.hits:
        by_path.setdefault(hit.place.path, []).append(hit)
    kinds: dict[str, list[Suspect]] = {"source": [], "tests": [], "docs": []}
    total = sum(hits[0].score ** 4 for hits in islice(by_path.values(), _FILES)) or 1.0
    for hits in by_path.values():
        role = hits[0].role
        kind = "tests" if role in _TESTS else "docs" if role in _DOCS else "source"
        kinds[kind].append(_suspect(hits, issue, sure * hits[0].score ** 4 / total))
    return Localisation(
        suspects=tuple(kinds["source"][:_FILES]),
        tests=tuple(kinds["tests"][:_FILES]),
        docs=tuple(kinds["docs"][:_FILES]),
        similar_commits=(),
        confidence=sure,
    )


def _said(issue: IssueText) -> str:
    frames = "\n".join(f"{f.path} {f.function}" for t in issue.tracebacks for f in t.frames)
    errors = "\n".join(f"{error.kind}: {error.message}" for error in issue.errors)
    return "\n\n".join([issue.title, errors, frames, *issue.paths, issue.prose, *issue.code])


def _suspect(hits: Sequence[Hit], issue: IssueText, probability: float) -> Suspect:
    best = hits[0]
    functions: dict[str, SuspectFunction] = {}
    for hit in hits:
        if hit.symbol:
            place = hit.place
            functions.setdefault(
                hit.symbol,
                SuspectFunction(
                    hit.symbol,
                    place.start_byte,
                    place.end_byte,
                    place.start_line,
                    place.end_line,
                    hit.score,
                ),
            )
    return Suspect(
        path=best.place.path,
        blob=best.place.object_id,
        role=best.role,
        encoding=best.encoding,
        score=best.score,
        probability=round(min(1.0, probability), 6),
        reasons=tuple(_reasons(best, issue)),
        functions=tuple(functions.values()),
    )


def _reasons(hit: Hit, issue: IssueText) -> list[Reason]:
    reasons: list[Reason] = []
    path = hit.place.path
    framed = [f for t in issue.tracebacks for f in t.frames if f.path and f.path.endswith(path)]
    if framed:
        at = f"line {framed[0].line}" if framed[0].line else framed[0].function
        reasons.append(Reason(ReasonKind.TRACEBACK, f"in the stack trace, {at}", place=hit.place))
    for said in hit.reasons:
        kind = ReasonKind.WORDS if said.startswith(("holds", "in ")) else ReasonKind.MENTION
        reasons.append(Reason(kind, said, place=hit.place))
    return reasons
