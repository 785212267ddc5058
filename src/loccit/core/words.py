"""From text to words: tokens, their parts by case, digits and underscores, and their stems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, cast

MAX_TOKEN_CHARS = 80
_TOKEN = re.compile(r"[^\W\d]\w*|\d+")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|~+")
# Scripts written without spaces: a run is no word, so its pairs of characters are.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class _Stemmer(Protocol):
    def stemWords(self, words: Sequence[str]) -> list[str]: ...  # noqa: N802  # the library's name


def _stemmer() -> _Stemmer:
    """A stemmer of one's own: two threads must not share one, and it costs no more than two words."""
    import Stemmer

    return cast("_Stemmer", cast("Any", Stemmer).Stemmer("porter", 0))


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
