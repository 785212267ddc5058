"""Jobs over HTTP: who may ask for what, who sees what, and what a kill of the server costs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

import loccit as package
from loccit.library import Loccit
from loccit.policy.callers import Role
from loccit.serving.jobs.store import JobStore
from loccit.serving.jobs.values import JobKind, JobRequest, JobState
from loccit.settings import write_settings
from tests.repositories import add_commits, git, make_repository
from tests.servers import Server, index_two, running

_PATIENCE_S = 90.0


@pytest.fixture(autouse=True)
def modules_of_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that servers start find the package where we found it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the home folder of two repositories, `open` and `closed`, in it."""
    index_two(tmp_path, tmp_path / "home").database().close()
    write_settings(tmp_path / "home", {"serving": {"local_roots": [str(tmp_path)]}})
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Generator[Server]:
    """A server that keeps jobs, and starts nobody who does them."""
    with running(folder / "home", run_jobs=False) as one:
        yield one


def posted(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/index-jobs", json=body)


def over(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job when it has ended."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = client.get(f"/v1/index-jobs/{job}", params={"wait_s": 20}).json()
        if found["state"] not in {"queued", "running"}:
            return found
    raise AssertionError("the job did not end")


def test_a_job_is_done_by_a_process_that_the_server_starts(folder: Path):
    make_repository(folder / "third", [{"files": {"fox.py": "def brown_fox():\n    return 'quick'\n"}}])
    with running(folder / "home") as server, server.client() as client:
        reply = posted(client, location=str(folder / "third"), collection="all")
        assert reply.status_code == 202
        job = reply.json()
        assert reply.headers["location"] == f"/v1/index-jobs/{job['id']}"
        assert (job["state"], job["repository"]) == ("queued", "third")
        done = over(client, job["id"])
        assert done["state"] == "done", done
        assert (done["result"]["files"], done["result"]["commits"]) == (1, 1)
        assert client.get("/v1/search", params={"q": "brown fox"}).json()["hits"][0]["repo"] == "third"
        assert "third" in client.get("/v1/collections").json()["collections"]["all"]
        removed = over(client, posted(client, kind="remove", repository="third").json()["id"])
        assert removed["state"] == "done"
        names = [one["name"] for one in client.get("/v1/repositories").json()["repositories"]]
        assert names == ["closed", "open"]


def test_a_server_that_is_killed_after_its_promise_breaks_none(folder: Path):
    """Whoever comes next does it: here no server at all, but the process that the first one started."""
    make_repository(folder / "third", [{"files": {"fox.py": "def brown_fox():\n    return 'quick'\n"}}])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "LOCCIT_HOME": str(folder / "home")}
    command = [sys.executable, "-P", "-m", "loccit", "serve", "--port", str(port), "--quiet"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            deadline = time.monotonic() + _PATIENCE_S
            while time.monotonic() < deadline:
                try:
                    if client.get("/ready").status_code == 200:
                        break
                except httpx.ConnectError:
                    time.sleep(0.05)
            job = posted(client, location=str(folder / "third")).json()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    loccit = Loccit(folder / "home")
    store = JobStore(loccit.database())
    deadline = time.monotonic() + _PATIENCE_S
    while not store.get(job["id"]).state.is_over and time.monotonic() < deadline:
        time.sleep(0.1)
    assert store.get(job["id"]).state is JobState.DONE
    assert "third" in loccit.names()
    loccit.database().close()


def test_a_server_that_starts_has_done_what_the_last_one_left(folder: Path):
    loccit = Loccit(folder / "home")
    known = next(one for one in loccit.known() if one.name == "open")
    request = JobRequest(JobKind.INDEX, repository="open", rebuild=True)
    job = JobStore(loccit.database()).add(request, key=known.key, name="open", caller="c", user="")
    loccit.database().close()
    with running(folder / "home") as server, server.client() as client:
        assert over(client, job.id)["state"] == "done"


def test_two_servers_on_one_home_do_each_job_once(folder: Path):
    with (
        running(folder / "home") as one,
        running(folder / "home") as other,
        one.client() as first,
        other.client() as second,
    ):
        jobs = [
            posted(client, repository=name, rebuild=True).json()["id"]
            for client, name in ((first, "open"), (second, "closed"))
        ]
        assert posted(second, repository="open", rebuild=True).status_code == 202
        assert [over(second, job)["state"] for job in jobs] == ["done", "done"]
        store = JobStore(one.loccit.database())
        assert [store.get(job).attempts for job in jobs] == [1, 1]


def test_a_repository_whose_head_moves_is_indexed_by_itself(folder: Path):
    with running(folder / "home", refresh_s=0.5) as server, server.client() as client:
        (commit,) = add_commits(
            folder / "open", [{"files": {"fox.py": "def brown_fox():\n    return 'quick'\n"}}], first=1
        )
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            found = client.get("/v1/repositories").json()["repositories"]
            if {one["name"]: one["commit"] for one in found}["open"] == commit:
                break
            time.sleep(0.2)
        assert {one["name"]: one["commit"] for one in found}["open"] == commit
        jobs = client.get("/v1/index-jobs").json()["jobs"]
        assert [(one["repository"], one["user"]) for one in jobs] == [("open", "")]


def test_the_same_job_is_given_to_whoever_asks_while_it_waits(server: Server):
    with server.client() as client:
        first, second = posted(client, repository="open"), posted(client, repository="open")
        assert first.json()["id"] == second.json()["id"]
        assert posted(client, repository="open", rebuild=True).json()["id"] != first.json()["id"]
        headers = {"Idempotency-Key": "k1"}
        body = {"repository": "closed"}
        one = client.post("/v1/index-jobs", json=body, headers=headers)
        client.delete(f"/v1/index-jobs/{one.json()['id']}")
        again = client.post("/v1/index-jobs", json=body, headers=headers)
        assert again.content == one.content
        assert again.headers["location"] == one.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"


def test_readers_ask_for_nothing_maintainers_for_what_they_see_admins_for_everything(
    server: Server, folder: Path
):
    keys = {
        "reader": server.key("r"),
        "maintainer": server.key("m", Role.MAINTAINER, repositories=["open"]),
        "admin": server.key("a", Role.ADMIN),
    }

    def status(who: str, **body: Any) -> int:
        with server.client(keys[who]) as client:
            return posted(client, **body).status_code

    assert status("reader", repository="open") == 403
    assert status("maintainer", repository="open") == 202
    assert status("maintainer", repository="closed") == 404
    for body in (
        {"location": "https://example.com/a/b"},
        {"repository": "open", "collection": "x"},
        {"kind": "sync", "repository": "open", "tracker": "github:a/b"},
        {"kind": "remove", "repository": "open"},
    ):
        assert status("maintainer", **body) == 403, body
        assert status("admin", **body) == 202, body
    assert status("admin", repository="closed") == 202


def test_who_may_not_see_a_repository_is_told_of_it_as_of_one_that_is_not_there(server: Server):
    maintainer = server.key("m", Role.MAINTAINER, repositories=["open"])
    with server.client(maintainer) as client:
        hidden, nothing = (posted(client, repository=name) for name in ("closed", "gnihton"))
        assert hidden.status_code == nothing.status_code == 404
        assert hidden.text.replace("closed", "gnihton") == nothing.text


def test_jobs_are_seen_by_those_who_see_the_repository(server: Server, folder: Path):
    make_repository(folder / "third", [{"files": {"a.py": "a = 1\n"}}])
    admin = server.key("a", Role.ADMIN)
    readers = {name: server.key(name, repositories=[name]) for name in ("open", "closed")}
    with server.client(admin) as client:
        made = {
            name: posted(client, **body).json()["id"]
            for name, body in (
                ("open", {"repository": "open"}),
                ("closed", {"repository": "closed"}),
                ("new", {"location": str(folder / "third")}),
            )
        }
        whole = client.get("/v1/index-jobs").json()["jobs"]
        assert [one["id"] for one in whole] == [made["new"], made["closed"], made["open"]]
        assert whole[0]["request"]["location"] == str(folder / "third")
        assert whole[0]["user"] == "a"
    for name, key in readers.items():
        with server.client(key) as client:
            seen = client.get("/v1/index-jobs").json()
            assert [one["id"] for one in seen["jobs"]] == [made[name]]
            assert seen["jobs"][0]["user"] is None
            assert client.get("/v1/index-jobs", params={"repository": "third"}).json()["jobs"] == []
            for other in set(made.values()) - {made[name]}:
                gone = client.get(f"/v1/index-jobs/{other}")
                nothing = client.get(f"/v1/index-jobs/{'0' * 32}")
                assert gone.status_code == nothing.status_code == 404
                assert gone.text.replace(other, "0" * 32) == nothing.text
                assert client.get(f"/v1/index-jobs/{other}/events").status_code == 404
            assert client.delete(f"/v1/index-jobs/{made[name]}").status_code == 403


def test_what_others_do_changes_no_byte_of_a_readers_list(server: Server):
    admin, reader = server.key("a", Role.ADMIN), server.key("r", repositories=["open"])
    with server.client(admin) as client, server.client(reader) as other:
        posted(client, repository="open")
        before = other.get("/v1/index-jobs", params={"limit": 1})
        posted(client, repository="closed")
        posted(client, repository="closed", rebuild=True)
        assert other.get("/v1/index-jobs", params={"limit": 1}).content == before.content


def test_pages_of_jobs_follow_each_other(server: Server):
    with server.client() as client:
        made = [posted(client, repository="open", rev=f"r{number}").json()["id"] for number in range(5)]
        paged: list[str] = []
        cursor = None
        while True:
            page = client.get("/v1/index-jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            paged += [one["id"] for one in page.json()["jobs"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        assert paged == made[::-1]
        assert client.get("/v1/index-jobs", params={"cursor": "made.up"}).status_code == 422
        waiting = client.get("/v1/index-jobs", params={"state": "done"}).json()
        assert waiting == {"jobs": [], "next_cursor": None}


def test_who_waits_for_news_hears_them_at_once(server: Server):
    with server.client() as client:
        job = posted(client, repository="open").json()["id"]
        first = client.get(f"/v1/index-jobs/{job}")
        tag = {"If-None-Match": first.headers["etag"]}
        began = time.monotonic()
        same = client.get(f"/v1/index-jobs/{job}", params={"wait_s": 1}, headers=tag)
        assert (same.status_code, same.content) == (304, b"")
        assert time.monotonic() - began >= 1
        with client.stream("GET", f"/v1/index-jobs/{job}/events") as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            lines = events.iter_lines()
            assert next(lines) == "event: progress"
            with server.client() as another:
                assert another.delete(f"/v1/index-jobs/{job}").json()["state"] == "cancelled"
            rest = [line for line in lines if line]
        assert rest[-2] == "event: done"
        assert json.loads(rest[-1].removeprefix("data: "))["state"] == "cancelled"
        news = client.get(f"/v1/index-jobs/{job}", params={"wait_s": 30}, headers=tag)
        assert news.json()["state"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"repository": "open", "location": "https://example.com/a/b"},
        {"kind": "remove", "location": "https://example.com/a/b"},
        {"kind": "sync", "repository": "open", "rebuild": True},
        {"repository": "open", "tracker": "github:a/b"},
        {"kind": "sync", "repository": "open", "tracker": "nonsense"},
        {"repository": "a\u202eb"},
        {"kind": "explode", "repository": "open"},
        {"location": "/"},
        {"location": "/etc"},
        {"location": "relative"},
        {"location": "--upload-pack=x"},
        {"location": "ext::sh -c id"},
        {"location": "file:///etc"},
        {"location": "FILE:///not-there"},
        {"location": "http://example.com/a/b"},
        {"location": "ssh://example.com/a/b"},
        {"location": "git@example.com:a/b"},
        {"location": "https://127.0.0.1/a/b"},
        {"location": "https://[::1]/a/b"},
        {"location": "https://2130706433/a/b"},
        {"location": "https://0x7f.1/a/b"},
        {"location": "https://me:secret@example.com/a/b"},
        {"kind": "sync", "repository": "open", "tracker": "/etc/passwd.csv"},
        {"kind": "sync", "repository": "open", "tracker": "github:a/b@127.0.0.1"},
        {"kind": "sync", "repository": "open", "tracker": "gitlab:a/b@http://example.com/api/v4"},
    ],
)
def test_what_no_job_may_do_is_refused_before_it_is_one(server: Server, body: dict[str, Any]):
    with server.client() as client:
        reply = posted(client, **body)
        assert reply.status_code == 422, reply.text
        assert reply.headers["content-type"] == "application/problem+json"
        assert "secret" not in reply.text
        assert client.get("/v1/index-jobs").json()["jobs"] == []


def test_folders_are_named_below_the_roots_only_wherever_links_lead(server: Server, folder: Path):
    """What is outside is refused alike whether it is there or not."""
    outside = Path("/tmp").resolve() / f"outside-{os.getpid()}"
    make_repository(outside, [{"files": {"a.py": "a = 1\n"}}])
    try:
        (folder / "link").symlink_to(outside)
        (folder / "worktree").mkdir()
        (folder / "worktree" / ".git").write_text(f"gitdir: {outside / '.git'}\n")
        with server.client() as client:
            told = {
                posted(client, location=place).text
                for place in (
                    str(outside),
                    str(outside) + "-not-there",
                    str(folder / "link"),
                    str(folder / "worktree"),
                    f"{folder}/../../{outside.name}",
                )
            }
            assert len(told) == 1, told
            (only,) = told
            assert json.loads(only)["status"] == 422
            assert "local_roots" in json.loads(only)["next_step"]
    finally:
        git(outside, "init", "-q")
        subprocess.run(["rm", "-rf", str(outside)], check=True)


def test_a_failed_job_tells_admins_what_and_readers_that(server: Server, folder: Path):
    reader = server.key("r", repositories=["open"])
    admin = server.key("a", Role.ADMIN)
    (folder / "open").rename(folder / "moved")
    with running(folder / "home") as working, working.client(admin) as client:
        job = posted(client, repository="open").json()["id"]
        told = over(client, job)
        assert told["state"] == "failed"
        assert told["problem"]["type"] == "urn:loccit:error:not_a_repository"
        assert str(folder / "open") in told["problem"]["detail"]
        with working.client(reader) as other:
            seen = other.get(f"/v1/index-jobs/{job}").json()
            assert seen["problem"]["type"] == told["problem"]["type"]
            assert str(folder) not in json.dumps(seen)


def test_the_command_line_lists_shows_and_cancels(folder: Path):
    loccit = Loccit(folder / "home")
    known = next(one for one in loccit.known() if one.name == "open")
    store = JobStore(loccit.database())
    first, second = (
        store.add(
            JobRequest(JobKind.INDEX, repository="open", rev=rev),
            key=known.key,
            name="open",
            caller="c",
            user="ana",
        )
        for rev in (None, "nowhere")
    )

    def printed(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "loccit", "jobs", *arguments],
            env={**os.environ, "LOCCIT_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    assert [line.split()[0] for line in printed().splitlines()] == [second.id, first.id]
    assert printed("cancel", first.id) == f"{first.id}: cancelled\n"
    printed("run", "--idle", "1")
    assert "revision 'nowhere'" in printed("show", second.id)
    told = json.loads(printed("--json"))
    assert told["format"] == "loccit-jobs/1"
    assert [one["state"] for one in told["jobs"]] == ["failed", "cancelled"]
    assert "there is no job 'x'" in printed("show", "x", code=2)
    loccit.database().close()
