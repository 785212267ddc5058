"""The results that a model must give at the end of each part of a fix: JSON Schemas, and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REASON: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "text": {
            "type": "string",
            "minLength": 1,
            "description": "What you claim about the code, in a sentence.",
        },
        "path": {"type": "string", "minLength": 1},
        "start_line": {"type": "integer", "minimum": 1},
        "end_line": {"type": "integer", "minimum": 1},
    },
    "required": ["text", "path", "start_line", "end_line"],
    "additionalProperties": False,
}


def _form(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


REPRODUCED = _form(
    {
        "found": {"type": "boolean", "description": "Whether a test shows the issue."},
        "reason": {
            "type": "string",
            "minLength": 1,
            "description": "Why that failure is the issue; or why not.",
        },
    },
    {
        "test": {"type": "string", "description": "The path of the test file."},
        "failure": {
            "type": "string",
            "description": "A line or two of what the test runner said, copied exactly, that show the issue.",
        },
    },
)
PLANNED = _form(
    {
        "plan": {
            "type": "string",
            "minLength": 1,
            "description": "The cause and the change, in a few sentences.",
        },
        "reasons": {"type": "array", "items": _REASON, "description": "With lines of the files as they are."},
    }
)
EDITED = _form(
    {
        "done": {"type": "boolean", "description": "Whether the issue is fixed."},
        "summary": {
            "type": "string",
            "minLength": 1,
            "description": "The change, as for a commit message; or why not.",
        },
    },
    {
        "look_at": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": "What a person should look at that tests do not show.",
        },
        "lesson": _form(
            {"title": {"type": "string", "minLength": 1}, "text": {"type": "string", "minLength": 1}}
        ),
    },
)
REVIEWED = _form(
    {
        "approved": {"type": "boolean", "description": "Whether there is nothing to object to."},
        "objections": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": "Each in a sentence that says where and why.",
        },
    }
)
