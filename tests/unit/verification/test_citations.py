"""Making citations: whatever is cited holds, and what cannot be cited is refused."""

from __future__ import annotations

import codecs
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_objects import REPO, MadeRepository, answered, snapshot

from loccit.core.answers import CitationKind, parse_answer
from loccit.core.errors import InputError
from loccit.core.source import path_text
from loccit.verification import Status, cite, cite_commit, verify

texts = st.text(
    alphabet=st.one_of(st.sampled_from('a\n\r\x1b"\\é€𝒳\u2028\ud7ff'), st.characters(codec="utf-8"))
)
utf16 = st.tuples(
    texts, st.sampled_from([(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")])
)
contents = st.one_of(
    st.binary(min_size=1, max_size=60),
    texts.map(lambda text: text.encode()).filter(bool),
    utf16.map(lambda pair: pair[1][0] + pair[0].encode(pair[1][1])),
)
names = st.binary(min_size=1, max_size=8).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)


def splits_a_character(data: bytes, start: int, end: int) -> bool:
    """By walking from character to character of the whole file."""
    whole = cite(repo="r", commit="1" * 40, tree=None, path="p", data=data, start_byte=0, end_byte=len(data))
    edges = set(accumulate((len(letter.encode(whole.encoding)) for letter in whole.quote), initial=0))
    return not {start, end} <= edges


@given(contents, paths, st.data(), st.sampled_from([40, 64]), st.booleans())
def test_what_cite_makes_holds(
    data: bytes, path: bytes, cut: st.DataObject, hex_digits: int, is_folder: bool
) -> None:
    """Any bytes, path and range: either it splits a character or its citation holds, also through JSON."""
    repository = MadeRepository(hex_digits=hex_digits)
    tree = repository.add_tree({path: data})
    commit = None if is_folder else repository.add_commit(tree)
    start = cut.draw(st.integers(0, len(data) - 1))
    end = cut.draw(st.integers(start + 1, len(data)))
    place = {"repo": REPO, "commit": commit, "tree": tree, "path": path_text(path), "data": data}
    if splits_a_character(data, start, end):
        with pytest.raises(InputError, match="inside a"):
            cite(**place, start_byte=start, end_byte=end)
        return
    citation = cite(**place, start_byte=start, end_byte=end)
    assert citation.quote.encode(citation.encoding) == data[start:end]
    answer = answered(citation, snapshots=[snapshot(commit, tree)])
    again = parse_answer(answer.to_json().encode())
    assert again == answer
    assert verify(again, [repository]).all_reasons() == ()


@given(data=contents)
def test_every_range_between_characters_can_be_cited(data: bytes) -> None:
    """Only ranges that split a character are refused; UTF-8, UTF-16 and Latin-1 alike."""
    whole = cite(repo="r", commit="1" * 40, tree=None, path="p", data=data, start_byte=0, end_byte=len(data))
    edges = list(accumulate((len(letter.encode(whole.encoding)) for letter in whole.quote), initial=0))
    assert edges[-1] == len(data)
    for start, end in pairwise(edges):
        cited = cite(
            repo="r", commit="1" * 40, tree=None, path="p", data=data, start_byte=start, end_byte=end
        )
        assert len(cited.quote) == 1
        before = whole.quote[: edges.index(start)]
        assert cited.start_line == cited.end_line == before.count("\n") + 1


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (3, 3), (5, 4), (0, 14), (13, 13), (13, 14), (-1, 3), (1, 2), (0, 6), (6, 13)]
)
def test_a_range_that_is_no_text_of_the_file_is_refused(start: int, end: int) -> None:
    """Empty, reversed, outside, negative, or splitting a character of two bytes."""
    data = "éab\né ende\n".encode()
    assert len(data) == 13
    with pytest.raises(InputError, match="cannot cite"):
        cite(repo="r", commit="1" * 40, tree=None, path="p", data=data, start_byte=start, end_byte=end)


def test_a_file_needs_a_commit_or_a_tree() -> None:
    """Without either nobody could find it again."""
    with pytest.raises(InputError, match="tree None"):
        cite(repo="r", commit=None, tree=None, path="p", data=b"x", start_byte=0, end_byte=1)


def test_a_commit_is_not_cited_as_a_file() -> None:
    """`cite` is for files and issues."""
    with pytest.raises(InputError, match="cite_commit"):
        cite(
            repo="r",
            commit="1" * 40,
            tree=None,
            path="p",
            data=b"x",
            start_byte=0,
            end_byte=1,
            kind=CitationKind.COMMIT,
        )


def test_lines_end_where_a_utf16_code_unit_is_a_line_feed() -> None:
    """U+0A0A and U+010A hold the byte 0x0A and end no line."""
    data = codecs.BOM_UTF16_LE + "\u0a0a\u010a\nx\n".encode("utf-16-le")
    citation = cite(repo="r", commit="1" * 40, tree=None, path="p", data=data, start_byte=8, end_byte=10)
    assert (citation.quote, citation.start_line, citation.end_line) == ("x", 2, 2)


def test_the_line_end_belongs_to_its_line() -> None:
    """Citing a whole line with its end does not reach into the next."""
    citation = cite(repo="r", commit="1" * 40, tree=None, path="p", data=b"a\nb\nc", start_byte=2, end_byte=4)
    assert (citation.start_line, citation.end_line) == (2, 2)


def test_a_commit_citation_counts_in_the_raw_commit_object() -> None:
    """Path and blob are null, the link leads to the commit."""
    repository = MadeRepository()
    commit = repository.add_commit(
        repository.add_tree({b"a": b"a\n"}), message=b"Fix the race.\n\nFixes #12.\n"
    )
    data = repository.read(commit).data
    at = data.index(b"Fixes")
    citation = cite_commit(repo=REPO, commit=commit, data=data, start_byte=at, end_byte=len(data))
    assert (citation.path, citation.blob, citation.quote) == (None, None, "Fixes #12.\n")
    assert citation.permalink == f"https://{REPO}/commit/{commit}"
    assert citation.start_line == 7
    answer = answered(citation, snapshots=[snapshot(commit, None)])
    assert verify(answer, [repository]).status is Status.HOLDS
