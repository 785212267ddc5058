"""One suite for what people say of answers, over both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from loccit.core.errors import InputError
from loccit.storage.database import Database
from loccit.telemetry.feedback import MAX_CORRECTION_CHARS, FeedbackStore, Thumb
from loccit.telemetry.records import RunStore
from tests.planted_secrets import PLANTED
from tests.unit.telemetry.test_records import record

FIRST, SECOND, THIRD = "aa" * 16, "ab" * 16, "bb" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    else:
        url = request.getfixturevalue("postgresql").new_database()
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def runs(database: Database) -> RunStore:
    """Two runs of ana's, and a younger one of ben's."""
    store = RunStore(database)
    store.save(record(FIRST, at=1000.0, user="ana"))
    store.save(record(SECOND, at=2000.0, user="ana"))
    store.save(record(THIRD, at=3000.0, user="ben"))
    return store


@pytest.fixture
def feedback(database: Database, runs: RunStore) -> FeedbackStore:
    return FeedbackStore(database)


def test_what_is_said_comes_back_as_it_was(feedback: FeedbackStore) -> None:
    """By run, the oldest first; runs of which nobody said anything are left out."""
    before = time.time()
    first = feedback.rate(FIRST, Thumb.UP, user="ana")
    files = ["src/wörüm.py", "./docs/a b.md", "src\\win.py", "src/wörüm.py"]
    second = feedback.rate(
        FIRST, Thumb.DOWN, user="ben", correction=" In rates.py,\nnot here ✓ ", files=files
    )
    assert feedback.of([THIRD, FIRST]) == {FIRST: (first, second)}
    assert before <= first.at <= second.at <= time.time()
    assert (first.thumb, first.correction, first.files) == (Thumb.UP, "", ())
    assert second.correction == "In rates.py,\nnot here ✓"
    assert second.files == ("src/wörüm.py", "docs/a b.md", "src/win.py")


def test_the_last_that_a_user_says_counts(feedback: FeedbackStore) -> None:
    feedback.rate(FIRST, Thumb.UP, user="ana")
    feedback.rate(FIRST, Thumb.UP, user="ben")
    feedback.rate(FIRST, Thumb.DOWN, user="ana", correction="no")
    found = {rating.user: rating.thumb for rating in feedback.of([FIRST])[FIRST]}
    assert found == {"ana": Thumb.DOWN, "ben": Thumb.UP}


def test_those_who_rate_a_run_at_once_all_do(feedback: FeedbackStore) -> None:
    """And one user who rates twice at once has one rating."""
    users = [f"u{number % 6}" for number in range(12)]
    threads = [Thread(target=feedback.rate, args=(FIRST, Thumb.UP), kwargs={"user": user}) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rating.user for rating in feedback.of([FIRST])[FIRST]) == sorted(set(users))


def test_nothing_secret_is_kept(feedback: FeedbackStore) -> None:
    """Neither in a correction nor in a path."""
    for secret, around in PLANTED.values():
        said = feedback.rate(FIRST, Thumb.DOWN, correction=f"use this: {around.format(secret)}")
        assert secret not in said.correction
        assert feedback.of([FIRST])[FIRST] == (said,)
    token, _ = PLANTED["github classic"]
    assert token not in feedback.rate(FIRST, Thumb.DOWN, files=[f"src/{token}.py"]).files[0]


def test_without_texts_the_thumb_and_the_files_are_kept(database: Database, runs: RunStore) -> None:
    FeedbackStore(database, keep_text=False).rate(FIRST, Thumb.DOWN, correction="In there", files=["a.py"])
    (kept,) = FeedbackStore(database).of([FIRST])[FIRST]
    assert (kept.thumb, kept.correction, kept.files) == (Thumb.DOWN, "", ("a.py",))


def test_a_run_that_there_is_not_is_told_and_nothing_is_kept(feedback: FeedbackStore) -> None:
    with pytest.raises(InputError, match="there is no run 'cc'"):
        feedback.rate("cc", Thumb.UP)
    assert feedback.of(["cc", FIRST]) == {}


@pytest.mark.parametrize("path", ["", " ", "/etc/passwd", "../up.py", "a/../../b.py", "x" * 5000])
def test_what_is_no_path_in_a_repository_is_refused(feedback: FeedbackStore, path: str) -> None:
    with pytest.raises(InputError, match="no path of a file"):
        feedback.rate(FIRST, Thumb.DOWN, files=[path])


def test_what_is_too_long_is_refused(feedback: FeedbackStore) -> None:
    with pytest.raises(InputError, match="20,001 characters and 0 files"):
        feedback.rate(FIRST, Thumb.DOWN, correction="x" * (MAX_CORRECTION_CHARS + 1))
    with pytest.raises(InputError, match="101 files"):
        feedback.rate(FIRST, Thumb.DOWN, files=[f"{number}.py" for number in range(101)])
    assert feedback.of([FIRST]) == {}


def test_text_that_is_no_unicode_is_kept_written_out(feedback: FeedbackStore) -> None:
    assert feedback.rate(FIRST, Thumb.DOWN, correction="b\udcffd").correction == r"b\udcffd"


def test_ratings_go_with_their_runs(feedback: FeedbackStore, runs: RunStore) -> None:
    """Whoever forgets the runs; of the others they stay."""
    for run in (FIRST, SECOND, THIRD):
        feedback.rate(run, Thumb.UP, user="ana")
    assert feedback.prune(1500.0) == 1
    assert set(feedback.of([FIRST, SECOND, THIRD])) == {SECOND, THIRD}
    runs.prune(2500.0)
    assert set(feedback.of([FIRST, SECOND, THIRD])) == {THIRD}


def test_what_a_user_said_and_what_was_said_of_theirs_is_erased(feedback: FeedbackStore) -> None:
    feedback.rate(FIRST, Thumb.UP, user="ana")
    feedback.rate(FIRST, Thumb.UP, user="ben")
    feedback.rate(THIRD, Thumb.UP, user="ana")
    feedback.rate(THIRD, Thumb.UP, user="ben")
    assert feedback.erase("ana") == 3
    (left,) = feedback.of([FIRST, THIRD])[THIRD]
    assert left.user == "ben"


def test_more_runs_than_fit_into_one_statement_are_looked_up(feedback: FeedbackStore) -> None:
    feedback.rate(FIRST, Thumb.UP)
    wanted = [f"{number:032x}" for number in range(1200)]
    assert set(feedback.of([*wanted, FIRST])) == {FIRST}
