"""`loccit serve` and `loccit keys` as an operator uses them: real processes, signals, kills."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.postgresql import postgresql_server
from tests.e2e.conftest import Installed
from tests.servers import index_two

ASK = {"question": "Where is the weather report of a city made?"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two indexed repositories."""
    folder = tmp_path_factory.mktemp("serve")
    index_two(folder, folder / "home").database().close()
    return folder / "home"


@contextmanager
def serving(
    run: Installed, home: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server that is ready, and its process, which is ended afterwards."""
    process = subprocess.Popen(
        [run.prefix / "bin" / "loccit", "serve", "--port", "0", *options],
        env={**os.environ, "LOCCIT_HOME": str(home), **(env or {})},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    readers: list[threading.Thread] = []
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("loccit answers at http://"), said + process.stderr.read()
        url = said.split()[-1]
        # Nobody reads on otherwise, and a full pipe stops the one who writes.
        readers.append(threading.Thread(target=process.stderr.read))
        readers[0].start()
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url, process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            for reader in readers:
                reader.join()
            if process.stderr is not None:
                process.stderr.close()


def asked(url: str, key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(f"{url}/v1/ask", json=ASK, headers=headers, timeout=30, trust_env=False)


def test_a_server_answers_and_ends_when_it_is_told(equipped: Installed, home: Path) -> None:
    with serving(equipped, home) as (url, process):
        assert asked(url).json()["outcome"] == "answered"
        process.terminate()
        assert process.wait(20) == 0


def test_what_is_under_way_is_answered_before_the_server_ends(equipped: Installed, home: Path) -> None:
    body = json.dumps(ASK).encode()
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with serving(equipped, home) as (url, process), ExitStack() as stack:
        parts = urlsplit(url)
        there = (parts.hostname or "", parts.port or 0)
        connections = [stack.enter_context(socket.create_connection(there)) for _ in range(6)]
        assert asked(url).status_code == 200
        for connection in connections:
            connection.settimeout(20)
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.02)
        process.terminate()
        said = [connection.recv(65_536) for connection in connections]
        assert [one[:15] for one in said] == [b"HTTP/1.1 200 OK"] * 6
        assert process.wait(20) == 0


def test_a_key_is_made_shown_once_listed_and_revoked(equipped: Installed, home: Path, tmp_path: Path) -> None:
    env = {"LOCCIT_HOME": str(tmp_path / "other")}
    made = equipped("keys", "create", "ci", "--role", "maintainer", "--usd", "5", "--rate", "60", env=env)
    assert made.returncode == 0
    text = made.stdout.strip()
    assert text.startswith("loccit_")
    assert text not in made.stderr
    listed = equipped("keys", "list", env=env).stdout
    assert "maintainer" in listed
    assert text not in listed
    (key,) = json.loads(equipped("keys", "list", "--json", env=env).stdout)["keys"]
    assert (key["usd_per_month"], key["requests_per_minute"], key["repositories"]) == ("5", 60, None)
    assert equipped("keys", "revoke", "ci", env=env).returncode == 0
    assert json.loads(equipped("keys", "list", "--json", env=env).stdout)["keys"][0]["revoked_at"]
    assert equipped("keys", "revoke", "nobody", env=env).returncode == 2
    assert equipped("keys", "create", "x", "--role", "king", env=env).returncode == 2
    assert equipped("keys", "create", "x", "--repo", "nowhere", env=env).returncode == 6


def test_nothing_is_served_to_other_machines_without_a_key(
    equipped: Installed, home: Path, tmp_path: Path
) -> None:
    env = {"LOCCIT_HOME": str(tmp_path / "keyless")}
    refused = equipped("serve", "--host", "0.0.0.0", "--port", "0", env=env)
    assert refused.returncode == 2
    assert "there is no key" in refused.stderr
    assert "loccit keys create" in refused.stderr


def test_a_port_that_is_taken_is_told_of(equipped: Installed, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = equipped("serve", "--port", port, env={"LOCCIT_HOME": str(home)})
    assert refused.returncode == 2
    assert f"cannot listen at 127.0.0.1:{port}" in refused.stderr


def test_without_the_extra_it_says_what_to_install(installed: Installed, home: Path) -> None:
    refused = installed("serve", env={"LOCCIT_HOME": str(home)})
    assert refused.returncode == 2
    assert "pip install 'loccit[serve]'" in refused.stderr


def test_two_servers_on_one_home_answer_alike_and_know_each_others_runs(
    equipped: Installed, home: Path
) -> None:
    with serving(equipped, home) as (first, _), serving(equipped, home) as (second, _):
        one, other = asked(first), asked(second)
        assert one.json()["digest"] == other.json()["digest"]
        run = one.headers["loccit-run"]
        assert httpx.get(f"{second}/v1/runs/{run}", trust_env=False).json()["id"] == run


def test_a_worker_that_is_killed_is_replaced_and_loses_nothing_that_was_acknowledged(
    equipped: Installed, home: Path
) -> None:
    with serving(equipped, home, "--workers", "2") as (url, process):
        run = asked(url).headers["loccit-run"]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(workers) == 2
        kept: list[str] = []
        deadline = time.monotonic() + 30
        os.kill(int(workers[0]), signal.SIGKILL)
        while len(kept) < 20:
            assert time.monotonic() < deadline
            number = len(kept)
            try:
                said = httpx.post(
                    f"{url}/v1/runs/{run}/feedback",
                    json={"thumb": "down", "correction": f"number {number}"},
                    headers={"Idempotency-Key": f"crash-{number}"},
                    timeout=5,
                    trust_env=False,
                )
            except httpx.HTTPError:
                continue
            assert said.status_code == 200
            kept.append(said.json()["correction"])
        assert kept == [f"number {number}" for number in range(20)]
        for _ in range(4):
            assert asked(url).status_code == 200


def test_a_database_that_goes_and_comes_back_is_told_of_and_used_again(
    equipped: Installed, tmp_path: Path
) -> None:
    with postgresql_server() as server:
        home = tmp_path / "home"
        index_two(tmp_path, home).database().close()
        address = server.new_database()
        (home / "settings.toml").write_text(f'[storage]\ndatabase = "{address}"\n')
        with serving(equipped, home) as (url, _):
            assert asked(url).status_code == 200
            with server.stopped():
                gone = asked(url)
                assert gone.status_code in {401, 503}
                assert gone.headers["content-type"] == "application/problem+json"
                ready = httpx.get(f"{url}/ready", trust_env=False)
                assert (ready.status_code, ready.json()["problems"]) == (
                    503,
                    ["the database does not answer"],
                )
                assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
            deadline = time.monotonic() + 20
            while asked(url).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_a_full_disk_is_told_and_the_server_goes_on_when_there_is_room_again(
    equipped: Installed, home: Path
) -> None:
    with serving(equipped, home) as (url, process):
        first = asked(url)
        assert first.status_code == 200
        # The kernel refuses to make any file longer than it is, as it does on a full disk.
        size = (home / "state.sqlite-wal").stat().st_size
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        full = asked(url)
        assert full.status_code == 503
        assert full.headers["content-type"] == "application/problem+json"
        assert "its log says why" in full.text
        found = httpx.get(f"{url}/v1/search", params={"q": "weather"}, trust_env=False)
        assert found.status_code == 200
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert asked(url).status_code == 200
        run = httpx.get(f"{url}/v1/runs/{first.headers['Loccit-Run']}", trust_env=False)
        assert run.status_code == 200
