"""One library, many threads: every answer is the one that a question asked alone would have had."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from loccit import Loccit
from loccit.indexing.shard import Shard
from loccit.indexing.view import SnapshotView
from loccit.settings import children_without_working_directory
from loccit.verification import Status
from tests.processes import git_children
from tests.repositories import Commit, git, make_repository

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are listed from /proc")

_QUESTIONS = {
    "parcels": [
        "what does a parcel cost?",
        "where is the weight of a parcel rounded?",
        "when did the price of zone 3 change, and why?",
    ],
    "retries": ["how often is the carrier asked again?", "after a timeout, who gives up?", "penguins"],
}
_THREADS = 6


def _prices(version: int) -> str:
    lines = [f'"""What a parcel costs, tariff {version}."""', ""]
    for zone in range(8):
        lines += [
            f"def price_of_zone_{zone}(weight_kg):",
            f'    """The cost of one parcel to zone {zone}: its weight, rounded, times {version + zone}."""',
            f"    return round(weight_kg) * {version + zone}",
            "",
        ]
    return "\n".join(lines)


def _commits() -> list[Commit]:
    return [
        {
            "files": {"prices.py": _prices(n), f"notes/{n}.md": f"# Tariff {n}\n\nA parcel costs {n}.\n"},
            "message": f"Raise the price of zone 3 to tariff {n}\n\nThe carrier asked for it.",
        }
        for n in range(5)
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two repositories, indexed; of `parcels`, which has five commits, the first. One snapshot is kept."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text("[indexing]\nkept_snapshots = 1\n")
    ids = make_repository(tmp_path / "parcels", _commits())
    retries = "def ask_again(carrier, attempts=3):\n    '''Asks the carrier again after a timeout.'''\n"
    make_repository(tmp_path / "retries", [{"files": {"retries.py": retries}, "message": "Ask again"}])
    library = Loccit(tmp_path / "home")
    library.index(tmp_path / "parcels", rev=ids[0])
    library.index(tmp_path / "retries")
    return tmp_path / "home"


def _told(library: Loccit, repo: str, question: str) -> tuple[object, ...]:
    """All that is said to a question, but what differs from run to run; what it cites holds."""
    answer = library.ask(question, repos=[repo])
    if answer.claims:
        assert library.verify(answer).status is Status.HOLDS
    hits = library.search(question, repos=[repo])
    return answer.digest, hits


def _ask_until(
    done: Event, ask: Callable[[str, str], tuple[object, ...]]
) -> list[tuple[str, tuple[object, ...]]]:
    heard: list[tuple[str, tuple[object, ...]]] = []
    while not done.is_set():
        for repo, questions in _QUESTIONS.items():
            heard += [(question, ask(repo, question)) for question in questions]
    return heard


def test_answers_are_those_of_one_published_state_while_another_process_indexes(home: Path):
    """Search and answer may each meet another state, but each is wholly of one."""
    repository = home.parent / "parcels"
    ids = git(repository, "rev-list", "--reverse", "HEAD").split()
    before = _open_files()
    done, library = Event(), Loccit(home).for_guest(None)
    allowed: dict[str, set[tuple[str, tuple[object, ...]]]] = {"digest": set(), "hits": set()}

    def note_what_is_right() -> None:
        alone = Loccit(home).for_guest(None)
        for repo, questions in _QUESTIONS.items():
            for question in questions:
                digest, hits = _told(alone, repo, question)
                allowed["digest"].add((question, (digest,)))
                allowed["hits"].add((question, (hits,)))

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            note_what_is_right()
            threads = [
                pool.submit(_ask_until, done, lambda repo, question: _told(library, repo, question))
                for _ in range(_THREADS)
            ]
            for commit in ids[1:4]:
                _index_files(home, repository, commit)
                note_what_is_right()
                for process in git_children():
                    os.kill(process, signal.SIGKILL)
        finally:
            done.set()
        heard = [one for thread in threads for one in thread.result()]
    assert {question for question, _ in heard} == {q for some in _QUESTIONS.values() for q in some}
    for question, (digest, hits) in heard:
        assert (question, (digest,)) in allowed["digest"]
        assert (question, (hits,)) in allowed["hits"]
    # Every state was met, and nothing of those that are gone is held.
    assert len({digest for question, (digest, _) in heard if question == _QUESTIONS["parcels"][0]}) == 4
    assert len(git_children()) <= 2 * 8
    _told(library, "parcels", _QUESTIONS["parcels"][0])
    del heard, threads
    gc.collect()
    assert _mapped_and_deleted(home) == []
    assert _open_files() - before < 100


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _index_files(home: Path, repository: Path, rev: str) -> None:
    """Indexed by another process, files alone: history would be a second state."""
    script = (
        "import sys; from loccit import Loccit\n"
        "Loccit(sys.argv[1]).index(sys.argv[2], rev=sys.argv[3], history=False)"
    )
    subprocess.run([sys.executable, "-c", script, str(home), str(repository), rev], check=True)


def _mapped_and_deleted(home: Path) -> list[str]:
    maps = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in maps if str(home) in line and line.endswith("(deleted)")]


def test_triage_grep_cite_and_verify_from_many_threads_say_what_they_say_alone(home: Path):
    library = Loccit(home).for_guest(None)
    library.index(home.parent / "parcels")

    def all_of_it(number: int) -> tuple[object, ...]:
        repo = ("parcels", "retries")[number % 2]
        file = {"parcels": "prices.py", "retries": "retries.py"}[repo]
        at = git(home.parent / repo, "rev-parse", "HEAD")
        citation = library.cite(file, 1, 2, repository=repo)
        return (
            library.triage(
                "price_of_zone_3 gives the wrong cost after a timeout", repo=repo, as_of=at
            ).digest,
            tuple(library.grep("def ", repos=[repo])),
            citation,
            library.checked(citation, repo),
            library.search("zone", repos=[repo], history=True),
        )

    alone = [all_of_it(0), all_of_it(1)]
    fresh = Loccit(home).for_guest(None)
    library = fresh
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(all_of_it, range(24)))
    assert all(found == alone[number % 2] for number, found in enumerate(together))


def test_a_question_whose_snapshot_goes_while_it_opens_it_is_answered_from_the_next_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    repository, open_shard = home.parent / "parcels", Shard.open
    others = git(repository, "rev-list", "--reverse", "HEAD").split()[1:2]

    def overtaken(self: Shard, kind: object, snapshot_id: str) -> object:
        if others:
            Loccit(home).index(repository, rev=others.pop(), history=False)
        return open_shard(self, kind, snapshot_id)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Shard, "open", overtaken)
    hits = Loccit(home).for_guest(None).search("what does a parcel cost?", repos=["parcels"])
    assert not others
    assert {"notes/0.md", "notes/1.md"} & {hit.place.path for hit in hits} == {"notes/0.md", "notes/1.md"}


def test_threads_that_ask_at_once_open_a_repository_once(home: Path, monkeypatch: pytest.MonkeyPatch):
    """The first to come opens it; it takes long, and the others wait."""
    opened: Counter[str] = Counter()
    open_shard, locate = Shard.open, SnapshotView._locate_records

    def slowly(self: SnapshotView) -> None:
        time.sleep(0.1)
        locate(self)

    def counting(self: Shard, kind: object, snapshot_id: str) -> object:
        opened[f"{self.folder} {kind}"] += 1
        return open_shard(self, kind, snapshot_id)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Shard, "open", counting)
    monkeypatch.setattr(SnapshotView, "_locate_records", slowly)
    library = Loccit(home).for_guest(None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: library.ask(_QUESTIONS["parcels"][0]), range(8)))
    assert len(opened) == 4
    assert set(opened.values()) == {1}


def test_what_a_view_keeps_is_made_once_though_many_ask(home: Path):
    library = Loccit(home)
    (one,) = library._searchable(["retries"], None, None)
    made: list[int] = []

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return one.view.kept("inner", lambda: 7)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: one.view.kept("outer", make), range(16))) == [7] * 16
    assert made == [1]


@pytest.mark.parametrize("before", [None, "0"])
def test_the_safe_path_is_put_back_when_the_last_thread_leaves(
    before: str | None, monkeypatch: pytest.MonkeyPatch
):
    if before is None:
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONSAFEPATH", before)

    def inside(number: int) -> str | None:
        with children_without_working_directory():
            time.sleep(0.001 * (number % 5))
            return os.environ.get("PYTHONSAFEPATH")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(inside, range(200))) == {"1"}
    assert os.environ.get("PYTHONSAFEPATH") == before


def test_a_removed_repository_is_let_go(home: Path):
    """By whoever removed it: its index is not kept open for ever."""
    library = Loccit(home).for_guest(None)
    for repo in _QUESTIONS:
        library.ask("what does a parcel cost?", repos=[repo])
    Loccit(home).remove("parcels")
    library.index(home.parent / "retries", history=False)
    library.ask("what does a parcel cost?", repos=["retries"])
    gc.collect()
    assert _mapped_and_deleted(home) == []
