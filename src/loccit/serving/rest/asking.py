"""Questions, issues, and answers to check again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from loccit.serving import streaming
from loccit.serving.callers import CallerOf
from loccit.serving.openapi import ANSWER, TRIAGE
from loccit.serving.rest.router import router_of
from loccit.serving.rest.schemas import AskBody, TriageBody
from loccit.serving.service import unless_gone

if TYPE_CHECKING:
    from loccit.pipeline.written import Written
    from loccit.serving.service import Service

RUN, SESSION = "Loccit-Run", "Loccit-Session"


def routes(service: Service) -> APIRouter:
    """`/v1/ask`, `/v1/triage`, `/v1/verify`."""
    router = router_of("ask")

    @router.post(
        "/ask",
        summary="Ask a question",
        description=(
            "The answer is a loccit-answer/1 document, also where it says that there is none. With `stream` "
            "it comes as server-sent events: searching, found, writing, claim, degraded, and at last answer "
            "or error."
        ),
        response_class=Response,
        responses={
            200: {
                "description": "The answer; Loccit-Run names its run, Loccit-Session its conversation",
                "content": {"application/json": {"schema": ANSWER}, streaming.MEDIA_TYPE: {}},
            }
        },
    )
    async def ask(request: Request, caller: CallerOf, body: AskBody) -> Response:
        question = body.as_question()
        if not body.stream:
            written = await unless_gone(request, service.ask(caller, question))
            return Response(
                written.answer.to_json(), media_type="application/json", headers=_headers(written)
            )
        entered_at = await service.streams.enter()
        return streaming.EventStream(
            streaming.stream(
                service,
                lambda tell: service.ask(caller, question, tell=tell, streams=True),
                told=streaming.event_frame,
                done=_answer_frame,
                failed=streaming.error_frame,
            ),
            left=lambda: service.streams.leave(entered_at),
        )

    @router.post(
        "/triage",
        summary="Triage an issue",
        description="The answer is a loccit-triage/1 document.",
        response_class=Response,
        responses={200: {"description": "Where the cause may be", "content": _json(TRIAGE)}},
    )
    async def triage(request: Request, caller: CallerOf, body: TriageBody) -> Response:
        found = await unless_gone(
            request,
            service.run(
                caller,
                lambda loccit: loccit.triage(body.issue, repo=body.repo, as_of=body.as_of, top=body.top),
            ),
        )
        return Response(found.to_json(), media_type="application/json")

    @router.post(
        "/verify",
        summary="Check an answer again",
        description="The body is a loccit-answer/1 document; the report a loccit-verification/1.",
        response_class=Response,
        openapi_extra={"requestBody": {"required": True, "content": _json(ANSWER)}},
        responses={
            200: {"description": "What became of each citation", "content": _json({"type": "object"})}
        },
    )
    async def verify(request: Request, caller: CallerOf) -> Response:
        data = await request.body()
        report = await unless_gone(request, service.run(caller, lambda loccit: loccit.verify(data)))
        return Response(report.to_json(), media_type="application/json")

    return router


def _json(schema: Mapping[str, object]) -> dict[str, dict[str, Mapping[str, object]]]:
    return {"application/json": {"schema": schema}}


def _headers(written: Written) -> dict[str, str]:
    headers = {RUN: written.record.id, "ETag": f'"{written.answer.digest}"'}
    return headers | ({SESSION: written.session} if written.session else {})


def _answer_frame(written: Written) -> bytes:
    return streaming.frame("run", f'{{"run":"{written.record.id}","session":"{written.session}"}}') + (
        streaming.frame("answer", written.answer.to_json())
    )
