"""The support check: what follows from its passages stays, what does not falls, and it says why."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loccit import verification
from loccit.core.answers import VerdictLabel
from loccit.verification import support_text
from loccit.verification.support import (
    CHECKER,
    CHECKER_VERSION,
    DROPPED_BELOW,
    SUPPORTED_FROM,
    Premise,
    check_support,
    explain_support,
)
from loccit.verification.support_features import compare
from loccit.verification.support_model import support_model
from loccit.verification.support_text import NUMBER_WORDS, canonical, read_claim, read_passage

DROPPED = {VerdictLabel.UNSUPPORTED, VerdictLabel.CONTRADICTED}
FETCH = Premise(
    '''def fetch(url, *, timeout=30, retries=3):
    """Fetch a page and return its body."""
    for attempt in range(retries):
        try:
            response = session.get(url, timeout=timeout)
        except ConnectionError:
            if attempt == retries - 1:
                raise FetchError(url)
            continue
        if response.status_code == 404:
            return None
        return response.content
''',
    "src/web/client.py",
    "fetch",
)
CACHE = Premise(
    """def clear_expired(cache, now):
    # Entries that are pinned never expire.
    for key, entry in list(cache.items()):
        if entry.deadline < now and not entry.is_pinned:
            del cache[key]
""",
    "src/web/cache.py",
    "clear_expired",
)
TRUE = (
    "`fetch` retries three times before it raises `FetchError`.",
    "The timeout is 30 seconds by default.",
    "`fetch` returns None for a 404 response.",
    "The function fetches the URL through the session and returns the content of the response.",
    "When every attempt fails with a ConnectionError, FetchError is raised.",
)


@pytest.mark.parametrize("claim", TRUE)
def test_what_the_passage_says_is_kept(claim: str) -> None:
    assert check_support(claim, [FETCH]).label not in DROPPED


def test_a_verdict_names_its_checker_and_version() -> None:
    verdict = check_support(TRUE[0], [FETCH])
    assert (verdict.checker, verdict.version) == (CHECKER, CHECKER_VERSION) == ("loccit.local", "1")


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        ("`fetch` retries five times before it raises `FetchError`.", "five"),
        ("The timeout is 45 seconds by default.", "45"),
    ],
)
def test_another_number_is_a_contradiction_and_is_named(claim: str, number: str) -> None:
    found = explain_support(claim, [FETCH])
    assert found.verdict.label is VerdictLabel.CONTRADICTED
    assert found.falls_by == "number"
    assert ("number", number) in {(one.kind, one.text) for one in found.disagreements}


def test_another_name_counts_against_a_claim_and_is_named() -> None:
    true = explain_support("Raises `FetchError` when the last attempt fails.", [FETCH])
    false = explain_support("Raises `PoolExhausted` when the last attempt fails.", [FETCH])
    assert false.margins["identifier"] < true.margins["identifier"] - 1
    assert "the name 'PoolExhausted' is not in the passages" in [one.message for one in false.disagreements]


def test_a_negated_claim_about_what_the_code_does_falls() -> None:
    assert check_support("Fetches a page and returns its body.", [FETCH]).label not in DROPPED
    found = explain_support("Does not fetch a page and return its body.", [FETCH])
    assert found.verdict.label is VerdictLabel.CONTRADICTED
    assert found.falls_by == "negation"


def test_a_negation_that_the_passage_makes_itself_is_kept() -> None:
    assert check_support("Entries that are pinned do not expire.", [CACHE]).label not in DROPPED


def test_the_behaviour_of_something_else_is_unsupported() -> None:
    claim = "It renders the template with the given context and writes the page to disk."
    found = explain_support(claim, [FETCH])
    assert found.verdict.label is VerdictLabel.UNSUPPORTED
    assert found.falls_by == "behaviour"
    assert {"template", "disk"} & {one.text for one in found.disagreements if one.kind == "word"}


def test_a_claim_needs_only_one_of_its_passages() -> None:
    claim = "`clear_expired` deletes entries whose deadline has passed unless they are pinned."
    assert check_support(claim, [FETCH]).label in DROPPED
    assert check_support(claim, [FETCH, CACHE]).label not in DROPPED


@pytest.mark.parametrize("premises", [[], [Premise("")], [Premise("", "src/empty.py", "")]])
def test_nothing_follows_from_nothing(premises: list[Premise]) -> None:
    assert check_support(TRUE[0], premises).label in DROPPED


@pytest.mark.parametrize("claim", ["", "   ", "It is.", "?!"])
def test_a_claim_that_says_nothing_is_unsupported(claim: str) -> None:
    verdict = check_support(claim, [FETCH])
    assert (verdict.label, verdict.score) == (VerdictLabel.UNSUPPORTED, 0.0)


def test_the_label_follows_from_the_score() -> None:
    for claim in (*TRUE, "It writes the cache to disk.", "The limit is 99.", "`Foo.bar()` is never called."):
        found = explain_support(claim, [FETCH])
        score = found.verdict.score
        assert score is not None
        assert (found.verdict.label in DROPPED) is (score < DROPPED_BELOW) is (found.falls_by is not None)
        assert (found.verdict.label is VerdictLabel.SUPPORTED) is (score >= SUPPORTED_FROM)


def test_quotes_that_are_not_part_of_the_text_count_too() -> None:
    claim = "The limit is 99 requests per worker."
    alone = explain_support(claim, [Premise("LIMITS = load()", "src/limits.py")])
    quoted = explain_support(
        claim, [Premise("LIMITS = load()", "src/limits.py", quotes=("requests_per_worker_limit = 99",))]
    )
    assert quoted.margins["number"] > alone.margins["number"]


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert canonical("1_000") == canonical("1,000") == canonical("1000.0") == canonical("1e3") == "1000"
    assert canonical("0x1F") == "31"
    assert canonical("3.10.1") == "3.10.1"
    assert [one.value for one in read_claim("Three tries of 1,000 ms, one after another.").numbers] == [
        "1000",
        "3",
    ]
    assert NUMBER_WORDS["twenty"] == "20"


@pytest.mark.parametrize(
    ("claim", "code", "level"),
    [
        ("It waits for 30 seconds.", "wait(30)", 3),
        ("It waits for 5 minutes.", "wait(5 * 60)", 3),
        ("It waits for 5 minutes.", "wait(300)", 1),
        ("It keeps 90% of them.", "keep(0.9)", 1),
        ("It keeps three of them.", "# keep three of them", 2),
        ("It waits for 30 seconds.", "wait(300)", 0),
    ],
)
def test_numbers_are_found_in_code_in_words_and_in_other_units(claim: str, code: str, level: int) -> None:
    model = support_model()
    agreement = compare(read_claim(claim), [read_passage(code, "a.py", "f")], model.words, model.vectors)
    assert [one.level for one in agreement.numbers] == [level]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("`Session.get_page`", 3),
        ("`get_page()`", 3),
        ("`GET_PAGE`", 2),
        ("`page`", 2),
        ("`sessions`", 1),
        ("`put_page`", 0),
    ],
)
def test_names_are_found_by_their_last_part_in_other_case_and_by_their_word(name: str, level: int) -> None:
    model = support_model()
    passage = read_passage("session.get_page(url)", "a.py", "f")
    agreement = compare(read_claim(f"It calls {name} at once."), [passage], model.words, model.vectors)
    assert [one.level for one in agreement.names] == [level]


def test_apostrophes_are_no_quotes() -> None:
    kinds = {one.text: one.kind for one in read_claim("The node's `max_size` is the view's own.").names}
    assert kinds == {"max_size": "marked"}


_PIECES = (
    "`x` not never 30 thirty 0x1F 1e999 9**9**9 2**64 1<<40 5*60*60 \"a' a/b.py --flag foo.bar() ` '' "
    '""" # // /* if unless . , HTTPResponse _private 1.2.3.4 99999999999999999999999999999 '
    "\u3042\u3044 \ud800 é \x00 \n"
).split(" ")
_TEXTS = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(_PIECES), max_size=60).map(" ".join))


@settings(max_examples=150, deadline=None)
@example(claim="2 ** 2 ** 2", passages=["x = 10 ** 40 ** 40 * 1e308", "9" * 5_000], path="a.py")
@given(claim=_TEXTS, passages=st.lists(_TEXTS, max_size=3), path=st.sampled_from(["", "a.py", "docs/a.md"]))
def test_no_text_makes_it_raise_and_the_score_is_a_share(claim: str, passages: list[str], path: str) -> None:
    premises = [Premise(text, path, "f") for text in passages]
    verdict = check_support(claim, premises)
    assert verdict.score is not None
    assert 0 <= verdict.score <= 1
    assert verdict.label is not VerdictLabel.UNCHECKED
    assert explain_support(claim, premises[::-1]) == explain_support(claim, premises)


def test_the_order_of_passages_does_not_matter() -> None:
    for claim in TRUE:
        assert explain_support(claim, [FETCH, CACHE]) == explain_support(claim, [CACHE, FETCH])


def test_long_texts_are_read_in_bounded_time() -> None:
    """A claim and a passage of a megabyte: only what the bounds allow is read, and no pattern backtracks."""
    for piece in ("a", "`", "1.", "a_", "\"'", "# \n", "1*", "A.b", "a b "):
        text = piece * (1_000_000 // len(piece))
        check_support(text, [Premise(text, "a.py", "f")])


def test_the_model_was_not_trained_on_what_is_reported_on() -> None:
    import json

    from benchmarks.planted_claims import REPOSITORIES

    weights = Path(__file__).parents[3] / "src" / "loccit" / "verification" / "support_weights.json"
    sources = {one["repository"] for one in json.loads(weights.read_text(encoding="utf-8"))["sources"]}
    assert sources
    assert not sources & set(REPOSITORIES)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", one) for one in sources)


def test_checking_bytes_does_not_load_the_support_check() -> None:
    source = Path(verification.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r}); import loccit.verification; "
        "sys.exit('loccit.verification.support' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(
    st.lists(
        st.sampled_from(["not", "No", "NULL", "un", "_no", "None", "x", "!", "=", " ", "n't", "_", "ſkip"])
    )
)
def test_lines_that_cannot_negate_are_known_without_looking(parts: list[str]) -> None:
    """The quick look never leaves out a line that the patterns would find."""
    row = "".join(parts)
    found = support_text._EVIDENCE_NEGATION.search(row) or support_text._STRICT_NEGATION.search(row)
    assert support_text._may_negate(row) or not found
