"""The published schema of a fix is that of the code, and what is no such document is refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from loccit.core.documents import digest_of
from loccit.core.errors import MalformedAnswer
from loccit.core.fixes import Fix, FixOutcome, json_schema, parse_fix, seal

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


def example() -> Fix:
    """A run that came to nothing: the smallest document there is."""
    return seal(
        issue={
            "origin": "text",
            "title": "It fails",
            "sha256": "0" * 64,
            "characters": 8,
            "read": 8,
        },
        repo="parcels",
        base="1" * 40,
        outcome=FixOutcome.NOT_REPRODUCED,
        why="no test shows it",
        understood=(),
        reproduction=None,
        plan="",
        reasons=(),
        dropped=(),
        steps=(),
        checks=(),
        reviews=(),
        repairs=0,
        not_verified=("everything",),
        lesson=None,
        branch=None,
        diff="",
        snapshots=(),
    )


def test_the_published_schema_is_current() -> None:
    published = json.loads((REFERENCE / "loccit-fix-1.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema()


def test_a_document_fits_the_schema_and_reads_back() -> None:
    made = example()
    jsonschema.validate(json.loads(made.to_json()), json_schema())
    assert parse_fix(made.to_json().encode()) == made
    assert made.digest == digest_of(made.model_dump(mode="json"))


@pytest.mark.parametrize("key", ["outcome", "checks", "base", "not_verified"])
def test_a_document_without_a_key_is_refused(key: str) -> None:
    document = json.loads(example().to_json())
    del document[key]
    with pytest.raises(MalformedAnswer):
        parse_fix(json.dumps(document).encode())
