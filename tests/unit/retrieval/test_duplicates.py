"""Past issues that say the same: their order, their probabilities, and hostile issues."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import IndexBroken, InputError
from loccit.core.issues import EventKind, Issue, IssueEvent
from loccit.indexing.view import FileTable, SnapshotView
from loccit.retrieval.duplicates import CROWD, Duplicates, IssueIndex, find_duplicates, probabilities
from tests.unit.retrieval.trackers import DAY, START, indexed, issue

PARCELS = (
    issue("1", "Rates for heavy parcels are wrong", "The price of a parcel over 20 kg is zero.", day=1),
    issue("2", "Tracking page is slow", "It takes ten seconds to load the tracking page.", day=2),
    issue("3", "Upgrade snakeyaml to 2.0", "There is CVE-2022-1471.", day=3),
    issue("4", "Refund of a cancelled order fails", "RefundError: order is already closed", day=4),
    issue("5", "Print labels in colour", "The labels are grey.", day=5),
)
AGAIN = issue("9", "Heavy parcels: rate is wrong", "A parcel of 25 kg has the price zero.", day=6)
FOREIGN = """Traceback (most recent call last):
  File "/srv/webshop/basket.py", line 12, in checkout
    total = sum(basket)
  File "/srv/webshop/money.py", line 7, in __add__
    raise CurrencyMismatch(left, right)
webshop.money.CurrencyMismatch: EUR and USD
"""
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trackers")


@pytest.fixture(scope="module")
def index(folder: Path) -> IssueIndex:
    return indexed(folder / "parcels", PARCELS)


def ids(found: Duplicates) -> list[str]:
    return [candidate.issue.id for candidate in found.candidates]


def test_the_issue_that_says_the_same_comes_first(index: IssueIndex) -> None:
    """A second report in other words finds the first one, and says that it is probably no news."""
    found = find_duplicates(AGAIN, index)
    assert ids(found)[0] == "1"
    assert found.searched == 5
    assert found.unreported is not None
    first, *others = [candidate.probability for candidate in found.candidates]
    assert first > 5 * max(others)


def test_news_is_said_to_be_news(index: IssueIndex) -> None:
    """An issue that shares a stray word with others has probably not been reported before."""
    found = find_duplicates(issue("9", "Dark mode for the page of settings", day=400), index)
    assert ids(found)[0] == "2"
    assert found.unreported is not None
    assert found.unreported > 0.95
    assert found.candidates[0].probability < 0.05


def test_an_issue_is_no_duplicate_of_itself(index: IssueIndex) -> None:
    """Asked about an issue of the index, it is left out, and not counted."""
    found = find_duplicates(PARCELS[0], index)
    assert "1" not in ids(found)
    assert found.searched == 4


def test_of_equal_issues_the_closer_in_time_comes_first(tmp_path: Path) -> None:
    """Three reports say the same: the one of last week stands before the one of last year."""
    same = [issue(name, "Label printer jams", day=day) for name, day in (("old", 1), ("new", 390))]
    asked = issue("asked", "Label printer jams", day=397)
    found = find_duplicates(asked, indexed(tmp_path, [*same, asked, *PARCELS]))
    assert ids(found)[:2] == ["new", "old"]


def test_equal_reports_count_one_by_one(tmp_path: Path) -> None:
    """Three issues of the same words are three issues that hold them, though they share one record."""
    same = [issue(name, "Label printer jams", day=day) for day, name in enumerate("abc")]
    vectors = indexed(tmp_path, [*same, *PARCELS]).at().vectors
    assert (vectors.issues, vectors.holders("jam"), vectors.holders("zebra")) == (8, 3, 0)


def test_the_title_may_stand_in_the_other_body(tmp_path: Path) -> None:
    """What one calls by its title another tells in passing; it is found from either side."""
    brief = issue("brief", "OverflowError in freight tables")
    long = issue(
        "long", "Nightly job dies", "Since Monday there is an OverflowError in the freight tables. " * 9
    )
    index = indexed(tmp_path, [brief, long, *PARCELS])
    assert ids(find_duplicates(brief, index))[0] == "long"
    assert ids(find_duplicates(long, index))[0] == "brief"


def test_probabilities_leave_room_for_none() -> None:
    """The best candidates and "none of them" share one whole; a higher score is likelier."""
    import numpy as np

    scores = np.linspace(3.0, -9.0, CROWD + 5)
    shares, unreported = probabilities(scores)
    assert sum(shares[:CROWD]) + unreported == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert probabilities(np.empty(0)) == ([], 1.0)


def test_a_past_day_knows_nothing_of_later_days(tmp_path: Path) -> None:
    """Younger issues are not there, a renamed one has its old title, a deleted one is still there."""
    renamed = issue(
        "7",
        "Closed: see the manual",
        day=1,
        events=(IssueEvent(EventKind.RENAMED, START + 9 * DAY, "Barcode scanner misreads zeros"),),
    )
    deleted = issue(
        "8", "Barcode scanner beeps", day=2, events=(IssueEvent(EventKind.DELETED, START + 8 * DAY),)
    )
    younger = issue("9", "Barcode scanner misreads zeros", day=7)
    index = indexed(tmp_path, [renamed, deleted, younger, *PARCELS])
    asked = issue("asked", "Barcode scanner misreads zeros", day=6)
    then = find_duplicates(asked, index, as_of=START + 6 * DAY)
    assert ids(then)[:2] == ["7", "8"]
    assert then.candidates[0].issue.title == "Barcode scanner misreads zeros"
    assert "9" not in ids(then)
    assert then.searched == 7
    now = find_duplicates(asked, index)
    assert ids(now)[0] == "9"
    assert not {"7", "8"} & set(ids(now))


WORDS = st.sampled_from("parcel rate label refund printer scanner_id ParcelError zero slow page 25".split())
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)


@st.composite
def trackers(draw: st.DrawFn) -> list[Issue]:
    drawn = draw(
        st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 9), st.none() | TEXTS), min_size=1, max_size=9)
    )
    return [
        issue(
            str(number),
            title,
            body,
            day=day,
            events=() if old is None else (IssueEvent(EventKind.RENAMED, START + (day + 3) * DAY, old),),
        )
        for number, (title, body, day, old) in enumerate(drawn)
    ]


@settings(max_examples=60, deadline=None)
@given(trackers(), TEXTS, TEXTS, st.integers(0, 13))
def test_a_past_day_is_the_index_of_that_day(
    folder: Path, issues: list[Issue], title: str, body: str, day: int
) -> None:
    """Order, scores and probabilities of a past day are those of an index of only that day's issues."""
    moment = START + day * DAY
    asked = issue("asked", title, body, day=day)
    then = [past for one in issues if (past := one.as_of(moment)) is not None]
    replayed = find_duplicates(asked, indexed(folder / str(next(numbers)), issues), as_of=moment)
    made = find_duplicates(asked, indexed(folder / str(next(numbers)), then))
    assert replayed == made


@pytest.mark.parametrize("title", ["", "   ", "?!…"])
def test_an_empty_issue_has_no_answer(index: IssueIndex, title: str) -> None:
    """Where there is no word there is neither a candidate nor a probability that it is new."""
    found = find_duplicates(issue("9", title), index)
    assert found == Duplicates((), None, 5)


def test_an_empty_tracker_has_seen_nothing(tmp_path: Path) -> None:
    """The first issue of a tracker is new for sure."""
    assert find_duplicates(AGAIN, indexed(tmp_path, [])) == Duplicates((), 1.0, 0)


def test_a_foreign_traceback_is_news(index: IssueIndex) -> None:
    """An issue that is only a stack trace from elsewhere is like nothing here."""
    found = find_duplicates(issue("9", "", FOREIGN, day=6), index)
    assert found.unreported is not None
    assert found.unreported > 0.95


@pytest.mark.parametrize(
    "body",
    [
        "".join(map(chr, range(256))) * 50,
        "\ud800\udfff lone surrogates \udc80",
        "x" * 1_000_000,
        "parcel kg zero price 25 " * 42_000,
        "".join(f"word{number} " for number in range(90_000)),
    ],
    ids=["binary", "surrogates", "one long word", "one megabyte", "many words"],
)
def test_hostile_issues_are_answered(index: IssueIndex, tmp_path: Path, body: str) -> None:
    """Binary, broken and huge texts are compared like any other, asked about or asked for."""
    hostile = replace(AGAIN, body=body)
    found = find_duplicates(hostile, index)
    assert ids(found)[0] == "1"
    with_it = indexed(tmp_path, [*PARCELS, hostile])
    assert ids(find_duplicates(PARCELS[0], with_it))[0] == "9"


def test_the_limit_is_kept(index: IssueIndex) -> None:
    """As many candidates as asked for, at least one."""
    assert len(find_duplicates(AGAIN, index, limit=1).candidates) == 1
    with pytest.raises(InputError, match="limit is 0"):
        find_duplicates(AGAIN, index, limit=0)


def test_an_index_of_something_else_is_refused(index: IssueIndex, tmp_path: Path) -> None:
    """A view of files has no times of issues, and a reader that knows a younger issue does not fit."""
    view = SnapshotView([], FileTable([], [], index.at().documents[:0], index.at().documents[:0], None))  # type: ignore[arg-type]
    with pytest.raises(IndexBroken, match="lacks their times"):
        IssueIndex(view, index.read)
    moved = indexed(tmp_path, PARCELS)
    moved.read = lambda name: replace(PARCELS[int(name) - 1], created=START + 99 * DAY)
    with pytest.raises(IndexBroken, match="younger than the index says"):
        find_duplicates(AGAIN, moved, as_of=START + 6 * DAY)
