"""What comes in wrongly, slowly, or too much of it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from loccit.core.errors import Overloaded, RateLimited
from loccit.serving.admission import Gate, Rates
from loccit.serving.doors import CONTENT_SECURITY_POLICY
from tests.servers import Server, index_two, running

ASK = {"question": "Where is the weather report of a city made?"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edge")
    index_two(folder, folder / "home")
    return folder / "home"


@pytest.fixture(scope="module")
def server(home: Path) -> Generator[Server]:
    with running(home, most_body_bytes=10_000, body_timeout_s=0.6, header_timeout_s=0.6) as one:
        yield one


def connected(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.settimeout(10)
    return connection


def everything(connection: socket.socket) -> bytes:
    """What the server says until it closes."""
    said = b""
    while chunk := connection.recv(65_536):
        said += chunk
    return said


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: Server):
    with connected(server) as connection:
        connection.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n")
        said = everything(connection)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in said


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_long(server: Server):
    with connected(server) as connection:
        head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(head + b"Content-Type: application/json\r\n\r\n")
        for _ in range(3):
            connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        said = connection.recv(65_536)
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_waited_for_no_longer_than_it_may(server: Server):
    began = time.monotonic()
    with connected(server) as connection:
        head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        connection.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        said = connection.recv(65_536)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 5


def test_a_head_that_comes_in_drops_is_waited_for_no_longer_than_it_may(server: Server):
    with connected(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: ")
        for _ in range(20):
            time.sleep(0.1)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        said = everything(connection)
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_cut_off(server: Server):
    with connected(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        said = b""
        try:
            for _ in range(100):
                connection.sendall(b"X-Long: " + b"x" * 8_000 + b"\r\n")
            said = everything(connection)
        except OSError:
            pass
    assert said == b"" or said.startswith(b"HTTP/1.1 431 ")
    with server.client() as client:
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_is_told_so_and_harms_nobody(server: Server, junk: bytes):
    with connected(server) as connection:
        connection.sendall(junk)
        everything(connection)
    with server.client() as client:
        assert client.get("/health").status_code == 200


def test_every_response_forbids_what_the_page_does_not_need(server: Server):
    with server.client() as client:
        for path in ("/health", "/v1/status", "/nowhere", "/v1/search"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers
            assert len(headers["loccit-request"]) == 32


def test_what_is_not_there_is_a_problem_document_too(server: Server):
    with server.client() as client:
        for reply, status in (
            (client.get("/nowhere"), 404),
            (client.delete("/v1/ask"), 405),
            (client.get("/v1/search"), 422),
            (client.get("/v1/search", params={"q": "x", "limit": 0}), 422),
        ):
            assert reply.status_code == reply.json()["status"] == status
            assert reply.headers["content-type"] == "application/problem+json"


def test_more_than_there_is_room_for_is_sent_away_and_told_when_to_come_again(home: Path):
    with running(home, threads=1, queue=1) as server:
        started, release = threading.Event(), threading.Event()

        def block(guest: object) -> None:
            started.set()
            release.wait(20)

        service = server.service
        blocked = asyncio.run_coroutine_threadsafe(service.run(server.local, block), server.loop)
        assert started.wait(10)
        with server.client() as client, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.get, "/v1/search", params={"q": "weather"})
            while not service.calls.waiting:
                time.sleep(0.01)
            with server.client() as other:
                shed = other.get("/v1/search", params={"q": "weather"})
                assert shed.status_code == 503
                assert shed.json()["type"] == "urn:loccit:error:overloaded"
                assert int(shed.headers["retry-after"]) >= 1
                assert shed.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
                assert other.get("/health").status_code == 200
                assert other.get("/ready").json()["problems"] == ["no room"]
                # On the same connection, with a body: what is refused is read to its end.
                assert other.post("/v1/ask", json=ASK).status_code == 503
                chat = other.post("/v1/chat/completions", json={"model": "loccit", "messages": []})
                assert (chat.status_code, chat.json()["error"]["type"]) == (503, "server_error")
                assert chat.headers["x-request-id"] != other.post("/v1/responses").headers["x-request-id"]
            with connected(server) as long:
                # Of ten megabytes that nobody wants little is read: then the connection ends.
                long.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n")
                long.sendall(b" " * 70_000)
                assert everything(long).startswith(b"HTTP/1.1 503 ")
            with server.client() as other:
                deadline = time.monotonic() + 5
                while 'loccit_shed_total{reason="queue_full"} 5' not in other.get("/metrics").text:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            release.set()
            assert waiting.result(20).status_code == 200
        blocked.result(10)


def test_a_request_that_takes_too_long_is_given_up(home: Path):
    with running(home, deadline_s=0.2) as server:
        release = threading.Event()
        service = server.service
        asked = asyncio.run_coroutine_threadsafe(
            service.run(server.local, lambda guest: release.wait(20)), server.loop
        )
        with pytest.raises(Exception, match="seconds that the request takes"):
            asked.result(10)
        assert service.calls.inside == 1
        release.set()
        while service.calls.inside:
            time.sleep(0.01)


def test_a_client_that_is_gone_leaves_the_queue(home: Path):
    with running(home, threads=1, queue=8) as server:
        started, release = threading.Event(), threading.Event()

        def block(guest: object) -> None:
            started.set()
            release.wait(20)

        service = server.service
        blocked = asyncio.run_coroutine_threadsafe(service.run(server.local, block), server.loop)
        assert started.wait(10)
        body = json.dumps(ASK).encode()
        head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection = connected(server)
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while not service.calls.waiting:
            time.sleep(0.01)
        connection.close()
        deadline = time.monotonic() + 2
        while service.calls.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        release.set()
        blocked.result(10)


def test_streams_beyond_those_that_there_may_be_are_refused_by_a_status(home: Path):
    with running(home, streams=1) as server:
        entered = asyncio.run_coroutine_threadsafe(server.service.streams.enter(), server.loop).result(5)
        with server.client() as client:
            assert client.post("/v1/ask", json=ASK | {"stream": True}).status_code == 503
            server.loop.call_soon_threadsafe(server.service.streams.leave, entered)
            with client.stream("POST", "/v1/ask", json=ASK | {"stream": True}) as reply:
                assert reply.status_code == 200
                reply.read()
        deadline = time.monotonic() + 2
        while server.service.streams.inside:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_gate_lets_in_in_order_and_nobody_is_forgotten():
    async def story() -> None:
        gate = Gate("things", at_once=1, queue=3)
        first = await gate.enter()
        came: list[int] = []

        async def visit(number: int) -> None:
            entered = await gate.enter()
            came.append(number)
            gate.leave(entered)

        visits = [asyncio.create_task(visit(number)) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await gate.enter()
        visits[1].cancel()
        await asyncio.sleep(0)
        assert gate.waiting == 2
        gate.leave(first)
        await asyncio.gather(*visits, return_exceptions=True)
        assert came == [0, 2]
        assert (gate.inside, gate.waiting) == (0, 0)

    asyncio.run(story())


def test_a_place_that_was_given_to_one_who_left_goes_to_the_next():
    async def story() -> None:
        gate = Gate("things", at_once=1, queue=3)
        first = await gate.enter()
        gone = asyncio.create_task(gate.enter())
        stays = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.leave(first)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        async with asyncio.timeout(1):
            gate.leave(await stays)
        assert gate.inside == 0

    asyncio.run(story())


def test_a_rate_of_nothing_is_no_rate_and_workers_share_one():
    rates = Rates(0)
    assert rates.take("a", None) is None
    halved = Rates(4, workers=2)
    assert [halved.take("a", None) is not None for _ in range(2)] == [True, True]
    with pytest.raises(RateLimited):
        halved.take("a", None)
    assert halved.take("b", 1_000) is not None


def test_a_write_under_one_key_is_done_once(server: Server):
    with server.client() as client:
        run = client.post("/v1/ask", json=ASK).headers["loccit-run"]
        path = f"/v1/runs/{run}/feedback"
        headers = {"Idempotency-Key": f"one-{run}"}
        first = client.post(path, json={"thumb": "up"}, headers=headers)
        again = client.post(path, json={"thumb": "up"}, headers=headers)
        assert first.content == again.content
        assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (
            None,
            "true",
        )
        other = client.post(path, json={"thumb": "down"}, headers=headers)
        assert other.status_code == 409
        failed = client.post(
            "/v1/runs/nobody/feedback", json={"thumb": "up"}, headers={"Idempotency-Key": "f"}
        )
        assert failed.status_code == 404
        assert client.post(path, json={"thumb": "up"}, headers={"Idempotency-Key": "f"}).status_code == 200


def test_a_write_that_is_at_work_is_not_done_beside_it(server: Server):
    from loccit.serving.idempotency import IdempotencyStore

    store = IdempotencyStore(server.loccit.database())
    assert store.begin("me", "k", "r" * 64) is None
    with pytest.raises(Exception, match="is at work"):
        store.begin("me", "k", "r" * 64)
    assert store.begin("you", "k", "r" * 64) is None


def test_many_connections_that_say_nothing_do_not_keep_others_out(server: Server):
    silent = [connected(server) for _ in range(300)]
    try:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.post("/v1/ask", json=ASK).status_code == 200
        for connection in silent[:5]:
            assert everything(connection).startswith(b"HTTP/1.1 408 ")
    finally:
        for connection in silent:
            connection.close()


def test_a_request_is_counted_under_the_whole_path_of_its_route(server: Server):
    asked = {"/v1/repositories", "/v1/models", "/v1/runs/{run_id}"}
    with server.client() as client:
        for path in ("/v1/repositories", "/v1/models", "/v1/runs/none"):
            client.get(path)
        deadline = time.monotonic() + 20
        counted: set[str] = set()
        while not asked <= counted and time.monotonic() < deadline:
            counted = set(re.findall(r'route="([^"]*)"', client.get("/metrics").text))
    assert asked <= counted
    assert "/repositories" not in counted
