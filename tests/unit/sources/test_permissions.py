"""What may not be read or written is a typed error, or a file skipped with its reason; never a traceback,
never silence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loccit.core.errors import LoccitError, SourceUnreadable, StorageFailed
from loccit.sources import open_repository
from tests.repositories import make_repository, write_files

AsUser = Callable[[Callable[[], str]], str]


@pytest.fixture
def readable_home(shared_folder: Path) -> Path:
    """A home that an ordinary user may write in, with all modules loaded that reading needs."""
    home = shared_folder / "home"
    home.mkdir()
    home.chmod(0o777)
    make_repository(shared_folder / "warm", [{"files": {"a": "x\n"}}])
    write_files(shared_folder / "warm-folder", {"a": "x\n"})
    for name in ("warm", "warm-folder"):
        look_at(shared_folder / name, shared_folder / "warm-home")
    return home


def look_at(location: Path, home: Path) -> str:
    """What reading everything at `location` says, or the error."""
    try:
        repository = open_repository(str(location), home=home)
        snapshot = repository.snapshot()
        with repository.reader() as reader:
            list(reader.read_many([entry.blob for entry in snapshot.entries]))
        repository.changed_files(snapshot)
    except LoccitError as error:
        return f"{type(error).__name__}: {error}"
    return " ".join(
        [entry.path for entry in snapshot.entries] + [f"-{s.path}:{s.reason.value}" for s in snapshot.skipped]
    )


@pytest.mark.parametrize(
    "forbidden",
    [
        ".git",
        ".git/objects",
        ".git/objects/pack",
        ".git/HEAD",
        ".git/refs",
        ".git/config",
        ".git/packed-refs",
    ],
)
def test_a_repository_that_may_not_be_read_says_where(
    shared_folder: Path, readable_home: Path, as_ordinary_user: AsUser, forbidden: str
) -> None:
    """SourceUnreadable names the file or folder, and what to check."""
    make_repository(shared_folder / "r", [{"files": {"a": "x\n"}}])
    write_files(shared_folder / "r", {".git/packed-refs": ""})
    (shared_folder / "r" / forbidden).chmod(0o000)
    said = as_ordinary_user(lambda: look_at(shared_folder / "r", readable_home))
    assert said.startswith("SourceUnreadable: cannot read ")
    assert forbidden.rpartition("/")[0] in said
    assert "permission denied; check its permissions" in said


def test_a_folder_that_may_not_be_read_is_an_error(
    shared_folder: Path, readable_home: Path, as_ordinary_user: AsUser
) -> None:
    """The folder itself; what lies below is only skipped."""
    write_files(shared_folder / "f", {"a": "x\n"})
    (shared_folder / "f").chmod(0o000)
    said = as_ordinary_user(lambda: look_at(shared_folder / "f", readable_home))
    assert said.startswith("SourceUnreadable: cannot read ")


def test_unreadable_files_and_folders_of_a_folder_are_skipped_with_their_reason(
    shared_folder: Path, readable_home: Path, as_ordinary_user: AsUser
) -> None:
    """The others are read."""
    write_files(shared_folder / "f", {"a": "x\n", "b": "x\n", "c/d": "x\n", "e/f": "x\n"})
    (shared_folder / "f" / "b").chmod(0o000)
    (shared_folder / "f" / "c").chmod(0o000)
    said = as_ordinary_user(lambda: look_at(shared_folder / "f", readable_home))
    assert said == "a e/f -b:unreadable -c:unreadable"


def test_unreadable_files_of_a_work_tree_are_called_modified(
    shared_folder: Path, readable_home: Path, as_ordinary_user: AsUser
) -> None:
    """Nobody can say that they are the same; the commit itself is read all the same."""
    make_repository(shared_folder / "r", [{"files": {"a": "x\n", "b": "y\n"}}])
    (shared_folder / "r" / "a").chmod(0o000)

    def look() -> str:
        repository = open_repository(str(shared_folder / "r"), home=readable_home)
        return ",".join(repository.changed_files(repository.snapshot()).modified)

    assert as_ordinary_user(look) == "a"


def test_a_home_that_may_not_be_written_says_so(
    shared_folder: Path, readable_home: Path, as_ordinary_user: AsUser
) -> None:
    """StorageFailed, with the variable that chooses another."""
    make_repository(shared_folder / "r", [{"files": {"a": "x\n"}}])
    (shared_folder / "locked").mkdir(mode=0o555)
    said = as_ordinary_user(lambda: look_at(shared_folder / "r", shared_folder / "locked" / "home"))
    assert said.startswith("StorageFailed: cannot write ")
    assert "LOCCIT_HOME" in said


def test_a_home_that_is_a_file_says_so(tmp_path: Path) -> None:
    """Nothing can be made below it."""
    make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}])
    write_files(tmp_path, {"home": "x"})
    with pytest.raises(StorageFailed, match="LOCCIT_HOME"):
        open_repository(str(tmp_path / "r"), home=tmp_path / "home").snapshot()


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path: Path) -> None:
    """A write that fails half-way takes its temporary file with it; what was there before stays."""
    import resource
    import signal

    write_files(tmp_path / "f", {f"{n:04}": f"{n}\n" for n in range(500)})
    home = tmp_path / "home"
    open_repository(str(tmp_path / "f"), home=home).snapshot()
    before = sorted((path, path.read_bytes()) for path in home.rglob("*") if path.is_file())
    write_files(tmp_path / "f", {"new": "n\n"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(StorageFailed, match="free some space"):
            open_repository(str(tmp_path / "f"), home=home).snapshot()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted((path, path.read_bytes()) for path in home.rglob("*") if path.is_file()) == before


def test_a_repository_that_goes_away_is_an_error(tmp_path: Path, home: Path) -> None:
    """Between opening and reading."""
    make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}])
    repository = open_repository(str(tmp_path / "r"), home=home)
    repository.snapshot()
    (tmp_path / "r").rename(tmp_path / "gone")
    with pytest.raises(LoccitError):
        repository.snapshot()
    with pytest.raises(SourceUnreadable):
        repository.refresh(lambda *_: None)
