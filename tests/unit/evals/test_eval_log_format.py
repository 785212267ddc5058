"""The published schema, example and page of an evaluation's log are those of the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from loccit.evals.log import Journal, read_log, write_log
from loccit.evals.log_schema import json_schema

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = REFERENCE / "loccit-eval-1.example.jsonl"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("eval_log_format", ROOT / "scripts" / "eval_log_format.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((REFERENCE / "loccit-eval-1.schema.json").read_text("utf-8"))
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_generated_files_are_up_to_date(generator: ModuleType) -> None:
    """`python scripts/eval_log_format.py` writes them again."""
    stale = [path.name for path, text in generator.generated().items() if path.read_text("utf-8") != text]
    assert stale == []


def test_every_line_of_a_finished_log_fits_the_schema(validator: jsonschema.Draft202012Validator) -> None:
    """By an independent validator, draft 2020-12."""
    for line in EXAMPLE.read_text("utf-8").splitlines():
        validator.validate(json.loads(line))


def test_every_line_of_an_unfinished_log_fits_the_schema(
    validator: jsonschema.Draft202012Validator, tmp_path: Path
) -> None:
    """Also the notes that a sample was begun."""
    log = read_log(EXAMPLE)
    journal = Journal.begin(tmp_path / "log.jsonl", log.header)
    journal.starts("retries-how-often", 0)
    journal.add(log.entries[0])
    journal.close()
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 3
    for line in lines:
        validator.validate(json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        '{"end": {"entries": 1}}',
        '{"begun": ["a"]}',
        '{"begun": ["a", 0], "more": 1}',
        '{"sample": {"id": "a", "question": "b"}, "scores": {}}',
        '{"sample": {"id": "a", "question": "b"}, "output": {"outcome": "guessed"}, "scores": {}}',
        '{"task": "a", "dataset": {}, "system": {}, "scorers": {}, "metrics": {}, "version": "1"}',
    ],
)
def test_what_is_no_line_of_a_log_does_not_fit(validator: jsonschema.Draft202012Validator, line: str) -> None:
    """The schema says something."""
    assert not validator.is_valid(json.loads(line))


def test_the_example_is_read_and_written_the_same(tmp_path: Path) -> None:
    """It is complete, its digest is its own, and its bytes are those that are written of what was read."""
    log = read_log(EXAMPLE)
    assert log.is_complete
    assert log.end is not None
    write_log(tmp_path / "copy.jsonl", log.header, log.entries, log.end.run)
    assert (tmp_path / "copy.jsonl").read_bytes() == EXAMPLE.read_bytes()
