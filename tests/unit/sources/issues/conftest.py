"""Trackers on loopback, a store of our own, and quick options."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Test files are imported by path, so that the module they share has to be put in reach.
sys.path.insert(0, str(Path(__file__).parent))

from loccit.core.issues import Issue
from loccit.sources.issues import IssueStore, SyncReport, open_tracker, parse_tracker, synchronise
from loccit.sources.issues.api import Token
from loccit.sources.options import SourceOptions
from servers import GitHubServer, GitLabServer

Sync = Callable[..., SyncReport]


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    """A GitHub with nothing in it."""
    server = GitHubServer()
    yield server
    server.close()


@pytest.fixture
def gitlab() -> Iterator[GitLabServer]:
    """A GitLab with nothing in it."""
    server = GitLabServer()
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path) -> IssueStore:
    """Where issues are kept."""
    return IssueStore(tmp_path / "home" / "issues")


@pytest.fixture
def sync(store: IssueStore, tmp_path: Path) -> Sync:
    """Synchronises a source, with options by name."""

    def syncing(source: str, *, full: bool = False, token: str = "", **options: object) -> SyncReport:
        chosen = SourceOptions(**{"tracker_backoff_s": 0.01, "tracker_attempts": 4, **options})
        tracker = open_tracker(
            parse_tracker(source, folder=tmp_path), token=Token(token) if token else None, options=chosen
        )
        try:
            return synchronise(tracker, store, full=full)
        finally:
            tracker.close()

    return syncing


@pytest.fixture
def kept(store: IssueStore) -> Callable[[], dict[str, Issue]]:
    """The issues that are kept now, by id."""
    return lambda: {issue.id: issue for issue in store.issues()}
