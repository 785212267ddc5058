"""`POST /v1/responses`."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from loccit.core.errors import NotFound
from loccit.serving import problems
from loccit.serving.callers import CallerOf
from loccit.serving.openai_compat import errors, schemas, streams
from loccit.serving.openai_compat.asked import Asked, asked_in_response
from loccit.serving.openai_compat.models import scope_of
from loccit.serving.openai_compat.reply import Reply, answered
from loccit.serving.openai_compat.schemas import ResponseBody
from loccit.serving.service import unless_gone
from loccit.serving.streaming import MEDIA_TYPE, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from loccit.core.calls import TokenUsage
    from loccit.core.errors import LoccitError
    from loccit.pipeline.events import Event
    from loccit.policy.callers import Caller
    from loccit.serving.service import Service

# What a failed response may say: other codes OpenAI's clients do not know.
_RATE, _SERVER, _INPUT = "rate_limit_exceeded", "server_error", "invalid_prompt"


def add_routes(router: APIRouter, service: Service) -> None:
    """`/v1/responses`."""

    @router.post(
        "/responses",
        summary="Ask as a response",
        description=(
            "The question is the input, or its last message. With `stream` the events of the Responses API "
            "follow each other; no text that was sent is taken back."
        ),
        response_class=Response,
        responses={
            200: {
                "description": "The answer",
                "model": schemas.Response,
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            }
        },
    )
    async def responses(request: Request, caller: CallerOf, body: ResponseBody) -> Response:
        scope = await scope_of(service, caller, body.model)
        asked = asked_in_response(body, scope, has_model=service.loccit.has_model)
        asked = await _in_conversation(service, caller, asked)
        response = _Responding(body, asked.question.session if _has_session(service, asked) else None)

        async def work(tell: Callable[[Event], None] | None = None) -> Reply:
            try:
                return await answered(service, caller, asked, tell=tell)
            except NotFound as error:
                # All that a question names otherwise is a model, and that was found.
                error.field = "previous_response_id" if body.previous_response_id else "conversation"
                raise

        if body.stream:
            return await streams.respond(request, service, work, _Events(response))
        reply = await unless_gone(request, work())
        return Response(response.completed(reply).model_dump_json(), media_type="application/json")


def _has_session(service: Service, asked: Asked) -> bool:
    return service.loccit.has_model and not asked.question.quote


async def _in_conversation(service: Service, caller: Caller, asked: Asked) -> Asked:
    """The same in a conversation that has begun: a response's id names it from its first event on."""
    if asked.question.session or not _has_session(service, asked):
        return asked
    guest = service.guest(caller)
    session = await service.book(lambda _: guest.begin_conversation(caller.user))
    return replace(asked, question=replace(asked.question, session=session))


class _Responding:
    """A response in the making. Its id holds the conversation that it belongs to."""

    def __init__(self, body: ResponseBody, session: str | None) -> None:
        self._body = body
        self._session = session
        self.id = f"resp_{session or ''}{uuid.uuid4().hex}"
        self.item = f"msg_{uuid.uuid4().hex}"
        self._created_at = int(time.time())

    def begun(self) -> schemas.Response:
        """As it is while nothing is said."""
        return self._with(status="in_progress")

    def completed(self, reply: Reply) -> schemas.Response:
        """The whole of it."""
        return self._with(
            status="completed",
            completed_at=int(time.time()),
            output=[self.message(reply)],
            usage=_usage_of(reply.usage),
            loccit=reply.facts,
        )

    def failed(self, error: LoccitError) -> schemas.Response:
        """Why there is none."""
        status = errors.status_of(error)
        code = _RATE if status == 429 else _SERVER if status >= 500 else _INPUT
        message = str(errors.error_of(error)["message"])
        return self._with(status="failed", error=schemas.Failure(code=code, message=message))

    def message(self, reply: Reply) -> schemas.OutputMessage:
        """The message that is its output."""
        return schemas.OutputMessage(id=self.item, content=[text_part(reply)])

    def _with(self, **fields: Any) -> schemas.Response:
        body = self._body
        return schemas.Response(
            id=self.id,
            created_at=self._created_at,
            model=body.model,
            instructions=body.instructions,
            metadata=body.metadata or {},
            previous_response_id=body.previous_response_id,
            conversation=schemas.ConversationId(id=f"conv_{self._session}") if self._session else None,
            **fields,
        )


@dataclass(slots=True)
class _Events:
    """A response as events, numbered from 0."""

    response: _Responding
    _number: int = 0

    def begun(self) -> bytes:
        """That it was taken in, and is worked on."""
        response = self.response.begun().model_dump(mode="json")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def done(self, reply: Reply) -> bytes:
        """The text, its links, and the whole response."""
        response, whole = self.response, self.response.completed(reply).model_dump(mode="json")
        item, part = whole["output"][0], whole["output"][0]["content"][0]
        at = {"item_id": response.item, "output_index": 0, "content_index": 0}
        empty: dict[str, Any] = {**item, "status": "in_progress", "content": []}
        return b"".join(
            [
                self._event("response.output_item.added", output_index=0, item=empty),
                self._event(
                    "response.content_part.added", **at, part={**part, "text": "", "annotations": []}
                ),
                *(
                    self._event("response.output_text.delta", **at, delta=block, logprobs=[])
                    for block in reply.text.blocks
                ),
                *(
                    self._event(
                        "response.output_text.annotation.added", **at, annotation_index=number, annotation=one
                    )
                    for number, one in enumerate(part["annotations"])
                ),
                self._event("response.output_text.done", **at, text=part["text"], logprobs=[]),
                self._event("response.content_part.done", **at, part=part),
                self._event("response.output_item.done", output_index=0, item=item),
                self._event("response.completed", response=whole),
            ]
        )

    def failed(self, error: LoccitError) -> bytes:
        """The response that failed."""
        return self._event("response.failed", response=self.response.failed(error).model_dump(mode="json"))

    def _event(self, kind: str, **more: Any) -> bytes:
        document: dict[str, object] = {"type": kind, "sequence_number": self._number, **more}
        self._number += 1
        return frame(kind, problems.body_of(document).decode("utf-8"))


def text_part(reply: Reply) -> schemas.OutputText:
    """The text with its links."""
    links = [
        schemas.ResponseAnnotation(start_index=link.start, end_index=link.end, title=link.title, url=link.url)
        for link in reply.text.links
    ]
    return schemas.OutputText(text=reply.text.whole, annotations=links)


def _usage_of(used: TokenUsage) -> schemas.ResponseUsage:
    return schemas.ResponseUsage(
        input_tokens=used.input_tokens,
        input_tokens_details=schemas.InputTokens(
            cached_tokens=used.cache_read_tokens, cache_write_tokens=used.cache_write_tokens
        ),
        output_tokens=used.output_tokens,
        output_tokens_details=schemas.ReasoningTokens(reasoning_tokens=used.reasoning_tokens),
        total_tokens=used.input_tokens + used.output_tokens,
    )
