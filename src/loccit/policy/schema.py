"""Arguments against a tool's JSON Schema: the part of it that tools use, all of it checked, nothing skipped.

A schema with a keyword that is not checked here is refused where the tool is declared: otherwise a call would
count as checked that was not.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from loccit.core.errors import InputError, SettingsError
from loccit.policy.labels import leaves

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
# They say nothing about which values fit.
_REMARKS = frozenset(
    {"title", "description", "default", "examples", "$defs", "$schema", "format", "deprecated"}
)
_CHECKED = frozenset(
    """
    type enum const properties required additionalProperties items anyOf oneOf allOf $ref minimum maximum
    exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems pattern
    """.split()
)
_MAX_DEPTH = 40


def parse_arguments(written: str) -> dict[str, Any]:
    """The arguments that a model wrote. Raises InputError for what is no JSON object, or has a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError("the arguments name a key twice", next_step="write each argument once")
        return found

    def no_constant(name: str) -> Any:
        raise InputError(f"the arguments hold {name}, which is no JSON", next_step="write a number")

    try:
        arguments = json.loads(written or "{}", object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the arguments are no JSON: {written[:60]!r}", next_step="write a JSON object"
        ) from error
    if not isinstance(arguments, dict):
        raise InputError(f"the arguments are no JSON object: {written[:60]!r}", next_step="write an object")
    found = cast("dict[str, Any]", arguments)
    if any(pointer.count("/") > _MAX_DEPTH for pointer, _ in leaves(found)):
        raise InputError("the arguments are nested too deeply", next_step="write plain JSON")
    return found


def check_schema(tool: str, schema: Mapping[str, Any]) -> None:
    """Raises SettingsError for a schema that says what would not be checked."""
    if schema.get("type") != "object":
        raise SettingsError(f"the schema of the tool {tool!r} is not that of an object")
    _check_schema(tool, schema, "", 0)


def problem_of(value: Any, schema: Mapping[str, Any]) -> str:
    """Why a value does not fit a schema, naming the place; empty where it does."""
    return _problem(value, schema, schema, "", 0)


def _check_schema(tool: str, schema: Any, where: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        raise SettingsError(f"the schema of the tool {tool!r} is none at {where or 'its root'}")
    known = cast("Mapping[str, Any]", schema)
    unknown = sorted(set(known) - _CHECKED - _REMARKS)
    if unknown:
        raise SettingsError(
            f"the schema of the tool {tool!r} has {unknown[0]!r} at {where or 'its root'}: it is not checked",
            next_step="say it with type, enum, properties, items, anyOf, pattern and bounds",
        )
    below: list[tuple[str, Any]] = [
        *(
            (f"{where}/{name}", each)
            for key in ("properties", "$defs")
            for name, each in known.get(key, {}).items()
        ),
        *((f"{where}/{key}", each) for key in ("anyOf", "oneOf", "allOf") for each in known.get(key, ())),
        *((f"{where}/{key}", known[key]) for key in ("items", "additionalProperties") if key in known),
    ]
    for place, each in below:
        _check_schema(tool, each, place, depth + 1)


def _problem(value: Any, schema: Any, root: Mapping[str, Any], where: str, depth: int) -> str:
    place = where or "the arguments"
    if isinstance(schema, bool):
        return "" if schema else f"{place}: nothing fits here"
    if depth > _MAX_DEPTH:
        return f"{place}: nested too deeply"
    if "$ref" in schema:
        return _problem(value, _referred(schema["$ref"], root), root, where, depth + 1)
    wanted = schema.get("type")
    if wanted is not None:
        types = [wanted] if isinstance(wanted, str) else cast("Sequence[str]", wanted)
        if not any(_TYPES[each](value) for each in types):
            return f"{place}: expected {' or '.join(types)}, got {_shown(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place}: {_shown(value)} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        return f"{place}: {_shown(value)} is not {schema['const']!r}"
    problem = _bounds(value, schema, place) or _choices(value, schema, root, where, depth)
    if problem:
        return problem
    if isinstance(value, dict):
        return _members(cast("dict[str, Any]", value), schema, root, where, depth)
    if isinstance(value, list) and "items" in schema:
        items = cast("list[Any]", value)
        found = (
            _problem(each, schema["items"], root, f"{where}/{i}", depth + 1) for i, each in enumerate(items)
        )
        return next(filter(None, found), "")
    return ""


def _choices(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], where: str, depth: int) -> str:
    for key, least, most in (("anyOf", 1, None), ("oneOf", 1, 1), ("allOf", None, None)):
        if key not in schema:
            continue
        problems = [_problem(value, each, root, where, depth + 1) for each in schema[key]]
        fitting = problems.count("")
        if fitting < (len(problems) if least is None else least) or (most is not None and fitting > most):
            return next(filter(None, problems), f"{where or 'the arguments'}: fits several of {key}")
    return ""


def _members(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], where: str, depth: int
) -> str:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{where or 'the arguments'}: {missing[0]!r} is missing"
    properties = schema.get("properties", {})
    # Arguments that no schema names have no role, so what is not declared is not taken.
    others = schema.get("additionalProperties", not properties and bool(where))
    for name, each in value.items():
        problem = _problem(each, properties.get(name, others), root, f"{where}/{name}", depth + 1)
        if problem:
            return problem
    return ""


_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_TEXTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
}
_LISTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
}


def _bounds(value: Any, schema: Mapping[str, Any], place: str) -> str:
    tests: Mapping[str, Callable[[Any, Any], bool]] = {}
    if isinstance(value, str):
        tests = _TEXTS
    elif isinstance(value, list):
        tests = _LISTS
    elif _TYPES["number"](value):
        tests = _NUMBERS
    failing = [key for key, fits in tests.items() if key in schema and not fits(value, schema[key])]
    return f"{place}: {_shown(value)} is not within {failing[0]} {schema[failing[0]]!r}" if failing else ""


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
