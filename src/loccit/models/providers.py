"""Models that a provider serves: in OpenAI's dialects, Anthropic's or Google's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

import httpx2
from pydantic_ai import messages as parts
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from loccit.core.calls import Finish, ModelReply, Speaker, TokenUsage, ToolCall
from loccit.core.errors import ContextTooLong, MalformedReply, ModelError, ModelRefused, ModelUnavailable
from loccit.models import tokens
from loccit.models.faults import Address, FormRefused, in_our_words
from loccit.models.thoughts import Spoken
from loccit.models.transport import check_allowed, new_client

if TYPE_CHECKING:
    from pydantic_ai.profiles import ModelProfile
    from pydantic_ai.usage import RequestUsage

    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.options import ProviderOptions, RealCalls

_Result = TypeVar("_Result")
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n?\s*```", re.DOTALL)
_FORM = "reply"  # the name that the schema goes by at the provider
# What comes back must be the very bytes that the model wrote: text between <think> tags may be a quotation,
# and is set aside by our own rule (`Spoken`). A stream without an end is one that was cut off.
_VERBATIM = OpenAIModelProfile(
    thinking_tags=("\0<think>", "\0</think>"),
    ignore_streamed_leading_whitespace=False,
    openai_chat_streaming_requires_finish_reason=True,
)


@dataclass
class Provider:
    """Who serves models: its address, its key and its one HTTP client, which its models share."""

    name: str
    options: ProviderOptions
    key: str
    real_calls: RealCalls
    call_timeout_s: float
    max_reply_bytes: int
    _client: httpx2.AsyncClient | None = field(default=None, init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False, repr=False)
    _models: dict[str, Model[Any]] = field(default_factory=dict[str, Model[Any]], init=False, repr=False)

    def __repr__(self) -> str:
        return f"Provider({self.name!r}, {self.options.base_url!r})"

    def client(self) -> httpx2.AsyncClient:
        """The HTTP client of the running event loop: connections cannot be carried from one to another."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = new_client(self.call_timeout_s, self.max_reply_bytes), loop
            self._models.clear()
        return self._client

    def model(self, name: str) -> Model[Any]:
        """The library's model of this name, on the client of the running event loop."""
        client = self.client()
        if name not in self._models:
            self._models[name] = _library_model(self, name, client)
        return self._models[name]

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.aclose()
        self._client = None
        self._models.clear()


class ProviderModel:
    """A model at a provider. One call is one request: nothing is tried again here."""

    def __init__(self, provider: Provider, model: str) -> None:
        """The provider's model of this name."""
        self.provider = provider
        self.model = model
        # Learned from a server that refuses forms: from then on it is asked in words.
        self._only_prompted = False

    @property
    def name(self) -> str:
        """As the settings name it: "openai:gpt-5-mini"."""
        return f"{self.provider.name}:{self.model}"

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """What it says, whole. Raises ModelError; cancelling closes the connection."""
        request = self._request(call)
        while True:
            parameters = self._parameters(request.model, call)
            try:
                with in_our_words(request.address, request.can_ask_in_words):
                    async with asyncio.timeout(self._time_for(deadline)):
                        response = await model_request(
                            request.model,
                            request.messages,
                            model_settings=request.settings,
                            model_request_parameters=parameters,
                            instrument=False,
                        )
            except TimeoutError:
                raise self._too_late() from None
            except FormRefused:
                self._only_prompted = True
                continue
            spoken = Spoken()
            text = spoken.take(_text_of(response, call)) + spoken.rest()
            return self._checked(call, text, response)

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """Pieces of its text, then the reply. Raises as `reply` does; closing closes the connection."""
        request = self._request(call)
        limit_s = self._time_for(deadline)
        ends = asyncio.get_running_loop().time() + limit_s
        while True:
            parameters = self._parameters(request.model, call)
            spoken, pieces, reading = Spoken(), list[str](), _Reading(call)
            opened = model_request_stream(
                request.model,
                request.messages,
                model_settings=request.settings,
                model_request_parameters=parameters,
                instrument=False,
            )
            try:
                with in_our_words(request.address, request.can_ask_in_words):
                    async with asyncio.timeout_at(ends):
                        streamed = await opened.__aenter__()
            except TimeoutError:
                raise self._too_late() from None
            except FormRefused:
                self._only_prompted = True
                continue
            try:
                with in_our_words(request.address), _Alarm(ends, self._too_late) as alarm:
                    events = aiter(streamed)
                    while (event := await alarm.before(anext(events, None))) is not None:
                        piece = spoken.take(reading.text_of(event))
                        self._check_size(reading.size)
                        if piece:
                            pieces.append(piece)
                            yield piece
                response = streamed.get()
                if response.finish_reason is None or response.state != "complete":
                    raise ModelUnavailable(
                        f"{self.name!r}: the stream ended before the reply did",
                        next_step="try again",
                        model=self.name,
                        usage=None,
                    )
                if rest := spoken.rest():
                    pieces.append(rest)
                    yield rest
                yield self._checked(call, "".join(pieces), response)
                return
            finally:
                await opened.__aexit__(None, None, None)

    def _request(self, call: ModelCall) -> _Request:
        provider = self.provider
        check_allowed(provider.options.base_url, provider.real_calls, self.name)
        if provider.options.key_variable and not provider.key:
            raise ModelRefused(
                f"{self.name!r} needs a key, and {provider.options.key_variable} is not set",
                next_step=f"set {provider.options.key_variable}",
                model=self.name,
            )
        self._check_context(call)
        model = provider.model(self.model)
        settings = ModelSettings()
        if call.max_output_tokens is not None:
            settings["max_tokens"] = call.max_output_tokens
        if _takes_temperature(model.profile):
            settings["temperature"] = call.temperature
        if provider.options.api == "anthropic":
            # What stays the same comes first, and ends with the system prompt; of a conversation with tools
            # everything that was said stays the same.
            caching = cast("dict[str, Any]", settings)
            caching["anthropic_cache_instructions"] = True
            if call.tools:
                caching["anthropic_cache_tool_definitions"] = caching["anthropic_cache_messages"] = True
        address = Address(self.name, provider.options.base_url, provider.options.key_variable, provider.key)
        return _Request(
            model, _messages(call), settings, address, can_ask_in_words=self._can_ask_in_words(call)
        )

    def _can_ask_in_words(self, call: ModelCall) -> bool:
        return (
            call.schema is not None and self.provider.options.structured == "auto" and not self._only_prompted
        )

    def _parameters(self, model: Model[Any], call: ModelCall) -> ModelRequestParameters:
        tools = [
            ToolDefinition(
                name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema)
            )
            for tool in call.tools
        ]
        if call.schema is None:
            return ModelRequestParameters(function_tools=tools)
        schema = dict(call.schema)
        form = "prompted" if self._only_prompted else self.provider.options.structured
        if form == "auto":
            form = _best_form(model.profile)
        if form == "tool":
            tool = ToolDefinition(
                name=_FORM, description="Give the reply.", parameters_json_schema=schema, kind="output"
            )
            return ModelRequestParameters(
                function_tools=tools, output_mode="tool", output_tools=[tool], allow_text_output=False
            )
        return ModelRequestParameters(
            function_tools=tools,
            output_mode=form,
            output_object=OutputObjectDefinition(json_schema=schema, name=_FORM),
        )

    def _check_context(self, call: ModelCall) -> None:
        """Where the settings say how much fits: servers on one's own machine cut off the rest in silence."""
        limit = self.provider.options.context_tokens
        size = tokens.estimate(call) + (call.max_output_tokens or 0) if limit else 0
        if size > limit:
            raise ContextTooLong(
                f"the request has about {size:,} tokens with its reply, and {self.name!r} takes {limit:,}",
                next_step="ask for less, or raise context_tokens in [models.providers]",
                model=self.name,
            )

    def _time_for(self, deadline: Deadline) -> float:
        left_s = min(deadline.remaining_s, self.provider.call_timeout_s)
        if left_s <= 0:
            raise ModelUnavailable(f"no time is left to ask {self.name!r}", model=self.name)
        return left_s

    def _too_late(self) -> ModelUnavailable:
        return ModelUnavailable(
            f"{self.name!r} did not answer in time",
            next_step="raise call_timeout_s or timeout_s in [models]",
            model=self.name,
            usage=None,
        )

    def _check_size(self, size: int) -> None:
        limit = self.provider.max_reply_bytes
        if size > limit:
            raise MalformedReply(
                f"{self.name!r} was cut off: its text has more than {limit:,} bytes",
                next_step="ask for less, or raise max_reply_bytes in [models]",
                model=self.name,
                usage=None,
            )

    def _checked(self, call: ModelCall, text: str, response: parts.ModelResponse) -> ModelReply:
        """The reply, once it is known to have the form that was asked for."""
        usage = _usage(response.usage)
        finish = _finish(response)
        if finish is Finish.REFUSAL:
            details = response.provider_details or {}
            return ModelReply(str(details.get("refusal") or text), self.name, usage, finish)
        calls = _calls_of(response, call)
        self._check_size(len(text.encode()) + sum(len(one.arguments.encode()) for one in calls))
        if not text.strip() and not calls:
            raise MalformedReply(
                f"{self.name!r} says nothing"
                + (": its output tokens were used up before it began" if finish is Finish.LENGTH else ""),
                next_step="raise the output tokens" if finish is Finish.LENGTH else "try again",
                model=self.name,
                usage=_unless_empty(usage),
            )
        if call.schema is not None and not calls:
            text = _json_of(text)
            fault = _fault_of_object(text)
            if fault:
                cut = " (its output tokens were used up)" if finish is Finish.LENGTH else ""
                raise MalformedReply(
                    f"{self.name!r} was asked for a JSON object and {fault}{cut}: {text[:80]!r}",
                    next_step="try again, or name another way to ask: structured in [models.providers]",
                    model=self.name,
                    usage=_unless_empty(usage),
                )
        return ModelReply(text, self.name, usage, finish, calls=calls)


class _Reading:
    """What the events of a stream add to the text; what they add to calls of tools is only counted."""

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._calls: set[int] = set()
        self.size = 0

    def text_of(self, event: parts.ModelResponseStreamEvent) -> str:
        """The text in an event."""
        if isinstance(event, parts.PartStartEvent):
            if isinstance(event.part, parts.ToolCallPart) and not _is_form(event.part, self._call):
                self._calls.add(event.index)
            return self._counted(_written(event.part), event.index)
        if isinstance(event, parts.PartDeltaEvent):
            if isinstance(event.delta, parts.TextPartDelta):
                return self._counted(event.delta.content_delta, event.index)
            if isinstance(event.delta, parts.ToolCallPartDelta):
                return self._counted(_arguments(event.delta.args_delta), event.index)
        return ""

    def _counted(self, piece: str, index: int) -> str:
        self.size += len(piece.encode())
        return "" if index in self._calls else piece


class _Alarm:
    """One timer for all waits of a stream: a timeout of its own for each piece costs more than the piece.

    It interrupts only what waits in `before`, never whoever reads between two pieces.
    """

    def __init__(self, ends: float, error: Callable[[], ModelError]) -> None:
        """At this time of the event loop's clock, with this error."""
        self._ends = ends
        self._error = error
        self._waiting: asyncio.Task[Any] | None = None
        self._rang = False

    def __enter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_at(self._ends, self._ring)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def before(self, work: Awaitable[_Result]) -> _Result:
        """What it gives, if that comes in time."""
        task = self._waiting = asyncio.current_task()
        if self._rang:
            self._ring()
        try:
            return await work
        except asyncio.CancelledError:
            # Cancelled by somebody else too: that goes first.
            if self._rang and task is not None and task.uncancel() == 0:
                raise self._error() from None
            raise
        finally:
            self._waiting = None

    def _ring(self) -> None:
        self._rang = True
        if self._waiting is not None:
            self._waiting.cancel()


@dataclass(frozen=True, slots=True)
class _Request:
    model: Model[Any]
    messages: list[parts.ModelMessage]
    settings: ModelSettings
    address: Address
    can_ask_in_words: bool


def _library_model(provider: Provider, name: str, client: httpx2.AsyncClient) -> Model[Any]:
    """The library's model. Addresses and keys are given, so that it looks for none in the environment."""
    options, key = provider.options, provider.key or "none"
    match options.api:
        case "openai" | "openai-responses":
            return _openai_model(provider, name, client, key)
        case "anthropic":
            from anthropic import AsyncAnthropic
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            anthropic = AsyncAnthropic(
                api_key=key, base_url=options.base_url, http_client=client, max_retries=0
            )
            return AnthropicModel(
                name, provider=AnthropicProvider(anthropic_client=anthropic), profile=_VERBATIM
            )
        case "google":
            from google.genai import Client
            from google.genai.types import HttpOptions
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider

            # Of its own the library would use Vertex where the environment says so.
            http = HttpOptions(
                base_url=options.base_url,
                httpx_async_client=client,
                timeout=int(provider.call_timeout_s * 1000),
            )
            google = GoogleProvider(client=Client(vertexai=False, api_key=key, http_options=http))
            return GoogleModel(name, provider=google, profile=_VERBATIM)


def _openai_model(provider: Provider, name: str, client: httpx2.AsyncClient, key: str) -> Model[Any]:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from pydantic import ValidationError
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.ollama import OllamaProvider
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    class Client(AsyncOpenAI):
        def _process_response_data(
            self, *, data: object, cast_to: type[Any], response: httpx2.Response
        ) -> Any:
            # To check a chunk takes pydantic a tenth of the time that the library takes to build it
            # unchecked, as it must be where servers leave things out.
            if cast_to in {ChatCompletionChunk, ChatCompletion}:
                with suppress(ValidationError):
                    return cast_to.model_validate(data)
            return super()._process_response_data(data=data, cast_to=cast_to, response=response)

    # Nothing is tried again by the libraries: pauses, budgets and the ledger are ours.
    openai = Client(api_key=key, base_url=provider.options.base_url, http_client=client, max_retries=0)
    # Taken from the environment otherwise, and sent to whatever address it is.
    openai.organization = openai.project = None
    if provider.name == "openai":
        inner = OpenAIProvider(openai_client=openai)
    elif provider.name == "ollama":
        inner = OllamaProvider(openai_client=openai)
    else:
        inner = OpenAICompatibleProvider(provider.name, openai_client=openai)
    kind = OpenAIChatModel if provider.options.api == "openai" else OpenAIResponsesModel
    return kind(name, provider=inner, profile=_VERBATIM)


def _messages(call: ModelCall) -> list[parts.ModelMessage]:
    """The conversation in the library's words: everything up to what the assistant says is one request."""
    messages: list[parts.ModelMessage] = []
    tools: dict[str, str] = {}
    for message in call.messages:
        if message.speaker is Speaker.ASSISTANT:
            said = [parts.TextPart(message.text)] if message.text or not message.calls else []
            called = [
                parts.ToolCallPart(one.name, one.arguments, tool_call_id=one.id) for one in message.calls
            ]
            tools |= {one.id: one.name for one in message.calls}
            messages.append(parts.ModelResponse(parts=[*said, *called]))
            continue
        part: parts.ModelRequestPart
        match message.speaker:
            case Speaker.SYSTEM:
                part = parts.SystemPromptPart(message.text)
            case Speaker.TOOL:
                if message.call_id not in tools:
                    raise ValueError(f"a result answers the call {message.call_id!r}, which nobody made")
                part = parts.ToolReturnPart(
                    tools[message.call_id], message.text, tool_call_id=message.call_id
                )
            case _:
                part = parts.UserPromptPart(message.text)
        if messages and isinstance(last := messages[-1], parts.ModelRequest):
            messages[-1] = parts.ModelRequest(parts=[*last.parts, part])
        else:
            messages.append(parts.ModelRequest(parts=[part]))
    return messages


def _takes_temperature(profile: ModelProfile) -> bool:
    """Whether it may be set: models that reason refuse it, and the library warns."""
    known = cast("dict[str, object]", profile)
    return not known.get("openai_supports_reasoning") and not known.get(
        "anthropic_disallows_sampling_settings"
    )


def _best_form(profile: ModelProfile) -> Literal["native", "tool", "prompted"]:
    if profile.get("supports_json_schema_output"):
        return "native"
    return "tool" if profile.get("supports_tools", True) else "prompted"


def _text_of(response: parts.ModelResponse, call: ModelCall) -> str:
    return "".join(
        _written(part)
        for part in response.parts
        if not isinstance(part, parts.ToolCallPart) or _is_form(part, call)
    )


def _calls_of(response: parts.ModelResponse, call: ModelCall) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(part.tool_call_id, part.tool_name, _arguments(part.args) or "{}")
        for part in response.parts
        if isinstance(part, parts.ToolCallPart) and not _is_form(part, call)
    )


def _is_form(part: parts.ToolCallPart, call: ModelCall) -> bool:
    """Whether it is the reply itself, in the form that was asked for."""
    return call.schema is not None and part.tool_name == _FORM


def _written(part: parts.ModelResponsePart) -> str:
    """What a part adds to the text: prose, or the arguments of the form that was asked for as a tool."""
    if isinstance(part, parts.TextPart):
        return part.content
    if isinstance(part, parts.ToolCallPart):
        return _arguments(part.args)
    return ""


def _arguments(arguments: object) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _usage(usage: RequestUsage) -> TokenUsage:
    return TokenUsage(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        # Google calls them thoughts.
        usage.details.get("reasoning_tokens", 0) or usage.details.get("thoughts_tokens", 0),
    )


def _unless_empty(usage: TokenUsage) -> TokenUsage | None:
    """None where the provider did not say."""
    return usage if usage != TokenUsage() else None


def _finish(response: parts.ModelResponse) -> Finish:
    match response.finish_reason:
        case "length":
            return Finish.LENGTH
        case "content_filter":
            return Finish.REFUSAL
        case _:
            return Finish.STOP


def _json_of(text: str) -> str:
    """The text without the fence that models put round JSON."""
    fenced = _FENCED.fullmatch(text.strip())
    return fenced.group(1) if fenced else text


def _fault_of_object(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "gave something else"
    return "" if isinstance(value, dict) else f"gave a {type(value).__name__}"
