"""What commits changed, blob by blob, against what git's own plumbing says of each."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.core.source import Change, ChangedFile, path_text
from loccit.sources import Repository, open_repository
from tests.repositories import AUTHOR, FIRST_COMMIT_TIME, Commit, add_commits, git, make_repository

Open = Callable[..., Repository]

# Names that a listing may trip over; the last is no UTF-8.
PATHS = ("a", "b/c.py", "b/d e", 'q"uote', "new\nline", "\n", ":100644 x", "tab\t", "ü/日本", "raw\udcff")
REGULAR = ("100644", "100755")
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changes")


def all_changes(repository: Repository, known: tuple[str, ...] = ()) -> list[Change]:
    return list(repository.changes(repository.resolve(), known))


def listing(folder: Path, commit: str) -> dict[str, str]:
    """Each regular file of a commit, and its blob."""
    rows = git(folder, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0")[:-1]
    about = (row.partition("\t") for row in rows)
    return {path: mode.split()[2] for mode, _, path in about if mode.split()[0] in REGULAR}


def difference(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str | None, str | None]]:
    """Where two listings differ, in order of path bytes."""
    paths = sorted(old.keys() | new.keys(), key=lambda path: path.encode("utf-8", "surrogateescape"))
    return [(p, old.get(p), new.get(p)) for p in paths if old.get(p) != new.get(p)]


def told(files: list[ChangedFile] | tuple[ChangedFile, ...]) -> list[tuple[str, str | None, str | None]]:
    """The same of what we are told: changes of mode alone, and of what is no regular file, left out."""
    return [(f.path, f.old_blob, f.new_blob) for f in files if f.old_blob != f.new_blob]


def raw_commit(folder: Path, tree: str, message: bytes, *parents: str, **headers: bytes) -> str:
    """The id of a commit made byte by byte: no tool would have written some of these."""
    who = AUTHOR.encode() + b" %d +0000" % FIRST_COMMIT_TIME
    lines = [b"tree " + tree.encode(), *(b"parent " + parent.encode() for parent in parents)]
    lines += [b"author " + headers.pop("author", who), b"committer " + headers.pop("committer", who)]
    lines += [name.encode() + b" " + value for name, value in headers.items()]
    data = b"\n".join(lines) + b"\n\n" + message
    return git(folder, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=data)


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Commits on branches that part and merge; files come, change, change their mode, and go."""
    commits: list[Commit] = []
    held: list[set[str]] = []
    for number in range(draw(st.integers(1, 6))):
        parent = draw(st.integers(0, number - 1)) if number else None
        here = set(held[parent]) if parent is not None else set[str]()
        contents = draw(st.dictionaries(st.sampled_from(PATHS), st.none() | st.text("xy\n", max_size=3)))
        files = {path: text for path, text in contents.items() if text is not None or path in here}
        commit = Commit(files=files, message=draw(st.text(":ab\n ", max_size=4)))
        commit["executables"] = [path for path in files if draw(st.booleans())]
        if draw(st.booleans()):
            commit["symlinks"] = {"link": draw(st.sampled_from(("a", "b")))}
        if draw(st.booleans()):
            commit["submodules"] = {"sub": draw(st.sampled_from(("1" * 40, "2" * 40)))}
        if parent is not None:
            commit["parent"] = parent
            if draw(st.booleans()) and number > 1:
                other = draw(st.integers(0, number - 1))
                if other != parent:
                    commit["merge"] = other
        commits.append(commit)
        held.append((here | files.keys()) - {path for path, text in files.items() if text is None})
    return commits


def made(folder: Path, commits: list[Commit]) -> tuple[Path, Repository, list[str]]:
    place = folder / str(next(numbers))
    ids = make_repository(place / "r", commits, bare=True)
    return place / "r", open_repository(str(place / "r"), home=place / "home"), ids


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_every_commit_is_told_once_and_as_its_trees_say(folder: Path, commits: list[Commit]) -> None:
    """Parents stand before children; the files are the difference of two listings, and none for a merge."""
    place, repository, ids = made(folder, commits)
    found = list(repository.changes(ids[-1], ()))
    assert {change.commit for change in found} == set(git(place, "rev-list", ids[-1]).split())
    assert len({change.commit for change in found}) == len(found)
    seen: set[str] = set()
    for change in found:
        assert list(change.parents) == git(place, "log", "-1", "--format=%P", change.commit).split()
        assert seen >= set(change.parents)
        seen.add(change.commit)
        before = listing(place, change.parents[0]) if change.parents else {}
        expected = difference(before, listing(place, change.commit)) if len(change.parents) < 2 else []
        assert told(change.files) == expected


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_differences_are_those_of_two_listings(
    folder: Path, commits: list[Commit], data: st.DataObject
) -> None:
    """Of any two commits in any order: equal ones, merges, unrelated ones, the same pair again."""
    place, repository, ids = made(folder, commits)
    asked = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=8))
    found = list(repository.differences(asked))
    listings = [listing(place, commit) for commit in asked]
    assert [told(files) for files in found] == [difference(a, b) for a, b in itertools.pairwise(listings)]


def test_a_commit_compared_with_itself_has_no_difference(tmp_path: Path, open_at: Open) -> None:
    """And takes nothing away from the pair after it; nor do two commits with one tree."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1"}}, {}, {"files": {"a": "2"}}])
    a, same, b = ids
    found = list(open_at(tmp_path / "r").differences([a, a, b, b, a, same, b]))
    assert [[file.path for file in files] for files in found] == [[], ["a"], [], ["a"], [], ["a"]]


def test_unrelated_commits_differ_by_all_their_files(tmp_path: Path, open_at: Open) -> None:
    """Two roots have nothing in common but what is equal."""
    make_repository(tmp_path / "r", [{"files": {"a": "1", "both": "x"}}])
    one = git(tmp_path / "r", "rev-parse", "HEAD")
    git(tmp_path / "r", "checkout", "-q", "--orphan", "other")
    git(tmp_path / "r", "mv", "a", "b")
    git(tmp_path / "r", "commit", "-q", "-m", "Another root")
    other = git(tmp_path / "r", "rev-parse", "HEAD")
    (files,) = open_at(tmp_path / "r").differences([one, other])
    blob = git(tmp_path / "r", "rev-parse", f"{one}:a")
    assert files == [ChangedFile("a", blob, None), ChangedFile("b", None, blob)]


def test_no_commits_have_no_differences(tmp_path: Path, open_at: Open) -> None:
    """Neither has a single one."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    assert list(open_at(tmp_path / "r").differences([])) == []
    assert list(open_at(tmp_path / "r").differences(ids)) == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_difference_from_a_commit_that_is_not_there_is_an_error(
    tmp_path: Path, open_at: Open, place: int
) -> None:
    """Wherever it stands; what stands before it is told first."""
    ids = make_repository(
        tmp_path / "r", [{"files": {"a": "1"}}, {"files": {"a": "2"}}, {"files": {"b": "1"}}]
    )
    ids[place] = "1" * 40
    found: list[list[ChangedFile]] = []
    with pytest.raises(ObjectMissing, match="cannot follow"):
        found.extend(open_at(tmp_path / "r").differences(ids))
    assert [[file.path for file in files] for files in found] == ([["a"]] if place == 2 else [])


MESSAGES = (
    b"",
    b"\n",
    b" \n\t\n",
    b":100644 100644 1 2 M",
    b"\n\n:100644 100644 1 2 M\n\na",
    b"Subject\n\n\n:000000 100644 " + b"0" * 40 + b" " + b"1" * 40 + b" A\nsome/path\n",
    b"1" * 40,
    b"Trailing spaces   \n\n\n\n",
    b"\rcarriage\r\nreturns\r",
    "Исправлен разбор 修复 \U0001f41b\n\nüß".encode(),
    b"no text \xff\xfe\x80",
    b"\x1b[31mred\x1b[0m \x01\x02",
    b"commit " + b"2" * 40 + b"\nparent\n\0never seen",
    b"x" * 5_000_000,
)


def test_messages_are_kept_whatever_they_hold(tmp_path: Path, open_at: Open) -> None:
    """Each commit has its own message, without the space around it, and its own file."""
    make_repository(tmp_path / "r", [{"files": {"f": "0"}}])
    ids = [git(tmp_path / "r", "rev-parse", "HEAD")]
    for number, message in enumerate(MESSAGES, start=1):
        git(tmp_path / "r", "read-tree", "--empty")
        blob = git(tmp_path / "r", "hash-object", "-w", "--stdin", stdin=str(number).encode())
        git(tmp_path / "r", "update-index", "--add", "--cacheinfo", f"100644,{blob},f")
        tree = git(tmp_path / "r", "write-tree")
        ids.append(raw_commit(tmp_path / "r", tree, message, ids[-1]))
        ids.append(raw_commit(tmp_path / "r", tree, message, ids[-1]))
    found = list(open_at(tmp_path / "r").changes(ids[-1], ids[:1]))
    assert [change.commit for change in found] == ids[1:]
    expected = [text.partition(b"\0")[0].decode("utf-8", "replace").strip() for text in MESSAGES]
    assert [change.message for change in found[::2]] == expected
    assert [change.message for change in found[1::2]] == expected
    assert [[file.path for file in change.files] for change in found] == [["f"], []] * len(MESSAGES)


def test_a_declared_encoding_is_honoured(tmp_path: Path, open_at: Open) -> None:
    """Also of the author's name; one that is none leaves the bytes as they are."""
    make_repository(tmp_path / "r", [{"files": {"f": "0"}}])
    tree = git(tmp_path / "r", "rev-parse", "HEAD^{tree}")
    who = "Zoë <z@example.com>".encode("latin-1") + b" 5 +0000"
    message = "Größe geprüft".encode("latin-1")
    first = raw_commit(tmp_path / "r", tree, message, author=who, encoding=b"ISO-8859-1")
    second = raw_commit(tmp_path / "r", tree, message, first, author=who, encoding=b"no-such-thing")
    wide = raw_commit(tmp_path / "r", tree, "wide".encode("utf-16-le"), second, encoding=b"UTF-16LE")
    one, other, last = open_at(tmp_path / "r").changes(wide, ())
    assert (one.author, one.message) == ("Zoë", "Größe geprüft")
    assert (other.author, other.message) == ("Zo\ufffd", "Gr\ufffd\ufffde gepr\ufffdft")
    assert last.commit == wide


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        (b"0", 0),
        (b"4102444800", 4102444800),
        (b"-86400", 0),
        (b"999999999999999999", 999999999999999999),
        (b"9" * 30, 0),
        (b"9" * 5000, 0),
        (b"", 0),
        (b"yesterday", 0),
    ],
)
def test_clocks_may_say_anything(tmp_path: Path, open_at: Open, stamp: bytes, time: int) -> None:
    """A time that is none, or does not fit into 64 bits, is the epoch: git takes it for that too."""
    make_repository(tmp_path / "r", [{"files": {"f": "0"}}])
    tree = git(tmp_path / "r", "rev-parse", "HEAD^{tree}")
    commit = raw_commit(tmp_path / "r", tree, b"m", committer=b"A <a@example.com> " + stamp + b" +0000")
    (change,) = open_at(tmp_path / "r").changes(commit, ())
    assert change.time == time
    (record,) = open_at(tmp_path / "r").commits(commit, ())
    assert record.time == time


@pytest.mark.parametrize("author", [b"", b"nobody", b" <> ", b"<a@example.com> 5 +0000", b"A\tB <x> 5 +0000"])
def test_authors_may_be_missing_or_odd(tmp_path: Path, open_at: Open, author: bytes) -> None:
    """The fields that follow stay in their places."""
    make_repository(tmp_path / "r", [{"files": {"f": "0"}}])
    tree = git(tmp_path / "r", "rev-parse", "HEAD^{tree}")
    commit = raw_commit(tmp_path / "r", tree, b"m", author=author)
    (change,) = open_at(tmp_path / "r").changes(commit, ())
    assert (change.message, change.time, len(change.files)) == ("m", FIRST_COMMIT_TIME, 1)
    assert change.author in {"", "A\tB"}


def test_an_author_has_a_name_and_no_address(tmp_path: Path, open_at: Open) -> None:
    """What is told of people is what they sign with."""
    make_repository(tmp_path / "r", [{"files": {"f": "0"}}])
    assert all_changes(open_at(tmp_path / "r"))[0].author == "A U Thor"


def test_an_octopus_merge_tells_its_parents_and_no_files(tmp_path: Path, open_at: Open) -> None:
    """So does a merge that was changed by hand."""
    commits: list[Commit] = [
        {"files": {"a": "0"}},
        *(Commit(files={f"b{n}": "1"}, parent=0, branch=f"side{n}") for n in range(5)),
    ]
    ids = make_repository(tmp_path / "r", commits)
    git(tmp_path / "r", "read-tree", ids[1])
    tree = git(tmp_path / "r", "write-tree")
    octopus = raw_commit(tmp_path / "r", tree, b"Merge", *ids[1:])
    change = list(open_at(tmp_path / "r").changes(octopus, ()))[-1]
    assert change.parents == tuple(ids[1:])
    assert change.files == ()


def test_only_regular_files_have_blobs(tmp_path: Path, open_at: Open) -> None:
    """Links and submodules are nothing that can be searched; a change of mode changes no blob."""
    ids = make_repository(
        tmp_path / "r",
        [
            {"files": {"f": "1"}, "symlinks": {"l": "f"}, "submodules": {"s": "1" * 40}},
            {
                "files": {"f": "1"},
                "executables": ["f"],
                "symlinks": {"l": "g"},
                "submodules": {"s": "2" * 40},
            },
            {"files": {"l": "1"}, "symlinks": {"f": "l"}},
            {"files": {"s": None}, "symlinks": {}},
        ],
    )
    blob = git(tmp_path / "r", "rev-parse", f"{ids[0]}:f")
    found = [change.files for change in all_changes(open_at(tmp_path / "r"))]
    assert found == [
        (ChangedFile("f", None, blob), ChangedFile("l", None, None), ChangedFile("s", None, None)),
        (ChangedFile("f", blob, blob), ChangedFile("l", None, None), ChangedFile("s", None, None)),
        (ChangedFile("f", blob, None), ChangedFile("l", None, blob)),
        (ChangedFile("s", None, None),),
    ]


def test_a_file_of_an_old_mode_is_a_regular_file(tmp_path: Path, open_at: Open) -> None:
    """Early versions of git kept more of a file's permissions."""
    make_repository(tmp_path / "r", [{"files": {"f": "1"}}])
    blob = git(tmp_path / "r", "rev-parse", "HEAD:f")
    data = b"100664 f\0" + bytes.fromhex(blob)
    tree = git(tmp_path / "r", "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)
    commit = raw_commit(tmp_path / "r", tree, b"m")
    (change,) = open_at(tmp_path / "r").changes(commit, ())
    assert change.files == (ChangedFile("f", None, blob),)


def test_a_shallow_clone_ends_without_a_change(tmp_path: Path, open_at: Open) -> None:
    """Its last commit seems to bring every file in, and to have no parents: it is not told that it did."""
    ids = make_repository(tmp_path / "r", [{"files": {f"f{n}": str(n)}} for n in range(5)])
    git(tmp_path, "clone", "-q", "--depth=2", (tmp_path / "r").as_uri(), "shallow")
    end, tip = all_changes(open_at(tmp_path / "shallow"))
    assert (end.commit, end.parents, end.files) == (ids[3], (), ())
    assert (tip.parents, [file.path for file in tip.files]) == ((ids[3],), ["f4"])


def test_only_what_is_new_is_told(tmp_path: Path, open_at: Open) -> None:
    """Known commits that are gone, or are none, do no harm: history may have been rewritten."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(6)])
    repository = open_at(tmp_path / "r")
    for known in ((ids[3],), (ids[0], ids[3], ids[2], "0" * 40), (ids[3], "nonsense", "--all", "")):
        assert [change.commit for change in all_changes(repository, known)] == ids[4:]
    assert all_changes(repository, (ids[5],)) == []
    assert len(all_changes(repository, ("f" * 40,))) == 6


def test_rewritten_history_is_told_beside_the_old_one(tmp_path: Path, open_at: Open) -> None:
    """What the old tip did not lead to is new, though it has the same trees."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(3)])
    git(tmp_path / "r", "commit", "-q", "--amend", "-m", "Said otherwise")
    repository = open_at(tmp_path / "r")
    (change,) = all_changes(repository, (ids[2],))
    assert (change.message, change.parents) == ("Said otherwise", (ids[1],))


def test_a_sha256_repository_is_told_like_any(tmp_path: Path, open_at: Open) -> None:
    """Ids are longer, and nothing else differs."""
    commits: list[Commit] = [{"files": {"a": "1"}}, {"files": {"a": "2"}}]
    ids = make_repository(tmp_path / "r", commits, object_format="sha256")
    repository = open_at(tmp_path / "r")
    found = all_changes(repository)
    assert [change.commit for change in found] == ids
    assert {len(file.new_blob or "") for change in found for file in change.files} == {64}
    assert [list(change.files) for change in found[1:]] == list(repository.differences(ids))
    assert [c.commit for c in all_changes(repository, (ids[0], "0" * 64))] == ids[1:]


def test_ten_thousand_files_in_one_commit(tmp_path: Path, open_at: Open) -> None:
    """All are told, once each."""
    files = {f"d{n % 100}/file_{n}_{string.ascii_letters}": str(n) for n in range(10_000)}
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1"}}, {"files": files}], bare=True)
    repository = open_at(tmp_path / "r")
    change = all_changes(repository)[1]
    assert {file.path for file in change.files} == files.keys()
    assert len(change.files) == 10_000
    assert [list(change.files)] == list(repository.differences(ids))


def test_one_commit_is_a_history(tmp_path: Path, open_at: Open) -> None:
    """A root, with all its files."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1", "b": "2"}, "message": "First"}])
    (change,) = all_changes(open_at(tmp_path / "r"))
    assert (change.commit, change.parents, change.message) == (ids[0], (), "First")
    assert [file.path for file in change.files] == ["a", "b"]


@pytest.mark.parametrize("tip", ["0" * 40, "HEAD:a", "nonsense"])
def test_a_tip_that_is_not_there_is_an_error(tmp_path: Path, open_at: Open, tip: str) -> None:
    """ObjectMissing, not an empty history; what is no commit is none."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    with pytest.raises(ObjectMissing, match="no such commit"):
        list(open_at(tmp_path / "r").changes(tip, ()))


def test_an_empty_repository_has_no_tip(tmp_path: Path, open_at: Open) -> None:
    """There is nothing to follow."""
    make_repository(tmp_path / "r")
    with pytest.raises(ObjectMissing):
        list(open_at(tmp_path / "r").changes("0" * 40, ()))


def test_a_plain_folder_has_no_changes(tmp_path: Path, open_at: Open) -> None:
    """It is as it is now."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a").write_text("1")
    folder = open_at(tmp_path / "plain")
    tree = folder.snapshot().tree
    assert list(folder.changes(tree, ())) == []
    assert list(folder.differences([tree, tree])) == []
    assert list(folder.steps([tree])) == []


@pytest.mark.parametrize("what", ["", "^{tree}"])
def test_a_hole_in_the_history_is_an_error(tmp_path: Path, open_at: Open, what: str) -> None:
    """A commit or a tree that is gone is noticed, by what was changed and by what differs."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    gone = git(tmp_path / "r", "rev-parse", ids[1] + what)
    (tmp_path / "r" / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
    repository = open_at(tmp_path / "r")
    with pytest.raises(ObjectMissing, match="cannot follow"):
        all_changes(repository)
    with pytest.raises(ObjectMissing, match="cannot follow"):
        list(repository.differences(ids))


def test_a_damaged_commit_is_said_to_be_damaged(tmp_path: Path, open_at: Open) -> None:
    """Fetching would not help: the next step is to look at the repository."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    path = tmp_path / "r" / ".git" / "objects" / ids[1][:2] / ids[1][2:]
    path.chmod(0o644)
    path.write_bytes(b"no object at all")
    with pytest.raises(ObjectCorrupt, match="cannot follow") as failure:
        all_changes(open_at(tmp_path / "r"))
    assert "git fsck" in failure.value.next_step


def test_a_caller_may_stop_early(tmp_path: Path, open_at: Open) -> None:
    """No process and no warning is left behind."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(900)], bare=True)
    repository = open_at(tmp_path / "r")
    for found in (repository.changes(ids[-1], ()), repository.differences(ids)):
        next(found)
        found.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_replaced_history_is_not_believed(tmp_path: Path, open_at: Open) -> None:
    """Grafts and replace refs of the repository change nothing."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    git(tmp_path / "r", "replace", "--graft", ids[3], ids[0])
    assert [change.commit for change in all_changes(open_at(tmp_path / "r"))] == ids


def test_new_commits_are_told_to_a_repository_that_is_open(tmp_path: Path, open_at: Open) -> None:
    """After `resolve` has looked."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    repository = open_at(tmp_path / "r")
    assert len(all_changes(repository)) == 1
    more = add_commits(tmp_path / "r", [{"files": {"b": "1"}}], first=1)
    assert [change.commit for change in all_changes(repository, tuple(ids))] == more


def test_a_path_keeps_its_bytes(tmp_path: Path, open_at: Open) -> None:
    """Whatever they are."""
    make_repository(tmp_path / "r", [{"files": dict.fromkeys(PATHS, "1")}], bare=True)
    (change,) = all_changes(open_at(tmp_path / "r"))
    assert {file.path for file in change.files} == set(PATHS)
    assert path_text(b"raw\xff") in {file.path for file in change.files}
