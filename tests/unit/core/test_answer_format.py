"""The published schema, example and page are those of the code, and the example is true."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from loccit.core.answers import Answer, CitationKind, json_schema, parse_answer
from loccit.core.errors import ObjectMissing
from loccit.core.source import GitObject
from loccit.verification import Finding, Status, verify

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = REFERENCE / "loccit-answer-1.example.json"
PAGE = REFERENCE / "answer-format.md"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("answer_format", ROOT / "scripts" / "answer_format.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parcels(generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "parcels"
    generator.write_example_repository(folder)
    return folder


@pytest.fixture
def example() -> Answer:
    return parse_answer(EXAMPLE.read_bytes())


class RepositoryReader:
    """Objects of a real repository, as git prints them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, object_id: str) -> GitObject:
        kind = self._git("cat-file", "-t", object_id)
        if kind is None:
            raise ObjectMissing(f"no object {object_id}")
        name = kind.decode().strip()
        return GitObject(name, self._git("cat-file", name, object_id) or b"")

    def _git(self, *arguments: str) -> bytes | None:
        done = subprocess.run(["git", *arguments], cwd=self._folder, capture_output=True, check=False)
        return None if done.returncode else done.stdout


def test_the_generated_files_are_up_to_date(generator: ModuleType) -> None:
    """`python scripts/answer_format.py` writes them again."""
    stale = [path.name for path, text in generator.generated().items() if path.read_text("utf-8") != text]
    assert stale == []


def test_the_schema_is_a_schema_and_the_example_fits_it() -> None:
    """Draft 2020-12, by an independent validator."""
    schema = json.loads((REFERENCE / "loccit-answer-1.schema.json").read_text("utf-8"))
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(EXAMPLE.read_text("utf-8")))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "loccit-answer/2"),
        ("outcome", "done"),
        ("confidence", 1.5),
        ("digest", "abc"),
        ("claims", None),
        ("unheard_of", 1),
    ],
)
def test_the_schema_refuses_what_the_format_refuses(field: str, value: object) -> None:
    """A wrong value, an unknown key; and every key but `run` is required."""
    document = json.loads(EXAMPLE.read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not validator.is_valid(document | {field: value})
    for key in document:
        without = {name: inner for name, inner in document.items() if name != key}
        assert validator.is_valid(without) == (key == "run")
    del document["claims"][0]["citations"][0]["path_base64"]
    assert not validator.is_valid(document)


def test_the_example_round_trips(example: Answer) -> None:
    """The file is one line in canonical form."""
    assert EXAMPLE.read_text("utf-8") == example.to_json() + "\n"


def test_the_example_is_true(example: Answer, parcels: Path) -> None:
    """Every citation holds in the repository that the script writes."""
    report = verify(example, [RepositoryReader(parcels)])
    assert report.all_reasons() == ()
    assert report.status is Status.HOLDS
    assert {citation.kind for claim in example.claims for citation in claim.citations} == {
        CitationKind.FILE,
        CitationKind.COMMIT,
    }


def shell_blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def run_by_hand(script: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the page's commands use sha256sum")
def test_the_example_can_be_checked_by_hand_as_the_page_says(parcels: Path, tmp_path: Path) -> None:
    """The page's own commands pass, and fail once the answer or the copied values are changed."""
    folder = tmp_path / "parcels"
    shutil.copytree(parcels, folder)
    digest, citation = shell_blocks()
    (folder / "answer.json").write_bytes(EXAMPLE.read_bytes())
    for script in (digest, citation):
        done = run_by_hand(script, folder)
        assert done.returncode == 0, done.stderr
    (folder / "answer.json").write_bytes(EXAMPLE.read_bytes().replace(b"carrier", b"barrier", 1))
    assert run_by_hand(digest, folder).returncode != 0
    for name in ("commit", "path", "blob", "start_byte", "end_byte", "start_line", "end_line", "sha256"):
        value = re.search(rf"^{name}=(.*)$", citation, re.MULTILINE)
        assert value is not None
        other = (
            str(int(value[1]) + 1)
            if value[1].isdigit()
            else f"{'1' if value[1][0] != '1' else '2'}{value[1][1:]}"
        )
        wrong = citation.replace(value[0], f"{name}={other}")
        assert run_by_hand(wrong, folder).returncode != 0, name


def test_the_page_names_every_field_and_every_finding() -> None:
    """Nothing of the format is left unexplained."""
    page = PAGE.read_text("utf-8")
    names = {str(finding) for finding in Finding} | {str(status) for status in Status}
    for definition in [json_schema(), *json_schema()["$defs"].values()]:
        names |= set(definition.get("properties", {})) | set(definition.get("enum", []))
    assert sorted(name for name in names if f"`{name}`" not in page) == []
