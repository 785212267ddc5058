"""A repository at a commit, and what a run changes in it: kept as git objects of ours, checked out nowhere.

Files are read by object id, through the same reader as everything else; the user's repository is never
written, and nothing in it runs. What is changed becomes blobs, trees and commits in a bare repository under
the home folder that borrows the user's objects. Its refs are the whole state, moved in one transaction: a
process that is killed leaves either all of a change or nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loccit.agents.fix.paths import tree_path
from loccit.core.errors import InputError, LimitExceeded, ObjectMissing, StorageFailed, Unsupported
from loccit.core.source import FileMode, path_bytes
from loccit.sources.git import GitView, complaint, run_git
from loccit.sources.git_repository import GitReaderSpec
from loccit.sources.home_files import make_folder, writing_home
from loccit.sources.listing import TreeFile, list_tree
from loccit.sources.reader import BatchReader
from loccit.sources.repository import Repository
from loccit.sources.view import prepare_git_dir

BOT_NAME = "loccit"
BOT_EMAIL = "loccit@localhost"
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_MOST_CHANGED_FILES = 200
_EDITABLE = frozenset({FileMode.REGULAR, FileMode.EXECUTABLE})


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that was made: the commit in the chain of edits that it became, and what was said of it."""

    commit: str
    said: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How much a file changed. A binary file has no lines."""

    path: str
    added: int
    removed: int


class WorkingCopy:
    """The files of one run.

    `base` is the commit that it began at. Edits are a chain of commits from there, one per edit, known by the
    id of what was intended; steps are another chain, one commit per step, which is what becomes a branch.
    Close it, or use it as a context manager. One caller at a time.
    """

    def __init__(self, view: GitView, *, base: str, run: str, time: int, max_object_bytes: int) -> None:
        """Of a run that began at `time` (seconds since the epoch): the time that its commits have."""
        if not _RUN.match(run):
            raise InputError(f"{run!r} is not the id of a run")
        self._view = view
        self._refs = f"refs/loccit/{run}"
        self._time = time
        self._reader = BatchReader(view, max_object_bytes=max_object_bytes)
        self._listed: tuple[str, dict[str, TreeFile]] | None = None
        self._tips: dict[str, str] = {}
        self.base = base
        if self._ref("work") is None:
            self._move({"work": base, "steps": base})

    def __enter__(self) -> WorkingCopy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that reads. The next read starts another."""
        self._reader.close()

    @property
    def view(self) -> GitView:
        """The git directory of ours, with the objects that it may read."""
        return self._view

    @property
    def blobs(self) -> BatchReader:
        """Reads any object of the run or of the repository, by id."""
        return self._reader

    @property
    def head(self) -> str:
        """The commit of the last edit; `base` before the first."""
        return self._tip("work")

    @property
    def last_step(self) -> str:
        """The commit of the last step; `base` before the first."""
        return self._tip("steps")

    def files(self, commit: str = "") -> Mapping[str, TreeFile]:
        """What is at a commit of the run, by path in order of their bytes; by default as it is now."""
        wanted = commit or self.head
        if self._listed is None or self._listed[0] != wanted:
            self._listed = (wanted, {file.path: file for file in list_tree(self._view, wanted)})
        return self._listed[1]

    def read(self, path: str, commit: str = "") -> bytes | None:
        """The bytes of a regular file as it is now, or at a commit; None where there is none."""
        file = self.files(commit).get(path)
        return None if file is None or file.mode not in _EDITABLE else self._reader.read(file.blob).data

    def contents(self, commit: str = "") -> Iterator[tuple[TreeFile, bytes]]:
        """Each regular file and symbolic link with its bytes; what a partial clone lacks is left out."""
        for file in self.files(commit).values():
            if file.mode is not FileMode.SUBMODULE:
                with suppress(ObjectMissing):
                    yield file, self._reader.read(file.blob).data

    def done(self, intent: str) -> Applied | None:
        """What came of an edit that was intended under this id; None where it was not made."""
        commit = self._ref(_intent(intent))
        return None if commit is None else Applied(commit, self._said(commit))

    def apply(self, changes: Mapping[str, bytes | None], said: str, *, intent: str) -> Applied:
        """Write these files (None takes one away), and keep what is said of it under the id of the intent.

        The same intent a second time changes nothing and gives what it gave. Raises InputError for a path
        that is no file's, LimitExceeded for too many, StorageFailed.
        """
        earlier = self.done(intent)
        if earlier is not None:
            return earlier
        head = self.head
        for path in changes:
            self._check_path(path, changes)
        commit = self._commit(self._tree(head, changes), head, json.dumps({"intent": intent, "said": said}))
        if len(self.changed(self.base, commit)) > _MOST_CHANGED_FILES:
            raise LimitExceeded(
                "number of changed files", len(self.changed(self.base, commit)), _MOST_CHANGED_FILES
            )
        self._move({"work": commit, _intent(intent): commit})
        return Applied(commit, said)

    def go_back(self, commit: str, *, intent: str) -> Applied:
        """Make the files again what they were at a commit of the run. Raises InputError for another one."""
        earlier = self.done(intent)
        if earlier is not None:
            return earlier
        said = f"the files are again as they were at {commit[:12]}"
        moved = self._commit(self._tree_of(commit), self.head, json.dumps({"intent": intent, "said": said}))
        self._move({"work": moved, _intent(intent): moved})
        return Applied(moved, said)

    def end_step(self, name: str, message: str) -> str | None:
        """The commit that all edits since the last step become, None where nothing changed.

        A second time for the same name it gives the commit that the first gave.
        """
        known = self._ref(_intent(f"step {name}"))
        if known is not None:
            return known
        tree, last = self._tree_of(self.head), self.last_step
        if tree == self._tree_of(last):
            return None
        commit = self._commit(tree, last, message)
        self._move({"steps": commit, _intent(f"step {name}"): commit})
        return commit

    def name_branch(self, name: str) -> str:
        """Gives the last step a branch's name in our repository; the name's full ref."""
        ref = f"refs/heads/{name}"
        if self._view.run("check-ref-format", ref).returncode:
            raise InputError(f"{name!r} is no name of a branch")
        self._update([f"update {ref} {self.last_step}"])
        return ref

    def changed(self, old: str, new: str = "") -> tuple[FileDiff, ...]:
        """The files that differ between two commits of the run, by path."""
        printed = self._printed("diff-tree", "-r", "-z", "--numstat", "--no-renames", old, new or self.head)
        rows = (row.split(b"\t", 2) for row in printed.split(b"\0") if row)
        return tuple(
            FileDiff(
                path.decode("utf-8", "surrogateescape"),
                int(added) if added.isdigit() else 0,
                int(removed) if removed.isdigit() else 0,
            )
            for added, removed, path in rows
        )

    def diff(self, old: str, new: str = "", paths: Sequence[str] = ()) -> str:
        """The unified diff between two commits of the run, as git computes it from the objects alone."""
        options = ("-r", "-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--no-color")
        named = ("--", *paths) if paths else ()
        printed = self._printed("--literal-pathspecs", "diff-tree", *options, old, new or self.head, *named)
        return printed.decode("utf-8", "replace")

    def reader_spec(self) -> GitReaderSpec:
        """What reads the same objects: for searching by regular expression, and for citations."""
        return GitReaderSpec(self._view, max_object_bytes=1 << 30)

    def bundle(self, ref: str) -> bytes:
        """A git bundle of a ref of the run: `git fetch FILE REF` brings it into a clone that has `base`."""
        return self._printed("bundle", "create", "-q", "-", ref, f"^{self.base}")

    def patches(self, last: str = "") -> bytes:
        """The steps as `git am` takes them, one after another."""
        options = ("--stdout", "--no-ext-diff", "--no-textconv", "--no-signature", "--no-renames")
        return self._printed("format-patch", *options, f"{self.base}..{last or self.last_step}")

    def _check_path(self, path: str, changes: Mapping[str, bytes | None]) -> None:
        if tree_path(path) != path:
            raise InputError(
                f"the path {path!r} is not spelled as in a tree", next_step=f"{tree_path(path)!r}"
            )
        files = self.files()
        present = files.get(path)
        if present is not None and present.mode not in _EDITABLE:
            what = "a symbolic link" if present.mode is FileMode.SYMLINK else "a submodule"
            raise InputError(f"{path!r} is {what}", next_step="edit regular files alone")
        if present is None and changes[path] is None:
            raise InputError(f"there is no file {path!r} to delete", next_step="list the files of its folder")
        names = path.split("/")
        for folder in ("/".join(names[:count]) for count in range(1, len(names))):
            if folder in files and changes.get(folder, b"") is not None:
                raise InputError(f"{folder!r} is no folder, so {path!r} cannot be in it")
        if present is None and any(other.startswith(f"{path}/") for other in files):
            raise InputError(f"{path!r} is a folder", next_step="name a file in it")

    def _tree(self, commit: str, changes: Mapping[str, bytes | None]) -> str:
        """The tree of a commit with these changes in it."""
        files = self.files(commit)
        rows: list[bytes] = []
        for path, data in changes.items():
            name = path_bytes(path)
            if data is None:
                rows.append(b"0 %s\t%s\0" % (b"0" * self._view.id_length, name))
                continue
            blob = self._printed("hash-object", "-w", "--stdin", "--no-filters", stdin=data).strip()
            mode = files[path].mode if path in files else FileMode.REGULAR
            rows.append(b"%s %s\t%s\0" % (mode.value.encode(), blob, name))
        with tempfile.TemporaryDirectory(prefix="index-", dir=self._view.git_dir) as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._printed("read-tree", commit, more=index)
            # What is taken away comes first: a file may take the place of a folder.
            rows.sort(key=lambda row: not row.startswith(b"0 "))
            self._printed("update-index", "-z", "--index-info", stdin=b"".join(rows), more=index)
            # A partial clone has trees without all of their blobs.
            return self._printed("write-tree", "--missing-ok", more=index).decode().strip()

    def _tree_of(self, commit: str) -> str:
        header = self._reader.read(commit).data
        return header[5 : 5 + self._view.id_length].decode("ascii")

    def _commit(self, tree: str, parent: str, message: str) -> str:
        """The same bytes, so the same id, whenever and wherever the run makes it."""
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", BOT_NAME), ("EMAIL", BOT_EMAIL), ("DATE", f"@{self._time} +0000"))
        }
        return (
            self._printed(
                "commit-tree", tree, "-p", parent, stdin=message.encode("utf-8", "replace"), more=who
            )
            .decode()
            .strip()
        )

    def _said(self, commit: str) -> str:
        message = self._reader.read(commit).data.partition(b"\n\n")[2]
        kept: dict[str, Any] = json.loads(message)
        return str(kept["said"])

    def _ref(self, name: str) -> str | None:
        found = self._view.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{self._refs}/{name}")
        return None if found.returncode else found.stdout.decode().strip()

    def _tip(self, name: str) -> str:
        if name not in self._tips:
            found = self._ref(name)
            if found is None:
                raise StorageFailed(
                    f"{self._refs}/{name} is gone from {self._view.git_dir!r}", next_step="start the run anew"
                )
            self._tips[name] = found
        return self._tips[name]

    def _move(self, refs: Mapping[str, str]) -> None:
        """Sets all of these or none. Where another process has moved one since we read it, none."""
        nothing = "0" * self._view.id_length
        was = {name: self._tips.get(name, nothing) for name in refs}
        self._update([f"update {self._refs}/{name} {commit} {was[name]}" for name, commit in refs.items()])
        self._tips.update({name: commit for name, commit in refs.items() if name in {"work", "steps"}})

    def _update(self, lines: Sequence[str]) -> None:
        """In one transaction of git's."""
        text = "\n".join(("start", *lines, "prepare", "commit", ""))
        self._printed("update-ref", "--stdin", stdin=text.encode())

    def _printed(self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
        done = run_git(
            arguments,
            environment=self._view.environment() | dict(more or {}),
            folder=self._view.git_dir,
            stdin=stdin,
        )
        if done.returncode:
            raise StorageFailed(
                f"git {arguments[0]} failed in {self._view.git_dir!r}: {complaint(done.stderr)}",
                next_step="free some space there, or start the run anew",
            )
        return done.stdout


def open_working_copy(repository: Repository, *, base: str, folder: Path, run: str, time: int) -> WorkingCopy:
    """The working copy of a run, as the run left it if it was there before.

    `folder` is where the repository's fixes are kept. Raises Unsupported for a plain folder,
    RevisionNotFound, StorageFailed.
    """
    spec = repository.reader_spec() if repository.is_git else None
    if not isinstance(spec, GitReaderSpec):
        raise Unsupported(
            f"{repository.name!r} is a folder without commits",
            next_step="make it a git repository: 'git init', 'git add', 'git commit'",
        )
    commit = repository.resolve(base)
    git_dir = folder / "git"
    with writing_home(git_dir):
        make_folder(git_dir)
    prepare_git_dir(git_dir, id_length=spec.view.id_length)
    # Refs of other repositories of ours are not read here, objects are.
    borrowed = (f"{spec.view.git_dir}/objects", *spec.view.object_folders)
    view = GitView(str(git_dir), borrowed, spec.view.id_length)
    return WorkingCopy(view, base=commit, run=run, time=time, max_object_bytes=spec.max_object_bytes)


def branch_name(issue: str, run: str) -> str:
    """The fresh branch of a run: `loccit/fix-12-3f9a`. What a branch cannot be named with is left out."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", issue).strip("-").lower()[:40].strip("-") or "issue"
    return f"loccit/fix-{name}-{hashlib.sha256(run.encode()).hexdigest()[:4]}"


def _intent(intent: str) -> str:
    return f"done/{hashlib.sha256(intent.encode()).hexdigest()[:40]}"
