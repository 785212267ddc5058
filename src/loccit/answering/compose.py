"""What a model is asked, and what it answers: claims with quotes, or what else it wants to read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from loccit.core.calls import ModelCall
from loccit.core.errors import MalformedReply
from loccit.core.evidence import PackedEvidence, Passage
from loccit.models.templates import Template, load_templates

_PROMPTS = Path(__file__).with_name("prompts")
# What a model may ask for in one step; more is cut off.
MOST_SEARCHES = 3
MOST_READS = 3


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DraftCitation(_Part):
    """A quote, and the id of the passage that it was copied from."""

    evidence: str
    quote: str


class DraftClaim(_Part):
    """A claim as a model wrote it: nothing of it is checked."""

    text: str
    citations: tuple[DraftCitation, ...] = ()


class ReadWish(_Part):
    """Lines of a file that a model wants to read, 1-based, inclusive."""

    path: str
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)


class Draft(_Part):
    """A reply: claims, or what to look for before there can be any; nothing at all where it cannot say."""

    claims: tuple[DraftClaim, ...] = ()
    search: tuple[str, ...] = ()
    read: tuple[ReadWish, ...] = ()


Form = TypeVar("Form", bound=BaseModel)


class _StandaloneQuestion(_Part):
    question: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A claim that did not hold, and why, in words for the model that wrote it."""

    claim: DraftClaim
    why: str


def prompts() -> dict[str, Template]:
    """The templates of this room by their names."""
    return _prompts()


@lru_cache(maxsize=1)
def _prompts() -> dict[str, Template]:
    return load_templates(_PROMPTS)


def answer_call(
    question: str,
    packed: PackedEvidence,
    *,
    conversation: str = "",
    steps_left: int,
    reply_tokens: int,
) -> ModelCall:
    """The call that asks for an answer."""
    template = _prompts()["answer"]
    messages = template.fill(
        evidence=shown_passages(packed.passages) or "(nothing was found)",
        outlines=_shown_outlines(packed),
        conversation=f"The conversation so far:\n{conversation}" if conversation else "",
        steps=(
            f"You may ask for more evidence {steps_left} more time{'s' if steps_left > 1 else ''}."
            if steps_left
            else "You cannot ask for more evidence."
        ),
        question=question,
    )
    return ModelCall("answer", messages, template.id, REPLY_SCHEMA, reply_tokens)


def repair_call(
    question: str, passages: Sequence[Passage], failures: Sequence[Failure], *, reply_tokens: int
) -> ModelCall:
    """The call that asks for claims again which did not hold."""
    template = _prompts()["repair"]
    failed = "\n\n".join(
        f"{number}. {json.dumps(failure.claim.model_dump(), ensure_ascii=False)}\n   {failure.why}"
        for number, failure in enumerate(failures, start=1)
    )
    messages = template.fill(
        evidence=shown_passages(passages), question=question, failures=failed or "Your reply was no JSON."
    )
    return ModelCall("repair", messages, template.id, REPLY_SCHEMA, reply_tokens)


def condense_call(question: str, conversation: str, *, reply_tokens: int) -> ModelCall:
    """The call that makes a follow-up question understandable alone."""
    template = _prompts()["condense"]
    messages = template.fill(conversation=conversation, question=question)
    return ModelCall("condense", messages, template.id, _QUESTION_SCHEMA, reply_tokens)


def reply_draft_call(issue: str, passages: Sequence[Passage], *, reply_tokens: int) -> ModelCall:
    """The call that drafts a reply to an issue."""
    template = _prompts()["reply_draft"]
    messages = template.fill(evidence=shown_passages(passages), issue=issue)
    return ModelCall("reply_draft", messages, template.id, REPLY_SCHEMA, reply_tokens)


def parse_draft(text: str, *, model: str) -> Draft:
    """The draft in a reply; words around the JSON object are overlooked.

    Raises MalformedReply where there is no such object, or it is not of the form.
    """
    return _parsed(Draft, text, model)


def parse_question(text: str, *, model: str) -> str:
    """The question in a reply to `condense_call`. Raises MalformedReply."""
    question = _parsed(_StandaloneQuestion, text, model).question.strip()
    if not question:
        raise MalformedReply(f"{model!r} made an empty question of a follow-up", model=model)
    return question


class ClaimStream:
    """Claims out of a reply that is still being written: each once, as soon as it is whole."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> list[DraftClaim]:
        """The claims that this piece of the reply completes, in order."""
        self._text += piece
        if "}" not in piece and "]" not in piece:
            return []
        start = self._text.find("{")
        try:
            partial = from_json(self._text[max(start, 0) :], allow_partial=True)
        except ValueError:
            return []
        keys, found = _claims_so_far(partial)
        # The last one may still be growing, unless something follows it.
        done = len(found) - (0 if keys - {"claims"} else 1)
        new: list[DraftClaim] = []
        for one in found[self._given : done]:
            try:
                new.append(DraftClaim.model_validate(one))
            except ValidationError:
                break
            self._given += 1
        return new


def shown_passages(passages: Sequence[Passage]) -> str:
    """The passages as prompts have them: between lines that hold their ids."""
    return "\n\n".join(f"<<<{p.id} {place_of(p)}\n{p.text}\n{p.id}>>>" for p in passages)


def place_of(passage: Passage) -> str:
    """`path:start-end`, or `commit ID`."""
    place = passage.place
    if not place.path:
        return f"commit {place.object_id[:12]}"
    return f"{_one_line(place.path)}:{place.start_line}-{place.end_line}"


def _one_line(path: str) -> str:
    return re.sub(r"[\x00-\x1f]", "?", path.encode("utf-8", "replace").decode("utf-8"))


def _shown_outlines(packed: PackedEvidence) -> str:
    if not packed.outlines:
        return ""
    parts = [f"{_one_line(o.path)}:\n" + "\n".join(o.heads) for o in packed.outlines]
    return "Beside them stand these definitions (line: head). They are no evidence:\n\n" + "\n\n".join(parts)


def _claims_so_far(partial: Any) -> tuple[set[str], list[Any]]:
    """The keys that a reply has so far, and its claims."""
    if not isinstance(partial, dict):
        return set(), []
    document = cast("dict[str, Any]", partial)
    found = document.get("claims")
    return set(document), cast("list[Any]", found) if isinstance(found, list) else []


def _parsed(form: type[Form], text: str, model: str) -> Form:
    start, end = text.find("{"), text.rfind("}")
    try:
        return form.model_validate_json(text[start : end + 1] if 0 <= start < end else text, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedReply(
            f"{model!r} did not reply in the form that was asked for: {where or 'the reply'}: {first['msg']}",
            next_step="try a model that follows a JSON schema, or set 'structured' of its provider",
            model=model,
        ) from error


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_STRING = {"type": "string"}
_LINE = {"type": "integer"}
# In the form that every provider's strict mode takes: all keys required, nothing beside them.
REPLY_SCHEMA = _object(
    claims=_list(_object(text=_STRING, citations=_list(_object(evidence=_STRING, quote=_STRING)))),
    search=_list(_STRING),
    read=_list(_object(path=_STRING, start_line=_LINE, end_line=_LINE)),
)
_QUESTION_SCHEMA = _object(question=_STRING)
