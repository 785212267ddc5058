"""A branch is proposed once, at either host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loccit.core.errors import InputError, TrackerRefused, TrackerUnreachable
from loccit.sources.issues import parse_tracker
from loccit.sources.issues.api import Token
from loccit.sources.issues.proposals import Proposals, open_proposals
from loccit.sources.options import SourceOptions
from tests.trackers import Answer, FakeGitLab, FakeTracker

QUICK = SourceOptions(tracker_backoff_s=0.01, tracker_attempts=2, tracker_wait_s=1)


class PullRequests(FakeTracker):
    """GitHub, as far as proposing goes."""

    def read(self, path: str) -> Answer:
        if path == self.root:
            return 200, {"default_branch": "trunk"}, {}
        if path == f"{self.root}/pulls":
            return 200, [self.made(document) for method, _, document in self.writes if method == "POST"], {}
        return super().read(path)

    def write(self, method: str, path: str, document: Any) -> Answer:
        is_known = path == f"{self.root}/pulls" and document["base"] == "trunk"
        return (201, self.made(document), {}) if is_known else (422, {"message": "no such base"}, {})

    def made(self, document: Any) -> dict[str, Any]:
        return {"number": 3, "html_url": f"{self.url}/pull/3", "title": document["title"]}


class MergeRequests(FakeGitLab):
    """GitLab, as far as proposing goes."""

    def read(self, path: str) -> Answer:
        if path == self.root:
            return 200, {"default_branch": "trunk"}, {}
        if path == f"{self.root}/merge_requests":
            return 200, [self.made(document) for method, _, document in self.writes if method == "POST"], {}
        return super().read(path)

    def write(self, method: str, path: str, document: Any) -> Answer:
        is_known = path == f"{self.root}/merge_requests" and document["target_branch"] == "trunk"
        return (201, self.made(document), {}) if is_known else (422, {"message": "no such base"}, {})

    def made(self, document: Any) -> dict[str, Any]:
        return {"iid": 3, "web_url": f"{self.url}/-/merge_requests/3", "title": document["title"]}


@pytest.fixture(params=[PullRequests, MergeRequests])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeTracker]:
    made: FakeTracker = request.param()
    yield made
    made.close()


@pytest.fixture
def proposals(fake: FakeTracker, tmp_path: Path) -> Iterator[Proposals]:
    location = parse_tracker(f"{fake.kind}:acme/weather@{fake.url}", folder=tmp_path)
    opened = open_proposals(location, token=Token("secret-token"), options=QUICK)
    yield opened
    opened.close()


def test_a_branch_is_proposed_and_found_again(fake: FakeTracker, proposals: Proposals) -> None:
    assert proposals.default_branch() == "trunk"
    assert proposals.of_branch("loccit/fix-1-abcd") is None
    made = proposals.open("loccit/fix-1-abcd", "trunk", "Mend it", "Fixes it.", draft=False)
    assert made.number in {"#3", "!3"}
    assert made.url.startswith(fake.url)
    assert proposals.of_branch("loccit/fix-1-abcd") == made
    assert len(fake.writes) == 1


def test_what_was_done_and_not_heard_of_is_found_by_asking(fake: FakeTracker, proposals: Proposals) -> None:
    fake.lost = 1
    with pytest.raises(TrackerUnreachable):
        proposals.open("loccit/fix-1-abcd", "trunk", "Mend it", "Fixes it.", draft=False)
    assert proposals.of_branch("loccit/fix-1-abcd") is not None


def test_a_refusal_says_so_and_hides_the_token(fake: FakeTracker, proposals: Proposals) -> None:
    with pytest.raises(TrackerRefused) as refused:
        proposals.open("loccit/fix-1-abcd", "nowhere", "Mend it", "x", draft=False)
    assert "422" in str(refused.value)
    assert "secret-token" not in str(refused.value)


def test_an_export_takes_no_proposals(tmp_path: Path) -> None:
    (tmp_path / "issues.jsonl").write_text("")
    location = parse_tracker(str(tmp_path / "issues.jsonl"), folder=tmp_path)
    with pytest.raises(InputError, match="takes no pull requests"):
        open_proposals(location, token=Token("secret-token"))
