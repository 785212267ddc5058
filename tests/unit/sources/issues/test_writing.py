"""Writing to a tracker: nothing is sent twice that would be seen twice, and no token leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loccit.core.errors import InputError, TrackerRefused, TrackerUnreachable, UnsafeSource
from loccit.sources.issues import parse_tracker
from loccit.sources.issues.api import Token
from loccit.sources.issues.writing import Reaction, TrackerWriter, open_writer
from loccit.sources.options import SourceOptions
from tests.trackers import FakeGitLab, FakeTracker, status

QUICK = SourceOptions(tracker_backoff_s=0.01, tracker_attempts=3, tracker_wait_s=1)


@pytest.fixture(params=[FakeTracker, FakeGitLab])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeTracker]:
    made: FakeTracker = request.param()
    yield made
    made.close()


@pytest.fixture
def writer(fake: FakeTracker, tmp_path: Path) -> Iterator[TrackerWriter]:
    location = parse_tracker(f"{fake.kind}:acme/weather@{fake.url}", folder=tmp_path)
    opened = open_writer(location, token=Token("secret-token"), options=QUICK)
    yield opened
    opened.close()


def test_a_comment_is_posted_found_and_edited(fake: FakeTracker, writer: TrackerWriter) -> None:
    fake.say("<!-- m --> of a stranger")
    assert writer.own_comment("1", "<!-- m -->") is None
    posted = writer.post("1", "<!-- m --> ours")
    assert writer.own_comment("1", "<!-- m -->") == posted
    edited = writer.edit("1", posted.id, "<!-- m --> again")
    assert edited is not None
    assert (edited.id, edited.body) == (posted.id, "<!-- m --> again")
    assert writer.edit("1", "4711", "x") is None
    writer.react("1", posted.id, Reaction.DONE)
    writer.add_labels("1", ("a", "b c"))
    assert fake.labels == ["a", "b c"]
    assert len(fake.reactions) == 1


def test_a_comment_is_not_posted_again_after_a_fault(fake: FakeTracker, writer: TrackerWriter) -> None:
    """Nobody knows whether it was written: who asked looks first, and then decides."""
    fake.faults.append(status(502))
    with pytest.raises(TrackerUnreachable):
        writer.post("1", "x")
    fake.lost = 1
    with pytest.raises(TrackerUnreachable):
        writer.post("1", "x")
    assert len(fake.writes) == 1


def test_an_edit_is_tried_again(fake: FakeTracker, writer: TrackerWriter) -> None:
    posted = writer.post("1", "x")
    fake.faults.extend([status(503), status(502)])
    assert writer.edit("1", posted.id, "y") is not None


@pytest.mark.parametrize(
    "fault",
    [status(429, {"Retry-After": "0"}), status(403, {"Retry-After": "0"}, "secondary rate limit")],
)
def test_limits_are_waited_out_because_nothing_was_done(
    fake: FakeTracker, writer: TrackerWriter, fault: Any
) -> None:
    fake.faults.append(fault)
    writer.post("1", "x")
    assert len(fake.writes) == 1


def test_refusals_say_so_and_hide_the_token(fake: FakeTracker, writer: TrackerWriter) -> None:
    for fault in (status(403, message="secret-token may not"), status(401), status(422), status(410)):
        fake.faults.append(fault)
        with pytest.raises(TrackerRefused) as told:
            writer.post("1", "x")
        assert "secret-token" not in str(told.value)
    assert fake.writes == []


def test_a_comment_is_never_sent_to_where_a_redirect_leads(fake: FakeTracker, writer: TrackerWriter) -> None:
    fake.faults.append(status(301, {"Location": f"{fake.url}/repos/acme/other/issues/1/comments"}))
    with pytest.raises(TrackerRefused, match="has moved"):
        writer.post("1", "x")
    fake.faults.append(status(307, {"Location": "https://evil.example/"}))
    with pytest.raises(TrackerRefused, match="another host"):
        writer.post("1", "x")
    assert fake.writes == []


def test_files_take_no_comments_and_tokens_do_not_travel_in_the_clear(tmp_path: Path) -> None:
    (tmp_path / "issues.jsonl").write_text("")
    with pytest.raises(InputError, match="takes no comments"):
        open_writer(parse_tracker("issues.jsonl", folder=tmp_path), token=Token("t"))
    with pytest.raises(UnsafeSource):
        open_writer(parse_tracker("github:a/b@http://git.example.org/api", folder=tmp_path), token=Token("t"))
