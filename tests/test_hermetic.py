"""No test leaves the machine or meets its settings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning")
def test_a_connection_to_another_machine_is_refused() -> None:
    """Python code of a test that connects beyond this machine fails at once."""
    with socket.socket() as connection, pytest.raises(SocketConnectBlockedError):
        connection.connect(("192.0.2.1", 80))


def test_a_connection_on_this_machine_is_possible() -> None:
    """Tests may start a server of their own."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"x")


def test_git_cannot_reach_another_machine() -> None:
    """A child process goes through a proxy that nobody serves, and comes back within seconds."""
    started = time.monotonic()
    done = subprocess.run(
        ["git", "ls-remote", "https://example.org/nothing.git"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 128
    assert "127.0.0.1" in done.stderr
    assert time.monotonic() - started < 10


def test_the_settings_of_the_machine_are_out_of_sight(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Homes are temporary, and git reads the one configuration that is written for the tests."""
    home = Path(os.environ["HOME"])
    assert home.is_relative_to(tmp_path_factory.getbasetemp())
    assert Path(os.environ["LOCCIT_HOME"]).is_relative_to(home)
    origins = subprocess.run(
        ["git", "config", "--list", "--show-origin"], cwd=home, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert origins
    assert all(line.startswith(f"file:{home}/.gitconfig") for line in origins)


def test_what_a_test_starts_can_be_interrupted() -> None:
    """Whoever started the run: a shell starts what it puts in the background with SIGINT ignored."""
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
