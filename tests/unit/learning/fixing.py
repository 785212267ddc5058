"""A repository of many small fixes, made by script, and its parts as `prove` needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loccit.core.issues import Issue, IssueKind
from loccit.indexing.changes import ChangeTable, build_table
from loccit.learning.past_cases import FixFinder
from loccit.learning.replay_past import Replay
from loccit.library import Loccit
from loccit.pipeline.mine import MinedFix
from loccit.sources import Repository
from tests.repositories import FIRST_COMMIT_TIME, Commit, make_repository
from tests.unit.pipeline.homes import loccit_at

TOPICS = ("postage", "weight", "zone", "label", "courier", "refund", "customs", "pallet")


def path_of(topic: str) -> str:
    return f"src/parcels/{'prices' if topic in TOPICS[:4] else 'desk'}/{topic}.py"


def source(topic: str, version: int) -> str:
    return (
        f'def compute_{topic}(parcel):\n    """The {topic} of a parcel."""\n'
        f"    return parcel.{topic} + {version}\n\n\n"
        f"class {topic.capitalize()}Error(Exception):\n"
        f'    """Raised for a parcel whose {topic} is wrong."""\n'
    )


def fixes(count: int) -> list[Commit]:
    """The first commit brings the files, each later one fixes one of them, in turn."""
    first: Commit = {
        "message": "Begin with parcels",
        "files": {path_of(topic): source(topic, 0) for topic in TOPICS},
    }
    later: list[Commit] = []
    for number in range(count):
        topic = TOPICS[number % len(TOPICS)]
        later.append(
            {
                "message": f"Fix the wrong {topic} of heavy ones\n\nIt was off by a bit.",
                "files": {path_of(topic): source(topic, number + 1)},
            }
        )
    return [first, *later]


def time_of(number: int) -> int:
    """When commit `number` was made."""
    return FIRST_COMMIT_TIME + 60 * number


def issue(
    name: str, title: str = "The postage is wrong", body: str = "", *, created: int = 0, **more: object
) -> Issue:
    """A closed issue, opened just before the first commit where nothing else is said."""
    return Issue(
        id=name,
        kind=more.pop("kind", IssueKind.ISSUE),  # type: ignore[arg-type]
        title=title,
        body=body,
        author="A",
        created=created or FIRST_COMMIT_TIME - 60,
        is_open=False,
        **more,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Past:
    """A repository that is indexed, and its history as it is read."""

    commits: list[str]
    repository: Repository
    finder: FixFinder
    table: ChangeTable
    replay: Replay

    @property
    def mined(self) -> list[MinedFix]:
        return self.finder.mined


def indexed(folder: Path, commits: Sequence[Commit]) -> tuple[Loccit, list[str]]:
    """These commits, made and indexed."""
    made = make_repository(folder / "parcels", commits)
    loccit = loccit_at(folder / "home")
    loccit.index(folder / "parcels")
    return loccit, made


@contextmanager
def past_of(folder: Path, commits: Sequence[Commit], issues: Sequence[Issue] = ()) -> Iterator[Past]:
    """The past of these commits, ready to be replayed."""
    loccit, made = indexed(folder, commits)
    known = loccit._known("parcels")
    searched = loccit._opened(known, made[-1], history=True, changes=False)
    assert searched.history is not None
    finder = FixFinder(issues, name=searched.repository.name)
    table = build_table(finder.watch(searched.repository.changes(made[-1], ())))
    with loccit._ingest(searched.repository) as ingest:
        replay = Replay(searched.repository, ingest.cache, ingest.parsing, 1, table, searched.history[1])
        yield Past(made, searched.repository, finder, table, replay)
