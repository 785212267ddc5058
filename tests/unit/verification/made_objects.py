"""Repositories for these tests: objects made by hand in memory, and a plain reader of real ones."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from loccit.core.answers import Answer, Citation, Claim, digest_of, seal
from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.core.source import GitObject
from loccit.verification import check_quotation

REPO = "github.com/someone/project"
_SIGNATURE = "A U Thor <author@example.org> 1700000000 +0000"


class MadeRepository:
    """Git objects in a dictionary. `read` hands out whatever is stored under an id, true or not."""

    def __init__(self, *, hex_digits: int = 40) -> None:
        self.objects: dict[str, GitObject] = {}
        self._hex_digits = hex_digits

    def add(self, kind: str, data: bytes) -> str:
        header = f"{kind} {len(data)}\0".encode()
        algorithm = hashlib.sha1 if self._hex_digits == 40 else hashlib.sha256
        object_id = algorithm(header + data).hexdigest()
        self.objects[object_id] = GitObject(kind, data)
        return object_id

    def add_tree(self, files: dict[bytes, bytes | tuple[bytes, str]]) -> str:
        """Paths to contents, or to a mode and the id of something that is there already."""
        folders: dict[bytes, dict[bytes, bytes | tuple[bytes, str]]] = {}
        entries: list[tuple[bytes, bytes, str]] = []
        for path, content in files.items():
            head, slash, rest = path.partition(b"/")
            if slash:
                folders.setdefault(head, {})[rest] = content
            elif isinstance(content, bytes):
                entries.append((head, b"100644", self.add("blob", content)))
            else:
                entries.append((head, *content))
        entries += [(name, b"40000", self.add_tree(inside)) for name, inside in folders.items()]
        entries.sort(key=lambda entry: entry[0] + (b"/" if entry[1] == b"40000" else b""))
        return self.add(
            "tree", b"".join(mode + b" " + name + b"\0" + bytes.fromhex(id_) for name, mode, id_ in entries)
        )

    def add_commit(self, tree: str, *, parents: tuple[str, ...] = (), message: bytes = b"A change.\n") -> str:
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {_SIGNATURE}", f"committer {_SIGNATURE}", "", ""]
        return self.add("commit", "\n".join(lines).encode() + message)

    def read(self, object_id: str) -> GitObject:
        if object_id not in self.objects:
            raise ObjectMissing(f"no object {object_id}")
        return self.objects[object_id]


class PlainReader:
    """What `git cat-file` prints about an object of a repository, unchecked."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def read(self, object_id: str) -> GitObject:
        done = subprocess.run(
            ["git", "-C", str(self._repository), "cat-file", "--batch"],
            input=f"{object_id}\n".encode(),
            capture_output=True,
            check=False,
        )
        header, _, rest = done.stdout.partition(b"\n")
        if header.endswith(b" missing") and not done.stderr:
            raise ObjectMissing(f"no object {object_id}")
        fields = header.split()
        if done.returncode or len(fields) != 3:
            raise ObjectCorrupt(f"git cannot read {object_id}: {done.stderr.decode()}")
        return GitObject(fields[1].decode(), rest[: int(fields[2])])


Model = TypeVar("Model", bound=BaseModel)


def changed(value: Model, **changes: object) -> Model:
    """The value with other fields, validated again."""
    return type(value).model_validate(value.model_dump() | changes)


def resealed(answer: Answer, **changes: object) -> Answer:
    """The answer with other fields and the digest that they have."""
    other = changed(answer, **changes)
    return changed(other, digest=digest_of(other.model_dump(mode="json")))


def snapshot(commit: str | None, tree: str | None, *, repo: str = REPO) -> dict[str, object]:
    """A snapshot's fields."""
    return {"repo": repo, "commit": commit, "tree": tree, "indexed_at": "2026-01-01T00:00:00Z", "files": 1}


def quotation(*citations: Citation) -> Claim:
    """The claim that quotes these citations, with its verdict."""
    draft = Claim.model_validate(
        {
            "text": citations[0].quote,
            "kind": "quotation",
            "citations": citations,
            "verdict": {"label": "unchecked", "score": None, "checker": "none", "version": "1"},
            "why": ("defines it",),
        }
    )
    return changed(draft, verdict=check_quotation(draft))


def answered(*citations: Citation, snapshots: list[dict[str, object]], **changes: object) -> Answer:
    """A sealed answer with a quotation per citation."""
    fields: dict[str, object] = {
        "question": "where is it?",
        "outcome": "answered",
        "abstention": None,
        "confidence": 0.9375,
        "claims": [quotation(citation) for citation in citations],
        "dropped": [],
        "snapshots": snapshots,
    }
    return seal(**(fields | changes))


@dataclass(frozen=True)
class RealRepository:
    """A bare repository and its newest commit."""

    path: Path
    commit: str
    first_commit: str

    def git(self, *arguments: str, data: bytes = b"") -> str:
        """What a git command prints, without the last line's end."""
        return _git(self.path, *arguments, data=data).decode().removesuffix("\n")


def _git(path: Path, *arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", str(path), *arguments], input=data, capture_output=True, check=True
    ).stdout


def make_repository(path: Path, files: dict[bytes, bytes], *, object_format: str = "sha1") -> RealRepository:
    """Two commits: the first holds one of the files, the second all of them."""
    path.mkdir()
    _git(path, "init", "--quiet", "--bare", f"--object-format={object_format}", ".")
    commits: list[str] = []
    for count in (1, len(files)):
        for name, content in list(files.items())[:count]:
            blob = _git(path, "hash-object", "-w", "--stdin", data=content).strip()
            _git(path, "update-index", "-z", "--index-info", data=b"100644 %s\t%s\0" % (blob, name))
        tree = _git(path, "write-tree").decode().strip()
        parents = [word for parent in commits[-1:] for word in ("-p", parent)]
        message = f"Commit {count}.\n\nGrüße.\n".encode()
        commits.append(_git(path, "commit-tree", tree, *parents, data=message).decode().strip())
    _git(path, "update-ref", "refs/heads/main", commits[-1])
    return RealRepository(path, commits[-1], commits[0])


FILES = {
    b"src/app.py": "def grüß():\n    return 'hallo'\n".encode(),
    b"docs/wide.txt": b"\xff\xfe" + "one\nzwö\n𝒳 three\n".encode("utf-16-le"),
    b"docs/wide-be.txt": b"\xfe\xff" + "one\nzwö\n".encode("utf-16-be"),
    b"docs/old.txt": "caf\xe9\ncr\xe8me\n".encode("latin-1"),
    b"docs/caf\xe9.md": b"# A path that is not UTF-8\n",
    b"with \n newline": b"odd\n",
}
