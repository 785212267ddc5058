"""Indexing costs what changed: a file is parsed once, whatever commits, branches and repositories hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.source import FileRole
from loccit.library import Loccit
from loccit.parsing import ParsingOptions
from loccit.settings import Settings
from tests.repositories import Commit, add_commits, git, make_repository, write_files
from tests.unit.pipeline.homes import found, loccit_at, shard_of

FILES = {f"src/f{n}.py": f"def parse_{n}(config):\n    return config[{n}]\n" for n in range(30)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_repository(tmp_path / "project", [{"files": FILES}])
    return tmp_path / "project"


def test_only_the_changed_files_of_a_commit_are_parsed(project: Path, tmp_path: Path) -> None:
    """Three changed of thirty: three parsed; renamed, copied and deleted files and changed modes cost
    nothing.
    """
    loccit = loccit_at(tmp_path / "home")
    first = loccit.index(project).files
    assert (first.parsed, first.reused) == (30, 0)
    changed = {f"src/f{n}.py": f"def other_{n}():\n    pass\n" for n in (1, 5, 9)}
    add_commits(project, [{"files": changed}], first=1)
    second = loccit.index(project).files
    assert (second.parsed, second.reused) == (3, 27)
    moved: Commit = {"files": {"src/f2.py": None, "lib/g2.py": FILES["src/f2.py"], "src/f3.py": None}}
    moved["files"] = {**moved["files"], "lib/copy.py": FILES["src/f4.py"], "src/f6.py": FILES["src/f6.py"]}
    moved["executables"] = ["src/f6.py"]
    add_commits(project, [moved], first=2)
    assert loccit.index(project).files.parsed == 0
    assert loccit.index(project, rev="HEAD~2").files.parsed == 0
    assert loccit.index(project).files.parsed == 0


def test_a_second_run_at_the_same_commit_writes_no_segment(project: Path, tmp_path: Path) -> None:
    """What is indexed already is not written again."""
    loccit = loccit_at(tmp_path / "home")
    loccit.index(project)
    before = shard_of(tmp_path / "home").manifest().segments
    loccit.index(project)
    assert shard_of(tmp_path / "home").manifest().segments == before


def test_a_blob_of_another_repository_is_not_parsed_again(project: Path, tmp_path: Path) -> None:
    """A clone, a bare clone and a plain folder with the same files cost no parsing, in one home."""
    loccit = loccit_at(tmp_path / "home")
    loccit.index(project)
    git(tmp_path, "clone", "-q", str(project), "clone")
    git(tmp_path, "clone", "-q", "--bare", str(project), "bare.git")
    write_files(tmp_path / "plain", FILES)
    for name in ("clone", "bare.git", "plain"):
        assert loccit.index(tmp_path / name).files.parsed == 0


def test_the_same_bytes_in_another_language_are_another_file(tmp_path: Path) -> None:
    """A blob is parsed once for each language that its names say."""
    make_repository(
        tmp_path / "project", [{"files": {"a.py": "x = 1\n", "b.txt": "x = 1\n", "c.py": "x = 1\n"}}]
    )
    report = loccit_at(tmp_path / "home").index(tmp_path / "project").files
    assert report.parsed == 2
    assert report.snapshot.files == 3


def test_other_options_of_the_parser_parse_again(project: Path, tmp_path: Path) -> None:
    """What was cut by other options is not taken for what these give, and stays for who comes back."""
    loccit_at(tmp_path / "home").index(project)
    settings = Settings(home=tmp_path / "home", parsing=ParsingOptions(max_chunk_bytes=700))
    assert Loccit(settings=settings).index(project).files.parsed == 30
    assert loccit_at(tmp_path / "home").index(project).files.parsed == 0


def test_history_reads_new_commits_only(project: Path, tmp_path: Path) -> None:
    """After two new commits, two are read."""
    loccit = loccit_at(tmp_path / "home")
    loccit.index(project)
    add_commits(project, [{"files": {"x.py": "x = 1\n"}}, {"files": {"y.py": "y = 1\n"}}], first=1)
    report = loccit.index(project)
    assert report.history is not None
    assert (report.history.parsed, report.history.reused) == (2, 1)


def test_what_is_lost_from_the_cache_under_way_is_parsed_again(project: Path, tmp_path: Path) -> None:
    """Records that another process threw away, or that are damaged, are made anew: the snapshot is whole."""
    loccit = loccit_at(tmp_path / "home")
    loccit.index(project)
    expected = found(loccit)
    git(tmp_path, "clone", "-q", str(project), "clone")
    with loccit._system.blob_cache() as cache:
        connection = cache._connection
        keys = [row[0] for row in connection.execute("SELECT key FROM records ORDER BY key")]
        connection.execute("DELETE FROM records WHERE key = ?", (keys[0],))
        connection.execute("UPDATE records SET record = substr(record, 1, 40) WHERE key = ?", (keys[1],))
        connection.execute("UPDATE records SET record = 'text' WHERE key = ?", (keys[2],))
    assert loccit.index(tmp_path / "clone").files.parsed == 3
    other = found(loccit, repos=["clone"])
    assert [[h.score for h in hits] for hits in other] == [[h.score for h in hits] for hits in expected]
    loccit.index(project, rebuild=True)
    assert found(loccit, repos=["project"]) == expected


def test_files_left_out_are_counted_by_reason(tmp_path: Path) -> None:
    """Binary, empty and generated files: each counted once, whether the path or the bytes tell."""
    make_repository(
        tmp_path / "project",
        [
            {
                "files": {
                    "a.py": "def a():\n    pass\n",
                    "copy/a.bin": b"\x00\x01\x02" * 50,
                    "a.bin": b"\x00\x01\x02" * 50,
                    "empty.py": "",
                    "x_pb2.py": "# Generated by the protocol buffer compiler.  DO NOT EDIT!\nx = 1\n",
                    "made.py": "# Code generated by a tool. DO NOT EDIT.\nx = 1\n",
                    "vendor/lib.js": "function f() {}\n",
                },
                "symlinks": {"link": "a.py"},
            }
        ],
    )
    loccit = loccit_at(tmp_path / "home")
    skipped = loccit.index(tmp_path / "project").files.snapshot.skipped
    assert skipped == {"binary": 2, "empty": 1, "generated": 2, "symlink": 1, str(FileRole.VENDORED): 1}
    assert loccit.index(tmp_path / "project").files.snapshot.skipped == skipped


def test_the_estimate_is_of_what_is_not_parsed_yet(project: Path, tmp_path: Path) -> None:
    """All files before, none after."""
    loccit = loccit_at(tmp_path / "home")
    before = loccit.estimate(project)
    assert (before.files, before.text_bytes) == (30, sum(len(text) for text in FILES.values()))
    loccit.index(project)
    after = loccit.estimate(project)
    assert (after.files, after.text_bytes) == (0, 0)
    assert after.seconds < before.seconds


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    """Enough bytes for two parsing processes: the same hits, in the same order."""
    body = "def parse_{0}(config):\n    '''Reads value {0}.'''\n    return config[{0}] + {1}\n\n\n"
    files = {
        f"src/f{n}.py": "".join(body.format(n * 1000 + k, "value + " * 40 + "1") for k in range(130))
        for n in range(60)
    }
    make_repository(tmp_path / "project", [{"files": files}])
    results: list[object] = []
    for workers in (1, 2):
        settings = Settings(home=tmp_path / f"home{workers}")
        options = type(settings.indexing)(workers=workers)
        loccit = Loccit(settings=Settings(home=settings.home, indexing=options))
        assert loccit.index(tmp_path / "project", history=False).files.parsed == 60
        results.append(found(loccit))
    assert results[0] == results[1]
    assert any(results[0])
