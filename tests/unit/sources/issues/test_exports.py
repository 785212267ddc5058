"""Exports in files: JSON Lines, CSV, Jira's three forms, and folders of Markdown; good ones and bad ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from loccit.core.errors import InputError, LoccitError, MalformedExport, SourceUnreadable
from loccit.core.issues import EventKind, Issue, IssueKind, LinkKind
from loccit.sources.issues import IssueStore, SyncReport

Kept = Callable[[], dict[str, Issue]]
Sync = Callable[..., SyncReport]
LINE = {"id": 12, "title": "It breaks", "created": "2021-09-30T17:20:00Z"}


def at(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp())


def write(folder: Path, name: str, content: str | bytes) -> str:
    """A file, and what is written after --from."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"jira:{path}" if name.startswith("jira") else str(path)


def test_a_line_may_hold_all_that_an_issue_has(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """The documented form, with every key."""
    entry = {
        **LINE,
        "body": "text\r\nmore",
        "author": "ada",
        "state": "closed",
        "closed": "2021-10-01T00:00:00Z",
        "labels": ["b", "a"],
        "url": "https://example.com/12",
        "kind": "change",
        "comments": [{"author": "bo", "time": 1633000000, "body": "Fixes #7", "path": "a.py", "id": "c1"}],
        "events": [{"kind": "labelled", "time": "2021-09-30T18:00:00Z", "value": "a"}],
        "links": [{"kind": "fixed by", "target": "ab" * 20, "time": "2021-10-01T00:00:00Z"}],
    }
    sync(write(tmp_path, "x.jsonl", json.dumps(entry) + "\n\n"))
    found = kept()["12"]
    assert (found.kind, found.body, found.labels, found.is_open) == (
        IssueKind.CHANGE,
        "text\nmore",
        ("a", "b"),
        False,
    )
    assert {event.kind for event in found.events} == {EventKind.LABELLED, EventKind.CLOSED}
    assert {link.kind for link in found.links} == {LinkKind.FIXED_BY, LinkKind.FIXES}


def test_an_export_that_changed_brings_changes_additions_and_what_is_gone(
    tmp_path: Path, sync: Sync, kept: Kept, store: IssueStore
) -> None:
    """Unchanged: nothing. Changed: each issue is new, changed, the same, or gone and kept."""
    lines = [{**LINE, "id": number} for number in range(1, 5)]
    source = write(tmp_path, "x.jsonl", "\n".join(map(json.dumps, lines)))
    assert sync(source).added == 4
    before = store.newest()
    assert sync(source).changed == 0
    assert store.newest() == before
    lines[1]["title"] = "Otherwise"
    write(tmp_path, "x.jsonl", "\n".join(map(json.dumps, [*lines[:3], {**LINE, "id": "new-1"}])))
    report = sync(source)
    assert (report.added, report.changed, report.deleted, report.total) == (1, 2, 1, 5)
    assert kept()["4"].is_deleted
    assert kept()["2"].title == "Otherwise"
    first = list(store.synchronisations())[-1]
    assert {issue.id for issue in store.issues(first.commit)} == {"1", "2", "3", "4"}


def test_another_tracker_begins_anew_and_the_past_stays(
    tmp_path: Path, sync: Sync, kept: Kept, store: IssueStore
) -> None:
    """Its issues take the place of the others, which stay in the commits before."""
    sync(write(tmp_path, "x.jsonl", json.dumps(LINE)))
    sync(write(tmp_path, "y.jsonl", json.dumps({**LINE, "id": "99"})))
    assert set(kept()) == {"99"}
    oldest = list(store.synchronisations())[-1]
    assert [issue.id for issue in store.issues(oldest.commit)] == ["12"]


BAD_LINES = {
    "no JSON": ("{", "line 2: it is no JSON"),
    "no object": ("[1]", "line 2: it is a JSON list"),
    "no id": ('{"title": "x", "created": 1}', "line 2: there is no 'id'"),
    "no title": ('{"id": 3, "created": 1}', "line 2: there is no 'title'"),
    "no time": ('{"id": 3, "title": "x"}', "line 2: there is no 'created'"),
    "a time that is none": ('{"id": 3, "title": "x", "created": "soon"}', "line 2: 'created' is 'soon'"),
    "a time beyond all years": (
        '{"id": 3, "title": "x", "created": 999999999999}',
        "'created' is 999999999999",
    ),
    "a body that is no text": ('{"id": 3, "title": "x", "created": 1, "body": 5}', "'body' is 5"),
    "a bad state": ('{"id": 3, "title": "x", "created": 1, "state": "half"}', "'state' is 'half'"),
    "labels that are no list": ('{"id": 3, "title": "x", "created": 1, "labels": "a"}', "'labels' is 'a'"),
    "a comment without a time": (
        '{"id": 3, "title": "x", "created": 1, "comments": [{"body": "b"}]}',
        "line 2, comments 1: there is no 'time'",
    ),
    "a second issue of one id": ('{"id": 12, "title": "other", "created": 1}', "'12' was used on line 1"),
    "an id with a line end": (
        '{"id": "a\\nb", "title": "x", "created": 1}',
        "line 2: 'a\\nb' cannot be the id",
    ),
    "an endless nesting": ("[" * 100_000, "line 2: it is no JSON"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_and_nothing_is_taken(
    tmp_path: Path, sync: Sync, store: IssueStore, name: str
) -> None:
    """The error says the file, the line and what was expected; what was kept before stays."""
    line, message = BAD_LINES[name]
    with pytest.raises(MalformedExport) as caught:
        sync(write(tmp_path, "x.jsonl", f"{json.dumps(LINE)}\n{line}\n"))
    assert message in str(caught.value)
    assert "x.jsonl" in str(caught.value)
    assert store.newest() is None


def test_lesser_results_are_said(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """Broken bytes are replaced, unknown keys left out, repetitions taken once: each with a note."""
    line = json.dumps({**LINE, "severity": 3}).encode()
    report = sync(
        write(tmp_path, "x.jsonl", line + b"\n" + line + b"\n" + b'{"id":1,"title":"\xff","created":1}')
    )
    assert kept()["1"].title == "\ufffd"
    said = " ".join(report.notes)
    assert "line 3" in said
    assert "'severity'" in said
    assert "1 repeated" in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_encodings_are_understood(tmp_path: Path, sync: Sync, kept: Kept, encoding: str) -> None:
    """Spreadsheets write such files."""
    sync(write(tmp_path, "x.csv", "id,title,created\n1,größer,2021-01-01\n".encode(encoding)))
    assert kept()["1"].title == "größer"


def test_large_texts_and_odd_characters_are_kept(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """A body of a megabyte, NUL, half a surrogate pair."""
    sync(write(tmp_path, "x.jsonl", json.dumps({**LINE, "body": "ab\n" * 350_000 + "\0\ud800"})))
    assert kept()["12"].body == "ab\n" * 350_000 + "\ufffd\ufffd"


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "jira.json", "jira.xml"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, sync: Sync, name: str, content: bytes) -> None:
    """It would mark everything as gone."""
    with pytest.raises(MalformedExport):
        sync(write(tmp_path, name, content))


HEADER = "Summary,Issue id,Status,Priority,Resolution,Created,Resolved,Affects Version/s,Description\n"


def test_gitbugs_columns_are_jiras(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """A resolution is a label since its day, so that no past day knows it."""
    row = '"One, two",134,Resolved,Blocker,Duplicate,30/Sep/21 17:20,20/Jul/22 20:51,2.9.2,"a ""b""\nc"\n'
    sync(write(tmp_path, "x.csv", HEADER + row + "Open one,135,Open,Major,,01/Oct/21 5:20 PM,,,\n"))
    found = kept()["134"]
    assert (found.title, found.body) == ("One, two", 'a "b"\nc')
    assert found.labels == ("affects: 2.9.2", "priority: Blocker", "resolution: Duplicate")
    past = found.as_of(at("2022-07-20T20:50:00Z"))
    assert past is not None
    assert past.is_open
    assert past.labels == ("affects: 2.9.2", "priority: Blocker")
    assert kept()["135"].created == at("2021-10-01T17:20:00Z")


def test_jiras_own_table_has_a_column_for_each_comment(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """Repeated columns, keys as ids, duplicates; a comment without a time is left out, and that is said."""
    names = "Issue key,Summary,Status,Created,Resolved,Labels,Labels,Comment,Comment"
    row = "HADOOP-1,Title,Closed,30/Sep/21 17:20,01/Oct/21 10:00,a,b,30/Sep/21 18:00;bo;see;that,loose"
    table = f"{names},Outward issue link (Duplicate)\n{row},HADOOP-2\n"
    report = sync(write(tmp_path, "jira.csv", table))
    found = kept()["HADOOP-1"]
    assert [(comment.author, comment.body) for comment in found.comments] == [("bo", "see;that")]
    assert found.labels == ("a", "b")
    assert [(link.kind, link.target) for link in found.links] == [(LinkKind.DUPLICATE_OF, "HADOOP-2")]
    assert any("without a time" in note for note in report.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,title\n1,x\n", "line 1: there is no column 'created'"),
        ("a;b\n1;x\n", "line 1: there is no column 'id'"),
        (HEADER + "only,two\n", "line 2: it has 2 fields"),
        (HEADER + "x,1,Open,,,soon,,,\n", "line 2: 'created' is 'soon'"),
        (HEADER + "x,,Open,,,30/Sep/21 17:20,,,\n", "line 2: 'id' is None"),
        (HEADER + '"never closed,1\n\n\n', "line 2: "),
        (
            HEADER + "a,1,Open,,,30/Sep/21 17:20,,,\nb,1,Open,,,30/Sep/21 17:20,,,\n",
            "line 3: the id '1' was used",
        ),
        (HEADER, "holds no issues"),
    ],
)
def test_a_bad_table_is_named_by_line(tmp_path: Path, sync: Sync, content: str, message: str) -> None:
    """Columns that are missing, rows that do not fit, quotes that stay open."""
    with pytest.raises(MalformedExport) as caught:
        sync(write(tmp_path, "x.csv", content))
    assert message in str(caught.value)


JIRA = {
    "key": "HADOOP-1",
    "fields": {
        "summary": "Title",
        "description": {
            "type": "doc",
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hi"}]}],
        },
        "status": {"name": "Resolved", "statusCategory": {"key": "done"}},
        "priority": {"name": "Major"},
        "resolution": {"name": "Duplicate"},
        "created": "2021-09-30T17:20:00.000+0000",
        "resolutiondate": "2021-10-01T10:00:00.000+0200",
        "reporter": {"displayName": "Ada"},
        "labels": ["x"],
        "issuelinks": [
            {
                "type": {"outward": "duplicates", "inward": "is duplicated by"},
                "outwardIssue": {"key": "HADOOP-2"},
            },
            {
                "type": {"outward": "duplicates", "inward": "is duplicated by"},
                "inwardIssue": {"key": "HADOOP-3"},
            },
        ],
        "comment": {
            "comments": [
                {"id": "5", "author": {"name": "bo"}, "created": "2021-09-30T18:00:00Z", "body": "b"}
            ]
        },
    },
    "changelog": {
        "histories": [
            {
                "created": "2021-09-30T19:00:00Z",
                "items": [
                    {"field": "summary", "fromString": "Old", "toString": "Title"},
                    {"field": "labels", "fromString": "y", "toString": "x"},
                ],
            }
        ]
    },
}


def test_jiras_json_is_read_with_its_change_log(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """Search results, documents as text, links in their direction; a page of more says so."""
    report = sync(write(tmp_path, "jira.json", json.dumps({"total": 3, "issues": [JIRA]})))
    found = kept()["HADOOP-1"]
    assert (found.body, found.author, found.is_open) == ("Hi\n", "Ada", False)
    assert {(link.kind, link.target) for link in found.links} == {
        (LinkKind.DUPLICATE_OF, "HADOOP-2"),
        (LinkKind.MENTIONS, "HADOOP-3"),
    }
    past = found.as_of(at("2021-09-30T18:30:00Z"))
    assert past is not None
    assert (past.title, past.is_open, past.links) == ("Old", True, ())
    assert past.labels == ("priority: Major", "y")
    assert "1 of the 3" in report.notes[0]


XML = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="0.92"><channel><title>Jira</title>
<item><title>[H-1] T</title><link>https://example.com/H-1</link><key id="1">H-1</key>
<summary>Some &amp; title</summary>
<description>&lt;p&gt;One&lt;br/&gt;two &amp;lt;b&amp;gt;&lt;/p&gt;&lt;pre&gt;x&lt;/pre&gt;</description>
<type>Bug</type><status>Closed</status><resolution>Fixed</resolution><reporter username="a">Ada</reporter>
<labels><label>x</label></labels><created>Thu, 30 Sep 2021 17:20:00 +0000</created>
<resolved>Fri, 1 Oct 2021 10:00:00 +0000</resolved>
<comments>
<comment id="9" author="bo" created="Thu, 30 Sep 2021 18:00:00 +0000">&lt;p&gt;seen&lt;/p&gt;</comment>
</comments>
<issuelinks><issuelinktype id="1"><name>Duplicate</name><outwardlinks description="duplicates">
<issuelink><issuekey id="2">H-2</issuekey></issuelink></outwardlinks></issuelinktype></issuelinks>
</item></channel></rss>"""


def test_jiras_xml_is_read_as_text(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """Markup becomes what a reader of the page sees."""
    sync(write(tmp_path, "jira.xml", XML))
    found = kept()["H-1"]
    assert (found.title, found.body) == ("Some & title", "One\ntwo <b>\nx")
    assert [(c.author, c.body, c.id) for c in found.comments] == [("bo", "seen", "9")]
    assert found.labels == ("resolution: Fixed", "type: Bug", "x")
    assert [(link.kind, link.target) for link in found.links] == [(LinkKind.DUPLICATE_OF, "H-2")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<rss><channel></channel></rss>", "without items"),
        ("<rss><channel><item>", "no XML"),
        (XML.replace('<key id="1">H-1</key>', ""), "line 3: 'id' is None"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><rss>&a;</rss>', "declares a document type"),
        ("<a>" * 1000, "nested more than"),
        ('{"issues": 5}', "no list 'issues'"),
        ('{"issues": [5]}', "issue 1: it is int"),
        ('{"issues": [{"key": "H-1", "fields": {}}]}', "issue 1: "),
        ('{"issues": [', "no JSON"),
    ],
)
def test_a_bad_export_of_jiras_is_named(tmp_path: Path, sync: Sync, content: str, message: str) -> None:
    """Cut off, of another form, or out to harm."""
    with pytest.raises(MalformedExport) as caught:
        sync(write(tmp_path, "jira.any", content))
    assert message in str(caught.value)


def test_a_folder_of_markdown_gives_an_issue_a_file(tmp_path: Path, sync: Sync, kept: Kept) -> None:
    """With a front matter, without one, in folders; the rest of the folder is passed over."""
    front = (
        "---\nid: 12\ntitle: \"It: breaks\"\nlabels: [bug, 'p 1']\ncreated: 2021-09-30\n"
        "state: closed\nclosed: 2021-10-01\n---\nText\n"
    )
    folder = tmp_path / "notes"
    write(folder, "a.md", front)
    write(folder, "deep/b.md", "\n# A heading #\n\nSome text\n")
    write(folder, "plain.markdown", "no heading at all")
    write(folder, "list.md", "---\nid: 13\ntitle: t\nlabels:\n- a\n- b\nmood: good\n---\n")
    write(folder, "picture.png", b"\x89PNG")
    write(folder, ".hidden/c.md", "# no")
    (folder / "link.md").symlink_to(folder / "a.md")
    os.utime(folder / "deep/b.md", (1_600_000_000, 1_600_000_000))
    report = sync(str(folder))
    found = kept()
    assert set(found) == {"12", "b", "plain", "13"}
    assert (found["12"].title, found["12"].labels, found["12"].body) == ("It: breaks", ("bug", "p 1"), "Text")
    assert found["12"].events[0].time == at("2021-10-01T00:00:00Z")
    assert (found["b"].title, found["b"].body, found["b"].created) == (
        "A heading",
        "Some text",
        1_600_000_000,
    )
    assert found["plain"].title == "plain"
    assert found["13"].labels == ("a", "b")
    assert any("mood" in note for note in report.notes)
    (folder / "plain.markdown").unlink()
    assert sync(str(folder)).deleted == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a.md": "---\nid: 1\n---\nx", "b.md": "---\nid: 1\n---\ny"},
            "'b.md': the id '1' is that of 'a.md'",
        ),
        ({"a.md": "---\ncreated: soon\n---\nx"}, "'created' is 'soon'"),
        ({"a.md": "---\nstate: maybe\n---\nx"}, "'state' is 'maybe'"),
        ({"a.txt": "x"}, "no Markdown files"),
    ],
)
def test_a_bad_folder_is_named_by_file(
    tmp_path: Path, sync: Sync, files: dict[str, str], message: str
) -> None:
    """The file and the key."""
    for name, text in files.items():
        write(tmp_path / "notes", name, text)
    with pytest.raises(MalformedExport) as caught:
        sync(str(tmp_path / "notes"))
    assert message in str(caught.value)


@pytest.mark.parametrize("source", ["missing.jsonl", "jira:missing.json"])
def test_a_file_that_is_not_there_is_a_typed_error(sync: Sync, source: str) -> None:
    """It names the path."""
    with pytest.raises(SourceUnreadable, match="missing"):
        sync(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x.txt",
        "github:owner",
        "github:../..",
        "github:a/b/c",
        "gitlab:one",
        "https://github.com/a/b",
        "github:o/r@ftp://x",
        "github:o/r@https://user:secret@x/",
        "github:o/r@a b",
        "ssh://secret@x/y",
    ],
)
def test_what_is_no_tracker_is_refused(sync: Sync, source: str, tmp_path: Path) -> None:
    """With what may be written instead, and without repeating a password."""
    with pytest.raises(LoccitError) as caught:
        sync(source)
    assert isinstance(caught.value, (InputError, MalformedExport))
    assert "secret" not in str(caught.value)


def test_an_unencrypted_interface_is_refused(sync: Sync) -> None:
    """Unless it is on this machine, or allowed."""
    with pytest.raises(LoccitError, match="unencrypted"):
        sync("github:o/r@http://tracker.example/api")
