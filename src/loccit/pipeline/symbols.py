"""Where a name is defined, by the index: exact names first, then those that begin so, then those that hold
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from loccit.core.chunks import ChunkKind
from loccit.core.errors import InputError
from loccit.core.evidence import Place
from loccit.core.source import FileRole
from loccit.indexing.lexical import KINDS, Field
from loccit.indexing.terms import name_term, tokens, whole_of
from loccit.indexing.view import ROLES, SnapshotView
from loccit.pipeline.searchable import Searchable
from loccit.retrieval.packing import Read

_CODE = np.array([kind in {ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE} for kind in KINDS])
_MOST_NAME_CHARS = 300
# The longest head of a definition that is told; what follows is read as lines of the file.
_MOST_LINE_CHARS = 300
# Definitions of one name that stand in a chunk with others: more are not looked for.
_MOST_SHARED = 200
_SEPARATORS = re.compile(r"::|[#/\\]|->")
# What begins a definition of a name in some language, before the name.
_HEAD = (
    r"\b(?:def|class|func|fn|function|fun|struct|interface|type|enum|trait|impl|module|namespace|record|union"
    r"|macro|macro_rules!|const|let|var|val|static|object|package|typedef|define)\b[^\n]*?"
)
# What stands right above a definition and belongs to it: decorators, attributes, comments.
_ABOVE = ("@", "#", "//", "/*", "*", "--", "[")


class Match(IntEnum):
    """How a definition's name is the one that was asked for, the best first."""

    QUALIFIED = 0
    """Its whole qualified name."""
    LAST = 1
    """The last parts of its qualified name."""
    OTHER_CASE = 2
    """One of these but for case."""
    PREFIX = 3
    """Its last part begins so, whatever the case."""
    SUBSTRING = 4
    """It holds this, whatever the case."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Where something is defined.

    `symbol` is its qualified name. `place` are its bytes and lines; where it stands in one chunk with others
    that are defined beside it, those of its first line. `line` is the line that names it, 1-based, and `head`
    that line's text. `match` is "exact", "prefix" or "substring".
    """

    place: Place
    symbol: str
    kind: ChunkKind
    language: str
    role: FileRole
    match: str
    line: int
    head: str


@dataclass(frozen=True, slots=True)
class _Names:
    """The named definitions of a view, in order of their first documents; `lower` is parallel to `symbols`.

    A definition of several documents is there once, with the first of them.
    """

    documents: list[int]
    symbols: list[str]
    lower: list[str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A definition that may be told, with what it is ordered by. `shares` says that its chunk has others."""

    match: Match
    role: int
    repository: int
    path: str
    document: int
    symbol: str
    shares: bool


def find_symbol(name: str, searched: Sequence[Searchable], read: Read, limit: int) -> tuple[Definition, ...]:
    """At most `limit` definitions of a name in these repositories: exact before prefix before substring,
    sources before tests, then by path.

    `name` is qualified (`Session.get`, `Session::get`) or not; case decides between those that are the same
    without. Raises InputError for an empty or overlong name, IndexBroken.
    """
    asked = _SEPARATORS.sub(".", name.strip().removesuffix("()")).strip(".")
    if not asked or len(asked) > _MOST_NAME_CHARS or "\n" in asked:
        raise InputError(
            f"{name[:80]!r} is no name of a definition", next_step="write a name, as in Session.get"
        )
    around: list[str] = []
    while not (told := _definitions(asked, around, searched, read, limit)) and "." in asked:
        # The first parts may be a module's, which no definition has in its name: the path tells.
        module, _, asked = asked.partition(".")
        around.append(module)
    return told


def _definitions(
    asked: str, around: Sequence[str], searched: Sequence[Searchable], read: Read, limit: int
) -> tuple[Definition, ...]:
    """The best definitions of a name; `around` are names that their paths should have."""
    found = _candidates(searched, asked)
    found.sort(
        key=lambda c: (
            max(Match.LAST, c.match),
            -_named_in(c.path, around),
            c.role,
            c.match,
            c.repository,
            c.path,
            c.document,
        )
    )
    told: list[Definition] = []
    for candidate in found:
        if len(told) == limit:
            break
        definition = _defined(candidate, asked, searched[candidate.repository], read)
        if definition is not None:
            told.append(definition)
    return tuple(told)


def _candidates(searched: Sequence[Searchable], asked: str) -> list[_Candidate]:
    return [
        candidate
        for number, one in enumerate(searched)
        for candidate in (*_named(one.view, asked, number), *_shared(one.view, asked, number))
    ]


def _named_in(path: str, modules: Sequence[str]) -> int:
    """How many of these names are folders or files of the path."""
    parts = {part.partition(".")[0] for part in path.split("/")}
    return sum(module in parts for module in modules)


def _named(view: SnapshotView, asked: str, repository: int) -> Iterator[_Candidate]:
    """The definitions that have chunks of their own."""
    names = view.kept("symbol names", lambda: _names_of(view))
    lower = asked.lower()
    for at, held in enumerate(names.lower):
        if lower in held:
            symbol = names.symbols[at]
            match = _match(symbol, held, asked, lower)
            yield _candidate(view, match, names.documents[at], symbol, repository, shares=False)


def _match(symbol: str, symbol_lower: str, asked: str, lower: str) -> Match:
    symbol, symbol_lower = _SEPARATORS.sub(".", symbol), _SEPARATORS.sub(".", symbol_lower)
    if symbol == asked:
        return Match.QUALIFIED
    if symbol.endswith(f".{asked}"):
        return Match.LAST
    if symbol_lower == lower or symbol_lower.endswith(f".{lower}"):
        return Match.OTHER_CASE
    if symbol_lower.startswith(lower) or f".{lower}" in symbol_lower:
        return Match.PREFIX
    return Match.SUBSTRING


def _shared(view: SnapshotView, asked: str, repository: int) -> Iterator[_Candidate]:
    """The definitions that stand in one chunk with others: small ones, constants. Only whole names are known
    of them.
    """
    wanted = whole_of(asked.rpartition(".")[2])
    documents, counts = view.postings(Field.SYMBOLS, name_term(wanted))
    order = np.argsort(documents)
    for number, times in zip(documents[order][:_MOST_SHARED].tolist(), counts[order].tolist(), strict=False):
        document = view.document(number)
        # A chunk is also found by the names of the definitions that it is inside of.
        around = [whole_of(token) for token in tokens(document.symbol)].count(wanted)
        if times > around and _CODE[KINDS.index(document.kind)]:
            yield _candidate(view, Match.LAST, number, document.symbol, repository, shares=True)


def _candidate(
    view: SnapshotView, match: Match, document: int, symbol: str, repository: int, *, shares: bool
) -> _Candidate:
    file = int(view.first_file[view.record_of[document]])
    # Sources first: roles are listed so.
    return _Candidate(
        match, int(view.roles[file]), repository, view.files.paths[file], document, symbol, shares
    )


def _names_of(view: SnapshotView) -> _Names:
    documents: list[int] = []
    symbols: list[str] = []
    known: set[tuple[int, str]] = set()
    for number, symbol in view.symbols(_CODE):
        here = (int(view.record_of[number]), symbol)
        if here not in known:
            known.add(here)
            documents.append(number)
            symbols.append(symbol)
    return _Names(documents, symbols, [symbol.lower() for symbol in symbols])


def _defined(candidate: _Candidate, asked: str, searched: Searchable, read: Read) -> Definition | None:
    """The definition with its place and head; None where a chunk turns out to define no such name."""
    view, first = searched.view, candidate.document
    document = view.document(first)
    end_byte, end_line = document.end_byte, document.end_line
    if not candidate.shares:
        for number in view.documents_of(document.file):
            other = view.document(number, file=document.file)
            if number > first and _is_within(other.symbol, candidate.symbol):
                end_byte, end_line = max(end_byte, other.end_byte), max(end_line, other.end_line)
    record = searched.snapshot
    place = Place(
        repo=searched.name,
        commit=record.commit,
        tree=record.tree,
        path=view.files.paths[document.file],
        object_id=view.files.blobs[document.file],
        start_byte=document.start_byte,
        end_byte=end_byte,
        start_line=document.start_line,
        end_line=end_line,
    )
    text = read(place)[document.start_byte : document.end_byte].decode(document.encoding, "replace")
    last = asked.rpartition(".")[2] if candidate.shares else _last_of(candidate.symbol)
    offset, head = _head_of(text, last, ignore_case=candidate.shares)
    line, symbol, match = document.start_line + offset, candidate.symbol, candidate.match
    start = offset if candidate.shares else _first_of(text.split("\n"), offset)
    start_byte = document.start_byte + len(_before(text, start).encode(document.encoding, "replace"))
    place = replace(place, start_byte=start_byte, start_line=document.start_line + start)
    if candidate.shares:
        written = _written(head, last)
        if written is None or (symbol and written == _last_of(symbol)):
            return None
        end_byte = start_byte + len(head.encode(document.encoding, "replace"))
        place = replace(place, end_byte=end_byte, end_line=line)
        symbol = f"{symbol}.{written}" if _holds(text, symbol, offset) else written
        match = _match(symbol, symbol.lower(), asked, asked.lower())
        if "." in asked and match > Match.OTHER_CASE:
            return None
    return Definition(
        place=place,
        symbol=symbol,
        kind=document.kind,
        language=document.language,
        role=ROLES[candidate.role],
        match="exact" if match <= Match.OTHER_CASE else match.name.lower(),
        line=line,
        head=head.strip()[:_MOST_LINE_CHARS],
    )


def _holds(text: str, symbol: str, at: int) -> bool:
    """Whether a chunk's definition holds the line `at` of it: it may begin after that line, or have ended."""
    if not symbol:
        return False
    name = _last_of(symbol)
    begin, head = _head_of(text, name, ignore_case=False)
    if _written(head, name) is None:
        return True  # it began in a chunk before
    line = text.split("\n")[at]
    return begin < at and _indent(line) > _indent(head)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _first_of(lines: Sequence[str], at: int) -> int:
    """Where a definition begins whose line `at` names it: with the decorators and comments right above."""
    while at and lines[at - 1].lstrip().startswith(_ABOVE):
        at -= 1
    return at


def _is_within(symbol: str, of: str) -> bool:
    return symbol == of or (symbol.startswith(of) and symbol[len(of) : len(of) + 1] in {".", ":", "#"})


def _last_of(symbol: str) -> str:
    return _SEPARATORS.sub(".", symbol).rpartition(".")[2]


def _before(text: str, offset: int) -> str:
    lines = text.split("\n")
    return "".join(f"{line}\n" for line in lines[:offset])


def _head_of(text: str, name: str, *, ignore_case: bool) -> tuple[int, str]:
    """The line that names the definition, counted from 0, and its text; the first line where none does."""
    lines = text.split("\n")
    flags = re.IGNORECASE if ignore_case else 0
    word = rf"(?<!\w){re.escape(name)}(?!\w)"
    patterns = (
        re.compile(_HEAD + word, flags),
        re.compile(rf"^\s*{word}\s*[:=(]", flags),
        re.compile(word, flags),
    )
    for pattern in patterns:
        for offset, line in enumerate(lines):
            if pattern.search(line):
                return offset, line
    return 0, lines[0]


def _written(line: str, name: str) -> str | None:
    """The name as the line writes it; None where it does not."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) or re.search(
        rf"(?<!\w){re.escape(name)}(?!\w)", line, re.IGNORECASE
    )
    return found.group() if found else None
