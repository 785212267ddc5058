"""From a request in OpenAI's dialect to a question: what is asked, what was said before, what has no
effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from loccit.core.errors import InputError, NotFound, Unsupported
from loccit.serving.openai_compat.models import Scope
from loccit.serving.openai_compat.schemas import ChatBody, Choices, InputItem, Message, Part, ResponseBody
from loccit.serving.service import Question

# Of what a client remembers, a model is told no more: the rest would only be counted.
_MOST_EXCHANGES = 50
_MOST_CHARS = 20_000
_RESPONSE = re.compile(r"resp_([0-9a-f]{32})(?:[0-9a-f]{32})?")
_LONG_ID = 69
_CONVERSATION = re.compile(r"conv_([0-9a-f]{32})")

_TOOLS = "loccit calls no tools and passes none on; ask without them, or use its MCP server"
_TEXT_ONLY = "the answer is Markdown text"
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
# What may be written all the same, because it is what is done anyway; and what else to do.
_REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tools": (lambda v: v == [], _TOOLS),
    "tool_choice": (lambda v: v in ("none", "auto"), _TOOLS),
    "functions": (lambda v: v == [], _TOOLS),
    "function_call": (lambda v: v in ("none", "auto"), _TOOLS),
    "web_search_options": (lambda v: False, _TOOLS),
    "n": (lambda v: v == 1, "there is one answer: ask for n = 1"),
    "response_format": (lambda v: v == {"type": "text"}, f"{_TEXT_ONLY}; for JSON use POST /v1/ask"),
    "text": (lambda v: _is_plain_text(v), f"{_TEXT_ONLY}; for JSON use POST /v1/ask"),
    "logprobs": (lambda v: v is False, "there are no probabilities of tokens"),
    "top_logprobs": (lambda v: v == 0, "there are no probabilities of tokens"),
    "logit_bias": (lambda v: v == {}, "tokens cannot be weighed"),
    "stop": (lambda v: v in ("", []), "an answer is not cut"),
    "modalities": (lambda v: v == ["text"], _TEXT_ONLY),
    "audio": (lambda v: False, _TEXT_ONLY),
    "image": (lambda v: False, _TEXT_ONLY),
    "moderation": (lambda v: False, "nothing is moderated here"),
    "include": (lambda v: _is_only(v, "reasoning.encrypted_content"), "nothing is added to the output"),
    "background": (lambda v: v is False, "wait for the answer, or stream it"),
    "background_options": (lambda v: False, "wait for the answer, or stream it"),
    "prompt": (lambda v: False, "no prompts are kept here; write the question into input"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the service takes it, and the parts of the request that have no effect on its answer."""

    question: Question
    ignored: tuple[str, ...]


def asked_in_chat(body: ChatBody, scope: Scope, *, has_model: bool) -> Asked:
    """What a chat completion is asked for. Raises Unsupported, InputError."""
    _refuse(body)
    choices = body.loccit or Choices()
    for number, message in enumerate(body.messages):
        where = f"messages[{number}]"
        if message.role in {"tool", "function"} or message.tool_calls or message.function_call:
            raise Unsupported(f"{where} belongs to a call of a tool", next_step=_TOOLS, field=where)
        if message.audio is not None:
            raise Unsupported(f"{where} holds audio", next_step="send text", field=f"{where}.audio")
    text, earlier, ignored = _conversation(body.messages, "messages")
    # A conversation that the server remembers is not told a second time.
    told = () if choices.session else earlier
    question = _question(text, scope, choices, session=choices.session, earlier=told)
    return _asked(
        body, question, [*ignored, *(["earlier messages"] if earlier and not told else [])], has_model
    )


def asked_in_response(body: ResponseBody, scope: Scope, *, has_model: bool) -> Asked:
    """What a response is asked for. Raises Unsupported, InputError, NotFound for a response or a conversation
    that is not one of this server.
    """
    _refuse(body)
    choices = body.loccit or Choices()
    if isinstance(body.input, str):
        text, earlier, ignored = body.input, (), ()
    else:
        for number, item in enumerate(body.input):
            if item.type != "message" or item.role is None:
                where = f"input[{number}]"
                raise Unsupported(
                    f"{where} is {item.type!r}, and no message of a person or of an assistant",
                    next_step=_TOOLS,
                    field=where,
                )
        text, earlier, ignored = _conversation(body.input, "input")
    session = _session_of(body) or choices.session
    question = _question(text, scope, choices, session=session, earlier=earlier)
    before = [
        name for name in ("previous_response_id", "conversation") if getattr(body, name) and not session
    ]
    return _asked(body, question, [*ignored, *before], has_model)


def _asked(body: BaseModel, question: Question, ignored: Sequence[str], has_model: bool) -> Asked:
    parts = [*_without_effect(body), *ignored]
    if question.quote or not has_model:
        # Without a model each question stands alone, as on the command line.
        parts += ["earlier messages"] if question.earlier and "earlier messages" not in parts else []
        parts += ["session"] if question.session else []
    return Asked(question, tuple(parts))


def _question(
    text: str,
    scope: Scope,
    choices: Choices,
    *,
    session: str | None,
    earlier: tuple[tuple[str, str], ...],
) -> Question:
    return Question(
        text,
        repos=scope.repos,
        collection=scope.collection,
        rev=choices.rev,
        languages=tuple(choices.languages),
        paths=tuple(choices.paths),
        session=session,
        earlier=earlier,
        quote=choices.quote,
    )


def _conversation(
    messages: Sequence[Message | InputItem], name: str
) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The question, which is the last message; what was said before; and where it is told what to do."""
    exchanges: list[tuple[str, list[str]]] = []
    orders: list[str] = []
    for number, message in enumerate(messages):
        where = f"{name}[{number}]"
        text = _text_of(message.content, f"{where}.content")
        if message.role in {"system", "developer"}:
            orders.append(where)
        elif message.role == "user":
            exchanges.append((text, []))
        elif exchanges:
            exchanges[-1][1].append(text)
    last = f"{name}[{len(messages) - 1}]"
    if messages[-1].role != "user":
        raise InputError(
            f"{last} is of the role {messages[-1].role!r}", next_step="end with a user's question", field=last
        )
    if not exchanges[-1][0].strip():
        raise InputError(f"{last} is empty", next_step="ask something", field=f"{last}.content")
    earlier = exchanges[:-1][-_MOST_EXCHANGES:]
    return (
        exchanges[-1][0],
        tuple((asked[:_MOST_CHARS], "\n".join(said)[:_MOST_CHARS]) for asked, said in earlier),
        tuple(orders),
    )


def _text_of(content: str | list[Part] | None, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts: list[str] = []
    for number, part in enumerate(content):
        if part.type not in _TEXT_PARTS:
            at = f"{where}[{number}]"
            raise Unsupported(f"{at} is of the type {part.type!r}", next_step="send text", field=f"{at}.type")
        texts.append(part.text or "")
    return "\n".join(texts)


def _session_of(body: ResponseBody) -> str | None:
    """The conversation that is gone on with; None for none, and for an answer that no model gave."""
    if body.previous_response_id and body.conversation:
        raise InputError(
            "previous_response_id and conversation are both there",
            next_step="send one of them",
            field="previous_response_id",
        )
    if body.previous_response_id:
        found = _RESPONSE.fullmatch(body.previous_response_id)
        if found is None:
            raise NotFound(
                f"there is no response {body.previous_response_id!r}", field="previous_response_id"
            )
        return found[1] if len(body.previous_response_id) == _LONG_ID else None
    if body.conversation:
        id = body.conversation if isinstance(body.conversation, str) else body.conversation.id
        found = _CONVERSATION.fullmatch(id)
        if found is None:
            raise NotFound(
                f"there is no conversation {id!r}",
                next_step="send the id that a response has in conversation",
                field="conversation",
            )
        return found[1]
    return None


def _refuse(body: BaseModel) -> None:
    """Raises Unsupported for what a client would rely on in vain."""
    for name, (is_done_anyway, next_step) in _REFUSED.items():
        value = getattr(body, name, None)
        if value is not None and not is_done_anyway(value):
            raise Unsupported(f"{name} is not supported", next_step=next_step, field=name)


def _without_effect(body: BaseModel) -> list[str]:
    """The parameters that were sent, and change nothing."""
    fields = type(body).model_fields
    return [
        name
        for name in sorted(body.model_fields_set)
        if fields[name].description == "Taken, and changes nothing" and getattr(body, name) is not None
    ]


def _is_only(value: Any, *names: str) -> bool:
    """Whether it is a list of nothing but these."""
    return isinstance(value, list) and all(one in names for one in cast("list[object]", value))


def _is_plain_text(value: Any) -> bool:
    """Whether it asks for text, of whatever length."""
    if not isinstance(value, Mapping):
        return False
    asked = {name: one for name, one in cast("Mapping[str, object]", value).items() if name != "verbosity"}
    return asked in ({}, {"format": {"type": "text"}})
