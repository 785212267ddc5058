"""What is made once for a run is made once, whole, whoever asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.once import made_once


class Worker:
    """As far as it matters here, the temporary folders of one of several processes."""

    def __init__(self, run: Path, name: str) -> None:
        self.own = run / f"popen-{name}"

    def getbasetemp(self) -> Path:
        return self.own


def test_all_are_given_the_one_folder_that_one_of_them_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait until it is whole."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    makers: list[str] = []

    def ask(name: str) -> list[Path]:
        def make(folder: Path) -> None:
            makers.append(name)
            folder.mkdir()
            time.sleep(0.1)
            (folder / "whole").touch()

        return list(made_once(Worker(tmp_path, name), "thing", make).iterdir())  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(ask, ["gw0", "gw1", "gw2", "gw3"]))
    assert given == [[tmp_path / "thing" / "whole"]] * 4
    assert len(makers) == 1


def test_what_failed_is_made_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody is given half a thing."""

    def fail(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").touch()
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        made_once(tmp_path_factory, "half", fail)
    assert list(made_once(tmp_path_factory, "half", Path.mkdir).iterdir()) == []
    assert list(made_once(tmp_path_factory, "half", fail).iterdir()) == []
