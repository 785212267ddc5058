"""Tree objects as git would write them, made from a list of files."""

from __future__ import annotations

from collections.abc import Iterable

from loccit.core.source import FileMode
from loccit.sources.reader import object_id

_FOLDER_MODE = b"40000"
_ID_LENGTH = 40


def build_trees(files: Iterable[tuple[bytes, FileMode, str]]) -> tuple[str, dict[str, bytes]]:
    """The root tree's id, and every tree object by id, for files given as path, mode and SHA-1 id.

    Paths are relative, each once; as in git, a folder is there only if it holds a file.
    """
    folders: dict[bytes, list[tuple[bytes, bytes, bytes, str]]] = {b"": []}
    for path, mode, blob in files:
        folder, _, name = path.rpartition(b"/")
        _make_folders(folders, folder)
        folders[folder].append((name, name, mode.value.encode("ascii"), blob))
    trees: dict[str, bytes] = {}
    tree = ""
    # A folder comes after all that it holds; the root, with no slash and no name, is last.
    for folder in sorted(folders, key=lambda path: path.count(b"/") + bool(path), reverse=True):
        rows = sorted(folders[folder])
        data = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(blob)) for _, name, mode, blob in rows)
        tree = object_id("tree", data, id_length=_ID_LENGTH)
        trees[tree] = data
        if folder:
            above, _, name = folder.rpartition(b"/")
            # git sorts a folder as if its name ended in a slash.
            folders[above].append((name + b"/", name, _FOLDER_MODE, tree))
    return tree, trees


def _make_folders(folders: dict[bytes, list[tuple[bytes, bytes, bytes, str]]], folder: bytes) -> None:
    while folder not in folders:
        folders[folder] = []
        folder = folder.rpartition(b"/")[0]
