"""Hits: which, in which order, and why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.core.evidence import Filters, Hit
from loccit.core.source import FileRole
from loccit.retrieval.query import understand
from loccit.retrieval.search import Target, search
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, hits_of, made, parsed, paths_of

WORDS = ["alpha", "beta", "gamma", "delta"]
BODIES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
FILES = st.lists(
    st.builds(
        MadeFile,
        path=st.sampled_from([f"{folder}/{name}" for folder in "ab" for name in ("x.py", "y.py", "z.go")]),
        chunks=st.lists(st.builds(MadeChunk, body=BODIES), min_size=1, max_size=5).map(tuple),
        language=st.sampled_from(["python", "go"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda file: file.path,
)


def key(hit: Hit) -> tuple[str, str, int]:
    return (hit.place.repo, hit.place.path, hit.place.start_byte)


def found(
    targets: list[Target], text: str, top_k: int = 100, filters: Filters | None = None
) -> tuple[Hit, ...]:
    query = understand(text, max_chars=1000)
    return search(query, targets, filters=filters or Filters(), top_k=top_k).hits


@settings(max_examples=50)
@given(FILES, st.sampled_from(["alpha", "alpha beta", "delta gamma delta"]), st.integers(1, 3))
def test_hits_are_in_order_and_at_most_three_of_a_file(
    files: list[MadeFile], text: str, segments: int
) -> None:
    """By falling score, then by repository, path and position."""
    hits = found([made(files, segments=segments).target], text)
    assert list(hits) == sorted(hits, key=lambda hit: (-hit.score, *key(hit)))
    assert all(sum(h.place.object_id == hit.place.object_id for h in hits) <= 3 for hit in hits)
    assert all(0 < hit.relevance < 1 for hit in hits)


@settings(max_examples=50)
@given(FILES, st.sampled_from(["alpha", "alpha beta"]), st.integers(1, 6))
def test_fewer_hits_are_the_first_of_more(files: list[MadeFile], text: str, top_k: int) -> None:
    """However many are asked for, the order is the same."""
    target = made(files).target
    assert found([target], text, top_k) == found([target], text, 10_000)[:top_k]


@settings(max_examples=50)
@given(
    FILES,
    st.sampled_from(["alpha", "alpha beta"]),
    st.sampled_from([Filters(languages=("go",)), Filters(paths=("a/",)), Filters(paths=("*.py", "!b/*"))]),
)
def test_filters_change_no_score(files: list[MadeFile], text: str, filters: Filters) -> None:
    """What a filter lets through has the score that it has without the filter."""
    target = made(files).target
    free = {key(hit): hit.score for hit in found([target], text)}
    for hit in found([target], text, filters=filters):
        assert free.get(key(hit), hit.score) == hit.score
        assert hit.language == "go" if filters.languages else hit.place.path


def test_files_of_one_language_only() -> None:
    """Names of languages are taken in any case."""
    snapshot = parsed({"a.py": "alpha = 1\n", "b.go": "package alpha\n", "c.md": "alpha\n"})
    assert paths_of(hits_of(snapshot, "alpha", filters=Filters(languages=("Go",)))) == ["b.go"]
    both = Filters(languages=("go", "markdown"))
    assert set(paths_of(hits_of(snapshot, "alpha", filters=both))) == {"b.go", "c.md"}
    assert not hits_of(snapshot, "alpha", filters=Filters(languages=("rust",))).hits


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (("src/",), {"src/a.py", "src/deep/b.py"}),
        (("src/*.py",), {"src/a.py"}),
        (("**/b.py",), {"src/deep/b.py"}),
        (("*.py", "!src/deep/"), {"src/a.py", "tests/c.py"}),
        (("/a.py",), set()),
        (("src/", "!src/deep/", "b.py"), {"src/a.py", "src/deep/b.py"}),
        (("!src/deep/",), {"src/a.py", "tests/c.py"}),
        (("!*.py",), set()),
    ],
)
def test_files_that_match_patterns_only(patterns: tuple[str, ...], left: set[str]) -> None:
    """Patterns are those of .gitignore; a negated one takes back what those before it let in, or all."""
    snapshot = parsed(
        {"src/a.py": "alpha = 1\n", "src/deep/b.py": "alpha = 2\n", "tests/c.py": "alpha = 3\n"}
    )
    assert set(paths_of(hits_of(snapshot, "alpha", filters=Filters(paths=patterns)))) == left


def test_a_pattern_that_is_none_is_refused() -> None:
    """The error names the pattern."""
    with pytest.raises(InputError, match="'!'"):
        hits_of(parsed({"a.py": "alpha = 1\n"}), "alpha", filters=Filters(paths=("!",)))


def test_a_copy_that_the_filter_allows_stands_for_its_content() -> None:
    """Equal files are one hit; it is shown at a path that was asked for."""
    snapshot = parsed({"lib/a.py": "alpha = 1\n", "vendor/a.py": "alpha = 1\n", "z.py": "beta = 1\n"})
    assert paths_of(hits_of(snapshot, "alpha")) == ["lib/a.py"]
    assert paths_of(hits_of(snapshot, "alpha", filters=Filters(paths=("vendor/",)))) == ["vendor/a.py"]


def test_equal_hits_stand_in_order_of_repository_then_path() -> None:
    """So that every run prints the same."""
    files = [MadeFile(path, (MadeChunk("alpha"),)) for path in ("b.py", "a.py")]
    files[0] = MadeFile("b.py", (MadeChunk("alpha"),), language="ruby")
    targets = [made(files, repo=repo).target for repo in ("two", "one")]
    assert [key(hit)[:2] for hit in found(targets, "alpha")] == [
        ("one", "a.py"),
        ("one", "b.py"),
        ("two", "a.py"),
        ("two", "b.py"),
    ]


def test_a_query_that_nothing_holds_finds_nothing() -> None:
    """Neither does one without terms."""
    snapshot = parsed({"a.py": "alpha = 1\n"})
    assert not hits_of(snapshot, "unheard").hits
    assert not hits_of(snapshot, "what is the").hits


def test_no_target_gives_no_hits() -> None:
    """Nothing is searched, so nothing is found."""
    assert found([], "alpha") == ()


def test_files_and_history_are_not_searched_together() -> None:
    """They are scored by different formulas."""
    files = [MadeFile("a.py", (MadeChunk("alpha"),))]
    with pytest.raises(ValueError, match="history"):
        found([made(files).target, made(files, kind="history").target], "alpha")


SHOP = '''"""Selling things."""


class Shop:
    """A place where things are sold, one after the other, to whoever comes in and asks for them politely."""

    def place_order(self, basket, customer):
        """Take the order of a customer, check what is in the basket and write it into the book of orders."""
        for article in basket:
            self.check(article, customer)
        return self.book.write(basket, customer)

    def cancel(self, order, reason):
        """Cancel what place_order took; the reason is written into the book of orders, beside the order."""
        return self.book.strike(order, reason)
'''


def reasons_of(text: str, symbol: str) -> tuple[str, ...]:
    snapshot = parsed({"src/shop.py": SHOP, "src/other.py": "unrelated = 1\n"})
    return next(hit.reasons for hit in hits_of(snapshot, text).hits if hit.symbol == symbol)


def test_a_definition_is_a_reason_where_it_begins() -> None:
    """A chunk is also found by the names of what it is inside of; those it does not define."""
    assert "defines place_order" in reasons_of("place_order", "Shop.place_order")
    assert "in Shop.place_order" in reasons_of("place_order", "Shop.place_order")
    assert "defines place_order" not in reasons_of("place_order", "Shop.cancel")
    assert "defines shop" not in reasons_of("the Shop order", "Shop.cancel")


def test_only_the_first_part_of_a_long_function_defines_it() -> None:
    """The parts after it stand in it."""
    body = "".join(f"    total += price_of(article_{number})\n" for number in range(150))
    snapshot = parsed({"a.py": f"def sum_up():\n    total = 0\n{body}    return total\n", "b.py": "x = 1\n"})
    hits = sorted(hits_of(snapshot, "sum_up total").hits, key=lambda hit: hit.place.start_byte)
    assert len(hits) == 3
    assert [any(r == "defines sum_up" for r in hit.reasons) for hit in hits] == [True, False, False]
    assert [any(r == "in sum_up" for r in hit.reasons) for hit in hits] == [False, True, True]


def test_words_and_file_names_are_reasons() -> None:
    """The words that it holds, most telling first, and that its file is called so."""
    reasons = reasons_of("how does the shop cancel orders", "Shop.cancel")
    assert "file named shop" in reasons
    assert any(reason.startswith("holds ") and "cancel" in reason for reason in reasons)


def test_a_commit_changes_what_it_names() -> None:
    """The names in its diff are not defined by it."""
    commit = MadeFile("", (MadeChunk("alpha", defines=("place_order",)),), FileRole.SOURCE)
    [hit] = found([made([commit], kind="history").target], "place_order")
    assert "changes place_order" in hit.reasons
