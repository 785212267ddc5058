"""Commit history: messages, changed paths and the symbols that hunks name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.core.source import CommitRecord
from loccit.sources import Repository
from loccit.sources.symbols import symbol_in_hunk_header
from tests.repositories import FIRST_COMMIT_TIME, Commit, git, make_repository

Open = Callable[..., Repository]

MODULE = """\
import os


class Keeper:
    def first(self):
        a = 1
        b = 2
        c = 3
        d = 4
        return a + b + c + d

    def second(self):
        return 5


def third():
    return 6
"""


def history(repository: Repository, known: tuple[str, ...] = ()) -> list[CommitRecord]:
    return list(repository.commits(repository.resolve(), known))


def test_a_commit_has_its_message_time_and_paths(tmp_path: Path, open_at: Open) -> None:
    """Oldest first; the root commit changes all its files; deletions and additions are changes."""
    ids = make_repository(
        tmp_path / "r",
        [
            {"files": {"a": "1\n", "b/c": "2\n"}, "message": "First\n\nWith a body: 'quoted' ü\n"},
            {"files": {"a": None, "new\nline": "3\n"}, "message": "Second"},
            {"files": {}, "message": "Nothing changes"},
            {"files": {}, "message": ""},
        ],
    )
    assert history(open_at(tmp_path / "r")) == [
        CommitRecord(ids[0], FIRST_COMMIT_TIME, "First\n\nWith a body: 'quoted' ü", ("a", "b/c"), ()),
        CommitRecord(ids[1], FIRST_COMMIT_TIME + 60, "Second", ("a", "new\nline"), ()),
        CommitRecord(ids[2], FIRST_COMMIT_TIME + 120, "Nothing changes", (), ()),
        CommitRecord(ids[3], FIRST_COMMIT_TIME + 180, "", (), ()),
    ]


def test_a_method_is_named_rather_than_its_class(tmp_path: Path, open_at: Open) -> None:
    """Hunks are headed by git's Python driver; functions that a change adds or takes away are named too."""
    changed = MODULE.replace("c = 3", "c = 33").replace("def third", "def fourth")
    make_repository(tmp_path / "r", [{"files": {"m.py": MODULE}}, {"files": {"m.py": changed}}])
    first, second = history(open_at(tmp_path / "r"))
    assert first.symbols == ("Keeper", "first", "second", "third")
    assert {"first", "third", "fourth"} <= set(second.symbols)
    assert "Keeper" not in second.symbols


# What comes before and after a body of five lines, and the name that a change in it belongs to.
SOURCES = {
    "a.js": ("export async function load(x) {", "}", "load"),
    "a2.mjs": ("class Box {\n  open(key) {", "  }\n}", "open"),
    "b.ts": ("class Box {\n  private async open(key: string): Promise<void> {", "  }\n}", "open"),
    "c.tsx": ("export const App = (props) => {", "};", "App"),
    "d.go": ("func (b *Box) Open(k string) error {", "}", "Open"),
    "e.rs": ("pub(crate) fn open<T>(k: T) -> u8 {", "}", "open"),
    "f.java": ("class Box {\n    public int open(String k) {", "    }\n}", "open"),
    "g.c": ("static int open_box(const char *k)\n{", "}", "open_box"),
    "h.cs": ("class Box\n{\n    public int Open(string k)\n    {", "    }\n}", "Open"),
    "i.rb": ("class Box\n  def open(k)", "  end\nend", "open"),
    "j.php": ("<?php\nclass Box {\n    public function open($k) {", "    }\n}", "open"),
    "k.sh": ("open_box() {", "}", "open_box"),
    "l.py": ("class Box:\n    async def open(self):", "", "open"),
    "m.kt": ("class Box {\n    fun open(k: String): Int {", "    }\n}", "open"),
}
BODY = "\n        a = 1\n        b = 2\n        c = 3\n        d = 4\n        return 1\n"


@pytest.mark.parametrize("name", SOURCES)
def test_functions_are_named_in_every_language(tmp_path: Path, open_at: Open, name: str) -> None:
    """A change inside a function's body names the function."""
    before, after, symbol = SOURCES[name]
    source = before + BODY + after + "\n"
    changed = source.replace("return 1", "return 2")
    make_repository(tmp_path / "r", [{"files": {name: source}}, {"files": {name: changed}}])
    assert history(open_at(tmp_path / "r"))[1].symbols == (symbol,)


def test_prose_and_data_name_no_symbols(tmp_path: Path, open_at: Open) -> None:
    """Their hunk headers are chance lines."""
    files = {"a.md": "Title\n\n" + "word\n" * 20, "b.txt": "Name\n\n" + " x\n" * 20}
    make_repository(
        tmp_path / "r", [{"files": files}, {"files": {name: text + "more\n" for name, text in files.items()}}]
    )
    assert [record.symbols for record in history(open_at(tmp_path / "r"))] == [(), ()]


def test_a_merge_is_compared_with_its_first_parent(tmp_path: Path, open_at: Open) -> None:
    """What the branch brought in is what the merge changes."""
    commits: list[Commit] = [
        {"files": {"a": "1\n"}},
        {"files": {"side": "1\n"}, "branch": "side", "parent": 0},
        {"files": {"main": "1\n"}, "branch": "main", "parent": 0},
        {"files": {"side": "1\n"}, "parent": 2, "merge": 1},
    ]
    ids = make_repository(tmp_path / "r", commits)
    found = {record.commit: record.paths for record in history(open_at(tmp_path / "r"))}
    assert found == {ids[0]: ("a",), ids[1]: ("side",), ids[2]: ("main",), ids[3]: ("side",)}


def test_only_what_is_new_is_read(tmp_path: Path, open_at: Open) -> None:
    """Commits reachable from a known one are left out; known ones that are gone do no harm."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(6)])
    repository = open_at(tmp_path / "r")
    for known in ((ids[3],), (ids[0], ids[3], ids[2], "0" * 40), (ids[3], "nonsense", "--all")):
        assert [record.commit for record in history(repository, known)] == ids[4:]
    assert history(repository, (ids[5],)) == []


def test_ancestors_are_newest_first(tmp_path: Path, open_at: Open) -> None:
    """The tip is the first of them."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(5)])
    assert open_at(tmp_path / "r").ancestors(ids[3]) == ids[3::-1]


def test_more_commits_than_one_process_takes_stay_in_order(tmp_path: Path, open_at: Open) -> None:
    """A thousand commits come out once each, oldest first, whichever process read them."""
    ids = make_repository(
        tmp_path / "r", [{"files": {"m.py": f"def f{n}():\n    pass\n"}} for n in range(1000)], bare=True
    )
    found = history(open_at(tmp_path / "r", history_processes=3))
    assert [record.commit for record in found] == ids
    assert all(f"f{number}" in record.symbols for number, record in enumerate(found))


def test_a_huge_commit_keeps_its_paths_and_names_no_symbols(tmp_path: Path, open_at: Open) -> None:
    """Reformatting a whole tree says nothing about any one function."""
    files = {f"{n}.py": f"def f{n}():\n    pass\n" for n in range(30)}
    make_repository(tmp_path / "r", [{"files": files}], bare=True)
    (record,) = history(open_at(tmp_path / "r", max_diffed_paths=29))
    assert len(record.paths) == 30
    assert record.symbols == ()


def test_messages_in_other_encodings_become_text(tmp_path: Path, open_at: Open) -> None:
    """A declared encoding is honoured by git; bytes that are no text are replaced."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}, "message": b"caf\xe9 \xff\xfe\x1b[31m"}])
    (record,) = history(open_at(tmp_path / "r"))
    assert record.message.startswith("caf\ufffd")


def test_a_message_cannot_pass_for_another_commit(tmp_path: Path, open_at: Open) -> None:
    """Lines that look like ids, raw entries or hunks stay what they are: parts of a message or of a file."""
    trap = f"{'1' * 40}\n:100644 100644 {'2' * 40} {'3' * 40} M\n@@ -1 +1 @@ def trap():\n"
    source = "def real():\n" + "    pass\n" * 9
    ids = make_repository(
        tmp_path / "r",
        [
            {"files": {"a.py": source}, "message": trap},
            {"files": {"a.py": source + f'    """\n{trap}"""\n'}, "message": trap},
        ],
    )
    found = history(open_at(tmp_path / "r"))
    assert [record.commit for record in found] == ids
    assert [record.paths for record in found] == [("a.py",), ("a.py",)]
    assert found[1].symbols == ("real",)


def test_a_tip_that_is_not_there_is_an_error(tmp_path: Path, open_at: Open) -> None:
    """ObjectMissing, not an empty history."""
    make_repository(tmp_path / "r", [{"files": {"a": "1"}}])
    repository = open_at(tmp_path / "r")
    with pytest.raises(ObjectMissing):
        list(repository.commits("0" * 40, ()))
    with pytest.raises(ObjectMissing):
        repository.ancestors("0" * 40)


def test_a_broken_history_is_an_error(tmp_path: Path, open_at: Open) -> None:
    """A commit in the middle that is gone is noticed."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    (tmp_path / "r" / ".git" / "objects" / ids[1][:2] / ids[1][2:]).unlink()
    with pytest.raises((ObjectMissing, ObjectCorrupt)):
        history(open_at(tmp_path / "r"))


def test_a_commit_whose_files_are_not_here_is_known_by_its_paths(tmp_path: Path, open_at: Open) -> None:
    """As in a partial clone: one file of one commit is gone, and the others keep their symbols."""
    commits: list[Commit] = [
        {"files": {f"src/part{number}.py": f"def send_{number}():\n    return {number}\n"}}
        for number in range(9)
    ]
    repository = make_repository(tmp_path / "r", commits)
    lost = git(tmp_path / "r", "rev-parse", f"{repository[4]}:src/part4.py").strip()
    (tmp_path / "r" / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    records = history(open_at(tmp_path / "r"))
    assert [record.paths for record in records] == [(f"src/part{number}.py",) for number in range(9)]
    assert [record.symbols for record in records] == [
        () if number == 4 else (f"send_{number}",) for number in range(9)
    ]


def test_a_caller_may_stop_early(tmp_path: Path, open_at: Open) -> None:
    """No process and no warning is left behind."""
    ids = make_repository(tmp_path / "r", [{"files": {"a.py": f"x = {n}\n"}} for n in range(900)], bare=True)
    records = open_at(tmp_path / "r").commits(ids[-1], ())
    assert next(records).commit == ids[0]
    records.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_memory_stays_flat_over_large_changes(tmp_path: Path, home: Path) -> None:
    """Twenty megabytes of changes are read within a few megabytes of memory."""
    files = [{"m.py": "".join(f"x{i}_{n} = {i}\n" for i in range(30_000))} for n in range(20)]
    ids = make_repository(tmp_path / "r", [{"files": each} for each in files], bare=True)
    code = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from loccit.sources import open_repository\n"
        "repository = open_repository(sys.argv[1], home=Path(sys.argv[2]))\n"
        "next(repository.commits(sys.argv[3], ()))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in repository.commits(sys.argv[4], ()))\n"
        "print(json.dumps([count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))\n"
    )
    arguments = [str(tmp_path / "r"), str(home), ids[0], ids[-1]]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True)
    count, grown_kb = json.loads(done.stdout)
    assert count == 20
    assert grown_kb < 16_000 * (1 if sys.platform != "darwin" else 1024)


def test_replaced_history_is_not_believed(tmp_path: Path, open_at: Open) -> None:
    """Grafts and replace refs of the repository change nothing."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": str(n)}} for n in range(4)])
    git(tmp_path / "r", "replace", "--graft", ids[3], ids[0])
    assert git(tmp_path / "r", "rev-list", "--count", "HEAD") == "2"
    repository = open_at(tmp_path / "r")
    assert [record.commit for record in history(repository)] == ids
    assert len(repository.ancestors(ids[3])) == 4


@pytest.mark.parametrize(
    ("line", "symbol"),
    [
        (b"def alias_diff(before, after):", "alias_diff"),
        (b"    async def get(self):", "get"),
        (b"class QuerySet(AltersData):", "QuerySet"),
        (b"func (s *Server) Serve(l net.Listener) error {", "Serve"),
        (b"func main() {", "main"),
        (b"impl<'a> fmt::Display for Token<'a> {", "Token"),
        (b"impl Parser {", "Parser"),
        (b"pub(crate) unsafe fn poke(x: u8) {", "poke"),
        (b"static inline int do_thing(struct x *y)", "do_thing"),
        (b"void Foo::bar(int a) {", "bar"),
        (b"public static <T> List<T> copyOf(List<T> x) {", "copyOf"),
        (b"export default class App extends Component {", "App"),
        (b"const handler = async (event) => {", "handler"),
        (b"  module Admin", "Admin"),
        (b"sub new {", "new"),
        (b"struct point {", "point"),
        (b"  if (x) {", ""),
        (b"Some words of prose", ""),
        (b"", ""),
    ],
)
def test_the_name_is_read_off_a_hunk_header(line: bytes, symbol: str) -> None:
    """One name, the one that is defined; nothing from prose and keywords."""
    assert symbol_in_hunk_header(line) == symbol


@given(st.binary(max_size=200))
def test_any_bytes_may_head_a_hunk(line: bytes) -> None:
    """Names come out as text, or not at all."""
    assert isinstance(symbol_in_hunk_header(line), str)
