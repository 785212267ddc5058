"""REST: what is asked, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from loccit.core.answers import parse_answer
from loccit.policy.callers import Role
from loccit.verification import Status
from tests.servers import Server, index_two, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server over two repositories, without any key."""
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    with running(folder / "home") as one:
        yield one


QUESTION = {"question": "Where is the weather report of a city made?"}


def test_an_answer_is_the_document_that_the_command_line_prints(server: Server):
    with server.client() as client:
        reply = client.post("/v1/ask", json=QUESTION)
    assert reply.status_code == 200
    answer = parse_answer(reply.content)
    assert answer.claims[0].citations[0].path == "weather.py"
    assert answer.digest == server.loccit.ask(QUESTION["question"]).digest
    assert reply.headers["etag"] == f'"{answer.digest}"'
    assert server.loccit.verify(answer).status is Status.HOLDS
    assert answer.run is not None
    assert answer.run.trace_id == reply.headers["loccit-run"]


def test_a_streamed_answer_says_what_goes_on_and_ends_with_the_same_answer(server: Server):
    with (
        server.client() as client,
        client.stream("POST", "/v1/ask", json=QUESTION | {"stream": True}) as reply,
    ):
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [part.split("\n") for part in reply.read().decode().strip().split("\n\n")]
    names = [lines[0].removeprefix("event: ") for lines in events]
    assert names == ["found", "run", "answer"]
    answer = parse_answer(events[-1][1].removeprefix("data: ").encode())
    assert answer.digest == server.loccit.ask(QUESTION["question"]).digest


def test_an_answer_that_was_given_is_kept_as_a_run_and_can_be_rated(server: Server):
    with server.client() as client:
        run = client.post("/v1/ask", json=QUESTION).headers["loccit-run"]
        record = client.get(f"/v1/runs/{run}").json()
        assert record["question"] == QUESTION["question"]
        assert set(record["timings_ms"]) >= {"search", "verify"}
        assert record["answer"]["outcome"] == "answered"
        said = {"thumb": "down", "correction": "The station makes it.", "files": ["weather.py"]}
        rated = client.post(f"/v1/runs/{run}/feedback", json=said)
        assert rated.status_code == 200
        assert rated.json()["files"] == ["weather.py"]
        assert run in [one["id"] for one in client.get("/v1/runs").json()["runs"]]


def test_pages_of_runs_follow_each_other_without_gap_and_overlap(server: Server):
    with server.client() as client:
        for number in range(5):
            client.post("/v1/ask", json={"question": f"weather report number {number}"})
        whole = [one["id"] for one in client.get("/v1/runs", params={"limit": 100}).json()["runs"]]
        paged: list[str] = []
        cursor = None
        while True:
            page = client.get("/v1/runs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            paged += [one["id"] for one in page["runs"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert paged == whole
        assert client.get("/v1/runs", params={"cursor": "made.up"}).status_code == 422


def test_search_gives_hits_with_a_tag_and_a_cursor(server: Server):
    with server.client() as client:
        first = client.get("/v1/search", params={"q": "weather launch code", "limit": 1})
        document = first.json()
        assert document["format"] == "loccit-search/1"
        assert len(document["hits"]) == 1
        second = client.get(
            "/v1/search", params={"q": "weather launch code", "limit": 1, "cursor": document["next_cursor"]}
        ).json()
        assert second["hits"][0]["repo"] != document["hits"][0]["repo"]
        assert second["next_cursor"] is None
        again = client.get(
            "/v1/search",
            params={"q": "weather launch code", "limit": 1},
            headers={"If-None-Match": first.headers["etag"]},
        )
        assert (again.status_code, again.content) == (304, b"")
        other = client.get("/v1/search", params={"q": "other", "cursor": document["next_cursor"]})
        assert other.status_code == 422


def test_lines_of_a_file_can_be_read(server: Server):
    with server.client() as client:
        lines = client.get(
            "/v1/source", params={"repo": "open", "path": "weather.py", "start_line": 4, "end_line": 4}
        ).json()
        assert lines["lines"] == ["def weather_report(city: str) -> str:"]
        assert lines["total_lines"] == 6
        assert ["weather_report", 1] in lines["symbols"]
        for path in ("../closed/launch.py", "/etc/passwd", "nothing.py", "weather.py/..", ".git/config"):
            gone = client.get("/v1/source", params={"repo": "open", "path": path})
            assert gone.status_code == 404, path


def test_an_issue_is_triaged_and_an_answer_verified(server: Server):
    with server.client() as client:
        triaged = client.post("/v1/triage", json={"issue": "weather_report fails", "repo": "open"})
        assert triaged.json()["format"] == "loccit-triage/1"
        answer = client.post("/v1/ask", json=QUESTION).content
        assert client.post("/v1/verify", content=answer).json()["status"] == "holds"
        forged = json.loads(answer)
        forged["claims"][0]["text"] = "Something else"
        assert client.post("/v1/verify", json=forged).json()["status"] == "fell"
        assert client.post("/v1/verify", content=b"{}").status_code == 422


def test_what_is_indexed_is_listed(server: Server):
    with server.client() as client:
        found = client.get("/v1/repositories").json()["repositories"]
        assert [one["name"] for one in found] == ["closed", "open"]
        assert found[0]["collections"] == ["all"]
        assert client.get("/v1/collections").json() == {"collections": {"all": ["open", "closed"]}}
        status = client.get("/v1/status").json()
        assert (status["role"], status["repositories"], status["model"]) == (Role.ADMIN, 2, "")
        assert client.get("/v1/cost").json()["usd"] == "0"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"question": ""}', 422),
        (b'{"question": 7}', 422),
        (b'{"question": "x", "colour": 1}', 422),
        (b'{"question": "x", "repos": ["nowhere"]}', 200),
        (b'{"question": "\\ud800"}', 422),
        (b"\xff\xfe", 422),
    ],
)
def test_a_body_that_is_none_is_told_so(server: Server, body: bytes, status: int):
    with server.client() as client:
        reply = client.post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == status, reply.text
        if status == 422:
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json()["status"] == 422
