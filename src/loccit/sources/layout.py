"""Where a repository keeps its parts, found as git finds them but without running git there."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import NotARepository, SourceUnreadable, UnsafeSource
from loccit.sources.git_config import read_small_file, unreadable

_MAX_POINTER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class GitLayout:
    """A repository's folders, all absolute.

    `top` is the work tree's top, None for a bare repository. `git_dir` holds HEAD; `common_dir` holds what
    the work trees of one repository share: refs, configuration, objects.
    """

    top: Path | None
    git_dir: Path
    common_dir: Path

    @property
    def objects(self) -> Path:
        """The folder of the repository's objects."""
        return self.common_dir / "objects"


def find_layout(start: Path) -> GitLayout | None:
    """The repository that the real folder `start` is in, or None.

    Like git, stops at the border of a file system. Raises SourceUnreadable where looking is not permitted,
    NotARepository for a `.git` file that leads nowhere.
    """
    try:
        device = start.stat().st_dev
        for folder in (start, *start.parents):
            if folder.stat().st_dev != device:
                return None
            found = _layout_at(folder)
            if found is not None:
                return found
    except OSError as error:
        raise unreadable(start, error) from error
    return None


def _layout_at(folder: Path) -> GitLayout | None:
    dot_git = folder / ".git"
    kind = _kind_of(dot_git)
    if kind == stat.S_IFREG:
        return _layout(folder, _pointed_at(dot_git))
    if kind == stat.S_IFDIR and _is_git_dir(dot_git):
        return _layout(folder, dot_git)
    if _is_git_dir(folder):
        return _layout(folder.parent if folder.name == ".git" else None, folder)
    return None


def _layout(top: Path | None, git_dir: Path) -> GitLayout:
    pointer = read_small_file(git_dir / "commondir", limit=_MAX_POINTER_BYTES)
    common = git_dir if pointer is None else git_dir / os.fsdecode(pointer.rstrip(b"\r\n"))
    return GitLayout(top=top, git_dir=_real(git_dir), common_dir=_real(common))


def _pointed_at(dot_git: Path) -> Path:
    text = read_small_file(dot_git, limit=_MAX_POINTER_BYTES) or b""
    target = dot_git.parent / os.fsdecode(text.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
    if not text.startswith(b"gitdir: ") or b"\0" in text or not _is_git_dir(target):
        raise NotARepository(
            f"{str(dot_git)!r} does not lead to a git directory",
            next_step="run 'git worktree repair' or 'git submodule update --init' where it came from",
        )
    return target


def _is_git_dir(folder: Path) -> bool:
    # HEAD may be a symlink to a branch that has no commit yet.
    if _kind_of(folder / "HEAD", follow=False) is None:
        return False
    if _kind_of(folder / "commondir") == stat.S_IFREG:
        return True
    return _kind_of(folder / "objects") == stat.S_IFDIR == _kind_of(folder / "refs")


def _kind_of(path: Path, *, follow: bool = True) -> int | None:
    """What `path` is, None for nothing.

    Raises OSError where nobody can tell, which pathlib would take for nothing.
    """
    try:
        return stat.S_IFMT(path.stat(follow_symlinks=follow).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _real(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise unreadable(path, error) from error


def check_objects(layout: GitLayout, *, follow_alternates: bool) -> None:
    """Makes sure that the objects may be read, and that they are this repository's own.

    Raises SourceUnreadable, or UnsafeSource for borrowed objects unless `follow_alternates`.
    """
    for folder in (layout.objects, layout.objects / "pack"):
        try:
            with os.scandir(folder):
                pass
        except FileNotFoundError:
            if folder == layout.objects:
                raise SourceUnreadable(
                    f"{str(folder)!r} is gone", next_step="check it with 'git fsck'"
                ) from None
        except OSError as error:
            raise unreadable(folder, error) from error
    borrowed = layout.objects / "info" / "alternates"
    if not follow_alternates and (read_small_file(borrowed, limit=_MAX_POINTER_BYTES) or b"").strip():
        raise UnsafeSource(
            f"{str(layout.common_dir)!r} borrows objects from other repositories, named in {str(borrowed)!r}",
            next_step="if you trust it, set sources.follow_alternates = true; or make it whole:"
            " 'git repack -a -d', then remove that file",
        )
