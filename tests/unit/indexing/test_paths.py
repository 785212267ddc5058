"""The words of paths, counted against a dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loccit.indexing.paths import PathIndex, index_paths
from loccit.indexing.terms import name_term, terms_of, tokens

PARTS = st.text(alphabet="abX_1.é\udc80\n-", min_size=1, max_size=8).filter(
    lambda part: part not in {".", ".."}
)
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=12, unique=True)


def counted(paths: list[str]) -> tuple[dict[tuple[int, str], int], list[int]]:
    """Term frequencies by file and term, and lengths in words, the plain way."""
    frequencies: Counter[tuple[int, str]] = Counter()
    lengths: list[int] = []
    for number, path in enumerate(paths):
        folder, slash, name = path.rpartition("/")
        stem, dot, _ = name.rpartition(".")
        own = stem if dot and stem else name
        found = terms_of(tokens(folder + slash + own))
        frequencies.update((number, term) for terms, _ in found for term in terms)
        frequencies[number, name_term(own)] += 1
        lengths.append(sum(words for _, words in found))
    return frequencies, lengths


def listed(index: PathIndex, term: str) -> dict[int, int]:
    files, frequencies = index.postings(term)
    return dict(zip(files.tolist(), frequencies.tolist(), strict=True))


@given(PATHS)
def test_the_index_of_paths_is_what_counting_gives(paths: list[str]) -> None:
    """Every term of every path, with its frequency; nothing else."""
    index = index_paths(paths)
    frequencies, lengths = counted(paths)
    for term in {term for _, term in frequencies}:
        assert listed(index, term) == {f: n for (f, t), n in frequencies.items() if t == term}
    assert index.lengths.tolist() == lengths
    assert len(index.files) == len(frequencies)
    assert bool(np.all(np.diff(index.terms.astype(object)) > 0))


def test_a_file_is_found_by_its_folders_its_words_and_its_own_name() -> None:
    """The suffix is no word; a name without one is whole; a leading dot starts no suffix."""
    index = index_paths(["src/http_server/BasicRouter.py", "Makefile", ".gitignore", "a.tar.gz"])
    assert listed(index, "server") == {0: 1}
    assert listed(index, "=http_server") == {0: 1}
    assert listed(index, "router") == {0: 1}
    assert listed(index, name_term("basicrouter")) == {0: 1}
    assert listed(index, "py") == {}
    assert listed(index, name_term("makefile")) == {1: 1}
    assert listed(index, name_term(".gitignore")) == {2: 1}
    assert listed(index, "tar") == {3: 1}
    assert index.lengths.tolist() == [5, 1, 1, 2]


def test_a_path_without_end_is_counted_up_to_what_fits() -> None:
    """Frequencies and lengths that do not fit are clipped."""
    index = index_paths(["/".join(["deep"] * 70_000) + ".py"])
    assert listed(index, "deep") == {0: 255}
    assert index.lengths.tolist() == [65_535]
