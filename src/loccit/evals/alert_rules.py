"""The file of the rules of alerts: what to watch, from when on it is too much, and whom to tell."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from loccit.core.documents import NonEmptyText, Text, Value
from loccit.core.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(ge=0.5, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Number = Annotated[int, Field(ge=1)]
Name = Annotated[NonEmptyText, Field(max_length=200)]
# What a server counts is kept by the minute for an hour.
Minutes = Annotated[int, Field(ge=1, le=60)]


class BudgetBurn(Value):
    """A budget of the settings of which so large a share is spent, or will be by the end of its day or month
    if it goes on like this (`projected_share`; left out, nothing is projected).
    """

    name: Name
    kind: Literal["budget_burn"]
    share: Positive = 0.8
    projected_share: Positive | None = None


class GroundednessDrop(Value):
    """Answers of the last 24 hours that hold less than those of the week before.

    `metric` is a score of runs. It fires where, with this confidence, the mean has fallen by more than
    `margin`; both sides need `least_answers`.
    """

    name: Name
    kind: Literal["groundedness_drop"]
    metric: NonEmptyText = "claims.supported"
    margin: Share = 0.05
    level: Level = 0.999
    least_answers: Number = 30


class Latency(Value):
    """More than one request in twenty that takes longer than `p95_s` seconds."""

    name: Name
    kind: Literal["latency"]
    p95_s: Positive
    window_minutes: Minutes = 10
    level: Level = 0.99
    least_requests: Number = 50


class ErrorRate(Value):
    """A share of requests that the server fails (5xx)."""

    name: Name
    kind: Literal["error_rate"]
    share: Share = 0.02
    window_minutes: Minutes = 10
    level: Level = 0.99
    least_requests: Number = 50


class IndexAge(Value):
    """A repository that was not indexed for so many hours; `repository` empty: any."""

    name: Name
    kind: Literal["index_age"]
    hours: Positive = 48.0
    repository: Text = ""


Rule = Annotated[BudgetBurn | GroundednessDrop | Latency | ErrorRate | IndexAge, Field(discriminator="kind")]


class WebhookTable(Value):
    """Where changes are posted. `secret_variable` names the environment variable that holds the secret by
    which they are signed; empty: they are not.
    """

    url: Annotated[str, Field(pattern=r"^https?://[^/\s]")]
    secret_variable: Text = ""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 5


class AlertRules(Value):
    """The rules, in their order, and whom to tell; None: those who ask."""

    rules: tuple[Rule, ...] = Field(default=(), strict=False)
    webhook: WebhookTable | None = None


def read_rules(path: Path) -> AlertRules:
    """The rules of a file. Raises SettingsError for one that is not there or holds something else."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"cannot read the rules of alerts {str(path)!r}: {error}",
            next_step="write the file, or leave alerts out of [telemetry]",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{str(path)!r} is not TOML: {error}") from error
    try:
        # As JSON, because pydantic is strict about types there and still takes a list for a tuple.
        found = AlertRules.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{str(path)!r}: {where or 'the file'}: {first['msg']}", next_step="see docs/how-to/alerts.md"
        ) from error
    names = [rule.name for rule in found.rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"{str(path)!r}: two rules are called {twice!r}", next_step="rename one")
    return found
