"""What two issues share that a person can check, quoted from both: errors, lines, frames, names, words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from loccit.core.issues import Issue
from loccit.indexing.terms import terms_of
from loccit.retrieval.issue_text import IssueText, read_issue
from loccit.retrieval.query import STOP_WORDS

# Evidence is looked for in so much of a text, and at most so much of each kind is given.
_LOOKED_AT_CHARS = 50_000
_MOST_OF_A_KIND = 3
_MOST_WORDS = 6
_QUOTE_CHARS = 300
# A word that more than this share of all issues hold tells nothing; three reports hold it by chance.
_RARE_SHARE = 0.02
_RARE_ANYWAY = 3
_LEAST_LINE_CHARS = 25
_LEAST_LINE_WORDS = 4
_TOKEN = re.compile(r"[^\W\d]\w*|\d+")
_DIGITS = re.compile(r"\d+")


class SharedKind(StrEnum):
    """What kind of thing both issues hold, the most telling first."""

    ERROR = "error"
    """The same error with the same message."""
    LINE = "line"
    """The same line, numbers aside, or the same title."""
    FRAME = "frame"
    """The same frame of a traceback."""
    EXCEPTION = "exception"
    """The same kind of error, with another message or none."""
    NAME = "name"
    """The same identifier."""
    WORD = "word"
    """The same word, of few issues."""


class IssuePart(StrEnum):
    """Which text of an issue is quoted."""

    TITLE = "title"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Passage:
    """Bytes of an issue's title or body in UTF-8, end exclusive, and what they say."""

    part: IssuePart
    start_byte: int
    end_byte: int
    quote: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Something that both issues hold: `text` names it, `here` is in the issue asked about, `there` in the
    other one.

    `issues` is how many issues hold a word, 0 for everything else.
    """

    kind: SharedKind
    text: str
    here: Passage
    there: Passage
    issues: int = 0


@dataclass(frozen=True, slots=True)
class _Side:
    """One issue, read."""

    issue: Issue
    said: IssueText
    lines: Mapping[str, str]
    words: Mapping[str, tuple[IssuePart, int, int]]

    def passage(self, literal: str) -> Passage | None:
        """Where the literal stands first; None where the text does not have it so."""
        for part, text in _parts(self.issue):
            at = text.find(literal) if literal else -1
            if at >= 0:
                return _passage(part, text, at, at + min(len(literal), _QUOTE_CHARS))
        return None


class EvidenceFinder:
    """Finds what other issues share with one issue, which is read once."""

    def __init__(self, issue: Issue, holders: Callable[[str], int], issues: int) -> None:
        """`holders` says how many of all the `issues` hold a term."""
        self._here = _read(issue)
        self._holders = holders
        self._rare = max(_RARE_ANYWAY, int(_RARE_SHARE * issues))

    def shared_with(self, other: Issue) -> tuple[Shared, ...]:
        """What both say, the most telling first; each thing once, under the kind that says most."""
        there = _read(other)
        found: list[Shared] = []
        for kind, literals in _literals(self._here, there):
            of_kind = (self._quoted(kind, text, one, two, there) for text, one, two in literals)
            fresh = (one for one in of_kind if one is not None and not _is_told(one.text, found))
            found += list(_first(fresh, _MOST_OF_A_KIND))
        words = (word for word in self._words(there) if not _is_told(word.text, found))
        return (*found, *_first(words, _MOST_WORDS))

    def _quoted(self, kind: SharedKind, text: str, one: str, two: str, there: _Side) -> Shared | None:
        here_at, there_at = self._here.passage(one), there.passage(two)
        return Shared(kind, text, here_at, there_at) if here_at and there_at else None

    def _words(self, there: _Side) -> Iterator[Shared]:
        """Shared words that few issues hold, the rarest first."""
        shared = [(self._holders(term), term) for term in self._here.words if term in there.words]
        for holders, term in sorted(shared):
            if not 0 < holders <= self._rare:
                continue
            here_at, there_at = _located(self._here, term), _located(there, term)
            yield Shared(SharedKind.WORD, here_at.quote, here_at, there_at, holders)


def _read(issue: Issue) -> _Side:
    body = issue.body[:_LOOKED_AT_CHARS]
    lines = {" ".join(issue.title.casefold().split()): issue.title, **_lines(body)}
    return _Side(issue, read_issue(body, title=issue.title), lines, _words(issue))


def _parts(issue: Issue) -> tuple[tuple[IssuePart, str], ...]:
    return (IssuePart.TITLE, issue.title), (IssuePart.BODY, issue.body[:_LOOKED_AT_CHARS])


def _passage(part: IssuePart, text: str, start: int, end: int) -> Passage:
    before = len(text[:start].encode("utf-8", "surrogatepass"))
    quote = text[start:end]
    return Passage(part, before, before + len(quote.encode("utf-8", "surrogatepass")), quote)


def _located(side: _Side, term: str) -> Passage:
    part, start, end = side.words[term]
    return _passage(part, dict(_parts(side.issue))[part], start, end)


def _lines(body: str) -> dict[str, str]:
    """Lines long enough to be told by, as written, by what they say with their numbers left out."""
    stripped = (line.strip() for line in body.splitlines())
    telling = (
        line for line in stripped if len(line) >= _LEAST_LINE_CHARS and len(line.split()) >= _LEAST_LINE_WORDS
    )
    kept: dict[str, str] = {}
    for line in telling:
        kept.setdefault(_DIGITS.sub("0", line), line)
    return kept


def _words(issue: Issue) -> dict[str, tuple[IssuePart, int, int]]:
    """Where each term of the issue stands first. Stop words and single letters are left out."""
    first: dict[str, tuple[IssuePart, int, int]] = {}
    for part, text in _parts(issue):
        for match in _TOKEN.finditer(text):
            token = match[0]
            if len(token) > 1 and not token.isdigit() and token.lower() not in STOP_WORDS:
                first.setdefault(token, (part, match.start(), match.end()))
    places: dict[str, tuple[IssuePart, int, int]] = {}
    for (terms, _), place in zip(terms_of(first), first.values(), strict=True):
        # The last term of a compound is the whole of it; of a word, its first is the stem.
        for term in {terms[0], terms[-1]} if terms else ():
            if len(term) > 1:
                places.setdefault(term, place)
    return places


Literals = Iterator[tuple[str, str, str]]
"""What is shared, how it stands here, how it stands there."""


def _literals(here: _Side, there: _Side) -> Iterator[tuple[SharedKind, Literals]]:
    yield SharedKind.ERROR, _errors(here.said, there.said)
    yield SharedKind.LINE, _shared(here.lines, there.lines)
    yield SharedKind.FRAME, _frames(here, there)
    yield SharedKind.EXCEPTION, _same(_kinds(here.said), _kinds(there.said))
    yield SharedKind.NAME, _same(here.said.names, there.said.names)


def _errors(here: IssueText, there: IssueText) -> Literals:
    """Errors of one kind whose messages are the same, numbers aside."""
    mine = {
        (error.kind, _DIGITS.sub("0", error.message)): error.message for error in here.errors if error.message
    }
    theirs = {(error.kind, _DIGITS.sub("0", error.message)): error.message for error in there.errors}
    for known, message in mine.items():
        if known in theirs:
            yield f"{known[0]}: {message}" if known[0] else message, message, theirs[known]


def _kinds(said: IssueText) -> Iterator[str]:
    yield from (error.kind for error in said.errors if error.kind)
    for traceback in said.tracebacks:
        yield traceback.error.partition(":")[0]


def _frames(here: _Side, there: _Side) -> Literals:
    """Frames of the same function in the same file, whatever the line."""
    theirs = {(f.path, f.function) for traceback in there.said.tracebacks for f in traceback.frames}
    for traceback in here.said.tracebacks:
        for frame in traceback.frames:
            if frame.function and (frame.path, frame.function) in theirs:
                yield f"{frame.function} ({frame.path})", frame.function, frame.function


def _shared(here: Mapping[str, str], there: Mapping[str, str]) -> Literals:
    return ((line, line, there[told]) for told, line in here.items() if told in there)


def _same(here: Iterable[str], there: Iterable[str]) -> Literals:
    known = set(there)
    return ((text, text, text) for text in dict.fromkeys(here) if text in known)


def _is_told(text: str, found: Iterable[Shared]) -> bool:
    return any(text.lower() in one.text.lower() for one in found)


def _first(found: Iterable[Shared], most: int) -> Iterator[Shared]:
    """The first ones that say something different."""
    told: list[Shared] = []
    for one in found:
        if len(told) == most:
            return
        if not _is_told(one.text, told):
            told.append(one)
            yield one
