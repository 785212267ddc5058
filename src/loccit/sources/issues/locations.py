"""Where a tracker is, as it is written after `--from` and remembered."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from loccit.core.errors import InputError


class TrackerKind(StrEnum):
    """What is read, and how."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JIRA = "jira"
    JSONL = "jsonl"
    CSV = "csv"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class TrackerLocation:
    """A tracker's place.

    `source` is its one written form. A REST interface has `name` (`owner/name`), `host` and the address
    `api`; everything else has a `path`, absolute.
    """

    kind: TrackerKind
    source: str
    name: str = ""
    host: str = ""
    api: str = ""
    path: Path = Path()

    @property
    def hostname(self) -> str:
        """The host without a port; empty for what is no REST interface."""
        return urlsplit(self.api).hostname or ""


_HOSTS = {TrackerKind.GITHUB: "github.com", TrackerKind.GITLAB: "gitlab.com"}
_NAMES = {
    TrackerKind.GITHUB: re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", re.ASCII),
    TrackerKind.GITLAB: re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", re.ASCII),
}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?", re.ASCII)
_EXPECTED = "write github:owner/name, gitlab:group/name, FILE.jsonl, FILE.csv, jira:FILE or a folder"


def parse_tracker(written: str, *, folder: Path) -> TrackerLocation:
    """The place that is written so; a path is relative to `folder`. Raises InputError.

    `github:owner/name@HOST` is a GitHub Enterprise server, `gitlab:group/name@HOST` a GitLab of one's own;
    instead of the host the whole address of the REST interface may stand there.
    """
    head, _, rest = written.partition(":")
    if head in (TrackerKind.GITHUB, TrackerKind.GITLAB):
        return _service(TrackerKind(head), rest, written)
    if "://" in written:
        raise InputError(f"{_without_user(written)!r} is no tracker", next_step=_EXPECTED)
    kind = TrackerKind.JIRA if head == TrackerKind.JIRA else None
    path = Path(os.path.normpath(Path(folder, rest if kind else written).absolute()))
    if kind is TrackerKind.JIRA:
        return TrackerLocation(kind, f"jira:{path}", path=path)
    if path.is_dir():
        return TrackerLocation(TrackerKind.FOLDER, str(path), path=path)
    endings = {".jsonl": TrackerKind.JSONL, ".ndjson": TrackerKind.JSONL, ".csv": TrackerKind.CSV}
    found = endings.get(path.suffix.lower())
    if found is None:
        raise InputError(f"{written!r} is no tracker and no export of one", next_step=_EXPECTED)
    return TrackerLocation(found, str(path), path=path)


def _service(kind: TrackerKind, rest: str, written: str) -> TrackerLocation:
    name, at, place = rest.partition("@")
    if _NAMES[kind].fullmatch(name) is None or {".", ".."} & set(name.split("/")):
        raise InputError(f"{_without_user(written)!r} names no repository", next_step=_EXPECTED)
    host, api = _HOSTS[kind], place
    if not at:
        api = "https://api.github.com" if kind is TrackerKind.GITHUB else f"https://{host}/api/v4"
    elif _HOST.fullmatch(place):
        host = place
        api = f"https://{host}/api/{'v3' if kind is TrackerKind.GITHUB else 'v4'}"
    else:
        host = _host_of(place)
    source = f"{kind.value}:{name}{at}{place}"
    return TrackerLocation(kind, source, name=name, host=host.lower(), api=api)


def _host_of(address: str) -> str:
    """The host of an interface's address. Raises InputError, without repeating a password in it."""
    try:
        parts = urlsplit(address)
        is_plain = parts.username is None and not parts.query and not parts.fragment
        if parts.scheme in ("http", "https") and parts.hostname and is_plain and parts.port != 0:
            return parts.netloc
    except ValueError:
        pass
    raise InputError(
        f"{_without_user(address)!r} is not the address of a REST interface",
        next_step="write a host, or an address such as https://host/api/v4; tokens go into the environment",
    )


def _without_user(written: str) -> str:
    return re.sub(r"//[^/]*@", "//…@", written)
