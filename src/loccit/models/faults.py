"""What a provider's library raises, in the words of our own error tree."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httpx2
from pydantic_ai import exceptions as theirs

from loccit.core.errors import ContextTooLong, MalformedReply, ModelError, ModelRefused, ModelUnavailable
from loccit.models.transport import ReplyTooLong
from loccit.telemetry.redaction import redact

# How servers without an error code for it say that the prompt is too long.
_TOO_LONG = re.compile(
    r"context (size|window|length)|maximum context|too many tokens|prompt is too long|input is too long"
    r"|exceeds? the (available|model'?s|maximum) (context|input)|input token count",
    re.IGNORECASE,
)
# How they say that they do not know the form in which a reply was asked for.
_NO_FORM = re.compile(
    r"response_format|json_schema|structured|grammar|guided|tool_choice|\btools?\b|output_config|output_format"
    r"|responseSchema|response_schema|responseJsonSchema",
    re.IGNORECASE,
)
_MOST_CHARS = 300


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is: what an error may say of it. `key` is known only so that it is never said."""

    model: str
    base_url: str
    key_variable: str
    key: str

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.base_url).netloc


class FormRefused(Exception):
    """The server does not know how to keep a reply to a schema; it may be asked in words."""


@contextmanager
def in_our_words(at: Address, can_ask_in_words: bool = False) -> Generator[None]:
    """What a provider's library raises within becomes a ModelError of ours.

    Raises FormRefused, where it is expected, for a server that refuses schemas.
    """
    try:
        yield
    except (
        theirs.AgentRunError,
        theirs.UserError,
        httpx2.HTTPError,
        httpx2.StreamError,
        ReplyTooLong,
        UnicodeDecodeError,
        json.JSONDecodeError,
    ) as error:
        if can_ask_in_words and refuses_the_form(error):
            raise FormRefused from None
        # Their exceptions hold the request with its headers: none is kept as a cause.
        raise told(error, at) from None


def told(error: Exception, at: Address) -> ModelError:
    """The same in our words. What the provider said stands in it only where it cannot hold a key."""
    reply = _malformed(error, at)
    if reply is not None:
        return reply
    said = scrubbed(said_by(error), at)
    name = f"{at.model!r} at {at.host!r}"
    match error:
        case theirs.ModelContextWindowExceededError():
            return ContextTooLong(f"the request does not fit {name}: {said}", model=at.model)
        case theirs.ModelAuthenticationError():
            return ModelRefused(f"{name} does not accept the key", next_step=_about_key(at), model=at.model)
        case theirs.ModelNotFoundError():
            return ModelRefused(
                f"{name} is not found",
                next_step=f"check the model's name and base_url, now {at.base_url!r}",
                model=at.model,
            )
        case theirs.ModelQuotaExceededError():
            return ModelRefused(
                f"{name}: the account has no credit or quota left: {said}",
                next_step="look at the provider's billing page",
                model=at.model,
            )
        case theirs.ModelConnectionError() if _was_sent(error):
            return ModelUnavailable(
                f"{name} broke off: {said}", next_step="try again", model=at.model, usage=None
            )
        case theirs.ModelConnectionError():
            return ModelUnavailable(
                f"{name} cannot be reached: {said}",
                next_step=f"check that it runs, and base_url, now {at.base_url!r}",
                model=at.model,
            )
        case theirs.ModelRequestTimeout():
            return ModelUnavailable(f"{name} did not answer in time", model=at.model, usage=None)
        case theirs.ModelHTTPError():
            return _of_status(error, name, said, at)
        case httpx2.TransportError() | httpx2.StreamError():
            return ModelUnavailable(
                f"{name} broke off: {said}", next_step="try again", model=at.model, usage=None
            )
        case theirs.ModelAPIError() if error.message.startswith("Expected a JSON response"):
            return MalformedReply(
                f"{name} answers with something else: {said}",
                next_step=f"check base_url, now {at.base_url!r}",
                model=at.model,
                usage=None,
            )
        case theirs.ModelAPIError() if "finish_reason" in error.message:
            return ModelUnavailable(
                f"{name}: the stream ended before the reply did",
                next_step="try again",
                model=at.model,
                usage=None,
            )
        case theirs.ModelAPIError():
            return ModelUnavailable(
                f"{name} failed: {said}", next_step="try again", model=at.model, usage=None
            )
        case theirs.UnexpectedModelBehavior():
            return MalformedReply(
                f"{name} answers in a form of its own: {said}",
                next_step=f"check that base_url {at.base_url!r} speaks the dialect that 'api' names",
                model=at.model,
                usage=None,
            )
        case _:
            return ModelRefused(f"{name} cannot be asked this: {said}", model=at.model)


def refuses_the_form(error: Exception) -> bool:
    """Whether a server refused because it does not know how to keep a reply to a schema."""
    return (
        isinstance(error, theirs.ModelHTTPError)
        and error.status_code in {400, 404, 422, 501}
        and not isinstance(error, theirs.ModelContextWindowExceededError | theirs.ModelNotFoundError)
        and _NO_FORM.search(said_by(error)) is not None
        and _TOO_LONG.search(said_by(error)) is None
    )


def said_by(error: Exception) -> str:
    """The provider's own sentence where it sent one, else the library's."""
    if isinstance(error, theirs.ModelAPIError):
        return _sentence(error.body) or error.message
    return str(error) or type(error).__name__


def scrubbed(text: str, at: Address) -> str:
    """One short line without the key, and without other secrets: servers repeat what they were sent."""
    line = " ".join(redact(text).split())
    if at.key:
        line = line.replace(at.key, "[key]")
    return line if len(line) <= _MOST_CHARS else f"{line[:_MOST_CHARS]}…"


def _of_status(error: theirs.ModelHTTPError, name: str, said: str, at: Address) -> ModelError:
    status = error.status_code
    if status == 429 or status == 408 or status >= 500:
        return ModelUnavailable(
            f"{name} answers {status}: {said}", model=at.model, retry_after_s=error.retry_after
        )
    if status in {400, 413, 422} and (status == 413 or _TOO_LONG.search(said)):
        return ContextTooLong(f"the request does not fit {name}: {said}", model=at.model)
    return ModelRefused(
        f"{name} answers {status}: {said}", next_step=f"check base_url, now {at.base_url!r}", model=at.model
    )


def _malformed(error: Exception, at: Address) -> MalformedReply | None:
    """What came and could not be read."""
    if isinstance(error, theirs.ModelHTTPError):
        return None
    for each in _causes(error):
        if isinstance(each, ReplyTooLong):
            return MalformedReply(
                f"{at.model!r} at {at.host!r} was cut off: {each}",
                next_step="ask for less, or raise max_reply_bytes in [models]",
                model=at.model,
                usage=None,
            )
        if isinstance(each, UnicodeDecodeError | json.JSONDecodeError):
            return MalformedReply(
                f"{at.model!r} at {at.host!r} answers what is no "
                f"{'UTF-8' if isinstance(each, UnicodeDecodeError) else 'JSON'}",
                next_step=f"check base_url, now {at.base_url!r}",
                model=at.model,
                usage=None,
            )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _was_sent(error: theirs.ModelConnectionError) -> bool:
    """Whether the provider may have had the request, and so may count it."""
    return error.phase not in {"pool", "connect"}


def _about_key(at: Address) -> str:
    if at.key_variable:
        held = "holds the right key" if at.key else "is set: it is not"
        return f"check that {at.key_variable} {held} and that the account may use the model"
    return "name the variable that holds its key: key_variable in [models.providers]"


def _sentence(body: object) -> str:
    """The message in an error's body, wherever dialects put it."""
    for _ in range(2):
        if isinstance(body, str):
            return body
        if not isinstance(body, dict):
            return ""
        table = cast("dict[str, object]", body)
        message = table.get("message")
        if isinstance(message, str):
            return message
        body = table.get("error")
    return body if isinstance(body, str) else ""
