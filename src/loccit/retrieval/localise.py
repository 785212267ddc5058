"""Where an issue's cause may be: candidates, ranked by what was learned, with reasons that a person can
check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from loccit.core.evidence import Place
from loccit.core.source import FileRole
from loccit.core.suspects import (
    Localisation,
    Reason,
    ReasonKind,
    SimilarCommit,
    Suspect,
)
from loccit.indexing.paths import index_paths
from loccit.indexing.view import ROLES, FileTable, SnapshotView
from loccit.retrieval.features import Analysis, Reading, analyse
from loccit.retrieval.functions import functions_by_file
from loccit.retrieval.issue_text import IssueText
from loccit.retrieval.learned import Ranker
from loccit.retrieval.mentions import Definitions, endings_of
from loccit.retrieval.past import Past
from loccit.retrieval.search import Target

Float64 = npt.NDArray[np.float64]

# What lays the past over the files of a view; None where there is no history.
LayPast = Callable[[SnapshotView], Past | None]

_SUSPECTS = 50
# How many suspects get reasons and functions, at most; of source files at least five do, by whose functions
# culprits are weighed.
_EXPLAINED, _EXPLAINED_APART, _LEAST_EXPLAINED = 20, 5, 5
_FUNCTIONS = 5
_WORDS = 4
_SIMILAR = 10
_APART = 10
# A past change speaks for a suspect when it reads at least this much like the issue as the one most like it.
_LIKE = 0.35
_RECENT_DAYS = 30.0
_DAY = 86_400.0


class Localiser:
    """The files of a snapshot whose change may fix an issue. `lay` lays the past over the files of a view:
    nothing but the snapshot and that past is looked at. Of the first `top` of a kind it says why, up to a
    limit.
    """

    def __init__(self, files: Target, lay: LayPast, ranker: Ranker, *, top: int) -> None:
        self._files = files
        self._lay = lay
        self._ranker = ranker
        self._top = top
        self._read: tuple[IssueText, Reading] | None = None

    def suspects(self, issue: IssueText) -> Localisation:
        """The source files, without tests and documentation."""
        analysis, suspects, confidence = self._of(
            FileRole.SOURCE, issue, _SUSPECTS, max(_LEAST_EXPLAINED, min(self._top, _EXPLAINED))
        )
        return Localisation(suspects, (), (), _similar(analysis), confidence)

    def commits_changing(self, paths: Iterable[str]) -> list[str]:
        """The commits of the past that changed any of these source files, newest first, under any name that
        a file has had.
        """
        view = role_view(self._files.view, FileRole.SOURCE)
        past = self._lay(view)
        if past is None:
            return []
        number_of = {path: at for at, path in enumerate(view.files.paths)}
        return past.commits_changing(number_of[path] for path in paths if path in number_of)

    def apart(self, issue: IssueText) -> tuple[tuple[Suspect, ...], tuple[Suspect, ...]]:
        """The tests, and the documentation."""
        explained = min(self._top, _EXPLAINED_APART)
        _, tests, _ = self._of(FileRole.TEST, issue, _APART, explained)
        _, docs, _ = self._of(FileRole.DOCS, issue, _APART, explained)
        return tests, docs

    def _of(
        self, role: FileRole, issue: IssueText, limit: int, explained: int
    ) -> tuple[Analysis, tuple[Suspect, ...], float]:
        """At most `limit` files of a role, the first of them with reasons and functions; what that rests on,
        and the probability that a right one is among the first ten.
        """
        view = role_view(self._files.view, role)
        known = self._read[1] if self._read is not None and self._read[0] is issue else None
        analysis = analyse(issue, view, self._lay(view), reading=known)
        self._read = issue, analysis.reading
        ranked = self._ranker.rank(analysis.candidates)
        why = _Why(self._files, analysis)
        explained_rows = ranked.order[:explained]
        functions = functions_by_file(
            analysis,
            analysis.candidates.files[explained_rows].tolist(),
            ranked.probabilities[explained_rows],
            limit=_FUNCTIONS,
        )
        suspects: list[Suspect] = []
        for place, at in enumerate(ranked.order[:limit].tolist()):
            file = int(analysis.candidates.files[at])
            suspects.append(
                Suspect(
                    path=view.files.paths[file],
                    blob=view.files.blobs[file],
                    role=role,
                    encoding=why.encoding(file),
                    score=round(float(ranked.scores[at]), 6),
                    probability=round(float(ranked.probabilities[at]), 6),
                    reasons=tuple(why.reasons(file)) if place < explained else (),
                    functions=functions.get(file, ()),
                )
            )
        return analysis, tuple(suspects), round(ranked.confidence, 6)


def role_view(view: SnapshotView, role: FileRole) -> SnapshotView:
    """The files of one role alone, with statistics of these alone."""
    return view.kept(("role", role), lambda: _role_view(view, role))


def _role_view(view: SnapshotView, role: FileRole) -> SnapshotView:
    chosen = np.flatnonzero(view.roles == ROLES.index(role))
    paths = [view.files.paths[at] for at in chosen.tolist()]
    table = FileTable(
        paths=paths,
        blobs=[view.files.blobs[at] for at in chosen.tolist()],
        keys=view.files.keys[chosen],
        roles=view.files.roles[chosen],
        words=index_paths(paths),
    )
    return SnapshotView(view.segments, table)


class _Why:
    """Why files are suspected: looked up for one file at a time."""

    def __init__(self, files: Target, analysis: Analysis) -> None:
        self._files = files
        self._analysis = analysis
        self._view = analysis.view
        self._endings = endings_of(self._view)
        self._definitions = Definitions(analysis.issue, analysis.view)

    def encoding(self, file: int) -> str:
        """The codec of the file's text."""
        record = int(self._view.record_of_file[file])
        documents = np.flatnonzero(self._view.record_of == record)
        return self._view.document(int(documents[0]), file=file).encoding if len(documents) else "utf-8"

    def reasons(self, file: int) -> Iterator[Reason]:
        """What speaks for the file, the surest first."""
        yield from self._frames(file)
        yield from self._mentions(file)
        yield from self._past(file)
        yield from self._words(file)
        yield from self._recent(file)

    def _frames(self, file: int) -> Iterator[Reason]:
        for trace in self._analysis.issue.tracebacks:
            for frame in trace.frames:
                parts = [part for part in frame.path.split("/") if part not in {"", ".", ".."}]
                if parts and file in self._endings.fits(parts)[1]:
                    where = f" in {frame.function}" if frame.function else ""
                    line = f" at line {frame.line}" if frame.line else ""
                    yield Reason(ReasonKind.TRACEBACK, f"the traceback passes through it{line}{where}")
                    return

    def _mentions(self, file: int) -> Iterator[Reason]:
        path = self._view.files.paths[file]
        for written in self._analysis.issue.paths:
            parts = [part for part in written.split("/") if part not in {"", ".", ".."}]
            if parts and file in self._endings.fits(parts)[1]:
                yield Reason(ReasonKind.MENTION, f"the issue writes {written!r}")
                break
        names = self._definitions.of(file)[:_WORDS]
        if names:
            listed = ", ".join(names)
            yield Reason(ReasonKind.MENTION, f"{path[path.rfind('/') + 1 :]} defines {listed}")

    def _past(self, file: int) -> Iterator[Reason]:
        past, likeness = self._analysis.past, self._analysis.likeness
        if past is None or not len(likeness):
            return
        commits = past.changing(file)
        if not len(commits):
            return
        best = int(commits[np.argmax(likeness[commits])])
        if likeness[best] >= _LIKE:
            yield Reason(
                ReasonKind.PAST_FIX, "a past change that reads like this issue changed it", past.commit(best)
            )

    def _words(self, file: int) -> Iterator[Reason]:
        analysis, view = self._analysis, self._view
        mine = np.flatnonzero(view.record_of == view.record_of_file[file])
        share = analysis.chunk_shares[0] + analysis.chunk_shares[1]
        if not len(mine) or not share[mine].any():
            return
        document = int(mine[np.argmax(share[mine])])
        held = analysis.chunks.term[analysis.chunks.owner == document]
        weight = (analysis.weights[0] * analysis.idf)[held]
        order = [int(at) for at in held[np.argsort(-weight, kind="stable")]]
        words = dict.fromkeys(analysis.words[at] for at in order)
        found = view.document(document, file=file)
        where = found.symbol or f"lines {found.start_line}-{found.end_line}"
        listed = ", ".join(list(words)[:_WORDS])
        snapshot = self._files.snapshot
        place = Place(
            repo=self._files.repo,
            commit=snapshot.commit,
            tree=snapshot.tree,
            path=view.files.paths[file],
            object_id=view.files.blobs[file],
            start_byte=found.start_byte,
            end_byte=found.end_byte,
            start_line=found.start_line,
            end_line=found.end_line,
        )
        yield Reason(ReasonKind.WORDS, f"{where} holds {listed}", place=place)

    def _recent(self, file: int) -> Iterator[Reason]:
        past = self._analysis.past
        if past is None:
            return
        commits = past.changing(file)
        if not len(commits):
            return
        last = int(commits[np.argmax(past.times[commits])])
        days = (past.now - int(past.times[last])) / _DAY
        if 0 <= days <= _RECENT_DAYS:
            said = "today" if days < 1 else "a day before" if days < 2 else f"{int(days)} days before"
            yield Reason(ReasonKind.RECENT_CHANGE, f"last changed {said}", past.commit(last))


def _similar(analysis: Analysis) -> tuple[SimilarCommit, ...]:
    """The past commits that read most like the issue."""
    past, likeness = analysis.past, analysis.likeness
    if past is None or not len(likeness):
        return ()
    best = [at for at in np.argsort(-likeness, kind="stable")[:_SIMILAR].tolist() if likeness[at] > 0]
    paths = analysis.view.files.paths
    return tuple(
        SimilarCommit(
            commit=past.commit(at),
            time=int(past.times[at]),
            score=round(float(likeness[at]), 6),
            paths=tuple(paths[int(file)] for file in past.changed[past.changed_by == at]),
        )
        for at in best
    )
