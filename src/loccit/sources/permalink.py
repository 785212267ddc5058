"""Web addresses of lines at a commit, for the hosts that are known."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from loccit.core.source import path_bytes


def permalink(repo: str, *, commit: str, path: str, start_line: int, end_line: int) -> str | None:
    """The address of these lines (1-based, inclusive), None where `repo` is not `host/owner/name` of a known host."""
    host, _, place = repo.partition("/")
    make = _HOSTS.get(host)
    if make is None or place.count("/") < 1 or (place.count("/") > 1 and host != "gitlab.com"):
        return None
    return make(f"https://{host}/{place}", commit, quote(path_bytes(path), safe="/"), start_line, end_line)


def _github(base: str, commit: str, path: str, start: int, end: int) -> str:
    # `plain=1` shows the lines of files that would be rendered; elsewhere it changes nothing.
    plain = "?plain=1" if path.lower().endswith((".md", ".rst", ".markdown", ".adoc", ".org")) else ""
    return f"{base}/blob/{commit}/{path}{plain}#L{start}" + (f"-L{end}" if end > start else "")


def _gitlab(base: str, commit: str, path: str, start: int, end: int) -> str:
    return f"{base}/-/blob/{commit}/{path}#L{start}" + (f"-{end}" if end > start else "")


def _bitbucket(base: str, commit: str, path: str, start: int, end: int) -> str:
    return f"{base}/src/{commit}/{path}#lines-{start}" + (f":{end}" if end > start else "")


def _forgejo(base: str, commit: str, path: str, start: int, end: int) -> str:
    return f"{base}/src/commit/{commit}/{path}#L{start}" + (f"-L{end}" if end > start else "")


def _sourcehut(base: str, commit: str, path: str, start: int, end: int) -> str:
    return f"{base}/tree/{commit}/item/{path}#L{start}" + (f"-{end}" if end > start else "")


_HOSTS: dict[str, Callable[[str, str, str, int, int], str]] = {
    "github.com": _github,
    "gitlab.com": _gitlab,
    "bitbucket.org": _bitbucket,
    "codeberg.org": _forgejo,
    "gitea.com": _forgejo,
    "git.sr.ht": _sourcehut,
}
