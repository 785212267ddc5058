"""The database comes up to date by itself, is shared by processes, and tells what is wrong with it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect, select

import loccit
from loccit.core.errors import IndexFormatMismatch, SettingsError, StorageFailed
from loccit.storage.conversations import Conversations
from loccit.storage.database import HEAD, Database
from loccit.storage.migrating import known_revisions
from loccit.storage.tables import METADATA, sessions

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.sql"))


def forms_of(metadata: MetaData) -> dict[str, object]:
    """Every table with its columns, their types and its indexes, to be compared."""
    return {
        name: (
            [
                (column.name, str(column.type), column.nullable, column.primary_key)
                for column in table.columns
            ],
            sorted(
                (index.name, bool(index.unique), [c.name for c in index.columns]) for index in table.indexes
            ),
        )
        for name, table in metadata.tables.items()
        if name != "alembic_version"
    }


def reflected(database: Database) -> MetaData:
    found = MetaData()
    found.reflect(database.engine)
    return found


def test_a_new_database_has_the_tables_that_are_declared(tmp_path: Path) -> None:
    """What the migrations make is what `METADATA` says, to the type of each column and the last index."""
    database = Database.in_folder(tmp_path / "new")
    assert forms_of(reflected(database)) == forms_of(METADATA)
    assert "alembic_version" in inspect(database.engine).get_table_names()
    database.close()


def test_the_newest_revision_is_the_one_that_the_code_names() -> None:
    from alembic.script import ScriptDirectory

    import loccit.storage.migrating as migrating

    folder = Path(migrating.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD
    assert HEAD in known_revisions()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_an_older_database_is_brought_up_to_date_and_keeps_what_it_has(sample: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "state.sqlite")
    connection.executescript(sample.read_text(encoding="utf-8"))
    connection.close()
    database = Database.in_folder(tmp_path)
    assert forms_of(reflected(database)) == forms_of(METADATA)
    conversations = Conversations(database)
    session = conversations.latest("ana")
    assert session == "5a" * 16
    (turn,) = conversations.turns(session)
    assert (turn.number, turn.run, turn.question) == (1, "7b" * 16, "where are rates kept?")
    assert turn.answer.claims[0].text == "It is done in parcels/rates.py."
    database.close()


def test_every_revision_but_the_newest_has_a_sample() -> None:
    """A revision that somebody may still have on disk is upgraded in the test above."""
    assert {path.stem for path in SAMPLES} == known_revisions() - {HEAD}


def test_a_database_of_a_newer_loccit_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database.in_folder(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "state.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(IndexFormatMismatch, match=r"'9999'.*newer loccit"):
        Database.in_folder(tmp_path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    connection.close()


OPEN = """
import sys
from pathlib import Path
from loccit.storage.database import Database
from loccit.storage.conversations import Conversations
sys.stdin.readline()
database = Database.in_folder(Path(sys.argv[1]))
print(Conversations(database).begin(sys.argv[2]))
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(loccit.__file__).parents[1])},
    )


def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path: Path) -> None:
    """One of them makes the tables, the others wait for it and write all the same."""
    started = [python(OPEN, tmp_path / "home", number) for number in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        printed, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert len(printed.strip()) == 32
    database = Database.in_folder(tmp_path / "home")
    with database.reading() as connection:
        assert {row.user for row in connection.execute(select(sessions))} == {"0", "1", "2", "3"}
    database.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from loccit.storage.database import Database
from loccit.storage.tables import sessions
database = Database.in_folder(Path(sys.argv[1]))
for number in range(20):
    with database.writing() as connection:
        connection.execute(sessions.insert(), {"id": str(number), "user": "kept", "created_at": 0.0})
with database.writing() as connection:
    connection.execute(sessions.insert(), {"id": "half", "user": "lost", "created_at": 0.0})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_amid_a_transaction_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """And nothing of what was not; the next process writes at once, no lock is left behind."""
    process = python(KILLED, tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    database = Database.in_folder(tmp_path)
    with database.reading() as connection:
        assert {row.user for row in connection.execute(select(sessions))} == {"kept"}
        assert len(connection.execute(select(sessions)).all()) == 20
    Conversations(database).begin("next")
    database.close()


FULL = """
import resource, signal, sys
from pathlib import Path
from loccit.core.errors import StorageFailed
from loccit.storage.database import Database
from loccit.storage.conversations import Conversations
database = Database.in_folder(Path(sys.argv[1]))
conversations = Conversations(database)
conversations.begin("before")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = (Path(sys.argv[1]) / "state.sqlite-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
try:
    conversations.begin("u" * 100_000)
except StorageFailed as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
conversations.begin("after")
"""


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    process = python(FULL, tmp_path)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "cannot be used" in printed
    assert "has room" in printed
    database = Database.in_folder(tmp_path)
    with database.reading() as connection:
        assert sorted(row.user for row in connection.execute(select(sessions))) == ["after", "before"]
    database.close()


def test_a_database_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot make"):
        Database.in_folder(tmp_path / "file" / "home")
    with pytest.raises(StorageFailed, match="cannot be used"):
        Database(f"sqlite:///{tmp_path}/nowhere/state.sqlite")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageFailed, match="not a database"):
        Database.in_folder(tmp_path)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://user:pw12345x@host/name", "oracle://host/name"])
def test_an_address_of_no_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Database(url)
    assert "pw12345x" not in str(caught.value)


def test_an_exception_undoes_what_was_written_with_it(tmp_path: Path) -> None:
    database = Database.in_folder(tmp_path)

    def fail() -> None:
        with database.writing() as connection:
            connection.execute(sessions.insert(), {"id": "x", "user": "y", "created_at": 0.0})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as connection:
        assert connection.execute(select(sessions)).all() == []
    database.close()


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = Database.in_folder(tmp_path)
    with database.writing() as writer:
        writer.execute(sessions.insert(), {"id": "x", "user": "y", "created_at": 0.0})
        with database.reading() as reader:
            assert reader.execute(select(sessions)).all() == []
    database.close()
