"""From text to terms: a table of examples, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.indexing.terms import (
    MAX_TOKEN_CHARS,
    name_term,
    term_key,
    terms_of,
    tokens,
    whole_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def load_config(path):", ["def", "load_config", "path"]),
        ("a.b->c::d", ["a", "b", "c", "d"]),
        ("x=0x1F + 42", ["x", "0", "x1F", "42"]),
        ("don't e-mail", ["don", "t", "e", "mail"]),
        ("naïve Größe", ["naïve", "Größe"]),
        ("使用Blueprint注册", ["使用Blueprint注册"]),
        ("  \n\t", []),
    ],
)
def test_tokens_are_runs_of_letters_digits_and_underscores(text: str, expected: list[str]) -> None:
    """Names stay whole; what stands between them is dropped."""
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("getUserName", ["get", "user", "name"]),
        ("HTTPServer", ["http", "server"]),
        ("parseHTTP", ["parse", "http"]),
        ("user_name2", ["user", "name", "2"]),
        ("__init__", ["init"]),
        ("utf8", ["utf", "8"]),
        ("sha256sum", ["sha", "256", "sum"]),
        ("MAX_SIZE", ["max", "size"]),
        ("x", ["x"]),
        ("_", []),
        ("42", ["42"]),
        ("Größe", ["größe"]),
        ("ÉcoleNormale", ["école", "normale"]),
        ("naïve_bayes", ["naïve", "bayes"]),
        ("Привет", ["привет"]),
        ("ПриветМир", ["привет", "мир"]),
        ("日本語", ["日本", "本語"]),
        ("語", ["語"]),
        ("使用Blueprint注册", ["使用", "blueprint", "注册"]),
        ("データ2件", ["デー", "ータ", "2", "件"]),
        ("١٢٣", ["١٢٣"]),
        ("a" * MAX_TOKEN_CHARS, ["a" * MAX_TOKEN_CHARS]),
        ("a" * (MAX_TOKEN_CHARS + 1), []),
    ],
)
def test_words_are_the_parts_of_a_token(token: str, expected: list[str]) -> None:
    """Parts by case, digits and underscores, lower case; pairs of characters where a script has no spaces."""
    assert words_of(token) == expected


@pytest.mark.parametrize(
    ("token", "expected", "stems"),
    [
        ("registered", ["regist", "=registered"], 1),
        ("cache", ["cach", "=cache"], 1),
        ("tool", ["tool"], 1),
        ("load_configs", ["load", "config", "=configs", "=load_configs"], 2),
        ("_tool_", ["tool"], 1),
        ("_", [], 0),
    ],
)
def test_terms_are_stems_then_words_as_written_then_the_whole(
    token: str, expected: list[str], stems: int
) -> None:
    """The stems come first, as many as there are words."""
    ((terms, count),) = terms_of([token])
    assert (terms[:count], sorted(terms[count:]), count) == (
        expected[:stems],
        sorted(expected[stems:]),
        stems,
    )


def test_names_are_found_without_outer_underscores_and_case() -> None:
    """A defined name is looked for as it is compared whole."""
    assert name_term("__Load_Config__") == name_term("load_config") == "@load_config"
    assert whole_of("_x_") == "x"


@given(st.lists(st.text(max_size=30), max_size=20))
def test_terms_depend_on_the_token_alone(texts: list[str]) -> None:
    """In whatever company a token is analysed, its terms are the same."""
    vocabulary = [token for text in texts for token in tokens(text)]
    together = [(sorted(terms), count) for terms, count in terms_of(vocabulary)]
    alone = [(sorted(terms), count) for token in vocabulary for terms, count in terms_of([token])]
    assert together == alone
    assert all(count == len(words_of(token)) for token, (_, count) in zip(vocabulary, together, strict=True))


@given(st.text())
def test_no_character_of_a_token_is_lost_between_its_words(text: str) -> None:
    """Every letter and digit of a token that is not too long stands in one of its words."""
    for token in tokens(text):
        if len(token) <= MAX_TOKEN_CHARS:
            assert set(token.replace("_", "").lower()) <= {c for word in words_of(token) for c in word}


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=20))
def test_every_term_has_a_key_of_64_bits(term: str) -> None:
    """Lone surrogates, as broken bytes in paths give them, have keys too."""
    assert 0 <= term_key(term) < 2**64
