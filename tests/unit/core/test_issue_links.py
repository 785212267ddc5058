"""References to issues in texts: what is meant, what is said of it, and never much time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.issue_links import ReferenceKind, links_in
from tests.timing import quickest

FIXES, MENTIONS, DUPLICATE = ReferenceKind.FIXES, ReferenceKind.MENTIONS, ReferenceKind.DUPLICATE_OF

TABLE = {
    "Fixes #12": [(FIXES, None, "12")],
    "closes owner/repo#12": [(FIXES, "owner/repo", "12")],
    "Resolved: GH-12": [(FIXES, None, "12")],
    "Fix HADOOP-12": [(FIXES, None, "HADOOP-12")],
    "HADOOP-12. Fix the scheduler": [(MENTIONS, None, "HADOOP-12")],
    "Fixed #12345 -- Did it. Refs #7.": [(FIXES, None, "12345"), (MENTIONS, None, "7")],
    "Refs #33; see also #34": [(MENTIONS, None, "33"), (MENTIONS, None, "34")],
    "Fixes #1, #2 and #3. See #4": [
        (FIXES, None, "1"),
        (FIXES, None, "2"),
        (FIXES, None, "3"),
        (MENTIONS, None, "4"),
    ],
    "Duplicate of #12": [(DUPLICATE, None, "12")],
    "This is a dupe of [#12](link)": [(DUPLICATE, None, "12")],
    "duplicates HDFS-9": [(DUPLICATE, None, "HDFS-9")],
    "not a duplicate of #3": [(MENTIONS, None, "3")],
    "doesn't fix #3": [(MENTIONS, None, "3")],
    "Resolves #9 (#10)": [(FIXES, None, "9"), (MENTIONS, None, "10")],
    "fixes https://github.com/o/r/issues/12": [(FIXES, "github.com/o/r", "12")],
    "https://gitlab.com/a/b/c/-/merge_requests/4": [(MENTIONS, "gitlab.com/a/b/c", "!4")],
    "https://issues.apache.org/jira/browse/HADOOP-1": [(MENTIONS, "issues.apache.org/jira", "HADOOP-1")],
    "https://github.com/o/r/issues/new": [],
    "group/project!7 closes !8": [(MENTIONS, "group/project", "!7"), (FIXES, None, "!8")],
    "UTF-8, SHA-256 and RFC-2119": [],
    "closes UTF-8": [(FIXES, None, "UTF-8")],
    "colour #123abc, &#39; and x#1": [],
    "#0012": [(MENTIONS, None, "12")],
    "": [],
}


@pytest.mark.parametrize("text", TABLE)
def test_a_reference_is_what_people_mean_by_it(text: str) -> None:
    """The kind, the repository and the id of each reference, in order."""
    assert [(found.kind, found.repo, found.id) for found in links_in(text)] == TABLE[text]


@given(st.text(alphabet="ab1#!-/ .,GHfixes:", max_size=80))
def test_a_reference_says_where_it_stands(text: str) -> None:
    """Ranges are inside the text, in order, do not overlap, and hold the number."""
    end = 0
    for found in links_in(text):
        assert end <= found.start < found.end <= len(text)
        assert found.id.lstrip("!").rpartition("-")[2] in text[found.start : found.end]
        end = found.end


@pytest.mark.parametrize(
    "piece",
    [
        "a/",
        "#1",
        "#1, ",
        "http://a.",
        "https://a/",
        "A-",
        "A-1-",
        "fix ",
        "not a ",
        "a",
        "A",
        "_",
        " \t",
        "x/y#",
        "/-/",
    ],
)
def test_time_is_linear_whatever_the_text(piece: str) -> None:
    """Four times the text takes about four times as long, not sixteen times."""

    def seconds(length: int) -> float:
        text = "fixes " + piece * (length // len(piece))
        started = time.process_time()
        links_in(text)
        return time.process_time() - started

    limit = max(0.05, min(seconds(50_000) for _ in range(2))) * 9
    assert quickest(lambda: seconds(200_000), below=limit) < limit
