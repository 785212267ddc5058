"""The JSON Schema of a line of a `loccit-eval/1` file."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from loccit.evals.log import FORMAT, Entry, LogEnd, LogHeader


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line: the header, an entry, the end, or in an unfinished log a
    note that a sample was begun.

    That the header is first and the end last, and that the digest is right, no schema says: `read_log` does.
    """
    _, shared = models_json_schema([(model, "validation") for model in (LogHeader, Entry, LogEnd)])
    definitions = shared["$defs"]
    # What has a format is the header, and nothing else.
    definitions["LogHeader"]["required"] = ["format", *definitions["LogHeader"]["required"]]
    definitions["EndLine"] = _only("end", {"$ref": "#/$defs/LogEnd"})
    definitions["BegunLine"] = _only(
        "begun",
        {
            "description": "The sample's id, and which repeat of it.",
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "integer", "minimum": 0}],
            "minItems": 2,
            "items": False,
        },
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:loccit:{FORMAT.replace('/', ':')}",
        "title": FORMAT,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("LogHeader", "Entry", "EndLine", "BegunLine")],
        "$defs": definitions,
    }


def _only(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """An object with this key alone."""
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}
