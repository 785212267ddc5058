"""A git repository of this machine, or the mirror of a URL, read through a bare git directory of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loccit.core.errors import ObjectCorrupt, ObjectMissing, RevisionNotFound
from loccit.core.permalinks import permalink
from loccit.core.progress import Progress
from loccit.core.source import Change, ChangedFile, CommitRecord, Snapshot, SnapshotStep, Tag, Touch
from loccit.sources.git import GitView, complaint
from loccit.sources.git_config import read_config
from loccit.sources.layout import GitLayout, check_objects
from loccit.sources.names import key_of, name_from_folder, name_from_url
from loccit.sources.options import SourceOptions
from loccit.sources.reader import BatchReader
from loccit.sources.reader_pool import LentReader, ReaderPool
from loccit.sources.refs import head_commit
from loccit.sources.repository import ChangedFiles, GrepMatch, ManyBlobReader, WordMatch
from loccit.sources.view import copy_reflogs, prepare_local, shallow_commits

if TYPE_CHECKING:
    from loccit.sources.listing import TreeFile

_MAX_REVISION_LENGTH = 4096
_MAX_RULES_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class GitReaderSpec:
    """What another process needs to read the same objects."""

    view: GitView
    max_object_bytes: int

    def open(self) -> BatchReader:
        """A reader with a git process of its own, started at the first read."""
        return BatchReader(self.view, max_object_bytes=self.max_object_bytes)


class GitOrigin(Protocol):
    """Where the objects and refs come from: a local repository or a URL."""

    @property
    def location(self) -> str:
        """The real path, or the URL without credentials."""
        ...

    @property
    def key(self) -> str:
        """16 hex digits for the canonical location."""
        ...

    @property
    def name(self) -> str:
        """What the repository is called."""
        ...

    @property
    def layout(self) -> GitLayout | None:
        """The folders of a local repository."""
        ...

    @property
    def is_sparse(self) -> bool:
        """Whether files may be missing from the work tree on purpose."""
        ...

    def head(self) -> str | None:
        """The commit that HEAD is at, where a glance tells."""
        ...

    def prepare(self) -> GitView:
        """A view with the refs as they are known now."""
        ...

    def refresh(self, progress: Progress) -> GitView:
        """A view with the newest refs."""
        ...


class LocalOrigin:
    """A repository of this machine, read in place."""

    def __init__(self, layout: GitLayout, *, home: Path, options: SourceOptions) -> None:
        self.layout: GitLayout | None = layout
        self._layout = layout
        self._options = options
        folder = layout.top or layout.git_dir
        self.location = str(folder)
        self.key = key_of(self.location)
        self._git_dir = home / "repositories" / self.key / "git"
        check_objects(layout, follow_alternates=options.follow_alternates)
        self._config = read_config(layout.common_dir)
        self.is_sparse = self._config.is_sparse
        self.name = name_from_url(self._config.origin_url or "") or name_from_folder(folder)

    def head(self) -> str | None:
        """The commit that HEAD is at now, where a glance tells."""
        return head_commit(self._layout, id_length=self._config.id_length)

    def prepare(self) -> GitView:
        """A view with the repository's refs as they are now."""
        return prepare_local(self._git_dir, self._layout, self._config)

    def refresh(self, progress: Progress) -> GitView:
        """The same: reading refs is quick."""
        progress("reading refs", 0, 0, "refs")
        check_objects(self._layout, follow_alternates=self._options.follow_alternates)
        return self.prepare()


class GitRepository:
    """A git repository. See `Repository` for what each method promises."""

    is_git = True

    def __init__(self, origin: GitOrigin, *, home: Path, options: SourceOptions) -> None:
        self._origin = origin
        self._options = options
        self._prepared: GitView | None = None
        # Full ids that were found to be commits.
        self._commits: set[str] = set()
        self._readers = ReaderPool()
        self.key = origin.key
        self.name = origin.name
        self.location = origin.location
        self._folder = home / "repositories" / self.key

    @property
    def has_working_tree(self) -> bool:
        """Whether files are checked out beside the commits."""
        layout = self._origin.layout
        return layout is not None and layout.top is not None

    def refresh(self, progress: Progress) -> None:
        """Fetches a URL; reads a local repository's refs again."""
        self._prepared = self._origin.refresh(progress)

    def resolve(self, rev: str | None = None) -> str:
        """The full id of the commit that `rev` names now, HEAD by default."""
        head = self._origin.head() if rev is None else None
        if head is not None:
            return head
        if rev in self._commits:
            return rev
        # Refs may have moved since they were copied.
        self._prepared = self._origin.prepare()
        wanted = "HEAD" if rev is None else rev
        if not _can_be_passed(wanted):
            raise RevisionNotFound(
                f"{wanted[:80]!r} is not a revision", next_step="expected what 'git rev-parse' takes"
            )
        view = self._view()
        layout = self._origin.layout
        if "@{" in wanted and layout is not None:
            copy_reflogs(Path(view.git_dir), layout)
        if wanted.startswith(":/"):
            # What follows is searched for as it stands, so it is looked up before it is asked to be a commit.
            wanted = self._rev_parse(view, wanted, wanted)
        commit = self._rev_parse(view, f"{wanted}^{{commit}}", wanted)
        if commit == wanted:
            # A full id names the same commit for ever.
            self._commits.add(commit)
        return commit

    def snapshot(self, rev: str | None = None) -> Snapshot:
        """The files at `rev`, HEAD by default."""
        from loccit.sources.listing import list_tree, sort_out

        commit = self.resolve(rev)
        view = self._view()
        files = list_tree(view, commit)
        with self.reader() as reader:
            header = reader.read(commit).data
            entries, skipped = sort_out(
                files,
                read=lambda file: _rules_text(reader, file),
                max_file_bytes=self._options.max_file_bytes,
            )
        return Snapshot(
            repo=self.name,
            commit=commit,
            tree=header[5 : 5 + view.id_length].decode("ascii"),
            committed_at=_commit_time(header),
            entries=entries,
            skipped=skipped,
            is_shallow=bool(shallow_commits(view)),
        )

    def reader(self) -> LentReader:
        """Reads objects by id, through a git process that may have read for others before."""
        return self._readers.lend(self.reader_spec())

    def reader_spec(self) -> GitReaderSpec:
        """What another process needs to read the same objects."""
        return GitReaderSpec(self._view(), self._options.max_object_bytes)

    def changed_files(self, snapshot: Snapshot) -> ChangedFiles:
        """How the work tree differs from `snapshot`."""
        layout = self._origin.layout
        if layout is None or layout.top is None:
            return ChangedFiles()
        from loccit.sources.working_tree import WorkingTree

        tree = WorkingTree(
            layout.top,
            cache=self._folder / "worktree.json",
            is_sparse=self._origin.is_sparse,
            read=self.reader,
        )
        return tree.changed_files(snapshot)

    def commits(self, tip: str, known: Collection[str]) -> Iterator[CommitRecord]:
        """The commits reachable from `tip` but not from any in `known`, oldest first."""
        from loccit.sources.history import read_history

        return read_history(self._view(), tip, known, options=self._options)

    def changes(self, tip: str, known: Collection[str]) -> Iterator[Change]:
        """The commits reachable from `tip` but not from any in `known`, with the blobs they changed."""
        from loccit.sources.changes import read_changes

        return read_changes(self._view(), tip, known)

    def differences(self, commits: Sequence[str]) -> Iterator[list[ChangedFile]]:
        """For each commit but the first, how its tree differs from that of the one before it."""
        from loccit.sources.changes import read_differences

        return read_differences(self._view(), commits)

    def steps(self, commits: Sequence[str]) -> Iterator[SnapshotStep]:
        """What the snapshot of each commit has otherwise than that of the one before it."""
        from loccit.sources.steps import read_steps

        with self.reader() as reader:
            yield from read_steps(
                self._view(),
                commits,
                read=lambda file: _rules_text(reader, file),
                max_file_bytes=self._options.max_file_bytes,
            )

    def ancestors(self, tip: str) -> list[str]:
        """`tip` and all commits reachable from it, newest first."""
        from loccit.sources.history import ancestors_of

        return ancestors_of(self._view(), tip)

    def touches(self, commits: Sequence[str], paths: Sequence[str]) -> Iterator[Touch]:
        """How each of these commits changed these files."""
        from loccit.sources.touches import read_touches

        return read_touches(self._view(), commits, paths)

    def tags(self) -> tuple[Tag, ...]:
        """The tags that name commits, oldest first."""
        from loccit.sources.moments import read_tags

        return read_tags(self._view())

    def without(self, tip: str, excluded: Sequence[str]) -> frozenset[str]:
        """The commits reachable from `tip` but not from any in `excluded`."""
        from loccit.sources.moments import reachable_without

        return reachable_without(self._view(), tip, excluded)

    def commit_at(self, time: int) -> str:
        """The commit that HEAD's branch was at, at `time`."""
        from loccit.sources.moments import commit_at

        return commit_at(self._view(), self.resolve(), time)

    def grep(
        self,
        pattern: str,
        *,
        commit: str,
        paths: Sequence[str],
        ignore_case: bool,
        timeout_s: float,
        max_matches: int,
    ) -> Iterator[GrepMatch]:
        """Lines at `commit` that match a POSIX extended regular expression."""
        from loccit.sources.grep import GrepQuestion, grep_commit

        question = GrepQuestion(pattern, paths, ignore_case, timeout_s, max_matches)
        return grep_commit(self.reader_spec(), question, commit)

    def match_words(self, words: Sequence[str], *, commit: str, paths: Sequence[str]) -> dict[str, WordMatch]:
        """Which of these files at `commit` hold any of the words."""
        from loccit.sources.word_grep import match_words

        return match_words(self._view(), words, commit=commit, paths=paths)

    def permalink(self, *, commit: str, path: str, start_line: int, end_line: int) -> str | None:
        """A web address of these lines, where the host is known."""
        return permalink(self.name, commit, path, start_line, end_line)

    def _view(self) -> GitView:
        if self._prepared is None:
            self._prepared = self._origin.prepare()
        return self._prepared

    def _rev_parse(self, view: GitView, expression: str, wanted: str) -> str:
        found = view.run("rev-parse", "--verify", "--end-of-options", expression)
        commit = found.stdout.decode("ascii", "replace").strip()
        if found.returncode == 0 and len(commit) == view.id_length:
            return commit
        raise self._not_found(view, wanted, complaint(found.stderr))

    def _not_found(self, view: GitView, wanted: str, reason: str) -> RevisionNotFound:
        import difflib

        listing = view.run(
            "for-each-ref", "--format=%(refname:lstrip=2)", "--sort=-creatordate", "--count=2000"
        )
        names = listing.stdout.decode("utf-8", "replace").split("\n")[:-1]
        if not names and view.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode:
            return RevisionNotFound(
                f"{self.name!r} has no commits, so no {wanted!r}",
                next_step="commit something there, then try again",
            )
        close = difflib.get_close_matches(wanted, names, n=3) or names[:3]
        hint = f"try one of {', '.join(map(repr, close))}, or a commit id" if close else "give a commit id"
        detail = f" ({reason})" if "ambiguous" in reason and "unknown revision" not in reason else ""
        return RevisionNotFound(f"{self.name!r} has no revision {wanted!r}{detail}", next_step=hint)


def _can_be_passed(rev: str) -> bool:
    """Whether `rev` can be an argument of a process at all."""
    if not rev or len(rev) > _MAX_REVISION_LENGTH or "\0" in rev:
        return False
    try:
        rev.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _rules_text(reader: ManyBlobReader, file: TreeFile) -> bytes | None:
    if file.size is None or file.size > _MAX_RULES_BYTES:
        return None
    with suppress(ObjectMissing, ObjectCorrupt):
        return reader.read(file.blob).data
    return None


def _commit_time(header: bytes) -> int:
    """The committer's time in a commit's own text; 0 where a damaged header names none."""
    for line in header.split(b"\n\n", 1)[0].split(b"\n"):
        if line.startswith(b"committer "):
            stamp = line.rsplit(b" ", 2)[-2:-1]
            return int(stamp[0]) if stamp and stamp[0].isdigit() else 0
    return 0
