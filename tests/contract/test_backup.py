"""A backup holds all state as of one moment, whatever keeps it, and is restored as it was or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import loccit as package
from loccit import InputError, Loccit
from loccit.storage.database import Database
from loccit.storage.tables import METADATA, charges, runs, scores, spending, waiting
from tests.contract.postgresql import PostgreSQL, postgresql_server
from tests.contract.test_erasure import ask, run_of
from tests.repositories import make_repository

SOURCE = str(Path(package.__file__).resolve().parent.parent)
WRITER = """
import sys
from pathlib import Path
from loccit import Loccit
from tests.contract.test_erasure import ask

loccit = Loccit(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    ask(loccit, sys.argv[2], number, rated_by=["ana"])
    loccit.audit("key created", actor=sys.argv[2], subject=str(number))
    print(number, flush=True)
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


PRICES = '''"""What a parcel costs."""


def price_of_parcel(weight_kg: float, zone: str) -> float:
    """The price of one parcel: its weight times the rate of its zone."""
    return weight_kg * RATES[zone]
'''
OPENED: list[Loccit] = []


def at(home: Path) -> Loccit:
    """The library with this home; closed at the end of the test."""
    OPENED.append(Loccit(home))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def closed_at_the_end() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop()._system.close()


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    make_repository(
        tmp_path / "parcels",
        [{"files": {"prices.py": PRICES}, "message": "What a parcel costs"}],
    )
    return tmp_path / "parcels"


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path, parcels: Path) -> Path:
    """A home folder with something of everything."""
    folder = tmp_path / "home"
    folder.mkdir()
    settings = '[telemetry]\nalerts = "alerts.toml"\n'
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
        settings += f"[storage]\ndatabase = {json.dumps(url)}\n"
    (folder / "settings.toml").write_text(settings)
    (folder / "alerts.toml").write_text('[[rules]]\nname = "old"\nkind = "index_age"\n')
    (folder / "evals" / "calibrations").mkdir(parents=True)
    (folder / "evals" / "calibrations" / "judge.json").write_text("{}")
    issues = tmp_path / "issues.jsonl"
    issues.write_text(
        json.dumps(
            {
                "id": "7",
                "title": "Rates are wrong",
                "created": "2026-01-01",
                "body": "near is 100",
                "state": "open",
            }
        )
    )
    loccit = at(folder)
    loccit.index(parcels)
    loccit.sync_issues(parcels, str(issues))
    ask(loccit, "ana", 1, rated_by=["ben"])
    ask(loccit, "ben", 2)
    learned = loccit._system.learned(loccit.status()[0].repository.key)
    learned.mkdir(parents=True)
    (learned / "ranker.json").write_text('{"weights": []}')
    loccit._system.close()
    return folder


def contents(home: Path, *, but: frozenset[str] = frozenset({"audit", waiting.name})) -> dict[str, Any]:
    """Every row that there is."""
    loccit = at(home)
    with loccit._system.database().reading() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
            if table.name not in but
        }
    loccit._system.close()
    return found


def test_a_restored_home_answers_and_remembers_as_the_first(
    home: Path, parcels: Path, tmp_path: Path
) -> None:
    before = at(home)
    answer = before.ask("what does one parcel cost by weight and zone?", repos=[str(parcels)])
    done = before.backup(tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert {member.path for member in done.manifest.members} >= {
        "settings.toml",
        "alerts.toml",
        "catalogue.json",
        "audit-anchor.json",
        "evals/calibrations/judge.json",
        "state.sqlite",
    }
    assert any(member.path.endswith("learned/ranker.json") for member in done.manifest.members)
    assert not any(member.path.endswith(".seg") for member in done.manifest.members)
    assert {left.path.rpartition("/")[2] for left in done.manifest.left_out} == {"cache", "git", "shard"}
    new = tmp_path / "new"
    restored = at(new).restore(tmp_path / "b.tar.gz", sqlite=True)
    assert restored.to_index == (str(parcels),)
    assert contents(new) == contents(home)
    after = at(new)
    after.index(parcels)
    assert after.issue("7", repo=parcels).title == "Rates are wrong"
    assert (
        after.ask("what does one parcel cost by weight and zone?", repos=[str(parcels)]).claims
        == answer.claims
        != ()
    )
    assert [run.id for run in after.runs()] == [run.id for run in before.runs()]
    assert after.run(run_of("ana", 1)) == before.run(run_of("ana", 1))
    assert after.cost("user").rows == before.cost("user").rows
    report = after.verify_audit()
    assert report.broken is None
    assert [row.action for row in after.audit_log()] == ["backup made", "backup restored"]
    assert after.verify_audit(before.verify_audit().last).broken is None


def test_with_its_indexes_nothing_has_to_be_made_again(home: Path, parcels: Path, tmp_path: Path) -> None:
    answer = at(home).ask("what does one parcel cost by weight and zone?", repos=[str(parcels)])
    done = at(home).backup(tmp_path / "b.tar.gz", with_indexes=True)
    assert [left.path for left in done.manifest.left_out] == []
    restored = at(tmp_path / "new").restore(tmp_path / "b.tar.gz", sqlite=True)
    assert restored.to_index == ()
    (status,) = at(tmp_path / "new").status()
    assert not status.problem
    assert not status.is_stale
    again = at(tmp_path / "new").ask("what does one parcel cost by weight and zone?", repos=[str(parcels)])
    assert again.digest == answer.digest


def test_a_backup_goes_into_the_database_that_its_settings_name(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """If that is empty; else by force alone. What was SQLite's may be PostgreSQL's then, and back."""
    home = tmp_path / "home"
    ask(at(home), "ana", 1, rated_by=["ben"])
    wanted = contents(home)
    url = postgresql.new_database()
    at(home).backup(tmp_path / "b.tar.gz")
    settings = f"[storage]\ndatabase = {json.dumps(url)}\n".encode()
    archive = repacked(tmp_path / "b.tar.gz", add={"settings.toml": settings})
    at(tmp_path / "new").restore(archive)
    assert not (tmp_path / "new" / "state.sqlite").exists()
    assert contents(tmp_path / "new") == wanted
    with pytest.raises(InputError, match=r"is not empty: .*runs"):
        at(tmp_path / "other").restore(archive)
    assert not list((tmp_path / "other").iterdir())
    ask(at(tmp_path / "new"), "ben", 1)
    at(tmp_path / "new").backup(tmp_path / "c.tar.gz")
    at(tmp_path / "other").restore(archive, force=True)
    assert contents(tmp_path / "other") == wanted
    at(tmp_path / "back").restore(tmp_path / "c.tar.gz", sqlite=True)
    assert (tmp_path / "back" / "state.sqlite").exists()
    assert len(contents(tmp_path / "back")["runs"]) == 2
    assert at(tmp_path / "back").verify_audit().broken is None


def writer(home: Path, user: str) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home), user],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{root}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_backup_that_is_made_while_others_write_is_of_one_moment(home: Path, tmp_path: Path) -> None:
    """Sums are those of the calls, no rating lacks its run, and the audit log holds."""
    writers = [writer(home, "cem"), writer(home, "dua")]
    try:
        for one in writers:
            assert one.stdout is not None
            for _ in range(3):
                one.stdout.readline()
        for number in range(3):
            at(home).backup(tmp_path / f"{number}.tar.gz")
            time.sleep(0.1)
        assert all(one.poll() is None for one in writers)
    finally:
        for one in writers:
            one.kill()
            one.communicate()
    sizes = []
    for number in range(3):
        new = tmp_path / f"new-{number}"
        at(new).restore(tmp_path / f"{number}.tar.gz", sqlite=True)
        database = Database.in_folder(new)
        with database.reading() as connection:
            for column in ("spent", "held"):
                booked = func.sum(spending.c[column])
                total = connection.execute(select(booked).where(spending.c.of == "total")).scalar()
                is_held = charges.c.state == "held" if column == "held" else charges.c.state != ""
                paid = connection.execute(select(func.sum(charges.c[column])).where(is_held)).scalar()
                assert (total or 0) == (paid or 0)
            known = set(connection.execute(select(runs.c.id)).scalars())
            assert set(connection.execute(select(scores.c.run)).scalars()) <= known
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None
        sizes.append(len(known))
        database.close()
        assert at(new).verify_audit().broken is None
    assert sizes == sorted(sizes)
    assert sizes[0] >= 8


# What is refused. Where it is kept makes no difference here.


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A backup of a small home."""
    home = tmp_path / "small"
    home.mkdir()
    (home / "settings.toml").write_text("# mine\n")
    ask(at(home), "ana", 1)
    at(home).backup(tmp_path / "b.tar.gz")
    return tmp_path / "b.tar.gz"


def members_of(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as read:
        return [(info, file.read() if (file := read.extractfile(info)) else b"") for info in read]


def repacked(
    path: Path,
    *,
    change: dict[str, bytes] | None = None,
    add: dict[str, bytes] | None = None,
    more: Callable[[tarfile.TarFile], None] | None = None,
    is_honest: bool = True,
) -> Path:
    """The archive with other bytes in it; an honest one has a manifest that says so."""
    target = path.with_name("other.tar.gz")
    with tarfile.open(target, "w:gz") as written:
        for info, data in members_of(path):
            data = (change or {}).get(info.name, data)
            if info.name == "manifest.json":
                if more is not None:
                    more(written)
                document = {"members": []} if "manifest.json" in (change or {}) else json.loads(data)
                for member in document["members"]:
                    new = (change or {}).get(f"home/{member['path']}")
                    if new is not None and is_honest:
                        member |= facts_of(new)
                for name, new in (add or {}).items():
                    info_of_new = tarfile.TarInfo(f"home/{name}")
                    info_of_new.size = len(new)
                    written.addfile(info_of_new, io.BytesIO(new))
                    document["members"].append({"path": name, **facts_of(new)})
                data = (change or {}).get("manifest.json", json.dumps(document).encode())
            info.size = len(data)
            written.addfile(info, io.BytesIO(data))
    return target


def facts_of(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def refused(path: Path, match: str) -> None:
    home = path.with_name("refused")
    with pytest.raises(InputError, match=match):
        at(home).restore(path)
    assert not home.exists() or not list(home.iterdir())


def test_an_archive_that_was_cut_off_is_refused(archive: Path) -> None:
    data = archive.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 20, len(data) - 1):
        archive.write_bytes(data[:size])
        refused(archive, "is damaged, or is none")
    plain = gzip.decompress(data)
    archive.write_bytes(gzip.compress(plain[: len(plain) // 2 // 512 * 512]))
    refused(archive, "is damaged, or is none")


def test_any_byte_that_was_changed_is_noticed(archive: Path) -> None:
    data = archive.read_bytes()
    for at in range(12, len(data), max(1, len(data) // 25)):
        archive.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        refused(archive, "is damaged, or is none|another format")


def test_content_that_is_not_what_the_manifest_says_is_refused(archive: Path) -> None:
    other = repacked(archive, change={"home/settings.toml": b"# yours\n"}, is_honest=False)
    refused(other, "'settings.toml' is not what the manifest says")


@pytest.mark.parametrize(
    "name",
    [
        "home/../evil",
        "/etc/evil",
        "home//evil",
        "home/a/../../evil",
        "evil",
        "home/",
        "home\\evil",
        "home/./e",
    ],
)
def test_a_name_that_leads_out_of_the_home_is_refused(archive: Path, name: str) -> None:
    def add(written: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = 1
        written.addfile(info, io.BytesIO(b"x"))

    refused(repacked(archive, more=add), "leads out of the home|is no file")
    assert not (archive.parent / "evil").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_what_is_no_file_is_refused(archive: Path, kind: bytes) -> None:
    def add(written: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("home/settings")
        info.type, info.linkname = kind, "/etc/passwd"
        written.addfile(info)

    refused(repacked(archive, more=add), "is no file")


def test_a_member_that_the_manifest_does_not_have_or_has_twice_is_refused(archive: Path) -> None:
    def add(name: str) -> Callable[[tarfile.TarFile], None]:
        return lambda written: written.addfile(tarfile.TarInfo(name), io.BytesIO())

    refused(repacked(archive, more=add("home/more.txt")), "'more.txt' is not what")
    refused(repacked(archive, more=add("home/settings.toml")), "is there twice")


def test_another_format_and_a_broken_database_are_refused(archive: Path) -> None:
    refused(repacked(archive, change={"manifest.json": b'{"format": "loccit-backup/9"}'}), "another format")
    refused(repacked(archive, change={"manifest.json": b"[1]"}), "manifest cannot be read")
    refused(repacked(archive, change={"home/state.sqlite": b"no database"}), "its database is not whole")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        at(tmp_path / "new").restore(tmp_path / "nothing.tar.gz")


def test_a_home_that_is_not_empty_is_put_aside_only_by_force(archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "settings.toml").write_text("# theirs\n")
    with pytest.raises(InputError, match="is not empty"):
        at(new).restore(archive)
    done = at(new).restore(archive, force=True)
    assert done.replaced is not None
    assert (done.replaced / "settings.toml").read_text() == "# theirs\n"
    assert (new / "settings.toml").read_text() == "# mine\n"
    # What was put aside is in no backup.
    again = at(new).backup(tmp_path / "again.tar.gz")
    assert not any("replaced-" in member.path for member in again.manifest.members)


def test_a_backup_overwrites_nothing_and_does_not_hold_itself(archive: Path, tmp_path: Path) -> None:
    small = at(tmp_path / "small")
    with pytest.raises(InputError, match="is there already"):
        small.backup(archive)
    with pytest.raises(InputError, match="is in the home folder"):
        small.backup(tmp_path / "small" / "b.tar.gz")
    assert not list(tmp_path.glob("*.draft"))


def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret").write_text("x")
    (home / "link").symlink_to(tmp_path / "secret")
    done = at(home).backup(tmp_path / "b.tar.gz")
    assert [left.path for left in done.manifest.left_out] == ["link"]
    assert not any(member.path == "link" for member in done.manifest.members)


def test_another_sqlite_database_in_the_home_is_copied_whole_while_it_is_written(tmp_path: Path) -> None:
    import sqlite3

    home = tmp_path / "home"
    home.mkdir()
    with sqlite3.connect(home / "jobs.sqlite") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE jobs (id)")
        connection.execute("INSERT INTO jobs VALUES (1)")
        connection.commit()
        at(home).backup(tmp_path / "b.tar.gz")
        assert (home / "jobs.sqlite-wal").stat().st_size > 0
    connection.close()
    at(tmp_path / "new").restore(tmp_path / "b.tar.gz")
    read = sqlite3.connect(tmp_path / "new" / "jobs.sqlite")
    assert read.execute("SELECT id FROM jobs").fetchall() == [(1,)]
    read.close()
    assert not list((tmp_path / "new").glob("jobs.sqlite-*"))
