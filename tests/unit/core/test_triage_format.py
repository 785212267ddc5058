"""The published schema, example and page of a triage are those of the code, and the example is true."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from loccit.core.answers import Citation
from loccit.core.documents import digest_of
from loccit.core.errors import InputError, LimitExceeded, MalformedAnswer
from loccit.core.source import GitObject
from loccit.core.triage import MAX_TRIAGE_BYTES, Triage, json_schema, parse_triage, seal
from loccit.verification import verify_citation

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = REFERENCE / "loccit-triage-1.example.json"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("triage_format", ROOT / "scripts" / "triage_format.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example() -> Triage:
    return parse_triage(EXAMPLE.read_bytes())


class RepositoryReader:
    """Objects of a real repository, as git prints them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, object_id: str) -> GitObject:
        kind = self._git("cat-file", "-t", object_id).decode().strip()
        return GitObject(kind, self._git("cat-file", kind, object_id))

    def _git(self, *arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=self._folder, capture_output=True, check=True).stdout


def citations_of(triage: Triage) -> Iterator[Citation]:
    parts = (triage.suspects, triage.similar_fixes, triage.culprits, triage.owners)
    return (citation for part in parts for one in part for citation in one.citations)


def test_the_generated_files_are_up_to_date(generator: ModuleType) -> None:
    """`python scripts/triage_format.py` writes them again."""
    stale = [path.name for path, text in generator.generated().items() if path.read_text("utf-8") != text]
    assert stale == []


def test_the_schema_is_a_schema_and_the_example_fits_it() -> None:
    """Draft 2020-12, by an independent validator."""
    schema = json.loads((REFERENCE / "loccit-triage-1.schema.json").read_text("utf-8"))
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(EXAMPLE.read_text("utf-8")))


def test_the_example_is_read_and_written_the_same(example: Triage) -> None:
    """Its bytes are those that are written of what was read, and its digest is its own."""
    assert example.to_json() + "\n" == EXAMPLE.read_text("utf-8")
    assert example.digest == digest_of(example.model_dump(mode="json"))


def test_the_citations_of_the_example_hold(generator: ModuleType, example: Triage, tmp_path: Path) -> None:
    """Against the repository that the script writes."""
    generator.write_example_repository(tmp_path / "parcels")
    cited = list(citations_of(example))
    assert len(cited) == 5
    for citation in cited:
        assert verify_citation(citation, [RepositoryReader(tmp_path / "parcels")]) == ()


def test_every_citation_that_a_reason_names_is_there(example: Triage) -> None:
    """Numbers count from 0 among the suspect's own citations."""
    for suspect in example.suspects:
        for reason in suspect.reasons:
            assert reason.citation is None or reason.citation < len(suspect.citations)


def test_a_change_of_the_content_changes_the_digest(example: Triage) -> None:
    """All but `digest` and `run` is covered."""
    fields = {
        name: getattr(example, name) for name in Triage.model_fields if name not in {"format", "digest"}
    }
    assert seal(**fields).digest == example.digest
    assert seal(**fields | {"run": None}).digest == example.digest
    assert seal(**fields | {"confidence": 0.5}).digest != example.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"outcome":"triaged"', '"outcome":"solved"'),
        ('"probability":0.81', '"probability":1.81'),
        ('"format":"loccit-triage/1"', '"format":"loccit-answer/1"'),
        ('"ask":[],', ""),
        ('"ask":[]', '"ask":[],"more":1'),
        ('"kind":"words"', '"kind":"hunch"'),
    ],
)
def test_what_is_not_of_the_format_is_refused(old: str, new: str) -> None:
    """An unknown value, a key too few or too many, another format."""
    text = EXAMPLE.read_text("utf-8")
    assert old in text
    with pytest.raises(MalformedAnswer):
        parse_triage(text.replace(old, new, 1).encode())


def test_what_is_too_large_is_refused() -> None:
    """Before it is read."""
    with pytest.raises(LimitExceeded, match="size of the triage"):
        parse_triage(b" " * (MAX_TRIAGE_BYTES + 1))


def test_what_is_no_json_names_the_command_that_makes_some() -> None:
    """The next step is that of this format, not of an answer."""
    with pytest.raises(InputError) as told:
        parse_triage(b"nonsense")
    assert "loccit triage --json" in told.value.next_step
