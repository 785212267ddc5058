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

from collections.abc import Iterable
from hashlib import blake2b

from loccit.core.words import MAX_TOKEN_CHARS, stems, tokens, words_of

__all__ = [
    "ANALYSIS_VERSION",
    "MAX_TOKEN_CHARS",
    "name_term",
    "stems",
    "term_key",
    "terms_of",
    "tokens",
    "whole_of",
    "words_of",
]

ANALYSIS_VERSION = 2


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
