"""Triage of an issue that somebody pastes: where its cause may be, and what the past says of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from loccit.core.answers import Citation, cited_path
from loccit.core.errors import InputError
from loccit.core.source import path_text
from loccit.core.triage import SuspectFile, Triage, TriageAbstention
from loccit.serving.callers import CallerOf
from loccit.serving.service import unless_gone
from loccit.serving.web.answer_view import citation_label, citation_url
from loccit.serving.web.asking import choice_of
from loccit.serving.web.pages import PageRoute, Pages
from loccit.serving.web.places import commit_url, source_url

if TYPE_CHECKING:
    from loccit.serving.service import Service

_WHY_NOT = {
    TriageAbstention.NOT_ENOUGH: "The issue says too little to tell where its cause may be.",
    TriageAbstention.NOT_INDEXED: "Nothing is indexed for it. This says nothing about the issue.",
    TriageAbstention.INDEX_BROKEN: "The index cannot be read. This says nothing about the issue.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and the place that it rests on, where there is one."""

    text: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file that may have to change, and its functions: symbol, lines, address."""

    path: str
    url: str
    probability: float
    reasons: tuple[Reason, ...]
    functions: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit of the past, and why it is named."""

    label: str
    url: str
    time: str
    score: float
    reasons: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TriageView:
    """A triage as a page shows it."""

    triage: Triage
    why_not: str
    groups: tuple[tuple[str, tuple[Suspect, ...]], ...]
    fixes: tuple[PastCommit, ...]
    culprits: tuple[PastCommit, ...]


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/triage`."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/triage")
    async def form(
        request: Request, caller: CallerOf, repo: Annotated[str, Query(max_length=500)] = ""
    ) -> Response:
        choice = await choice_of(service, caller)
        asked = {"issue": "", "repo": repo, "as_of": ""}
        return pages.show(request, "triage.html", caller=caller, choice=choice, asked=asked, view=None)

    @router.post("/triage")
    async def triage(
        request: Request,
        caller: CallerOf,
        issue: Annotated[str, Form(max_length=1_000_000)] = "",
        repo: Annotated[str, Form(max_length=500)] = "",
        as_of: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        if not issue.strip():
            raise InputError("the issue is empty", next_step="paste its title and its text")
        found = await unless_gone(
            request,
            service.run(
                caller,
                lambda loccit: loccit.triage(issue, repo=repo or None, as_of=as_of.strip() or None),
            ),
        )
        choice = await choice_of(service, caller)
        asked = {"issue": issue, "repo": repo, "as_of": as_of}
        return pages.show(
            request, "triage.html", caller=caller, choice=choice, asked=asked, view=triage_view(found)
        )

    return router


def triage_view(triage: Triage) -> TriageView:
    """What is shown of a triage."""
    repo = triage.snapshots[0].repo if triage.snapshots else ""
    commit = triage.snapshots[0].commit if triage.snapshots else None
    groups = (("Suspects", triage.suspects), ("Tests", triage.tests), ("Documentation", triage.docs))
    return TriageView(
        triage=triage,
        why_not=_WHY_NOT[triage.abstention] if triage.abstention else "",
        groups=tuple(
            (title, tuple(_suspect(one, repo, commit) for one in files)) for title, files in groups if files
        ),
        fixes=tuple(
            PastCommit(
                _subject(one.citations), commit_url(repo, one.commit), one.time, one.score, (), one.paths
            )
            for one in triage.similar_fixes
        ),
        culprits=tuple(
            PastCommit(
                _subject(one.citations),
                commit_url(repo, one.commit),
                one.time,
                one.score,
                one.reasons,
                one.paths,
            )
            for one in triage.culprits
        ),
    )


def _suspect(file: SuspectFile, repo: str, commit: str | None) -> Suspect:
    raw = base64.b64decode(file.path_base64) if file.path_base64 else (file.path or "").encode()
    path = path_text(raw)
    return Suspect(
        path=path,
        url=source_url(repo, commit, path),
        probability=file.probability,
        reasons=tuple(_reason(one.text, one.citation, file.citations) for one in file.reasons),
        functions=tuple(
            (
                one.symbol or "(top of the file)",
                f"{one.start_line}-{one.end_line}",
                source_url(repo, commit, path, one.start_line, one.end_line),
            )
            for one in file.functions
        ),
    )


def _reason(text: str, number: int | None, citations: tuple[Citation, ...]) -> Reason:
    if number is None or number >= len(citations):
        return Reason(text, "", "")
    return Reason(text, citation_label(citations[number]), citation_url(citations[number]))


def _subject(citations: tuple[Citation, ...]) -> str:
    """The first line of a commit's message, where it is cited."""
    found = next((one.quote for one in citations if cited_path(one) is None), "")
    return found.strip().split("\n")[0] or "a commit"
