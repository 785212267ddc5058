"""What people install: the wheel's contents, its command, and how much disk it takes."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "loccit"
# The project and the samples of the built-in evaluation: data, whatever they end in.
BUILT_IN = PACKAGE / "evals" / "builtin"
BUILT_IN_KB = 300
LIMIT_MB = 250

pytestmark = pytest.mark.wheel


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_package_and_nothing_else(installed) -> None:
    """Every source file is in it; beyond them there are only the metadata and the licence."""
    names = names_in(installed.wheel)
    inside = {name for name in names if name.startswith("loccit/")}
    on_disk = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    outside = {name.split(".dist-info/")[1] for name in names if name not in inside}
    assert inside == on_disk
    assert "loccit/py.typed" in inside
    assert outside == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_the_package_holds_only_code_and_known_data() -> None:
    """A kind of file that nobody announced here does not slip into the wheel."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    data = [path for path in files if path.is_relative_to(BUILT_IN)]
    kinds = {path.suffix for path in files if path not in data}
    assert kinds <= {".py", ".typed", ".json", ".css", ".md", ".mako", ".toml", ".html", ".js", ".svg"}
    assert {path.suffix for path in data} == {".py", ".ts", ".toml", ".yaml", ".sql", ".md", ".jsonl"}
    assert sum(path.stat().st_size for path in data) <= BUILT_IN_KB * 1000


def test_the_licence_in_the_wheel_is_the_one_of_the_repository(installed) -> None:
    """The full text travels with the code."""
    with zipfile.ZipFile(installed.wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()
    assert b"Apache License" in (ROOT / "LICENSE").read_bytes()


def test_the_installed_command_says_its_version(installed, tmp_path: Path) -> None:
    """`loccit --version` runs from the wheel, outside the checkout, with the runtime packages alone."""
    done = installed("--version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version = subprocess.run(
        [installed.python, "-c", "import loccit; print(loccit.__version__, loccit.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert version[0] in done.stdout
    assert Path(version[1]).is_relative_to(installed.site)


def test_the_tests_packages_are_not_in_the_installed_environment(installed) -> None:
    """What only the checks need cannot be imported, so a missing dependency shows."""
    done = subprocess.run(
        [installed.python, "-c", "import pytest"], capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError" in done.stderr


def size_of(entry: Path) -> int:
    """In bytes, whatever a link leads to included."""
    if entry.is_file():
        return entry.stat().st_size
    return sum(size_of(path) for path in entry.iterdir())


def test_the_installed_size_stays_under_its_limit(installed) -> None:
    """All runtime packages and loccit itself, with their compiled code: at most 250 MB on disk."""
    sizes = {entry.name: size_of(entry) / 1e6 for entry in installed.site.iterdir()}
    assert "numpy" in sizes
    assert sum(sizes.values()) <= LIMIT_MB, sorted(sizes.items(), key=lambda item: -item[1])[:10]
