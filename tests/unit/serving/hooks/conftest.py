"""A server that trackers tell of issues, and the trackers."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loccit.serving.options import TrackerOptions
from loccit.settings import Settings
from tests.servers import Server, running
from tests.servers import index_two as make_two
from tests.trackers import SECRET, FakeGitLab, FakeTracker, Serve


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two indexed repositories, `open` and `closed`."""
    folder = tmp_path_factory.mktemp("hooks")
    make_two(folder, folder / "home")
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A home folder of its own, over the same index."""
    return Path(shutil.copytree(made / "home", tmp_path / "home"))


@pytest.fixture
def github() -> Generator[FakeTracker]:
    fake = FakeTracker()
    yield fake
    fake.close()


@pytest.fixture
def gitlab() -> Generator[FakeGitLab]:
    fake = FakeGitLab()
    yield fake
    fake.close()


@pytest.fixture
def serve(home: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Runs a server that these trackers tell of issues, with quick answers to faults."""
    monkeypatch.setenv("LOCCIT_HOOK_SECRET", SECRET)
    monkeypatch.setenv("LOCCIT_WRITE_TOKEN", "write-token")
    monkeypatch.setenv("LOCCIT_TRACKER_TOKEN", "read-token")
    monkeypatch.setattr("loccit.serving.hooks.deliveries._FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("loccit.serving.hooks.worker._LOOKS_EVERY_S", 0.05)

    @contextmanager
    def serving(*trackers: TrackerOptions, **changed: Any) -> Generator[Server]:
        settings = Settings.load(home)
        sources = replace(settings.sources, tracker_backoff_s=0.01, tracker_attempts=3, tracker_wait_s=0.5)
        with running(home, replace(settings, sources=sources), trackers=trackers, **changed) as server:
            yield server

    return serving
