"""Which passages hold, word for word, what a question quotes?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from loccit.core.evidence import Hit
from loccit.retrieval.packing import Read, located

# Hits that are read for it: each costs a look at a blob.
HITS_READ = 40
# What a message fills in: quoted values, numbers, addresses. In the source a placeholder stands there.
_FILLED_IN = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`|\b0x[0-9a-fA-F]+\b|\b\d+(?:\.\d+)*\b")
# Fewer letters than these, in a part or in all parts together, fit too much.
_LEAST_IN_PART = 3
_LEAST_LETTERS = 10
# A long message is written in several strings, one below the other.
_JOINT = re.compile(r"([\"'])[ \t]*\r?\n[ \t]*[A-Za-z]{0,2}\1")
_SHOWN_CHARS = 60


def quoting_first(hits: Sequence[Hit], quoted: Sequence[str], read: Read) -> list[Hit]:
    """The hits with those first that hold one of these texts literally, otherwise in their order.

    `read` gives the whole object of a place. Where a text has numbers or quoted values anything may stand in
    their place, and any white space equals any other. Such a hit says so first among its reasons.
    """
    wanted = [(text, literal_parts(text)) for text in quoted]
    quoting: list[Hit] = []
    others: list[Hit] = []
    for hit in hits:
        placed, data = located(hit, read(hit.place))
        passage = _one_line(_JOINT.sub("", data.decode(placed.encoding)))
        held = next((text for text, parts in wanted if all(part in passage for part in parts)), None)
        if held is None:
            others.append(hit)
        else:
            shown = held if len(held) <= _SHOWN_CHARS else f"{held[:_SHOWN_CHARS]}…"
            quoting.append(replace(hit, reasons=(f'quotes "{shown}"', *hit.reasons)))
    return quoting + others


def limited(hits: Sequence[Hit], per_file: int) -> list[Hit]:
    """The hits in order, at most `per_file` of one file or commit."""
    taken: Counter[tuple[str, str, str]] = Counter()
    kept: list[Hit] = []
    for hit in hits:
        file = (hit.place.repo, hit.place.path, hit.place.object_id)
        taken[file] += 1
        if taken[file] <= per_file:
            kept.append(hit)
    return kept


def literal_parts(text: str) -> tuple[str, ...]:
    """The parts of a text that stand in a source as they are: all of it, or what is around filled-in values
    where that is enough to know it by.
    """
    parts = [_one_line(part) for part in _FILLED_IN.split(text)]
    telling = tuple(part for part in parts if _letters(part) >= _LEAST_IN_PART)
    return telling if sum(map(_letters, telling)) >= _LEAST_LETTERS else (_one_line(text),)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _letters(text: str) -> int:
    return sum(character.isalpha() for character in text)
