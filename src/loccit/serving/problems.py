"""What an error is to a program: a status, and a document of RFC 9457 (application/problem+json)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from loccit.core import errors
from loccit.core.errors import LoccitError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    next_step: str | None = None


# The first that fits; the families stand after their members.
_STATUS: tuple[tuple[type[LoccitError], HTTPStatus], ...] = (
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.NotPermitted, HTTPStatus.FORBIDDEN),
    (errors.PolicyDenied, HTTPStatus.FORBIDDEN),
    (errors.ToolUnavailable, HTTPStatus.BAD_GATEWAY),
    (errors.RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.RequestTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.RequestTooSlow, HTTPStatus.REQUEST_TIMEOUT),
    (errors.BudgetExceeded, HTTPStatus.PAYMENT_REQUIRED),
    (errors.DeadlinePassed, HTTPStatus.GATEWAY_TIMEOUT),
    (errors.LimitExceeded, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.Overloaded, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.NotIndexed, HTTPStatus.NOT_FOUND),
    (errors.SearchIndexError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.RevisionNotFound, HTTPStatus.NOT_FOUND),
    (errors.SourceError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.PriceUnknown, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ContextTooLong, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.ModelError, HTTPStatus.BAD_GATEWAY),
    (errors.SettingsError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
# What names folders of this machine, or what an operator chose, is not for whoever asks over a network.
_PRIVATE = (errors.SearchIndexError, errors.SettingsError, errors.SourceError)
_TELLABLE = (errors.NotIndexed, errors.RevisionNotFound)


def status_of(error: LoccitError) -> HTTPStatus:
    """The status that stands for an error."""
    found = (status for family, status in _STATUS if isinstance(error, family))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def kind_of(error: LoccitError) -> str:
    """The error's name as documents have it: `not_found` for NotFound."""
    name = type(error).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def message_of(error: LoccitError) -> str:
    """What may be told of an error to somebody who asks over a network."""
    if isinstance(error, _PRIVATE) and not isinstance(error, _TELLABLE):
        return "the server cannot read or keep what it needs; its log says why"
    return error.message


def problem_of(error: LoccitError, *, run: str = "") -> dict[str, object]:
    """The document: `type` is a URN that names the error, `next_step` what to try, where there is
    something.
    """
    status = status_of(error)
    document: dict[str, object] = {
        "type": f"urn:loccit:error:{kind_of(error)}",
        "title": status.phrase,
        "status": status.value,
        "detail": message_of(error),
    }
    if error.next_step and message_of(error) == error.message:
        document["next_step"] = error.next_step
    if run:
        document["run"] = run
    return document


def headers_of(error: LoccitError) -> dict[str, str]:
    """What goes into the response's head: when to come again, and how to show a key."""
    headers: dict[str, str] = {}
    wait_s: float | None = None
    if isinstance(error, errors.Overloaded | errors.RateLimited | errors.ModelUnavailable):
        wait_s = error.retry_after_s
    if wait_s is not None:
        headers["Retry-After"] = str(math.ceil(wait_s))
    if isinstance(error, errors.RateLimited):
        headers["x-ratelimit-limit-requests"] = f"{error.limit:.0f}"
        headers["x-ratelimit-remaining-requests"] = "0"
        headers["x-ratelimit-reset-requests"] = f"{math.ceil(error.retry_after_s)}s"
    if isinstance(error, errors.NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="loccit"'
    return headers


def body_of(document: Mapping[str, object]) -> bytes:
    """The document as bytes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
