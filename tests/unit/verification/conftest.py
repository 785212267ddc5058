"""Real repositories, made with git's plumbing so that no file system can refuse a path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test files are imported by path, so that the module they share has to be put in reach.
sys.path.insert(0, str(Path(__file__).parent))

from made_objects import FILES, RealRepository, make_repository


@pytest.fixture(params=["sha1", "sha256"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> RealRepository:
    """A repository in either object format."""
    return make_repository(tmp_path / "repository", FILES, object_format=request.param)


@pytest.fixture
def sha1_repository(tmp_path: Path) -> RealRepository:
    """A repository in the usual object format."""
    return make_repository(tmp_path / "repository", FILES)
