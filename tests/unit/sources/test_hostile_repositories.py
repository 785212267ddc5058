"""Nothing of a hostile repository runs.

Each test makes a repository in which some command leaves a marker file when git runs it. Where the trap can
be sprung by an ordinary git command, the test springs it first, so that the trap is known to work.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loccit.core.errors import LoccitError, NotARepository, SourceError, UnsafeSource
from loccit.core.source import FileMode, SkippedFile, SkipReason
from loccit.sources import Repository, SourceOptions, open_repository
from tests.repositories import add_commits, git, make_repository, write_files

Open = Callable[..., Repository]
SOURCE = "def victim():\n    return 1\n"


class Trap:
    """A repository, and a command that leaves a marker."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "hostile"
        self.marker = tmp_path / "marker"
        script = tmp_path / "trap.sh"
        script.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(self.marker))}\nexit 0\n")
        script.chmod(0o755)
        self.command = str(script)
        make_repository(
            self.folder,
            [{"files": {"a.py": SOURCE, "b.txt": "one\n"}}, {"files": {"a.py": SOURCE.replace("1", "2")}}],
        )

    def configure(self, *settings: tuple[str, str]) -> None:
        for key, value in settings:
            git(self.folder, "config", key, value)

    def assert_it_works(self, *arguments: str, stdin: bytes = b"") -> None:
        """Ordinary git is caught by the trap."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PAGER": "cat",
        }
        subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            check=False,
            input=stdin,
            timeout=60,
        )
        assert self.marker.exists(), f"the trap does not work: git {arguments}"
        self.marker.unlink()


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def use_everything(repository: Repository) -> None:
    """Calls all that reads."""
    repository.refresh(lambda *_: None)
    for rev in (None, "HEAD~1", "HEAD@{0}"):
        snapshot = repository.snapshot(rev)
        with repository.reader() as reader:
            list(reader.read_many([entry.blob for entry in snapshot.entries]))
        assert snapshot.commit is not None
        list(repository.commits(snapshot.commit, ()))
        repository.ancestors(snapshot.commit)
        how = {"ignore_case": False, "timeout_s": 20, "max_matches": 100}
        list(repository.grep("victim", commit=snapshot.commit, paths=["a.py"], **how))
        repository.changed_files(snapshot)


def assert_nothing_runs(trap: Trap, open_at: Open) -> None:
    """Reading it in place and fetching it from a file:// URL leave no marker."""
    write_files(trap.folder, {"a.py": SOURCE + "# edited\n"})
    use_everything(open_at(trap.folder))
    assert not trap.marker.exists()
    mirror = open_at(trap.folder.as_uri())
    mirror.refresh(lambda *_: None)
    snapshot = mirror.snapshot()
    assert "a.py" in [entry.path for entry in snapshot.entries]
    assert not trap.marker.exists()


def test_no_fsmonitor_runs(trap: Trap, open_at: Open) -> None:
    """`core.fsmonitor` names a program that `git status` runs."""
    trap.configure(("core.fsmonitor", trap.command))
    trap.assert_it_works("status")
    assert_nothing_runs(trap, open_at)


def test_no_hook_runs(trap: Trap, open_at: Open) -> None:
    """Neither from the hooks folder nor from `core.hooksPath`."""
    hooks = "post-checkout post-index-change reference-transaction pre-auto-gc update pre-receive".split()
    for place in (trap.folder / ".git" / "hooks", trap.folder.parent / "hooks"):
        for name in hooks:
            write_files(place, {name: Path(trap.command).read_text()})
            (place / name).chmod(0o755)
    trap.assert_it_works("checkout", "-q", "HEAD")
    trap.configure(("core.hooksPath", str(trap.folder.parent / "hooks")))
    trap.assert_it_works("checkout", "-q", "HEAD")
    assert_nothing_runs(trap, open_at)


@pytest.mark.parametrize("place", ["committed", "info"])
@pytest.mark.parametrize("kind", ["clean", "smudge", "process"])
def test_no_filter_runs(trap: Trap, open_at: Open, kind: str, place: str) -> None:
    """Clean, smudge and long-running filters, named by attributes in the tree or in the git folder."""
    if place == "committed":
        add_commits(trap.folder, [{"files": {".gitattributes": "* filter=evil\n"}}], first=2)
    else:
        write_files(trap.folder, {".git/info/attributes": "* filter=evil\n"})
    trap.configure((f"filter.evil.{kind}", trap.command))
    write_files(trap.folder, {"a.py": "changed\n"})
    trap.assert_it_works(*(("checkout", "HEAD", "--", "a.py") if kind == "smudge" else ("add", "a.py")))
    assert_nothing_runs(trap, open_at)


def test_no_textconv_runs(trap: Trap, open_at: Open) -> None:
    """Diffs and searches may be told to convert files by a program first."""
    add_commits(trap.folder, [{"files": {".gitattributes": "*.py diff=evil\n*.txt diff=python\n"}}], first=2)
    trap.configure(("diff.evil.textconv", trap.command), ("diff.python.textconv", trap.command))
    trap.assert_it_works("log", "-p", "-1", "HEAD~1")
    trap.assert_it_works("grep", "--textconv", "victim", "HEAD")
    assert_nothing_runs(trap, open_at)


def test_no_external_diff_runs(trap: Trap, open_at: Open) -> None:
    """Set for all files, or for a driver that attributes name."""
    add_commits(trap.folder, [{"files": {".gitattributes": "*.py diff=evil\n"}}], first=2)
    trap.configure(("diff.external", trap.command), ("diff.evil.command", trap.command))
    trap.assert_it_works("diff", "HEAD~2")
    assert_nothing_runs(trap, open_at)


def test_the_attributes_of_a_repository_do_not_hide_its_changes(trap: Trap, open_at: Open) -> None:
    """`-diff` would silence a file's history; ours win, and a driver without a command does nothing."""
    add_commits(trap.folder, [{"files": {".gitattributes": "*.py -diff\n* text eol=crlf\n"}}], first=2)
    write_files(trap.folder, {".git/info/attributes": "*.py binary\n"})
    repository = open_at(trap.folder)
    records = list(repository.commits(repository.resolve(), ()))
    assert records[1].symbols == ("victim",)


def test_no_submodule_is_followed(trap: Trap, open_at: Open) -> None:
    """A submodule whose update command or URL would run something is listed, and that is all."""
    url = f"ext::{trap.command}"
    modules = f'[submodule "sub"]\n\tpath = sub\n\turl = {url}\n'
    add_commits(trap.folder, [{"files": {".gitmodules": modules}, "submodules": {"sub": "1" * 40}}], first=2)
    trap.configure(
        ("submodule.sub.url", url),
        ("submodule.sub.update", f"!{trap.command}"),
        ("submodule.sub.active", "true"),
        ("submodule.recurse", "true"),
        ("fetch.recurseSubmodules", "true"),
        ("protocol.allow", "always"),
    )
    trap.assert_it_works("-c", "protocol.allow=always", "submodule", "update", "--init")
    assert_nothing_runs(trap, open_at)
    assert SkippedFile("sub", SkipReason.SUBMODULE) in open_at(trap.folder).snapshot().skipped


def test_a_nested_repository_in_a_submodules_place_is_not_read(trap: Trap, open_at: Open) -> None:
    """Its configuration would be loaded by `git status` above it."""
    (commit,) = make_repository(trap.folder / "sub", [{"files": {"in": "x\n"}}])
    git(trap.folder / "sub", "config", "core.fsmonitor", trap.command)
    git(trap.folder, "update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    git(trap.folder, "commit", "-q", "-m", "sub")
    trap.assert_it_works("status")
    assert_nothing_runs(trap, open_at)


def test_a_replaced_object_is_read_as_it_is(trap: Trap, open_at: Open) -> None:
    """A replace ref makes ordinary git print another object under the same id."""
    folder = trap.folder
    blob = git(folder, "rev-parse", "HEAD:a.py")
    forged = git(folder, "hash-object", "-w", "--stdin", stdin=b"forged = True\n")
    git(folder, "replace", blob, forged)
    assert git(folder, "cat-file", "blob", blob) == "forged = True"
    for location in (folder, folder.as_uri()):
        repository = open_at(location)
        repository.refresh(lambda *_: None)
        with repository.reader() as reader:
            assert reader.read(blob).data == SOURCE.replace("1", "2").encode()
        commit = repository.resolve()
        found = repository.grep(
            "forged", commit=commit, paths=[], ignore_case=False, timeout_s=9, max_matches=9
        )
        assert list(found) == []


def test_a_packed_replace_ref_is_not_believed_either(trap: Trap, open_at: Open) -> None:
    """`refs/replace` is left out when refs are copied, however it is stored."""
    folder = trap.folder
    head, before = git(folder, "rev-parse", "HEAD"), git(folder, "rev-parse", "HEAD~1")
    git(folder, "replace", head, before)
    git(folder, "pack-refs", "--all")
    repository = open_at(folder)
    with repository.reader() as reader:
        assert b"Commit 1" in reader.read(head).data
    packed = Path(repository.reader_spec().view.git_dir) / "packed-refs"  # pyright: ignore[reportAttributeAccessIssue]
    assert b"refs/heads/main" in packed.read_bytes()
    assert b"replace" not in packed.read_bytes()


def test_a_forged_commit_graph_is_not_believed(trap: Trap, open_at: Open) -> None:
    """It may say that a commit has no parents; objects are asked instead."""
    folder = trap.folder
    git(folder, "commit-graph", "write", "--reachable")
    graph = folder / ".git" / "objects" / "info" / "commit-graph"
    content = bytearray(graph.read_bytes())
    # A row holds the tree's id, then the place of each parent: this one says that there is none.
    row = content.index(bytes.fromhex(git(folder, "rev-parse", "HEAD^{tree}")))
    content[row + 20 : row + 24] = b"\x70\0\0\0"
    graph.chmod(0o644)
    graph.write_bytes(content)
    assert git(folder, "rev-list", "--count", "HEAD") == "1"
    repository = open_at(folder)
    assert len(repository.ancestors(repository.resolve())) == 2
    assert len(list(repository.commits(repository.resolve(), ()))) == 2


def test_alternates_that_reveal_another_repository_are_refused(
    tmp_path: Path, trap: Trap, open_at: Open
) -> None:
    """In place and as a file:// URL; also where a work tree's shared folder holds them."""
    make_repository(tmp_path / "private", [{"files": {"secret": "s\n"}}])
    git(trap.folder, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    write_files(
        trap.folder, {".git/objects/info/alternates": f"{tmp_path / 'private' / '.git' / 'objects'}\n"}
    )
    for location in (trap.folder, trap.folder.as_uri(), tmp_path / "linked"):
        with pytest.raises(UnsafeSource, match=r"sources\.follow_alternates"):
            open_at(location)


def test_alternates_that_appear_later_are_refused_at_the_next_refresh(
    tmp_path: Path, trap: Trap, open_at: Open
) -> None:
    """The check is made each time that refs are taken over."""
    make_repository(tmp_path / "private", [{"files": {"secret": "s\n"}}])
    repository = open_at(trap.folder)
    repository.snapshot()
    write_files(
        trap.folder, {".git/objects/info/alternates": f"{tmp_path / 'private' / '.git' / 'objects'}\n"}
    )
    with pytest.raises(UnsafeSource):
        repository.refresh(lambda *_: None)


@pytest.mark.parametrize("key", ["include.path", "includeIf.gitdir:/**.path"])
def test_config_includes_are_not_followed(trap: Trap, open_at: Open, key: str) -> None:
    """Neither plain nor conditional ones: what they hold has no effect, not even on the name."""
    included = f'[core]\n\tfsmonitor = {trap.command}\n[remote "origin"]\n\turl = https://host.example/x/y\n'
    write_files(trap.folder.parent, {"included": included})
    trap.configure((key, str(trap.folder.parent / "included")))
    trap.assert_it_works("status")
    assert_nothing_runs(trap, open_at)
    assert open_at(trap.folder).name == "hostile"


def test_a_worktree_configuration_has_no_effect(trap: Trap, open_at: Open) -> None:
    """`config.worktree` is a second file that ordinary git loads."""
    trap.configure(("core.repositoryformatversion", "1"), ("extensions.worktreeConfig", "true"))
    git(trap.folder, "config", "--worktree", "core.fsmonitor", trap.command)
    trap.assert_it_works("status")
    assert_nothing_runs(trap, open_at)


@pytest.mark.parametrize(
    "key",
    ["core.sshCommand", "core.gitProxy", "core.askPass", "credential.helper", "core.pager", "core.editor"],
)
def test_no_command_of_the_configuration_runs(trap: Trap, open_at: Open, key: str) -> None:
    """Whichever program the repository names for whichever purpose."""
    value = f"!{trap.command}" if key == "credential.helper" else trap.command
    trap.configure((key, value), ("remote.origin.url", "ssh://git@localhost:1/x/y"), ("pager.log", "true"))
    if key == "core.sshCommand":
        trap.assert_it_works("fetch")
    if key == "core.gitProxy":
        trap.assert_it_works("fetch", "git://localhost:1/x")
    if key == "credential.helper":
        trap.assert_it_works("credential", "fill", stdin=b"protocol=https\nhost=x\n\n")
    assert_nothing_runs(trap, open_at)


def test_a_fetch_does_not_use_the_repositorys_own_ssh_command(
    trap: Trap, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when loccit is started inside it: only the user's own configuration counts."""
    trap.configure(
        ("core.sshCommand", trap.command),
        (f"url.ext::{trap.command} .insteadOf", "ssh://"),
        ("protocol.ext.allow", "always"),
    )
    monkeypatch.chdir(trap.folder)
    trap.assert_it_works("ls-remote", "git@localhost:x/y")
    with pytest.raises(SourceError):
        open_at("ssh://git@127.0.0.1:9/x/y").refresh(lambda *_: None)
    assert not trap.marker.exists()


def test_no_upload_pack_hook_runs(trap: Trap, open_at: Open) -> None:
    """Serving a fetch may run `uploadpack.packObjectsHook`, or fetch what a partial clone lacks."""
    trap.configure(
        ("uploadpack.packObjectsHook", trap.command),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", trap.command),
        ("remote.origin.url", str(trap.folder.parent)),
        ("extensions.partialClone", "origin"),
    )
    trap.assert_it_works("cat-file", "-p", "1" * 40)
    assert_nothing_runs(trap, open_at)


def test_a_missing_object_is_not_fetched(trap: Trap, open_at: Open) -> None:
    """A promisor remote with a command of its own is never asked."""
    trap.configure(
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::{trap.command}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    )
    blob = git(trap.folder, "rev-parse", "HEAD:b.txt")
    (trap.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    trap.assert_it_works("cat-file", "-p", blob)
    repository = open_at(trap.folder)
    assert SkippedFile("b.txt", SkipReason.MISSING) in repository.snapshot().skipped
    with repository.reader() as reader, pytest.raises(SourceError):
        reader.read(blob)
    assert not trap.marker.exists()


def test_variables_of_git_are_not_handed_on(
    trap: Trap, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that points git elsewhere, or names programs, has no effect."""
    elsewhere = trap.folder.parent / "elsewhere"
    make_repository(elsewhere, [{"files": {"other": "x"}}])
    for name, value in {
        "GIT_DIR": str(elsewhere / ".git"),
        "GIT_WORK_TREE": str(elsewhere),
        "GIT_OBJECT_DIRECTORY": str(elsewhere / ".git" / "objects"),
        "GIT_INDEX_FILE": str(elsewhere / ".git" / "index"),
        "GIT_EXTERNAL_DIFF": trap.command,
        "GIT_SSH_COMMAND": trap.command,
        "GIT_ASKPASS": trap.command,
        "GIT_PAGER": trap.command,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "diff.external",
        "GIT_CONFIG_VALUE_0": trap.command,
        "GIT_CONFIG_PARAMETERS": f"'diff.external={trap.command}'",
        "GIT_CONFIG_GLOBAL": str(elsewhere / ".git" / "config"),
        "GIT_NAMESPACE": "x",
        "GIT_EXEC_PATH": str(elsewhere),
        "GIT_TRACE": str(trap.marker),
        "GIT_LITERAL_PATHSPECS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert_nothing_runs(trap, open_at)


@pytest.mark.parametrize(
    "location",
    [
        "ext::sh -c touch% {marker}",
        "ext::{command}",
        "fd::17",
        "persistent-https::x",
        "--upload-pack={command}",
        "-u{command}",
        "-oProxyCommand={command}",
        "ssh://-oProxyCommand={command}/x",
        "ssh://host@-oProxyCommand=x/y",
        "ssh://-l@host/x",
        "-oProxyCommand=x:y",
        "user@-oProxyCommand=x:y",
        "host:-x",
        "ssh://host/-x",
        "git://host/x",
        "http://host/x/y",
        "ftp://host/x",
        "rsync://host/x",
        "ext://host/x",
        "file://host/x",
        "https://ho st/x",
        "https://host/x\n[core]",
        "https://host/x\ty",
        "ssh://ho$(touch {marker})st/x",
        "`touch {marker}`@host:x",
        "https:///x/y",
        "https://host",
        "javascript://x",
    ],
)
def test_an_unsafe_location_is_refused(
    trap: Trap, open_at: Open, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is started: UnsafeSource or NotARepository, with what was expected instead."""
    monkeypatch.chdir(trap.folder)
    filled = location.replace("{marker}", str(trap.marker)).replace("{command}", trap.command)
    with pytest.raises((UnsafeSource, NotARepository)) as caught:
        open_at(filled)
    assert caught.value.next_step or "option" in caught.value.message
    if location.startswith("-") or "::" in location:
        assert isinstance(caught.value, UnsafeSource)
    assert not trap.marker.exists()


def test_ext_urls_run_under_ordinary_git(trap: Trap) -> None:
    """The trap that the test above sets is a real one."""
    trap.assert_it_works("-c", "protocol.ext.allow=always", "ls-remote", f"ext::{trap.command}")


def test_a_tree_cannot_point_out_of_the_work_tree(tmp_path: Path, home: Path) -> None:
    """Names like `..` and `.git` in a forged tree are listed, and nothing outside is looked at."""
    folder = tmp_path / "r"
    make_repository(folder, [{"files": {"a": "x\n"}}])
    write_files(tmp_path, {"outside": "secret\n"})
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=b"other\n")
    inner = _forged_tree(folder, [(b"100644", b"outside", blob)])
    root = _forged_tree(folder, [(b"40000", b"..", inner), (b"100644", b"a", blob)])
    commit = git(folder, "commit-tree", root, "-m", "forged")
    repository = open_repository(str(folder), home=home)
    snapshot = repository.snapshot(commit)
    assert [entry.path for entry in snapshot.entries] == ["../outside", "a"]
    opened: list[object] = []
    is_watching = True
    sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and is_watching else None)
    changed = repository.changed_files(snapshot)
    is_watching = False
    assert changed.modified == ("a",)
    assert not [
        name for name in opened if isinstance(name, str | bytes) and os.fsencode(name).endswith(b"outside")
    ]


def _forged_tree(folder: Path, rows: list[tuple[bytes, bytes, str]]) -> str:
    data = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(target)) for mode, name, target in rows)
    return git(folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=data)


def test_a_deep_tree_is_listed(tmp_path: Path, open_at: Open) -> None:
    """A thousand folders inside each other, made without a work tree."""
    deep = "/".join(["d"] * 1000) + "/end.py"
    make_repository(tmp_path / "r", [{"files": {deep: SOURCE, "top.py": SOURCE}}], bare=True)
    repository = open_at(tmp_path / "r")
    assert [entry.path for entry in repository.snapshot().entries] == [deep, "top.py"]
    (record,) = repository.commits(repository.resolve(), ())
    assert record.paths == (deep, "top.py")


@pytest.mark.parametrize(
    "name", ["HEAD", "packed-refs", "config", "commondir", "shallow", "objects/info/alternates"]
)
def test_a_fifo_in_the_git_folder_does_not_hold_us(trap: Trap, open_at: Open, name: str) -> None:
    """It is not what git keeps there: an error, at once."""
    place = trap.folder / ".git" / name
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    with pytest.raises(SourceError, match="not what git keeps there"):
        open_at(trap.folder).snapshot()


def test_a_git_file_of_a_gigabyte_is_not_loaded(trap: Trap, open_at: Open) -> None:
    """A configuration of impossible size is refused by its size."""
    with (trap.folder / ".git" / "config").open("r+b") as config:
        config.truncate(1_000_000_000)
    with pytest.raises(SourceError, match="at most 1,000,000 bytes"):
        open_at(trap.folder)


def test_patterns_that_are_slow_elsewhere_are_quick(tmp_path: Path, home: Path) -> None:
    """Ignore rules with many stars against long names take no time: no star is tried twice."""
    many = "*a" * 40 + "b"
    rules = "\n".join([many, f"**/{'**/x/' * 20}y", f"{'*/' * 30}z", "[a-z]*" * 30 + "!"])
    names = {("a" * 250): "x\n", "/".join(["x"] * 200): "x\n"}
    make_repository(
        tmp_path / "r",
        [{"files": names | {".loccitignore": rules, ".gitattributes": many + " linguist-generated\n"}}],
        bare=True,
    )
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from loccit.sources import open_repository\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (5, 5))\n"
        "print(len(open_repository(sys.argv[1], home=Path(sys.argv[2])).snapshot().entries))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r"), str(home)], capture_output=True, check=False
    )
    assert done.stdout == b"4\n", done.stderr


def test_an_option_of_the_library_allows_plain_http(home: Path) -> None:
    """Only then; what the URL leads to is not asked before `refresh`."""
    location = "http://host.example/owner/name"
    with pytest.raises(UnsafeSource, match=r"sources\.allow_http"):
        open_repository(location, home=home)
    allowed = open_repository(location, home=home, options=SourceOptions(allow_http=True))
    assert allowed.name == "host.example/owner/name"


def test_every_error_has_one_root(trap: Trap, open_at: Open) -> None:
    """A caller that catches LoccitError sees no other."""
    for location in ("", "ext::x", "-x", "https://", str(trap.folder / "nowhere")):
        with pytest.raises(LoccitError):
            open_at(location)
    assert FileMode.SUBMODULE.value == "160000"
