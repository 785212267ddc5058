"""Who is let in, and what they see."""

from __future__ import annotations

import time
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from loccit.policy.callers import Role
from tests.servers import Server, index_two, running

ASK = {"question": "What is the launch code of the rocket?"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server over two repositories, with keys."""
    folder = tmp_path_factory.mktemp("keyed")
    index_two(folder, folder / "home").keys().create("first", role=Role.ADMIN)
    with running(folder / "home") as one:
        yield one


@pytest.fixture(scope="module")
def reader(server: Server) -> str:
    """The key of somebody who may see `open` only."""
    return server.key("reader", repositories=["open"])


@pytest.fixture(scope="module")
def admin(server: Server) -> str:
    return server.key("admin", Role.ADMIN)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer loccit_wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer \u00e9"},
        {"Cookie": "loccit_session=made.up"},
        {"Cookie": "loccit_session=" + "A" * 5000},
    ],
)
def test_without_a_valid_key_nothing_is_told(server: Server, headers: dict[str, str]):
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    with httpx.Client(base_url=server.url, headers=encoded, trust_env=False) as client:
        for path in ("/v1/status", "/v1/repositories", "/v1/runs", "/v1/search?q=x"):
            reply = client.get(path)
            assert reply.status_code == 401
            assert reply.json()["type"] == "urn:loccit:error:not_authenticated"
            assert reply.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/health").status_code == 200
        assert client.get("/ready").json() == {"status": "ready", "problems": []}


def test_a_reader_sees_only_what_the_key_opens(server: Server, reader: str, admin: str):
    with server.client(reader) as theirs, server.client(admin) as everybodys:
        assert theirs.post("/v1/ask", json=ASK).json()["outcome"] == "abstained"
        assert everybodys.post("/v1/ask", json=ASK).json()["outcome"] == "answered"
        assert [one["name"] for one in theirs.get("/v1/repositories").json()["repositories"]] == ["open"]
        assert theirs.get("/v1/status").json()["repositories"] == 1
        assert theirs.get("/v1/collections").json() == {"collections": {"all": ["open"]}}


def test_what_is_closed_is_told_of_byte_for_byte_like_what_is_not_there(server: Server, reader: str):
    def told(name: str) -> list[tuple[int, str]]:
        with server.client(reader) as client:
            replies = [
                client.get("/v1/search", params={"q": "launch", "repo": name}),
                client.get("/v1/source", params={"repo": name, "path": "launch.py"}),
                client.get("/v1/search", params={"q": "launch", "collection": name}),
            ]
        return [(reply.status_code, reply.text.replace(name, "NAME")) for reply in replies]

    assert told("closed") == told("nowhere")
    assert {status for status, _ in told("closed")} == {404}


def test_runs_of_others_are_not_there_for_a_reader(server: Server, reader: str, admin: str):
    with server.client(admin) as client:
        run = client.post("/v1/ask", json=ASK).headers["loccit-run"]
        assert client.get(f"/v1/runs/{run}").status_code == 200
    with server.client(reader) as client:
        theirs = client.get(f"/v1/runs/{run}")
        nobodys = client.get(f"/v1/runs/{'0' * 32}")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text.replace(run, "") == nobodys.text.replace("0" * 32, "")
        assert client.post(f"/v1/runs/{run}/feedback", json={"thumb": "up"}).status_code == 404
        assert client.get("/v1/runs", params={"everybody": True}).status_code == 403
        assert client.get("/v1/cost").status_code == 403


def test_a_maintainer_sees_runs_of_others_on_what_they_may_see(server: Server, reader: str, admin: str):
    maintainer = server.key("maintainer", Role.MAINTAINER, repositories=["open"])
    with server.client(admin) as client:
        closed = client.post("/v1/ask", json=ASK | {"repos": ["closed"]}).headers["loccit-run"]
    with server.client(reader) as client:
        opened = client.post("/v1/ask", json={"question": "weather report"}).headers["loccit-run"]
    with server.client(maintainer) as client:
        seen = [one["id"] for one in client.get("/v1/runs", params={"everybody": True}).json()["runs"]]
        assert opened in seen
        assert closed not in seen
        assert client.get(f"/v1/runs/{opened}").status_code == 200
        assert client.get(f"/v1/runs/{closed}").status_code == 404


def test_a_revoked_key_opens_nothing_within_seconds(server: Server):
    text = server.key("short-lived")
    with server.client(text) as client:
        assert client.get("/v1/status").status_code == 200
        server.loccit.keys().revoke("short-lived")
        deadline = time.monotonic() + 5
        while client.get("/v1/status").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert client.get("/v1/status").status_code == 401


def test_a_key_has_its_rate_and_is_told_what_is_left_of_it(server: Server):
    with server.client(server.key("slow", requests_per_minute=3)) as client:
        left = [client.get("/v1/status").headers["x-ratelimit-remaining-requests"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = client.get("/v1/status")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) in range(1, 61)


def test_a_cookie_lets_in_from_the_page_and_from_no_other_site(server: Server, reader: str):
    from loccit.serving.sessions import COOKIE, Logins

    key = server.loccit.keys().authenticate(reader)
    cookie = Logins(server.loccit.secret("logins"), hours=1).by_key(key.id)
    with httpx.Client(base_url=server.url, cookies={COOKIE: cookie}, trust_env=False) as client:
        assert client.get("/v1/status").json()["user"] == "reader"
        assert client.post("/v1/ask", json=ASK).status_code == 200
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("/v1/ask", json=ASK, headers=headers).status_code == 403
        assert client.post("/v1/ask", json=ASK, headers={"Origin": server.url}).status_code == 200
    over = Logins(server.loccit.secret("logins"), hours=-1).by_key(key.id)
    with httpx.Client(base_url=server.url, cookies={COOKIE: over}, trust_env=False) as client:
        assert client.get("/v1/status").status_code == 401


def test_who_guesses_keys_is_slowed_down_and_who_has_one_is_not(server: Server, reader: str):
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        statuses = {
            client.get("/v1/status", headers={"Authorization": f"Bearer loccit_{n}"}).status_code
            for n in range(40)
        }
    assert statuses == {401, 429}
    with server.client(reader) as client:
        assert client.get("/v1/status").status_code == 200


def test_without_any_key_only_this_machine_is_let_in_and_only_directly(tmp_path: Path):
    index_two(tmp_path, tmp_path / "home")
    with running(tmp_path / "home", hosts=("loccit.example",)) as server:
        with server.client() as client:
            assert client.get("/v1/status").json()["role"] == "admin"
            assert client.get("/v1/status", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 401
            assert client.get("/v1/status", headers={"Host": "loccit.example"}).status_code == 401
            rebound = client.get("/v1/status", headers={"Host": "evil.example"})
            assert rebound.status_code == 403
            crossed = client.post("/v1/ask", json=ASK, headers={"Origin": "https://evil.example"})
            assert crossed.status_code == 403
        server.key("first")
        deadline = time.monotonic() + 5
        with server.client() as client:
            while client.get("/v1/status").status_code == 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_the_budget_of_a_key_is_handed_to_the_ledger(server: Server):
    text = server.key("poor", usd_per_month=Decimal("0.25"))
    caller = server.loccit.keys().authenticate(text).caller
    assert caller.usd_per_month == Decimal("0.25")
