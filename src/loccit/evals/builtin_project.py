"""The small project that the built-in samples ask about, as a repository.

It is among the data of the package as plain files. In place they could not be asked: a virtual environment,
or a checkout of loccit, is mostly itself in somebody's repository, which would be asked instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from loccit.core.errors import StorageFailed
from loccit.sources.git import GitView, complaint
from loccit.sources.home_files import make_folder
from loccit.sources.locking import holding_lock
from loccit.sources.view import prepare_git_dir

FOLDER = Path(__file__).parent / "builtin" / "parcels"
QUESTIONS = Path(__file__).parent / "builtin" / "questions.jsonl"
NAME = "waypost"
_MESSAGE = b"Waypost 2.3.0\n"
_TIME = 1_741_600_000  # 2025-03-10; fixed, so that the commit's id is the same everywhere
_REF = "refs/heads/main"


def project_files() -> dict[str, bytes]:
    """The files of the project by path, in order; what Python compiled on installing is left out."""
    return {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def project_repository(home: Path) -> Path:
    """A bare repository below `home` with one commit that has the files, written where it is not there yet.

    Another version of the files is another repository. Raises StorageFailed, and SettingsError without git.
    """
    stream = b"".join(_commit_stream(project_files()))
    kept = home / "builtin" / hashlib.sha256(stream).hexdigest()[:12]
    folder = kept / NAME
    view = GitView(str(folder))
    if _is_written(view):
        return folder
    with holding_lock(kept / "lock"):
        if not _is_written(view):
            make_folder(folder)
            prepare_git_dir(folder, id_length=40)
            _write(view, stream)
    return folder


def _is_written(view: GitView) -> bool:
    """Whether the commit is there. Its ref is written last: what a kill leaves has none."""
    folder = Path(view.git_dir)
    return folder.is_dir() and view.run("rev-parse", "--verify", "--quiet", _REF).returncode == 0


def _write(view: GitView, stream: bytes) -> None:
    done = view.run("fast-import", "--quiet", "--done", "--date-format=raw", stdin=stream)
    if done.returncode:
        raise StorageFailed(
            f"the built-in project cannot be written to {view.git_dir!r}: {complaint(done.stderr)}",
            next_step="free some space there, or choose another folder with LOCCIT_HOME",
        )


def _commit_stream(files: dict[str, bytes]) -> Iterator[bytes]:
    """What `git fast-import` reads."""
    yield b"commit %s\ncommitter loccit <loccit> %d +0000\n" % (_REF.encode("ascii"), _TIME)
    yield b"data %d\n%s\n" % (len(_MESSAGE), _MESSAGE)
    for path, data in files.items():
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode("ascii"), len(data), data)
    yield b"done\n"
