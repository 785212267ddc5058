"""Nothing is ever written in a user's repository, and nothing in it ever runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repositories import git, make_repository


def listing(folder: Path) -> dict[str, tuple]:
    """Everything below a folder, `.git` included: kind and mode, time of change, size, content."""
    return dict(_entries(folder))


def _entries(folder: Path) -> Iterator[tuple[str, tuple]]:
    for path in sorted([folder, *folder.rglob("*")]):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        yield str(path), (state.st_mode, state.st_mtime_ns, state.st_ctime_ns, state.st_size, content)


def every_command(shop, answer: Path) -> list[list[str | Path]]:
    return [
        ["ask", "where is the postage computed?"],
        ["index", "--rebuild"],
        ["search", "--history", "zone"],
        ["search", "--regex", "def "],
        ["ask", "how are parcels weighed?", "--rev", "HEAD~1"],
        ["status"],
        ["verify", answer],
        ["show", "README.md:1"],
        ["doctor"],
        ["gc"],
        ["remove", "parcels"],
    ]


def test_no_command_writes_in_a_repository(new_shop, tmp_path) -> None:
    """Content, names, modes and times stay, also where git itself would refresh its index."""
    answer = tmp_path / "answer.json"
    answer.write_text(new_shop("ask", "where is the postage computed?", "--json").stdout)
    (new_shop.parcels / "README.md").write_text("# Changed\n")
    (new_shop.parcels / "untracked.txt").write_text("Not committed.\n")
    for path in new_shop.parcels.rglob("*.py"):
        os.utime(path)  # git would refresh its index now
    before = listing(new_shop.parcels)
    for command in every_command(new_shop, answer):
        done = new_shop(*command)
        assert done.returncode == 0, (command, done.stderr)
        assert listing(new_shop.parcels) == before, command
    time.sleep(0.5)  # a process in the background may not either
    assert listing(new_shop.parcels) == before


def test_a_plain_folder_is_not_written_either(new_shop) -> None:
    """Its tree id is computed without a repository in it."""
    (new_shop.notes / "opening.txt").write_text("The shop opens at nine.\n")
    before = listing(new_shop.notes)
    for command in (["index", new_shop.notes], ["ask", "when does the shop open?", "--repo", "notes"]):
        assert new_shop(*command, cwd=new_shop.notes).returncode == 0
        assert listing(new_shop.notes) == before


def test_a_repository_that_cannot_be_written_is_read(new_shop, unprivileged) -> None:
    """Every file and folder closed to writing."""
    everything = [new_shop.parcels, *new_shop.parcels.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        done = new_shop("ask", "where is the postage computed?", before=unprivileged)
        assert done.returncode == 0, done.stderr
        assert new_shop("search", "--regex", "def ", before=unprivileged).returncode == 0
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture
def trapped(tmp_path: Path) -> tuple[Path, Path]:
    """A repository with modules named like those that loccit imports, and the folder for the marks that they
    would leave.
    """
    marks = tmp_path / "marks"
    marks.mkdir()
    trap = f"import pathlib\npathlib.Path({str(marks)!r}, __name__).touch()\n"
    names = ["json", "os", "pickle", "re", "sitecustomize", "typing", "usercustomize"]
    packages = ["loccit", "loky", "multiprocessing", "numpy", "pathlib", "typer"]
    files = {f"{name}.py": trap for name in names}
    files |= {
        f"{name}/__init__.py": trap.replace("import pathlib\n", "import os as pathlib\n") for name in packages
    }
    # As much as makes it worth while to parse in processes of their own.
    files |= {
        f"src/module_{n}.py": "".join(
            f"def function_{n}_{k}(first, second):\n    return first * {k} + second\n\n\n"
            for k in range(1500)
        )
        for n in range(32)
    }
    make_repository(tmp_path / "trapped", [{"files": files}])
    return tmp_path / "trapped", marks


def test_python_modules_of_a_repository_never_run(installed, trapped, tmp_path) -> None:
    """Not in the process, not in those that parse, not in the one that reads the history."""
    repository, marks = trapped
    home = {"LOCCIT_HOME": str(tmp_path / "home")}
    done = installed("ask", "where is function_7_700 defined?", cwd=repository, env=home)
    assert done.returncode == 0, done.stderr
    ends = time.monotonic() + 30
    while "history: 1 commit" not in installed("status", cwd=repository, env=home).stdout:
        assert time.monotonic() < ends, "no history after 30 s"
        time.sleep(0.5)
    assert list(marks.iterdir()) == []
    assert git(repository, "status", "--porcelain") == ""
