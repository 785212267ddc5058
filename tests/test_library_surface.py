"""The public surface is what docs/reference/library.md says: names, methods, parameters, defaults, errors."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import loccit
from loccit import Loccit, LoccitError

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "library.md"


def documented_calls() -> list[str]:
    """The headings of the page that show a call or an attribute, in order."""
    return re.findall(r"^### `(.+)`$", PAGE.read_text(), re.MULTILINE)


def first_cells(heading: str) -> list[list[str]]:
    """The code words of each row's first cell, and of its second if that is code alone, below a heading."""
    (section,) = (
        part
        for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
        if part.startswith(f"{heading}\n")
    )
    rows = re.findall(r"^\| (`.+?) \| (.*?) \|", section, re.MULTILINE)
    return [[*re.findall(r"`([^`]+)`", first), *re.findall(r"^`([^`]+)`$", second)] for first, second in rows]


def call_of(name: str, member: object) -> str:
    """A call as the page shows it: parameters with defaults, without types and without `self`."""
    if isinstance(member, property):
        return f"Loccit.{name}"
    assert callable(member)
    parameters = list(inspect.signature(member).parameters.values())[1:]
    shown: list[str] = []
    for number, parameter in enumerate(parameters):
        is_first_of_kind = number == 0 or parameters[number - 1].kind is not parameter.kind
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and is_first_of_kind:
            shown.append("*")
        default = parameter.default
        if default is inspect.Parameter.empty:
            shown.append(parameter.name)
        else:
            shown.append(f"{parameter.name}={getattr(default, '__name__', None) or repr(default)}")
    called = "Loccit" if name == "__init__" else f"Loccit.{name}"
    return f"{called}({', '.join(shown)})"


def test_every_public_method_is_documented_as_it_is_called() -> None:
    """The page shows each method of `Loccit` once, with its parameters and defaults, in the class's order."""
    members = [
        (name, member)
        for name, member in vars(Loccit).items()
        if name == "__init__" or not name.startswith("_")
    ]
    assert documented_calls() == [call_of(name, member) for name, member in members]


def test_every_public_name_is_documented_once() -> None:
    """`loccit.__all__` is the class, the values and the errors of the page."""
    values = [name for row in first_cells("Values") for name in row]
    errors = [row[0] for row in first_cells("Errors")]
    documented = ["Loccit", *values, *errors]
    assert sorted(documented) == sorted(loccit.__all__)


def test_every_error_stands_below_the_one_that_the_page_names() -> None:
    """The second column of the errors is each one's parent, and all of them are of one tree."""
    for name, parent in first_cells("Errors"):
        error = getattr(loccit, name)
        assert issubclass(error, LoccitError)
        assert error.__bases__[0].__name__ == parent


@pytest.mark.parametrize("name", loccit.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """What `__all__` promises is there, and says what it is."""
    found = getattr(loccit, name)
    assert isinstance(found, str) or inspect.getdoc(found)


def test_a_name_that_is_not_there_is_refused_as_usual() -> None:
    """The lazy front door answers like any module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loccit.nothing  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Errors can be caught by name without numpy, pydantic, typer or a grammar being imported."""
    heavy = "{'numpy', 'pydantic', 'rich', 'sqlite3', 'tree_sitter', 'typer'}"
    program = f"import sys, loccit; loccit.LoccitError; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_is_marked_as_typed() -> None:
    """Type checkers of other projects read our annotations."""
    spec = importlib.util.find_spec("loccit")
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").exists()


@pytest.mark.parametrize(
    "method", [name for name, member in vars(Loccit).items() if not name.startswith("_") and callable(member)]
)
def test_every_method_is_annotated_whole(method: str) -> None:
    """Each parameter and the result have a type, and the method says what it gives."""
    function = getattr(Loccit, method)
    signature = inspect.signature(function)
    named = list(signature.parameters.values())[1:]
    assert all(parameter.annotation is not inspect.Parameter.empty for parameter in named)
    assert signature.return_annotation is not inspect.Signature.empty
    assert inspect.getdoc(function)
