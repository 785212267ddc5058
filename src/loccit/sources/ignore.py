"""Ignore files in gitignore's syntax: `.gitignore` in plain folders, `.loccitignore` everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from loccit.sources.patterns import PatternTable, split_lines

LOCCITIGNORE = ".loccitignore"


@dataclass(slots=True)
class IgnoreFile:
    """The patterns of one ignore file; paths are relative to the folder that it stands in."""

    _table: PatternTable
    _negated: list[bool]

    @classmethod
    def parse(cls, text: bytes) -> IgnoreFile:
        """Every text is an ignore file; a malformed pattern matches nothing."""
        table = PatternTable()
        negated: list[bool] = []
        for line in split_lines(text):
            pattern = _without_trailing_spaces(line)
            if not pattern or pattern.startswith(b"#"):
                continue
            is_negated = pattern.startswith(b"!")
            pattern = pattern[is_negated:]
            only_folders = pattern.endswith(b"/")
            pattern = pattern[: -1 if only_folders else None]
            if pattern:
                table.add(pattern, only_folders=only_folders)
                negated.append(is_negated)
        return cls(table, negated)

    def decides(self, path: bytes, *, is_folder: bool) -> bool | None:
        """True: ignored; False: not ignored after all; None: no pattern speaks of it."""
        number = self._table.last_match(path, is_folder=is_folder)
        return None if number is None else not self._negated[number]


@dataclass(slots=True)
class IgnoreRules:
    """The ignore files of a whole tree. What lies in an ignored folder cannot be brought back, as in git."""

    files: dict[bytes, IgnoreFile] = field(default_factory=dict)
    _folders: dict[bytes, bool] = field(default_factory=dict)

    def is_ignored(self, path: bytes, *, is_folder: bool = False) -> bool:
        """Whether `path` or a folder that it is in is ignored; it is relative, without a slash at its end."""
        return bool(self.files) and (
            self._is_folder_ignored(path.rpartition(b"/")[0]) or self.decides(path, is_folder=is_folder)
        )

    def decides(self, path: bytes, *, is_folder: bool) -> bool:
        """Whether the rules ignore `path` itself, given that none of its folders is ignored."""
        folder = path.rpartition(b"/")[0]
        while True:
            file = self.files.get(folder)
            if file is not None:
                word = file.decides(path[len(folder) + 1 :] if folder else path, is_folder=is_folder)
                if word is not None:
                    return word
            if not folder:
                return False
            folder = folder.rpartition(b"/")[0]

    def _is_folder_ignored(self, folder: bytes) -> bool:
        pending: list[bytes] = []
        while folder and folder not in self._folders:
            pending.append(folder)
            folder = folder.rpartition(b"/")[0]
        ignored = self._folders[folder] if folder else False
        for inner in reversed(pending):
            ignored = ignored or self.decides(inner, is_folder=True)
            self._folders[inner] = ignored
        return ignored


def _without_trailing_spaces(line: bytes) -> bytes:
    # A space that a backslash protects stays.
    stripped = line.rstrip(b" ")
    if len(stripped) < len(line):
        backslashes = len(stripped) - len(stripped.rstrip(b"\\"))
        if backslashes % 2:
            return stripped + b" "
    return stripped
