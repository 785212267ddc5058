"""The published schema, example and page of datasets are those of the code, and the example is true."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from loccit.core.errors import MalformedDataset
from loccit.evals.dataset_schema import json_schema
from loccit.evals.datasets import dataset_lines, parse_dataset, read_dataset

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = REFERENCE / "loccit-dataset-1.example.jsonl"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dataset_format", ROOT / "scripts" / "dataset_format.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_files_are_up_to_date(generator: ModuleType) -> None:
    """`python scripts/dataset_format.py` writes them again."""
    stale = [path.name for path, text in generator.generated().items() if path.read_text("utf-8") != text]
    assert stale == []


def test_the_schema_is_a_schema_and_every_line_of_the_example_fits_it() -> None:
    """Draft 2020-12, by an independent validator."""
    assert json.loads((REFERENCE / "loccit-dataset-1.schema.json").read_text("utf-8")) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for line in EXAMPLE.read_text("utf-8").splitlines():
        VALIDATOR.validate(json.loads(line))


def test_the_example_is_read_and_written_the_same() -> None:
    dataset = read_dataset(EXAMPLE)
    assert b"".join(dataset_lines(dataset)) == EXAMPLE.read_bytes()
    assert {sample.job.value for sample in dataset.samples} == {"ask", "triage", "fix"}


def test_the_places_of_the_example_are_there(generator: ModuleType, tmp_path: Path) -> None:
    """In the repository that the script writes, at the commits that the samples name."""
    generator.write_example_repository(tmp_path / "parcels")

    def text_of(commit: str, path: str) -> str:
        command = ["git", "cat-file", "blob", f"{commit}:{path}"]
        done = subprocess.run(command, cwd=tmp_path / "parcels", capture_output=True, text=True, check=True)
        return done.stdout

    for sample in read_dataset(EXAMPLE).samples:
        for path in sample.gold.files:
            assert text_of(sample.commit or "HEAD", path)
        for function in sample.gold.functions:
            path, _, name = function.partition("::")
            assert f"def {name}(" in text_of(sample.commit or "HEAD", path)
        for lines in sample.gold.passages:
            listed = text_of(sample.commit or "HEAD", lines.path).splitlines()
            assert lines.end_line <= len(listed)


GOOD = {"id": "x", "question": "why?", "gold": {"files": ["a.py"]}}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"question": None},
        {"job": "guess"},
        {"more": 1},
        {"commit": "abc"},
        {"gold": {"file": ["a.py"]}},
        {"gold": {"passages": [{"path": "a", "start_line": 0, "end_line": 1}]}},
        {"slices": {"kind": 1}},
    ],
)
def test_what_the_schema_refuses_is_refused_by_the_reader_too(changes: dict[str, object]) -> None:
    """And what both take, both take."""
    VALIDATOR.validate(GOOD)
    parse_dataset(json.dumps(GOOD).encode(), name="x")
    document = {**GOOD, **changes}
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(MalformedDataset, match="line 1"):
        parse_dataset(json.dumps(document).encode(), name="x")
