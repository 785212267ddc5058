"""Source as a page shows it: comments, strings, numbers, keywords and names of definitions told apart, by the
grammars that the index is made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.parsing.grammars import GRAMMARS, load
from loccit.serving.web.text import code_line

if TYPE_CHECKING:
    from tree_sitter import Node

# Larger files are shown plain: a grammar takes a second for so much.
_MOST_BYTES = 600_000
_MOST_LINE_CHARS = 2_000
_LEAVES = {"comment": "c", "string": "s", "char": "s", "number": "n", "integer": "n", "float": "n"}
_DEFINING = ("function", "class", "method", "interface", "struct", "enum", "trait", "module", "type_spec")


@dataclass(frozen=True, slots=True)
class Line:
    """A line (1-based number) in pieces: what each is (`c` comment, `s` string, `n` number, `k` keyword, `d`
    name that is defined, or nothing), and its text.
    """

    number: int
    parts: tuple[tuple[str, str], ...]


def highlighted(lines: Sequence[str], language: str, first: int, last: int) -> tuple[Line, ...]:
    """The lines `first` to `last` (1-based, inclusive). What no grammar knows is one piece a line."""
    marks = _marks(lines, language, first, last)
    return tuple(
        Line(number, _parts(lines[number - 1], marks.get(number, ()))) for number in range(first, last + 1)
    )


def _parts(line: str, marks: Sequence[tuple[int, int, str]]) -> tuple[tuple[str, str], ...]:
    if len(line) > _MOST_LINE_CHARS or not marks:
        return (("", code_line(line)),)
    data, parts, at = line.encode(), list[tuple[str, str]](), 0
    for start, end, kind in marks:
        if start > at:
            parts.append(("", data[at:start].decode()))
        parts.append((kind, data[start:end].decode()))
        at = end
    if at < len(data):
        parts.append(("", data[at:].decode()))
    return tuple(parts)


def _marks(
    lines: Sequence[str], language: str, first: int, last: int
) -> dict[int, list[tuple[int, int, str]]]:
    """By line the bytes of it that are something, in order."""
    if language not in GRAMMARS or sum(map(len, lines)) > _MOST_BYTES:
        return {}
    from tree_sitter import Parser

    tree = Parser(load(language)[0]).parse("\n".join(lines).encode())
    sizes = [len(line.encode()) for line in lines[first - 1 : last]]
    found: dict[int, list[tuple[int, int, str]]] = {}
    for node, kind in _tokens(tree.root_node, first - 1, last - 1):
        (row, column), (end_row, end_column) = node.start_point, node.end_point
        for each in range(max(row, first - 1), min(end_row, last - 1) + 1):
            start = column if each == row else 0
            end = end_column if each == end_row else sizes[each - first + 1]
            if start < end:
                found.setdefault(each + 1, []).append((start, end, kind))
    return found


def _tokens(root: Node, first_row: int, last_row: int) -> Iterator[tuple[Node, str]]:
    """What is something, in order, of what reaches into these rows."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.end_point[0] < first_row or node.start_point[0] > last_row:
            continue
        kind = _kind(node)
        if kind:
            yield node, kind
        else:
            stack.extend(reversed(node.children))


def _kind(node: Node) -> str:
    name = node.type
    if not node.is_named:
        return "k" if name.isalpha() and len(name) > 1 else ""
    if node.child_count == 0 or "string" in name or "comment" in name:
        # A string with what is computed in it is looked into.
        if "interpolat" in name or any(
            "interpolat" in one.type or "substitution" in one.type for one in node.children
        ):
            return ""
        for part, kind in _LEAVES.items():
            if part in name:
                return kind
        if name in {"true", "false", "none", "null", "nil", "self", "this"}:
            return "k"
    parent = node.parent
    if (
        parent is not None
        and parent.type.startswith(_DEFINING)
        and node == parent.child_by_field_name("name")
    ):
        return "d"
    return ""
