"""A home folder of loccit for each test, and the door to `sources` in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
