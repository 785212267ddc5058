"""What this dialect takes and gives. Every parameter of OpenAI's is here: used, taken without effect, or
refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from loccit.serving.openapi import PROBLEM

Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Names = Annotated[list[Name], Field(max_length=100)]
Ignored = Annotated[Any, Field(description="Taken, and changes nothing")]
Refused = Annotated[Any, Field(description="Refused, but where it says what is done anyway")]
_MOST_MESSAGES = 2_000


class Body(BaseModel):
    """What is sent: keys that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class Loose(BaseModel):
    """What clients send with more keys than are read."""

    model_config = ConfigDict(extra="allow")


class Choices(Body):
    """What is loccit's own: `session` is the conversation that a question goes on with, `rev` an indexed
    revision, `languages` and `paths` what is searched, `quote`: quotations only, though there is a model.
    """

    session: Name | None = None
    rev: Name | None = None
    languages: Names = []
    paths: Annotated[Names, Field(description="Patterns as in .gitignore")] = []
    quote: bool = False


class Part(Loose):
    """A part of a message: its text."""

    type: str
    text: str | None = None


class Message(Loose):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: Refused = None
    function_call: Refused = None
    audio: Refused = None


class StreamOptions(Loose):
    """With `include_usage` a last chunk says what was used."""

    include_usage: bool | None = None


class ChatBody(Body):
    """A request for a chat completion. The question is the last message."""

    model: Name
    messages: Annotated[list[Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    loccit: Choices | None = None

    temperature: Ignored = None
    top_p: Ignored = None
    max_tokens: Ignored = None
    max_completion_tokens: Ignored = None
    frequency_penalty: Ignored = None
    presence_penalty: Ignored = None
    seed: Ignored = None
    reasoning_effort: Ignored = None
    verbosity: Ignored = None
    prediction: Ignored = None
    parallel_tool_calls: Ignored = None
    metadata: Ignored = None
    store: Ignored = None
    user: Ignored = None
    safety_identifier: Ignored = None
    service_tier: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None

    tools: Refused = None
    tool_choice: Refused = None
    functions: Refused = None
    function_call: Refused = None
    n: Refused = None
    response_format: Refused = None
    logprobs: Refused = None
    top_logprobs: Refused = None
    logit_bias: Refused = None
    stop: Refused = None
    modalities: Refused = None
    audio: Refused = None
    moderation: Refused = None
    web_search_options: Refused = None


class InputItem(Loose):
    """A message of the input; items of other types are refused."""

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Part] | None = None


class ConversationId(Loose):
    """A conversation by its id."""

    id: Name


class ResponseBody(Body):
    """A request for a response. The question is the last message of the input."""

    model: Name
    input: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[InputItem], Field(min_length=1, max_length=_MOST_MESSAGES)]
    )
    stream: bool | None = None
    previous_response_id: Name | None = None
    conversation: Name | ConversationId | None = None
    metadata: dict[str, str] | None = None
    loccit: Choices | None = None

    instructions: Ignored = None
    stream_options: Ignored = None
    temperature: Ignored = None
    top_p: Ignored = None
    max_output_tokens: Ignored = None
    max_tool_calls: Ignored = None
    parallel_tool_calls: Ignored = None
    reasoning: Ignored = None
    store: Ignored = None
    truncation: Ignored = None
    user: Ignored = None
    safety_identifier: Ignored = None
    service_tier: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    context_management: Ignored = None
    access_programs: Ignored = None

    tools: Refused = None
    tool_choice: Refused = None
    text: Refused = None
    include: Refused = None
    top_logprobs: Refused = None
    background: Refused = None
    background_options: Refused = None
    prompt: Refused = None
    image: Refused = None
    moderation: Refused = None


class Model(BaseModel):
    """A model. No time is kept of it: `created` is 0."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "loccit"


class ModelList(BaseModel):
    """The models that the key may ask."""

    object: Literal["list"] = "list"
    data: list[Model]


class Support(BaseModel):
    """What a checker says of a claim (counted from 1) that rests on a citation."""

    claim: int
    verdict: Literal["supported", "partly", "unsupported", "contradicted", "unchecked"]
    score: float | None


class CitedPlace(BaseModel):
    """A place that the text names by `number`. Lines are 1-based and inclusive.

    `path` is null for a commit, and where it is not UTF-8. `commit` is null for a folder without git.
    """

    number: int
    kind: Literal["file", "commit", "issue"]
    repo: str
    commit: str | None
    path: str | None
    start_line: int
    end_line: int
    permalink: str | None
    verdicts: list[Support]


class Facts(BaseModel):
    """What loccit says beside the text.

    `answer` is the digest of the loccit-answer/1 document that `GET /v1/runs/{run}` gives, `session` the
    conversation, empty where no model was asked. `models` wrote it, none where it only quotes. `ignored` are
    parts of the request without effect.
    """

    answer: str
    run: str
    session: str
    outcome: Literal["answered", "partial", "abstained"]
    abstention: str | None
    machine_written: Literal[True] = True
    models: list[str]
    citations: list[CitedPlace]
    ignored: list[str]


class UrlCitation(BaseModel):
    """A link in the text: from which character to which (the end exclusive), and where to."""

    start_index: int
    end_index: int
    title: str
    url: str


class ChatAnnotation(BaseModel):
    """A link in a chat completion."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class ResponseAnnotation(UrlCitation):
    """A link in a response."""

    type: Literal["url_citation"] = "url_citation"


class CachedTokens(BaseModel):
    """Of the prompt's tokens."""

    cached_tokens: int


class ReasoningTokens(BaseModel):
    """Of the completion's tokens."""

    reasoning_tokens: int


class ChatUsage(BaseModel):
    """Tokens: those of the models that were asked, else of question and text as counted here."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens
    completion_tokens_details: ReasoningTokens


class ChatMessage(BaseModel):
    """The answer: Markdown, with numbered citations."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[ChatAnnotation]
    loccit: Facts


class ChatChoice(BaseModel):
    """The only choice there is."""

    index: Literal[0] = 0
    message: ChatMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class ChatCompletion(BaseModel):
    """An answer as a chat completion. `created` is in seconds since the epoch."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage


class InputTokens(BaseModel):
    """Of the input's tokens."""

    cached_tokens: int
    cache_write_tokens: int


class ResponseUsage(BaseModel):
    """Tokens: those of the models that were asked, else of question and text as counted here."""

    input_tokens: int
    input_tokens_details: InputTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class OutputText(BaseModel):
    """The answer's text: Markdown, with numbered citations."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[ResponseAnnotation]
    logprobs: list[Any] = []


class OutputMessage(BaseModel):
    """The answer's message."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    content: list[OutputText]


class Failure(BaseModel):
    """Why there is no response."""

    code: str
    message: str


class Response(BaseModel):
    """An answer as a response. Times are in seconds since the epoch.

    What has no effect stands there as it is by default, whatever was sent: a parser may insist on it.
    """

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: Literal["in_progress", "completed", "failed"]
    background: Literal[False] = False
    error: Failure | None = None
    incomplete_details: None = None
    instructions: Any = None
    max_output_tokens: None = None
    metadata: dict[str, str] = {}
    model: str
    output: list[OutputMessage] = []
    parallel_tool_calls: Literal[False] = False
    previous_response_id: str | None = None
    conversation: ConversationId | None = None
    reasoning: dict[str, None] = {"effort": None, "summary": None}
    service_tier: Literal["default"] = "default"
    store: Literal[True] = True
    temperature: float = 1.0
    text: dict[str, Any] = {"format": {"type": "text"}}
    tool_choice: Literal["none"] = "none"
    tools: list[Any] = []
    top_logprobs: Literal[0] = 0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    max_tool_calls: None = None
    prompt_cache_key: None = None
    safety_identifier: None = None
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None = None
    user: None = None
    loccit: Facts | None = None


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """What went wrong, as OpenAI's clients expect it."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": what, "model": ErrorEnvelope}
    for code, what in (
        (400, "Not understood, or not done here"),
        (401, "No key, or one that is not valid"),
        (403, "Another site makes a browser send it"),
        (404, "No such model, or not for this key; no such conversation"),
        (405, "Another method, or a path that is none once it is put in order"),
        (408, "The body takes too long to come"),
        (413, "The body is too long"),
        (422, "A repository cannot be read as asked"),
        (429, "More requests than the key has, or a budget is spent"),
        (500, "The server is not configured as it must be"),
        (502, "A model gave out"),
        (503, "No room now, or the index cannot be read"),
        (504, "It took too long"),
    )
}
# What is no request at all is refused before anybody looks at its path.
for _code in (400, 431):
    _refused = ERRORS.setdefault(_code, {"description": "The head of the request is too long"})
    _refused["content"] = {"application/problem+json": {"schema": PROBLEM}}
