"""`POST /v1/chat/completions`."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from loccit.serving.callers import CallerOf
from loccit.serving.openai_compat import errors, schemas, streams
from loccit.serving.openai_compat.asked import asked_in_chat
from loccit.serving.openai_compat.models import scope_of
from loccit.serving.openai_compat.reply import Reply, answered
from loccit.serving.openai_compat.schemas import ChatBody, ChatCompletion
from loccit.serving.service import unless_gone
from loccit.serving.streaming import MEDIA_TYPE

if TYPE_CHECKING:
    from loccit.core.calls import TokenUsage
    from loccit.core.errors import LoccitError
    from loccit.serving.service import Service


def add_routes(router: APIRouter, service: Service) -> None:
    """`/v1/chat/completions`."""

    @router.post(
        "/chat/completions",
        summary="Ask as a chat completion",
        description=(
            "The question is the last message. The answer is Markdown with numbered citations; `loccit` of "
            "the message has them as data. With `stream` it comes in chunks, none of which is taken back."
        ),
        response_class=Response,
        responses={
            200: {
                "description": "The answer",
                "model": ChatCompletion,
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            }
        },
    )
    async def chat(request: Request, caller: CallerOf, body: ChatBody) -> Response:
        scope = await scope_of(service, caller, body.model)
        asked = asked_in_chat(body, scope, has_model=service.loccit.has_model)
        id, created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())
        if body.stream:
            usage = body.stream_options is not None and bool(body.stream_options.include_usage)
            return await streams.respond(
                request,
                service,
                lambda tell: answered(service, caller, asked, tell=tell),
                _Chunks(id, created, body.model, with_usage=usage),
            )
        reply = await unless_gone(request, answered(service, caller, asked))
        message = schemas.ChatMessage(
            content=reply.text.whole, annotations=annotations_of(reply), loccit=reply.facts
        )
        completion = ChatCompletion(
            id=id,
            created=created,
            model=body.model,
            choices=[schemas.ChatChoice(message=message)],
            usage=usage_of(reply.usage),
        )
        return Response(completion.model_dump_json(), media_type="application/json")


class _Chunks:
    """A chat completion in chunks: the role, each block of the text, the end with the facts, what was
    used.
    """

    def __init__(self, id: str, created: int, model: str, *, with_usage: bool) -> None:
        self._head = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._with_usage = with_usage

    def begun(self) -> bytes:
        """Who speaks."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def done(self, reply: Reply) -> bytes:
        """The text and all that follows it."""
        end = {
            "annotations": [one.model_dump(mode="json") for one in annotations_of(reply)],
            "loccit": reply.facts.model_dump(mode="json"),
        }
        chunks = [*(self._chunk({"content": block}) for block in reply.text.blocks), self._chunk(end, "stop")]
        if self._with_usage:
            usage = usage_of(reply.usage).model_dump(mode="json")
            chunks.append(streams.data({**self._head, "choices": [], "usage": usage}))
        return b"".join([*chunks, b"data: [DONE]\n\n"])

    def failed(self, error: LoccitError) -> bytes:
        """The envelope, which ends the stream."""
        return streams.data({"error": errors.error_of(error)})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        # With usage asked for, every chunk has the key, and all but the last have nothing there.
        usage: dict[str, None] = {"usage": None} if self._with_usage else {}
        return streams.data({**self._head, "choices": [choice], **usage})


def annotations_of(reply: Reply) -> list[schemas.ChatAnnotation]:
    """The links of the text."""
    return [
        schemas.ChatAnnotation(
            url_citation=schemas.UrlCitation(
                start_index=link.start, end_index=link.end, title=link.title, url=link.url
            )
        )
        for link in reply.text.links
    ]


def usage_of(used: TokenUsage) -> schemas.ChatUsage:
    """What was used, in the words of chat completions."""
    return schemas.ChatUsage(
        prompt_tokens=used.input_tokens,
        completion_tokens=used.output_tokens,
        total_tokens=used.input_tokens + used.output_tokens,
        prompt_tokens_details=schemas.CachedTokens(cached_tokens=used.cache_read_tokens),
        completion_tokens_details=schemas.ReasoningTokens(reasoning_tokens=used.reasoning_tokens),
    )
