"""Names of files and answers that an agent can come back with: `loccit:///REPO/COMMIT/PATH#L1-L20`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

from loccit.core.errors import NotFound
from loccit.core.source import path_bytes

SCHEME = "loccit"
ANSWER_SCHEME = "loccit-answer"
FILE_TEMPLATE = "loccit:///{repo}/{commit}/{+path}"
ANSWER_TEMPLATE = "loccit-answer:///{answer_id}"
# Before the tree of a plain folder, which has no commits.
TREE = "tree-"
_LINES = re.compile(r"L(\d{1,9})(?:-L?(\d{1,9}))?")
_MOST_URI_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file at a revision as `revision_of` gives it, and lines of it, 1-based and inclusive; without
    `end_line` all that follow.
    """

    repo: str
    revision: str
    path: str
    start_line: int = 1
    end_line: int | None = None

    @property
    def uri(self) -> str:
        """The place as a URI. The repository is one segment: slashes in its name are written as %2F."""
        repo = quote(self.repo.encode("utf-8", "surrogateescape"), safe="")
        lines = "" if self.end_line is None else f"#L{self.start_line}-L{self.end_line}"
        return f"{SCHEME}:///{repo}/{self.revision}/{quote(path_bytes(self.path), safe='/')}{lines}"


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """An answer that was given, by the id of its run."""

    run: str

    @property
    def uri(self) -> str:
        """The answer as a URI."""
        return f"{ANSWER_SCHEME}:///{quote(self.run, safe='')}"


def revision_of(commit: str | None, tree: str | None) -> str:
    """How a URI names what a file stands in."""
    return commit or f"{TREE}{tree or ''}"


def parse_place(uri: str) -> FilePlace | AnswerPlace:
    """What a URI names. Raises NotFound for one that is none of ours."""
    missing = NotFound(
        f"there is no resource {uri[:200]!r}", next_step="take the URI of a link as a tool gave it"
    )
    if len(uri) > _MOST_URI_CHARS:
        raise missing
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise missing from error
    if parts.netloc or parts.query or not parts.path.startswith("/"):
        raise missing
    if parts.scheme == ANSWER_SCHEME:
        return AnswerPlace(_text(parts.path[1:]))
    repo, _, rest = parts.path[1:].partition("/")
    commit, _, path = rest.partition("/")
    if parts.scheme != SCHEME or not (repo and commit and path):
        raise missing
    lines = _LINES.fullmatch(parts.fragment)
    if parts.fragment and not lines:
        raise missing
    start, end = lines.groups() if lines else ("1", None)
    return FilePlace(
        _text(repo), _text(commit), _text(path), int(start), int(end or start) if lines else None
    )


def _text(written: str) -> str:
    return unquote_to_bytes(written).decode("utf-8", "surrogateescape")
