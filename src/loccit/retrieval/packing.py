"""From hits to evidence: their bytes, without repetitions, and which of their lines hold the question."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from loccit.core.chunks import ChunkKind
from loccit.core.encodings import encoding_of, text_lines
from loccit.core.evidence import Evidence, Hit, Place
from loccit.indexing.terms import terms_of, tokens
from loccit.retrieval.scoring import Scoring

# Two passages that share this much of their distinct lines say the same.
_SAME_SHARE = 0.8
# A passage of which more than this is import statements says what is used, not what is done.
_IMPORTS_SHARE = 0.6
_IMPORTS = re.compile(
    r"^[ \t]*(?:from[ \t]+\S+[ \t]+import|import|export|using|use|#[ \t]*include|require|require_once|package"
    r"|(?:const|let|var)[^\n=]{1,200}=[ \t]*require)\b(?:[^\n({]|\([^)]*\)|\{[^}]*\})*",
    re.MULTILINE,
)

Read = Callable[[Place], bytes]


def pack(
    hits: Sequence[Hit], scorings: Sequence[Scoring], read: Read, *, limit: int, weigh_lines: bool = True
) -> list[Evidence]:
    """Evidence for the first hits, best first, at most `limit` pieces.

    `read` gives the whole object that a place is in. A term weighs what the first of `scorings` that knows it
    says. Left out are hits whose text nearly repeats that of a better one, further parts of a function that
    is there already, and import statements, unless the question is about those. Without `weigh_lines` the
    evidence has no `line_weights`, which only quoting needs.
    """
    weights: dict[str, float] = {}
    for scoring in reversed(scorings):
        weights |= {w.term.term: w.weight for w in scoring.weights if w.weight}
    kept: list[Evidence] = []
    seen: list[set[str]] = []
    functions: set[tuple[str, str, str]] = set()
    for hit in hits:
        if len(kept) == limit:
            break
        function = (hit.place.repo, hit.place.path, hit.symbol)
        if function in functions:
            continue
        placed, data = located(hit, read(hit.place))
        text = data.decode(placed.encoding)
        lines = text_lines(text)
        distinct = {line.strip() for line in lines} - {""}
        if not distinct or any(_overlap(distinct, other) >= _SAME_SHARE for other in seen):
            continue
        if "import" not in weights and is_import_list(text):
            continue
        seen.append(distinct)
        if hit.symbol and hit.kind == ChunkKind.FUNCTION:
            functions.add(function)
        held = line_weights(lines, weights) if weigh_lines else ()
        kept.append(Evidence(f"E{len(kept) + 1}", placed, data, held))
    return kept


def line_weights(lines: Sequence[str], weights: Mapping[str, float]) -> tuple[float, ...]:
    """For each line, the weight of the question's terms that it holds."""
    per_line = [set(tokens(line)) for line in lines]
    asked = weights.keys()
    value = {token: held for token in set[str]().union(*per_line) if (held := asked & _terms(token))}
    telling = value.keys()
    return tuple(
        sum(weights[term] for term in sorted({term for token in telling & line for term in value[token]}))
        for line in per_line
    )


@lru_cache(maxsize=20_000)
def _terms(token: str) -> frozenset[str]:
    """A token's terms. The same few thousand tokens make up most lines of a repository."""
    return frozenset(terms_of([token])[0][0])


def is_import_list(text: str) -> bool:
    """Whether a text is for the most part import statements of some language."""
    whole = len("".join(text.split()))
    imports = sum(len("".join(match.group().split())) for match in _IMPORTS.finditer(text))
    return imports > _IMPORTS_SHARE * whole


def located(hit: Hit, whole: bytes) -> tuple[Hit, bytes]:
    """The hit with its exact place, and its bytes. A commit's place is its message, empty where it has none.

    `whole` is the content of the object that the hit is in.
    """
    place = hit.place
    if place.path:
        return hit, whole[place.start_byte : place.end_byte]
    header, gap, rest = whole.partition(b"\n\n")
    message = rest.rstrip()
    start = len(header) + len(gap)
    first_line = 1 + whole.count(b"\n", 0, start)
    exact = replace(
        place,
        start_byte=start,
        end_byte=start + len(message),
        start_line=first_line,
        end_line=first_line + message.count(b"\n"),
    )
    return replace(hit, place=exact, encoding=encoding_of(whole)), message


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / min(len(one), len(other))
