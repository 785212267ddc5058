"""Damaged and foreign files of an index: a typed error that says what to do, and doing so repairs it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from loccit.core.errors import IndexBroken, IndexFormatMismatch, LoccitError
from tests.repositories import add_commits, git, make_repository
from tests.unit.pipeline.homes import assert_no_rubbish, found, loccit_at, shard_of

FILES = {
    "src/tool.py": "class ParserError(Error):\n    pass\n\n\ndef load_config(path):\n    return cache[7]\n"
    * 9,
    "docs/guide.md": "# Guide\n\nHow to parse the config, and where the reader is closed.\n",
}


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("This is a text about something else.\n" * 200)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def nested(path: Path) -> None:
    path.write_text("[" * 100_000)


DAMAGES = (truncated, emptied, text, folder, nested)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[object]]:
    """A repository, a home in which it is indexed, and what is found there."""
    place = tmp_path_factory.mktemp("damage")
    make_repository(place / "project", [{"files": FILES}, {"files": {"more.py": "def more():\n    pass\n"}}])
    loccit = loccit_at(place / "home")
    loccit.index(place / "project")
    return place / "project", place / "home", [found(loccit), found(loccit, history=True)]


@pytest.fixture
def home(pristine: tuple[Path, Path, list[object]], tmp_path: Path) -> Path:
    shutil.copytree(pristine[1], tmp_path / "home")
    return tmp_path / "home"


def files_of(home: Path, what: str) -> list[Path]:
    if what == "manifest":
        return [shard_of(home).folder / "manifest.json"]
    return sorted((shard_of(home).folder / what).iterdir())


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("what", ["manifest", "segments", "snapshots"])
def test_a_damaged_index_is_refused_and_rebuilt(
    pristine: tuple[Path, Path, list[object]], home: Path, what: str, damage: Callable[[Path], None]
) -> None:
    """Searching and indexing say which file and what to do; `rebuild` brings back what was found before. The
    lists of files are written at every indexing anyway.
    """
    project, _, expected = pristine
    for path in files_of(home, what):
        damage(path)
    with pytest.raises((IndexBroken, IndexFormatMismatch)) as raised:
        found(loccit_at(home), history=True)
    assert "--rebuild" in raised.value.next_step
    loccit = loccit_at(home)
    if what == "snapshots":
        loccit.index(project)
    else:
        with pytest.raises((IndexBroken, IndexFormatMismatch), match="--rebuild"):
            loccit.index(project)
        loccit.index(project, rebuild=True)
    assert [found(loccit), found(loccit, history=True)] == expected
    assert_no_rubbish(home)


@pytest.mark.parametrize("what", ["manifest", "segments", "snapshots"])
def test_a_flipped_bit_is_noticed_or_harmless(
    pristine: tuple[Path, Path, list[object]], home: Path, what: str
) -> None:
    """Wherever one bit of an index file is flipped, what is found is the same or an error says so."""
    _, _, expected = pristine
    chance = random.Random(what)
    noticed = 0
    for path in files_of(home, what):
        data = path.read_bytes()
        for _ in range(25):
            flipped = bytearray(data)
            flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            try:
                loccit = loccit_at(home)
                assert [found(loccit), found(loccit, history=True)] == expected
            except (IndexBroken, IndexFormatMismatch):
                noticed += 1
        path.write_bytes(data)
    assert noticed > 20


def test_every_changed_field_of_a_manifest_is_noticed(home: Path) -> None:
    """A commit id or a count that was altered does not pass for what was published."""
    path = shard_of(home).folder / "manifest.json"
    document = json.loads(path.read_text())
    document["snapshots"][0]["files"] += 1
    path.write_text(json.dumps(document))
    with pytest.raises(IndexBroken, match="checksum"):
        shard_of(home).manifest()


def test_an_index_of_another_format_is_refused_and_rebuilt(
    pristine: tuple[Path, Path, list[object]], home: Path
) -> None:
    """The error names both format numbers, and the next step works."""
    project, _, expected = pristine
    path = shard_of(home).folder / "manifest.json"
    path.write_text('{"format": 1, "anything": []}')
    with pytest.raises(IndexFormatMismatch, match="has format 1, this version reads 2") as raised:
        loccit_at(home).search("config")
    assert "--rebuild" in raised.value.next_step
    loccit_at(home).index(project, rebuild=True)
    assert found(loccit_at(home)) == expected[0]


def test_folders_and_files_in_each_others_place_are_put_right_by_a_rebuild(
    pristine: tuple[Path, Path, list[object]], home: Path
) -> None:
    """A file where the segments belong, a folder where the lock belongs."""
    project, _, expected = pristine
    shard = shard_of(home).folder
    shutil.rmtree(shard / "segments")
    (shard / "segments").write_text("x")
    (shard / "lock").unlink(missing_ok=True)
    (shard / "lock").mkdir()
    with pytest.raises(LoccitError):
        loccit_at(home).search("config")
    loccit_at(home).index(project, rebuild=True)
    assert found(loccit_at(home)) == expected[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_refused_and_begun_anew(
    pristine: tuple[Path, Path, list[object]], home: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Searches do without it. Indexing names it, and a rebuild begins a new one; an empty file is one."""
    project, _, expected = pristine
    damage(home / "cache" / "blobs.sqlite")
    assert found(loccit_at(home)) == expected[0]
    make_repository(tmp_path / "other", [{"files": {"b.py": "def b():\n    pass\n"}}])
    if damage is not emptied:
        with pytest.raises(IndexBroken, match=r"blobs\.sqlite") as raised:
            loccit_at(home).index(tmp_path / "other")
        assert "--rebuild" in raised.value.next_step
    loccit_at(home).index(project, rebuild=True)
    assert found(loccit_at(home), repos=["project"]) == expected[0]
    assert loccit_at(home).index(tmp_path / "other").files.parsed == 1


def test_flipped_bits_of_the_cache_are_noticed_or_harmless(
    pristine: tuple[Path, Path, list[object]], home: Path, tmp_path: Path
) -> None:
    """Records and pages: either an error says so, and a rebuild helps, or the same is found."""
    project, _, expected = pristine
    path = home / "cache" / "blobs.sqlite"
    data = path.read_bytes()
    chance = random.Random(4)
    for number in range(25):
        flipped = bytearray(data)
        for _ in range(3):
            flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        shutil.rmtree(home / "repositories")
        loccit = loccit_at(home)
        try:
            loccit.index(project, history=False)
        except IndexBroken:
            loccit.index(project, history=False, rebuild=True)
        assert found(loccit_at(home)) == expected[0], number


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "",
        "[" * 100_000,
        "[]",
        "null",
        '{"format": 99}',
        '{"format": 1}',
        '{"format": 1, "repositories": [{"key": 5}], "collections": {}}',
        '{"format": 1, "repositories": [], "collections": {"all": "text"}}',
        '{"format": 1, "repositories": {"a": 1}, "collections": []}',
        '{"format": 1, "collections": {}, "repositories":'
        ' [{"key": "k", "name": 5, "location": "/x", "is_git": true, "added_at": 1}]}',
    ],
)
def test_a_catalogue_that_is_none_is_refused_and_made_again(
    pristine: tuple[Path, Path, list[object]], home: Path, content: str
) -> None:
    """The error says to move it away; then indexing again finds what is there, and parses nothing."""
    project, _, expected = pristine
    path = home / "catalogue.json"
    path.write_text(content)
    for attempt in (lambda: loccit_at(home).search("config"), lambda: loccit_at(home).index(project)):
        with pytest.raises((IndexBroken, IndexFormatMismatch)) as raised:
            attempt()
        assert "move" in raised.value.next_step
    path.unlink()
    loccit = loccit_at(home)
    assert loccit.index(project).files.parsed == 0
    assert found(loccit) == expected[0]


def test_objects_that_went_missing_are_counted_and_found_when_they_are_back(tmp_path: Path) -> None:
    """A blob that the repository lacks is left out, said so, and indexed as soon as it is there."""
    make_repository(tmp_path / "project", [{"files": FILES}])
    git_dir = tmp_path / "project" / ".git"
    add_commits(tmp_path / "project", [{"files": {"late.py": "def late_config():\n    pass\n"}}], first=1)
    packs = sorted((git_dir / "objects" / "pack").glob("*.pack"))
    kept = tmp_path / "kept"
    kept.mkdir()
    # What is in packs is unpacked, so that one object can be taken away.
    for pack in packs:
        moved = kept / pack.name
        pack.with_suffix(".idx").unlink()
        pack.rename(moved)
        git(tmp_path / "project", "unpack-objects", "-q", stdin=moved.read_bytes())
    blob = git(tmp_path / "project", "rev-parse", "HEAD:late.py")
    loose = git_dir / "objects" / blob[:2] / blob[2:]
    loose.rename(kept / "blob")
    loccit = loccit_at(tmp_path / "home")
    report = loccit.index(tmp_path / "project", history=False)
    assert report.files.snapshot.skipped.get("object missing") == 1
    assert not [hit for hit in loccit.search("late_config") if hit.place.path == "late.py"]
    (kept / "blob").rename(loose)
    assert loccit.index(tmp_path / "project", history=False).files.parsed == 1
    assert loccit.search("late_config")[0].place.path == "late.py"
