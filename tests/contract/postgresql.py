"""A PostgreSQL server of the tests' own: in a temporary folder, reached through a socket in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.debian import program_of

_WHERE = "/usr/lib/postgresql"
_LONGEST_S = 60


class PostgreSQL:
    """A running server. It listens to no port: only who knows the folder can reach it."""

    def __init__(self, sockets: Path, control: Callable[..., None]) -> None:
        self._sockets = sockets
        self._control = control
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._sockets}"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It is not there for as long as this lasts."""
        self._control("-m", "immediate", "stop")
        try:
            yield
        finally:
            self._control("start")

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(host=str(self._sockets), user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """A server for as long as this lasts.

    Root installs Debian's package where there is none. Somebody else is told to, by a skip; in CI that is a
    failure.
    """
    initdb, pg_ctl = (program_of("postgresql", partial(_find, name)) for name in ("initdb", "pg_ctl"))
    # A short path: that of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="loccit-pg-", dir="/tmp"))
    data = folder / "data"
    # The server refuses to run as root.
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": "postgres", "group": "postgres", "extra_groups": ()}
        shutil.chown(folder, "postgres", "postgres")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=100"

    def control(*action: str) -> None:
        command = [pg_ctl, "-D", data, "-w", "-t", _LONGEST_S, "-l", folder / "log", "-o", options]
        _run([*command, *action], identity)

    try:
        _run([initdb, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"], identity)
        control("start")
        try:
            yield PostgreSQL(folder, control)
        finally:
            control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _find(name: str) -> str | None:
    versions = sorted(Path(_WHERE).glob(f"*/bin/{name}")) if Path(_WHERE).is_dir() else []
    return shutil.which(name) or (str(versions[-1]) if versions else None)


def _run(command: list[object], identity: dict[str, Any]) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        timeout=2 * _LONGEST_S,
        check=False,
        **identity,
    )
    if done.returncode:
        pytest.fail(f"{command[0]} is here and ends with {done.returncode}: {done.stdout[-2000:]}")
