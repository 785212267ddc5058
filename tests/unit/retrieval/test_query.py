"""What a question asks for, from its text alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loccit.core.errors import InputError, LimitExceeded
from loccit.retrieval.query import Query, understand

LIMIT = 100_000
TRACEBACK = """
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/shop/server.py", line 120, in run_server
    return self.handle_request(request)
  File "/srv/app/main.py", line 3, in <module>
    place_order(basket)
  File "/usr/lib/python3/site-packages/shop/orders.py", line 44, in place_order
    raise ValueError("order 17 is empty")
ValueError: order 17 is empty
"""


def read(text: str) -> Query:
    return understand(text, max_chars=LIMIT)


def words(query: Query) -> set[str]:
    return {term.word for term in query.terms}


def terms(query: Query) -> set[str]:
    return {term.term for term in query.terms}


def test_a_word_is_searched_by_its_stem_and_as_it_is_written() -> None:
    """Its written form weighs half, and starts with an equals sign."""
    by_term = {term.term: term for term in read("registered blueprints").terms}
    assert by_term["regist"].weight == 1.0
    assert by_term["=registered"].weight == 0.5
    assert by_term["=registered"].word == "registered"


def test_forms_of_one_word_count_together() -> None:
    """Two forms of a stem are one term that occurs twice, named after the first."""
    [stem] = [term for term in read("register the registered").terms if term.term == "regist"]
    assert (stem.count, stem.word) == (2, "register")


def test_stop_words_are_left_out() -> None:
    """They say how a question is put."""
    assert words(read("How does the router find its handlers?")) == {"router", "find", "handlers"}


@pytest.mark.parametrize("text", ["how does it do that?", "?!... --- ()", "the", "_ __ ___", "🙂"])
def test_a_question_of_nothing_but_stop_words_or_punctuation_has_no_terms(text: str) -> None:
    """It is a question all the same, one that finds nothing."""
    assert read(text).terms == ()


def test_a_stop_word_within_an_identifier_counts() -> None:
    """`url_for` is searched by both of its words, and whole."""
    assert {"url", "for", "=url_for"} <= terms(read("url_for"))


def test_a_compound_is_searched_whole() -> None:
    """Whole identifiers are terms of their own, lower case, without outer underscores."""
    wholes = {term.term for term in read("getUserName and __init_app__").terms if term.is_whole}
    assert wholes == {"=getusername", "=init_app"}


def test_a_letter_counts_only_where_there_are_no_words() -> None:
    """`g` is all there is in "what is g?"."""
    assert words(read("what is g?")) == {"g"}
    assert words(read("what is g in a request?")) == {"request"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("where is register_blueprint used", {"register_blueprint"}),
        ("why does HTTPAdapter retry", {"httpadapter"}),
        ("why does getUser fail", {"getuser"}),
        ("call `session` twice", {"session"}),
        ("call run() twice", {"run"}),
        ("what does app.config.from_file do", {"app", "config", "from_file"}),
        ("what is __init__ for", {"init"}),
        ("the Blueprint object", {"blueprint"}),
        ("Where is it", set()),
        ("plain words only", set()),
    ],
)
def test_identifiers_are_names(text: str, names: set[str]) -> None:
    """By how they are written: backquoted, called, dotted, cased, underscored, capitalised mid-sentence."""
    assert set(read(text).names) == names


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("what is in app.py?", "app.py"),
        ("what is in src/flask/app.py?", "src/flask/app.py"),
        ("see ./src/app.py", "./src/app.py"),
        ("see ../src/app.py", "../src/app.py"),
        ("see /srv/app/main.go:12", "/srv/app/main.go"),
        ("see ~/src/main.c", "~/src/main.c"),
        ("who runs bin/deploy", "bin/deploy"),
        ("see .github/workflows/ci.yml", ".github/workflows/ci.yml"),
        ("`web/app.tsx` fails", "web/app.tsx"),
    ],
)
def test_paths_are_found_as_they_are_written(text: str, path: str) -> None:
    """With folders or without, relative, absolute, with a line number behind them."""
    assert dict(read(text).paths) == {path: 1.0}


def test_a_number_is_not_a_path() -> None:
    """Versions have dots too."""
    assert not read("since version 3.12.1").paths


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('what says "no such order"?', ("no such order",)),
        ("what says 'no such order'?", ("no such order",)),
        ("what says “no such order”?", ("no such order",)),
        ("what says `no such order`?", ("no such order",)),
        ("don't the users' data and the teams' data differ?", ()),
        ('the "session" and `url_for` of it', ()),
        ("I get KeyError: no such order", ("no such order",)),
        ("shop.errors.EmptyOrderError: order is empty", ("order is empty",)),
        ("this is what I get:\nshop.EmptyOrder: order is empty", ("order is empty",)),
        ("who says 'EmptyOrder: order is empty'?", ("EmptyOrder: order is empty", "order is empty")),
        ("Note: this is no error", ()),
        ("error: cannot find module", ("cannot find module",)),
        ("panic: runtime error", ("runtime error",)),
        ("is this an error or a feature?", ()),
    ],
)
def test_quotations_and_error_messages_are_quoted(text: str, quoted: tuple[str, ...]) -> None:
    """A single word in quotation marks is a word like any other, and an apostrophe begins nothing."""
    assert read(text).quoted == quoted


def test_the_last_frames_of_a_traceback_count_most() -> None:
    """Files and functions of frames weigh more towards the error."""
    query = read(TRACEBACK)
    assert query.paths["/usr/lib/python3/site-packages/shop/server.py"] == pytest.approx(1 / 3)
    assert query.paths["/usr/lib/python3/site-packages/shop/orders.py"] == 1.0
    assert query.names["run_server"] == pytest.approx(1 / 3)
    assert query.names["place_order"] == 1.0


def test_the_code_lines_of_a_traceback_name_nothing() -> None:
    """A frame's line of code calls what the next frame names; `<module>` is no function."""
    names = read(TRACEBACK).names
    assert "handle_request" not in names
    assert "module" not in names


def test_the_message_of_a_traceback_is_quoted_and_its_files_are_not() -> None:
    """The quotation marks around a frame's file are the traceback's."""
    assert read(TRACEBACK).quoted == ("order 17 is empty",)


@pytest.mark.parametrize(
    ("text", "tests", "docs", "history"),
    [
        ("how is the router tested by a test?", True, False, False),
        ("where is test_router?", True, False, False),
        ("is there a tutorial for blueprints?", False, True, False),
        ("when was the router added?", False, False, True),
        ("why did the default change?", False, False, True),
        ("who removed the cache?", False, False, True),
        ("which commit broke it?", False, False, True),
        ("since when is it async?", False, False, True),
        ("what latest attestation?", False, False, False),
        ("how does the router work?", False, False, False),
    ],
)
def test_what_kind_of_files_a_question_is_about(text: str, tests: bool, docs: bool, history: bool) -> None:
    """Tests, documentation and history are asked for by their own words."""
    query = read(text)
    assert (query.about_tests, query.about_docs, query.about_history) == (tests, docs, history)


def test_unspaced_scripts_are_searched_by_pairs_of_characters() -> None:
    """A run of Japanese or Chinese has no words that could be told apart."""
    assert {"登録", "録方"} <= words(read("登録方法"))


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_question_is_refused(text: str) -> None:
    """The error says what to do."""
    with pytest.raises(InputError, match="empty"):
        read(text)


def test_a_question_that_is_not_unicode_is_refused() -> None:
    """A lone surrogate is what Python makes of bytes that are not UTF-8."""
    with pytest.raises(InputError, match="UTF-8"):
        read("where is \udce4?")


def test_a_question_over_the_limit_is_refused() -> None:
    """Both sizes are named."""
    with pytest.raises(LimitExceeded) as caught:
        understand("x" * 101, max_chars=100)
    assert (caught.value.value, caught.value.limit) == (101, 100)


def test_control_characters_are_no_words() -> None:
    """Terminal escapes and NULs separate words, as spaces do."""
    assert words(read("router\x1b[31m\x00handler")) == {"router", "handler", "31"}


def test_a_pasted_log_is_cut_to_a_bounded_number_of_terms() -> None:
    """However much is pasted, a search looks up some hundred terms."""
    query = read(" ".join(f"word{number}_of_log" for number in range(5_000)))
    assert len(query.terms) <= 400
    assert len(query.names) <= 400


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "a.", "a_", "aB", "a/", "a-", "A", "1.", "_", " a", ".", "登"),
        *("`", '"', "'a", "“a", "f((", "a.b(", "~/", "../"),
        *("Error: ", "x Error: ", 'File "a", line 1\n    '),
    ],
)
def test_the_longest_question_is_understood_quickly(piece: str) -> None:
    """No pattern looks at the same text again and again."""
    text = (piece * LIMIT)[: LIMIT - 1] + "x"
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 5


ALPHABETS = st.one_of(
    st.characters(),
    st.sampled_from("aB_./`'\"(): \n"),
    st.sampled_from(["File ", '"a.py"', ", line 1", ", in f", "Error: ", "test", " "]),
)


@given(st.lists(ALPHABETS, max_size=40).map("".join))
@example("\ud800")
@example("\x00")
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Nothing but the two errors of the front door is ever raised, and what is understood is bounded."""
    try:
        query = understand(text, max_chars=60)
    except (InputError, LimitExceeded):
        return
    assert query.text == text
    assert all(0 < weight <= 1 for weight in [*query.names.values(), *query.paths.values()])
    assert all(term.count > 0 and term.term for term in query.terms)
    assert len({term.term for term in query.terms if term.weight == 1.0}) == sum(
        term.weight == 1.0 for term in query.terms
    )
