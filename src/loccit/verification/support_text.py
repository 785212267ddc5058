"""What a claim says and what its passages hold, as the support check compares them.

A claim is read as words (stems), names from code, numbers and negations; a passage as the same, line by line,
apart for what it is called, its code, and its comments and strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from loccit.core.words import stems, tokens, words_of

# Bounds on what is read, so that no text takes long: of a claim, and of each passage.
MAX_CLAIM_CHARS = 2_000
MAX_PASSAGE_CHARS = 60_000
_PROSE_SUFFIXES = (".md", ".rst", ".txt", ".adoc", ".markdown")

STOP_WORDS = frozenset(
    "a an and are as at be been being both but by can could did do does done each either else for from "
    "had has have having he her here his how i if in into is it its itself may might more most must my "
    "of on only or other our out own s shall she should so some such t than that the their them then "
    "there these they this those thus to too up upon very via was we were what when where whether which "
    "while who whom whose why will with would you your yet not no never without unless cannot nor "
    "neither doesn don isn aren won wasn also just about any all".split()
)

_NAME = re.compile(
    r"`(?P<marked>[^`\n]{1,120})`"
    r"|(?<![\w.`/\-])(?P<bare>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(\))?|[A-Za-z_]\w*\(\)"
    r"|_*[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+_*"
    r"|_+[A-Za-z]\w*|[A-Z]+[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[a-z]+[a-z0-9]*[A-Z]\w*|--[a-z][\w-]+"
    r"|\w[\w\-]*\.(?:py|toml|cfg|ini|json|ya?ml|txt|md|rst|go|js|ts|c|h|rs|java))(?![\w`/])"
    r"|(?<![\w.`/\-])(?P<acronym>[A-Z][A-Z0-9]+)(?![\w`/])"
    r"|(?<!\w)(?:\"(?P<quoted>[^\"\n]{1,60})\"|'(?P<single>[^'\n]{1,60})')(?!\w)"
)
_IDENTIFIER = re.compile(r"[.~!@]?-{0,2}[A-Za-z_][\w.\-]*(?:\(\))?")
_NOT_NAMES = frozenset({"e.g", "i.e", "etc", "and/or"})
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
}
_CLAIM_NUMBER = re.compile(r"(?<![\w.\-/#])(\d[\d_,]*(?:\.\d+)*)(?=([a-z%]{0,3})(?![\w]))", re.IGNORECASE)
_CODE_NUMBER = re.compile(r"0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)*(?:[eE][+-]?\d+)?")
_PRODUCT = re.compile(r"(?<![\w.])(\d[\d_]*(?:\.\d+)?)((?:\s*(?:\*\*?|<<)\s*\d[\d_]*(?:\.\d+)?)+)(?![\w.])")
_OPERATION = re.compile(r"(\*\*|\*|<<)\s*(\d[\d_]*(?:\.\d+)?)")

_NEGATION = re.compile(
    r"\b(?:(?P<aux>do|does|did|is|are|was|were|be|been|has|have|had|will|can|may|might|must|could|would"
    r"|should|shall)"
    r"(?: not\b|n't\b)|(?P<cannot>cannot|can't|won't|shan't)|(?P<never>never)|(?P<without>without)"
    r"|(?P<unless>unless)"
    r"|(?P<no>no|none|nothing|neither|nor)|(?P<plain>not))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:()]|\b(?:if|when|unless|but|because|so that|which|that|while|where|although|otherwise)\b"
)
_CONDITION = re.compile(
    r"\b(?:if|when|unless|whether|which|that|who|where|whose|while|because|although|in case|otherwise)\b",
    re.IGNORECASE,
)
_EVIDENCE_NEGATION = re.compile(
    r"\bnot\b|!=|!(?=[\w(])|\bis None\b|\bNone\b|\bFalse\b|\bfalse\b|\bnull\b|\bnil\b|\bno\b|\bnever\b"
    r"|\bwithout\b|n't\b"
    r"|\bcannot\b|\braise\b|\bthrow\b|\bexcept\b|\bcatch\b|\belse\b|\bcontinue\b|\bunless\b|\bskip"
    r"|\bignor|\bdisabl"
    r"|\bmissing|\binvalid|\bempty|\bexclud|\b(?:no|not|non|un|without|skip|ignore|disable|missing"
    r"|invalid|empty)_|_(?:no|not|none|missing)\b",
    re.IGNORECASE,
)
_STRICT_NEGATION = re.compile(
    r"\bnot\b|!=|!(?=[\w(])|n't\b|\bnever\b|\bno\b|\bwithout\b|\bcannot\b|\b(?:no|not|non|without)_"
    r"|\bunless\b",
    re.IGNORECASE,
)
# What of these two every match holds, in small letters.
_OF_NEGATIONS = tuple(
    "no ! fals nul nil never without n't raise throw except catch else contin unless skip ignor disabl"
    " missing invalid empty exclud un_".split(" ")
)
_TRIPLE = re.compile(r"(\"\"\"|''')(.*?)(?:\1|\Z)", re.DOTALL)
_BLOCK_COMMENT = re.compile(r"/\*(.*?)(?:\*/|\Z)", re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s)(?:#|//)\s?(.*)$", re.MULTILINE)
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\\n]|\\.)*)`")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a claim: as it stands there, its last part without brackets, its stems, and its kind:
    `marked` as code, `bare` (its shape says that it is a name), `acronym`, or `quoted` (any text in quotes
    or marks).
    """

    text: str
    tail: str
    stems: tuple[str, ...]
    kind: str
    position: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a claim: as it stands there, its value as written in code, and whether it was a word."""

    text: str
    value: str
    unit: str
    is_word: bool
    position: int


@dataclass(frozen=True, slots=True)
class Negation:
    """A negation in a claim: its word, the stems it is about, and where it stands."""

    word: str
    kind: str
    scope: tuple[str, ...]
    in_condition: bool
    position: int


@dataclass(frozen=True, slots=True)
class ClaimText:
    """A claim as it is compared: the stems of its telling words in order, each once, and its sharp parts."""

    text: str
    stems: tuple[str, ...]
    words: dict[str, str]
    positions: dict[str, int]
    names: tuple[Name, ...]
    numbers: tuple[Number, ...]
    negations: tuple[Negation, ...]
    lead: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a passage: its stems, and whether it negates anything (`strictly`: by a word for it)."""

    stems: frozenset[str]
    negates: bool
    strictly: bool


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage as it is compared. All stems are Porter stems of the parts of tokens."""

    called: frozenset[str]
    symbol: frozenset[str]
    head: frozenset[str]
    code: frozenset[str]
    prose: frozenset[str]
    everything: frozenset[str]
    tokens: frozenset[str]
    folded: frozenset[str]
    numbers: dict[str, tuple[int, ...]]
    prose_numbers: frozenset[str]
    lines: tuple[Line, ...]
    text: str


def stem_set(found: Iterable[str]) -> frozenset[str]:
    """The stems of all words of these tokens."""
    return frozenset(stem for token in found for stem in stems_of(token))


@lru_cache(maxsize=20_000)
def stems_of(token: str) -> tuple[str, ...]:
    """The stems of a token's words, in order."""
    return tuple(stems(words_of(token)))


def read_claim(text: str) -> ClaimText:
    """A claim, at most its first `MAX_CLAIM_CHARS` characters."""
    text = text[:MAX_CLAIM_CHARS]
    found: dict[str, str] = {}
    positions: dict[str, int] = {}
    ordered: list[str] = []
    for match in re.finditer(r"[^\W\d]\w*|\d+", text):
        token = match[0]
        if token.lower() in STOP_WORDS or token.lower() in NUMBER_WORDS:
            continue
        for stem in stems_of(token):
            if len(stem) > 1 and stem not in STOP_WORDS and not stem.isdigit() and stem not in found:
                found[stem] = token
                positions[stem] = match.start()
                ordered.append(stem)
    names = tuple(_names(text))
    return ClaimText(
        text=text,
        stems=tuple(ordered),
        words=found,
        positions=positions,
        names=names,
        numbers=tuple(_numbers(text)),
        negations=tuple(_negations(text, ordered, positions)),
        lead=tuple(ordered[:2]),
    )


def _names(text: str, start: int = 0, end: int | None = None) -> Iterable[Name]:
    for match in _NAME.finditer(text, start, len(text) if end is None else end):
        kind = str(match.lastgroup)
        name = match[kind]
        if kind == "single":
            kind = "quoted"
        if kind == "quoted" or (kind == "marked" and not _IDENTIFIER.fullmatch(name)):
            # What is quoted is any text; names within it are names all the same.
            within = [one for one in _names(text, *match.span(str(match.lastgroup))) if one.kind == "bare"]
            if within:
                yield from within
                continue
            kind = "quoted"
        found = _name(name, kind, match.start())
        if found is not None:
            yield found


def _name(text: str, kind: str, position: int) -> Name | None:
    if text in _NOT_NAMES or not any(character.isalpha() for character in text):
        return None
    plain = text.removesuffix("()").strip("~!.")
    tail = re.split(r"[./:\s]", plain.rstrip("/."))[-1] or plain
    found = stems_in(tail if "/" not in text else plain)
    return Name(text, tail, found, kind, position) if found else None


def stems_in(text: str) -> tuple[str, ...]:
    """The stems of a text's words, in order, repetitions included."""
    return tuple(stem for token in tokens(text) for stem in stems_of(token))


def _numbers(text: str) -> Iterable[Number]:
    marks = [match.span() for match in re.finditer(r"`[^`]*[A-Za-z_][^`]*`", text)]
    for match in _CLAIM_NUMBER.finditer(text):
        if any(start < match.start() < end for start, end in marks):
            continue
        yield Number(match[1], canonical(match[1]), match[2].lower(), False, match.start())
    for match in re.finditer(r"[A-Za-z]+", text):
        word = match[0].lower()
        # "one" is more often a pronoun.
        if word in NUMBER_WORDS and word != "one":
            yield Number(match[0], NUMBER_WORDS[word], "", True, match.start())


def _negations(text: str, ordered: Sequence[str], positions: dict[str, int]) -> Iterable[Negation]:
    for match in _NEGATION.finditer(text):
        kind = match.lastgroup or "plain"
        before = text[: match.start()]
        last_cut = max((cut.end() for cut in re.finditer(r"[,;]", before)), default=0)
        in_condition = kind == "unless" or bool(_CONDITION.search(before[last_cut:]))
        end = next((cut.start() for cut in _CLAUSE.finditer(text, match.end())), len(text))
        scope = [stem for stem in ordered if match.end() <= positions[stem] < max(end, match.end() + 25)][:4]
        yield Negation(match[0], kind, tuple(scope), in_condition, match.start())


def canonical(number: str) -> str:
    """A number as numbers are compared: 1_000, 1000.0 and 1e3 are the same, versions stay as they are."""
    plain = number.replace("_", "").replace(",", "")
    if plain.count(".") > 1 or len(plain) > 25:
        return plain
    try:
        value = float(int(plain, 16)) if plain[:2] in ("0x", "0X") else float(plain)
    except ValueError:
        return plain
    return f"{value:.10g}"


@lru_cache(maxsize=128)
def read_passage(text: str, path: str, symbol: str) -> PassageText:
    """A passage, at most its first `MAX_PASSAGE_CHARS` characters."""
    text = text[:MAX_PASSAGE_CHARS]
    is_prose = not path or path.lower().endswith(_PROSE_SUFFIXES)
    prose = text if is_prose else _prose_of(text)
    all_tokens = tokens(text)
    called_tokens = [*tokens(symbol), *tokens(path)]
    symbol_stems = stem_set(tokens(symbol.rpartition(".")[2] or symbol))
    called = stem_set(called_tokens)
    distinct = frozenset(all_tokens)
    code_stems = stem_set(distinct)
    prose_stems = stem_set(frozenset(tokens(prose)))
    rows = text.split("\n")
    lines: list[Line] = []
    numbers: dict[str, list[int]] = {}
    for row_number, row in enumerate(rows):
        row_tokens = tokens(row)
        may = _may_negate(row)
        lines.append(
            Line(
                stem_set(row_tokens),
                may and bool(_EVIDENCE_NEGATION.search(row)),
                may and bool(_STRICT_NEGATION.search(row)),
            )
        )
        for match in _CODE_NUMBER.finditer(row) if any(character.isdigit() for character in row) else ():
            numbers.setdefault(canonical(match[0]), []).append(row_number)
    for match in _PRODUCT.finditer(text):
        numbers.setdefault(_product(match[1], match[2]), []).append(text.count("\n", 0, match.start()))
    return PassageText(
        called=called,
        symbol=symbol_stems,
        head=stem_set(tokens(_head(rows))),
        code=code_stems,
        prose=prose_stems,
        everything=code_stems | called,
        tokens=distinct | frozenset(called_tokens),
        folded=frozenset(token.strip("_").lower() for token in distinct | frozenset(called_tokens)),
        numbers={value: tuple(found) for value, found in numbers.items()},
        prose_numbers=frozenset(
            NUMBER_WORDS[token.lower()] for token in distinct if token.lower() in NUMBER_WORDS
        ),
        lines=tuple(lines),
        text=text,
    )


def _may_negate(row: str) -> bool:
    """Whether a line has letters that every match of a negation has. To ask that first takes a tenth of the
    time; what is not ASCII has more ways to be the same letter.
    """
    if not row.isascii():
        return True
    lowered = row.lower()
    return any(letters in lowered for letters in _OF_NEGATIONS)


def _prose_of(code: str) -> str:
    parts = [match[2] for match in _TRIPLE.finditer(code)]
    parts += [match[1] for match in _BLOCK_COMMENT.finditer(code)]
    parts += [match[1] for match in _COMMENT.finditer(code)]
    parts += [next(filter(None, match.groups()), "") for match in _STRING.finditer(code)]
    return "\n".join(parts)


def _head(rows: Sequence[str]) -> str:
    """The signature: up to the first line that ends in a colon or opens a block, at most a dozen lines."""
    for number, row in enumerate(rows[:12]):
        if row.rstrip().endswith((":", "{")) and not row.lstrip().startswith("@"):
            return "\n".join(rows[: number + 1])
    return "\n".join(rows[:3])


def _product(first: str, rest: str) -> str:
    value = float(first.replace("_", ""))
    for match in _OPERATION.finditer(rest):
        operand = float(match[2].replace("_", ""))
        if match[1] == "*":
            value *= operand
        elif operand <= 40 and abs(value) <= 1e3:
            value = value**operand if match[1] == "**" else value * 2**operand
        if abs(value) > 1e30:
            break
    return f"{value:.10g}"
