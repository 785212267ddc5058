"""One table of what spans and their attributes are called: here, and by OpenTelemetry's GenAI conventions.

The conventions are in development and rename. We keep short names of our own, and what leaves this process
has the newest name and, where there was another one, the older one too.
"""

from __future__ import annotations

from dataclasses import dataclass

# The conventions as of this month: https://github.com/open-telemetry/semantic-conventions-genai
VERSION = "2026-10"

# Spans.
SEARCH = "search"
PACK = "pack"
CALL = "call"
CHECK = "check"
EMBED = "embed"
PLAN = "plan"

OPERATION = "gen_ai.operation.name"
WORKFLOW = "gen_ai.workflow.name"
# What a span is, as `gen_ai.operation.name` has it; the others have none.
OPERATIONS = {CALL: "chat", EMBED: "embeddings", SEARCH: "retrieval", PLAN: "plan"}
RUN_OPERATION = "invoke_workflow"  # a whole run

# Our name of an attribute: the newest of theirs, then older ones. An attribute that is not here goes out as
# `loccit.` and its name.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model": ("gen_ai.request.model",),
    "answered_by": ("gen_ai.response.model",),
    "max_output_tokens": ("gen_ai.request.max_tokens",),
    "temperature": ("gen_ai.request.temperature",),
    "finish": ("gen_ai.response.finish_reasons",),
    "prompt": ("gen_ai.prompt.name",),
    "session": ("gen_ai.conversation.id",),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens",),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
    ),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",),
}
# Those whose value is a list there.
LISTS = frozenset({"finish"})
MODELS = frozenset({"model", "answered_by"})
# Providers that have another name there than in our settings.
PROVIDERS = {"google": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}
# What tells apart the series of a metric; no other attribute does, as each value makes one more series.
DIMENSIONS = ("provider", "model", "answered_by")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name, its unit, and of a histogram the boundaries of its buckets."""

    name: str
    unit: str
    boundaries: tuple[float, ...] = ()


_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4.0**power for power in range(14))

# Histograms of seconds: of calls, of embeddings, of whole runs.
DURATIONS: dict[str, tuple[Metric, ...]] = {
    CALL: (
        Metric("gen_ai.client.inference.duration", "s", _SECONDS),
        Metric("gen_ai.client.operation.duration", "s", _SECONDS),
    ),
    EMBED: (Metric("gen_ai.client.operation.duration", "s", _SECONDS),),
}
RUN_DURATION = Metric("gen_ai.workflow.duration", "s", _SECONDS)
# Counters by our attribute, each with the modality "text".
COUNTERS: dict[str, Metric] = {
    "input_tokens": Metric("gen_ai.client.inference.usage.input_tokens", "{token}"),
    "output_tokens": Metric("gen_ai.client.inference.usage.output_tokens", "{token}"),
    "cache_read_tokens": Metric("gen_ai.client.inference.usage.cache_read.input_tokens", "{token}"),
    "cache_write_tokens": Metric("gen_ai.client.inference.usage.cache_write.input_tokens", "{token}"),
    "reasoning_tokens": Metric("gen_ai.client.inference.usage.reasoning.output_tokens", "{token}"),
}
MODALITY = ("gen_ai.token.modality", "text")
# Histograms of the tokens of one call, by our attribute.
TOKENS: dict[str, Metric] = {
    "input_tokens": Metric("gen_ai.client.inference.operation.input_tokens", "{token}", _TOKENS),
    "output_tokens": Metric("gen_ai.client.inference.operation.output_tokens", "{token}", _TOKENS),
}
# Before that there was one histogram, with the kind of token as an attribute.
TOKEN_USAGE = Metric("gen_ai.client.token.usage", "{token}", _TOKENS)
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - the name of an attribute
TOKEN_TYPES = {"input_tokens": "input", "output_tokens": "output"}
COST = Metric("loccit.cost", "{USD}")
