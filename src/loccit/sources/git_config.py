"""Reading a repository's configuration as data: nothing in it takes effect, and includes are not followed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import SourceUnreadable
from loccit.sources.git import complaint, inherited_environment, run_git

_MAX_CONFIG_BYTES = 1_000_000
# Extensions that change nothing about how objects and refs are read.
_HARMLESS_EXTENSIONS = frozenset(
    {
        "noop",
        "noop-v1",
        "partialclone",
        "preciousobjects",
        "worktreeconfig",
        "objectformat",
        "refstorage",
        "relativeworktrees",
    }
)


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """The few facts we take from a repository's configuration."""

    origin_url: str | None
    id_length: int
    is_sparse: bool
    upstreams: tuple[tuple[str, str], ...]


def read_config(common_dir: Path) -> RepositoryConfig:
    """The facts in `common_dir/config`; a repository without that file has git's defaults.

    Raises SourceUnreadable for a file that is no configuration and for formats that we cannot read.
    """
    values = parse_config(
        read_small_file(common_dir / "config", limit=_MAX_CONFIG_BYTES) or b"", str(common_dir)
    )
    _refuse_unknown_formats(values, common_dir)
    sparse = values.get("core.sparsecheckout", "false").lower() in {"true", "yes", "on", "1"}
    worktree_config = read_small_file(common_dir / "config.worktree", limit=_MAX_CONFIG_BYTES)
    if worktree_config:
        sparse = sparse or b"sparsecheckout = true" in worktree_config.lower()
    return RepositoryConfig(
        origin_url=values.get("remote.origin.url"),
        id_length=64 if values.get("extensions.objectformat", "sha1").lower() == "sha256" else 40,
        is_sparse=sparse,
        upstreams=_upstreams(values),
    )


def parse_config(data: bytes, where: str) -> dict[str, str]:
    """The last value of each key, as git reads them without following includes."""
    if not data:
        return {}
    environment = inherited_environment() | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_DIR": os.devnull,
        "LC_ALL": "C",
    }
    listing = run_git(
        ["config", "--file", "-", "--no-includes", "--null", "--list"],
        environment=environment,
        folder="/",
        stdin=data,
    )
    if listing.returncode:
        raise SourceUnreadable(
            f"the configuration of {where!r} cannot be read: {complaint(listing.stderr)}",
            next_step="run 'git config --list' there to see what is wrong",
        )
    values: dict[str, str] = {}
    for item in listing.stdout.decode("utf-8", "surrogateescape").split("\0"):
        key, has_value, value = item.partition("\n")
        if key:
            values[key] = value if has_value else "true"
    return values


def read_small_file(path: Path, *, limit: int) -> bytes | None:
    """A regular file's bytes, None when there is none.

    Raises SourceUnreadable for what is bigger or no file.
    """
    try:
        # Without O_NONBLOCK a FIFO put there would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise SourceUnreadable(
                f"{str(path)!r} is not what git keeps there: expected a file of at most {limit:,} bytes",
                next_step="check the repository with 'git fsck'",
            )
        return file.read(limit + 1)


def unreadable(path: Path, error: OSError) -> SourceUnreadable:
    """The error for something of the user's that we were not allowed, or not able, to read."""
    reason = (error.strerror or str(error)).lower()
    return SourceUnreadable(f"cannot read {str(path)!r}: {reason}", next_step="check its permissions")


def _refuse_unknown_formats(values: dict[str, str], common_dir: Path) -> None:
    storage = values.get("extensions.refstorage", "files").lower()
    if storage != "files":
        raise SourceUnreadable(
            f"{str(common_dir)!r} keeps its refs as {storage!r}, expected 'files'",
            next_step="run 'git refs migrate --ref-format=files' there, or index a clone of it",
        )
    object_format = values.get("extensions.objectformat", "sha1").lower()
    if object_format not in {"sha1", "sha256"}:
        raise SourceUnreadable(
            f"{str(common_dir)!r} has objects in format {object_format!r}, expected sha1 or sha256"
        )
    for key in values:
        section, _, name = key.partition(".")
        if section == "extensions" and name.lower() not in _HARMLESS_EXTENSIONS:
            raise SourceUnreadable(
                f"{str(common_dir)!r} needs the git extension {name!r}, which this version cannot read",
                next_step="index a fresh clone of it",
            )


def _upstreams(values: dict[str, str]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for key, remote in values.items():
        if key.startswith("branch.") and key.endswith(".remote"):
            branch = key[len("branch.") : -len(".remote")]
            merge = values.get(f"branch.{branch}.merge", "")
            if merge.startswith("refs/heads/"):
                name = merge[len("refs/heads/") :]
                target = merge if remote == "." else f"refs/remotes/{remote}/{name}"
                found.append((branch, target))
    return tuple(found)
