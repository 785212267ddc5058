"""One suite for the audit log, over both databases: nothing is changed, removed or moved without a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

import loccit
from loccit.core.errors import IndexBroken, InputError
from loccit.storage.database import Database
from loccit.storage.tables import audit
from loccit.telemetry.audit import ANCHOR, Anchor, AuditLog, AuditRow, parse_anchor
from tests.contract.postgresql import PostgreSQL, postgresql_server
from tests.planted_secrets import PLANTED

SOURCE = str(Path(loccit.__file__).resolve().parent.parent)
WRITER = """
import sys
from pathlib import Path
from loccit.storage.database import Database
from loccit.telemetry.audit import AuditLog

log = AuditLog(Database(sys.argv[1]), Path(sys.argv[2]))
for number in range(int(sys.argv[3])):
    log.append("key created", actor=sys.argv[4], subject=str(number))
    print(number, flush=True)
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.sqlite'}"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def log(database: Database, tmp_path: Path) -> AuditLog:
    """A log of five acts."""
    made = AuditLog(database, tmp_path)
    for number in range(5):
        made.append(
            "key created", actor="ana", subject=f"key {number}", details={"role": "reader", "n": number}
        )
    return made


def test_acts_come_back_in_order_with_who_and_what(log: AuditLog) -> None:
    before = datetime.now(UTC)
    made = log.append("user erased", actor="ben", subject="ana", details={"runs": 3, "ärgernis": "ja"})
    rows = list(log.rows())
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1] == made
    assert (made.actor, made.action, made.subject) == ("ben", "user erased", "ana")
    assert json.loads(made.details) == {"runs": 3, "ärgernis": "ja"}
    assert list(log.rows(since=before)) == [made]
    assert list(log.rows(actor="ben")) == [made]
    assert [row.number for row in log.of("ana")] == [1, 2, 3, 4, 5, 6]
    assert log.last() == Anchor(6, made.hash)


def test_an_untouched_log_holds(log: AuditLog) -> None:
    report = log.verify()
    assert (report.rows, report.broken, report.problem) == (5, None, "")
    assert report.last == log.last()
    assert log.verify(report.last).broken is None


def test_an_empty_log_holds(database: Database, tmp_path: Path) -> None:
    report = AuditLog(database, tmp_path).verify()
    assert (report.rows, report.broken, report.last.number) == (0, None, 0)


def change(database: Database, row: int, /, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(update(audit).where(audit.c.number == row).values(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "eve"},
        {"action": "key revoked"},
        {"subject": "key 9"},
        {"at": "2001-01-01T00:00:00.000000Z"},
        {"details": '{"n":2,"role":"admin"}'},
        {"details": '{"n": 2,"role":"reader"}'},
        {"hash": "0" * 64},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_row_that_was_changed_is_named(
    log: AuditLog, database: Database, values: dict[str, object]
) -> None:
    change(database, 3, **values)
    report = log.verify()
    assert (report.rows, report.broken) == (2, 3)
    assert "row 3 was changed" in report.problem


def test_a_row_that_was_removed_is_named(log: AuditLog, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(delete(audit).where(audit.c.number == 2))
    report = log.verify()
    assert (report.rows, report.broken) == (1, 2)
    assert "row 2 is missing" in report.problem


def test_rows_that_changed_places_are_named(log: AuditLog, database: Database) -> None:
    """Also where the numbers were put right."""
    change(database, 2, number=99)
    change(database, 3, number=2)
    change(database, 99, number=3)
    report = log.verify()
    assert report.broken == 2
    assert "does not follow" in report.problem


def reseal(database: Database, rows: list[AuditRow]) -> None:
    """A chain of somebody who knows how hashes are made."""
    from dataclasses import asdict, replace

    with database.writing() as connection:
        connection.execute(delete(audit))
        previous = "0" * 64
        for row in rows:
            row = replace(row, previous=previous, hash="")
            row = replace(row, hash=row.sealed())
            connection.execute(audit.insert(), asdict(row))
            previous = row.hash


def test_a_chain_that_was_made_anew_does_not_meet_the_anchor(log: AuditLog, database: Database) -> None:
    from dataclasses import replace

    rows = list(log.rows())
    reseal(database, [replace(rows[0], actor="eve"), *rows[1:]])
    report = log.verify()
    assert report.broken == 5
    assert "made anew" in report.problem


def test_rows_that_are_gone_at_the_end_are_missed_where_an_anchor_was_kept(
    log: AuditLog, database: Database, tmp_path: Path
) -> None:
    kept = log.last()
    with database.writing() as connection:
        connection.execute(delete(audit).where(audit.c.number > 3))
    report = log.verify()
    assert (report.rows, report.broken) == (3, 4)
    assert "removed from the end" in report.problem
    (tmp_path / ANCHOR).unlink()
    assert log.verify().broken is None
    assert log.verify(kept).broken == 4
    assert parse_anchor(f"{kept.number}:{kept.hash}") == kept


def test_an_anchor_never_goes_back(log: AuditLog, tmp_path: Path) -> None:
    """A process that was slow to write its own leaves the later one."""
    first, *_ = log.rows()
    before = (tmp_path / ANCHOR).read_text()
    log._keep_anchor(Anchor(first.number, first.hash))
    assert (tmp_path / ANCHOR).read_text() == before


@pytest.mark.parametrize("text", ["", "{}", '{"format":"loccit-audit-anchor/1","number":1}', "[]"])
def test_an_anchor_that_cannot_be_read_is_told(log: AuditLog, tmp_path: Path, text: str) -> None:
    (tmp_path / ANCHOR).write_text(text)
    with pytest.raises(IndexBroken, match="anchor"):
        log.verify()


def test_what_is_no_anchor_is_refused() -> None:
    for written in ("", "5", "5:abc", f"x:{'0' * 64}", f"5:{'G' * 64}"):
        with pytest.raises(InputError, match="no anchor"):
            parse_anchor(written)


def test_processes_that_append_at_once_make_one_chain(url: str, database: Database, tmp_path: Path) -> None:
    def writer(name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(tmp_path), "15", name],
            env={**os.environ, "PYTHONPATH": SOURCE},
        )

    writers = [writer(name) for name in ("ana", "ben", "cem")]
    for one in writers:
        assert one.wait() == 0
    log = AuditLog(database, tmp_path)
    rows = list(log.rows())
    assert [row.number for row in rows] == list(range(1, 46))
    for name in ("ana", "ben", "cem"):
        assert [row.subject for row in rows if row.actor == name] == [str(n) for n in range(15)]
    report = log.verify()
    assert (report.rows, report.broken) == (45, None)
    assert json.loads((tmp_path / ANCHOR).read_text())["number"] == 45


def test_a_process_that_is_killed_leaves_a_chain_that_holds(
    url: str, database: Database, tmp_path: Path
) -> None:
    """And every act that it had acknowledged."""
    for _ in range(3):
        one = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(tmp_path), "10000", "ana"],
            env={**os.environ, "PYTHONPATH": SOURCE},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert one.stdout is not None
        for _ in range(5):
            one.stdout.readline()
        one.kill()
        one.communicate()
    log = AuditLog(database, tmp_path)
    assert len(list(log.rows())) >= 15
    assert log.verify().broken is None


def test_no_secret_is_kept(log: AuditLog) -> None:
    for secret, around in PLANTED.values():
        row = log.append(
            "settings written",
            actor="ana",
            subject=around.format(secret),
            details={"to": around.format(secret)},
        )
        assert secret not in row.subject + row.details
    assert log.verify().broken is None


def test_what_cannot_be_kept_is_refused(log: AuditLog) -> None:
    for fields in ({"actor": ""}, {"actor": "x" * 201}, {"actor": "a", "details": {"x": "y" * 30_000}}):
        with pytest.raises(InputError, match="of an act"):
            log.append("key created", **fields)
    with pytest.raises(InputError, match="of an act"):
        log.append("", actor="ana")
    for value in (2**60, "\ud800", float("nan")):
        with pytest.raises(InputError, match="no JSON"):
            log.append("key created", actor="ana", details={"n": value})
    assert log.verify().rows == 5


TEXT = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actor=st.text(min_size=1, max_size=40),
    subject=st.text(st.characters(), max_size=40),
    details=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), JSON, max_size=3),
)
def test_whatever_is_said_is_kept_and_holds(
    log: AuditLog, actor: str, subject: str, details: dict[str, object]
) -> None:
    row = log.append("act done", actor=actor, subject=subject, details=details)
    assert log.last() == Anchor(row.number, row.hash)
    assert list(log.rows())[-1] == row
    assert row.hash == row.sealed()
