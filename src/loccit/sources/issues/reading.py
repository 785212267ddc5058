"""Entries of a tracker's answer as checked values."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from loccit.core.errors import TrackerUnreachable
from loccit.sources.issues.texts import parse_time

Model = TypeVar("Model", bound=BaseModel)


def read_entry(model: type[Model], entry: Any) -> Model:
    """The entry as this model has it; what the model does not name is left out. Raises TrackerUnreachable."""
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TrackerUnreachable(
            f"an entry of the tracker's answer is not as its interface says: {where}: {first['msg']}",
            next_step="is this the address of the right kind of tracker?",
        ) from error


def read_time(written: str) -> int:
    """Seconds since the epoch of a time in an answer. Raises TrackerUnreachable."""
    try:
        return parse_time(written)
    except ValueError as error:
        raise TrackerUnreachable(f"an entry of the tracker's answer has the time {written[:60]!r}") from error
