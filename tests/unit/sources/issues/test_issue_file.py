"""The file of an issue: any issue comes back exactly, and its texts are found by their ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken
from loccit.core.issues import EventKind, Issue, IssueComment, IssueEvent, IssueKind, IssueLink, LinkKind
from loccit.sources.issues import parse_issue, path_of, ranges_of, render_issue
from loccit.sources.issues.texts import LATEST_TIME

texts = st.text(
    alphabet=st.one_of(st.sampled_from("a\n\r-#: \"\\'{}[]\u2028\x1b€𝒳"), st.characters(codec="utf-8")),
    max_size=60,
)
lines = st.one_of(
    texts, st.sampled_from(["\n---\n", "---", "- x", "## a, 1970-01-01 00:00:00 UTC\n", "comments:"])
)
times = st.integers(0, LATEST_TIME)
issues = st.builds(
    Issue,
    id=texts,
    kind=st.sampled_from(IssueKind),
    title=lines,
    body=lines,
    author=texts,
    created=times,
    is_open=st.booleans(),
    labels=st.lists(texts, max_size=3).map(tuple),
    url=texts,
    comments=st.lists(st.builds(IssueComment, texts, times, lines, texts, texts), max_size=3).map(tuple),
    events=st.lists(st.builds(IssueEvent, st.sampled_from(EventKind), times, texts), max_size=3).map(tuple),
    links=st.lists(st.builds(IssueLink, st.sampled_from(LinkKind), texts, times), max_size=3).map(tuple),
)


@given(issues)
def test_an_issue_comes_back_exactly(issue: Issue) -> None:
    """Whatever its texts hold: our own separators, odd line ends, nothing."""
    assert parse_issue(render_issue(issue)) == issue


@given(issues)
def test_texts_stand_where_their_ranges_say(issue: Issue) -> None:
    """Title, body and comments are plain bytes of the file."""
    data = render_issue(issue)
    ranges = ranges_of(data)
    for (start, end), text in zip(
        (ranges.title, ranges.body, *ranges.comments),
        (issue.title, issue.body, *(comment.body for comment in issue.comments)),
        strict=True,
    ):
        assert data[start:end].decode() == text


@given(issues, st.data())
def test_a_file_that_was_cut_or_grew_is_told(issue: Issue, draw: st.DataObject) -> None:
    """Nothing but the whole file is an issue: the error is ours."""
    data = render_issue(issue)
    cut = draw.draw(st.integers(0, len(data) - 1))
    for broken in (data[:cut], data + b"x", b"x" + data):
        with pytest.raises(IndexBroken, match="damaged"):
            parse_issue(broken)


@given(texts.filter(bool), texts.filter(bool))
def test_ids_become_paths_of_their_own(first: str, second: str) -> None:
    """Two ids never share a path, and no id leaves the folder."""
    assert (path_of(first) == path_of(second)) == (first == second)
    assert path_of(first).count("/") == 1
    assert not path_of(first).startswith("issues/.")


def test_a_file_reads_well() -> None:
    """The golden form: facts above, then text as it was written."""
    comment = IssueComment("bo", 1_600_000_060, "Duplicate of #2\n", "src/a.py", "7")
    issue = Issue(
        id="12",
        kind=IssueKind.ISSUE,
        title="It breaks",
        body="First line.\n\nThird.",
        author="ada",
        created=1_600_000_000,
        is_open=False,
        labels=("bug",),
        comments=(comment,),
        events=(IssueEvent(EventKind.CLOSED, 1_600_000_090),),
        links=(IssueLink(LinkKind.DUPLICATE_OF, "2", 1_600_000_060),),
    )
    assert render_issue(issue).decode() == (
        '---\nformat: "loccit-issue/1"\nid: "12"\nkind: "issue"\nopen: false\nauthor: "ada"\n'
        'created: 1600000000\nlabels: ["bug"]\nurl: ""\nsizes: [9,19,16]\ncomments:\n'
        '- [1600000060,"bo","src/a.py","7"]\nevents:\n- [1600000090,"closed",""]\n'
        'links:\n- [1600000060,"duplicate of","2"]\n---\n'
        "# It breaks\n\nFirst line.\n\nThird.\n\n"
        "## bo, 2020-09-13 12:27:40 UTC, on src/a.py\n\nDuplicate of #2\n\n"
    )
