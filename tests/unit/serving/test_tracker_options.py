"""Trackers in settings.toml: how they are written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.errors import SettingsError
from loccit.settings import Settings


def load(home: Path, table: str) -> Settings:
    (home / "settings.toml").write_text(f"[[serving.trackers]]\n{table}\n")
    return Settings.load(home)


@pytest.mark.parametrize(
    ("table", "tracker", "web_host"),
    [
        ('kind = "github"\nproject = "a/b"\nrepo = "b"', "github:a/b", "github.com"),
        ('kind = "gitlab"\nproject = "g/s/p"\nrepo = "p"', "gitlab:g/s/p", "gitlab.com"),
        (
            'kind = "github"\nproject = "a/b"\nrepo = "b"\nhost = "git.example.org"',
            "github:a/b@git.example.org",
            "git.example.org",
        ),
        (
            'kind = "gitlab"\nproject = "g/p"\nrepo = "p"\nhost = "x.example"\napi = "https://x.example/git/api/v4"',
            "gitlab:g/p@https://x.example/git/api/v4",
            "x.example",
        ),
    ],
)
def test_a_tracker_is_named_as_after_from(tmp_path: Path, table: str, tracker: str, web_host: str) -> None:
    (found,) = load(tmp_path, table).serving.trackers
    assert (found.tracker, found.web_host, found.mode) == (tracker, web_host, "shadow")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('project = "a/b"\nrepo = "b"', "kind"),
        ('kind = "jira"\nproject = "a/b"\nrepo = "b"', "jira"),
        ('kind = "github"\nproject = "a"\nrepo = "b"', "'a'"),
        ('kind = "github"\nproject = "a/b/c"\nrepo = "b"', "'a/b/c'"),
        ('kind = "github"\nproject = "a/b"\nrepo = ""', "no repo"),
        ('kind = "github"\nproject = "a/b"\nrepo = "b"\nmode = "loud"', "loud"),
        ('kind = "github"\nproject = "a/b"\nrepo = "b"\ncloses = true', "closes"),
        ('kind = "github"\nproject = "a/b"\nrepo = "b"\nsecret_variable = "hush hush"', "hush hush"),
        ('kind = "github"\nproject = "a/b"\nrepo = "b"\nhost = "https://x"', "https://x"),
        ('kind = "github"\nproject = "a/b"\nrepo = "b"\napi = "x"', "'x'"),
        (
            'kind = "github"\nproject = "a/b"\nrepo = "b"\n'
            '[[serving.trackers]]\nkind = "github"\nproject = "a/b"\nrepo = "c"',
            "twice",
        ),
    ],
)
def test_what_is_no_tracker_is_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r".") as told:
        load(tmp_path, table)
    assert said in str(told.value)
