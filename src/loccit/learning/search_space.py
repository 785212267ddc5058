"""What may be tried: settings with their values, declared in a file, and the causes that they may help."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from loccit.core.errors import InputError, SourceUnreadable
from loccit.learning.causes import Cause

_BUILT_IN = Path(__file__).with_suffix(".toml")

Value = bool | int | float | str
# Settings by table and key, as in settings.toml.
Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that may be changed: `key` is `table.key`, `values` what may be tried.

    It is tried where one of `causes` was seen (none: always), and not where nothing is `unanswerable` or no
    `model` writes, if it says that it needs that.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    key: str
    values: tuple[Value, ...]
    causes: tuple[Cause, ...] = ()
    unanswerable: bool = False
    model: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    setting: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, as it is and as it may be."""

    key: str
    before: Value
    after: Value

    @property
    def tables(self) -> Tables:
        """The change as `settings.with_changes` takes it."""
        table, _, key = self.key.partition(".")
        return {table: {key: self.after}}


def read_space(path: Path | None = None) -> tuple[Setting, ...]:
    """The settings that a file declares; without one those that come with loccit.

    Raises InputError for a file that is none, SourceUnreadable.
    """
    chosen = path or _BUILT_IN
    try:
        document = tomllib.loads(chosen.read_text(encoding="utf-8"))
        return TypeAdapter(_File).validate_json(json.dumps(document, default=str), strict=True).setting
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(chosen)!r}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(chosen)!r} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{str(chosen)!r}: {where} is {first['input']!r}: {first['msg']}",
            next_step="write [[setting]] tables with key and values: docs/how-to/improve.md",
        ) from error


def proposals(
    space: Iterable[Setting],
    seen: Mapping[Cause, tuple[str, ...]],
    current: Mapping[str, Mapping[str, Any]],
    *,
    has_model: bool,
    has_unanswerable: bool,
) -> tuple[Change, ...]:
    """The changes worth trying: those first that may help against what was seen most.

    `current` are the settings as they are, by table. Raises InputError for a key of none.
    """
    weighed: list[tuple[int, Change]] = []
    for setting in space:
        table, _, key = setting.key.partition(".")
        if key not in current.get(table, {}):
            raise InputError(
                f"the search space has the setting {setting.key!r}, which is none",
                next_step="see docs/reference/settings.md",
            )
        if (setting.model and not has_model) or (setting.unanswerable and not has_unanswerable):
            continue
        weight = sum(len(seen.get(cause, ())) for cause in setting.causes)
        if setting.causes and not weight:
            continue
        before = current[table][key]
        weighed += [(weight, Change(setting.key, before, v)) for v in setting.values if v != before]
    weighed.sort(key=lambda pair: -pair[0])
    return tuple(change for _, change in weighed)
