"""The OpenAPI document: what FastAPI derives, the documents with a page of their own, and who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from loccit.core.answers import json_schema as answer_schema
from loccit.core.triage import json_schema as triage_schema
from loccit.serving.problems import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

ANSWER = {"$ref": "#/components/schemas/Answer"}
TRIAGE = {"$ref": "#/components/schemas/Triage"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": what, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for code, what in (
        (400, "No HTTP request that can be read"),
        (401, "No key, or one that is not valid"),
        (402, "A budget is spent"),
        (403, "The key's role does not suffice"),
        (404, "Not there, or not for this key"),
        (405, "Another method, or a path that is none once it is put in order"),
        (408, "The body takes too long to come"),
        (409, "The idempotency key stands for another request, or is at work"),
        (413, "The body is too long"),
        (422, "Not understood, or not possible"),
        (429, "More requests than the key has"),
        (431, "The head of the request is too long"),
        (502, "A model gave out"),
        (503, "No room now, or the index cannot be read"),
        (504, "It took too long"),
    )
}
# What needs no key.
_OPEN = ("/health", "/ready")


def describe(app: FastAPI) -> None:
    """Have the application describe itself so; the document is made once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            parts = found.setdefault("components", {})
            schemas = parts.setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for name, schema in (("Answer", answer_schema()), ("Triage", triage_schema())):
                schemas |= _components(name, schema)
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, operations in found["paths"].items():
                for operation in operations.values():
                    operation["security"] = [] if path in _OPEN else [{"key": []}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document


def _components(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema and what it defines, as components whose names begin with this one."""
    definitions: dict[str, Any] = schema.get("$defs", {})
    whole = {key: value for key, value in schema.items() if key not in {"$defs", "$schema", "$id"}}
    moved = {f"{name}{key}": value for key, value in definitions.items()}
    return {key: _moved(value, name) for key, value in {name: whole, **moved}.items()}


def _moved(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            if key == "$ref" and isinstance(one, str):
                found[key] = one.replace("#/$defs/", f"#/components/schemas/{name}")
            else:
                found[key] = _moved(one, name)
        return found
    return [_moved(one, name) for one in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
