"""Permanent links to lines of a file, or to a commit, on the hosts whose address scheme we know."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from loccit.core.source import path_bytes

_UNRESERVED = frozenset((string.ascii_letters + string.digits + "-._~/").encode())
# The host shows these rendered and would ignore the line numbers; it is asked for the source.
_RENDERED = (".md", ".markdown", ".mdown", ".mkd", ".rst", ".adoc", ".asciidoc", ".org", ".textile", ".ipynb")

_NAME = r"(?!\.\.?(?:/|$))[A-Za-z0-9._-]+"


def permalink(
    repo: str,
    commit: str | None,
    path: str | None,
    start_line: int | None,
    end_line: int | None,
    *,
    like: str | None = None,
) -> str | None:
    """The address of these lines at this commit; without lines of the file, without a path of the commit.

    `repo` is `host/owner/name` (GitLab: any depth of groups; sr.ht: `git.sr.ht/~owner/name`). Lines are
    1-based, inclusive. The path's bytes are percent-encoded (RFC 3986), bytes that are not UTF-8 too; `path`
    holds them as surrogate escapes. `like` is the known host whose addresses this one's are like, by default
    the host itself. None where that is not known, or without a commit. A pure function: it does not say that
    the host has the commit.
    """
    if commit is None:
        return None
    host, _, name = repo.partition("/")
    scheme = _SCHEMES.get(like or host)
    if scheme is None:
        return None
    pattern, build = scheme
    if re.fullmatch(pattern, name) is None:
        return None
    base = f"https://{repo}"
    if path is None:
        return build(base, commit, "", False, None)
    lines = None if start_line is None else (start_line, start_line if end_line is None else end_line)
    return build(base, commit, _encoded(path), path.lower().endswith(_RENDERED), lines)


_Lines = tuple[int, int] | None
_Build = Callable[[str, str, str, bool, _Lines], str]


def _github(base: str, commit: str, path: str, is_rendered: bool, lines: _Lines) -> str:
    if not path:
        return f"{base}/commit/{commit}"
    return f"{base}/blob/{commit}/{path}{'?plain=1' if is_rendered else ''}{_anchor(lines, '#L', '-L')}"


def _gitlab(base: str, commit: str, path: str, is_rendered: bool, lines: _Lines) -> str:
    if not path:
        return f"{base}/-/commit/{commit}"
    return f"{base}/-/blob/{commit}/{path}{'?plain=1' if is_rendered else ''}{_anchor(lines, '#L', '-')}"


def _bitbucket(base: str, commit: str, path: str, _is_rendered: bool, lines: _Lines) -> str:
    if not path:
        return f"{base}/commits/{commit}"
    return f"{base}/src/{commit}/{path}{_anchor(lines, '#lines-', ':')}"


def _codeberg(base: str, commit: str, path: str, is_rendered: bool, lines: _Lines) -> str:
    if not path:
        return f"{base}/commit/{commit}"
    source = "?display=source" if is_rendered else ""
    return f"{base}/src/commit/{commit}/{path}{source}{_anchor(lines, '#L', '-L')}"


def _sourcehut(base: str, commit: str, path: str, _is_rendered: bool, lines: _Lines) -> str:
    if not path:
        return f"{base}/commit/{commit}"
    return f"{base}/tree/{commit}/item/{path}{_anchor(lines, '#L', '-')}"


_SCHEMES: dict[str, tuple[str, _Build]] = {
    "github.com": (rf"{_NAME}/{_NAME}", _github),
    "gitlab.com": (rf"{_NAME}(/{_NAME})+", _gitlab),
    "bitbucket.org": (rf"{_NAME}/{_NAME}", _bitbucket),
    "codeberg.org": (rf"{_NAME}/{_NAME}", _codeberg),
    "git.sr.ht": (rf"~{_NAME}/{_NAME}", _sourcehut),
}
HOSTS = tuple(_SCHEMES)
"""The hosts whose address scheme we know."""


def _anchor(lines: _Lines, prefix: str, between: str) -> str:
    if lines is None:
        return ""
    first, last = lines
    return f"{prefix}{first}" if first == last else f"{prefix}{first}{between}{last}"


def _encoded(path: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in path_bytes(path))
