"""What cannot be done is told: the value, what was expected, the next step, the documented exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.repositories import git

# Arguments, exit code, and what standard error must hold: the value and the next step.
BAD: list[tuple[Sequence[str], int, Sequence[str]]] = [
    (["nonsense"], 2, ["nonsense"]),
    (["ask", "--nonsense"], 2, ["--nonsense"]),
    (["verify"], 2, ["FILE"]),
    (["--show-completion", "tcsh"], 2, ["'tcsh'", "bash, zsh, fish"]),
    (["ask", ""], 2, ["empty"]),
    (["search", " \t "], 2, ["empty"]),
    (["search", "--regex", ""], 2, ["pattern"]),
    (["search", "--regex", "("], 2, ["'('"]),
    (["search", "--regex", "--history", "x"], 2, ["--history", "--regex"]),
    (["search", "--history", "--lang", "go", "x"], 2, ["--history", "--lang"]),
    (["search", "--ignore-case", "x"], 2, ["--ignore-case", "--regex"]),
    (["search", "--limit", "0", "x"], 2, ["--limit is 0", "at least 1"]),
    (["triage", "--top", "1001", "x.md"], 2, ["--top is 1001", "from 1 to 1,000"]),
    (["prove", "--cases", "0"], 2, ["--cases is 0", "from 1 to 100,000"]),
    (["prove", "--blocks", "101"], 2, ["--blocks is 101", "from 1 to 100"]),
    (["issues", "list", "--limit", "-1"], 2, ["--limit is -1", "at least 1"]),
    (["search", "--limit", "many", "x"], 2, ["--limit", "'many'", "-h"]),
    (["search", "--lang", "klingon", "x"], 2, ["'klingon'", "python, "]),
    (["search", "--path", "a\\", "x"], 2, ["'a\\\\'", ".gitignore"]),
    (["index", "--history-only", "--rebuild"], 2, ["--history-only", "--rebuild"]),
    (["index", "/nonexistent"], 5, ["'/nonexistent'", "folder, https://"]),
    (["index", "ftp://example.org/x"], 5, ["'ftp'", "https://"]),
    (["index", "ext::sh -c true"], 5, ["can run commands"]),
    (["index", "--", "-x"], 5, ["'-x'", "./"]),
    (["index", "--rev", "nothing"], 5, ["'nothing'"]),
    (["ask", "--rev", "nothing", "parcel"], 5, ["'nothing'"]),
    (["search", "--rev", "--output=x", "parcel"], 5, ["'--output=x'"]),
    (["search", "--repo", "nobody/nothing", "x"], 5, ["'nobody/nothing'"]),
    (["search", "--repo", "nothing", "x"], 6, ["'nothing'", "known: ledger", "loccit index"]),
    (["search", "--collection", "none", "x"], 6, ["'none'", "known: shop", "--collection none"]),
    (["remove", "nothing"], 6, ["'nothing'", "known: ledger"]),
    (["verify", "nothing.json"], 2, ["'nothing.json'", "No such file", "ask --json"]),
    (["verify", "src"], 2, ["'src'", "directory"]),
    (["verify", "README.md"], 2, ["loccit-answer/1", "ask --json"]),
    (["show", "nonsense"], 2, ["'nonsense'", "answer.json#1"]),
    (["show", "nothing.json#1"], 2, ["'nothing.json'", "No such file"]),
    (["show", "README.md:0"], 2, ["lines 0 to 0", "it has lines 1 to"]),
    (["show", "README.md:3-2"], 2, ["lines 3 to 2", "it has lines 1 to"]),
    (["show", "README.md:99999999"], 2, ["99999999"]),
    (["show", "missing.py:1"], 2, ["'missing.py'", "no such file"]),
    (["show", "commit", "nothing"], 5, ["'nothing'"]),
]


@pytest.mark.parametrize(("arguments", "code", "told"), BAD, ids=lambda value: str(value)[:60])
def test_what_cannot_be_done_is_told(shop, arguments, code, told) -> None:
    """The value and the next step on standard error, nothing on standard output, no traceback."""
    done = shop(*arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    for part in told:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "loccit-answer/1"),
        (b"{", "loccit-answer/1"),
        (b'{"format": "loccit-answer/2"}', "'loccit-answer/2'"),
        (b'{"format": "loccit-answer/1"}', "schema.json"),
        (b'{"format": "loccit-answer/1", "format": "loccit-answer/1"}', "repeated"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": "\x1b[31mred"}', "loccit-answer/1"),
    ],
    ids=["empty", "cut", "other format", "bare", "twice", "deep", "escape"],
)
def test_a_malformed_answer_is_told(shop, answer, told) -> None:
    """What is wrong with it; and nothing of it reaches the terminal raw."""
    done = shop("verify", "-", input=answer)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_question_that_is_too_long_is_told(shop) -> None:
    """1 MB of question: the limit that was met, with its exit code, before anything is searched."""
    for command in ("ask", "search"):
        done = shop(command, input="where is the parcel? " * 50_000)
        assert done.returncode == 7, done.stderr
        assert "1,050,000" in done.stderr
        assert "100,000" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_question_that_is_not_utf8_is_told(shop) -> None:
    """Guessing its encoding would answer another question."""
    for done in (shop("ask", input=b"where is caf\xe9?"), shop("ask", os.fsdecode(b"where is caf\xe9?"))):
        assert done.returncode == 2
        assert "UTF-8" in str(done.stderr)


def test_a_defect_shows_its_traceback_only_with_debug(shop) -> None:
    """And so do errors that are understood."""
    quiet, loud = shop("index", "/nonexistent"), shop("--debug", "index", "/nonexistent")
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
    assert "NotARepository" in loud.stderr
    assert "Traceback" not in shop("search", "--", "--debug", "parcel").stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("nonsense", "not TOML"),
        ("[rooms]", "'rooms'"),
        ("retrieval = 1", "'retrieval'"),
        ("[retrieval]\ntop_n = 10", "retrieval.top_n"),
        ("[retrieval]\ntop_k = 'ten'", "retrieval.top_k is 'ten'"),
    ],
)
def test_bad_settings_are_told(shop, tmp_path, settings, told) -> None:
    """The file, the key, exit code 2."""
    (tmp_path / "settings.toml").write_text(settings)
    done = shop("status", env={"LOCCIT_HOME": str(tmp_path)})
    assert done.returncode == 2
    assert told in done.stderr
    assert "settings.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_good_settings_count(shop, tmp_path) -> None:
    """A table names what differs from the defaults."""
    shutil.copytree(shop.home, tmp_path / "home")
    (tmp_path / "home" / "settings.toml").write_text(
        "[retrieval]\nmax_query_chars = 5\n[sources]\nallow_http = false\n"
    )
    done = shop("search", "parcels", env={"LOCCIT_HOME": str(tmp_path / "home")})
    assert done.returncode == 7
    assert "the limit is 5" in done.stderr


def test_a_home_that_cannot_be_written_is_told(shop, tmp_path) -> None:
    """A file stands where the home folder should be."""
    (tmp_path / "home").write_text("")
    for command in (["ask", "parcel"], ["doctor"]):
        done = shop(*command, env={"LOCCIT_HOME": str(tmp_path / "home")})
        assert done.returncode in (2, 6), done.stderr
        assert str(tmp_path / "home") in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_without_git_it_says_so(shop, tmp_path) -> None:
    """Nothing can be read without it."""
    done = shop("search", "parcel", env={"PATH": str(tmp_path)})
    assert done.returncode == 2, done.stderr
    assert "install git" in done.stderr
    assert "Traceback" not in done.stderr
    assert shop("doctor", env={"PATH": str(tmp_path)}).returncode == 6


def test_a_full_disk_for_the_output_is_told(shop) -> None:
    """What was not printed is not taken for a success."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as output:
        done = subprocess.run(
            [shop.run.prefix / "bin" / "loccit", "status"],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LOCCIT_HOME": str(shop.home)},
            check=False,
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_closed_streams_are_no_fault(shop) -> None:
    """As `cron` and careless scripts start programs."""
    command = [str(shop.run.prefix / "bin" / "loccit"), "status"]
    for closed in (">&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", *command],
            capture_output=True,
            text=True,
            env={**os.environ, "LOCCIT_HOME": str(shop.home)},
            check=False,
        )
        assert done.returncode == 0, (closed, done.stderr)
        assert "Traceback" not in done.stderr


# Files that cannot be indexed


def test_a_file_of_two_gigabytes_is_left_out_and_counted(new_shop) -> None:
    """It is hashed, because it is part of what the folder is, and never held in memory or searched."""
    with (new_shop.notes / "huge.txt").open("wb") as huge:
        huge.truncate(2 << 30)
    (new_shop.notes / "small.txt").write_text("The small file is found beside the huge one.\n")
    done = new_shop.json("index", new_shop.notes, timeout_s=60)
    assert done["repositories"][0]["files"] == 1
    assert done["repositories"][0]["skipped"] == {"larger than the limit": 1}


def test_a_large_blob_is_left_out_and_counted(new_shop) -> None:
    """60 MB in one blob of git."""
    with (new_shop.parcels / "dump.sql").open("wb") as dump:
        dump.truncate(60_000_000)
    git(new_shop.parcels, "-c", "core.compression=0", "add", "dump.sql")
    git(new_shop.parcels, "commit", "-m", "Add the dump")
    done = new_shop.json("index", "--no-history")
    assert done["repositories"][0]["skipped"] == {"larger than the limit": 1}
    told = new_shop("show", "dump.sql:1").stderr
    assert "'dump.sql'" in told
    assert "larger than the limit" in told


def test_a_corrupt_object_is_counted_and_the_rest_is_searched(new_shop) -> None:
    """A blob whose bytes do not have its id is never taken for content."""
    blob = git(new_shop.parcels, "rev-parse", "HEAD:src/parcels/weigh.py")
    stored = new_shop.parcels / ".git" / "objects" / blob[:2] / blob[2:]
    for pack in (new_shop.parcels / ".git" / "objects" / "pack").glob("*.pack"):
        moved = new_shop.parcels / pack.name
        pack.rename(moved)
        git(new_shop.parcels, "unpack-objects", "-q", stdin=moved.read_bytes())
    other = git(new_shop.parcels, "rev-parse", "HEAD:README.md")
    stored.chmod(0o644)
    stored.write_bytes((stored.parent.parent / other[:2] / other[2:]).read_bytes())
    done = new_shop("index")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 5), done.stderr
    if done.returncode == 0:
        assert new_shop("search", "compute_postage").returncode == 0
        assert new_shop("search", "weigh_parcel gross_grams", "--path", "weigh.py").returncode == 1
    else:
        assert blob in done.stderr


# What is closed to this user


def test_a_folder_that_may_not_be_read_is_told(new_shop, unprivileged) -> None:
    """It is not taken for one that is empty."""
    new_shop.notes.chmod(0)
    done = new_shop("index", new_shop.notes, before=unprivileged)
    new_shop.notes.chmod(0o755)
    assert done.returncode == 5, done.stderr
    assert f"{str(new_shop.notes)!r}" in done.stderr
    assert "ermission" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_may_not_be_read_is_left_out_and_counted(new_shop, unprivileged) -> None:
    """The others are searched."""
    (new_shop.notes / "open.txt").write_text("Everybody reads this sentence about walruses.\n")
    (new_shop.notes / "closed.txt").write_text("Nobody reads this.\n")
    (new_shop.notes / "closed.txt").chmod(0)
    done = new_shop("index", new_shop.notes, before=unprivileged)
    assert done.returncode == 0, done.stderr
    assert "1 unreadable" in done.stdout
    found = new_shop("search", "walruses", "--repo", "notes", before=unprivileged)
    assert found.returncode == 0, found.stderr


def test_a_repository_that_may_not_be_read_is_told(new_shop, unprivileged) -> None:
    """Its objects are closed to this user."""
    objects = new_shop.parcels / ".git" / "objects"
    objects.chmod(0)
    done = new_shop("index", before=unprivileged)
    objects.chmod(0o755)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_may_not_be_written_is_told(new_shop, unprivileged, tmp_path) -> None:
    """Which folder, and that another one can be chosen."""
    (tmp_path / "home").mkdir(mode=0o555)
    for command in (["index"], ["ask", "parcel"]):
        done = new_shop(*command, before=unprivileged)
        assert done.returncode == 6, done.stderr
        assert str(tmp_path / "home") in done.stderr
        assert "Traceback" not in done.stderr
    assert new_shop("doctor", before=unprivileged).returncode == 6


def test_an_unreadable_answer_is_told(new_shop, unprivileged, tmp_path) -> None:
    """The file and the reason."""
    (tmp_path / "answer.json").write_text("{}")
    (tmp_path / "answer.json").chmod(0)
    done = new_shop("verify", tmp_path / "answer.json", before=unprivileged)
    assert done.returncode == 2
    assert "ermission denied" in done.stderr
