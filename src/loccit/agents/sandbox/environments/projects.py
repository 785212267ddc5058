"""What kind of project some files are, and how its tests are run. Nothing of it is run to find out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

Kind = Literal["python", "node", "go", ""]

_PYTHON = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini", "pytest.ini")
_TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")
_CONFIGURES_PYTEST = re.compile(rb"^\[(tool\.pytest(\.ini_options)?|tool:pytest|pytest)\]", re.MULTILINE)
_NAMES_PYTEST = re.compile(rb"\bpytest\b")
_NO_TESTS = "no test specified"


@dataclass(frozen=True, slots=True)
class Project:
    """kind: of which language, empty where it cannot be told. test_command: empty where there is none."""

    kind: Kind
    test_command: tuple[str, ...]


def understand(files: Mapping[str, bytes]) -> Project:
    """What the files of a project say of it; paths are relative to its folder."""
    if any(name in files for name in _PYTHON):
        return Project("python", _python_tests(files))
    if "go.mod" in files:
        return Project("go", ("go", "test", "./..."))
    if "package.json" in files:
        return Project("node", _node_tests(files["package.json"]))
    if any(path.endswith(".py") for path in files):
        return Project("python", _python_tests(files))
    return Project("", ())


def package_json(data: bytes) -> dict[str, Any]:
    """What a package.json holds, nothing where it is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _python_tests(files: Mapping[str, bytes]) -> tuple[str, ...]:
    tests = [path for path in files if _TEST_FILE.search(path)]
    settings = [files[name] for name in _PYTHON if name in files]
    asks = any(_CONFIGURES_PYTEST.search(data) for data in settings) or "pytest.ini" in files
    names = any(_NAMES_PYTEST.search(data) for data in (*settings, *(files[path] for path in tests)))
    has_conftest = any(path.rpartition("/")[2] == "conftest.py" for path in files)
    if asks or has_conftest or (names and tests):
        return ("python", "-m", "pytest")
    return ("python", "-m", "unittest", "discover") if tests else ()


def _node_tests(data: bytes) -> tuple[str, ...]:
    scripts = package_json(data).get("scripts")
    test = cast("dict[str, Any]", scripts).get("test") if isinstance(scripts, dict) else None
    if not isinstance(test, str) or not test or _NO_TESTS in test:
        return ()
    return ("npm", "test", "--silent")
