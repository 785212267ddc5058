"""The issues of one tracker on our disk: a bare git repository, in which each synchronisation is a commit.

The commit's tree holds `issues/ID.md` for every issue and `state.json`, which says how far the tracker was
read. Both are published by one update of one ref, so a kill at any moment leaves the state before.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from loccit.core.errors import IndexBroken, IndexFormatMismatch, ObjectMissing, SourceError, StorageFailed
from loccit.core.issues import Issue
from loccit.sources.git import GitView, complaint
from loccit.sources.home_files import writing_home
from loccit.sources.issues.issue_file import FOLDER, parse_issue, path_of
from loccit.sources.locking import holding_lock
from loccit.sources.reader import BatchReader
from loccit.sources.view import prepare_git_dir

FORMAT = "loccit-tracker/1"
_REF = "refs/heads/issues"
_STATE = "state.json"
_MAX_OBJECT_BYTES = 256_000_000
# Each checkpoint is a pack; git reads from few large ones much quicker.
_MOST_PACKS = 20
_AGAIN = "run 'loccit issues sync --full'; if that fails too, remove the folder and run it again"


@dataclass(frozen=True, slots=True)
class TrackerState:
    """How far a tracker was read. `source` is how it is written on the command line.

    `seen` are the ids met so far by a reading of everything that is not finished, None where none is under
    way. `notes` say what could not be had.
    """

    source: str
    cursor: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_complete: bool = False
    issues: int = 0
    notes: tuple[str, ...] = ()
    seen: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """One commit of the tracker's repository; `time` is when it was made, in seconds since the epoch."""

    commit: str
    time: int
    state: TrackerState


@dataclass(frozen=True, slots=True)
class StoredIssue:
    """An issue and its file: what a citation of kind `issue` needs. `data` is the whole file."""

    issue: Issue
    commit: str
    path: str
    data: bytes


class IssueStore:
    """The issues of one tracker, kept in `folder` (`repositories/KEY/issues` of a home).

    Readers never wait: they see the last synchronisation that was published.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git_dir = folder / "git"
        self._view = GitView(str(self._git_dir))

    def exists(self) -> bool:
        """Whether a tracker was ever read here."""
        return self._git_dir.is_dir()

    def reader(self) -> BatchReader:
        """Reads the objects of the repository, to check citations. Close it."""
        return BatchReader(self._view, max_object_bytes=_MAX_OBJECT_BYTES)

    def newest(self) -> Synchronisation | None:
        """The last synchronisation, finished or not; None before the first.

        Raises IndexFormatMismatch for one of another version, IndexBroken for a damaged one.
        """
        if not self.exists():
            return None
        found = self._view.run("for-each-ref", "--format=%(objectname) %(committerdate:unix)", _REF)
        if found.returncode:
            raise self._broken(complaint(found.stderr))
        return next((self._synchronisation(line) for line in found.stdout.splitlines()), None)

    def synchronisations(self) -> Iterator[Synchronisation]:
        """All of them, the newest first."""
        if self._newest_commit() is None:
            return
        found = self._view.run("log", "--format=%H %ct", _REF, "--")
        if found.returncode:
            raise self._broken(complaint(found.stderr))
        for line in found.stdout.splitlines():
            yield self._synchronisation(line)

    def files(self, commit: str) -> dict[str, str]:
        """The paths of the issues' files at a synchronisation, each with its blob."""
        listed = self._view.run("ls-tree", "-r", "-z", commit, "--", f"{FOLDER}/")
        if listed.returncode:
            raise self._broken(complaint(listed.stderr))
        entries = (entry.split("\t", 1) for entry in listed.stdout.decode("utf-8").split("\0") if entry)
        return {path: facts.split(" ")[2] for facts, path in entries}

    def issues(self, commit: str | None = None) -> Iterator[Issue]:
        """All issues at a synchronisation (by default the newest), in order of path."""
        at = commit or self._newest_commit()
        if at is None:
            return
        with self.reader() as reader, self._readable():
            for _, data in reader.read_many(list(self.files(at).values())):
                yield parse_issue(data)

    def issue(self, issue_id: str, commit: str | None = None) -> StoredIssue | None:
        """One issue with its file, at a synchronisation (by default the newest); None where it has none."""
        at = commit or self._newest_commit()
        if at is None:
            return None
        path = path_of(issue_id)
        found = self._view.run("rev-parse", "--verify", "--quiet", f"{at}:{path}")
        if found.returncode:
            return None
        with self.reader() as reader, self._readable():
            data = reader.read(found.stdout.decode("ascii").strip()).data
        return StoredIssue(parse_issue(data), at, path, data)

    @contextmanager
    def writing(self) -> Generator[IssueWriter]:
        """The one writer: waits until another one has finished. Raises StorageFailed."""
        with holding_lock(self.folder / "lock"):
            prepare_git_dir(self._git_dir, id_length=40)
            self._remove_leftovers()
            with self.reader() as reader, self._readable():
                yield IssueWriter(self, self._view, reader)
            self._pack()

    def _newest_commit(self) -> str | None:
        if not self.exists():
            return None
        found = self._view.run("rev-parse", "--verify", "--quiet", _REF)
        return found.stdout.decode("ascii").strip() or None

    def _synchronisation(self, line: bytes) -> Synchronisation:
        """The synchronisation of a line `COMMIT TIME`."""
        commit, time = line.decode("ascii").split(" ")
        state = self._view.run("cat-file", "blob", f"{commit}:{_STATE}")
        if state.returncode:
            raise self._broken(complaint(state.stderr))
        return Synchronisation(commit, int(time), _parse_state(state.stdout, str(self._git_dir)))

    @contextmanager
    def _readable(self) -> Generator[None]:
        """Turns what is wrong with our own repository into IndexBroken."""
        try:
            yield
        except ObjectMissing as error:
            raise self._broken(error.message) from error

    def _broken(self, why: str) -> SourceError | IndexBroken:
        return IndexBroken(f"the issues in {str(self._git_dir)!r} cannot be read: {why}", next_step=_AGAIN)

    def _remove_leftovers(self) -> None:
        """Takes away what a killed writer left. The lock must be held."""
        with writing_home(self._git_dir):
            for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*"):
                for left in self._git_dir.glob(pattern):
                    left.unlink(missing_ok=True)

    def _pack(self) -> None:
        packs = len(list(self._git_dir.glob("objects/pack/*.pack")))
        loose = len(list(self._git_dir.glob("objects/17/*"))) * 256
        if packs > _MOST_PACKS or loose > 6_000:
            # A failure costs space and time only: everything is there still.
            self._view.run("repack", "-a", "-d", "-q", "--no-write-bitmap-index")


class IssueWriter:
    """Publishes synchronisations. Made by `IssueStore.writing`, under its lock."""

    def __init__(self, store: IssueStore, view: GitView, reader: BatchReader) -> None:
        self._view = view
        self._reader = reader
        self._newest = store.newest()
        self._state_bytes: bytes = b"" if self._newest is None else _render_state(self._newest.state)
        self._files = {} if self._newest is None else store.files(self._newest.commit)

    @property
    def newest(self) -> Synchronisation | None:
        """What is published now."""
        return self._newest

    @property
    def paths(self) -> frozenset[str]:
        """The paths of the files that are published now."""
        return frozenset(self._files)

    def begin_anew(self) -> None:
        """Leave all issues out of what is published next: they stay in what was published before."""
        self._files = {}
        self._state_bytes = b""

    def read(self, paths: Iterable[str]) -> Iterator[Issue]:
        """The published issues of these paths; paths that have none are passed over."""
        blobs = [self._files[path] for path in paths if path in self._files]
        for _, data in self._reader.read_many(blobs):
            yield parse_issue(data)

    def has(self, path: str, data: bytes) -> bool:
        """Whether exactly this is published at the path."""
        return self._files.get(path) == _blob_id(data)

    def publish(self, files: Mapping[str, bytes], state: TrackerState, *, time: int, message: str) -> None:
        """One commit with these files changed and this state; none where nothing differs.

        Raises StorageFailed.
        """
        changed = {path: data for path, data in files.items() if not self.has(path, data)}
        state_bytes = _render_state(state)
        if not changed and state_bytes == self._state_bytes:
            return
        kept = set(self._files)
        whole = not kept and self._newest is not None
        stream = _commit_stream(
            changed, state_bytes, parent=self._newest is not None, whole=whole, time=time, message=message
        )
        commit = self._import(stream)
        self._newest = Synchronisation(commit, time, state)
        self._state_bytes = state_bytes
        self._files |= {path: _blob_id(data) for path, data in changed.items()}

    def _import(self, stream: Iterator[bytes]) -> str:
        """The commit that `git fast-import` made of the stream."""
        process = self._view.start(
            "-c",
            "fastimport.unpackLimit=20",
            "fast-import",
            "--quiet",
            "--done",
            "--date-format=raw",
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, is_fed = b"", True
        with process:
            stdin = cast("IO[bytes]", process.stdin)
            try:
                for piece in stream:
                    stdin.write(piece)
                stdin.close()
            except BrokenPipeError:
                is_fed = False
                with suppress(BrokenPipeError):
                    stdin.close()
            said = cast("IO[bytes]", process.stdout).read()
        if process.returncode or not is_fed:
            raise StorageFailed(
                f"the issues cannot be written to {self._view.git_dir!r}: {complaint(said)}",
                next_step="free some space there, or choose another folder with LOCCIT_HOME",
            )
        return self._view.run("rev-parse", "--verify", _REF).stdout.decode("ascii").strip()


def _commit_stream(
    changed: Mapping[str, bytes], state: bytes, *, parent: bool, whole: bool, time: int, message: str
) -> Iterator[bytes]:
    """What `git fast-import` reads; with `whole` nothing of the parent's tree is kept."""
    text = message.encode("utf-8")
    yield b"commit %s\ncommitter loccit <loccit> %d +0000\n" % (_REF.encode(), time)
    yield b"data %d\n%s\n" % (len(text), text)
    if parent:
        yield b"from %s^0\n" % _REF.encode()
    if whole:
        yield b"deleteall\n"
    for path, data in (*sorted(changed.items()), (_STATE, state)):
        yield b"M 100644 inline %s\ndata %d\n" % (path.encode("ascii"), len(data))
        yield data
        yield b"\n"
    yield b"done\n"


def _blob_id(data: bytes) -> str:
    digest = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def _render_state(state: TrackerState) -> bytes:
    document = {"format": FORMAT, **asdict(state)}
    return (json.dumps(document, ensure_ascii=True, sort_keys=True, indent=1) + "\n").encode("ascii")


def _parse_state(data: bytes, git_dir: str) -> TrackerState:
    try:
        document = cast("dict[str, Any]", json.loads(data))
        found = document.pop("format")
        if found != FORMAT:
            raise IndexFormatMismatch(
                f"the issues in {git_dir!r} have format {found!r}, this version reads {FORMAT!r}",
                next_step="use the newer loccit that wrote them, or remove the folder and sync again",
            )
        document["notes"] = tuple(document["notes"])
        document["seen"] = None if document["seen"] is None else tuple(document["seen"])
        return TrackerState(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexBroken(
            f"the state of the issues in {git_dir!r} is damaged: {error}", next_step=_AGAIN
        ) from error
