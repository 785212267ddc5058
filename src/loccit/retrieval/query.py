"""What a question asks for: its words, its identifiers, its paths, and what kind of files it is about."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from loccit.core.errors import InputError, LimitExceeded
from loccit.indexing.terms import stems, tokens, whole_of, words_of

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
    r"\b(when (was|did|were|has)|why (was|did|were|has)|who (added|wrote|removed|changed|introduced)|since when|"
    r"(was|were|been) (added|removed|changed|introduced|deprecated|renamed|dropped|reverted)|history of|"
    r"which commit|what changed|last changed|changelog)\b",
    re.IGNORECASE,
)
# Backquoted text, calls, dotted names, and words written as code is: CamelCase, snake_case, ALLCAPSThen.
_IDENTIFIER = re.compile(
    r"`([^`\n]+)`|([A-Za-z_][\w.]*)\(\)|\b([A-Za-z_]\w*(?:\.\w+)+)|\b(\w*[a-z]\w*[A-Z]\w*|[A-Z]{2,}[a-z]\w*|\w*_\w+)\b"
)
_NAME = re.compile(r"[A-Za-z_]\w+")
_CAPITALISED = re.compile(r"(?<=[a-z,] )([A-Z][a-z]{2,})\b")
_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+/)*[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}\b|(?<![\w/.-])(?:[\w.-]+/)+[\w.-]+"
)
_TRACEBACK_FILE = re.compile(r'File "([^"\n]+)", line (\d+)(?:, in (\S+))?')
_QUOTED = re.compile(r"\"([^\"\n]{4,200})\"|'([^'\n]{4,200})'(?!\w)")


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
    """A question, understood. `names` are identifiers in it, lower case without outer underscores; `paths` as
    written.
    """

    text: str
    terms: tuple[QueryTerm, ...]
    names: tuple[str, ...]
    paths: tuple[str, ...]
    quoted: tuple[str, ...]
    about_tests: bool
    about_docs: bool
    about_history: bool


# A word as written counts half beside its stem, so that the written form wins among forms of the same word.
_WRITTEN_WEIGHT = 0.5
# A question longer than this many distinct terms is a pasted log: its most telling part is its beginning and
# its names.
_MAX_TERMS = 400


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
    return Query(
        text=text,
        terms=_terms(text),
        names=_names(text),
        paths=tuple(dict.fromkeys(_paths(text))),
        quoted=tuple(dict.fromkeys(a or b for a, b in _QUOTED.findall(text))),
        about_tests=_ABOUT_TESTS.search(text) is not None,
        about_docs=_ABOUT_DOCS.search(text) is not None,
        about_history=_ABOUT_HISTORY.search(text) is not None,
    )


def _terms(text: str) -> tuple[QueryTerm, ...]:
    """Stems, written forms and compounds of the question's words, in order of first appearance."""
    words: Counter[str] = Counter()
    compounds: Counter[str] = Counter()
    for token in tokens(text):
        parts = words_of(token)
        if len(parts) > 1:
            compounds[whole_of(token)] += 1
        for part in parts:
            lone = len(parts) == 1
            if (lone and part in STOP_WORDS) or (len(part) < 2 and not part.isdigit()):
                continue
            words[part] += 1
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


def _names(text: str) -> tuple[str, ...]:
    names: list[str] = []
    for match in _IDENTIFIER.finditer(text):
        quoted = next(group for group in match.groups() if group)
        names += [name.lower().strip("_") for name in _NAME.findall(quoted)]
    names += [match.group(1).lower() for match in _CAPITALISED.finditer(text)]
    names += [name.lower().strip("_") for _, _, name in _TRACEBACK_FILE.findall(text) if name]
    return tuple(dict.fromkeys(name for name in names if name))[:_MAX_TERMS]


def _paths(text: str) -> list[str]:
    return [path for path, _, _ in _TRACEBACK_FILE.findall(text)] + _PATH.findall(text)
