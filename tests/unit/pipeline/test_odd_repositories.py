"""Repositories that are empty, odd, hostile or large, indexed and searched from end to end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from loccit.core.errors import RevisionNotFound
from loccit.core.source import path_text
from loccit.library import Loccit
from loccit.parsing import ParsingOptions
from loccit.settings import Settings
from loccit.sources import SourceOptions
from tests.repositories import Content, git, make_repository, write_files
from tests.unit.pipeline.homes import assert_no_rubbish, loccit_at, shard_of


def test_a_repository_without_commits_is_refused_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    """No revision, a typed error; with its first commit it is indexed."""
    make_repository(tmp_path / "project")
    loccit = loccit_at(tmp_path / "home")
    with pytest.raises(RevisionNotFound):
        loccit.index(tmp_path / "project")
    assert loccit.status() == ()
    git(tmp_path / "project", "commit", "-q", "--allow-empty", "-m", "Begin the config")
    assert loccit.index(tmp_path / "project").files.snapshot.files == 0
    assert loccit.search("config") == ()
    assert len(loccit.search("config", history=True)) == 1


def test_files_that_are_all_binary_make_an_index_of_nothing(tmp_path: Path) -> None:
    """Zero documents: searched, compacted and indexed again without complaint."""
    files: dict[str, Content] = {
        f"image{n}.png": b"\x89PNG\r\n\x1a\n\x00\x00" + bytes([n]) * 99 for n in range(3)
    }
    make_repository(tmp_path / "project", [{"files": files}])
    loccit = loccit_at(tmp_path / "home")
    report = loccit.index(tmp_path / "project", history=False).files
    assert report.snapshot.skipped == {"binary": 3}
    assert loccit.search("image1.png config") == ()
    loccit.gc()
    assert loccit.index(tmp_path / "project", history=False).files.parsed == 0
    assert_no_rubbish(tmp_path / "home")


@pytest.mark.parametrize("content", ["x", "def only_config():\n    pass\n", "config\n" * 3])
def test_a_repository_of_one_file_is_found(tmp_path: Path, content: str) -> None:
    """Statistics over one file, or one character, divide by nothing."""
    make_repository(tmp_path / "project", [{"files": {"config.py": content}}])
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "project")
    hits = loccit.search("config.py x")
    assert {hit.place.path for hit in hits} <= {"config.py"}
    assert all(0 < hit.score < 10 for hit in hits)
    assert hits or content == "x"


def test_a_sha256_repository_is_indexed_with_its_history(tmp_path: Path) -> None:
    """Object ids of 64 digits, in files and commits."""
    (head,) = make_repository(
        tmp_path / "project", [{"files": {"a.py": "def load_config():\n    pass\n"}}], object_format="sha256"
    )
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "project")
    (hit,) = loccit.search("load_config")
    assert (len(hit.place.object_id), hit.place.commit) == (64, head)
    assert loccit.read(hit) == b"def load_config():\n    pass\n"
    (commit,) = loccit.search("commit", history=True)
    assert commit.place.object_id == head


def test_paths_of_any_bytes_are_found_and_come_back_as_they_are(tmp_path: Path) -> None:
    """New lines, tabs, quotes, bytes that are no UTF-8, spaces at the ends, names of only dots."""
    odd = [
        b"new\nline.py",
        b"tab\there.py",
        b'"quoted".py',
        b"bad\xff\xfebytes.py",
        b" spaces .py",
        b"....",
        b"-x.py",
    ]
    files: dict[str, Content] = {
        path_text(path): f"def config_{n}():\n    return {n}\n" for n, path in enumerate(odd)
    }
    make_repository(tmp_path / "project", [{"files": files}], bare=True)
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "project")
    hits = loccit_at(tmp_path / "home").search("config", limit=50)
    assert {hit.place.path for hit in hits} == set(files)
    assert all(loccit.read(hit) == str(files[hit.place.path]).encode() for hit in hits)
    (named,) = loccit.search("config_3", paths=["bad*bytes.py"])
    assert named.place.path == path_text(b"bad\xff\xfebytes.py")


def test_folders_a_thousand_deep_are_indexed(tmp_path: Path) -> None:
    """Deeper than a stack of calls would go."""
    deep = "/".join(f"d{n}" for n in range(1200)) + "/config.py"
    make_repository(tmp_path / "project", [{"files": {deep: "def deep_config():\n    pass\n"}}], bare=True)
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "project")
    assert [hit.place.path for hit in loccit.search("deep_config")] == [deep]


def test_loops_of_links_are_listed_and_not_followed(tmp_path: Path) -> None:
    """Links to themselves, to each other and to a folder above: in git and in a plain folder."""
    links = {"self": "self", "a": "b", "b": "a", "sub/up": "..", "out": "/etc/passwd"}
    make_repository(tmp_path / "project", [{"files": {"sub/config.py": "config = 1\n"}, "symlinks": links}])
    write_files(tmp_path / "plain", {"sub/config.py": "config = 1\n"})
    for name, target in links.items():
        (tmp_path / "plain" / name).symlink_to(target)
    for name in ("project", "plain"):
        loccit = loccit_at(tmp_path / f"home-{name}")
        report = loccit.index(tmp_path / name).files.snapshot
        assert (report.files, report.skipped) == (1, {"symlink": 5})
        assert [hit.place.path for hit in loccit.search("config")] == ["sub/config.py"]


def test_one_file_of_very_many_chunks_is_found_to_its_end(tmp_path: Path) -> None:
    """Seventy-two thousand chunks, more than several files share a segment for: the last line is found where
    it stands.
    """
    lines = "".join(f"value {n} {'-' * 60}"[:63] + "\n" for n in range(72_000))
    make_repository(
        tmp_path / "project", [{"files": {"big.txt": lines + "needle_config\n", "a.txt": "config\n"}}]
    )
    settings = Settings(
        home=tmp_path / "home",
        sources=SourceOptions(max_file_bytes=6_000_000),
        parsing=ParsingOptions(max_chunk_bytes=64, min_chunk_bytes=0, whole_class_bytes=0),
    )
    loccit = Loccit(settings=settings)
    loccit.index(tmp_path / "project", history=False)
    sizes = [len(segment) for segment in shard_of(tmp_path / "home").segments("files")]
    assert max(sizes) > 72_000
    hit = loccit.search("needle_config")[0]
    assert loccit.read(hit) == b"needle_config\n"
    assert loccit.search("value 65999")[0].place.start_line == 66_000


def test_two_thousand_files_in_one_folder_cost_little_more_than_their_parsing(tmp_path: Path) -> None:
    """In git and in a plain folder; another run at the same commit takes a moment."""
    files: dict[str, Content] = {f"pkg/config_{n}.txt": f"value {n}\n" for n in range(2000)}
    make_repository(tmp_path / "project", [{"files": files}], bare=True)
    write_files(tmp_path / "plain", files)
    loccit = loccit_at(tmp_path / "home")
    report = loccit.index(tmp_path / "project", history=False).files
    assert report.parsed == 2000
    started = time.process_time()
    assert loccit.index(tmp_path / "plain").files.parsed == 0
    assert loccit.index(tmp_path / "project", history=False).files.parsed == 0
    assert time.process_time() - started < 3
    assert loccit.search("config_1711", repos=["project"])[0].place.path == "pkg/config_1711.txt"
