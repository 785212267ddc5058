"""A folder of Markdown files, one issue a file, with what is known of it in a front matter."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loccit.core.errors import MalformedExport, SourceUnreadable
from loccit.core.issue_links import IssueReference
from loccit.core.issues import EventKind, Issue, IssueEvent, IssueKind
from loccit.sources.files import read_below
from loccit.sources.issues.export import Fields
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.texts import LATEST_TIME
from loccit.sources.issues.tracker import Batch, Cursor

_MAX_FILE_BYTES = 8_000_000
_KEYS = frozenset("id title author created closed state labels url kind".split())
_PAIR = re.compile(r"(?P<key>[A-Za-z_-]{1,40}):(?:[ \t]+(?P<value>.*))?", re.ASCII)


class MarkdownFolder:
    """The issues of a folder; files that are not Markdown, links and hidden folders are passed over."""

    lists_everything = True
    gives_whole_issues = True

    def __init__(self, location: TrackerLocation) -> None:
        self.source = location.source
        self._folder = location.path

    def changes(self, cursor: Cursor) -> Iterator[Batch]:
        """All issues, or nothing when every file is as it was; see `Tracker.changes`."""
        digest = hashlib.sha256()
        issues: dict[str, tuple[str, Issue]] = {}
        notes: list[str] = []
        for path, data, mtime in self._files(notes):
            digest.update(b"%s\0%d\0%d\0" % (os.fsencode(path), mtime, len(data)) + data)
            issue = _issue(path, data, mtime, notes)
            first = issues.setdefault(issue.id, (path, issue))
            if first[1] is not issue:
                raise MalformedExport(
                    f"{path!r}: the id {issue.id!r} is that of {first[0]!r} already",
                    next_step="give each file an 'id' of its own",
                )
        if not issues:
            raise MalformedExport(
                f"{str(self._folder)!r} holds no Markdown files", next_step="expected one '*.md' an issue"
            )
        position = {"sha256": digest.hexdigest()}
        if cursor != position:
            yield Batch(position, issues=tuple(issue for _, issue in issues.values()), notes=tuple(notes))

    def issue(self, issue_id: str) -> Issue | None:
        """One issue as its file has it; None where no file has that id."""
        found = (_issue(path, data, mtime, []) for path, data, mtime in self._files([]))
        return next((issue for issue in found if issue.id == issue_id), None)

    def is_own(self, reference: IssueReference) -> bool:
        """Whatever names no other repository."""
        return reference.repo is None

    def close(self) -> None:
        """Nothing is held open."""

    def _files(self, notes: list[str]) -> Iterator[tuple[str, bytes, int]]:
        """Path below the folder, bytes, and time of the last change, sorted by path."""
        try:
            root = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unreadable(str(self._folder), error) from error
        try:
            for path in sorted(_markdown_below(self._folder)):
                try:
                    status = os.stat(path, dir_fd=root, follow_symlinks=False)
                    data = read_below(root, os.fsencode(path), limit=_MAX_FILE_BYTES + 1)
                except OSError as error:
                    raise self._unreadable(path, error) from error
                if len(data) > _MAX_FILE_BYTES:
                    notes.append(f"{path}: left out, it is larger than {_MAX_FILE_BYTES:,} bytes")
                    continue
                yield path, data, min(max(0, int(status.st_mtime)), LATEST_TIME)
        finally:
            os.close(root)

    def _unreadable(self, path: str, error: OSError) -> SourceUnreadable:
        return SourceUnreadable(
            f"{path!r} cannot be read: {error.strerror or error}", next_step="is it yours to read?"
        )


def _markdown_below(folder: Path) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            if name.lower().endswith((".md", ".markdown")) and not path.is_symlink():
                yield str(path.relative_to(folder))


def _issue(path: str, data: bytes, mtime: int, notes: list[str]) -> Issue:
    """The issue of a file. Raises MalformedExport that names the path."""
    shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        notes.append(f"{shown}: bytes that are not UTF-8 were replaced")
    facts, body = _front_matter(text.replace("\r\n", "\n"))
    unknown = facts.keys() - _KEYS
    if unknown:
        notes.append(f"{shown}: nothing was made of {', '.join(sorted(unknown))}")
    title, body = (facts["title"], body) if facts.get("title") else _headed(body, Path(shown).stem)
    fields = Fields({"id": re.sub(r"\s+", "-", Path(shown).stem), **facts, "title": title}, repr(shown))
    created = fields.time("created") if fields.has("created") else mtime
    closed = fields.time("closed") if fields.has("closed") else None
    state = fields.text("state", "closed" if closed is not None else "open").lower()
    if state not in ("open", "closed", "merged"):
        raise fields.wrong("state", "'open', 'closed' or 'merged'")
    kind = fields.text("kind", IssueKind.ISSUE.value)
    if kind not in list(IssueKind):
        raise fields.wrong("kind", "'issue' or 'change'")
    ended = EventKind.MERGED if state == "merged" else EventKind.CLOSED
    return Issue(
        id=fields.id(),
        kind=IssueKind(kind),
        title=fields.text("title"),
        body=body.strip("\n"),
        author=fields.text("author", ""),
        created=created,
        is_open=state == "open",
        labels=fields.texts("labels"),
        url=fields.text("url", ""),
        events=(IssueEvent(ended, closed),) if closed is not None and state != "open" else (),
    )


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The keys between two lines `---` at the beginning, and what follows; no keys without such lines."""
    if not text.startswith("---\n"):
        return {}, text
    end = text.find("\n---\n", 3)
    if end < 0:
        return {}, text
    facts: dict[str, Any] = {}
    entries: list[str] | None = None
    for line in text[4 : end + 1].split("\n"):
        if entries is not None and line.lstrip().startswith("- "):
            entries.append(_scalar(line.lstrip()[2:]))
        elif match := _PAIR.fullmatch(line.rstrip()):
            key, value = match["key"].lower(), match["value"]
            entries = [] if not value else None
            facts[key] = entries if entries is not None else _value(key, value)
    return {key: value for key, value in facts.items() if value or key == "labels"}, text[end + 5 :]


def _value(key: str, written: str) -> Any:
    if key != "labels":
        return _scalar(written)
    inner = written[1:-1] if written.startswith("[") and written.endswith("]") else written
    return [_scalar(part) for part in inner.split(",") if part.strip()]


def _scalar(written: str) -> str:
    text = written.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _headed(body: str, otherwise: str) -> tuple[str, str]:
    """The first heading and what follows it; without a heading the file's name."""
    match = re.search(r"^#{1,6}[ \t]+(?P<title>\S.*)$", body, re.MULTILINE)
    if match is None:
        return otherwise, body
    return match["title"].rstrip("# \t"), body[: match.start()] + body[match.end() :]
