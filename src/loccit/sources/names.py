"""What a repository is called: where it comes from if that is known, else its folder's name."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_SCP = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?!//)(?P<path>[^\s]+)\Z")
# Folder names that say nothing: the folder above names the repository.
_GENERIC = frozenset({"repo", "git", ".git", "bare", "mirror", "repository", "checkout", "src"})


def key_of(location: str) -> str:
    """16 hex digits that stand for a canonical location."""
    return hashlib.sha256(location.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def name_from_url(url: str) -> str | None:
    """`host/owner/name` of a URL or of git's `user@host:path`, None for what names no host."""
    scp = _SCP.match(url)
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", unquote(parts.path)
        except ValueError:
            return None
        if parts.scheme not in {"http", "https", "ssh", "git", "git+ssh", "git+https"}:
            return None
    elif scp:
        host, path = scp["host"], scp["path"]
    else:
        return None
    pieces = [quote(piece, safe="+@~!,=-._") for piece in path.split("/") if piece not in {"", ".", ".."}]
    if not host or not pieces:
        return None
    pieces[-1] = pieces[-1].removesuffix(".git") or pieces[-1]
    return "/".join([host.lower(), *pieces])


def name_from_folder(folder: Path) -> str:
    """A folder's name, fit to print: `.git` taken off, and the folder above where the name says nothing."""
    named = folder
    while named.name.lower() in _GENERIC and named.parent.name:
        named = named.parent
    name = named.name.removesuffix(".git") or named.name or "root"
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)
