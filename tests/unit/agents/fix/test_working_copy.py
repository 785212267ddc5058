"""What a run changes is kept as git objects of ours; the user's repository stays as it was, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from loccit.agents.fix.working_copy import WorkingCopy, branch_name, open_working_copy
from loccit.core.errors import InputError, LoccitError, StorageFailed, Unsupported
from loccit.sources import SourceOptions, open_repository
from tests.repositories import Commit, git, make_repository

TIME = 1_760_000_000
FILES: Commit = {
    "files": {
        "src/parse.py": "def parse(text):\n    return text\n",
        "run.sh": "#!/bin/sh\n",
        "docs/a.md": "# A\n",
        "caf\u00e9.txt": "x\n",
    },
    "executables": ["run.sh"],
    "symlinks": {"link": "src/parse.py"},
}


class Place:
    """A user's repository, and working copies of it in one home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = folder / "user"
        (self.commit,) = make_repository(self.user, [FILES])

    def open(self, run: str = "run-1", time: int = TIME) -> WorkingCopy:
        home = self.folder / "home"
        repository = open_repository(str(self.user), home=home, options=SourceOptions())
        return open_working_copy(repository, base="HEAD", folder=home / "fixes", run=run, time=time)

    def fingerprint(self) -> str:
        """Of every file below the user's repository: names, bytes, times."""
        digest = hashlib.sha256()
        for path in sorted(self.user.rglob("*")):
            status = path.lstat()
            digest.update(f"{path} {status.st_mode} {status.st_mtime_ns}".encode())
            if path.is_file() and not path.is_symlink():
                digest.update(path.read_bytes())
        return digest.hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def copy(place: Place) -> Iterator[WorkingCopy]:
    with place.open() as copy:
        yield copy


def test_files_are_those_of_the_commit(copy: WorkingCopy, place: Place) -> None:
    assert copy.base == copy.head == place.commit
    assert list(copy.files()) == ["caf\u00e9.txt", "docs/a.md", "link", "run.sh", "src/parse.py"]
    assert copy.read("src/parse.py") == b"def parse(text):\n    return text\n"
    assert copy.read("link") is None
    assert copy.read("nothing") is None


def test_an_edit_changes_its_file_alone_and_keeps_modes(copy: WorkingCopy) -> None:
    copy.apply({"run.sh": b"#!/bin/bash\n", "docs/a.md": None, "new/b.py": b"1\n"}, "edited", intent="1")
    assert list(copy.files()) == ["caf\u00e9.txt", "link", "new/b.py", "run.sh", "src/parse.py"]
    assert copy.files()["run.sh"].mode == "100755"
    assert copy.read("docs/a.md") is None
    assert [(each.path, each.added, each.removed) for each in copy.changed(copy.base)] == [
        ("docs/a.md", 0, 1),
        ("new/b.py", 1, 0),
        ("run.sh", 1, 1),
    ]


def test_the_same_intent_is_carried_out_once(copy: WorkingCopy) -> None:
    first = copy.apply({"a.txt": b"1"}, "made a.txt", intent="call-1")
    again = copy.apply({"a.txt": b"2"}, "something else", intent="call-1")
    assert again == first
    assert copy.read("a.txt") == b"1"
    assert copy.done("call-2") is None


def test_another_process_goes_on_where_the_first_was_killed(copy: WorkingCopy, place: Place) -> None:
    made = copy.apply({"a.txt": b"1"}, "made a.txt", intent="call-1")
    with place.open() as other:
        assert other.head == made.commit
        assert other.done("call-1") == made
        assert other.read("a.txt") == b"1"


def test_who_lost_the_run_can_no_longer_write(copy: WorkingCopy, place: Place) -> None:
    assert copy.head == copy.base
    with place.open() as other:
        other.apply({"a.txt": b"2"}, "made", intent="2")
        with pytest.raises(StorageFailed):
            copy.apply({"a.txt": b"1"}, "made", intent="1")
        assert other.read("a.txt") == b"2"
        assert other.done("1") is None


def test_the_same_run_makes_the_same_objects_anywhere(tmp_path: Path) -> None:
    made: list[tuple[str, str | None]] = []
    for name in ("one", "two"):
        with Place(tmp_path / name).open() as copy:
            edit = copy.apply({"a.txt": b"1"}, "made", intent="1")
            made.append((edit.commit, copy.end_step("test", "Test it")))
    assert made[0] == made[1]
    with Place(tmp_path / "three").open(time=TIME + 1) as copy:
        assert copy.apply({"a.txt": b"1"}, "made", intent="1").commit != made[0][0]


def test_a_branch_has_one_commit_per_step(copy: WorkingCopy, place: Place) -> None:
    copy.apply({"test_a.py": b"1\n"}, "wrote", intent="1")
    copy.apply({"test_a.py": b"2\n"}, "wrote", intent="2")
    test = copy.end_step("reproduce", "Reproduce #12\n\nIt fails.")
    assert copy.end_step("reproduce", "Reproduce #12\n\nIt fails.") == test
    assert copy.end_step("nothing", "Nothing") is None
    copy.apply({"src/parse.py": b"fixed\n"}, "edited", intent="3")
    fix = copy.end_step("edit", "Fix #12")
    ref = copy.name_branch(branch_name("12", "run-1"))
    log = copy.view.run("log", "--format=%H %an %at %s", ref).stdout.decode().splitlines()
    assert log[:2] == [f"{fix} loccit {TIME} Fix #12", f"{test} loccit {TIME} Reproduce #12"]
    assert log[2].startswith(place.commit)


def test_a_bundle_brings_the_branch_into_a_clone(copy: WorkingCopy, place: Place, tmp_path: Path) -> None:
    copy.apply({"a.txt": b"1"}, "made", intent="1")
    step = copy.end_step("edit", "Fix it")
    ref = copy.name_branch("loccit/fix-1-abcd")
    (tmp_path / "fix.bundle").write_bytes(copy.bundle(ref))
    git(tmp_path, "clone", "-q", str(place.user), "clone")
    git(tmp_path / "clone", "fetch", "-q", "../fix.bundle", f"{ref}:{ref}")
    assert git(tmp_path / "clone", "rev-parse", ref) == step


def test_patches_apply_with_git(copy: WorkingCopy, place: Place, tmp_path: Path) -> None:
    copy.apply({"src/parse.py": b"fixed\n"}, "made", intent="1")
    copy.end_step("edit", "Fix it")
    git(tmp_path, "clone", "-q", str(place.user), "clone")
    clone = tmp_path / "clone"
    who = {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com"}
    git(clone, "am", "-q", stdin=copy.patches(), environment=who)
    assert (clone / "src/parse.py").read_bytes() == b"fixed\n"


def test_files_go_back_to_an_earlier_moment(copy: WorkingCopy) -> None:
    first = copy.apply({"a.txt": b"1"}, "made", intent="1")
    copy.apply({"a.txt": b"2", "b.txt": b"3"}, "made", intent="2")
    copy.go_back(first.commit, intent="3")
    assert copy.read("a.txt") == b"1"
    assert copy.read("b.txt") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../outside",
        "src/../../outside",
        ".git/config",
        "sub/.GIT/hooks/pre-commit",
        ".git./config",
        "git~1/config",
        ".g\u0131t\u200b/config",
        ".gitmodules",
        "a\\..\\b",
        "C:/windows",
        "a\x00b",
        "a\nb",
        "folder/",
        "x" * 300,
        "link",
        "link/below",
        "src",
        "run.sh/below",
    ],
)
def test_a_path_that_is_no_file_of_the_project_is_refused(copy: WorkingCopy, path: str) -> None:
    with pytest.raises(InputError) as refused:
        copy.apply({path: b"x"}, "made", intent="1")
    assert refused.value.message
    assert copy.head == copy.base


def test_a_file_may_take_the_place_of_a_folder_that_goes(copy: WorkingCopy) -> None:
    copy.apply({"docs/a.md": None}, "gone", intent="1")
    copy.apply({"docs": b"flat\n"}, "made", intent="2")
    assert copy.read("docs") == b"flat\n"


def test_a_hostile_repository_runs_nothing_and_is_not_written(place: Place, tmp_path: Path) -> None:
    """Hooks, filters, textconv, external diff, fsmonitor and aliases of its own, each of which would leave a
    file behind.
    """
    trap = tmp_path / "sprung"
    command = f"sh -c 'touch {trap}; cat'"
    for key in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "core.fsmonitor",
        "core.editor",
        "gpg.program",
        "core.pager",
    ):
        git(place.user, "config", key, command)
    git(place.user, "config", "commit.gpgSign", "true")
    (place.user / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-checkout", "post-index-change"):
        (place.user / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (place.user / ".git/hooks" / hook).chmod(0o755)
    (place.user / ".git/info").mkdir(exist_ok=True)
    (place.user / ".git/info/attributes").write_text("* filter=evil diff=evil -text\n")
    before = place.fingerprint()
    with place.open() as copy:
        copy.apply({".gitattributes": b"* filter=evil diff=evil -diff\n", "a.py": b"x\r\n"}, "", intent="1")
        copy.end_step("edit", "Edit")
        assert "+x" in copy.diff(copy.base)
        assert copy.read("a.py") == b"x\r\n"
        copy.bundle(copy.name_branch("loccit/fix-1-abcd"))
        assert copy.patches()
    assert not trap.exists()
    assert place.fingerprint() == before


def test_a_plain_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    repository = open_repository(str(tmp_path / "plain"), home=tmp_path / "home", options=SourceOptions())
    with pytest.raises(Unsupported, match="git init"):
        open_working_copy(repository, base="HEAD", folder=tmp_path / "fixes", run="r", time=TIME)


def test_a_repository_of_sha256_objects_works_alike(tmp_path: Path) -> None:
    make_repository(tmp_path / "user", [FILES], object_format="sha256")
    repository = open_repository(str(tmp_path / "user"), home=tmp_path / "home", options=SourceOptions())
    with open_working_copy(repository, base="HEAD", folder=tmp_path / "f", run="r", time=TIME) as copy:
        copy.apply({"a.txt": b"1", "docs/a.md": None}, "made", intent="1")
        assert len(copy.end_step("edit", "Edit") or "") == 64


def test_names_of_branches_are_fresh_per_run_and_plain() -> None:
    assert branch_name("#12", "run-1") != branch_name("#12", "run-2")
    assert branch_name("#12", "run-1").startswith("loccit/fix-12-")
    assert branch_name("../..; rm -rf /", "run-1").startswith("loccit/fix-rm-rf-")
    assert branch_name("\u00e9", "run-1").startswith("loccit/fix-issue-")


def test_too_many_changed_files_are_refused(copy: WorkingCopy) -> None:
    with pytest.raises(LoccitError, match="the limit is 200"):
        copy.apply({f"f{n}.txt": b"" for n in range(201)}, "made", intent="1")
    assert copy.head == copy.base
