"""Settings: one frozen value for each table of `service.toml`, with defaults. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class BadSettings(ValueError):
    """A key that does not exist, or a value of another type."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    path: str = "scans.sqlite"
    keep_days: int = 400
    busy_timeout_ms: int = 4000


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    future_tolerance_hours: int = 48
    repeat_window_minutes: int = 10


@dataclass(frozen=True, slots=True)
class EstimateSettings:
    history_weeks: int = 8
    least_deliveries: int = 25
    early_quantile: float = 0.1
    late_quantile: float = 0.9


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    attempts: int = 9
    first_pause_s: int = 15
    longest_pause_s: int = 21600
    timeout_s: int = 8
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class LimitSettings:
    per_minute: int = 120
    burst: int = 40


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    currency: str = "EUR"
    late_share: float = 0.25
    damage_photo_required: bool = True


@dataclass(frozen=True, slots=True)
class HttpSettings:
    host: str = "127.0.0.1"
    port: int = 8480


@dataclass(frozen=True, slots=True)
class Settings:
    """All tables. The names of the fields are those of the tables."""

    store: StoreSettings = field(default_factory=StoreSettings)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    estimates: EstimateSettings = field(default_factory=EstimateSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    claims: ClaimSettings = field(default_factory=ClaimSettings)
    http: HttpSettings = field(default_factory=HttpSettings)


def read_settings(path: Path) -> Settings:
    """The settings in a file; what it does not say has its default. Raises BadSettings."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {one.name: one for one in fields(Settings)}
    made: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in known:
            raise BadSettings(f"there is no table [{name}]")
        made[name] = _table(known[name].default_factory, name, table)
    return Settings(**made)


def _table(kind: Any, name: str, table: dict[str, Any]) -> Any:
    defaults = kind()
    for key, value in table.items():
        if not hasattr(defaults, key):
            raise BadSettings(f"there is no key {key!r} in [{name}]")
        wanted = type(getattr(defaults, key))
        # `true` is an int to Python, and 8 is a fine number of seconds where a float is wanted.
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise BadSettings(f"[{name}] {key} is {value!r}, expected {wanted.__name__}")
    return kind(**table)
