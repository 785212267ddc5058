"""Datasets: what is read, what is refused, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import LimitExceeded, MalformedDataset, SourceUnreadable
from loccit.evals import datasets
from loccit.evals.datasets import (
    Dataset,
    Gold,
    Lines,
    Sample,
    dataset_lines,
    parse_dataset,
    read_dataset,
)

GOOD = b'{"id": "a", "question": "Where?", "gold": {"files": ["a.py"]}}'


def refusal(data: bytes) -> str:
    with pytest.raises(MalformedDataset) as caught:
        parse_dataset(data, name="d")
    assert caught.value.next_step
    return caught.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2"),
        (b"[]", "line 2"),
        (b"\xff\xfe", "line 2"),
        (b"[" * 100_000, "line 2"),
        (b'{"id": "b", "question": "?"}', "sample 'b' does not say what would be right"),
        (b'{"id": "b", "question": "?", "gold": {"file": ["a.py"]}}', "gold.file is ['a.py']"),
        (b'{"id": "", "question": "?", "gold": {"abstain": true}}', "id is ''"),
        (b'{"id": "b", "question": "?", "gold": {"abstain": 1}}', "gold.abstain is 1"),
        (b'{"id": "b", "question": "?", "job": "sing", "gold": {"abstain": true}}', "job is 'sing'"),
        (b'{"id": "b", "question": "?", "commit": "HEAD", "gold": {"abstain": true}}', "commit is 'HEAD'"),
        (b'{"id": "b", "question": "\\ud800", "gold": {"abstain": true}}', "line 2"),
        (GOOD, "the id 'a' is there twice"),
    ],
)
def test_a_line_that_is_no_sample_is_refused_by_its_number_and_value(line: bytes, said: str) -> None:
    assert said in refusal(GOOD + b"\n" + line)


def test_a_first_line_that_is_nested_too_deeply_is_refused() -> None:
    assert "line 1" in refusal(b'{"format": ' + b"[" * 100_000)


def test_passages_end_after_they_begin() -> None:
    line = {"path": "a.py", "start_line": 3, "end_line": 2}
    data = json.dumps({"id": "a", "question": "?", "gold": {"passages": [line]}}).encode()
    assert "end_line is 2, expected 3 or more" in refusal(data)


@pytest.mark.parametrize("data", [b"", b"\n \n", b'{"format": "loccit-dataset/1"}\n', b"\xef\xbb\xbf"])
def test_a_dataset_without_samples_is_refused(data: bytes) -> None:
    assert refusal(data) == "the dataset 'd' has no samples"


def test_a_newer_format_is_refused_with_its_name() -> None:
    assert "'loccit-dataset/2'" in refusal(b'{"format": "loccit-dataset/2"}\n' + GOOD)


def test_a_header_has_no_keys_that_nobody_knows() -> None:
    assert "line 1: maker is 'x'" in refusal(b'{"format": "loccit-dataset/1", "maker": "x"}\n' + GOOD)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    header = b'{"format": "loccit-dataset/1", "name": "n"}'
    made = parse_dataset(b"\xef\xbb\xbf" + header + b"\r\n" + GOOD + b"\r\n", name="d")
    assert (made.header.name, [sample.id for sample in made.samples]) == ("n", ["a"])
    assert parse_dataset(b"\xef\xbb\xbf" + GOOD, name="d").digest == parse_dataset(GOOD, name="e").digest


def test_one_sample_is_a_dataset() -> None:
    made = parse_dataset(GOOD, name="d")
    assert made.clusters == {"a": "a"}
    assert made.header.name == "d"


def test_a_file_that_cannot_be_read_or_is_too_large_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceUnreadable):
        read_dataset(tmp_path / "none.jsonl")
    with pytest.raises(SourceUnreadable):
        read_dataset(tmp_path)
    (tmp_path / "large.jsonl").write_bytes(GOOD)
    monkeypatch.setattr(datasets, "MAX_DATASET_BYTES", 10)
    with pytest.raises(LimitExceeded):
        read_dataset(tmp_path / "large.jsonl")


def test_a_hundred_thousand_samples_are_read_and_told_apart() -> None:
    lines = (b'{"id": "%d", "question": "?", "gold": {"abstain": true}}\n' % n for n in range(100_000))
    made = parse_dataset(b"".join(lines), name="d")
    assert len(made.clusters) == 100_000
    assert made.digest == Dataset(made.samples).digest != Dataset(made.samples[1:]).digest


@given(
    st.lists(
        st.builds(
            Sample,
            id=st.text(st.characters(codec="utf-8"), min_size=1),
            question=st.text(st.characters(codec="utf-8"), min_size=1),
            gold=st.builds(
                Gold,
                files=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=2).map(tuple),
                passages=st.just((Lines(path="a", start_line=1, end_line=2),)),
            ),
            group=st.text(st.characters(codec="utf-8")),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda sample: sample.id,
    )
)
def test_what_is_written_is_read_again_byte_for_byte(made: list[Sample]) -> None:
    data = b"".join(dataset_lines(Dataset(tuple(made))))
    again = parse_dataset(data, name="")
    assert again.samples == tuple(made)
    assert b"".join(dataset_lines(again)) == data


def test_lines_of_two_repositories_have_nothing_in_common() -> None:
    one = Lines(path="a.py", start_line=1, end_line=5)
    assert one.overlaps(Lines(path="a.py", start_line=5, end_line=9))
    assert not one.overlaps(Lines(path="a.py", start_line=6, end_line=9))
    assert not one.overlaps(Lines(path="b.py", start_line=1, end_line=5))
    ours, theirs = one.model_copy(update={"repo": "ours"}), one.model_copy(update={"repo": "theirs"})
    assert one.overlaps(ours)
    assert not ours.overlaps(theirs)
