"""A plain folder is read as git would read it, under the tree id that git would give it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import (
    InputError,
    LimitExceeded,
    NotARepository,
    ObjectMissing,
    RevisionNotFound,
    SourceUnreadable,
)
from loccit.core.source import FileMode, SkippedFile, SkipReason, path_bytes
from loccit.sources import Repository, SourceOptions, open_reader, open_repository
from loccit.sources.files import hash_below, read_below
from loccit.sources.folder_walk import opened_folder
from loccit.sources.stat_cache import StatCache
from tests.repositories import git, make_repository, write_files

Open = Callable[..., Repository]


def tree_by_git(folder: Path, scratch: Path) -> str:
    """What `git init && git add --all && git write-tree` gives, without writing in the folder."""
    scratch.mkdir(parents=True)
    git(scratch, "init", "-q", "--bare", "--template=", ".")
    environment = {"GIT_DIR": str(scratch), "GIT_WORK_TREE": str(folder)}
    git(
        folder,
        "-c",
        "core.bare=false",
        "-c",
        "advice.addEmbeddedRepo=false",
        "add",
        "--all",
        environment=environment,
    )
    return git(folder, "write-tree", environment=environment)


def test_a_folder_has_the_tree_id_that_git_would_give_it(tmp_path: Path, open_at: Open) -> None:
    """Executables, symlinks, nested folders, ignore files and nested repositories count as they do for git.
    Executables, symlinks, nested folders, ignore files and nested repositories count as they do for git.
    """
    folder = tmp_path / "folder"
    write_files(
        folder,
        {
            "a.py": "x\n",
            "a/b.py": "y\n",
            "a-b": "z",
            "run": "#!/bin/sh\n",
            "empty": "",
            ".gitignore": "*.log\n!keep.log\nbuild/\n/top\n",
            "x.log": "x",
            "keep.log": "x",
            "build/out": "x",
            "deep/build/out": "x",
            "deep/top": "x",
            "top": "x",
            "deep/.gitignore": "!x.log\nq\n",
            "deep/x.log": "x",
            "deep/q": "q",
            "dos.txt": "a\r\nb\r\n",
            ".github/w.yml": "on: push\n",
        },
    )
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("a.py")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "to-folder").symlink_to("deep")
    (folder / "hollow" / "er").mkdir(parents=True)
    os.mkfifo(folder / "fifo")
    (commit,) = make_repository(folder / "nested", [{"files": {"in": "x"}}])
    snapshot = open_at(folder).snapshot()
    assert snapshot.tree == tree_by_git(folder, tmp_path / "scratch")
    assert snapshot.commit is None
    assert snapshot.committed_at is None
    assert commit in git(tmp_path / "scratch", "ls-tree", snapshot.tree)
    listed = [entry.path for entry in snapshot.entries]
    assert "deep/x.log" in listed
    assert "keep.log" in listed
    assert not {"x.log", "build/out", "top", "deep/q", "nested/in"}.intersection(listed)
    assert {file.path: file.reason for file in snapshot.skipped} == {
        "dangling": SkipReason.SYMLINK,
        "empty": SkipReason.EMPTY,
        "link": SkipReason.SYMLINK,
        "nested": SkipReason.SUBMODULE,
        "to-folder": SkipReason.SYMLINK,
    }


NAMES = st.text("ab.-*[] é\n", min_size=1, max_size=4).filter(
    lambda name: name not in {".", ".."} and not name.endswith(".git")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PATTERNS = st.one_of(
    st.text("ab.*?/[]!\\-^ é#", min_size=1, max_size=7),
    st.sampled_from(
        [
            "*",
            "!*/",
            "**",
            "a/**",
            "**/a",
            "a/**/b",
            "[!a]",
            "[a-b]*",
            "*.a",
            "!a",
            "/a",
            "a/",
            "?",
            "[[:alpha:]]",
        ]
    ),
)
IGNORES = st.lists(PATTERNS, max_size=5).map("\n".join)


@settings(max_examples=150)
@given(
    files=st.dictionaries(PATHS, st.tuples(st.binary(max_size=20), st.booleans()), max_size=8),
    ignores=st.dictionaries(st.sampled_from(["", "a/", "b/", "a/b/"]), IGNORES, max_size=3),
)
def test_the_tree_id_is_gits_for_any_files_and_ignore_rules(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, bool]], ignores: dict[str, str]
) -> None:
    """Whatever the names, contents and patterns."""
    tmp_path = tmp_path_factory.mktemp("any")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, (content, is_executable) in files.items():
        if (
            not any((folder / above).is_file() for above in Path(name).parents)
            and not (folder / name).is_dir()
        ):
            write_files(folder, {name: content})
            (folder / name).chmod(0o755 if is_executable else 0o644)
    for place, text in ignores.items():
        if (folder / place).is_dir():
            write_files(folder, {f"{place}.gitignore": text})
    snapshot = open_repository(str(folder), home=tmp_path / "home").snapshot()
    assert snapshot.tree == tree_by_git(folder, tmp_path / "scratch")


def test_a_second_snapshot_reads_only_what_changed(
    tmp_path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that look untouched are not opened again; changed, new and removed ones are noticed."""
    folder = tmp_path / "folder"
    write_files(folder, {f"{n}.py": f"{n}\n" for n in range(20)})
    time.sleep(0.05)
    first = open_at(folder).snapshot()
    opened: list[str] = []
    sys.addaudithook(
        lambda event, args: opened.append(os.fsdecode(args[0])) if event == "open" and opening else None
    )
    opening = True
    again = open_at(folder).snapshot()
    opening = False
    assert again == first
    assert not [name for name in opened if name.endswith(".py")]
    write_files(folder, {"3.py": "changed\n", "new.py": "n\n", "4.py": None})
    third = open_at(folder).snapshot()
    assert third.tree == tree_by_git(folder, tmp_path / "scratch")
    assert third.tree != first.tree


def test_a_change_that_keeps_size_and_time_is_noticed(tmp_path: Path, open_at: Open) -> None:
    """Setting the old time back does not hide new content: the time of the change itself cannot be set."""
    folder = tmp_path / "folder"
    write_files(folder, {"a": "one\n"})
    time.sleep(0.05)
    first = open_at(folder).snapshot()
    status = (folder / "a").stat()
    (folder / "a").write_text("two\n")
    os.utime(folder / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert open_at(folder).snapshot().tree != first.tree


def test_a_file_changed_right_after_it_was_read_is_noticed(tmp_path: Path, open_at: Open) -> None:
    """Even within one tick of the file system's clock."""
    folder = tmp_path / "folder"
    seen: set[str] = set()
    for number in range(50):
        write_files(folder, {"a": f"{number:03}"})
        seen.add(open_at(folder).snapshot().tree)
    assert len(seen) == 50


def test_a_file_too_young_to_trust_is_not_remembered(tmp_path: Path) -> None:
    """Within one tick of the clock a second change would not show; a coarse clock has long ticks."""
    (tmp_path / "a").write_text("one\n")
    status = (tmp_path / "a").stat()
    youngest = max(status.st_mtime_ns, status.st_ctime_ns)
    for later_ns, is_remembered in ((0, False), (1_000_000, False), (3_000_000_000, True)):
        cache = StatCache(tmp_path / "cache.json")
        cache.remember("a", status, "1" * 40, hashed_at_ns=youngest + later_ns)
        cache.save()
        assert (StatCache(tmp_path / "cache.json").blob("a", status) is not None) is is_remembered


def test_spellings_of_the_git_folder_are_left_out(tmp_path: Path, open_at: Open) -> None:
    """An empty `.git` makes no repository; other spellings git refuses to hold at all."""
    folder = tmp_path / "folder"
    write_files(folder, {"a": "x\n", "odd/b": "x\n"})
    (folder / "odd" / ".git").mkdir()
    tree = tree_by_git(folder, tmp_path / "scratch")
    write_files(folder, {"odd/.GIT/config": "x\n", ".Git": "x\n"})
    snapshot = open_at(folder).snapshot()
    assert snapshot.tree == tree
    assert [entry.path for entry in snapshot.entries] == ["a", "odd/b"]


def test_reading_never_waits_at_a_fifo_and_never_follows_a_symlink(tmp_path: Path) -> None:
    """Also when a file is exchanged for one between looking and opening."""
    write_files(tmp_path, {"a": "x\n"})
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("a")
    with opened_folder(tmp_path) as root:
        assert read_below(root, b"a", limit=100) == b"x\n"
        for name in (b"fifo", b"link", b"."):
            with pytest.raises(OSError):
                read_below(root, name, limit=100)
            with pytest.raises(OSError):
                hash_below(root, name, id_length=40)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"format":1}', b'{"format":9,"files":{},"equal":[]}', b"\xff"]
)
def test_a_damaged_cache_costs_time_only(tmp_path: Path, open_at: Open, home: Path, damage: bytes) -> None:
    """It is made anew."""
    write_files(tmp_path / "folder", {"a": "x"})
    time.sleep(0.05)
    repository = open_at(tmp_path / "folder")
    first = repository.snapshot()
    cache = home / "repositories" / repository.key / "folder.json"
    cache.write_bytes(damage)
    assert open_at(tmp_path / "folder").snapshot() == first


def test_files_trees_and_symlinks_are_read_by_id(tmp_path: Path, open_at: Open) -> None:
    """From the root tree down to the blob, as verification walks."""
    write_files(tmp_path / "folder", {"a/b.py": "hello\n"})
    (tmp_path / "folder" / "link").symlink_to("a/b.py")
    repository = open_at(tmp_path / "folder")
    snapshot = repository.snapshot()
    with repository.reader() as reader:
        root = reader.read(snapshot.tree)
        inner = root.data.partition(b"40000 a\0")[2][:20].hex()
        link = root.data.partition(b"120000 link\0")[2][:20].hex()
        assert root.kind == "tree"
        assert reader.read(inner).data.startswith(b"100644 b.py\0")
        assert reader.read(link).data == b"a/b.py"
        assert list(reader.read_many([snapshot.entries[0].blob])) == [(snapshot.entries[0].blob, b"hello\n")]
        with pytest.raises(ObjectMissing):
            reader.read("0" * 40)
    with open_reader(repository.reader_spec()) as reader:
        assert reader.read(snapshot.tree) == root
        assert reader.read(snapshot.entries[0].blob).data == b"hello\n"


def test_a_file_that_changed_since_is_not_handed_out(tmp_path: Path, open_at: Open) -> None:
    """SourceUnreadable for new content, for a file that is gone, and for one that became something else."""
    folder = tmp_path / "folder"
    write_files(folder, {"a": "one\n"})
    repository = open_at(folder)
    (entry,) = repository.snapshot().entries
    with repository.reader() as reader:
        for change in (
            lambda: write_files(folder, {"a": "two\n"}),
            (folder / "a").unlink,
            (folder / "a").mkdir,
        ):
            change()
            with pytest.raises(SourceUnreadable, match="folder"):
                reader.read(entry.blob)


def test_a_table_that_is_gone_says_what_to_do(tmp_path: Path, open_at: Open, home: Path) -> None:
    """Workers whose list of files was cleared away ask for a new index."""
    write_files(tmp_path / "folder", {"a": "x"})
    repository = open_at(tmp_path / "folder")
    spec = repository.reader_spec()
    for table in (home / "repositories" / repository.key / "tables").iterdir():
        table.unlink()
    with pytest.raises(SourceUnreadable, match="index the folder again"):
        open_reader(spec)


def test_an_object_over_the_limit_is_never_loaded(tmp_path: Path, open_at: Open) -> None:
    """LimitExceeded names both sizes."""
    write_files(tmp_path / "folder", {"a": b"x" * 2000})
    repository = open_at(tmp_path / "folder", max_object_bytes=1000)
    with repository.reader() as reader, pytest.raises(LimitExceeded, match="1,000"):
        reader.read(repository.snapshot().entries[0].blob)


def test_ignored_by_loccit_is_listed_and_part_of_the_tree(tmp_path: Path, open_at: Open) -> None:
    """`.loccitignore` hides from search, not from git: the tree id stays git's."""
    write_files(tmp_path / "folder", {"a.py": "x", "gen/b.py": "x", ".loccitignore": "gen/\n"})
    snapshot = open_at(tmp_path / "folder").snapshot()
    assert [entry.path for entry in snapshot.entries] == [".loccitignore", "a.py"]
    assert snapshot.skipped == (SkippedFile("gen/b.py", SkipReason.IGNORED),)
    assert snapshot.tree == tree_by_git(tmp_path / "folder", tmp_path / "scratch")


def test_a_nested_repository_without_commits_is_listed_and_not_entered(tmp_path: Path, open_at: Open) -> None:
    """git would refuse to add it; it has no place in the tree."""
    write_files(tmp_path / "folder", {"a": "x"})
    make_repository(tmp_path / "folder" / "nested")
    write_files(tmp_path / "folder" / "nested", {"secret": "x"})
    snapshot = open_at(tmp_path / "folder").snapshot()
    assert snapshot.skipped == (SkippedFile("nested", SkipReason.SUBMODULE),)
    assert [entry.path for entry in snapshot.entries] == ["a"]


def test_folders_two_thousand_deep_are_read(tmp_path: Path, open_at: Open) -> None:
    """Without recursion, and past the length of path that the kernel takes at once."""
    top = tmp_path / "folder"
    top.mkdir()
    descriptor = os.open(top, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("deep", dir_fd=descriptor)
        inner = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    file = os.open("end.py", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
    os.write(file, b"end\n")
    os.close(file)
    os.close(descriptor)
    try:
        repository = open_at(top)
        (entry,) = repository.snapshot().entries
        assert entry.path == "deep/" * 2000 + "end.py"
        with repository.reader() as reader:
            assert reader.read(entry.blob).data == b"end\n"
    finally:
        # pytest cannot take away what is so deep.
        subprocess.run(["rm", "-rf", str(top)], check=True)


def test_a_folder_of_many_files_is_read_quickly(tmp_path: Path, open_at: Open) -> None:
    """20,000 files in one folder: far below a millisecond for each, and less again the second time."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(20_000):
        os.close(os.open(folder / f"f{number:06}", os.O_WRONLY | os.O_CREAT))
    time.sleep(0.05)
    started = time.monotonic()
    first = open_at(folder).snapshot()
    assert time.monotonic() - started < 10
    started = time.monotonic()
    assert open_at(folder).snapshot() == first
    assert time.monotonic() - started < 5
    assert len(first.skipped) == 20_000


def test_any_name_is_read(tmp_path: Path, open_at: Open) -> None:
    """Line feeds and bytes that are no UTF-8, in files and folders."""
    names = ["new\nline", 'quo"te', "back\\slash", "ü"]
    # The file systems of macOS hold names in UTF-8 only.
    names += ["inv\udcff/fi\udcfele"] if sys.platform != "darwin" else []
    write_files(tmp_path / "folder", dict.fromkeys(names, "x\n"))
    snapshot = open_at(tmp_path / "folder").snapshot()
    assert [entry.path for entry in snapshot.entries] == sorted(names, key=path_bytes)
    assert snapshot.tree == tree_by_git(tmp_path / "folder", tmp_path / "scratch")


def test_a_folder_has_one_revision(tmp_path: Path, open_at: Open) -> None:
    """Its own tree id and HEAD; anything else is RevisionNotFound."""
    write_files(tmp_path / "folder", {"a": "x"})
    repository = open_at(tmp_path / "folder")
    tree = repository.resolve()
    assert repository.resolve(tree) == repository.resolve("HEAD") == tree
    with pytest.raises(RevisionNotFound, match="plain folder"):
        repository.snapshot("main")


def test_a_folder_has_no_history_and_no_working_tree(tmp_path: Path, open_at: Open) -> None:
    """There is nothing to differ from, and nothing before."""
    write_files(tmp_path / "folder", {"a": "x"})
    repository = open_at(tmp_path / "folder")
    snapshot = repository.snapshot()
    assert not repository.is_git
    assert not repository.changed_files(snapshot)
    assert list(repository.commits(snapshot.tree, ())) == []
    assert repository.ancestors(snapshot.tree) == []
    assert repository.permalink(commit=snapshot.tree, path="a", start_line=1, end_line=1) is None


def test_lines_of_a_folder_are_found(tmp_path: Path, open_at: Open) -> None:
    """Only in files of the snapshot; ignored files and other revisions are not searched."""
    write_files(
        tmp_path / "folder",
        {
            "a.py": "one\ndef two():\n",
            "b/c.py": "def three():\n",
            ".gitignore": "d.py\n",
            "d.py": "def four():\n",
        },
    )
    repository = open_at(tmp_path / "folder")
    tree = repository.resolve()
    how = {"ignore_case": False, "timeout_s": 10, "max_matches": 10}
    found = list(repository.grep("def t", commit=tree, paths=[], **how))
    assert [(match.path, match.line, match.start_byte, match.text) for match in found] == [
        ("a.py", 2, 4, b"def two():"),
        ("b/c.py", 1, 0, b"def three():"),
    ]
    assert [match.path for match in repository.grep("def", commit=tree, paths=["b"], **how)] == ["b/c.py"]
    assert list(repository.grep("four", commit=tree, paths=[], **how)) == []
    with pytest.raises(InputError):
        list(repository.grep("(", commit=tree, paths=[], **how))
    with pytest.raises(RevisionNotFound):
        list(repository.grep("def", commit="0" * 40, paths=[], **how))


def test_a_name_is_never_a_path(tmp_path: Path, home: Path) -> None:
    """The folder's own name, and for the root folder a word."""
    write_files(tmp_path / "some folder" / "src", {"a": "x"})
    assert open_repository(str(tmp_path / "some folder"), home=home).name == "some folder"
    assert open_repository(str(tmp_path / "some folder" / "src"), home=home).name == "some folder"


@pytest.mark.parametrize("place", ["", "nowhere", "a\0b", "file/below", "\ud800"])
def test_what_is_not_there_is_not_a_repository(
    tmp_path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """NotARepository names what was given and what was expected."""
    write_files(tmp_path, {"file": "x"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotARepository, match="expected a folder, https://"):
        open_at(place)


def test_symlinks_that_go_in_circles_are_an_error(tmp_path: Path, open_at: Open) -> None:
    """SourceUnreadable, not a hang."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(SourceUnreadable, match="symbolic links"):
        open_at(tmp_path / "a")


def test_a_file_of_two_gigabytes_is_listed_without_loading_it(tmp_path: Path, open_at: Open) -> None:
    """It is hashed in pieces, and skipped as too large; the file here is a sparse one."""
    folder = tmp_path / "folder"
    write_files(folder, {"a": "x"})
    with (folder / "big").open("wb") as file:
        file.truncate(200_000_000)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from loccit.sources import open_repository\n"
        "resource.setrlimit(resource.RLIMIT_AS, (180_000_000, 180_000_000))\n"
        "print(open_repository(sys.argv[1], home=Path(sys.argv[2])).snapshot().skipped[0].reason.value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "home")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "larger than the limit\n", done.stderr


def test_options_are_plain_values() -> None:
    """They can be compared, hashed and sent to another process."""
    assert SourceOptions() == SourceOptions(max_file_bytes=1_000_000)
    assert hash(SourceOptions())
    assert FileMode.REGULAR.value == "100644"
