"""What is found at a commit depends on that commit alone, never on what was indexed before it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from loccit.indexing import shard as shard_module
from tests.repositories import Commit, add_commits, git, make_repository
from tests.unit.pipeline.homes import assert_no_rubbish, found, fresh, loccit_at, shard_of

PATHS = (
    "src/tool.py",
    "src/reader.py",
    "tests/test_tool.py",
    "docs/guide.md",
    "config.toml",
    "lib/vendor.js",
)
PIECES = (
    "def load_config(path):\n    '''Parse the config file.'''\n    return parse(path)\n\n\n",
    "class ParserError(Exception):\n    '''The parser met an error.'''\n\n\n",
    "def close_reader(reader):\n    # The reader is closed once.\n    reader.close()\n\n\n",
    "# Guide\n\nHow the cache works: 7 entries, then the oldest goes.\n\n",
    "cache = 7\n",
    "function parseConfig(text) { return JSON.parse(text); }\n",
)

contents = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
changes = st.dictionaries(st.sampled_from(PATHS), st.none() | contents, min_size=1, max_size=4)


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """A few commits on two branches: files come, change, go, are copied, renamed, and change their mode."""
    trees: list[dict[str, str]] = []
    commits: list[Commit] = []
    for number in range(draw(st.integers(2, 5))):
        parent = draw(st.integers(0, number - 1)) if number else None
        tree = dict(trees[parent]) if parent is not None else {}
        changed = dict(draw(changes))
        files = {path: text for path, text in changed.items() if text is not None or path in tree}
        if tree and draw(st.booleans()):
            source = draw(st.sampled_from(sorted(tree)))
            files["copied/" + source] = tree[source]
            if draw(st.booleans()):
                files[source] = None
        for path, text in files.items():
            if text is None:
                tree.pop(path, None)
            else:
                tree[path] = text
        trees.append(tree)
        commit = Commit(files=files, message=f"Change {number}: parse the config {'again' * (number % 2)}")
        commit["branch"] = "main" if number == 0 or draw(st.booleans()) else "side"
        commit["executables"] = [path for path in files if draw(st.booleans())]
        if parent is not None:
            commit["parent"] = parent
        commits.append(commit)
    return commits


steps = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["index", "index", "index", "search", "rebuild", "gc"])),
    min_size=2,
    max_size=6,
)
folders: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walks")


# Shrinking would take minutes: an example is small as it is.
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
@given(commits=histories(), walk=steps, kept=st.integers(1, 3))
def test_a_walk_over_commits_finds_what_fresh_indexes_find(
    playground: Path, commits: list[Commit], walk: list[tuple[int, str]], kept: int
) -> None:
    """Scores, order, symbols, reasons and matched words are those of a home that saw one commit only."""
    folder = playground / str(next(folders))
    ids = make_repository(folder / "project", commits)
    walked = loccit_at(folder / "walked", kept_snapshots=kept)
    expected: dict[str, object] = {}
    for number, action in walk:
        rev = ids[number % len(ids)]
        if action != "search" or number == walk[0][0]:
            walked.index(folder / "project", rev=rev, rebuild=action == "rebuild")
        if action == "gc":
            walked.gc()
        if rev not in expected:
            expected[rev] = fresh(folder / f"fresh-{rev}", folder / "project", rev)
        assert found(walked, rev=rev, repos=["project"]) == expected[rev]


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Forty small commits on three branches that are merged now and then."""
    chance = random.Random(5)
    commits: list[Commit] = []
    for number in range(40):
        name, ending = chance.choice("abcdefgh"), chance.choice(["py", "md"])
        path = f"{chance.choice(['src', 'tests', 'docs'])}/{name}.{ending}"
        text = "".join(chance.choices(PIECES, k=3)) + f"value_{number} = {number}\n"
        commit = Commit(files={path: text}, message=f"Set value {number}\n\nThe parser reads the config.")
        commit["branch"] = chance.choice(["main", "main", "side", "topic"])
        if number:
            commit["parent"] = chance.randrange(max(0, number - 6), number)
        if number > 10 and number % 7 == 0:
            commit["merge"] = chance.randrange(number - 5, number)
            if commit["merge"] == commit["parent"]:
                del commit["merge"]
        commits.append(commit)
    folder = tmp_path_factory.mktemp("long") / "project"
    return folder, make_repository(folder, commits)


def test_many_small_commits_are_merged_and_change_no_score(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Forty indexings, forwards and then at random, leave few segments and the scores of a fresh index."""
    repository, ids = long_history
    chance = random.Random(7)
    walked = loccit_at(tmp_path / "walked", kept_snapshots=3)
    for number, rev in enumerate([*ids[:25], *chance.sample(ids, 15)]):
        walked.index(repository, rev=rev)
        if number in {9, 24, 30, 39}:
            assert found(walked, rev=rev) == fresh(tmp_path / f"f{number}", repository, rev)
            past = found(walked, rev=rev, history=True)
            assert past == fresh(tmp_path / f"h{number}", repository, rev, history=True)
            assert any(past)
    assert all(len(names) <= 7 for names in shard_of(tmp_path / "walked").manifest().segments.values())
    assert_no_rubbish(tmp_path / "walked")


def test_segments_of_few_documents_change_no_score(
    long_history: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a segment may hold twelve chunks only, an index is many segments, full ones are left alone and
    scores are the same.
    """
    repository, ids = long_history
    expected = fresh(tmp_path / "fresh", repository, ids[-1], history=True)
    monkeypatch.setattr(shard_module, "MAX_DOCUMENTS", 12)
    small = loccit_at(tmp_path / "small")
    for rev in ids[::6]:
        small.index(repository, rev=rev)
    small.index(repository, rev=ids[-1])
    assert len(shard_of(tmp_path / "small").manifest().segments["files"]) > 2
    assert found(small, rev=ids[-1], history=True) == expected
    small.gc()
    assert found(small, rev=ids[-1], history=True) == expected


def test_filters_restrict_what_is_found_and_never_its_scores(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """With a filter of paths or languages the same hits stand with the same scores, whatever came before."""
    repository, ids = long_history
    walked = loccit_at(tmp_path / "walked")
    for rev in (ids[3], ids[20], ids[11]):
        walked.index(repository, rev=rev, history=False)
    alone = loccit_at(tmp_path / "alone")
    alone.index(repository, rev=ids[11], history=False)
    for filters in ({"paths": ["src/"]}, {"languages": ["markdown"]}, {"paths": ["*.py", "!tests/"]}):
        restricted = found(walked, rev=ids[11], **filters)
        assert restricted == found(alone, rev=ids[11], **filters)
        whole = {hit.place: hit.score for hits in found(walked, rev=ids[11]) for hit in hits}
        assert all(hit.place in whole for hits in restricted for hit in hits)
    assert any(found(walked, rev=ids[11], paths=["src/"]))


def test_a_collection_finds_the_same_in_whatever_order_it_was_indexed(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Three repositories, indexed in three orders: one ranking, for files and for commits."""
    source, _ = long_history
    reachable = git(source, "rev-list", "HEAD").split()
    for name, rev in zip(["one", "two", "three"], [reachable[0], reachable[3], reachable[-3]], strict=True):
        git(tmp_path, "clone", "-q", "--no-local", str(source), name)
        git(tmp_path / name, "checkout", "-q", "--detach", rev)
        git(tmp_path / name, "remote", "remove", "origin")
    rankings: list[object] = []
    for number, order in enumerate(itertools.permutations(["one", "two", "three"])):
        if number % 2:
            continue
        loccit = loccit_at(tmp_path / f"home{number}")
        for name in order:
            loccit.index(tmp_path / name, collection="all")
        rankings.append((found(loccit, collection="all"), found(loccit, collection="all", history=True)))
        assert {hit.place.repo for hits in rankings[-1][0] for hit in hits} == {"one", "two", "three"}
    assert rankings[0] == rankings[1] == rankings[2]


def test_history_walked_over_branches_and_back_is_whole(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Histories that were dropped and half merged away are made whole again."""
    repository, ids = long_history
    walked = loccit_at(tmp_path / "walked")
    chance = random.Random(11)
    for rev in [*chance.sample(ids, 12), ids[2], ids[-1], ids[5]]:
        walked.index(repository, rev=rev)
        commits = set(git(repository, "rev-list", rev).split())
        hits = walked.search("set value config parser", rev=rev, history=True, limit=100)
        assert {hit.place.object_id for hit in hits} == commits


def test_a_commit_that_outlived_what_leads_to_it_does_not_stand_for_it(tmp_path: Path) -> None:
    """Merged with a long history that stays, a commit is kept though no snapshot shows it; what led to it is
    not.
    """
    commits: list[Commit] = [
        {"files": {f"a{n}.py": "x = 1\n"}, "message": f"Set config {n}"} for n in range(4)
    ]
    commits += [
        {"files": {f"b{n}.py": "y = 1\n"}, "message": f"Parse config {n}", "branch": "other"}
        for n in range(9)
    ]
    commits.append({"files": {"c.py": "z = 1\n"}, "message": "Join configs", "parent": 3, "merge": 12})
    ids = make_repository(tmp_path / "project", commits)
    loccit = loccit_at(tmp_path / "home", kept_snapshots=2)
    for number in (2, 13, 11, 12, 13):
        loccit.index(tmp_path / "project", rev=ids[number])
    rev = ids[13]
    expected = fresh(tmp_path / "fresh", tmp_path / "project", rev, history=True)
    assert found(loccit, rev=rev, history=True) == expected


def test_history_of_a_shallow_clone_is_whole_when_it_is_deepened(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Where a shallow clone ended, a commit seemed to have no parent: nothing of that stays when it has."""
    source, _ = long_history
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{source}", "clone")
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "clone")
    git(tmp_path / "clone", "fetch", "-q", "--deepen=3")
    loccit.index(tmp_path / "clone")
    git(tmp_path / "clone", "fetch", "-q", "--unshallow")
    loccit.index(tmp_path / "clone")
    assert found(loccit, history=True) == fresh(tmp_path / "fresh", tmp_path / "clone", "HEAD", history=True)


def test_an_amended_commit_adds_one_commit_of_history(
    long_history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """The commits behind a tip that was replaced are there already."""
    source, _ = long_history
    git(tmp_path, "clone", "-q", str(source), "clone")
    loccit = loccit_at(tmp_path / "home")
    loccit.index(tmp_path / "clone")
    git(tmp_path / "clone", "commit", "-q", "--amend", "-m", "The parser, told anew")
    report = loccit.index(tmp_path / "clone")
    assert report.history is not None
    assert report.history.parsed == 1
    assert found(loccit, history=True) == fresh(tmp_path / "fresh", tmp_path / "clone", "HEAD", history=True)


def test_a_file_table_of_copies_counts_each_copy(tmp_path: Path) -> None:
    """Two copies of a blob count as two files in every statistic: idf and lengths are those of two files."""
    text = PIECES[0] + PIECES[1]
    make_repository(tmp_path / "copies", [{"files": {"a.py": text, "b.py": text, "c.py": PIECES[2]}}])
    other = text.replace("return parse(path)", "return parse( path)")
    make_repository(tmp_path / "apart", [{"files": {"a.py": text, "b.py": other, "c.py": PIECES[2]}}])
    scores: list[dict[str, float]] = []
    for name in ("copies", "apart"):
        loccit = loccit_at(tmp_path / f"home-{name}")
        loccit.index(tmp_path / name)
        scores.append({hit.place.path: hit.score for hit in loccit.search("config reader closed")})
    assert scores[0] == {path: score for path, score in scores[1].items() if path != "b.py"}
    add_commits(tmp_path / "copies", [{"files": {"b.py": None}}], first=1)
    loccit = loccit_at(tmp_path / "home-copies")
    loccit.index(tmp_path / "copies")
    assert {hit.place.path: hit.score for hit in loccit.search("config reader closed")} != scores[0]
