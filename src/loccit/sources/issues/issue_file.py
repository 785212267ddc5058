"""How one issue stands in a file: a front matter of facts, then its texts as plain lines that can be cited.

The front matter has one `key: JSON` a line, lists with one JSON object a line. `sizes` are the bytes of the
title, of the body and of each comment, so that a text may hold anything and is found without searching.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from loccit.core.errors import IndexBroken
from loccit.core.issues import (
    EventKind,
    Issue,
    IssueComment,
    IssueEvent,
    IssueKind,
    IssueLink,
    LinkKind,
)

FORMAT = "loccit-issue/1"
FOLDER = "issues"
_FRONT_END = b"\n---\n"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_!.")

ByteRange = tuple[int, int]


@dataclass(frozen=True, slots=True)
class IssueRanges:
    """Where the texts of an issue stand in its file: bytes, end exclusive; empty for an empty text."""

    title: ByteRange
    body: ByteRange
    comments: tuple[ByteRange, ...]


def path_of(issue_id: str) -> str:
    """The path of an issue's file: `issues/ID.md`, all but letters, digits and `-_!.` percent-encoded."""
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in issue_id.encode("utf-8"))
    return f"{FOLDER}/{name.replace('.', '%2E', 1) if name.startswith('.') else name}.md"


def render_issue(issue: Issue) -> bytes:
    """The file of an issue, the same bytes for the same issue. Its texts hold no surrogates."""
    title, body, *remarks = (
        text.encode("utf-8") for text in (issue.title, issue.body, *(c.body for c in issue.comments))
    )
    front = [
        "---",
        f"format: {_json(FORMAT)}",
        f"id: {_json(issue.id)}",
        f"kind: {_json(issue.kind.value)}",
        f"open: {_json(issue.is_open)}",
        f"author: {_json(issue.author)}",
        f"created: {_json(issue.created)}",
        f"labels: {_json(list(issue.labels))}",
        f"url: {_json(issue.url)}",
        f"sizes: {_json([len(title), len(body), *(len(remark) for remark in remarks)])}",
        "comments:",
        *(f"- {_json([c.time, c.author, c.path, c.id])}" for c in issue.comments),
        "events:",
        *(f"- {_json([e.time, e.kind.value, e.value])}" for e in issue.events),
        "links:",
        *(f"- {_json([k.time, k.kind.value, k.target])}" for k in issue.links),
        "---",
    ]
    parts = ["\n".join(front).encode("utf-8"), b"\n# ", title, b"\n\n", body, b"\n"]
    for comment, remark in zip(issue.comments, remarks, strict=True):
        parts += [b"\n", _heading(comment), b"\n\n", remark, b"\n"]
    return b"".join(parts)


def parse_issue(data: bytes) -> Issue:
    """The issue of a file: the inverse of `render_issue`. Raises IndexBroken for other bytes."""
    try:
        front, texts_at = _front(data)
        ranges = _ranges(front, texts_at, len(data))
        title, body, *remarks = (
            data[start:end].decode("utf-8") for start, end in (ranges.title, ranges.body, *ranges.comments)
        )
        return Issue(
            id=front.facts["id"],
            kind=IssueKind(front.facts["kind"]),
            title=title,
            body=body,
            author=front.facts["author"],
            created=front.facts["created"],
            is_open=front.facts["open"],
            labels=tuple(front.facts["labels"]),
            url=front.facts["url"],
            comments=tuple(
                IssueComment(author, time, remark, path, comment_id)
                for (time, author, path, comment_id), remark in zip(front.comments, remarks, strict=True)
            ),
            events=tuple(IssueEvent(EventKind(kind), time, value) for time, kind, value in front.events),
            links=tuple(IssueLink(LinkKind(kind), target, time) for time, kind, target in front.links),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IndexBroken(
            f"the file of an issue is damaged: {error}",
            next_step="read the tracker anew: 'loccit issues sync --full'",
        ) from error


def ranges_of(data: bytes) -> IssueRanges:
    """Where the texts of an issue stand in its file. Raises IndexBroken."""
    try:
        front, texts_at = _front(data)
        return _ranges(front, texts_at, len(data))
    except (ValueError, KeyError, TypeError) as error:
        raise IndexBroken(f"the file of an issue is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class _Front:
    facts: dict[str, Any]
    comments: list[list[Any]]
    events: list[list[Any]]
    links: list[list[Any]]


def _front(data: bytes) -> tuple[_Front, int]:
    """What the front matter says, and where the texts begin. Raises ValueError."""
    end = data.find(_FRONT_END)
    lines = data[:end].decode("utf-8").split("\n")
    if end < 0 or lines[0] != "---":
        raise ValueError("it has no front matter")
    facts: dict[str, Any] = {}
    lists: dict[str, list[list[Any]]] = {"comments": [], "events": [], "links": []}
    entries: list[list[Any]] = []
    for line in lines[1:]:
        if line.startswith("- "):
            entries.append(json.loads(line[2:]))
        elif line[:-1] in lists and line.endswith(":"):
            entries = lists[line[:-1]]
        else:
            key, _, value = line.partition(": ")
            facts[key] = json.loads(value)
    if facts["format"] != FORMAT:
        raise ValueError(f"its format is {facts['format']!r}, this version reads {FORMAT!r}")
    return _Front(facts, **lists), end + len(_FRONT_END)


def _ranges(front: _Front, texts_at: int, size: int) -> IssueRanges:
    """Raises ValueError where the sizes do not fit the file."""
    sizes = cast("list[int]", front.facts["sizes"])
    found: list[ByteRange] = []
    at = texts_at
    for length, before in zip(sizes, _lengths_between(front), strict=True):
        at += before
        found.append((at, at + length))
        at += length
    if at + 1 != size or min(sizes) < 0:
        raise ValueError(f"its texts end at byte {at + 1:,}, the file at byte {size:,}")
    return IssueRanges(found[0], found[1], tuple(found[2:]))


def _lengths_between(front: _Front) -> Iterator[int]:
    """How many bytes of ours stand before each text."""
    yield len(b"# ")
    yield len(b"\n\n")
    for time, author, path, _ in front.comments:
        yield len(b"\n\n") + len(_heading(IssueComment(author, time, "", path))) + len(b"\n\n")


def _heading(comment: IssueComment) -> bytes:
    at = datetime.fromtimestamp(comment.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    about = f", on {comment.path}" if comment.path else ""
    return f"## {comment.author}, {at}{about}".encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
