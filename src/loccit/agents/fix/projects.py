"""How a project is tested, formatted and linted, told from its files: nothing of it runs to find out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from loccit.agents.fix.junit import Case, CaseOutcome, cases_of
from loccit.core.errors import InputError
from loccit.core.source import FileRole
from loccit.core.visible import one_line, visible
from loccit.sources.roles import role_of

RESULTS = ".loccit-results.xml"
_MOST_OUTPUT = 12_000
_PYTEST_USAGE = 4
_GO_TEST = re.compile(r"^func (Test\w+)\(", re.MULTILINE)


class Language(StrEnum):
    """What a project is written in, as far as its tests go."""

    PYTHON = "python"
    NODE = "node"
    GO = "go"


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the sandbox. `results` is the file that it leaves what it found in, empty for none."""

    words: tuple[str, ...]
    results: str = ""

    def without_own_options(self) -> Command:
        """The same without the options that the project's configuration adds."""
        return Command((*self.words, "-o", "addopts="), self.results)


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of running tests. `problem` says why that is no result at all, and is empty where it is one.

    `output` is the end of what was printed, with everything written out that a terminal would obey.
    """

    words: tuple[str, ...]
    cases: tuple[Case, ...]
    code: int | None
    output: str
    seconds: float
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether something passed, nothing failed, and the runner says so too."""
        some = any(case.outcome is CaseOutcome.PASSED for case in self.cases)
        return not self.problem and self.code == 0 and some and not self.bad

    @property
    def bad(self) -> frozenset[str]:
        """The ids of the cases that did not do what they should."""
        return frozenset(case.id for case in self.cases if case.is_bad)

    def count(self, outcome: CaseOutcome) -> int:
        """How many cases ended so."""
        return sum(case.outcome is outcome for case in self.cases)

    def summary(self) -> str:
        """What ran, and what of it passed: the same for equal results."""
        if self.problem:
            return self.problem
        parts = [f"{self.count(outcome)} {outcome.value}" for outcome in CaseOutcome if self.count(outcome)]
        return ", ".join(parts) or "no tests"


@dataclass(frozen=True, slots=True)
class Project:
    """A project's language, and the tools that it configures: names of what formats and what lints it.

    `python_path` are the folders that its tests import from.
    """

    language: Language
    formatter: str = ""
    linter: str = ""
    python_path: tuple[str, ...] = (".",)

    def test_command(self, paths: Sequence[str], read: Callable[[str], bytes | None]) -> Command:
        """What runs these test files, without any all tests. Raises InputError for what is no test file."""
        for path in paths:
            if not self.is_test(path):
                raise InputError(f"{path!r} is no test file", next_step=f"name it as in {self.example()!r}")
        if self.language is Language.PYTHON:
            options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
            where = f"pythonpath={' '.join(self.python_path)}"
            words = ["python", "-m", "pytest", *options, "-o", where, f"--junitxml={RESULTS}", *paths]
            return Command(tuple(words), RESULTS)
        if self.language is Language.NODE:
            reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
            kept = ["--test-reporter=junit", f"--test-reporter-destination={RESULTS}"]
            return Command(("node", "--test", *reporters, *kept, *paths), RESULTS)
        folders = sorted({f"./{path.rpartition('/')[0]}".rstrip("/") for path in paths}) or ["./..."]
        names = [
            name
            for path in paths
            for name in _GO_TEST.findall((read(path) or b"").decode("utf-8", "replace"))
        ]
        only = ["-run", f"^({'|'.join(names)})$"] if names else []
        return Command(("go", "test", "-json", "-count=1", *only, *folders))

    def tested(
        self,
        command: Command,
        *,
        code: int | None,
        stdout: bytes,
        stderr: bytes,
        results: bytes | None,
        stopped_by: str,
        seconds: float,
    ) -> Tested:
        """What a run of `test_command` found."""
        output = visible((stdout + stderr).decode("utf-8", "replace")[-_MOST_OUTPUT:])
        if stopped_by:
            problem = f"the tests were stopped: {stopped_by}"
            return Tested(command.words, (), code, output, seconds, problem)
        try:
            cases, said = (
                _go_cases(stdout) if self.language is Language.GO else (cases_of(results or b""), "")
            )
        except InputError:
            last = one_line((output.strip().splitlines() or ["it said nothing"])[-1])[:200]
            problem = f"the test runner ended with code {code} and left no results: {last}"
            return Tested(command.words, (), code, output, seconds, problem)
        return Tested(command.words, cases, code, visible(said[-_MOST_OUTPUT:]) or output, seconds)

    def lacks_plugins(self, code: int | None, stderr: bytes) -> bool:
        """Whether the runner refused options that plugins of it would know."""
        is_usage = code == _PYTEST_USAGE and b"unrecognized arguments" in stderr
        return self.language is Language.PYTHON and is_usage

    def is_test(self, path: str) -> bool:
        """Whether a file is one that the runner takes tests from."""
        name = path.rpartition("/")[2]
        if self.language is Language.PYTHON:
            return name.endswith(".py") and (
                name.startswith("test") or name[:-3].endswith(("_test", "_tests"))
            )
        if self.language is Language.GO:
            return name.endswith("_test.go")
        return name.endswith((".js", ".mjs", ".cjs")) and role_of(path) is FileRole.TEST

    def example(self) -> str:
        """The name of a test file."""
        return {
            Language.PYTHON: "tests/test_parser.py",
            Language.NODE: "test/parser.test.js",
            Language.GO: "parser/parser_test.go",
        }[self.language]

    def format_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """What formats these files in place; nothing where the project configures nothing."""
        return {
            "ruff": ("python", "-m", "ruff", "format", "--no-cache", *paths),
            "black": ("python", "-m", "black", "-q", *paths),
            "gofmt": ("gofmt", "-w", *paths),
            "prettier": ("node", "node_modules/prettier/bin/prettier.cjs", "--write", *paths),
        }.get(self.formatter, ())

    def lint_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """What lints these files, one finding a line; nothing where the project configures nothing."""
        return {
            "ruff": ("python", "-m", "ruff", "check", "--no-cache", "--output-format=concise", *paths),
            "flake8": ("python", "-m", "flake8", *paths),
            "go vet": ("go", "vet", *sorted({f"./{path.rpartition('/')[0]}".rstrip("/") for path in paths})),
            "eslint": ("node", "node_modules/eslint/bin/eslint.js", "--format=unix", *paths),
        }.get(self.linter, ())

    def is_source(self, path: str) -> bool:
        """Whether its formatter and linter take a file."""
        endings = {
            Language.PYTHON: (".py", ".pyi"),
            Language.NODE: (".js", ".mjs", ".cjs", ".ts"),
            Language.GO: (".go",),
        }
        return path.endswith(endings[self.language])


def project_of(paths: Collection[str], read: Callable[[str], bytes | None]) -> Project | None:
    """What kind of project these files are; None where it is none whose tests can be run."""
    if "go.mod" in paths:
        return Project(Language.GO, "gofmt", "go vet")
    if "package.json" in paths and not _is_python(paths):
        return Project(Language.NODE, *_node_tools(paths, read))
    if _is_python(paths) or any(path.endswith(".py") for path in paths):
        return Project(Language.PYTHON, *_python_tools(paths, read), python_path=_python_path(paths, read))
    return None


def _is_python(paths: Collection[str]) -> bool:
    return any(name in paths for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def _python_tools(paths: Collection[str], read: Callable[[str], bytes | None]) -> tuple[str, str]:
    """The formatter and the linter that a Python project configures."""
    tools = _table(_toml(read("pyproject.toml")), "tool")
    hooks = (read(".pre-commit-config.yaml") or b"").decode("utf-8", "replace")
    ruff = _table(tools, "ruff")
    has_ruff = "ruff" in tools or "ruff.toml" in paths or ".ruff.toml" in paths
    formatter = "ruff" if "format" in ruff or "id: ruff-format" in hooks else ""
    if not formatter and ("black" in tools or re.search(r"id: black\b", hooks)):
        formatter = "black"
    linter = "ruff" if has_ruff or re.search(r"id: ruff(-check)?\s", hooks) else ""
    ini = b"".join(read(name) or b"" for name in ("setup.cfg", "tox.ini"))
    if not linter and (".flake8" in paths or b"[flake8]" in ini or "id: flake8" in hooks):
        linter = "flake8"
    return formatter, linter


def _python_path(paths: Collection[str], read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """The folders that a project says its tests import from, then `src` and the top."""
    options = _table(_table(_table(_toml(read("pyproject.toml")), "tool"), "pytest"), "ini_options")
    own = options.get("pythonpath", ())
    found = own.split() if isinstance(own, str) else [str(each) for each in own]
    for name in ("pytest.ini", "tox.ini", "setup.cfg"):
        line = re.search(
            r"^pythonpath[ \t]*=[ \t]*([^\n]+)", (read(name) or b"").decode("utf-8", "replace"), re.M
        )
        found += line[1].split() if line else []
    if any(path.startswith("src/") and path.endswith(".py") for path in paths):
        found.append("src")
    return tuple(dict.fromkeys([*(each for each in found if re.fullmatch(r"[\w./-]+", each)), "."]))


def _node_tools(paths: Collection[str], read: Callable[[str], bytes | None]) -> tuple[str, str]:
    try:
        package: Any = json.loads(read("package.json") or b"{}")
    except ValueError:
        package = {}
    development = _table(package, "devDependencies")
    top = {path for path in paths if "/" not in path}
    has_eslint = any(name.startswith((".eslintrc", "eslint.config.")) for name in top)
    return (
        "prettier" if "prettier" in development else "",
        "eslint" if has_eslint and "eslint" in development else "",
    )


def _toml(data: bytes | None) -> Any:
    try:
        return tomllib.loads((data or b"").decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return {}


def _table(document: Any, name: str) -> dict[str, Any]:
    found = cast("dict[str, Any]", document).get(name) if isinstance(document, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _go_cases(stdout: bytes) -> tuple[tuple[Case, ...], str]:
    """The cases that `go test -json` prints, and what the tests printed. Raises InputError for none."""
    ended = {"pass": CaseOutcome.PASSED, "fail": CaseOutcome.FAILED, "skip": CaseOutcome.SKIPPED}
    cases: list[Case] = []
    said: dict[tuple[str, str], str] = {}
    for line in stdout.splitlines():
        try:
            event: Any = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        told = {str(key): str(value) for key, value in cast("dict[Any, Any]", event).items()}
        action, test = told.get("Action", ""), told.get("Test", "")
        key = (told.get("Package", told.get("ImportPath", "")), test)
        if action in {"output", "build-output"}:
            said[key] = (said.get(key, "") + told.get("Output", ""))[-_MOST_OUTPUT:]
        elif test and action in ended:
            cases.append(Case(key[0], test, ended[action], said.get(key, "")))
        elif action in {"fail", "build-fail"} and not any(case.file == key[0] for case in cases):
            cases.append(Case(key[0], "(build)", CaseOutcome.ERROR, said.get(key, "")))
    if not cases and not said:
        raise InputError("'go test' printed no events")
    return tuple(cases), "".join(said.values())
