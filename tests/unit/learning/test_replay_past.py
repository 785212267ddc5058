"""A replayed moment is what a fresh index of its commit would be, and knows nothing that came after it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken, ObjectMissing
from loccit.core.progress import Progress, silent
from loccit.core.source import FileRole
from loccit.indexing.blob_cache import BlobCache, cache_key
from loccit.indexing.changes import build_table
from loccit.indexing.lexical import Field, encode, tokenise
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import as_keys, build_segment, open_segment
from loccit.indexing.terms import term_key
from loccit.indexing.view import ROLES, FileTable, SnapshotView
from loccit.learning import replay_past
from loccit.learning.replay_past import Moment, Replay
from loccit.parsing import PARSER_VERSION, ParsingOptions, language_of, parse
from loccit.sources import Repository, SourceOptions, open_repository
from tests.repositories import Commit, add_commits, git, make_repository
from tests.unit.pipeline.homes import loccit_at, shard_of
from tests.unit.retrieval.pasts import messages

PATHS = ("src/tool.py", "src/reader.py", "lib/ünï.c", "tests/test_tool.py", "docs/guide.md", "setup.cfg")
PIECES = (
    "def load_config(path):\n    '''Parse the config file.'''\n    return parse(path)\n\n\n",
    "class ParserError(Exception):\n    '''The parser met an error.'''\n\n\n",
    "def close_reader(reader):\n    # The reader is closed once.\n    reader.close()\n\n\n",
    "cache = 7\n",
    "\0binary",
)
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@dataclass
class Told:
    """A `Progress` that remembers."""

    calls: list[tuple[str, int, int, str]] = field(default_factory=list)

    def __call__(self, stage: str, done: int, total: int, unit: str) -> None:
        self.calls.append((stage, done, total, unit))


def opened(place: Path, **options: int) -> Repository:
    return open_repository(str(place / "r"), home=place / "home", options=SourceOptions(**options))


def replay_of(
    repository: Repository, cache: BlobCache, tip: str | None = None, progress: Progress = silent
) -> Replay:
    """A replay of what `tip` leads to (HEAD by default), its messages freshly indexed."""
    changes = list(repository.changes(tip or repository.resolve(), ()))
    table, commits = build_table(changes), messages(changes, segments=2)
    return Replay(repository, cache, ParsingOptions(), 1, table, commits, progress)


def moments(place: Path, commits: Sequence[str], tip: str | None = None, **options: int) -> list[Moment]:
    cache = BlobCache(place / "blobs.sqlite")
    try:
        return list(replay_of(opened(place, **options), cache, tip).moments(commits))
    finally:
        cache.close()


def fresh(repository: Repository, commit: str) -> SnapshotView:
    """The source files of a commit as an index of nothing else, made by the shortest way."""
    entries = [e for e in repository.snapshot(commit).entries if e.role is FileRole.SOURCE]
    keys = [cache_key(e.blob, language_of(e.path), f"{PARSER_VERSION} {ParsingOptions()}") for e in entries]
    records = {}
    with repository.reader() as reader:
        for entry, key in zip(entries, keys, strict=True):
            data = reader.read(entry.blob).data
            records[key] = tokenise(parse(data, language=language_of(entry.path)), data)
    paths = [entry.path for entry in entries]
    table = FileTable(
        paths=paths,
        blobs=[entry.blob for entry in entries],
        keys=as_keys(keys),
        roles=np.full(len(paths), ROLES.index(FileRole.SOURCE), dtype=np.uint8),
        words=index_paths(paths),
    )
    with TemporaryDirectory(prefix="loccit-tests-") as scratch:
        build_segment(Path(scratch) / "fresh.seg", records.items())
        return SnapshotView([open_segment(Path(scratch) / "fresh.seg")], table)


def documents(view: SnapshotView) -> list[tuple[object, ...]]:
    """What is known of each document, but its number."""
    found: list[tuple[object, ...]] = []
    for number in range(len(view)):
        document = view.document(number)
        record = int(view.record_of[number])
        lengths = tuple(int(view.lengths[each][number]) for each in Field)
        found.append((view.files.paths[document.file], document, int(view.copies[record]), lengths))
    return found


def postings(view: SnapshotView) -> dict[tuple[Field, int], list[tuple[object, ...]]]:
    """For each field and term, the places of its documents, and how often it stands there."""
    places = [(path, document.start_byte) for path, document, *_ in documents(view)]
    found: dict[tuple[Field, int], list[tuple[object, ...]]] = {}
    for each in Field:
        keys = {int(key) for segment in view.segments for key in segment.terms[each]}
        for key in keys:
            numbers_, frequencies = view.postings_of_key(each, key)
            rows = zip(numbers_.tolist(), frequencies.tolist(), strict=True)
            held = sorted((places[number], frequency) for number, frequency in rows)
            if held:
                found[each, key] = held
    return found


def assert_same(view: SnapshotView, other: SnapshotView) -> None:
    """The same files, documents, postings and statistics."""
    assert list(view.files.paths) == list(other.files.paths)
    assert list(view.files.blobs) == list(other.files.blobs)
    assert view.files.keys.tolist() == other.files.keys.tolist()
    assert view.roles.tolist() == other.roles.tolist()
    for name, column in view.files.words.arrays().items():
        assert np.array_equal(column, other.files.words.arrays()[name]), name
    assert sorted(map(repr, documents(view))) == sorted(map(repr, documents(other)))
    assert postings(view) == postings(other)
    assert view.file_words.tolist() == other.file_words.tolist()
    assert (view.total_documents, view.total_words) == (other.total_documents, other.total_words)
    assert view.conditions() == other.conditions()


def past_of(moment: Moment) -> dict[str, tuple[int, bool, list[str]]]:
    """By past commit: when, whether a fix, and which files of the moment it changed."""
    past = moment.past
    document_of_record = np.empty(past.commits.records, dtype=np.int64)
    document_of_record[past.commits.record_of] = np.arange(len(past.commits))
    found: dict[str, tuple[int, bool, list[str]]] = {}
    numbers_ = document_of_record[past.commits.record_of_file].tolist()
    for commit, number in zip(past.commits.files.blobs, numbers_, strict=True):
        changed = past.changed[past.changed_by == number].tolist()
        paths = [moment.view.files.paths[file] for file in changed]
        if past.is_past[number]:
            found[commit] = (int(past.times[number]), bool(past.is_fix[number]), paths)
        else:
            assert not paths
    return found


def written(view: SnapshotView) -> list[bytes]:
    """Everything that a view holds, byte for byte."""
    columns = ("keys", "first_doc", "language", "encoding", "flags", "places", "kind", "symbol_text")
    parts = ["\0".join([*view.files.paths, *view.files.blobs]).encode("utf-8", "surrogateescape")]
    parts += [view.files.keys.tobytes(), view.record_of.tobytes(), view.file_words.tobytes()]
    parts += [column.tobytes() for column in view.files.words.arrays().values()]
    for segment in view.segments:
        parts += [getattr(segment, name).tobytes() for name in columns]
        for each in (segment.terms, segment.starts, segment.docs, segment.tfs, segment.lengths):
            parts += [column.tobytes() for column in each]
    return parts


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Branches that part and merge; files come, change, go, move and change their mode, and rules too."""
    trees: list[dict[str, str]] = []
    commits: list[Commit] = []
    texts = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
    for number in range(draw(st.integers(1, 7))):
        parent = draw(st.integers(max(0, number - 3), number - 1)) if number else None
        tree = dict(trees[parent]) if parent is not None else {}
        drawn = draw(st.dictionaries(st.sampled_from(PATHS), st.none() | texts, max_size=3))
        files = {path: text for path, text in drawn.items() if text is not None or path in tree}
        if tree and draw(st.booleans()):
            source = draw(st.sampled_from(sorted(tree)))
            files |= {source: None, "moved/" + source: tree[source]}
        if draw(st.booleans()):
            files[".gitattributes"] = draw(st.sampled_from(("*.py linguist-vendored\n", "", "*.md -x\n")))
        for path, text in files.items():
            tree.pop(path, None)
            if text is not None:
                tree[path] = text
        commit = Commit(files=files, message=draw(st.sampled_from(("Fix it", "", "Change the config"))))
        commit["time"] = draw(st.integers(0, 2**33))
        commit["executables"] = [path for path in files if draw(st.booleans())]
        if parent is not None:
            commit["parent"] = parent
            other = draw(st.integers(0, number - 1))
            if other != parent and draw(st.booleans()):
                commit["merge"] = other
        trees.append(tree)
        commits.append(commit)
    return commits


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_a_moment_is_a_fresh_index_of_its_commit(
    folder: Path, commits: list[Commit], data: st.DataObject
) -> None:
    """In whatever order moments are asked for; and before it came what git says leads to it."""
    place = folder / str(next(numbers))
    ids = make_repository(place / "r", commits, bare=True)
    repository = opened(place)
    leading = git(place / "r", "rev-list", ids[-1]).split()
    asked = data.draw(st.lists(st.sampled_from(leading), min_size=1, max_size=5))
    found = moments(place, asked, ids[-1])
    assert [moment.commit for moment in found] == asked
    for moment in found:
        assert_same(moment.view, fresh(repository, moment.commit))
        stamps = git(place / "r", "log", "--format=%H %ct", moment.commit).splitlines()
        known = {commit: int(time) for commit, time in (line.split() for line in stamps)}
        assert {commit: time for commit, (time, _, _) in past_of(moment).items()} == known
        assert moment.past.now == known[moment.commit]


YOUNG: list[Commit] = [
    {"files": {"src/tool.py": PIECES[0], "src/reader.py": PIECES[2]}, "message": "Begin", "time": 1000},
    {"files": {"src/tool.py": PIECES[1]}, "message": "Fix the config", "parent": 0, "time": 2000},
    {"files": {"src/cache.py": "cache = 7\n"}, "branch": "side", "parent": 0, "time": 9000},
    {"files": {"src/reader.py": None, "lib/reader.py": PIECES[2]}, "parent": 1, "time": 3000},
    {"files": {"src/cache.py": "cache = 7\n"}, "message": "Merge", "parent": 3, "merge": 2, "time": 4000},
]
OLDER: list[Commit] = [
    *YOUNG,
    # From before the moment, but not in its past; then what is really younger, with clocks set back.
    {"files": {"src/tool.py": "x = 1\n"}, "message": "Fix tool", "branch": "late", "parent": 1, "time": 1500},
    {"files": {"lib/reader.py": None, "src/reader.py": PIECES[2]}, "branch": "late", "parent": 3, "time": 10},
    {"files": {"src/reader.py": PIECES[3]}, "message": "Fix reader", "parent": 4, "time": 2},
    {"files": {"src/tool.py": "x = 1\n"}, "parent": 7, "merge": 6, "time": 1},
    {"files": {"src/tool.py": None, "src/reader.py": PIECES[1]}, "message": "Fix", "parent": 8, "merge": 5},
]


def test_nothing_younger_leaks(tmp_path: Path) -> None:
    """A moment of a repository that has grown since, all of it made anew, is the moment as it was then: the
    view byte for byte, the past commit by commit.
    """
    young = make_repository(tmp_path / "then" / "r", YOUNG)
    older = make_repository(tmp_path / "now" / "r", OLDER)
    assert older[: len(young)] == young
    then = moments(tmp_path / "then", young, young[-1])
    now = moments(tmp_path / "now", young, older[-1])
    assert [written(moment.view) for moment in now] == [written(moment.view) for moment in then]
    assert [past_of(moment) for moment in now] == [past_of(moment) for moment in then]
    assert [moment.past.now for moment in now] == [moment.past.now for moment in then]
    assert past_of(now[4])[young[0]][2] == ["lib/reader.py", "src/tool.py"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_a_moment_is_the_same_with_and_without_a_future(
    folder: Path, commits: list[Commit], data: st.DataObject
) -> None:
    """Of any history: known up to the moment, and known whole."""
    place = folder / str(next(numbers))
    ids = make_repository(place / "r", commits, bare=True)
    moment = data.draw(st.sampled_from(git(place / "r", "rev-list", ids[-1]).split()))
    (then,) = moments(place, [moment], moment)
    (now,) = moments(place, [moment], ids[-1])
    assert written(then.view) == written(now.view)
    assert past_of(then) == past_of(now)


def test_a_moment_is_what_the_index_shows(tmp_path: Path) -> None:
    """Where all files are sources, a search of the commit and a replay of it see one and the same."""
    files = {
        "src/tool.py": PIECES[0] + PIECES[1],
        "src/copy.py": PIECES[0] + PIECES[1],
        "lib/a.c": "int a;\n",
    }
    ids = make_repository(tmp_path / "r", [{"files": files}, {"files": {"lib/a.c": "int b;\n"}}])
    loccit = loccit_at(tmp_path / "index")
    loccit.index(tmp_path / "r", history=True)
    shard = shard_of(tmp_path / "index")
    (moment,) = moments(tmp_path, ids[1:])
    assert_same(moment.view, shard.open("files", ids[1])[1])
    repository = opened(tmp_path)
    table = build_table(repository.changes(ids[1], ()))
    cache = BlobCache(tmp_path / "blobs.sqlite")
    _, commits = shard.open("history", ids[1])
    replay = Replay(repository, cache, ParsingOptions(), 1, table, commits)
    found = list(replay.moments(ids))
    cache.close()
    assert [past_of(each).keys() for each in found] == [{ids[0]}, set(ids)]


def bytes_of(place: Path, block: Sequence[Moment]) -> int:
    """The bytes of all versions of files that some moments have together."""
    blobs = {blob for moment in block for blob in moment.view.files.blobs}
    return sum(int(git(place / "r", "cat-file", "-s", blob)) for blob in blobs)


@pytest.mark.parametrize(("commits_at_once", "bytes_at_once"), [(1, 10**9), (3, 10**9), (100, 1), (100, 600)])
def test_blocks_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits_at_once: int, bytes_at_once: int
) -> None:
    """Many commits in one block or each in its own."""
    made: list[Commit] = [
        {"files": {f"src/m{n % 3}.py": PIECES[n % 4] * (n + 1), "docs/d.md": str(n)}} for n in range(9)
    ]
    ids = make_repository(tmp_path / "r", made)
    expected = moments(tmp_path, ids)
    monkeypatch.setattr(replay_past, "_BLOCK_COMMITS", commits_at_once)
    monkeypatch.setattr(replay_past, "_BLOCK_BYTES", bytes_at_once)
    monkeypatch.setattr(replay_past, "_PASTS_AT_ONCE", 2)
    found = moments(tmp_path, ids)
    blocks = [list(group) for _, group in itertools.groupby(found, key=lambda m: id(m.view.segments[0]))]
    assert len(blocks) > 1
    for block in blocks:
        assert len(block) <= commits_at_once
        assert bytes_of(tmp_path, block) <= max(bytes_at_once, 2 * bytes_of(tmp_path, block[:1]))
    for one, other in zip(found, expected, strict=True):
        assert_same(one.view, other.view)
        assert past_of(one) == past_of(other)


def test_a_file_that_moves_has_other_words_in_its_path(tmp_path: Path) -> None:
    """Though there are as many files as before, with the same contents."""
    ids = make_repository(
        tmp_path / "r",
        [{"files": {"src/one.py": "x = 1\n"}}, {"files": {"src/one.py": None, "src/two.py": "x = 1\n"}}],
    )
    for moment in moments(tmp_path, ids):
        assert_same(moment.view, fresh(opened(tmp_path), moment.commit))


def test_every_version_is_parsed_once(tmp_path: Path) -> None:
    """What the cache holds is taken from it, whichever commits hold it."""
    ids = make_repository(
        tmp_path / "r", [{"files": {"src/a.py": "cache = 7\n"}}, {"files": {"src/b.py": "x = 1\n"}}]
    )
    blob = git(tmp_path / "r", "rev-parse", "HEAD:src/a.py")
    key = cache_key(blob, "python", f"{PARSER_VERSION} {ParsingOptions()}")
    cache = BlobCache(tmp_path / "blobs.sqlite")
    other = b"planted = 7\n"
    cache.put([(key, encode(tokenise(parse(other, language="python"), other)))])
    found = list(replay_of(opened(tmp_path), cache).moments(ids))
    for moment in found:
        assert len(moment.view.postings(Field.BODY, "plant")[0]) == 1
    assert len(found[1].view) == 2
    blobs = [git(tmp_path / "r", "rev-parse", f"HEAD:src/{name}") for name in ("a.py", "b.py")]
    keys = [cache_key(each, "python", f"{PARSER_VERSION} {ParsingOptions()}") for each in blobs]
    assert cache.present(keys) == set(keys)
    cache.close()


def test_a_damaged_record_is_parsed_again(tmp_path: Path) -> None:
    """And cached anew."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": "cache = 7\n"}}])
    moments(tmp_path, ids)
    with sqlite3.connect(tmp_path / "blobs.sqlite") as connection:
        connection.execute("UPDATE records SET record = x'00112233'")
    connection.close()
    (moment,) = moments(tmp_path, ids)
    assert_same(moment.view, fresh(opened(tmp_path), ids[0]))
    with sqlite3.connect(tmp_path / "blobs.sqlite") as connection:
        ((record,),) = connection.execute("SELECT record FROM records").fetchall()
    connection.close()
    assert record != bytes.fromhex("00112233")


def test_a_damaged_cache_is_an_error(tmp_path: Path) -> None:
    """IndexBroken, with the way out."""
    made: list[Commit] = [{"files": {f"src/m{n}.py": f"x{n} = {PIECES[n % 4]!r}\n" for n in range(300)}}]
    ids = make_repository(tmp_path / "r", made)
    moments(tmp_path, ids)
    path = tmp_path / "blobs.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(IndexBroken) as failure:
        moments(tmp_path, ids)
    assert "--rebuild" in failure.value.next_step


def test_a_blob_that_is_missing_is_passed_over(tmp_path: Path) -> None:
    """The moment is there without it; where it was replaced by another, the file is there again."""
    ids = make_repository(
        tmp_path / "r",
        [{"files": {"src/a.py": text, "src/b.py": "y = 1\n"}} for text in ("x = 1\n", "x = 2\n")],
    )
    blob = git(tmp_path / "r", "rev-parse", f"{ids[0]}:src/a.py")
    (tmp_path / "r" / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    found = moments(tmp_path, ids)
    assert [list(moment.view.files.paths) for moment in found] == [["src/b.py"], ["src/a.py", "src/b.py"]]
    assert past_of(found[0]) == {ids[0]: (1_700_000_000, False, ["src/b.py"])}


def test_a_blob_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """As it is when it is larger than anything that is read."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": "x = 1\n" * 500, "src/b.py": "y = 1\n"}}])
    (moment,) = moments(tmp_path, ids, max_object_bytes=1000)
    assert list(moment.view.files.paths) == ["src/b.py"]
    assert len(moment.view) == 1


def test_files_that_a_snapshot_leaves_out_are_left_out(tmp_path: Path) -> None:
    """Empty, too large, ignored, vendored, links: at the first moment and at later ones alike."""
    files: dict[str, str | None] = {
        "src/a.py": "x = 1\n",
        "src/empty.py": "",
        "src/large.py": "x = 1\n" * 50,
        "src/ignored.py": "x = 1\n",
        "src/bought.py": "x = 1\n",
        ".loccitignore": "ignored.py\n",
        ".gitattributes": "bought.py linguist-vendored\n",
    }
    later = {
        path: f"{text}x = 2\n" if text and path.endswith(".py") else text for path, text in files.items()
    }
    ids = make_repository(
        tmp_path / "r",
        [
            {"files": files, "symlinks": {"src/l.py": "a.py"}},
            {"files": later},
            {"files": {".loccitignore": None}},
        ],
    )
    found = moments(tmp_path, ids, max_file_bytes=100)
    assert [list(moment.view.files.paths) for moment in found] == [
        ["src/a.py"],
        ["src/a.py"],
        ["src/a.py", "src/ignored.py"],
    ]


def test_one_commit_is_a_moment(tmp_path: Path) -> None:
    """It has itself for a past."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": "x = 1\n"}, "message": "Fix it"}])
    (moment,) = moments(tmp_path, ids)
    assert past_of(moment) == {ids[0]: (1_700_000_000, True, ["src/a.py"])}


def test_a_commit_may_have_no_sources(tmp_path: Path) -> None:
    """Then there is nothing to find, and a past all the same."""
    ids = make_repository(tmp_path / "r", [{"files": {}}, {"files": {"README.md": "Words\n"}}])
    found = moments(tmp_path, ids)
    assert [len(moment.view) for moment in found] == [0, 0]
    assert [past_of(moment).keys() for moment in found] == [{ids[0]}, set(ids)]


def test_no_commits_are_no_moments(tmp_path: Path) -> None:
    """In an empty repository as well as in a plain folder, where nothing can be replayed."""
    make_repository(tmp_path / "r")
    cache = BlobCache(tmp_path / "blobs.sqlite")
    table, commits = build_table([]), messages([])
    replay = Replay(opened(tmp_path), cache, ParsingOptions(), 1, table, commits)
    assert list(replay.moments([])) == []
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("x = 1\n")
    plain = open_repository(str(tmp_path / "plain"), home=tmp_path / "home")
    replay = Replay(plain, cache, ParsingOptions(), 1, table, commits)
    assert list(replay.moments([])) == list(replay.moments([plain.resolve()])) == []
    cache.close()


def test_a_commit_that_the_table_does_not_have_has_no_past(tmp_path: Path) -> None:
    """Its files are there; and what it does not know, it does not learn from others."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": f"x = {n}\n"}} for n in range(3)])
    old, new = moments(tmp_path, [ids[0], ids[2]], tip=ids[1])
    assert past_of(old).keys() == {ids[0]}
    assert list(new.view.files.paths) == ["src/a.py"]
    assert (past_of(new), new.past.now) == ({}, 0)


def test_a_commit_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """ObjectMissing, wherever it stands."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": "x = 1\n"}}])
    for asked in (["1" * 40, *ids], [*ids, "1" * 40]):
        with pytest.raises(ObjectMissing):
            moments(tmp_path, asked)


def test_where_a_shallow_clone_ends_the_past_ends(tmp_path: Path) -> None:
    """What was left behind is nobody's past, and the last commit is not blamed for every file."""
    ids = make_repository(tmp_path / "whole", [{"files": {f"src/m{n}.py": f"x = {n}\n"}} for n in range(5)])
    git(tmp_path, "clone", "-q", "--depth=2", (tmp_path / "whole").as_uri(), "r")
    end, tip = moments(tmp_path, ids[3:])
    assert {commit: paths for commit, (_, _, paths) in past_of(tip).items()} == {
        ids[3]: [],
        ids[4]: ["src/m4.py"],
    }
    assert len(end.view) == 4


def test_progress_is_told(tmp_path: Path) -> None:
    """Up to the last commit."""
    ids = make_repository(tmp_path / "r", [{"files": {"src/a.py": f"x = {n}\n"}} for n in range(3)])
    cache, told = BlobCache(tmp_path / "blobs.sqlite"), Told()
    list(replay_of(opened(tmp_path), cache, progress=told).moments(ids))
    cache.close()
    assert told.calls == [("replaying the past", done, 3, "commits") for done in (1, 2, 3)]


def test_a_caller_may_stop_early_and_keep_what_it_has(tmp_path: Path) -> None:
    """No process and no warning is left behind; a moment outlives its replay."""
    ids = make_repository(
        tmp_path / "r", [{"files": {"src/a.py": f"x = {n}\n"}} for n in range(300)], bare=True
    )
    cache = BlobCache(tmp_path / "blobs.sqlite")
    found = replay_of(opened(tmp_path), cache, ids[-1]).moments(ids)
    moment = next(found)
    found.close()  # pyright: ignore[reportAttributeAccessIssue]
    cache.close()
    assert len(moment.view.postings_of_key(Field.BODY, term_key("x"))[0]) == 1


def test_a_history_may_be_added_to(tmp_path: Path) -> None:
    """A table that was extended replays as one that was made at once."""
    ids = make_repository(tmp_path / "r", YOUNG)
    repository = opened(tmp_path)
    before = build_table(repository.changes(ids[-1], ()))
    more = add_commits(tmp_path / "r", [{"files": {"src/new.py": "x = 1\n"}, "message": "Fix"}], first=5)
    changes = list(repository.changes(repository.resolve(), ()))
    table = build_table(repository.changes(repository.resolve(), (ids[-1],)), before)
    cache = BlobCache(tmp_path / "blobs.sqlite")
    replay = Replay(repository, cache, ParsingOptions(), 1, table, messages(changes))
    found = list(replay.moments([*ids, *more]))
    cache.close()
    for one, other in zip(found, moments(tmp_path, [*ids, *more]), strict=True):
        assert past_of(one) == past_of(other)
        assert_same(one.view, other.view)
