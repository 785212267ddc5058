"""The JSON Schema of a line of a `loccit-dataset/1` file."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from loccit.evals.datasets import FORMAT, DatasetHeader, Sample


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line: the header, which only the first may be, or a sample.

    That ids are all different, that a sample says what would be right, and that lines of a passage are in
    order, no schema says: `read_dataset` does.
    """
    _, shared = models_json_schema([(DatasetHeader, "validation"), (Sample, "validation")])
    definitions = shared["$defs"]
    # What has a format is the header, and nothing else.
    definitions["DatasetHeader"]["required"] = ["format"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:loccit:{FORMAT.replace('/', ':')}",
        "title": FORMAT,
        "oneOf": [{"$ref": "#/$defs/DatasetHeader"}, {"$ref": "#/$defs/Sample"}],
        "$defs": definitions,
    }
