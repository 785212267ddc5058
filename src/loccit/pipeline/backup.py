"""All state of a home folder as one file, `loccit-backup/1`, and a home folder out of it.

The file is a gzipped tar: the files of the home, the database as one SQLite file whatever keeps it, and at
the end `manifest.json` with the SHA-256 of each member. An archive that was cut off has no manifest. What can
be made again (indexes, parsed files, mirrors) is left out and named, unless it is asked for.

Nothing is taken out of an archive before all of it was checked: names that lead out of the home, links and
devices, members that the manifest does not have, and bytes that are not those that were written.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Literal

from pydantic import Field, ValidationError

from loccit.core.documents import Count, NonEmptyText, Sha256, Text, UtcTime, Value
from loccit.core.errors import InputError, StorageFailed
from loccit.storage.copying import copy_sqlite, is_sound

FORMAT = "loccit-backup/1"
DATABASE = "state.sqlite"
_MANIFEST = "manifest.json"
_HOME = "home"
_MOST_MANIFEST_BYTES = 50_000_000
_CHUNK = 1 << 20
_SQLITE = b"SQLite format 3\x00"
_DEBRIS = re.compile(r"(?:.*\.(?:lock|draft|alive|tmp)|lock|.*-(?:wal|shm|journal))")
# An issue tracker's packs are put together now and then: then it is begun again.
_TRIES = 3


class Member(Value):
    """A file of the backup: its path below the home folder, its size and its SHA-256."""

    path: NonEmptyText
    bytes: Count
    sha256: Sha256


class LeftOut(Value):
    """What the backup does not hold, and how it is had again."""

    path: NonEmptyText
    why: Text


class BackupManifest(Value):
    """What a backup holds. `database` is what kept it, `revision` the form of its tables."""

    format: Literal["loccit-backup/1"]
    made_at: UtcTime
    version: Text
    database: Literal["sqlite", "postgresql"]
    revision: Text
    with_indexes: bool
    members: tuple[Member, ...] = Field(strict=False)
    left_out: tuple[LeftOut, ...] = Field(strict=False)


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made: where it is, how many bytes it has, and what it holds."""

    path: Path
    bytes: int
    manifest: BackupManifest


class _Vanished(Exception):
    """A file of a git repository was put into another one while it was looked at."""


def write_backup(
    home: Path,
    path: Path,
    *,
    copy_database: Callable[[Path], None],
    database: Literal["sqlite", "postgresql"],
    revision: str,
    version: str,
    with_indexes: bool,
    holding: Callable[[str], AbstractContextManager[None]],
) -> BackedUp:
    """Write a backup of a home folder to a new file, readable by its owner only.

    `copy_database` writes the database to a file as it is at one moment; `holding` keeps others from changing
    what is kept of a repository, by the name of its folder, while it is copied. Files are copied before the
    database: what they say of it, it holds. Raises InputError for a file that is there already or is in the
    home, StorageFailed.
    """
    if path.exists():
        raise InputError(f"{str(path)!r} is there already", next_step="name another file, or move it away")
    if path.absolute().is_relative_to(home.absolute()):
        raise InputError(f"{str(path)!r} is in the home folder", next_step="name a file elsewhere")
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        tries = 1
        while True:
            try:
                manifest = _write(
                    home, draft, copy_database, database, revision, version, with_indexes, holding
                )
                break
            except _Vanished as error:
                if tries == _TRIES:
                    raise StorageFailed(
                        f"{error} was changed while it was copied", next_step="run the command again"
                    ) from error
                tries += 1
        draft.replace(path)
        return BackedUp(path, path.stat().st_size, manifest)
    except OSError as error:
        raise StorageFailed(
            f"the backup {str(path)!r} cannot be written: {error.strerror or error}",
            next_step="check that there is room and that it may be written",
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def read_manifest(path: Path) -> BackupManifest:
    """What a backup holds, after every byte of it was checked. Raises InputError for one that is damaged, or
    is none.
    """
    return _unpacked(path, None)


def unpack(path: Path, folder: Path) -> BackupManifest:
    """Write the files of a backup to a new folder, after every byte of it was checked.

    The database is there as `state.sqlite`. Raises InputError for a backup that is damaged, StorageFailed.
    """
    _unpacked(path, None)
    try:
        manifest = _unpacked(path, folder)
    except OSError as error:
        raise StorageFailed(
            f"{str(folder)!r} cannot be written: {error.strerror or error}",
            next_step="check that there is room and that it may be written",
        ) from error
    if not is_sound(folder / DATABASE):
        raise _damaged(path, "its database is not whole")
    return manifest


@contextmanager
def staging(home: Path) -> Generator[Path]:
    """A new folder in the home folder, which is made where there is none; it is gone at the end.

    It is on the same disk: what is in it is moved without being copied. Raises StorageFailed.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=home) as folder:
            yield Path(folder)
    except OSError as error:
        raise StorageFailed(f"{str(home)!r} cannot be written: {error.strerror or error}") from error


def occupants(home: Path) -> list[Path]:
    """What a home folder holds, apart from what a restoring or a lock leaves."""
    found = sorted(home.iterdir()) if home.is_dir() else []
    return [
        one for one in found if not one.name.startswith(".restoring-") and not _DEBRIS.fullmatch(one.name)
    ]


def move_in(staged: Path, home: Path) -> Path | None:
    """Move what was staged into the home folder; what is there is moved to a folder in it first, whose path
    is given, None where there was nothing.
    """
    before = occupants(home)
    replaced = home / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}" if before else None
    if replaced is not None:
        replaced.mkdir()
        for one in before:
            # What an earlier restoring has put aside stays where it is.
            if not one.name.startswith("replaced-"):
                one.rename(replaced / one.name)
    for one in sorted(staged.iterdir()):
        one.rename(home / one.name)
    return replaced


# Writing


def _write(
    home: Path,
    draft: Path,
    copy_database: Callable[[Path], None],
    database: Literal["sqlite", "postgresql"],
    revision: str,
    version: str,
    with_indexes: bool,
    holding: Callable[[str], AbstractContextManager[None]],
) -> BackupManifest:
    members: list[Member] = []
    left_out: list[LeftOut] = []
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        with tempfile.TemporaryDirectory(prefix="loccit-backup-", dir=draft.parent) as scratch:
            add = _Adding(archive, home, Path(scratch), members)
            for name in _listed(home):
                if name == "repositories":
                    continue
                if name in {"cache", "metrics"} and not (with_indexes and name == "cache"):
                    left_out.append(LeftOut(path=name, why=_REMADE[name]))
                elif name not in {DATABASE, "repositories"} and not name.startswith("replaced-"):
                    left_out += add.all_of(PurePosixPath(name))
            for key in _listed(home / "repositories"):
                with holding(key):
                    for name in _listed(home / "repositories" / key):
                        at = PurePosixPath("repositories", key, name)
                        if name in {"git", "shard"} and not with_indexes:
                            left_out.append(LeftOut(path=str(at), why=_REMADE[name]))
                            if (home / at / "learned").is_dir():
                                left_out += add.all_of(at / "learned")
                        else:
                            left_out += add.all_of(at)
            copied = Path(scratch) / DATABASE
            copy_database(copied)
            add.file(copied, PurePosixPath(DATABASE))
        manifest = BackupManifest(
            format=FORMAT,
            made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            version=version,
            database=database,
            revision=revision,
            with_indexes=with_indexes,
            members=tuple(members),
            left_out=tuple(left_out),
        )
        data = manifest.model_dump_json().encode()
        archive.addfile(_info(_MANIFEST, len(data)), io.BytesIO(data))
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    return manifest


_REMADE = {
    "cache": "parsed files: 'loccit index' makes them again",
    "metrics": "what a server counts: it begins anew",
    "git": "how the repository is read: made, or fetched, again by 'loccit index'",
    "shard": "the index: 'loccit index' makes it again",
}


class _Adding:
    """Puts files into an archive."""

    def __init__(self, archive: tarfile.TarFile, home: Path, scratch: Path, members: list[Member]) -> None:
        self._archive = archive
        self._home = home
        self._scratch = scratch
        self._members = members

    def all_of(self, at: PurePosixPath) -> Iterator[LeftOut]:
        """Add a file, or a folder with all that is in it; what cannot be kept is given."""
        path = self._home / at
        if path.is_symlink():
            yield LeftOut(path=str(at), why=f"a link to {str(path.readlink())!r}, whose content is elsewhere")
        elif path.is_dir():
            names = _listed(path)
            # References of a git repository come before its objects: those that they name are there then.
            for name in sorted(names, key=lambda each: (each == "objects", each)):
                yield from self.all_of(at / name)
        elif path.is_file() and not _DEBRIS.fullmatch(at.name):
            self._add(path, at)

    def _add(self, path: Path, at: PurePosixPath) -> None:
        try:
            with path.open("rb") as file:
                is_database = file.read(len(_SQLITE)) == _SQLITE
            if is_database:
                copied = self._scratch / "copied.sqlite"
                copied.unlink(missing_ok=True)
                copy_sqlite(path, copied)
                self.file(copied, at)
            else:
                self.file(path, at)
        except FileNotFoundError as error:
            if "objects" in at.parts:
                raise _Vanished(str(at)) from error
            # It was deleted meanwhile, and so is not there any more.

    def file(self, path: Path, at: PurePosixPath) -> None:
        """Add a file as it is now: what is appended meanwhile is left for the next backup."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            hashing = _Hashing(file, size)
            self._archive.addfile(_info(f"{_HOME}/{at}", size), hashing)
        self._members.append(Member(path=str(at), bytes=size, sha256=hashing.digest.hexdigest()))


class _Hashing(io.RawIOBase):
    """The first so many bytes of a file, hashed while they are read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self.digest.update(data)
        return data


def _listed(folder: Path) -> list[str]:
    """The names in a folder; of one that is gone, none."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    info.mtime = int(time.time())
    return info


# Reading


def _unpacked(path: Path, folder: Path | None) -> BackupManifest:
    """Check the whole archive, and write its files to a folder where one is given."""
    found: dict[str, Member] = {}
    manifest: BackupManifest | None = None
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if manifest is not None:
                    raise _damaged(path, f"{info.name!r} stands behind its end")
                file = archive.extractfile(info) if info.isreg() else None
                if file is None:
                    raise _damaged(path, f"{info.name!r} is no file")
                if info.name == _MANIFEST:
                    manifest = _manifest(path, file, info.size)
                    continue
                at = _place(path, info.name)
                if at in found:
                    raise _damaged(path, f"{at!r} is there twice")
                found[at] = _taken(file, at, None if folder is None else folder / at)
            # To the very end, where the checksum of all of it stands.
            while rest := stream.read(_CHUNK):
                if rest.strip(b"\0"):
                    raise _damaged(path, "something stands behind its end")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {str(path)!r}") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        if folder is not None and error.errno is not None:
            raise
        raise _damaged(path, str(error)) from error
    if manifest is None:
        raise _damaged(path, "it has no manifest: it was cut off, or is something else")
    wanted = {member.path: member for member in manifest.members}
    for at in sorted(wanted.keys() | found.keys()):
        if wanted.get(at) != found.get(at):
            raise _damaged(path, f"{at!r} is not what the manifest says")
    if DATABASE not in wanted:
        raise _damaged(path, "it has no database")
    return manifest


def _manifest(path: Path, file: IO[bytes], size: int) -> BackupManifest:
    if size > _MOST_MANIFEST_BYTES:
        raise _damaged(path, f"its manifest has {size:,} bytes")
    data = file.read()
    try:
        document: Any = json.loads(data)
        if isinstance(document, dict) and document.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
            raise InputError(
                f"the backup {str(path)!r} is of another format, this version reads {FORMAT!r}",
                next_step="use the loccit that wrote it",
            )
        return BackupManifest.model_validate_json(data)
    except (ValueError, ValidationError, RecursionError) as error:
        raise _damaged(path, "its manifest cannot be read") from error


def _place(path: Path, name: str) -> str:
    """The path below the home that a member names. Raises InputError for one that leads elsewhere."""
    home, _, at = name.partition("/")
    parts = at.split("/")
    if (
        home != _HOME
        or not at
        or "\\" in at
        or "\x00" in at
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise _damaged(path, f"{name!r} leads out of the home folder")
    return at


def _taken(file: IO[bytes], at: str, target: Path | None) -> Member:
    """Read a member to its end, into a file where one is named."""
    digest, size = hashlib.sha256(), 0
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as written:
            target.chmod(0o600)
            while data := file.read(_CHUNK):
                digest.update(data)
                size += len(data)
                written.write(data)
    else:
        while data := file.read(_CHUNK):
            digest.update(data)
            size += len(data)
    return Member(path=at, bytes=size, sha256=digest.hexdigest())


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"the backup {str(path)!r} is damaged, or is none: {why}", next_step="take another one")
