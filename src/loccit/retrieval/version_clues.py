"""Versions that a text names, and whether it says that they were still good or already bad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class VersionClue(StrEnum):
    """What a text says of a version: that all was well there, that it was not, or no more than its number."""

    GOOD = "good"
    BAD = "bad"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class VersionMention:
    """A version that a text names, without a leading `v`.

    `product` is the word it is said of, in lower case (`python`, `django`), empty where there is none.
    """

    version: str
    clue: VersionClue
    product: str = ""


# The clue is looked for in the same line, this far before and after, and this close to the number.
_BEFORE_CHARS, _AFTER_CHARS, _CLUE_GAP = 70, 30, 28
_PRODUCT_CHARS = 60

# Every pattern but the first reads only these few characters.
_VERSION = re.compile(
    r"(?<![\w./-])[vV]?(\d{1,4}(?:\.\d{1,5}){1,3}"
    r"(?:[.-]?(?:alpha|beta|rc|dev|post|pre|a|b|c)[.-]?\d{0,4}|-SNAPSHOT|\.Final)?)"
    r"(?:\.x)?(?![\w/]|\.\d|-\d)"
)
_WORDS_BETWEEN = r"(?:\w{1,20} ){0,3}?"
_SAYS_GOOD = re.compile(
    r"\b(?:"
    + "|".join(
        (
            r"work(?:s|ed|ing)?(?: (?:fine|well|ok|okay|correctly|properly|as expected|great))?,?"
            r" (?:in|with|on|under|until|for|up to|at)",
            r"last (?:known )?(?:good|working)(?: (?:version|release|commit|one))?",
            rf"(?:upgrad|updat|mov|switch|migrat|bump|go)\w{{0,4}} {_WORDS_BETWEEN}from",
            r"no (?:such )?(?:problem|issue|error|bug)s? (?:in|with|on)",
            r"(?:fine|ok|okay|good|correct) (?:in|with|on|until|under|at)",
            r"not (?:in|with|affected|present in|the case in)",
            rf"downgrad\w{{0,4}} {_WORDS_BETWEEN}to",
            r"revert\w{0,4} (?:back )?to",
            r"until",
        )
    )
    + r")\b",
    re.IGNORECASE,
)
_SAYS_BAD = re.compile(
    r"\b(?:"
    + "|".join(
        (
            r"since",
            r"start(?:s|ed|ing) (?:with|in|from|at)",
            r"as of",
            r"regress(?:ion|ed|es)(?: \w{1,20})? ?(?:in|from|since|with|between)?",
            r"br(?:oke|oken|eaks|eak)(?: \w{1,20})? (?:in|by|since|with|on|after)",
            r"introduced (?:in|by|with)",
            r"fail(?:s|ed|ing|ure)? (?:in|with|on|since|after|under)",
            rf"(?:upgrad|updat|migrat|bump|mov|switch)\w{{0,4}} {_WORDS_BETWEEN}to",
            r"(?:stopped|stops|not|n't|n’t) work(?:ing)? (?:in|with|on|after|since)",
            r"first bad(?: (?:version|release|commit|one))?",
            r"before",
            r"prior to",
            r"changed in",
            r"new in",
            r"crash(?:es|ed)? (?:in|with|on|since|after)",
            r"after (?:upgrading|updating|moving|switching)",
        )
    )
    + r")\b",
    re.IGNORECASE,
)
_IT = r"\s{0,2},?\s?(?:it |this |that |everything )?"
_THEN_GOOD = re.compile(rf"{_IT}(?:works|worked|is fine|was fine|is ok|was ok)\b", re.IGNORECASE)
_THEN_BAD = re.compile(
    rf"{_IT}(?:fails|failed|breaks|broke|crashes|crashed|is broken|(?:does|did)(?:n't|n’t| not) work)\b",
    re.IGNORECASE,
)
_TO = re.compile(r" {0,2}(?:to|->|→|=>) {0,2}")
_PRODUCT = re.compile(
    r"([A-Za-z][A-Za-z0-9_+#.-]{0,40})[\s:=`*\"'(|~<>\[\]-]{0,6}"
    r"(?:(?:version|release|ver|v)\b[\s:=`*]{0,4}(?:is )?)?$",
    re.IGNORECASE,
)
# Words before a number that say nothing of whose version it is.
_NO_PRODUCT = frozenset(
    """
    a affected affects after against an and as at back bad before between both broke broken but by
    current e fail fails failed fixed for found from good i in into is it last latest least new of
    old on or prior regression release releases since start started starting than the to under until
    up using v ver version versions was with work worked working works tested
    """.split()
)


def version_mentions(text: str) -> Iterator[VersionMention]:
    """The versions that a text names, in order; the same one again where it is named again."""
    last: VersionMention | None = None
    last_end = 0
    for match in _VERSION.finditer(text):
        start = match.start()
        before = text[max(0, start - _BEFORE_CHARS) : start].rpartition("\n")[2]
        after = text[match.end() : match.end() + _AFTER_CHARS].partition("\n")[0]
        # A clue counts for the first version that follows it.
        clue = _clue(before[-(start - last_end) :] if start > last_end else "", after)
        between = text[last_end:start] if start - last_end <= 8 else ""
        if last is not None and last.clue is VersionClue.GOOD and _TO.fullmatch(between):
            clue = VersionClue.BAD
        last, last_end = VersionMention(match[1], clue, _product(before)), match.end()
        yield last


def _clue(before: str, after: str) -> VersionClue:
    if _THEN_GOOD.match(after):
        return VersionClue.GOOD
    if _THEN_BAD.match(after):
        return VersionClue.BAD
    good = max((match.end() for match in _SAYS_GOOD.finditer(before)), default=-1)
    bad = max((match.end() for match in _SAYS_BAD.finditer(before)), default=-1)
    nearest = max(good, bad)
    if nearest < 0 or len(before) - nearest > _CLUE_GAP or ". " in before[nearest:]:
        return VersionClue.NAMED
    return VersionClue.BAD if bad >= good else VersionClue.GOOD


def _product(before: str) -> str:
    match = _PRODUCT.search(before[-_PRODUCT_CHARS:])
    word = match[1].lower().strip(".-") if match is not None else ""
    return "" if word in _NO_PRODUCT else word
