"""A second check by a model: another prompt than the writer's, and another model where one is configured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from loccit.budgets.deadline import Deadline
from loccit.core.answers import Verdict, VerdictLabel
from loccit.core.calls import ModelCall, Payer
from loccit.core.errors import MalformedReply
from loccit.models.protocols import ChatModel
from loccit.models.templates import Template, load_templates
from loccit.verification.support import Premise

CHECKER = "loccit.judge"
_PROMPTS = Path(__file__).with_name("prompts")
_LABELS = ("supported", "partly", "unsupported", "contradicted")
# A label is a coarse score: enough to order claims by.
_SCORES = {"supported": 1.0, "partly": 0.5, "unsupported": 0.0, "contradicted": 0.0}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "claim": {"type": "integer"},
                    "label": {"type": "string", "enum": list(_LABELS)},
                    "why": {"type": "string"},
                },
                "required": ["claim", "label", "why"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["verdicts"],
    "additionalProperties": False,
}
_TOKENS_PER_CLAIM = 120


class _Judged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    claim: int
    label: VerdictLabel
    why: str = ""


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    verdicts: tuple[_Judged, ...]


def prompts() -> dict[str, Template]:
    """The templates of this room by their names."""
    return _prompts()


@lru_cache(maxsize=1)
def _prompts() -> dict[str, Template]:
    return load_templates(_PROMPTS)


async def judge(
    claims: Sequence[tuple[str, Sequence[Premise]]], model: ChatModel, payer: Payer, deadline: Deadline
) -> list[Verdict]:
    """A verdict per claim, in their order; `unchecked` for one that the judge passed over.

    Raises ModelError, BudgetExceeded, PriceUnknown, and MalformedReply for a reply of another form.
    """
    template = _prompts()["judge"]
    shown = "\n\n".join(_shown(number, *claim) for number, claim in enumerate(claims, start=1))
    call = ModelCall(
        "judge", template.fill(claims=shown), template.id, _SCHEMA, _TOKENS_PER_CLAIM * max(1, len(claims))
    )
    reply = await model.reply(call, payer, deadline)
    start, end = reply.text.find("{"), reply.text.rfind("}")
    try:
        judged = _Reply.model_validate_json(reply.text[max(start, 0) : end + 1])
    except ValidationError as error:
        raise MalformedReply(
            f"the judge {reply.model!r} did not reply in the form that was asked for",
            next_step="try another [models] judge",
            model=reply.model,
        ) from error
    labels = {one.claim: one.label.value for one in judged.verdicts if one.label.value in _LABELS}
    return [_verdict(labels.get(number), template.id, reply.model) for number in range(1, len(claims) + 1)]


def _verdict(label: str | None, prompt: str, model: str) -> Verdict:
    return Verdict(
        label=VerdictLabel.UNCHECKED if label is None else VerdictLabel(label),
        score=None if label is None else _SCORES[label],
        checker=f"{CHECKER}:{model}",
        version=prompt,
    )


def _shown(number: int, text: str, premises: Sequence[Premise]) -> str:
    passages = "\n\n".join(
        f"--- passage of claim {number}, {premise.path or 'a commit'} {premise.symbol}\n{premise.text}"
        for premise in premises
    )
    return f"Claim {number}: {text}\n\n{passages}\n--- end of the passages of claim {number}"
