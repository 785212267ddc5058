"""Published documents are read again when they were replaced, and only then."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from loccit.core.errors import IndexBroken
from loccit.indexing.documents import Remembered, read_document, replace_document


class _Reading:
    """Reads documents, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, path: Path) -> dict[str, Any] | None:
        self.times += 1
        return read_document(path)


@pytest.fixture
def reading() -> _Reading:
    return _Reading()


def _wait_until_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loccit.indexing.documents._SETTLED_NS", -1)


def test_a_document_that_stays_is_read_once(
    tmp_path: Path, reading: _Reading, monkeypatch: pytest.MonkeyPatch
):
    _wait_until_settled(monkeypatch)
    path, known = tmp_path / "one.json", Remembered(reading)
    replace_document(path, {"a": 1})
    assert [known.at(path) for _ in range(5)] == [{"a": 1}] * 5
    assert reading.times == 1


def test_a_document_that_was_replaced_is_read_again(
    tmp_path: Path, reading: _Reading, monkeypatch: pytest.MonkeyPatch
):
    _wait_until_settled(monkeypatch)
    path, known = tmp_path / "one.json", Remembered(reading)
    assert known.at(path) is None
    for number in range(5):
        replace_document(path, {"a": number})
        assert known.at(path) == {"a": number}
        assert known.at(path) == {"a": number}
        time.sleep(0.02)  # more than a tick of the file system's clock
    path.unlink()
    assert known.at(path) is None


def test_what_was_written_just_now_is_read_each_time(tmp_path: Path, reading: _Reading):
    """Two writes within a tick of the clock may look alike: same inode, same size, same time."""
    path, known = tmp_path / "one.json", Remembered(reading)
    path.write_text('{"a": 1}')
    before = path.stat()
    assert known.at(path) == {"a": 1}
    path.write_text('{"a": 2}')
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert known.at(path) == {"a": 2}


def test_a_damaged_document_is_not_kept(tmp_path: Path, reading: _Reading, monkeypatch: pytest.MonkeyPatch):
    _wait_until_settled(monkeypatch)
    path, known = tmp_path / "one.json", Remembered(reading)
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(IndexBroken, match="not JSON"):
            known.at(path)
    replace_document(path, {})
    assert known.at(path) == {}


def test_only_so_many_documents_are_kept(tmp_path: Path, reading: _Reading, monkeypatch: pytest.MonkeyPatch):
    _wait_until_settled(monkeypatch)
    monkeypatch.setattr("loccit.indexing.documents._MOST_REMEMBERED", 3)
    known = Remembered(reading)
    paths = [tmp_path / f"{number}.json" for number in range(5)]
    for path in paths:
        replace_document(path, {})
        known.at(path)
    assert len(known._known) == 3


def test_threads_see_every_replacement_as_soon_as_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _wait_until_settled(monkeypatch)
    path, known = tmp_path / "one.json", Remembered(lambda path: json.loads(path.read_bytes())["a"])
    replace_document(path, {"a": 0})
    published, faults = [0], list[str]()

    def read() -> None:
        while published[0] < 20:
            least = published[0]
            seen = known.at(path)
            if not least <= seen <= published[0] + 1:
                faults.append(f"{seen} after {least}")

    readers = [Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 21):
        replace_document(path, {"a": number})
        published[0] = number
        time.sleep(0.01)
    for reader in readers:
        reader.join()
    assert not faults
