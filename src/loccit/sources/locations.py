"""Telling what a location is: a folder of this machine, or a URL that may be fetched."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from loccit.core.errors import NotARepository, UnsafeSource
from loccit.sources.git_config import unreadable
from loccit.sources.names import name_from_folder, name_from_url
from loccit.sources.options import SourceOptions

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
# As in git: a colon before the first slash.
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:]+):(?P<path>.*)\Z", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\]_-]*\Z")
_SCHEMES = "a folder, https://, ssh://, file:// or user@host:path"


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A URL that may be fetched.

    `url` is what git is given and may hold a password; `location` is the same without it, fit to be shown and
    stored. `scheme` is https, http, ssh or file; for file, `folder` is the real path and `host` empty. `port`
    is the scheme's own where the URL names none.
    """

    url: str
    location: str
    scheme: str
    name: str
    host: str = ""
    port: int = 0
    folder: Path | None = None

    @property
    def canonical(self) -> str:
        """Equal for spellings of one repository: with and without `.git`, a slash at the end, a user."""
        text = re.sub(r"^((?:https?|ssh)://)[^@/]*@", r"\1", self.location)
        return text.rstrip("/").removesuffix(".git")


_PORTS = {"https": 443, "http": 80, "ssh": 22}


def is_folder(location: str) -> bool:
    """Whether a location is a path of this machine, whatever is there."""
    if location.startswith("-") or _HELPER.match(location) or _URL.match(location):
        return False
    return _SCP.match(location) is None or os.path.lexists(location)


def parse_location(location: str, options: SourceOptions) -> Path | RemoteUrl:
    """The real folder, or the URL.

    Raises UnsafeSource for what git would take as an option, a command or a transport that is not allowed,
    NotARepository for what is not there, SourceUnreadable for what may not be looked at.
    """
    if location.startswith("-"):
        raise UnsafeSource(
            f"{location!r} looks like an option", next_step="for a folder of that name, write './-name'"
        )
    if _HELPER.match(location):
        raise UnsafeSource(
            f"{location!r} names a transport that can run commands; expected {_SCHEMES}",
            next_step="for a folder of that name, write './name'",
        )
    if _URL.match(location):
        return _parse_url(location, options)
    scp = _SCP.match(location)
    if scp and not os.path.lexists(location):
        return _parse_scp(location, scp)
    return _real_folder(location)


def _parse_url(location: str, options: SourceOptions) -> RemoteUrl:
    shown = _without_password(location)
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotARepository(f"{shown!r} is not a URL: {error}", next_step=f"expected {_SCHEMES}") from error
    if _UNPRINTABLE.search(location):
        raise UnsafeSource(f"{shown!r} holds blanks or control characters", next_step="write them as %20")
    scheme = parts.scheme.lower()
    if scheme == "file":
        return _file_url(location, parts.netloc, unquote(parts.path))
    if scheme == "http" and not options.allow_http:
        raise UnsafeSource(
            f"{shown!r} would be fetched without encryption",
            next_step="use https, or set sources.allow_http = true",
        )
    if scheme not in {"https", "http", "ssh"}:
        raise UnsafeSource(f"{shown!r} has the scheme {scheme!r}", next_step=f"expected {_SCHEMES}")
    user = unquote(parts.username or "")
    if not _HOST.match(host) or user.startswith("-") or unquote(parts.path).startswith("/-"):
        raise UnsafeSource(f"{shown!r} has a host, user or path that could be taken for an option")
    login = f"{parts.username}@" if scheme == "ssh" and parts.username else ""
    host = f"[{host}]" if ":" in host else host
    place = f"{scheme}://{login}{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    name = name_from_url(place)
    if name is None:
        raise NotARepository(f"{shown!r} names no repository", next_step="expected https://host/owner/name")
    # A query or a fragment is no part of a repository's address.
    secret = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    url = f"{scheme}://{secret}{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return RemoteUrl(
        url=url, location=place, scheme=scheme, name=name, host=host, port=port or _PORTS[scheme]
    )


def _parse_scp(location: str, scp: re.Match[str]) -> RemoteUrl:
    user, host, path = scp["user"] or "", scp["host"], scp["path"]
    name = name_from_url(location)
    if _UNPRINTABLE.search(location) or not _HOST.match(host) or user.startswith("-") or path.startswith("-"):
        raise UnsafeSource(f"{location!r} could be taken for an option", next_step=f"expected {_SCHEMES}")
    if name is None:
        raise NotARepository(f"{location!r} is neither a folder nor a URL", next_step=f"expected {_SCHEMES}")
    return RemoteUrl(url=location, location=location, scheme="ssh", name=name, host=host.lower(), port=22)


def _file_url(location: str, host: str, path: str) -> RemoteUrl:
    if host.lower() not in {"", "localhost"}:
        raise UnsafeSource(f"{location!r} names another machine", next_step="write file:///absolute/path")
    folder = _real_folder(path)
    place = folder.as_uri()
    return RemoteUrl(url=place, location=place, scheme="file", name=name_from_folder(folder), folder=folder)


def _real_folder(path: str) -> Path:
    if not path or "\0" in path:
        raise NotARepository(f"{path!r} is not a path", next_step=f"expected {_SCHEMES}")
    try:
        real = Path(os.path.realpath(path, strict=True))
    except FileNotFoundError as error:
        raise NotARepository(f"there is no {path!r}", next_step=f"expected {_SCHEMES}") from error
    except (NotADirectoryError, UnicodeEncodeError) as error:
        raise NotARepository(f"{path!r} is not a path", next_step=f"expected {_SCHEMES}") from error
    except OSError as error:
        raise unreadable(Path(path), error) from error
    return real if real.is_dir() else real.parent


def _without_password(location: str) -> str:
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^@/]*@", r"\1", location)
