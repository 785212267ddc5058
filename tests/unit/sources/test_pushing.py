"""A branch is pushed once, where none is; what it takes stands in no command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.errors import Conflict, FetchFailed, InputError, UnsafeSource
from loccit.sources import SourceOptions
from loccit.sources.git import GitView
from loccit.sources.issues.api import Token
from loccit.sources.pushing import PushTarget
from tests.repositories import git, make_repository


@pytest.fixture
def places(tmp_path: Path) -> tuple[GitView, PushTarget, str, Path]:
    """A bare repository of ours with a commit, and another one to push to."""
    (commit,) = make_repository(tmp_path / "ours", [{"files": {"a": "1"}}], bare=True)
    make_repository(tmp_path / "theirs", bare=True)
    target = PushTarget((tmp_path / "theirs").as_uri(), None, SourceOptions())
    return GitView(str(tmp_path / "ours")), target, commit, tmp_path / "theirs"


def test_a_branch_is_there_after_it_was_pushed_and_twice_is_once(
    places: tuple[GitView, PushTarget, str, Path],
) -> None:
    view, target, commit, theirs = places
    assert target.branch_at(view, "loccit/fix-1-abcd") is None
    for _ in range(2):
        target.push(view, commit, "loccit/fix-1-abcd")
        assert target.branch_at(view, "loccit/fix-1-abcd") == commit
    assert git(theirs, "for-each-ref", "--format=%(refname)") == "refs/heads/loccit/fix-1-abcd"


def test_a_branch_that_is_there_is_never_moved(places: tuple[GitView, PushTarget, str, Path]) -> None:
    view, target, commit, theirs = places
    tree = git(Path(view.git_dir), "rev-parse", f"{commit}^{{tree}}")
    git(theirs, "fetch", "-q", view.git_dir, "main:refs/heads/main")
    who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com"}
    who |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com"}
    other = git(theirs, "commit-tree", tree, "-m", "theirs", environment=who)
    git(theirs, "update-ref", "refs/heads/loccit/fix-1-abcd", other)
    with pytest.raises(Conflict, match="is there already"):
        target.push(view, commit, "loccit/fix-1-abcd")
    assert target.branch_at(view, "loccit/fix-1-abcd") == other


def test_the_pushers_own_hooks_do_not_run(
    places: tuple[GitView, PushTarget, str, Path], tmp_path: Path
) -> None:
    view, target, commit, _ = places
    hook = Path(view.git_dir) / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    hook.chmod(0o755)
    target.push(view, commit, "loccit/fix-1-abcd")
    assert not (tmp_path / "sprung").exists()


def test_what_cannot_be_reached_is_an_error_and_no_branch(tmp_path: Path) -> None:
    (commit,) = make_repository(tmp_path / "ours", [{"files": {"a": "1"}}], bare=True)
    view = GitView(str(tmp_path / "ours"))
    gone = PushTarget(tmp_path.as_uri(), None, SourceOptions())
    with pytest.raises(FetchFailed):
        gone.branch_at(view, "b")
    with pytest.raises(InputError):
        PushTarget(str(tmp_path), None, SourceOptions()).push(view, commit, "b")


def test_a_token_does_not_travel_unencrypted(tmp_path: Path) -> None:
    (commit,) = make_repository(tmp_path / "ours", [{"files": {"a": "1"}}], bare=True)
    target = PushTarget("http://example.com/x.git", Token("secret-token"), SourceOptions(allow_http=True))
    with pytest.raises(UnsafeSource) as refused:
        target.push(GitView(str(tmp_path / "ours")), commit, "b")
    assert "secret-token" not in str(refused.value)
