"""What a question asks for: its words, its identifiers, its paths, and what kind of files it is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from loccit.core.errors import InputError, LimitExceeded
from loccit.indexing.terms import MAX_TOKEN_CHARS, stems, tokens, whole_of, words_of

# Ordinary English function words: they say how a question is put, not what it is about.
STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further had has have having he her here hers him his how i if in into is it its itself just
    me more most my no nor not of off on once only or other our out over own rather same she
    should so some such than that the their them then there these they this those through to too
    under until up upon very was we were what when where which while who whom whose why will
    with within without would you your
    """.split()
)

_ABOUT_TESTS = re.compile(r"\b[Tt]ests?\b|\b[Tt]esting\b|\btest_|\bTest[A-Z]")
_ABOUT_DOCS = re.compile(r"\b(documentation|docs?|readme|tutorial|guide|changelog)\b", re.IGNORECASE)
_ABOUT_HISTORY = re.compile(
    r"\b(when (was|did|were|has)|why (was|did|were|has)|since (when|which)|history of|changelog|"
    r"who (added|wrote|removed|changed|introduced|deprecated|renamed|dropped|reverted)|"
    r"(was|were|been) (added|removed|changed|introduced|deprecated|renamed|dropped|reverted)|"
    r"(which|what) commits?|what changed|last changed)\b",
    re.IGNORECASE,
)
# Every pattern here must take time linear in the text: where one may begin is bounded by what stands before.
# Backquoted text, calls without arguments, and dotted names.
_IDENTIFIER = re.compile(r"`([^`\n]+)`|(?<![\w.])([A-Za-z_][\w.]*)\(\)|(?<![\w.])([A-Za-z_]\w*(?:\.\w+)+)")
_WORD = re.compile(r"\w+")
# Words written as code is: snake_case, CamelCase, HTTPServer.
_CODE_WORD = re.compile(r"_\w|[a-z].*[A-Z]|^[A-Z]{2,}[a-z]")
_NAME = re.compile(r"[A-Za-z_]\w+")
_CAPITALISED = re.compile(r"(?<=[a-z,] )([A-Z][a-z]{2,})\b")
_PATH = re.compile(
    r"(?<![\w/.~-])(?:~?/|\.{1,2}/)?"
    r"(?:(?:[\w.-]+/)*[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}\b|(?:[\w.-]+/)+[\w.-]+)"
)
# A frame of a Python traceback, with the indented lines of code that follow it.
_FRAME = re.compile(r'File "([^"\n]+)", line \d+(?:, in (\S+))?(?:\n[ \t]{4}[^\n]*)*')
_QUOTED = re.compile(
    r"\"([^\"\n]{4,200})\"|“([^”\n]{4,200})”|(?<!\w)'([^'\n]{4,200})'(?!\w)|`([^`\n]{4,200})`"
)
# What an error says, to the end of its line: after what looks like one, or at a line's start after a name of
# several words, as `ParcelNotFound: `.
_ERROR = re.compile(
    r"(?:(?<![\w.])(?:[\w.]{0,80}(?:Error|Exception|Warning|Failure)|panic|fatal|[Ee]rror)"
    r"|^[ \t]{0,20}(?:[\w.]{0,80}\.)?(?:[A-Z][a-z]{1,30}){2,6}): ([^\n]{4,200})",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One term of a question. `word` is what the person wrote, `count` how often; `weight` scales its idf."""

    term: str
    word: str
    count: int
    weight: float
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A question, understood.

    `names` are identifiers in it (lower case without outer underscores) and `paths` are as written; each has
    a weight, 1 but for the frames of a traceback, which count the more the closer they are to the error.
    `quoted` are texts of more than a word that it gives literally: quotations and error messages.
    """

    text: str
    terms: tuple[QueryTerm, ...]
    names: Mapping[str, float]
    paths: Mapping[str, float]
    quoted: tuple[str, ...]
    about_tests: bool
    about_docs: bool
    about_history: bool


# A word as written counts half beside its stem, so that the written form wins among forms of the same word.
_WRITTEN_WEIGHT = 0.5
# A question longer than this many distinct terms is a pasted log: its most telling part is its beginning and
# its names.
_MAX_TERMS = 400
_MAX_FRAMES = 50
_MAX_QUOTED = 20


def understand(text: str, *, max_chars: int) -> Query:
    """The query that this text is. Raises InputError for an empty one, LimitExceeded for one beyond
    `max_chars`.
    """
    if len(text) > max_chars:
        raise LimitExceeded(
            "characters of the question", len(text), max_chars, next_step="shorten it to what matters"
        )
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("the question is not valid UTF-8", next_step="write it in UTF-8")
    if not text.strip():
        raise InputError("the question is empty", next_step="write what you want to know")
    files, functions = _frames(text)
    prose = _FRAME.sub(" ", text)
    return Query(
        text=text,
        terms=query_terms(text),
        names=_first(functions | dict.fromkeys(_names(prose), 1.0)),
        paths=_first(files | dict.fromkeys(_PATH.findall(prose), 1.0)),
        quoted=_quoted(prose),
        about_tests=_ABOUT_TESTS.search(text) is not None,
        about_docs=_ABOUT_DOCS.search(text) is not None,
        about_history=_ABOUT_HISTORY.search(text) is not None,
    )


def query_terms(text: str) -> tuple[QueryTerm, ...]:
    """Compounds, stems and written forms of the question's words, each in order of first appearance."""
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    compounds: Counter[str] = Counter()
    for token in tokens(text):
        parts = words_of(token)
        if len(parts) > 1:
            compounds[whole_of(token)] += 1
        for part in parts:
            is_stop_word = len(parts) == 1 and part in STOP_WORDS
            is_letter = len(part) == 1 and part.isascii() and not part.isdigit()
            if is_letter and not is_stop_word:
                letters[part] += 1
            elif not is_stop_word:
                words[part] += 1
    # A letter says little beside words, but it may be all there is: "what is g?".
    words = words or letters
    stem_of = dict(zip(words, stems(list(words)), strict=True))
    by_stem: dict[str, QueryTerm] = {}
    for word, count in words.items():
        stem = stem_of[word]
        known = by_stem.get(stem)
        by_stem[stem] = QueryTerm(
            stem, known.word if known else word, count + (known.count if known else 0), 1.0, is_whole=False
        )
    written = [
        QueryTerm(f"={word}" if stem_of[word] != word else word, word, count, _WRITTEN_WEIGHT, is_whole=False)
        for word, count in words.items()
    ]
    wholes = [QueryTerm(f"={whole}", whole, count, 1.0, is_whole=True) for whole, count in compounds.items()]
    return (*wholes, *by_stem.values(), *written)[:_MAX_TERMS]


def _names(text: str) -> Iterator[str]:
    for match in _IDENTIFIER.finditer(text):
        code = next(group for group in match.groups() if group)
        yield from _name_forms(_NAME.findall(code))
    words = (word for word in _WORD.findall(text) if len(word) <= MAX_TOKEN_CHARS and _CODE_WORD.search(word))
    yield from _name_forms(words)
    yield from (match.group(1).lower() for match in _CAPITALISED.finditer(text))


def _name_forms(words: Iterable[str]) -> Iterator[str]:
    return (name for word in words if (name := whole_of(word)))


def _frames(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """Weights of the files and of the functions of a traceback's frames: 1 for the last frame, falling
    evenly.
    """
    frames = _FRAME.findall(text)[-_MAX_FRAMES:]
    files: dict[str, float] = {}
    functions: dict[str, float] = {}
    for position, (path, function) in enumerate(frames, start=1):
        # Later frames overwrite earlier ones of the same file: their weight is the greater.
        files[path] = position / len(frames)
        # `<module>` and `<lambda>` name no function.
        if not function.startswith("<"):
            functions |= dict.fromkeys(_name_forms(_NAME.findall(function)), position / len(frames))
    return files, functions


def _quoted(text: str) -> tuple[str, ...]:
    """Quotations and error messages. A single word or name that is quoted is a word like any other."""
    found = [match.group(match.lastindex or 0) for match in _QUOTED.finditer(text)]
    # A quotation may be an error with its message.
    found += [match.group(1) for said in [text, *found] for match in _ERROR.finditer(said)]
    stripped = [quotation.strip() for quotation in found]
    return tuple(dict.fromkeys(q for q in stripped if " " in q or not q.isascii()))[:_MAX_QUOTED]


def _first(weights: Mapping[str, float]) -> dict[str, float]:
    return dict(islice(weights.items(), _MAX_TERMS))
