"""One suite for every kind of source: a work tree, a bare repository, the mirror of a URL, a plain folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from loccit.core.evidence import Hit
from tests.repositories import Content, add_commits, make_repository, write_files
from tests.unit.pipeline.homes import assert_no_rubbish, found, loccit_at, places_only

FIRST: dict[str, Content] = {
    "src/tool.py": "class ParserError(Error):\n    pass\n\n\ndef load_config(path):\n    return cache[7]\n",
    "src/copy.py": "class ParserError(Error):\n    pass\n\n\ndef load_config(path):\n    return cache[7]\n",
    "docs/guide.md": "# Guide\n\nHow to parse the config, and where the reader is closed.\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\x00\x00",
}
SECOND: dict[str, Content] = {
    "src/copy.py": None,
    "src/reader.py": "def close_reader(reader):\n    '''The reader is closed once.'''\n    reader.close()\n",
}


@dataclass(frozen=True)
class Source:
    """A place to index, and how its files become the second state."""

    location: str
    change: Callable[[], None]


def work_tree(folder: Path) -> Source:
    make_repository(folder, [{"files": FIRST}])
    return Source(str(folder), lambda: add_commits(folder, [{"files": SECOND}], first=1) and None)


def bare(folder: Path) -> Source:
    make_repository(folder, [{"files": FIRST}], bare=True)
    return Source(str(folder), lambda: add_commits(folder, [{"files": SECOND}], first=1, bare=True) and None)


def url(folder: Path) -> Source:
    source = bare(folder)
    return Source(folder.as_uri(), source.change)


def plain(folder: Path) -> Source:
    write_files(folder, FIRST)
    return Source(str(folder), lambda: write_files(folder, SECOND))


@pytest.fixture(params=[work_tree, bare, url, plain])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    return request.param(tmp_path / "project")


def expected(folder: Path, states: Sequence[dict[str, Content]]) -> list[list[Hit]]:
    """What a fresh index of a repository with these files finds."""
    make_repository(folder / "fresh", [{"files": files} for files in states])
    loccit = loccit_at(folder / "fresh-home")
    loccit.index(folder / "fresh")
    return [places_only(hits) for hits in found(loccit)]


def test_the_same_files_are_found_alike(source: Source, tmp_path: Path) -> None:
    """Scores, order and places do not depend on where the files come from."""
    loccit = loccit_at(tmp_path / "home")
    report = loccit.index(source.location)
    assert report.files.snapshot.skipped == {"binary": 1}
    assert [places_only(hits) for hits in found(loccit)] == expected(tmp_path, [FIRST])
    assert any(found(loccit))


def test_a_change_costs_what_changed_and_is_found_as_in_a_fresh_index(source: Source, tmp_path: Path) -> None:
    """One new file is parsed; the deleted one leaves no trace in any score."""
    loccit = loccit_at(tmp_path / "home")
    assert loccit.index(source.location).files.parsed == 3
    source.change()
    assert loccit.index(source.location).files.parsed == 1
    assert [places_only(hits) for hits in found(loccit)] == expected(tmp_path, [FIRST, SECOND])
    loccit.gc()
    assert [places_only(hits) for hits in found(loccit)] == expected(tmp_path / "b", [FIRST, SECOND])
    assert_no_rubbish(tmp_path / "home")


def test_what_is_found_reads_back_as_it_stands(source: Source, tmp_path: Path) -> None:
    """The bytes of every hit are those of its file, at its place."""
    loccit = loccit_at(tmp_path / "home")
    loccit.index(source.location)
    hits = [hit for hits in found(loccit) for hit in hits]
    assert hits
    for hit in hits:
        content = FIRST[hit.place.path]
        assert isinstance(content, str)
        assert loccit.read(hit) == content.encode()[hit.place.start_byte : hit.place.end_byte]


def test_removing_it_leaves_the_source_as_it_was(source: Source, tmp_path: Path) -> None:
    """The source is there, unchanged; of ours nothing is."""
    folder = tmp_path / "project"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    loccit = loccit_at(tmp_path / "home")
    name = loccit.index(source.location).repository.name
    loccit.remove(name)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert list((tmp_path / "home" / "repositories").iterdir()) == []
