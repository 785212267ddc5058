"""Adopted rankers come back as they were, whatever was killed meanwhile; what cannot be read says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loccit.core.errors import IndexBroken, IndexFormatMismatch, InputError
from loccit.learning.adopt import (
    Facts,
    Kept,
    adopted,
    adopted_rankers,
    keep_ranker,
    publish,
    read_facts,
    read_ranker,
    roll_back,
    sweep,
)
from loccit.retrieval.association import Message, associate
from loccit.retrieval.learned import Own, Ranker, comparable, with_own
from tests.unit.learning.generals import made_general


def facts(commit: str = "ab" * 20) -> Facts:
    return Facts("shop", commit, 1_700_000_000, 100, 90, "1", {"mrr": {"tuned": {"estimate": 0.7}}})


def made_ranker(seed: int = 0) -> Ranker:
    """The general ranker with an own part of random weights."""
    random = np.random.default_rng(seed)
    width = comparable(np.zeros((0, 3 * len(made_general().features)))).shape[1]
    said = [Message(np.array([n, n + 1], np.uint64), np.ones(2), (f"src/{n % 3}.py",)) for n in range(9)]
    own = Own(
        linear=random.normal(size=width),
        mean=random.normal(size=width),
        spread=np.ones(width),
        linear_share=0.4,
        association_share=0.2,
        learned_from=100,
        association=associate(said, 0)[1],
    )
    return with_own(made_general(), own)


def adopt(folder: Path, seed: int = 0) -> Kept:
    kept = keep_ranker(folder, made_ranker(seed), facts())
    publish(folder, kept)
    return kept


def test_a_ranker_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """Weights to the last bit, the association in half precision, and where it comes from."""
    kept = adopt(tmp_path)
    found = read_ranker(tmp_path, kept, made_general())
    before, after = made_ranker().own, found.ranker.own
    assert before is not None
    assert after is not None
    assert np.array_equal(before.linear, after.linear)
    assert before.association is not None
    assert after.association is not None
    assert np.allclose(before.association.files, after.association.files, atol=1e-3)
    assert before.association.paths == after.association.paths
    assert found.facts == facts() == read_facts(tmp_path, kept)


def test_without_an_adopted_ranker_the_general_one_ranks(tmp_path: Path) -> None:
    """An empty folder, and one that does not exist, are no fault."""
    general = made_general()
    assert adopted(tmp_path, general) is general
    assert adopted(tmp_path / "none", general) is general


def test_a_ranker_that_is_not_published_is_not_used(tmp_path: Path) -> None:
    """A run that is killed before it renames the list leaves what was."""
    first = adopt(tmp_path)
    keep_ranker(tmp_path, made_ranker(1), facts("cd" * 20))
    assert adopted_rankers(tmp_path) == (first,)


def test_rolling_back_goes_back_one_and_in_the_end_to_the_general_ranker(tmp_path: Path) -> None:
    """Each step uses the one before; beyond the first there is nothing to go back to."""
    first, second = adopt(tmp_path, 1), adopt(tmp_path, 2)
    assert adopted_rankers(tmp_path) == (second, first)
    assert roll_back(tmp_path) == (first,)
    assert roll_back(tmp_path) == ()
    assert adopted(tmp_path, made_general()).own is None
    with pytest.raises(InputError, match="nothing to go back to"):
        roll_back(tmp_path)


@pytest.mark.parametrize("suffix", [".json", ".arr"])
@pytest.mark.parametrize("harm", ["cut", "flip", "gone"])
def test_a_damaged_ranker_is_an_error_and_going_back_still_works(
    tmp_path: Path, suffix: str, harm: str
) -> None:
    """It is never read as something else, and the error names the way out."""
    first, second = adopt(tmp_path, 1), adopt(tmp_path, 2)
    path = tmp_path / f"{second.name}{suffix}"
    data = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    with pytest.raises(IndexBroken) as caught:
        adopted(tmp_path, made_general())
    assert caught.value.next_step
    assert roll_back(tmp_path) == (first,)
    assert adopted(tmp_path, made_general()).own is not None


def test_a_list_that_is_damaged_or_newer_is_an_error(tmp_path: Path) -> None:
    """Text that is no JSON, entries that are none, and a format of tomorrow each have their error."""
    adopt(tmp_path)
    path = tmp_path / "adopted.json"
    for text, kind in (
        ("{", IndexBroken),
        ('{"format": 1, "rankers": [{"name": 3}]}', IndexBroken),
        ('{"format": 2, "rankers": []}', IndexFormatMismatch),
    ):
        path.write_text(text)
        with pytest.raises(kind):
            adopted(tmp_path, made_general())


def test_a_newer_text_and_another_general_ranker_are_not_read(tmp_path: Path) -> None:
    """Both say that the repository is to be tuned again."""
    kept = adopt(tmp_path)
    general = made_general()
    other = replace(general, calibration=replace(general.calibration, slope=2.0))
    with pytest.raises(IndexFormatMismatch, match="another general ranker"):
        adopted(tmp_path, other)
    path = tmp_path / f"{kept.name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(IndexFormatMismatch, match="format 2"):
        adopted(tmp_path, general)


def test_a_ranker_that_learned_nothing_is_not_kept(tmp_path: Path) -> None:
    """The general one is there anyway."""
    with pytest.raises(InputError, match="learned nothing"):
        keep_ranker(tmp_path, made_general(), facts())


def test_sweeping_deletes_what_nothing_names(tmp_path: Path) -> None:
    """The files of kept rankers stay, and so do all that are no rankers."""
    kept, other = adopt(tmp_path), keep_ranker(tmp_path, made_ranker(3), facts())
    (tmp_path / "lessons.arr").write_bytes(b"x")
    sweep(tmp_path, [kept])
    assert {path.name for path in tmp_path.iterdir()} == {
        "adopted.json",
        "lessons.arr",
        f"{kept.name}.json",
        f"{kept.name}.arr",
    }
    assert other.name != kept.name
