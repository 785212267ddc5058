"""From quotes to byte ranges: we find them in the evidence, the model never says where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loccit.answering.compose import DraftCitation
from loccit.core.evidence import Passage

# A shorter quote stands in too many places to bear anything out. Counted without white space.
_LEAST_CHARS = 4
# A longer one is a copy, not a quotation.
_MOST_CHARS = 6_000


@dataclass(frozen=True, slots=True)
class LocatedQuote:
    """A quote where it stands: bytes of the cited object, end exclusive."""

    passage: Passage
    quote: str
    start_byte: int
    end_byte: int


@dataclass(frozen=True, slots=True)
class FailedQuote:
    """A quote that stands nowhere in what it names, and why, in words for its writer."""

    citation: DraftCitation
    why: str


def locate_quote(citation: DraftCitation, passages: Mapping[str, Passage]) -> LocatedQuote | FailedQuote:
    """The first place in the passage at which the quote stands, byte for byte.

    `passages` are those that were given to the model, by their ids: no other id is known, whatever a text
    says. White space around the quote is not part of it.
    """
    passage = passages.get(citation.evidence)
    quote = citation.quote.strip()
    if passage is None:
        return FailedQuote(citation, f"no passage has the ID {citation.evidence[:40]!r}")
    if len("".join(quote.split())) < _LEAST_CHARS:
        return FailedQuote(citation, f"the quote {quote!r} is too short to bear anything out")
    if len(quote) > _MOST_CHARS:
        return FailedQuote(
            citation, f"the quote is {len(quote):,} characters long; quote the part that matters"
        )
    at = passage.text.find(quote)
    if at < 0:
        return FailedQuote(
            citation, f"the quote {_shortened(quote)!r} does not stand in the passage {passage.id}"
        )
    start = passage.place.start_byte + len(passage.text[:at].encode(passage.encoding))
    return LocatedQuote(passage, quote, start, start + len(quote.encode(passage.encoding)))


def _shortened(quote: str) -> str:
    return quote if len(quote) <= 80 else f"{quote[:80]}…"
