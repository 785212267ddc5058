"""Local repositories are read in place: any kind of them, at any revision."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from loccit.core.errors import (
    NotARepository,
    ObjectCorrupt,
    ObjectMissing,
    RevisionNotFound,
    SourceUnreadable,
    UnsafeSource,
)
from loccit.core.source import FileMode, FileRole, SkippedFile, SkipReason, path_bytes
from loccit.sources import Repository, open_reader, open_repository
from tests.repositories import FIRST_COMMIT_TIME, add_commits, git, make_repository, write_files

Open = Callable[..., Repository]
HELLO = "hello\n"
HELLO_BLOB = "ce013625030ba8dba906f756967f9e9ca394464a"


def paths(repository: Repository, rev: str | None = None) -> list[str]:
    return [entry.path for entry in repository.snapshot(rev).entries]


def test_a_snapshot_lists_the_files_of_head_sorted_by_bytes(tmp_path: Path, open_at: Open) -> None:
    """The same paths, blobs, sizes and modes as `git ls-tree`, with commit, tree and the committer's time."""
    files = {"b.py": "x = 1\n", "a/z.py": HELLO, "a.py": "y\n", "run": "#!/bin/sh\n"}
    (commit,) = make_repository(tmp_path / "r", [{"files": files, "executables": ["run"]}])
    snapshot = open_at(tmp_path / "r").snapshot()
    assert [entry.path for entry in snapshot.entries] == ["a.py", "a/z.py", "b.py", "run"]
    assert snapshot.entries[1].blob == HELLO_BLOB
    assert snapshot.entries[1].size == 6
    assert [entry.mode for entry in snapshot.entries][2:] == [FileMode.REGULAR, FileMode.EXECUTABLE]
    assert snapshot.commit == commit
    assert snapshot.tree == git(tmp_path / "r", "rev-parse", "HEAD^{tree}")
    assert snapshot.committed_at == FIRST_COMMIT_TIME
    assert not snapshot.is_shallow


def test_any_path_in_a_work_tree_finds_its_top(tmp_path: Path, open_at: Open) -> None:
    """The top, a folder, a file, the git folder and a symlink to them all open one repository."""
    make_repository(tmp_path / "r", [{"files": {"a/b/c.py": HELLO}}])
    (tmp_path / "link").symlink_to("r/a")
    found = [open_at(tmp_path / place) for place in ("r", "r/a/b", "r/a/b/c.py", "r/.git", "link")]
    assert {(each.key, each.location, each.name) for each in found} == {
        (found[0].key, str((tmp_path / "r").resolve()), "r")
    }
    assert len(found[0].key) == 16
    assert found[0].is_git


def test_a_bare_repository_without_configuration_can_be_read(tmp_path: Path, open_at: Open) -> None:
    """HEAD, objects, packed-refs and an empty refs folder are enough; the folder above names it."""
    make_repository(tmp_path / "owner+thing" / "repo", [{"files": {"a.py": HELLO}}], bare=True)
    bare = tmp_path / "owner+thing" / "repo"
    git(bare, "pack-refs", "--all")
    (bare / "config").unlink()
    repository = open_at(bare)
    assert repository.name == "owner+thing"
    assert paths(repository) == ["a.py"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/pallets/flask.git", "github.com/pallets/flask"),
        ("https://someone:secret@GitHub.com/pallets/flask", "github.com/pallets/flask"),
        ("git@github.com:pallets/flask.git", "github.com/pallets/flask"),
        ("ssh://git@gitlab.com:22/group/sub/thing.git/", "gitlab.com/group/sub/thing"),
        ("/srv/git/thing.git", "folder"),
        ("../thing", "folder"),
        ("file:///srv/thing", "folder"),
        ("https://[broken/x", "folder"),
        ("https://host/\x1b[31m/x", "host/%1B%5B31m/x"),
    ],
)
def test_the_name_comes_from_the_origin_or_the_folder(
    tmp_path: Path, open_at: Open, url: str, name: str
) -> None:
    """`host/owner/name` without credentials; never a path, never a control character."""
    make_repository(tmp_path / "folder.git", bare=True)
    git(tmp_path / "folder.git", "config", "remote.origin.url", url)
    assert open_at(tmp_path / "folder.git").name == name


def test_a_revision_is_anything_that_git_understands(tmp_path: Path, open_at: Open) -> None:
    """Branches, tags, abbreviations, ancestors, messages, reflogs and upstreams all resolve as `rev-parse`
    does.
    """
    ids = make_repository(
        tmp_path / "r", [{"files": {"a": str(n)}, "message": f"word{n} here"} for n in range(4)]
    )
    git(tmp_path / "r", "tag", "-a", "v1", "-m", "first", ids[1])
    git(tmp_path / "r", "branch", "deep/er", ids[2])
    git(tmp_path / "r", "update-ref", "refs/remotes/origin/main", ids[1])
    git(tmp_path / "r", "config", "branch.main.remote", "origin")
    git(tmp_path / "r", "config", "branch.main.merge", "refs/heads/main")
    git(tmp_path / "r", "reset", "-q", "--hard", "HEAD~1")
    repository = open_at(tmp_path / "r")
    wanted = {
        None: ids[2],
        "HEAD": ids[2],
        "main~1": ids[1],
        "v1": ids[1],
        "refs/tags/v1^{commit}": ids[1],
        "deep/er": ids[2],
        ids[3][:9]: ids[3],
        ids[0]: ids[0],
        ":/word1": ids[1],
        "HEAD^{/word0}": ids[0],
        "HEAD@{1}": ids[3],
        "@{upstream}": ids[1],
        "ORIG_HEAD": ids[3],
    }
    assert {rev: repository.resolve(rev) for rev in wanted} == wanted


@pytest.mark.parametrize(
    "rev",
    [
        "nothing",
        "HEAD~99",
        "",
        "--all",
        "-n",
        "a..b",
        "HEAD:a",
        "\0",
        "x" * 5000,
        "\ud800",
        "main\n",
        "^main",
        "HEAD^!",
    ],
)
def test_an_unknown_revision_says_so(tmp_path: Path, open_at: Open, rev: str) -> None:
    """RevisionNotFound, whatever the text is; it is never taken as an option."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    with pytest.raises(RevisionNotFound):
        open_at(tmp_path / "r").resolve(rev)


def test_a_misspelt_revision_is_answered_with_the_nearest_names(tmp_path: Path, open_at: Open) -> None:
    """The next step names branches and tags that are there."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    git(tmp_path / "r", "tag", "release-2.1")
    with pytest.raises(RevisionNotFound, match=r"no revision 'relase-2\.1'; try one of 'release-2\.1'"):
        open_at(tmp_path / "r").resolve("relase-2.1")


def test_a_repository_without_commits_says_so(tmp_path: Path, open_at: Open) -> None:
    """It opens and has a name; asking for its files is RevisionNotFound with the next step."""
    make_repository(tmp_path / "r")
    repository = open_at(tmp_path / "r")
    assert repository.name == "r"
    with pytest.raises(RevisionNotFound, match=r"has no commits.*commit something"):
        repository.snapshot()


def test_new_commits_are_seen_at_once(tmp_path: Path, open_at: Open) -> None:
    """A revision is what it names at the moment of asking, not when the repository was opened."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    repository = open_at(tmp_path / "r")
    assert repository.resolve() == ids[0]
    ids += add_commits(tmp_path / "r", [{"files": {"b": "2"}}], first=1)
    assert repository.resolve() == ids[1]
    assert repository.resolve("main") == ids[1]
    assert paths(repository) == ["a", "b"]


def test_packed_loose_symbolic_and_detached_refs_are_read(tmp_path: Path, open_at: Open) -> None:
    """A loose ref wins over a packed one, a symbolic one leads on, and HEAD may be an id."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(3)])
    folder = tmp_path / "r"
    git(folder, "branch", "old", ids[0])
    git(folder, "pack-refs", "--all")
    git(folder, "update-ref", "refs/heads/old", ids[1])
    git(folder, "symbolic-ref", "refs/heads/alias", "refs/heads/old")
    git(folder, "checkout", "-q", "--detach", ids[0])
    repository = open_at(folder)
    assert [repository.resolve(rev) for rev in ("old", "alias", "HEAD", "main")] == [
        ids[1],
        ids[1],
        ids[0],
        ids[2],
    ]


def test_malformed_refs_are_passed_over(tmp_path: Path, open_at: Open) -> None:
    """Names and contents that git would not take never reach our own git folder."""
    (commit,) = make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    heads = tmp_path / "r" / ".git" / "refs" / "heads"
    (heads / "junk").write_text("not an id\n")
    (heads / "x.lock").write_text(commit)
    (heads / "loop").write_text("ref: refs/heads/loop\n")
    (heads / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(heads / "fifo")
    (tmp_path / "r" / ".git" / "packed-refs").write_text(
        f"{commit} refs/heads/../../escape\n{commit} refs/heads/a b\n{commit} refs/heads/good\nnonsense\n"
    )
    repository = open_at(tmp_path / "r")
    assert repository.resolve("good") == commit
    for rev in ("junk", "x.lock", "loop", "passwd", "a b", "fifo"):
        with pytest.raises(RevisionNotFound):
            repository.resolve(rev)


def test_head_must_make_sense(tmp_path: Path, open_at: Open) -> None:
    """A HEAD that is neither a branch nor an id is NotARepository, naming it."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    (tmp_path / "r" / ".git" / "HEAD").write_text("../../etc/passwd\n")
    with pytest.raises(NotARepository, match="neither a branch nor a commit"):
        open_at(tmp_path / "r").resolve()


def test_a_linked_work_tree_is_a_repository_with_its_own_head(tmp_path: Path, open_at: Open) -> None:
    """Its `.git` file leads to HEAD, and from there to the shared refs and objects."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(2)])
    git(tmp_path / "r", "worktree", "add", "-q", "--detach", str(tmp_path / "w"), ids[0])
    first, second = open_at(tmp_path / "r"), open_at(tmp_path / "w")
    assert (first.resolve(), second.resolve(), second.resolve("main")) == (ids[1], ids[0], ids[1])
    assert first.key != second.key
    (tmp_path / "w" / "a").write_text("changed")
    assert second.changed_files(second.snapshot()).modified == ("a",)
    assert not first.changed_files(first.snapshot())


def test_a_submodule_checkout_is_a_repository_and_is_not_followed_from_above(
    tmp_path: Path, open_at: Open
) -> None:
    """Above it is listed as a submodule; opened itself, it is read like any other."""
    make_repository(tmp_path / "inner", [{"files": {"in.py": HELLO}}])
    make_repository(tmp_path / "outer", [{"files": {"out.py": HELLO}}])
    git(
        tmp_path / "outer",
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        str(tmp_path / "inner"),
        "sub",
    )
    git(tmp_path / "outer", "commit", "-q", "-m", "sub")
    above = open_at(tmp_path / "outer").snapshot()
    assert [entry.path for entry in above.entries] == [".gitmodules", "out.py"]
    assert above.skipped == (SkippedFile("sub", SkipReason.SUBMODULE),)
    assert paths(open_at(tmp_path / "outer" / "sub")) == ["in.py"]


def test_a_git_file_that_leads_nowhere_is_an_error(tmp_path: Path, open_at: Open) -> None:
    """As for git: the search does not go on above it."""
    write_files(tmp_path / "r", {".git": "gitdir: ../gone\n"})
    with pytest.raises(NotARepository, match="does not lead to a git directory"):
        open_at(tmp_path / "r")


def test_symlinked_git_folders_are_read(tmp_path: Path, open_at: Open) -> None:
    """`.git` may be a symlink to a git folder elsewhere."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    (tmp_path / "r" / ".git").rename(tmp_path / "elsewhere")
    (tmp_path / "r" / ".git").symlink_to("../elsewhere")
    assert paths(open_at(tmp_path / "r")) == ["a"]


# The file systems of macOS hold names in UTF-8 only.
ODD_NAMES = ['quo"te', "co:lon", "new\nline", "back\\slash", "spa ce", "-dash"]
ODD_NAMES += ["inv\udcffalid"] if sys.platform != "darwin" else []


@pytest.mark.parametrize("folder", ODD_NAMES)
def test_a_folder_may_have_any_name(tmp_path: Path, open_at: Open, folder: str) -> None:
    """Names that separate or quote elsewhere are read like others, and the repository's name can be printed.
    Names that separate or quote elsewhere are read like others, and the repository's name can be printed.
    """
    make_repository(tmp_path / folder, [{"files": {"a": HELLO}}])
    repository = open_at(tmp_path / folder)
    with repository.reader() as reader:
        assert reader.read(repository.snapshot().entries[0].blob).data == b"hello\n"
    assert repository.name.isprintable()
    repository.name.encode("utf-8")


def test_paths_may_hold_anything_but_nul(tmp_path: Path, open_at: Open) -> None:
    """Line feeds, quotes, tabs and bytes that are no UTF-8 come back as they are."""
    names = ["new\nline", 'quo"te', "ta\tb", "inv\udcff\udcfealid", "ü", "back\\slash", " lead", "-dash"]
    make_repository(tmp_path / "r", [{"files": dict.fromkeys(names, "x\n")}], bare=True)
    assert paths(open_at(tmp_path / "r")) == sorted(names, key=path_bytes)


def test_sha256_repositories_are_read(tmp_path: Path, open_at: Open) -> None:
    """Ids have 64 digits and are checked as such; history and search work alike."""
    ids = make_repository(
        tmp_path / "r", [{"files": {"a.py": "def f():\n    pass\n"}}], object_format="sha256"
    )
    repository = open_at(tmp_path / "r")
    snapshot = repository.snapshot()
    assert (snapshot.commit, len(snapshot.tree)) == (ids[0], 64)
    with repository.reader() as reader:
        assert reader.read(snapshot.entries[0].blob).data.startswith(b"def f")
    assert [record.commit for record in repository.commits(ids[0], ())] == ids
    found = list(
        repository.grep("def", commit=ids[0], paths=[], ignore_case=False, timeout_s=9, max_matches=9)
    )
    assert [match.path for match in found] == ["a.py"]
    assert not repository.changed_files(snapshot)


def test_a_shallow_clone_says_that_it_is_one(tmp_path: Path, open_at: Open) -> None:
    """`is_shallow` is set, and history ends where the clone does, without inventing what its last commit
    changed.
    """
    ids = make_repository(tmp_path / "r", [{"files": {f"f{n}": "x"}} for n in range(5)])
    git(tmp_path, "clone", "-q", "--depth=2", (tmp_path / "r").as_uri(), "shallow")
    repository = open_at(tmp_path / "shallow")
    assert repository.snapshot().is_shallow
    assert repository.ancestors(ids[4]) == [ids[4], ids[3]]
    assert [(record.commit, record.paths) for record in repository.commits(ids[4], ())] == [
        (ids[3], ()),
        (ids[4], ("f4",)),
    ]
    git(tmp_path / "shallow", "fetch", "-q", "--unshallow")
    repository.refresh(lambda *_: None)
    assert not repository.snapshot().is_shallow
    assert len(repository.ancestors(ids[4])) == 5


def test_a_partial_clone_lists_what_it_lacks(tmp_path: Path, open_at: Open) -> None:
    """Blobs that were not fetched are skipped as missing; reading one says so, and fetches nothing."""
    make_repository(tmp_path / "r", [{"files": {"a": HELLO}}])
    git(tmp_path / "r", "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", (tmp_path / "r").as_uri(), "partial")
    repository = open_at(tmp_path / "partial")
    assert repository.snapshot().skipped == (SkippedFile("a", SkipReason.MISSING),)
    with repository.reader() as reader, pytest.raises(ObjectMissing, match=HELLO_BLOB):
        reader.read(HELLO_BLOB)


def test_a_reftable_repository_is_refused_with_the_next_step(tmp_path: Path, open_at: Open) -> None:
    """Its refs are not files, and git of this age cannot read them either."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    with (tmp_path / "r" / ".git" / "config").open("a") as config:
        config.write("[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = reftable\n")
    with pytest.raises(SourceUnreadable, match=r"'reftable'.*git refs migrate"):
        open_at(tmp_path / "r")


def test_an_unknown_extension_is_refused(tmp_path: Path, open_at: Open) -> None:
    """As git does: the format may mean anything."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    with (tmp_path / "r" / ".git" / "config").open("a") as config:
        config.write("[extensions]\n\tcompactObjects = true\n")
    with pytest.raises(SourceUnreadable, match="'compactobjects'"):
        open_at(tmp_path / "r")


def test_a_damaged_configuration_names_itself(tmp_path: Path, open_at: Open) -> None:
    """What git cannot parse is SourceUnreadable, with git's own words."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    (tmp_path / "r" / ".git" / "config").write_text("[core\n")
    with pytest.raises(SourceUnreadable, match="bad config line 1"):
        open_at(tmp_path / "r")


def test_borrowed_objects_are_refused_unless_allowed(tmp_path: Path, open_at: Open) -> None:
    """A repository with alternates could show another one's objects: UnsafeSource, with the option that
    allows it.
    """
    make_repository(tmp_path / "r", [{"files": {"a": HELLO}}])
    git(tmp_path, "clone", "-q", "--shared", "r", "borrower")
    with pytest.raises(UnsafeSource, match=r"borrows objects.*sources\.follow_alternates"):
        open_at(tmp_path / "borrower")
    assert paths(open_at(tmp_path / "borrower", follow_alternates=True)) == ["a"]


def test_skipped_files_have_their_reason(tmp_path: Path, open_at: Open) -> None:
    """Symlinks, submodules, empty, ignored and big files are listed, never silently dropped."""
    make_repository(
        tmp_path / "r",
        [
            {
                "files": {
                    "big": b"x" * 101,
                    "fits": b"x" * 100,
                    "empty": "",
                    "skip/me.py": "x",
                    ".loccitignore": "skip/\n",
                },
                "symlinks": {"link": "fits"},
                "submodules": {"sub": "1" * 40},
            }
        ],
        bare=True,
    )
    snapshot = open_at(tmp_path / "r", max_file_bytes=100).snapshot()
    assert [entry.path for entry in snapshot.entries] == [".loccitignore", "fits"]
    assert {file.path: file.reason for file in snapshot.skipped} == {
        "big": SkipReason.TOO_LARGE,
        "empty": SkipReason.EMPTY,
        "link": SkipReason.SYMLINK,
        "skip/me.py": SkipReason.IGNORED,
        "sub": SkipReason.SUBMODULE,
    }


def test_rules_come_from_the_commit_and_not_from_the_work_tree(tmp_path: Path, open_at: Open) -> None:
    """Each commit is listed by its own `.loccitignore` and `.gitattributes`; `.gitignore` has no say in
    tracked files.
    """
    make_repository(
        tmp_path / "r",
        [
            {"files": {"a.py": "x", "b.py": "x", ".gitignore": "a.py\n"}},
            {"files": {".loccitignore": "a.py\n", ".gitattributes": "b.py linguist-generated\n"}},
        ],
    )
    write_files(tmp_path / "r", {".loccitignore": "*\n"})
    repository = open_at(tmp_path / "r")
    assert "a.py" not in paths(repository)
    assert "a.py" in paths(repository, "HEAD~1")
    roles = {entry.path: entry.role for entry in repository.snapshot().entries}
    assert roles["b.py"] is FileRole.GENERATED


def test_many_objects_are_read_in_order(tmp_path: Path, open_at: Open) -> None:
    """More than fit into a pipe at once, big ones among them, repeated ones too."""
    files = {f"f{n}": bytes([n % 251]) * (n * 37) for n in range(1, 800)} | {"big": os.urandom(3_000_000)}
    make_repository(tmp_path / "r", [{"files": files}], bare=True)
    repository = open_at(tmp_path / "r", max_file_bytes=10_000_000)
    entries = repository.snapshot().entries * 2
    with repository.reader() as reader:
        found = list(reader.read_many([entry.blob for entry in entries]))
    assert [blob for blob, _ in found] == [entry.blob for entry in entries]
    assert all(data == files[entry.path] for entry, (_, data) in zip(entries, found, strict=True))


def test_a_reader_survives_what_is_missing_and_callers_who_stop(tmp_path: Path, open_at: Open) -> None:
    """After an error or an early stop the next answer still belongs to the next question."""
    make_repository(tmp_path / "r", [{"files": {f"f{n}": f"{n}\n" for n in range(300)}}], bare=True)
    repository = open_at(tmp_path / "r")
    ids = [entry.blob for entry in repository.snapshot().entries]
    with repository.reader() as reader:
        with pytest.raises(ObjectMissing, match="0" * 40):
            list(reader.read_many([*ids[:5], "0" * 40, *ids[5:]]))
        for _ in reader.read_many(ids):
            break
        with pytest.raises(ObjectMissing, match="40 lower-case hex digits"):
            reader.read("HEAD")
        with pytest.raises(ObjectMissing):
            reader.read("--batch-check\n" + "0" * 26)
        assert reader.read(ids[7]).data == dict(reader.read_many(ids))[ids[7]]


def test_commits_and_trees_are_read_by_id_too(tmp_path: Path, open_at: Open) -> None:
    """Verification walks from a commit to its tree to its blobs."""
    (commit,) = make_repository(tmp_path / "r", [{"files": {"a": HELLO}}])
    repository = open_at(tmp_path / "r")
    with repository.reader() as reader:
        assert reader.read(commit).kind == "commit"
        tree = reader.read(repository.snapshot().tree)
    assert tree.kind == "tree"
    assert tree.data == b"100644 a\0" + bytes.fromhex(HELLO_BLOB)


def test_another_process_can_open_its_own_reader(tmp_path: Path, open_at: Open) -> None:
    """A reader's description can be sent to a worker."""
    make_repository(tmp_path / "r", [{"files": {"a": HELLO}}])
    spec = open_at(tmp_path / "r").reader_spec()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_read_elsewhere, spec).result() == b"hello\n"


def _read_elsewhere(spec: object) -> bytes:
    with open_reader(spec) as reader:  # pyright: ignore[reportArgumentType]
        return reader.read(HELLO_BLOB).data


def test_a_damaged_object_is_named(tmp_path: Path, open_at: Open) -> None:
    """A loose object with flipped bytes, a cut one and one that holds another's bytes are all ObjectCorrupt.
    A loose object with flipped bytes, a cut one and one that holds another's bytes are all ObjectCorrupt.
    """
    make_repository(tmp_path / "r", [{"files": {"a": HELLO, "b": "other\n"}}])
    folder = tmp_path / "r"
    other = git(folder, "rev-parse", "HEAD:b")
    objects = folder / ".git" / "objects"
    loose = objects / HELLO_BLOB[:2] / HELLO_BLOB[2:]
    whole = loose.read_bytes()
    loose.chmod(0o644)
    replacements = [
        whole[:-4] + bytes(byte ^ 255 for byte in whole[-4:]),
        whole[:8],
        b"",
        (objects / other[:2] / other[2:]).read_bytes(),
    ]
    for bad in replacements:
        loose.write_bytes(bad)
        with open_at(folder).reader() as reader:
            with pytest.raises(ObjectCorrupt, match=HELLO_BLOB):
                reader.read(HELLO_BLOB)
            assert reader.read(other).data == b"other\n"


def test_a_damaged_pack_is_noticed(tmp_path: Path, open_at: Open) -> None:
    """Bytes flipped inside a pack never come out as an object."""
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(250))
    make_repository(tmp_path / "r", [{"files": {"a": noise}}])
    git(tmp_path / "r", "repack", "-q", "-a", "-d")
    (pack,) = (tmp_path / "r" / ".git" / "objects" / "pack").glob("*.pack")
    blob = git(tmp_path / "r", "rev-parse", "HEAD:a")
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    for position in range(len(content) // 2, len(content) // 2 + 16):
        content[position] ^= 255
    pack.write_bytes(content)
    with (
        open_at(tmp_path / "r").reader() as reader,
        pytest.raises((ObjectCorrupt, ObjectMissing), match=blob),
    ):
        reader.read(blob)


def test_two_processes_may_prepare_the_same_repository_at_once(tmp_path: Path, home: Path) -> None:
    """Each sees a whole git folder of ours, whoever was first."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(3)])
    for number in range(50):
        git(tmp_path / "r", "branch", f"b{number}", ids[number % 3])
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_resolve_often, [str(tmp_path / "r")] * 4, [str(home)] * 4))
    assert found == [{ids[0]}] * 4


def _resolve_often(location: str, home: str) -> set[str]:
    return {open_repository(location, home=Path(home)).resolve("b48") for _ in range(20)}


def test_nothing_is_written_in_the_repository(tmp_path: Path, open_at: Open) -> None:
    """Names, contents and times of everything in it stay as they were."""
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": "def f(): pass\n"}}, {"files": {"b": "2"}}])
    before = _everything(tmp_path / "r")
    time.sleep(0.02)
    repository = open_at(tmp_path / "r")
    repository.refresh(lambda *_: None)
    snapshot = repository.snapshot("HEAD@{0}")
    repository.changed_files(snapshot)
    list(repository.commits(ids[1], ()))
    list(repository.grep("f", commit=ids[1], paths=[], ignore_case=False, timeout_s=9, max_matches=9))
    assert _everything(tmp_path / "r") == before


def _everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_mode, b"" if path.is_dir() else path.read_bytes())
        for path in [folder, *folder.rglob("*")]
    }


def test_a_repository_of_someone_else_is_read_all_the_same(tmp_path: Path, open_at: Open) -> None:
    """git's check of ownership guards against running what is in the configuration, and none of it is loaded.
    git's check of ownership guards against running what is in the configuration, and none of it is loaded.
    """
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    if os.geteuid() == 0:
        for path in [tmp_path / "r", *(tmp_path / "r").rglob("*")]:
            os.chown(path, 65534, 65534)
    git_says = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    with pytest.raises(AssertionError, match="dubious ownership"):
        git(tmp_path / "r", "status", environment=git_says)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        assert paths(open_at(tmp_path / "r")) == ["a"]


def test_a_permalink_leads_to_the_lines_at_the_host(tmp_path: Path, open_at: Open) -> None:
    """Only where the origin's host is known."""
    (commit,) = make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    where = {"commit": commit, "path": "a b.py", "start_line": 3, "end_line": 5}
    assert open_at(tmp_path / "r").permalink(**where) is None
    git(tmp_path / "r", "config", "remote.origin.url", "git@github.com:owner/name.git")
    expected = f"https://github.com/owner/name/blob/{commit}/a%20b.py#L3-L5"
    assert open_at(tmp_path / "r").permalink(**where) == expected
