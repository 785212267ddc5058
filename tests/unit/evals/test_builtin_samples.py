"""The samples that come with loccit are true of the project that comes with loccit."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loccit import Loccit
from loccit.core.errors import StorageFailed
from loccit.evals import builtin_project
from loccit.evals.builtin_project import FOLDER, QUESTIONS, project_files, project_repository
from loccit.evals.datasets import Gold, Job, Sample, dataset_lines, parse_dataset, read_dataset
from loccit.sources.git import GitView
from tests.repositories import git, make_repository

SAMPLES = {sample.id: sample for sample in read_dataset(QUESTIONS).samples}
FILES = {path: data.decode("utf-8") for path, data in project_files().items()}
FRAME = re.compile(
    r'File "/opt/waypost/(?P<path>[^"]+)", line (?P<line>\d+), in (?P<name>\w+)\n +(?P<code>.+)'
)


def functions_of(path: str) -> set[str]:
    """The qualified names of the functions of a file, found without loccit's own parser."""
    if not path.endswith(".py"):
        return set(re.findall(r"^export (?:async )?function (\w+)\(", FILES[path], re.MULTILINE))

    def below(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                if isinstance(child, ast.FunctionDef):
                    yield ".".join([*names, child.name])
                yield from below(child, (*names, child.name))

    return set(below(ast.parse(FILES[path]), ()))


def lines_of(path: str, start: int, end: int) -> str:
    lines = FILES[path].split("\n")
    assert end <= len(lines), f"{path} has {len(lines)} lines"
    return "\n".join(lines[start - 1 : end])


def test_there_are_as_many_of_each_kind_as_the_documentation_says() -> None:
    """Questions with an answer, without one, searches and issues."""
    kinds = Counter((sample.job, sample.gold.abstain) for sample in SAMPLES.values())
    assert kinds == {
        (Job.ASK, False): 36,
        (Job.ASK, True): 12,
        (Job.SEARCH, False): 6,
        (Job.TRIAGE, False): 6,
    }


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_a_sample_says_is_right_is_in_the_project(sample: Sample) -> None:
    """Its files and functions exist, and each passage holds the words that were written down for it."""
    gold = sample.gold
    assert set(gold.files) <= FILES.keys()
    for function in gold.functions:
        path, _, name = function.partition("::")
        assert name in functions_of(path), function
        assert path in gold.files
    for number, place in enumerate(gold.passages, start=1):
        assert place.path in gold.files
        assert sample.origin[f"anchor {number}"] in lines_of(place.path, place.start_line, place.end_line)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_has_all_that_its_kind_has(sample: Sample) -> None:
    """What has an answer says it, claim by claim; samples of one document are of one group."""
    assert set(sample.slices) == {"kind", "difficulty", "names_answer"}
    gold = sample.gold
    if gold.abstain:
        assert gold == Gold(abstain=True)
        return
    assert sample.group == gold.files[0]
    if sample.job is Job.ASK:
        assert gold.answer
        assert gold.passages
        assert 1 <= len(gold.claims) <= 4
    else:
        assert gold.functions


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_that_names_its_answer_is_in_the_slice_that_says_so(sample: Sample) -> None:
    """Where the name of a right function stands in the question as a word, finding it is easier."""
    words = set(re.findall(r"\w+", sample.question.casefold()))
    names = {function.rpartition("::")[2].rpartition(".")[2].casefold() for function in sample.gold.functions}
    assert sample.slices["names_answer"] in ({"yes"} if words & names else {"yes", "no"})


def test_the_tracebacks_of_issues_are_those_of_the_project() -> None:
    """Each frame names a line of a file that says what the traceback says."""
    frames = [frame for sample in SAMPLES.values() for frame in FRAME.finditer(sample.question)]
    assert len(frames) == 8
    for frame in frames:
        at = int(frame["line"])
        assert lines_of(frame["path"], at, at).strip() == frame["code"], frame[0]
        assert frame["name"] in {name.rpartition(".")[2] for name in functions_of(frame["path"])}


def test_the_dataset_is_read_and_written_the_same() -> None:
    """Nothing that is written down is dropped when somebody copies it."""
    dataset = read_dataset(QUESTIONS)
    assert parse_dataset(b"".join(dataset_lines(dataset)), name="copy") == dataset


def test_the_projects_own_tests_pass(tmp_path: Path) -> None:
    """It is a project that works, not text that looks like one."""
    shutil.copytree(FOLDER, tmp_path / "parcels", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path / "parcels",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_repository_has_the_files_and_the_same_commit_everywhere(tmp_path: Path) -> None:
    """Byte for byte, with nothing of the machine that it was made on."""
    repository, other = (project_repository(tmp_path / home) for home in ("one", "other"))
    assert git(repository, "rev-parse", "main") == git(other, "rev-parse", "main")
    assert git(repository, "ls-tree", "-r", "--name-only", "main").splitlines() == sorted(FILES)
    for path, text in FILES.items():
        assert git(repository, "cat-file", "blob", f"main:{path}") == text.rstrip("\n")


def test_a_repository_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """The second time nothing is written."""
    repository = project_repository(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    assert project_repository(tmp_path) == repository
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


def test_a_repository_that_was_half_written_is_written_again(tmp_path: Path) -> None:
    """A kill before the ref was set leaves a folder without a commit."""
    repository = project_repository(tmp_path)
    commit = git(repository, "rev-parse", "main")
    shutil.rmtree(repository / "refs" / "heads")
    assert git(project_repository(tmp_path), "rev-parse", "main") == commit


def test_several_at_once_write_one_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run on a machine may be several: one writes, the others wait for it."""
    written: list[bytes] = []
    write = builtin_project._write

    def counted(view: GitView, stream: bytes) -> None:
        written.append(stream)
        write(view, stream)

    monkeypatch.setattr(builtin_project, "_write", counted)
    with ThreadPoolExecutor(8) as pool:
        (repository,) = set(pool.map(lambda _: project_repository(tmp_path), range(8)))
    assert len(written) == 1
    assert git(repository, "rev-list", "--count", "main") == "1"


def test_a_home_within_somebodys_repository_does_not_make_that_one_the_project(tmp_path: Path) -> None:
    """As in a pipeline that keeps everything in its checkout."""
    make_repository(tmp_path / "theirs", [{"files": {"theirs.py": "x = 1\n"}}])
    loccit = Loccit(tmp_path / "theirs" / ".loccit")
    indexed = loccit.index(project_repository(loccit.home))
    assert indexed.repository.name == "waypost"
    assert loccit.search("check digit", repos=["waypost"])


def test_what_python_compiled_is_no_file_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installing a wheel compiles the files that end in .py, also those that are data."""
    shutil.copytree(FOLDER, tmp_path / "parcels", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "parcels" / "src" / "waypost" / "__pycache__").mkdir()
    (tmp_path / "parcels" / "src" / "waypost" / "__pycache__" / "api.cpython-311.pyc").write_bytes(b"\0")
    monkeypatch.setattr(builtin_project, "FOLDER", tmp_path / "parcels")
    assert set(project_files()) == FILES.keys()


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the place, and what to do."""
    (tmp_path / "builtin").write_text("a file where the folder should be")
    with pytest.raises(StorageFailed, match="cannot write") as told:
        project_repository(tmp_path)
    assert "LOCCIT_HOME" in (told.value.next_step or "")
