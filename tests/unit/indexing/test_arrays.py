"""The file format of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from loccit.core.errors import IndexBroken, StorageFailed
from loccit.indexing.arrays import MAGIC, read_arrays, write_arrays

ARRAYS = some.arrays(
    dtype=st.sampled_from(["u1", "<u2", "<u4", "<u8", "<i8", "<f8", "S16"]),
    shape=some.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arrays") / "file"


@given(
    arrays=st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4),
    meta=st.dictionaries(st.text(), st.integers()),
)
def test_arrays_come_back_as_they_were(
    place: Path, arrays: dict[str, np.ndarray], meta: dict[str, int]
) -> None:
    """Values, types, shapes and `meta`; what was handed over is not changed, what comes back cannot be."""
    handed = dict(arrays)
    assert write_arrays(place, meta, handed) == place.stat().st_size
    assert all(handed[name] is array for name, array in arrays.items())
    found_meta, found = read_arrays(place)
    assert found_meta == meta
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == np.ascontiguousarray(array).tobytes()
        assert not found[name].flags.writeable


def test_a_mapped_file_may_be_deleted_and_replaced(tmp_path: Path) -> None:
    """What is open stays what it was."""
    path = tmp_path / "file"
    write_arrays(path, {}, {"a": np.arange(5000)})
    _, held = read_arrays(path)
    write_arrays(path, {}, {"a": np.zeros(5000, dtype=np.int64)})
    path.unlink()
    assert held["a"].tolist() == list(range(5000))


@pytest.mark.parametrize(
    "content",
    [b"", b"x", MAGIC, MAGIC + b"\0" * 7, MAGIC + b"\xff" * 8, MAGIC + b"\0" * 8, b"#!/bin/sh\n" * 50],
)
def test_what_is_no_file_of_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    """Foreign and cut heads."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IndexBroken, match="'file'"):
        read_arrays(tmp_path / "file")


def test_every_cut_and_every_changed_byte_that_matters_is_noticed(tmp_path: Path) -> None:
    """Whatever the length, and whichever byte outside the padding is another."""
    path = tmp_path / "file"
    arrays = {"a": np.arange(40, dtype=np.uint16), "b": np.arange(16, dtype=np.uint32)}
    write_arrays(path, {"m": 1}, arrays)
    data = path.read_bytes()
    end = len(data)
    for size in range(end - 1, -1, -9):
        path.write_bytes(data[:size])
        with pytest.raises(IndexBroken):
            read_arrays(path)
    harmless = 0
    for at in range(end):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        try:
            _, found = read_arrays(path)
        except IndexBroken:
            continue
        harmless += 1
        assert data[at] == 0
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert harmless < 3 * 64


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A folder that is not there: StorageFailed, and no draft anywhere."""
    with pytest.raises(StorageFailed, match="missing/file"):
        write_arrays(tmp_path / "missing" / "file", {}, {"a": np.arange(3)})
    assert list(tmp_path.iterdir()) == []
