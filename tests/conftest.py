"""What every test stands on: a home of its own, nothing of the machine's settings, no network."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.contract.postgresql import PostgreSQL, postgresql_server

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parent.parent

# Nobody listens there: what a child process sends out fails at once and never leaves the machine.
_NOWHERE = "http://127.0.0.1:9"
_PREFIXES = ("GIT_", "LOCCIT_", "XDG_", "PYTHON", "COV_")
_SETTINGS = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "COLUMNS": "100",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # No test asks a model that is paid for; one that talks to a server of its own says so ("remote").
    "LOCCIT_FORBID_MODEL_CALLS": "1",
    "http_proxy": _NOWHERE,
    "https_proxy": _NOWHERE,
    "all_proxy": _NOWHERE,
    "no_proxy": "localhost,127.0.0.1,::1",
}


@pytest.fixture(scope="session", autouse=True)
def hermetic_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment of this process, and so of its children, for the whole run.

    A test that indexes sets a `LOCCIT_HOME` of its own: the one given here is shared.
    """
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = tests\n\temail = tests@localhost\n[init]\n\tdefaultBranch = main\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PREFIXES) or name.lower() in _SETTINGS:
                patch.delenv(name)
        for name, value in _SETTINGS.items():
            patch.setenv(name, value)
        patch.setenv("HOME", str(home))
        patch.setenv("LOCCIT_HOME", str(home / "loccit"))
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C reaches what tests start, also where a shell started this run in the background, deaf to it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server of this process, started for the first test that asks; each test makes a database in it."""
    with postgresql_server() as server:
        yield server
