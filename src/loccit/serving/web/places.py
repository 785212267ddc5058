"""Addresses of sources on this site: `/source?…#L10-L20`, `/commit?…`."""

from __future__ import annotations

import base64

from loccit.core.source import path_bytes
from loccit.serving.web.pages import url


def source_url(
    repo: str,
    rev: str | None,
    path: str,
    start_line: int | None = None,
    end_line: int | None = None,
    *,
    span: tuple[int, int] | None = None,
    sha256: str = "",
) -> str:
    """The page of a file with these lines marked (1-based, inclusive). `span` and `sha256` are the cited
    bytes (0-based, end exclusive) and their hash, which the page compares.
    """
    lines = anchor = ""
    if start_line is not None:
        last = end_line or start_line
        lines = f"{start_line}" if last == start_line else f"{start_line}-{last}"
        anchor = f"L{start_line}-L{last}"
    bytes_ = f"{span[0]}-{span[1]}" if span else ""
    return url("/source", anchor, repo=repo, rev=rev, **_path(path), lines=lines, bytes=bytes_, sha256=sha256)


def commit_url(repo: str, commit: str) -> str:
    """The page of a commit's message."""
    return url("/commit", repo=repo, id=commit)


def _path(path: str) -> dict[str, str]:
    """The path, as it is or in base64: what is not UTF-8 does not come through a query."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return {"path64": base64.urlsafe_b64encode(path_bytes(path)).decode("ascii")}
    return {"path": path}
