"""What benchmarks need from git: warm packs, a clone to commit into, subjects, names and paths to ask for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_AUTHOR = {
    "GIT_AUTHOR_NAME": "benchmark",
    "GIT_AUTHOR_EMAIL": "benchmark@localhost",
    "GIT_COMMITTER_NAME": "benchmark",
    "GIT_COMMITTER_EMAIL": "benchmark@localhost",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(
    repository: Path, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """What a git command prints. Raises CalledProcessError."""
    command = ["git", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        check=True,
        env={**os.environ, **_AUTHOR, **(environment or {})},
    )
    return done.stdout


def lines(repository: Path, *arguments: str) -> list[str]:
    """The lines that a git command prints."""
    return git(repository, *arguments).decode("utf-8", "replace").splitlines()


def head(repository: Path) -> str:
    """The commit of HEAD."""
    return lines(repository, "rev-parse", "HEAD")[0]


def warm(repository: Path) -> None:
    """Read the packs once, so that no measurement waits for the disk."""
    for pack in sorted(repository.rglob("*.pack")):
        with pack.open("rb") as data:
            while data.read(1 << 22):
                pass


def clone(repository: Path, into: Path) -> Path:
    """A bare clone that stands alone: no alternates, objects linked or copied."""
    git(into.parent, "clone", "--bare", "--local", "--quiet", str(repository), str(into))
    return into


def commit_changes(repository: Path, count: int, mark: str) -> str:
    """A new commit on HEAD of a bare repository: a line more in so many Python files, evenly spread."""
    rows = [row.split("\t") for row in lines(repository, "-c", "core.quotePath=off", "ls-tree", "-r", "HEAD")]
    files = [(meta.split(), path) for meta, path in rows if path.endswith(".py") and meta.startswith("100")]
    chosen = [files[number * len(files) // count] for number in range(count)]
    index = {"GIT_INDEX_FILE": str(repository / "benchmark-index")}
    git(repository, "read-tree", "HEAD", environment=index)
    entries: list[str] = []
    for (mode, _, blob), path in chosen:
        data = git(repository, "cat-file", "blob", blob) + f"\n# {mark}\n".encode()
        changed = git(repository, "hash-object", "-w", "--stdin", given=data).decode().strip()
        entries.append(f"{mode} {changed}\t{path}\n")
    git(repository, "update-index", "--index-info", given="".join(entries).encode(), environment=index)
    tree = git(repository, "write-tree", environment=index).decode().strip()
    commit = git(repository, "commit-tree", tree, "-p", "HEAD", "-m", f"Change {count} files: {mark}")
    git(repository, "update-ref", "HEAD", commit.decode().strip())
    return commit.decode().strip()


def subjects(repository: Path, count: int, revision: str = "HEAD") -> list[str]:
    """Subjects of so many commits, evenly spread over the newest 5,000 that are no merges."""
    found = [
        s for s in lines(repository, "log", "--no-merges", "--format=%s", "-n", "5000", revision) if s.strip()
    ]
    return spread(found, count)


def spread(values: list[str], count: int) -> list[str]:
    """So many of the values (all, where there are fewer), at even distances."""
    wanted = min(count, len(values))
    return [values[number * len(values) // wanted] for number in range(wanted)]


def text_files(repository: Path, revision: str) -> list[tuple[str, bytes]]:
    """Paths and bytes of the files that git takes for text, empty ones left out, in path order."""
    listed = git(repository, "grep", "-I", "-l", "-z", "-e", "", revision)
    # `git grep` prefixes what it finds with the revision as it was written.
    names = [name.decode("utf-8", "replace").partition(":")[2] for name in listed.split(b"\0") if name]
    asked = "".join(f"{revision}:{name}\n" for name in names).encode()
    answered = git(repository, "cat-file", "--batch", given=asked)
    found: list[tuple[str, bytes]] = []
    at = 0
    for name in names:
        end = answered.index(b"\n", at)
        size = int(answered[at:end].split()[2])
        found.append((name, answered[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return found
