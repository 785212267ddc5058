"""Blueprints: plain code by a name, whose task and report are checked where they come in and go out."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from loccit.core.errors import InputError, SettingsError

Function = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a run does: `async def fix(run: Run, task: FixTask) -> FixReport`.

    Task and report are what pydantic can read and write as JSON, by the function's annotations; without any
    they are JSON as it is.
    """

    name: str
    function: Function

    def __post_init__(self) -> None:
        parameters = list(inspect.signature(self.function).parameters.values())
        if not inspect.iscoroutinefunction(self.function) or len(parameters) != 2:
            raise SettingsError(
                f"the blueprint {self.name!r} is no coroutine function of a run and a task",
                next_step="write: async def name(run, task)",
            )

    def task(self, given: Any) -> Any:
        """The task of what was given as JSON. Raises InputError where it is none."""
        from pydantic import TypeAdapter, ValidationError

        kind = self._kinds()[0]
        try:
            return TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "it"
            raise InputError(
                f"this is no task for {self.name!r}: {where} is {first['input']!r}: {first['msg']}",
                next_step="write the task as its documentation says",
            ) from error

    def as_json(self, value: Any) -> Any:
        """A task or a report as JSON."""
        from pydantic import TypeAdapter

        return TypeAdapter(Any).dump_python(value, mode="json")

    def _kinds(self) -> tuple[Any, Any]:
        hints = get_type_hints(self.function)
        name = list(inspect.signature(self.function).parameters)[1]
        return hints.get(name, Any), hints.get("return", Any)


def named(blueprints: Mapping[str, Blueprint], name: str) -> Blueprint:
    """The blueprint of this name. Raises InputError where there is none."""
    if name not in blueprints:
        raise InputError(
            f"there is no blueprint {name[:80]!r}",
            next_step=f"there are: {', '.join(sorted(blueprints)) or 'none'}; see [agents.blueprints]",
        )
    return blueprints[name]


def imported(name: str, place: str) -> Blueprint:
    """The blueprint that the settings name as "package.module:function". Raises SettingsError."""
    module, colon, function = place.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"the blueprint {name!r} is not at {place!r}: {error}",
            next_step="write package.module:function in [agents.blueprints]",
        ) from error
    if not colon or not inspect.iscoroutinefunction(found):
        raise SettingsError(f"the blueprint {name!r} at {place!r} is no coroutine function")
    return Blueprint(name, found)
