"""The definitions, names and comments of a source file, as ranges of bytes: what a grammar says about it."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from loccit.core.chunks import ChunkKind
from loccit.parsing import grammars
from loccit.parsing.encoding import SourceText

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Tree

# Definitions nested deeper belong to the chunk of the one around them.
MAX_DEPTH = 12

# A line longer than this was not written by a person, nor is it read by one.
MAX_LINE_BYTES = 250_000

# Brackets nested deeper than this are data or an attack, on which error recovery takes quadratic time.
MAX_BRACKETS = 1_000
_OPENING, _CLOSING = frozenset(b"([{"), b")]}"
_NOT_BRACKETS = bytes(set(range(256)) - _OPENING - set(_CLOSING))

# Where `<` may open type arguments, and in C, thousands of `<` and `=` in one statement take gigabytes.
MAX_COMPARISONS = 2_000
_COMPARING = frozenset({"c", "cpp", "csharp", "java", "tsx", "typescript"})
_NOT_COMPARISONS = bytes(set(range(256)) - set(b"<=;{}"))
_STATEMENT_ENDS = re.compile(rb"[;{}]")

# Ordinary code takes 0.1 to 0.4 s per MB. Garbage can take hours and gigabytes.
_FUSE_S = 0.25
_FUSE_S_PER_MB = 1.5
_READ_BYTES = 1 << 16

_KINDS = {"function": ChunkKind.FUNCTION, "class": ChunkKind.CLASS, "space": ChunkKind.CODE}
_SEPARATORS = re.compile(r"::|[.\\\\#]")


@dataclass(slots=True)
class Definition:
    """A definition with what dresses it (decorators, `export`), and the ones inside it, in order.

    Its head, as the signature shows it, runs from `head_start` to `head_end`.
    """

    start: int
    end: int
    head_start: int
    head_end: int
    kind: ChunkKind
    name: str
    children: list[Definition] = field(default_factory=list["Definition"])


@dataclass(slots=True)
class Outline:
    """Ranges in rising order. `leads` are comments and attributes; they belong to a definition below them."""

    definitions: list[Definition]
    leads: list[tuple[int, int]]
    comments: list[tuple[int, int]]
    docs: list[tuple[int, int]]
    names: list[tuple[int, str]]
    has_errors: bool


def read_outline(source: SourceText, language: str) -> Outline | None:
    """What the grammar finds in the file; None when it makes little or nothing of it, or takes too long."""
    from tree_sitter import QueryCursor

    data = source.for_grammar
    if _is_hostile(data, language):
        return None
    compiled, query = grammars.load(language)
    fuse = _Fuse(len(data))
    tree = _parse(data, compiled, fuse)
    if tree is None or _is_mostly_errors(tree.root_node, len(data)):
        return None
    found = _Findings(source, grammars.GRAMMARS[language].separator)
    for _, captures in QueryCursor(query).matches(tree.root_node):
        found.add(captures)
    if tree.root_node.has_error and not found.definitions and not found.names:
        return None
    definitions = [d for d in found.definitions if d.start not in found.inner]
    return Outline(
        definitions=_nest(definitions, found.ranges["wrap"]),
        leads=sorted(found.ranges["comment"] + found.ranges["lead"]),
        comments=sorted(found.ranges["comment"]),
        docs=_merge(found.ranges["comment"] + found.ranges["doc"], data),
        names=sorted(found.names),
        has_errors=tree.root_node.has_error,
    )


class _Fuse:
    """Ends work that takes many times what ordinary code of its size takes, in this thread's CPU time."""

    def __init__(self, size: int) -> None:
        self._ends_at = time.thread_time() + _FUSE_S + _FUSE_S_PER_MB * size / 1e6

    def __call__(self, *_progress: object) -> bool:
        return time.thread_time() > self._ends_at


def _is_hostile(data: bytes, language: str) -> bool:
    """Whether a grammar should not be tried, for what it might take."""
    if len(data) > MAX_LINE_BYTES and max(map(len, data.split(b"\n"))) > MAX_LINE_BYTES:
        return True
    if language in _COMPARING:
        comparisons = _STATEMENT_ENDS.split(data.translate(None, _NOT_COMPARISONS))
        if max(map(len, comparisons)) > MAX_COMPARISONS:
            return True
    # Those in strings and comments count as well; closing ones too many do not.
    brackets = data.translate(None, _NOT_BRACKETS)
    return len(brackets) > MAX_BRACKETS and max(accumulate(brackets, _step, initial=0)) > MAX_BRACKETS


def _step(depth: int, bracket: int) -> int:
    if bracket in _OPENING:
        return depth + 1
    return depth - 1 if depth else 0


class _Window(threading.local):
    """Memory through which the grammar reads, one for each thread.

    tree-sitter 0.26 never releases what a read callback returns: views of one buffer lose a few bytes
    for each read, slices of the file would lose the file.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_READ_BYTES)
        self._view = memoryview(self._buffer)

    def read(self, data: bytes, offset: int) -> memoryview:
        """The bytes from `offset`, as many as fit. They change with the next call."""
        part = data[offset : offset + _READ_BYTES]
        self._buffer[: len(part)] = part
        return self._view[: len(part)]


_WINDOW = _Window()


def _parse(data: bytes, language: Language, fuse: _Fuse) -> Tree | None:
    from tree_sitter import Parser

    try:
        # Without a read callback there is no progress callback, and nothing to end what takes too long.
        return Parser(language).parse(
            lambda offset, _point: _WINDOW.read(data, offset), encoding="utf8", progress_callback=fuse
        )
    except ValueError:
        # tree-sitter's way to say that the progress callback stopped it.
        return None


def _is_mostly_errors(root: Node, size: int) -> bool:
    """Whether the root, or more than half of the bytes among its children, could not be understood."""
    if not root.has_error:
        return False
    if root.is_error:
        return True
    bad = sum(child.end_byte - child.start_byte for child in root.children if child.is_error)
    return bad * 2 > size


class _Findings:
    """Matches of a query, sorted into what they mean; those that are nothing but a range by their role."""

    def __init__(self, source: SourceText, separator: str) -> None:
        self._source = source
        self._separator = separator
        self.definitions: list[Definition] = []
        self.inner: set[int] = set()
        self.names: list[tuple[int, str]] = []
        self.ranges: dict[str, list[tuple[int, int]]] = {"comment": [], "doc": [], "lead": [], "wrap": []}

    def add(self, captures: dict[str, list[Node]]) -> None:
        """Take in one match."""
        for role, nodes in captures.items():
            if role in self.ranges:
                self.ranges[role].extend([node.byte_range for node in nodes])
            elif role == "define":
                self.names.extend((node.start_byte, self._source.text(*node.byte_range)) for node in nodes)
            elif role == "inner":
                self.inner.update(node.start_byte for node in nodes)
            elif role in _KINDS:
                self._add_definition(nodes[0], _KINDS[role], captures)

    def _add_definition(self, node: Node, kind: ChunkKind, captures: dict[str, list[Node]]) -> None:
        start, end = node.byte_range
        name = ""
        for name_node in captures.get("name", ()):
            text = _plain_name(self._source.text(*name_node.byte_range))
            self.names.append((name_node.start_byte, _SEPARATORS.split(text.strip("[]"))[-1]))
            name = name or text
        owner = captures.get("owner")
        if owner:
            type_name = _plain_name(self._source.text(*owner[0].byte_range))
            name = f"{type_name}{self._separator}{name}" if name else type_name
        bodies = captures.get("body")
        body = bodies[0] if bodies else node.child_by_field_name("body")
        head_end = body.start_byte if body is not None else end
        self.definitions.append(Definition(start, end, start, head_end, kind, name))


def _plain_name(text: str) -> str:
    """A name without quotes, spaces and type parameters: `Shelf<T>` is `Shelf`."""
    if "operator" not in text:
        text = text.partition("<")[0]
    return "".join(text.split()).strip("\"'")


def _nest(definitions: list[Definition], wraps: list[tuple[int, int]]) -> list[Definition]:
    """Definitions inside the ones that hold them, to `MAX_DEPTH`. Those that overlap are dropped."""
    _dress(definitions, wraps)
    definitions.sort(key=lambda definition: (definition.start, -definition.end))
    top: list[Definition] = []
    around: list[Definition] = []
    for definition in definitions:
        while around and around[-1].end <= definition.start:
            around.pop()
        if around and (definition.end > around[-1].end or definition.start == around[-1].start):
            continue
        if len(around) < MAX_DEPTH:
            (around[-1].children if around else top).append(definition)
            around.append(definition)
    return top


def _dress(definitions: list[Definition], wraps: list[tuple[int, int]]) -> None:
    """Let each definition start with the nodes that only dress it: they start before it and end with it."""
    starts_by_end: dict[int, list[int]] = {}
    for start, end in sorted(wraps, reverse=True):
        starts_by_end.setdefault(end, []).append(start)
    # From the outside in: what starts before an outer definition does not dress the last one inside it.
    for definition in sorted(definitions, key=lambda definition: definition.start):
        for end in (definition.end, definition.end + 1):  # C++ dresses a class with its semicolon
            dressing = starts_by_end.get(end)
            while dressing and dressing[-1] <= definition.head_start:
                definition.start = min(definition.start, dressing.pop())


def _merge(ranges: list[tuple[int, int]], data: bytes) -> list[tuple[int, int]]:
    """Sorted and disjoint; ranges with only white space between them become one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and (start <= merged[-1][1] or data[merged[-1][1] : start].isspace()):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
