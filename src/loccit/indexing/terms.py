"""From text to terms: the one analysis that indexing, search and evaluation share.

A token is a run of letters, digits and underscores. Its words are its parts by case, digits and underscores
(`getUserName`, `user_name2`), in lower case. It is indexed under three kinds of terms:

    stem     the Porter stem of each word           regist
    =word    each word that differs from its stem   =registered
    =token   the whole of a compound, lower case    =register_blueprint
    @name    a name where it is defined, and a file's own name without suffix

so that a question finds other forms of its words, and ranks what is written as it is asked above them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol, cast

ANALYSIS_VERSION = 2

MAX_TOKEN_CHARS = 80
_TOKEN = re.compile(r"[^\W\d]\w*|\d+")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|~+")
# Scripts written without spaces: a run is no word, so its pairs of characters are.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class _Stemmer(Protocol):
    def stemWords(self, words: Sequence[str]) -> list[str]: ...  # noqa: N802  # the library's name


@lru_cache(maxsize=1)
def _stemmer() -> _Stemmer:
    import Stemmer

    return cast("_Stemmer", cast("Any", Stemmer).Stemmer("porter"))


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order, repetitions included."""
    return _TOKEN.findall(text)


def words_of(token: str) -> list[str]:
    """The words of a token in order, lower case; none for a token too long to be one."""
    if len(token) > MAX_TOKEN_CHARS:
        return []
    if token.isascii():
        return [word.lower() for word in _WORD.findall(token)]
    words: list[str] = []
    for match in _WORD.finditer("".join(map(_shape, token))):
        run = token[match.start() : match.end()]
        if match[0][0] != "~":
            words.append(run.lower())
        else:
            words += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
    return words


def _shape(character: str) -> str:
    """The ASCII character that is to a word's edges what this one is; `~` in scripts without spaces."""
    if character.isascii():
        return character
    if _UNSPACED.match(character):
        return "~"
    if character.isdecimal():
        return "0"
    return "A" if character.isupper() or character.istitle() else "a"


def stems(words: Sequence[str]) -> list[str]:
    """The stem of each word."""
    # The stemmer gives nothing back for some words of letters it does not know.
    return [stem or word for word, stem in zip(words, _stemmer().stemWords(list(words)), strict=True)]


def name_term(token: str) -> str:
    """The term under which a defined name, or a file's own name, is found."""
    return f"@{whole_of(token)}"


def whole_of(token: str) -> str:
    """A token as it is compared whole: lower case, without outer underscores."""
    return token.strip("_").lower()


def terms_of(vocabulary: Iterable[str]) -> list[tuple[list[str], int]]:
    """For each token its terms, and how many of them, from the first, are stems (its length in words). Stems
    may repeat.
    """
    split = [(token, words_of(token)) for token in vocabulary]
    distinct = list({word for _, words in split for word in words})
    stem_of = dict(zip(distinct, stems(distinct), strict=True))
    result: list[tuple[list[str], int]] = []
    for token, words in split:
        terms = [stem_of[word] for word in words]
        count = len(terms)
        terms += {f"={word}" for word in words if stem_of[word] != word}
        if len(words) > 1:
            terms.append(f"={whole_of(token)}")
        result.append((terms, count))
    return result


def term_key(term: str) -> int:
    """The 64-bit key under which a term's postings are found.

    By chance, two of a million terms share a key once in some forty million vocabularies.
    """
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
