"""The ask view: a question, its answer as it comes, answers that were given before, and what people say of
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from loccit.core.answers import Answer
from loccit.core.errors import InputError, LoccitError
from loccit.pipeline.events import ClaimChecked, Degraded, Event, Found, Searching, Writing
from loccit.policy.callers import Caller
from loccit.serving import streaming
from loccit.serving.authentication import refuse_other_sites
from loccit.serving.callers import CallerOf
from loccit.serving.problems import message_of
from loccit.serving.service import Question, unless_gone
from loccit.serving.web.answer_view import answer_view, markdown, verdict_view
from loccit.serving.web.pages import PageRoute, Pages, wants_part

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.pipeline.written import Written
    from loccit.serving.service import Service
    from loccit.telemetry.records import RunRecord, RunSummary

_RECENT = 6
_MOST_SHOWN_CHARS = 300
Text = Annotated[str, Form(max_length=100_000)]
Short = Annotated[str, Form(max_length=2_000)]


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be asked: repositories by name, collections with what of them may be seen."""

    names: tuple[str, ...]
    collections: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the form. `where` is empty for everything, `repo:NAME` or `collection:NAME`."""

    question: str = ""
    where: str = ""
    languages: str = ""
    paths: str = ""
    rev: str = ""
    session: str = ""
    quote: bool = False

    def as_question(self) -> Question:
        """The question as the service takes it. Raises InputError."""
        kind, _, name = self.where.partition(":")
        if self.where and kind not in {"repo", "collection"}:
            raise InputError(f"{self.where!r} is nothing to ask", next_step="choose from the list")
        return Question(
            self.question,
            repos=(name,) if kind == "repo" else (),
            collection=name if kind == "collection" else None,
            rev=self.rev.strip() or None,
            languages=tuple(self.languages.replace(",", " ").split()),
            paths=tuple(self.paths.replace(",", " ").split()),
            session=self.session or None,
            quote=self.quote,
        )


async def choice_of(service: Service, caller: Caller) -> Choice:
    """What a caller can ask."""
    names, collections = await service.run(caller, lambda loccit: (loccit.names(), loccit.collections()))
    return Choice(names, collections)


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/`, `/ask`, `/runs/{id}` and what is said of it."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/")
    async def ask_page(
        request: Request,
        caller: CallerOf,
        q: Annotated[str, Query(max_length=20_000)] = "",
        where: Annotated[str, Query(max_length=600)] = "",
    ) -> Response:
        recent = await service.book(lambda loccit: _recent(loccit, caller))
        return pages.show(
            request,
            "ask.html",
            caller=caller,
            choice=await choice_of(service, caller),
            asked=Asked(question=q, where=where),
            recent=recent,
            answer=None,
        )

    @router.post("/ask")
    async def ask(
        request: Request,
        caller: CallerOf,
        question: Text = "",
        where: Short = "",
        languages: Short = "",
        paths: Short = "",
        rev: Short = "",
        session: Short = "",
        quote: Annotated[bool, Form()] = False,
    ) -> Response:
        asked = Asked(question, where, languages, paths, rev, session, quote)
        wanted = asked.as_question()
        if wants_part(request):
            entered_at = await service.streams.enter()
            return streaming.EventStream(
                streaming.stream(
                    service,
                    lambda tell: service.ask(caller, wanted, tell=tell, streams=True),
                    told=lambda event: _told(pages, event),
                    done=lambda written: _frame("answer", _answer_part(request, written)),
                    failed=lambda error: _failed(pages, error),
                ),
                left=lambda: service.streams.leave(entered_at),
            )
        written = await unless_gone(request, service.ask(caller, wanted))
        telemetry = service.loccit.settings.telemetry
        if telemetry.record_runs and telemetry.keep_text:
            # A page of its own, that can be gone back to and asks nothing again.
            return RedirectResponse(f"/runs/{written.record.id}", 303)
        return pages.show(
            request,
            "ask.html",
            caller=caller,
            choice=await choice_of(service, caller),
            asked=Asked(
                where=where, languages=languages, paths=paths, rev=rev, session=written.session, quote=quote
            ),
            recent=(),
            **_facts(request, written.answer, _kept(written), written.session),
        )

    @router.get("/runs/{run_id}")
    async def run(
        request: Request, caller: CallerOf, run_id: str, rated: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        record = await service.record(caller, run_id)
        answer = _answer_of(record)
        if answer is None:
            return RedirectResponse(f"/runs/{record.id}/parts", 303)
        session = record.session if record.user == caller.user else ""
        return pages.show(
            request,
            "ask.html",
            caller=caller,
            choice=await choice_of(service, caller),
            asked=Asked(session=session),
            recent=(),
            **_facts(request, answer, record, session, rated),
        )

    @router.post("/runs/{run_id}/feedback")
    async def feedback(
        request: Request,
        caller: CallerOf,
        run_id: str,
        thumb: Annotated[str, Form(pattern="^(up|down)$")],
        correction: Annotated[str, Form(max_length=20_000)] = "",
        files: Annotated[str, Form(max_length=20_000)] = "",
    ) -> Response:
        record = await service.record(caller, run_id)
        named = tuple(files.split()) if thumb == "down" else ()
        said = correction.strip() if thumb == "down" else ""
        rating = await service.book(
            lambda loccit: loccit.rate_run(
                record.id, good=thumb == "up", correction=said, files=named, user=caller.user
            )
        )
        if wants_part(request):
            return pages.partly("_rated.html", rated=rating.thumb.value)
        return RedirectResponse(f"/runs/{record.id}?rated={rating.thumb.value}", 303)

    @router.post("/theme")
    async def theme(request: Request, to: Annotated[str, Form(pattern="^(auto|light|dark)$")]) -> Response:
        refuse_other_sites(request)
        back = urlsplit(request.headers.get("referer", "/"))
        where = f"{back.path}?{back.query}" if back.query else back.path
        # An answer of which no run is kept has no page that can be gone back to.
        answer = RedirectResponse("/" if where in {"/ask", ""} or where.startswith("//") else where, 303)
        answer.set_cookie(
            "loccit_theme",
            to,
            max_age=31_536_000,
            samesite="lax",
            httponly=False,
            secure=pages.is_secure(request),
        )
        return answer

    def _kept(written: Written) -> RunRecord | None:
        return written.record if service.loccit.settings.telemetry.record_runs else None

    def _facts(
        request: Request, answer: Answer, record: RunRecord | None, session: str, rated: str = ""
    ) -> dict[str, Any]:
        return {
            "rated": rated,
            "answer": answer_view(answer, pages.link, record=record, session=session),
            "markdown": markdown(answer, lambda path: pages.absolute(request, path), pages.link),
        }

    def _answer_part(request: Request, written: Written) -> str:
        facts = _facts(request, written.answer, _kept(written), written.session)
        return pages.part("_answer.html", has_model=service.loccit.has_model, **facts)

    return router


def _recent(loccit: Loccit, caller: Caller) -> tuple[RunSummary, ...]:
    """What the caller asked last, each question once."""
    found: dict[str, RunSummary] = {}
    for one in loccit.runs(limit=5 * _RECENT, kind="ask", user=caller.user):
        if one.question.strip() and one.outcome != "failed":
            found.setdefault(one.question, one)
    return tuple(found.values())[:_RECENT]


def _answer_of(record: RunRecord) -> Answer | None:
    """The answer that is kept; None where there is none, or not all of it could be kept."""
    if record.kind != "ask" or record.answer is None:
        return None
    try:
        return Answer.model_validate_json(json.dumps(record.answer))
    except ValidationError:
        return None


def _frame(event: str, html: str) -> bytes:
    return streaming.frame(event, json.dumps({"html": html}, ensure_ascii=False, separators=(",", ":")))


def _told(pages: Pages, event: Event) -> bytes:
    match event:
        case Searching(queries):
            return _frame("status", pages.part("_status.html", what="searching", queries=queries))
        case Found(_, kept):
            places = tuple(dict.fromkeys((one.repo, one.path) for one in kept))
            return _frame("status", pages.part("_status.html", what="found", places=places))
        case Writing(model, why):
            return _frame("status", pages.part("_status.html", what="writing", model=model, why=why))
        case ClaimChecked(text, verdict, places):
            return _frame(
                "claim", pages.part("_checked.html", text=text, verdict=verdict_view(verdict), places=places)
            )
        case Degraded(why, next_step):
            return _frame("status", pages.part("_status.html", what="degraded", why=why, next_step=next_step))


def _failed(pages: Pages, error: LoccitError) -> bytes:
    told = message_of(error)
    next_step = error.next_step if told == error.message else ""
    return _frame("error", pages.part("_failed.html", told=told, next_step=next_step))
