"""A home folder of loccit for each test, and the door to `sources` in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from loccit.sources import Repository, SourceOptions, open_repository

Open = Callable[..., Repository]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder outside of what is read."""
    return tmp_path / "loccit-home"


@pytest.fixture
def open_at(home: Path) -> Open:
    """Opens a location, with options by name."""

    def opening(location: Path | str, **options: object) -> Repository:
        return open_repository(str(location), home=home, options=SourceOptions(**options))

    return opening


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user of the machine can look into: pytest's own are the tester's alone."""
    folder = Path(tempfile.mkdtemp(prefix="loccit-tests-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=True)
    shutil.rmtree(folder)


@pytest.fixture
def as_ordinary_user() -> Callable[[Callable[[], str]], str]:
    """Runs a function as a user whom permissions bind, and gives back the text that it returns.

    For root this is a child process that has become nobody (it can import nothing new); for anybody else it
    is a call.
    """

    def running(function: Callable[[], str]) -> str:
        if os.geteuid():
            return function()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _become_nobody_and_tell(function, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read().decode()
        assert os.waitpid(child, 0)[1] == 0, text
        return text

    return running


def _become_nobody_and_tell(function: Callable[[], str], writing: int) -> NoReturn:
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        text, code = function(), 0
    except BaseException:  # noqa: BLE001  # the parent must hear of it, and the child must not go on
        text, code = traceback.format_exc(), 1
    os.write(writing, text.encode())
    os._exit(code)
