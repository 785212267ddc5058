"""What an operator may choose about models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal


class RealCalls(StrEnum):
    """Which calls may be made that leave this process."""

    ALLOWED = "allowed"
    LOOPBACK = "loopback"  # to this machine only
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """Who serves models, and how it is spoken to.

    `api`: the dialect. `base_url`: its address, up to what stands before "/chat/completions" (or "/messages",
    or "/v1beta"); empty for the maker of the dialect. `key_variable`: the environment variable with the key;
    empty where none is needed. `structured`: how a reply in a given form is asked for; "auto" is the best way
    that the model is known to understand. `context_tokens`: the most tokens of prompt and reply together, 0:
    as the provider says. `price_as`: the name that its prices are listed under.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    api: Literal["openai", "openai-responses", "anthropic", "google"] = "openai"
    base_url: str = ""
    key_variable: str = ""
    structured: Literal["auto", "native", "tool", "prompted"] = "auto"
    context_tokens: int = 0
    price_as: str = ""


# Those that need no table of their own; a table of the same name replaces them.
BUILT_IN: Mapping[str, ProviderOptions] = {
    "openai": ProviderOptions("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", price_as="openai"),
    "anthropic": ProviderOptions(
        "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", price_as="anthropic"
    ),
    "google": ProviderOptions(
        "google", "https://generativelanguage.googleapis.com", "GOOGLE_API_KEY", price_as="google"
    ),
    "ollama": ProviderOptions("openai", "http://127.0.0.1:11434/v1"),
}


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which models, how patiently they are asked, and what is kept of their replies.

    A model is named PROVIDER:MODEL; "scripted:FILE" and "replay:FOLDER" are served from files. `answer`
    writes answers, none means quotations only; `fallback` are asked in turn where it cannot be reached;
    `stronger` is asked where its answer does not stand the check; `judge` checks claims; `embedding` and
    `rerank` help search. `providers` are those beyond openai, anthropic, google and ollama.

    `timeout_s`: for a question with all its calls; `call_timeout_s`: for one. A call that fails is made
    `attempts` times at most, the first pause `backoff_s` long; retries may be no more than `retry_share` of
    all calls. After `breaker_failures` failures in a row a provider is left alone for `breaker_pause_s`.
    `hedge_after_s`: a call that has said nothing by then is made a second time, 0: never.
    `most_calls_at_once`: to one provider; `adaptive_concurrency` finds the number below it that the provider
    bears. `max_reply_bytes`: a longer text is cut off and refused. `cache`: equal calls are answered from
    what was kept, for `cache_days`. `record`: the folder that calls are recorded in, none: they are not.
    """

    answer: str = ""
    fallback: tuple[str, ...] = ()
    stronger: str = ""
    judge: str = ""
    embedding: str = ""
    rerank: str = ""
    providers: dict[str, ProviderOptions] = field(default_factory=dict[str, ProviderOptions])
    timeout_s: float = 120.0
    call_timeout_s: float = 60.0
    attempts: int = 4
    backoff_s: float = 0.5
    retry_share: float = 0.2
    breaker_failures: int = 5
    breaker_pause_s: float = 30.0
    hedge_after_s: float = 0.0
    most_calls_at_once: int = 16
    adaptive_concurrency: bool = False
    max_reply_bytes: int = 2_000_000
    cache: bool = True
    cache_days: int = 30
    record: str = ""
