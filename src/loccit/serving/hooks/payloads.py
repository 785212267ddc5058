"""Payloads of trackers as checked values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from loccit.core.errors import InputError
from loccit.serving.hooks.events import ChangeMerged, CommentTold, IssueTold, Pushed
from loccit.sources.issues.texts import parse_time, plain_text

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Told:
    """What a delivery tells of which project at which host (with its port), and when that was, where it says
    so. `event` is None where it matters to nobody here.
    """

    host: str
    project: str
    event: IssueTold | CommentTold | ChangeMerged | Pushed | None
    at: float | None


def document_of(body: bytes, media_type: str) -> dict[str, Any]:
    """The JSON object of a delivery, which GitHub may send as the field of a form. Raises InputError."""
    try:
        text = body.decode("utf-8")
        if media_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            text = parse_qs(text, strict_parsing=True, max_num_fields=10)["payload"][0]
        found = json.loads(text)
    except (ValueError, KeyError, RecursionError) as error:
        raise InputError(f"the delivery is no JSON: {str(error)[:100]}") from error
    if not isinstance(found, dict):
        raise InputError("the delivery is no JSON object", next_step="send it as application/json")
    return cast("dict[str, Any]", found)


def read_payload(model: type[Model], document: dict[str, Any]) -> Model:
    """The payload as this model has it; what the model does not name is left out. Raises InputError."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"the delivery is not as its tracker says: {where}: {first['msg']}") from error


def kept(text: str | None) -> str:
    """A text as we keep it: line feeds only, nothing that is no character."""
    return plain_text(text or "")


def moment(written: str | int | None) -> float | None:
    """A time of a payload in seconds since the epoch. Raises InputError."""
    if written is None or isinstance(written, int):
        return None if written is None else float(written)
    try:
        return float(parse_time(written.removesuffix(" UTC").replace(" ", "T", 1).replace(" ", "")))
    except (ValueError, TypeError) as error:
        raise InputError(f"the delivery has the time {written[:60]!r}") from error


def branch_of(ref: str) -> str:
    """The branch that a ref names; empty where it is a tag."""
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
