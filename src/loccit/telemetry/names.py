"""One table of what spans and their attributes are called: here, and by OpenTelemetry's GenAI conventions.

The conventions are in development and rename. We keep short names of our own, and what leaves this process
has the newest name and, where there was another one, the older one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


class Kind(StrEnum):
    """How a metric of a server is counted."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric that a server keeps: the conventions' name and unit, what it says, and what tells its series
    apart. Of a histogram `boundaries` are its buckets.
    """

    name: str
    kind: Kind
    unit: str
    about: str
    labels: tuple[str, ...] = ()
    boundaries: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """As Prometheus spells it, without the `_total` of a counter: `loccit_request_duration_seconds`."""
        return self.name.replace(".", "_") + _UNIT_SUFFIXES.get(self.unit, "")

    @property
    def prometheus_labels(self) -> tuple[str, ...]:
        """The labels as Prometheus spells them."""
        return tuple(label.replace(".", "_") for label in self.labels)


# Units in braces say what is counted, and are no part of a name; money is an exception of ours.
_UNIT_SUFFIXES = {"s": "_seconds", "{USD}": "_usd"}
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4)
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

REQUESTS = Watched(
    "loccit.requests",
    Kind.COUNTER,
    "{request}",
    "Requests that were answered, by door, route and HTTP status.",
    ("door", "route", "status"),
)
REQUEST_DURATION = Watched(
    "loccit.request.duration",
    Kind.HISTOGRAM,
    "s",
    "Time from a request to the last byte of its answer.",
    ("door", "route"),
    _REQUEST_SECONDS,
)
ANSWERS = Watched(
    "loccit.answers",
    Kind.COUNTER,
    "{answer}",
    "Answers by who wrote them (quotes, model), outcome and kind of abstention; failed runs are `failed`.",
    ("writer", "outcome", "abstention"),
)
VERDICTS = Watched(
    "loccit.claims",
    Kind.COUNTER,
    "{claim}",
    "Claims that were made, by verdict; dropped ones too.",
    ("verdict",),
)
GROUNDEDNESS = Watched(
    "loccit.groundedness",
    Kind.HISTOGRAM,
    "1",
    "Share of an answer's claims that hold, by who says so: the checks of the run, or a score made later.",
    ("metric",),
    _SHARES,
)
ADMITTED = Watched("loccit.admitted", Kind.COUNTER, "{request}", "Requests that were let in to work.")
SHED = Watched(
    "loccit.shed", Kind.COUNTER, "{request}", "Requests that were turned away, and why.", ("reason",)
)
QUEUED = Watched("loccit.queue.length", Kind.GAUGE, "{request}", "Requests that wait to be let in.")
IN_FLIGHT = Watched("loccit.in_flight", Kind.GAUGE, "{request}", "Requests that are being worked on.")
MODEL_DURATION = Watched(
    "gen_ai.client.operation.duration",
    Kind.HISTOGRAM,
    "s",
    "Time of a call of a model; `error_type` is empty where it was answered.",
    (OPERATION, "gen_ai.provider.name", "gen_ai.request.model", "loccit.purpose", "error.type"),
    _SECONDS,
)
_OF_A_CALL = ("gen_ai.provider.name", "gen_ai.request.model", "loccit.purpose")
MODEL_TOKENS = {
    name: Watched(
        metric.name,
        Kind.COUNTER,
        metric.unit,
        f"{name.replace('_', ' ')} of models.".capitalize(),
        _OF_A_CALL,
    )
    for name, metric in COUNTERS.items()
}
MODEL_COST = Watched(COST.name, Kind.COUNTER, COST.unit, "What calls of models did cost.", _OF_A_CALL)
INDEX_AGE = Watched(
    "loccit.index.age",
    Kind.GAUGE,
    "s",
    "Time since a repository was indexed last.",
    ("repository",),
)
JOBS = Watched("loccit.jobs", Kind.GAUGE, "{job}", "Jobs by state.", ("state",))
WORKERS = Watched("loccit.workers", Kind.GAUGE, "{process}", "Processes that serve.")
BUILD = Watched(
    "loccit.build.info", Kind.GAUGE, "1", "Always 1; the labels say what runs.", ("version", "python")
)

# All of them, in the order in which they are told.
WATCHED = (
    REQUESTS,
    REQUEST_DURATION,
    ADMITTED,
    SHED,
    QUEUED,
    IN_FLIGHT,
    ANSWERS,
    VERDICTS,
    GROUNDEDNESS,
    MODEL_DURATION,
    *MODEL_TOKENS.values(),
    MODEL_COST,
    INDEX_AGE,
    JOBS,
    WORKERS,
    BUILD,
)
