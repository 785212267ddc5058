"""What went wrong, as OpenAI's clients expect it: their statuses, and their envelope."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from loccit.core import errors
from loccit.core.errors import InputError, LoccitError
from loccit.serving import problems

MEDIA_TYPE = "application/json"
_PATHS = ("/v1/models", "/v1/chat/", "/v1/responses")

# Status, `type` and `code`, where they are not those of the family: the first that fits.
_KNOWN: tuple[tuple[type[LoccitError], int | None, str, str], ...] = (
    (errors.NotAuthenticated, 401, "invalid_request_error", "invalid_api_key"),
    (errors.NotPermitted, 403, "invalid_request_error", "permission_denied"),
    (errors.RateLimited, 429, "requests", "rate_limit_exceeded"),
    (errors.BudgetExceeded, 429, "insufficient_quota", "insufficient_quota"),
    (errors.NotFound, 404, "invalid_request_error", "not_found"),
    (errors.Unsupported, 400, "invalid_request_error", "unsupported_parameter"),
    (errors.InputError, 400, "invalid_request_error", "invalid_value"),
    (errors.ContextTooLong, 400, "invalid_request_error", "context_length_exceeded"),
    (errors.Overloaded, 503, "server_error", "overloaded"),
    (errors.DeadlinePassed, 504, "server_error", "timeout"),
)
# What pydantic calls a fault, and OpenAI.
_FAULTS = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
# Asked again at once, these end as they did: clients that try again by themselves are told not to.
_FINAL = (errors.BudgetExceeded, errors.DeadlinePassed)


def speaks(path: str) -> bool:
    """Whether what is wrong with a request to this path is told in this dialect."""
    return path.startswith(_PATHS)


def status_of(error: LoccitError) -> int:
    """The status that OpenAI's clients know for such an error."""
    return _told_as(error)[0]


def error_of(error: LoccitError) -> dict[str, str | None]:
    """What is in the envelope: `message`, `type`, `param`, `code`."""
    _, kind, code = _told_as(error)
    field = error.field if isinstance(error, InputError) else ""
    message = problems.message_of(error)
    if error.next_step and message == error.message:
        message = f"{message}; {error.next_step}"
    return {"message": message, "type": kind, "param": field or None, "code": code}


def headers_of(error: LoccitError) -> dict[str, str]:
    """What goes into the response's head."""
    headers = problems.headers_of(error)
    return {**headers, "x-should-retry": "false"} if isinstance(error, _FINAL) else headers


def body_of(error: LoccitError) -> bytes:
    """The envelope as bytes."""
    return problems.body_of({"error": error_of(error)})


class OpenAIRoute(APIRoute):
    """A route that tells errors in this dialect, whoever finds them: authentication, validation, the work."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except RequestValidationError as error:
                return _misunderstood(error)
            except HTTPException as error:
                # FastAPI wraps what happens while it reads the body.
                if isinstance(error.__cause__, LoccitError):
                    return response_of(error.__cause__)
                return of_http(error)
            except LoccitError as error:
                return response_of(error)

        return told


def response_of(error: LoccitError) -> Response:
    """The whole response."""
    return Response(
        body_of(error), status_code=status_of(error), headers=headers_of(error), media_type=MEDIA_TYPE
    )


def of_http(error: HTTPException) -> Response:
    """The response to a path or a method that is not there."""
    kind = "invalid_request_error"
    envelope = {"message": error.detail, "type": kind, "param": None, "code": None}
    return Response(
        problems.body_of({"error": envelope}),
        status_code=error.status_code,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


def _told_as(error: LoccitError) -> tuple[int, str, str]:
    for family, status, kind, code in _KNOWN:
        if isinstance(error, family):
            if isinstance(error, errors.NotFound) and error.field:
                code = f"{error.field.removesuffix('_id')}_not_found"
            return status or problems.status_of(error), kind, code
    status = problems.status_of(error).value
    kind = "invalid_request_error" if status < 500 else "server_error"
    return status, kind, problems.kind_of(error)


def _misunderstood(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    kind = str(first["type"])
    code = _FAULTS.get(kind, "invalid_type" if kind.endswith("_type") else "invalid_value")
    param = _path_of(first["loc"][1:]) if kind != "json_invalid" else ""
    message = f"{param}: {first['msg']}" if param else str(first["msg"])
    envelope = {"message": message, "type": "invalid_request_error", "param": param or None, "code": code}
    return Response(problems.body_of({"error": envelope}), status_code=400, media_type=MEDIA_TYPE)


def _path_of(location: Sequence[str | int]) -> str:
    """`messages[0].content`, as OpenAI writes it."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return written.removeprefix(".")
