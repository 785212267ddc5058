"""An answer as Markdown: each claim with numbered citations, the sources at the end.

What a model or a source wrote is hostile: it must come out as it was written, in whatever a client shows
Markdown with. Quotations stand in fences. In statements every word that Markdown, its extensions or a finder
of links could make something of is set as code: that needs no escapes, which some clients show and others
undo.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    Claim,
    ClaimKind,
    Outcome,
    VerdictLabel,
    cited_path,
)
from loccit.evals.markup import visible

_WHY = {
    Abstention.NOT_IN_SOURCES: "nothing in these sources bears on the question well enough to quote.",
    Abstention.NOT_INDEXED: "nothing is indexed for this question, which says nothing about the sources.",
    Abstention.INDEX_STALE: "the index is out of date, which says nothing about the sources.",
    Abstention.INDEX_BROKEN: "the index cannot be used, which says nothing about the sources.",
    Abstention.BUDGET: "the budget cannot pay for the rest.",
    Abstention.MODEL_UNAVAILABLE: "the model gave no usable answer to the rest.",
}
_NEXT = {
    Abstention.NOT_IN_SOURCES: "Ask with names from the code, or ask another of the models that are listed.",
    Abstention.NOT_INDEXED: "Whoever runs this server can index it.",
    Abstention.INDEX_STALE: "Whoever runs this server can index it again.",
    Abstention.INDEX_BROKEN: "Whoever runs this server can find out why: `loccit doctor`.",
    Abstention.BUDGET: "Ask again when there is a budget.",
    Abstention.MODEL_UNAVAILABLE: "Ask again later.",
}
# What is said of a statement that its checker did not find wholly borne out.
_DOUBTS = {
    VerdictLabel.PARTLY: " (borne out in part)",
    VerdictLabel.UNCHECKED: " (not checked)",
    VerdictLabel.UNSUPPORTED: " (not borne out)",
    VerdictLabel.CONTRADICTED: " (contradicted)",
}
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# A word with one of these is set as code: `_` only where it is not within a word, `&` where it begins a
# character reference, `@` where it could be an address or somebody's name.
_ACTIVE = re.compile(
    r"[\\`*\[\]<>~|$^{}]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|&#?\w|://|\bwww\.|\bmailto:|@\w|^#", re.IGNORECASE
)
# What makes a heading, a list or a rule of the line that it begins.
_BLOCK = re.compile(r"[-+=#>]+|\d{1,9}[.)]")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the text, from one character to another (0-based, end exclusive)."""

    start: int
    end: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    """A cited place, with the number that the text gives it and the claims (from 1) that rest on it."""

    number: int
    citation: Citation
    url: str | None
    claims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """The text in blocks, which follow each other as they are, its links, and what it cites."""

    blocks: tuple[str, ...]
    links: tuple[Link, ...]
    sources: tuple[Source, ...]

    @property
    def whole(self) -> str:
        """All of it."""
        return "".join(self.blocks)


def text_of(answer: Answer, *, page: str = "") -> Text:
    """The answer as Markdown.

    `page` is the address of the answer's own page, where it has one: it is linked to where no permalink is
    known.
    """
    sources = _sources_of(answer, page)
    number_of = {_key(source.citation): source for source in sources}
    blocks: list[str] = []
    links: list[Link] = []
    length = 0

    def add(before: str, cited: Sequence[Source] = (), after: str = "") -> None:
        """A block: the numbers of what is cited stand between these texts."""
        nonlocal length
        block = f"\n\n{before}" if blocks else before
        for place, source in enumerate(cited):
            block += " " if place else ""
            start = length + len(block)
            block += f"[{source.number}]" + (f"({source.url})" if source.url else "")
            if source.url is not None:
                links.append(Link(start, length + len(block), place_of(source.citation), source.url))
        blocks.append(block + after)
        length += len(blocks[-1])

    if answer.abstention is not None:
        how = "Not answered" if answer.outcome is Outcome.ABSTAINED else "Answered in part"
        add(f"{how}: {_WHY[answer.abstention]} {_NEXT[answer.abstention]}")
    for claim in answer.claims:
        cited = [number_of[_key(citation)] for citation in claim.citations]
        if claim.kind is ClaimKind.QUOTATION:
            add("", cited, _quotation(claim, cited))
        else:
            add(f"{plain(claim.text)}{_DOUBTS.get(claim.verdict.label, '')} ", cited)
    if sources:
        several = len({source.citation.repo for source in sources}) > 1
        lines = [_source_line(source, several=several) for source in sources]
        add("\n".join(["Sources:", "", *lines]))
    return Text(tuple(blocks), tuple(links), sources)


def plain(text: str) -> str:
    """A statement on one line, its words as they were written: those that could be markup are set as code."""
    pieces: list[str] = []
    end = 0
    shown = " ".join(visible(text).split())
    for span in _CODE_SPAN.finditer(shown):
        pieces += [_words(shown[end : span.start()]), code(span[1])]
        end = span.end()
    pieces.append(_words(shown[end:]))
    first, space, rest = "".join(pieces).partition(" ")
    return f"{code(first) if _BLOCK.fullmatch(first) else first}{space}{rest}"


def code(text: str) -> str:
    """A code span: text on one line in which nothing is markup."""
    line = visible(text).replace("\n", "\\n").replace("\t", "\\t")
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def place_of(citation: Citation) -> str:
    """`path:start-end`, or `commit ID`; as it is, not escaped."""
    path = cited_path(citation)
    if path is None:
        return f"commit {(citation.commit or '')[:12]}"
    return f"{visible(path.decode('utf-8', 'backslashreplace'))}:{citation.start_line}-{citation.end_line}"


def _quotation(claim: Claim, cited: Sequence[Source]) -> str:
    """What follows the number of a quotation: its place, and the lines in a fence that they cannot close."""
    shown = visible(claim.text).rstrip("\n")
    fence = "`" * max(3, _longest_run(shown) + 1)
    places = ", ".join(code(place_of(source.citation)) for source in cited)
    return f" {places}:\n\n{fence}\n{shown}\n{fence}"


def _source_line(source: Source, *, several: bool) -> str:
    citation = source.citation
    at = (citation.commit or citation.tree or "")[:12]
    place = code(place_of(citation) if citation.path is None else f"{place_of(citation)} @ {at}")
    shown = f"[{place}]({source.url})" if source.url else place
    return f"{source.number}. {shown}" + (f" in {code(citation.repo)}" if several else "")


def _sources_of(answer: Answer, page: str) -> tuple[Source, ...]:
    """What is cited, each place once, in the order of the claims."""
    claims: dict[tuple[object, ...], list[int]] = {}
    first: dict[tuple[object, ...], Citation] = {}
    for number, claim in enumerate(answer.claims, start=1):
        for citation in claim.citations:
            first.setdefault(_key(citation), citation)
            resting = claims.setdefault(_key(citation), [])
            if number not in resting:
                resting.append(number)
    return tuple(
        Source(
            number,
            citation,
            citation.permalink or (f"{page}#c{claims[key][0]}" if page else None),
            tuple(claims[key]),
        )
        for number, (key, citation) in enumerate(first.items(), start=1)
    )


def _key(citation: Citation) -> tuple[object, ...]:
    return (
        citation.kind,
        citation.repo,
        citation.commit or citation.tree,
        citation.path or citation.path_base64,
        citation.start_byte,
        citation.end_byte,
    )


def _words(text: str) -> str:
    return "".join(_word(word) for word in re.split(r"(\s+)", text))


def _word(word: str) -> str:
    if not _ACTIVE.search(word):
        return word
    before, middle, after = _edges(word)
    # A bracket that opens within it closes within it.
    if after.startswith(")") and middle.count("(") > middle.count(")"):
        middle, after = f"{middle})", after[1:]
    return f"{before}{code(middle)}{after}" if middle else code(word)


def _edges(word: str) -> tuple[str, str, str]:
    """Brackets and quotes before it, what is within, and punctuation after it."""
    middle = word.lstrip("(\"'")
    before = word[: len(word) - len(middle)]
    inner = middle.rstrip(".,;:!?)\"'")
    return before, inner, middle[len(inner) :]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
