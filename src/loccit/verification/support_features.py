"""How far a claim's words, names, numbers and negations agree with its passages, as numbers.

What is learned from people's docstrings is in `WordTables`: how telling a word is, how often a definition
that a sentence with this word is about holds the word itself, how often any other definition does, and which
words of code go with it (`iterate` with `for`, `dictionary` with `dict`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loccit.verification.support_text import (
    ClaimText,
    Name,
    Negation,
    Number,
    PassageText,
)
from loccit.verification.support_vectors import Vectors

# A word that the tables do not know: it is rare, its own definition holds it in so many of a hundred cases,
# another one in so many.
_UNKNOWN_WEIGHT, _UNKNOWN_OWN, _UNKNOWN_OTHER = 8.0, 0.45, 0.01
# Names that anybody would know, which say nothing about which code is meant: of values and types that
# languages have words for, and of products, formats and systems.
_COMMON_NAMES = frozenset(
    "none true false null nil int str float bool dict list set tuple object bytes string integer boolean "
    "array exception self cls url json html http https id utf8 ascii unicode python api cli sql xml css "
    "csv yaml toml pypi github gitlab numpy scipy pandas networkx matplotlib javascript typescript "
    "nodejs postgresql mysql mariadb sqlite mongodb rabbitmq macos ios ipython jupyter youtube oauth "
    "websocket websockets graphql openssl opengl linux windows unix posix dataframe dataframes".split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of a stem: its weight, how often its own and other definitions hold it, its
    companions.
    """

    weight: float
    own: float
    other: float
    companions: Mapping[str, float]


WordTables = Mapping[str, Word]
_UNKNOWN = Word(_UNKNOWN_WEIGHT, _UNKNOWN_OWN, _UNKNOWN_OTHER, {})


@dataclass(frozen=True, slots=True)
class NameFinding:
    """How a name of the claim stands in the passages; `level` 3 as it is, 2 in other case or as part of the
    text, 1 by its one word or within a longer name, 0 not at all. `share` of its words are there. `near` of
    the claim's words around it stand on a line with it. `odds` weigh its words like any others.
    """

    name: Name
    level: int
    share: float
    near: float
    odds: float
    is_common: bool


@dataclass(frozen=True, slots=True)
class NumberFinding:
    """How a number of the claim stands in the passages: `level` 3 in code, 2 in words, 1 by conversion of
    units or inside a name, 0 not at all. `near` as in `NameFinding`; where it is not there, `rival` is that
    of another number.
    """

    number: Number
    level: int
    near: float
    rival: float


@dataclass(frozen=True, slots=True)
class NegationFinding:
    """A negation of the claim: how much of what it negates stands in the passages, on lines that negate, and
    on lines that do so by a word for it.
    """

    negation: Negation
    held: float
    negated: float
    strictly: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """All that is compared: the findings one by one, and the features that the weights are for."""

    names: tuple[NameFinding, ...]
    numbers: tuple[NumberFinding, ...]
    negations: tuple[NegationFinding, ...]
    missing: tuple[str, ...]
    features: dict[str, float]


class Passages:
    """All passages of a claim as one: sets are united, lines stand one after another."""

    def __init__(self, passages: Sequence[PassageText]) -> None:
        # By text, so that their order cannot matter.
        passages = sorted(passages, key=lambda one: one.text)
        self.called = _united(one.called for one in passages)
        self.symbol = _united(one.symbol for one in passages)
        self.head = _united(one.head for one in passages)
        self.prose = _united(one.prose for one in passages)
        self.everything = _united(one.everything for one in passages)
        self.tokens = _united(one.tokens for one in passages)
        self.folded = _united(one.folded for one in passages)
        # Without underscores, to find names within longer ones.
        self.joined = frozenset(token.replace("_", "") for token in self.folded)
        self.prose_numbers = _united(one.prose_numbers for one in passages)
        self.text = "\n".join(one.text for one in passages)
        self.lines = [line for one in passages for line in one.lines]
        # A word of code may go with a word of claims because definitions are called so: `@word`.
        self.company = self.everything | {f"@{stem}" for stem in self.symbol}
        self.numbers: dict[str, list[int]] = {}
        offset = 0
        for one in passages:
            for value, rows in one.numbers.items():
                self.numbers.setdefault(value, []).extend(row + offset for row in rows)
            offset += len(one.lines)

    def rows_with(self, stem: str) -> list[int]:
        """The lines that hold this stem, rising."""
        return [row for row, line in enumerate(self.lines) if stem in line.stems]


def _united(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    nothing: frozenset[str] = frozenset()
    return nothing.union(*sets)


def compare(
    claim: ClaimText, passages: Sequence[PassageText], tables: WordTables, vectors: Vectors
) -> Agreement:
    """How the claim agrees with its passages; the order of passages does not matter."""
    held = Passages(passages)
    rows = {stem: held.rows_with(stem) for stem in claim.stems if stem in held.everything}
    names = tuple(_name(name, claim, held, rows, tables) for name in claim.names)
    numbers = tuple(_number(number, claim, held, rows) for number in claim.numbers)
    negations = tuple(_negation(negation, held, rows) for negation in claim.negations)
    features = _word_features(claim, held, rows, tables)
    features |= vectors.features(
        claim.stems, held.everything, held.called | {f"@{stem}" for stem in held.symbol}, held.head
    )
    features |= _name_features(claim, names, held)
    features |= _number_features(numbers)
    features |= _negation_features(claim, negations, held, rows, tables)
    missing = sorted(
        (stem for stem in claim.stems if not _is_held(stem, held)),
        key=lambda stem: (-tables.get(stem, _UNKNOWN).weight, stem),
    )
    return Agreement(names, numbers, negations, tuple(claim.words[stem] for stem in missing[:5]), features)


def _is_held(stem: str, held: Passages) -> bool:
    return stem in held.everything


def _begins_alike(stem: str, held: Passages) -> bool:
    """Whether a word of the passages is this one cut short, or goes on from it."""
    if len(stem) < 4:
        return False
    return any(
        len(other) >= 3
        and (other.startswith(stem) or (stem.startswith(other) and len(other) * 2 >= len(stem)))
        for other in held.everything
    )


def _word_features(
    claim: ClaimText, held: Passages, rows: Mapping[str, list[int]], tables: WordTables
) -> dict[str, float]:
    total = found = in_symbol = in_head = in_prose = in_called = 0.0
    odds = worst = 0.0
    company = 0.0
    surprise = 0.0
    unmatched = unmatched_weight = explained = 0.0
    largest_missing = 0.0
    alike = 0.0
    odds_list: list[float] = []
    for stem in claim.stems:
        word = tables.get(stem, _UNKNOWN)
        total += word.weight
        best = max(
            (word.companions[other] for other in word.companions if other in held.company), default=0.0
        )
        if stem in held.everything:
            found += word.weight
            in_symbol += word.weight * (stem in held.symbol)
            in_called += word.weight * (stem in held.called)
            in_head += word.weight * (stem in held.head)
            in_prose += word.weight * (stem in held.prose)
            surprise -= math.log(max(word.other, 0.002))
            gain = math.log(word.own / word.other)
        else:
            gain = math.log((1 - word.own) / (1 - word.other))
            if _begins_alike(stem, held):
                alike += word.weight
                gain = gain / 2 + 0.4
            else:
                unmatched += 1
                unmatched_weight += word.weight
                explained += min(best, 3.0) / 3.0 * word.weight
                largest_missing = max(largest_missing, word.weight)
            gain += 0.5 * best
            worst = min(worst, gain)
        company += best
        odds += gain
        odds_list.append(gain)
    count = max(1, len(claim.stems))
    total = max(total, 1e-9)
    symbol_weights = {stem: tables.get(stem, _UNKNOWN).weight for stem in held.symbol if len(stem) > 1}
    symbol_total = sum(symbol_weights.values()) or 1.0
    said = sum(weight for stem, weight in symbol_weights.items() if stem in claim.words)
    said_soft = sum(
        weight
        for stem, weight in symbol_weights.items()
        if stem in claim.words
        or any(
            len(stem) >= 3 and len(one) >= 3 and (one.startswith(stem) or stem.startswith(one))
            for one in claim.words
        )
    )
    window = _best_window(claim, rows, tables)
    lead = [stem for stem in claim.lead if stem in tables] or list(claim.lead)
    lead_gain = 0.0
    if lead:
        first = tables.get(lead[0], _UNKNOWN)
        lead_gain = max(
            (first.companions[other] for other in first.companions if other in held.company), default=0.0
        ) + (1.0 if lead[0] in held.everything else 0.0)
    return {
        "words": len(claim.stems),
        "weight": total,
        "held": found / total,
        "held:symbol": in_symbol / total,
        "held:called": in_called / total,
        "held:head": in_head / total,
        "held:prose": in_prose / total,
        "odds": odds,
        "odds:mean": odds / count,
        "odds:worst": worst,
        "odds:second": sorted(odds_list)[1] if len(odds_list) > 1 else 0.0,
        "company": company / count,
        "surprise": surprise,
        "missing": unmatched,
        "missing:weight": unmatched_weight,
        "missing:largest": largest_missing,
        "missing:explained": explained,
        "alike": alike / total,
        "symbol:said": said / symbol_total,
        "symbol:said-soft": said_soft / symbol_total,
        "window": window / total,
        "lead": lead_gain,
        "lead:symbol": float(bool(claim.lead) and claim.lead[0] in held.symbol),
        "size": math.log(1 + len(held.everything)),
    }


def _best_window(claim: ClaimText, rows: Mapping[str, list[int]], tables: WordTables) -> float:
    """The most of the claim's weight that stands on three lines after one another."""
    at: dict[int, float] = {}
    for stem, found in rows.items():
        weight = tables.get(stem, _UNKNOWN).weight
        for near in {row + step for row in found for step in (-1, 0, 1)}:
            at[near] = at.get(near, 0.0) + weight
    return max(at.values(), default=0.0)


def _near(position: int, own: Sequence[str], lines: Sequence[int], claim: ClaimText, held: Passages) -> float:
    """The share of the claim's words around a place that stand on these lines or one beside them."""
    around = [stem for stem, at in claim.positions.items() if abs(at - position) < 40 and stem not in own]
    if not around or not lines:
        return 0.0
    best = 0
    for row in lines[:30]:
        found = sum(
            any(
                stem in held.lines[near].stems
                for near in (row - 1, row, row + 1)
                if 0 <= near < len(held.lines)
            )
            for stem in around
        )
        best = max(best, found)
    return best / len(around)


def _name(
    name: Name, claim: ClaimText, held: Passages, rows: Mapping[str, list[int]], tables: WordTables
) -> NameFinding:
    folded = name.tail.strip("_").lower()
    is_word = re.fullmatch(r"\w+", name.tail) is not None
    plain = name.text.removesuffix("()")
    if (is_word and name.tail in held.tokens) or (not is_word and plain in held.text):
        level = 3
    elif folded in held.folded or (len(plain) > 3 and plain in held.text):
        level = 2
    elif (len(name.stems) == 1 and name.stems[0] in held.everything) or (
        len(folded) > 3 and any(folded.replace("_", "") in token for token in held.joined)
    ):
        level = 1
    else:
        level = 0
    weights = [tables.get(stem, _UNKNOWN).weight for stem in name.stems]
    there = sum(weight for stem, weight in zip(name.stems, weights, strict=True) if stem in held.everything)
    lines: list[int] = []
    if level:
        first, *others = (set(rows.get(stem, ())) for stem in name.stems)
        lines = sorted(first.intersection(*others))
    near = _near(name.position, name.stems, lines, claim, held)
    odds = sum(_gain(stem, held, tables) for stem in name.stems)
    # A letter is notation: `v`, a node.
    is_common = plain.lower() in _COMMON_NAMES or len(folded) < 2
    return NameFinding(name, level, there / (sum(weights) or 1.0), near, odds, is_common)


def _gain(stem: str, held: Passages, tables: WordTables) -> float:
    word = tables.get(stem, _UNKNOWN)
    if stem in held.everything:
        return math.log(word.own / word.other)
    return math.log((1 - word.own) / (1 - word.other))


# A unit of the claim, and by what its numbers may be multiplied or divided to be those of the passages.
_CONVERSIONS = {
    "second": (1000.0, 60.0, 3600.0),
    "millisecond": (1000.0,),
    "ms": (1000.0,),
    "s": (1000.0,),
    "minut": (60.0,),
    "hour": (60.0, 3600.0),
    "dai": (24.0, 86400.0, 3600.0, 1440.0),
    "week": (7.0, 604800.0),
    "month": (30.0, 2592000.0),
    "year": (365.0, 31536000.0),
    "byte": (1024.0, 8.0),
    "kb": (1024.0, 1000.0),
    "mb": (1048576.0, 1e6, 1024.0),
    "gb": (1073741824.0, 1e9, 1024.0),
    "percent": (100.0,),
    "percentag": (100.0,),
}


def _number(number: Number, claim: ClaimText, held: Passages, rows: Mapping[str, list[int]]) -> NumberFinding:
    value = number.value
    lines = held.numbers.get(value, [])
    if lines:
        level = 3
    elif value in held.prose_numbers:
        level = 2
    elif _is_converted(number, claim, held) or _in_name(value, held):
        level = 1
    else:
        level = 0
    near = _near(number.position, (), lines, claim, held)
    rival = 0.0
    if level == 0:
        said = {one.value for one in claim.numbers}
        others = sorted({row for value, found in held.numbers.items() if value not in said for row in found})
        rival = _near(number.position, (), others, claim, held)
    return NumberFinding(number, level, near, rival)


def _is_converted(number: Number, claim: ClaimText, held: Passages) -> bool:
    try:
        amount = float(number.value)
    except ValueError:
        return number.value in held.text
    units = ["percent"] if number.unit == "%" else [number.unit, *claim.stems]
    factors = {factor for unit in units for factor in _CONVERSIONS.get(unit, ())}
    return any(
        f"{other:.10g}" in held.numbers
        for factor in factors
        for other in (amount * factor, amount / factor)
        if amount
    )


def _in_name(value: str, held: Passages) -> bool:
    return value in held.everything


def _negation(negation: Negation, held: Passages, rows: Mapping[str, list[int]]) -> NegationFinding:
    scope = negation.scope
    if not scope:
        return NegationFinding(negation, 0.0, 0.0, 0.0)
    there = negated = strictly = 0
    for stem in scope:
        found = rows.get(stem, [])
        there += bool(found)
        near = {row + step for row in found for step in (-1, 0)} & set(range(len(held.lines)))
        negated += any(held.lines[row].negates for row in near)
        strictly += any(held.lines[row].strictly for row in near)
    return NegationFinding(negation, there / len(scope), negated / len(scope), strictly / len(scope))


_RAISED = re.compile(r"\b(?:raise|throw)(?:s|d|n|ing)?\b[^.;]{0,25}$", re.IGNORECASE)


def _shape(name: str) -> str:
    """Class-like, constant-like, of several words, or plain."""
    if name.isupper():
        return "constant"
    if name[:1].isupper():
        return "class"
    return "words" if "_" in name.strip("_") else "plain"


def _name_features(claim: ClaimText, findings: Sequence[NameFinding], held: Passages) -> dict[str, float]:
    own = [one for one in findings if not one.is_common]
    marked = [one for one in own if one.name.kind in ("marked", "bare")]
    absent = [one.name for one in marked if one.level == 0]
    raised = [name for name in absent if _RAISED.search(claim.text[: name.position])]
    # What the claim might have meant: names of the same shape that the passages hold and the claim does not.
    shapes = {_shape(name.tail) for name in absent}
    rivals = sum(
        _shape(token) in shapes and token not in claim.text for token in (held.tokens if absent else ())
    )
    return {
        "names": len(marked),
        "names:common": len(findings) - len(own),
        "names:common-level": min((one.level for one in findings if one.is_common), default=4),
        "names:common-marked": min(
            (one.level for one in findings if one.is_common and one.name.kind in ("marked", "bare")),
            default=4,
        ),
        "names:least": min((one.level for one in marked), default=4),
        "names:least-share": min((one.share for one in marked), default=1.5),
        "names:least-near": min((one.near for one in marked), default=1.5),
        "names:least-odds": min((one.odds for one in marked), default=9.0),
        "names:mean": sum(one.level for one in marked) / len(marked) if marked else 4,
        "names:absent": len(absent),
        "names:absent-raised": len(raised) + float(bool(raised) and "rais" in held.everything),
        "names:rivals": min(rivals, 20),
        "names:quoted": min((one.level for one in own if one.name.kind == "quoted"), default=4),
        "names:acronym": min((one.level for one in own if one.name.kind == "acronym"), default=4),
        "names:absent-marked": float(any(one.level == 0 and one.name.kind == "marked" for one in marked)),
        "names:absent-length": max((len(one.name.tail) for one in marked if one.level == 0), default=0),
        "names:absent-class": float(any(one.level == 0 and one.name.tail[:1].isupper() for one in marked)),
        "names:absent-words": max((len(one.name.stems) for one in marked if one.level == 0), default=0),
    }


def _number_features(findings: Sequence[NumberFinding]) -> dict[str, float]:
    least = min(findings, key=lambda one: (one.level, one.near), default=None)
    size = -1.0
    if least is not None:
        try:
            size = math.log1p(min(float(least.number.value), 1e9))
        except ValueError:
            size = 10.0
    return {
        "numbers": len(findings),
        "numbers:least": 4 if least is None else least.level,
        "numbers:least-near": 1.5 if least is None else least.near,
        "numbers:rival": -1.0 if least is None or least.level else least.rival,
        "numbers:size": size,
        "numbers:word": float(least is not None and least.number.is_word),
        "numbers:absent": sum(one.level == 0 for one in findings),
    }


_NEGATION_KINDS = ("aux", "cannot", "never", "without", "unless", "no", "plain")


def _negation_features(
    claim: ClaimText,
    findings: Sequence[NegationFinding],
    held: Passages,
    rows: Mapping[str, list[int]],
    tables: WordTables,
) -> dict[str, float]:
    kinds: dict[str, float] = dict.fromkeys(_NEGATION_KINDS, 0.0)
    for one in findings:
        kinds[one.negation.kind] += 1
    main = [one for one in findings if not one.negation.in_condition]
    conditional = [one for one in findings if one.negation.in_condition]
    strict = sum(line.strictly for line in held.lines)
    # Words of the claim that the passages speak of only where they negate.
    scope = {stem for one in claim.negations for stem in one.scope}
    only_negated = 0.0
    for stem, found in rows.items():
        if stem not in scope and found and all(held.lines[row].strictly for row in found):
            only_negated += tables.get(stem, _UNKNOWN).weight
    starts = float(bool(findings) and findings[0].negation.position < 3)
    return {
        "negations": len(findings),
        **{f"negations:{kind}": count for kind, count in kinds.items()},
        "negations:main": len(main),
        "negations:start": starts,
        "negations:main-held": min((one.held for one in main), default=1.5),
        "negations:main-negated": min((one.negated for one in main), default=1.5),
        "negations:main-strictly": min((one.strictly for one in main), default=1.5),
        "negations:condition-held": min((one.held for one in conditional), default=1.5),
        "negations:condition-negated": min((one.negated for one in conditional), default=1.5),
        "negations:condition-strictly": min((one.strictly for one in conditional), default=1.5),
        "negations:passages": strict / max(1, len(held.lines)),
        "negations:passages-count": min(strict, 10),
        "negations:passages-prose": float(bool({"not", "never"} & held.prose)),
        "negations:only-there": only_negated,
        "conditions": float(len(re.findall(r"\b(?:if|when|unless)\b", claim.text))),
    }
