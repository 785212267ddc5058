"""What `.gitattributes` files say about files: linguist's roles, and which files pass through a filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from loccit.core.source import FileRole
from loccit.sources.patterns import PatternTable, split_lines

GITATTRIBUTES = ".gitattributes"
_ROLES = {
    b"linguist-vendored": FileRole.VENDORED,
    b"linguist-generated": FileRole.GENERATED,
    b"linguist-documentation": FileRole.DOCS,
}
_CONVERSIONS = (b"filter", b"ident", b"working-tree-encoding")
_KNOWN = frozenset((*_ROLES, *_CONVERSIONS))
_QUOTED = re.compile(rb'"(?P<pattern>(?:[^"\\]|\\.)*)"[ \t]+')
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


@dataclass(slots=True)
class AttributesFile:
    """One file's rules for the attributes we know; paths are relative to the folder that it stands in."""

    _tables: dict[bytes, tuple[PatternTable, list[bytes | None]]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes) -> AttributesFile:
        """Every text is an attributes file; lines that make no sense, and macros, are passed over."""
        file = cls()
        for line in split_lines(text):
            pattern, words = _pattern_and_words(line.strip(b" \t"))
            # As in git, a negative pattern and one for folders mean nothing here.
            if not pattern or pattern.startswith((b"#", b"!", b"[attr]")) or pattern.endswith(b"/"):
                continue
            for word in words:
                name, value = _assignment(word)
                if name in _KNOWN:
                    table, values = file._tables.setdefault(name, (PatternTable(), []))
                    table.add(pattern)
                    values.append(value)
        return file

    def speaks_of(self, attribute: bytes) -> bool:
        """Whether any line sets or unsets this attribute."""
        return attribute in self._tables

    def value(self, attribute: bytes, path: bytes) -> tuple[bool, bytes | None]:
        """Whether the file speaks of this attribute of `path`, and what it says: None is unset or false."""
        if attribute not in self._tables:
            return False, None
        table, values = self._tables[attribute]
        number = table.last_match(path, is_folder=False)
        return (False, None) if number is None else (True, values[number])


class Attributes:
    """The attributes files of a whole tree, by folder. Deeper files win, and in a file later lines."""

    def __init__(self, files: Mapping[bytes, AttributesFile]) -> None:
        self._files = files
        # Most trees speak of no attribute that we know: then nothing is looked up.
        self._roles = {
            name: role
            for name, role in _ROLES.items()
            if any(file.speaks_of(name) for file in files.values())
        }

    @property
    def has_roles(self) -> bool:
        """Whether `role` can say anything but what the path suggests."""
        return bool(self._roles)

    def value(self, attribute: bytes, path: bytes) -> tuple[bool, bytes | None]:
        """Whether anything is said of this attribute of `path`, and what: None is unset or false."""
        folder = path
        while folder:
            folder = folder.rpartition(b"/")[0]
            file = self._files.get(folder)
            if file is not None:
                is_said, value = file.value(attribute, path[len(folder) + 1 :] if folder else path)
                if is_said:
                    return True, value
        return False, None

    def role(self, path: bytes, by_path: FileRole) -> FileRole:
        """The file's role, when `by_path` is what its path alone suggests.

        `-linguist-vendored` takes a role back.
        """
        role = by_path
        for attribute, meant in self._roles.items():
            is_said, value = self.value(attribute, path)
            if is_said and value is not None:
                return meant
            if is_said and role is meant:
                role = FileRole.SOURCE
        return role

    def is_converted(self, path: bytes) -> bool:
        """Whether a checkout writes other bytes than are stored: by filter, keyword or encoding."""
        return any(self.value(attribute, path)[1] is not None for attribute in _CONVERSIONS)


def _pattern_and_words(line: bytes) -> tuple[bytes, list[bytes]]:
    quoted = _QUOTED.match(line)
    if quoted:
        return _ESCAPED.sub(_unescape, quoted["pattern"]), line[quoted.end() :].split()
    pattern, *words = line.split() or [b""]
    return pattern, words


def _unescape(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    if len(escaped) == 3:
        return bytes([int(escaped, 8) & 0xFF])
    return _LETTERS.get(escaped, escaped)


def _assignment(word: bytes) -> tuple[bytes, bytes | None]:
    if word.startswith((b"-", b"!")):
        return word[1:], None
    name, has_value, value = word.partition(b"=")
    if not has_value:
        return name, b"true"
    return name, None if value in {b"false", b"0", b""} else value
