"""Trackers for tests: the parts of GitHub's and GitLab's interfaces that are written to, on loopback, and the
deliveries that they send.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from loccit import Loccit
from loccit.serving.hooks.deliveries import Deliveries
from loccit.serving.options import TrackerOptions
from tests.servers import Server

DATA = Path(__file__).parent / "data" / "hooks"
SECRET = "hook-secret-9"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
Answer = tuple[int, Any, dict[str, str]]
Serve = Callable[..., AbstractContextManager[Server]]
Fault = Callable[[BaseHTTPRequestHandler], Answer | None]


def status(code: int, headers: dict[str, str] | None = None, message: str = "no") -> Fault:
    """The next request that changes something ends with this status, and changes nothing."""
    return lambda _: (code, {"message": message}, headers or {})


class FakeTracker:
    """A tracker with one issue, 1. `faults` are met by the next requests that write, one each; `lost` answers
    of POSTs that are done, and not heard of.
    """

    kind = "github"
    root = "/repos/acme/weather"

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.reactions: list[tuple[str, str]] = []
        self.labels: list[str] = []
        self.writes: list[tuple[str, str, Any]] = []
        self.reads: list[str] = []
        self.tokens: set[str] = set()
        self.faults: deque[Fault | None] = deque()
        self.lost = 0
        self.may_ask_who = True
        self.permissions = {"maintainer": "write", "7": "write"}
        self.on_write: Callable[[], None] = lambda: None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                fake.reads.append(self.path)
                self._answer(fake.read(unquote(urlsplit(self.path).path)))

            def do_POST(self) -> None:
                self._write("POST")

            def do_PATCH(self) -> None:
                self._write("PATCH")

            def do_PUT(self) -> None:
                self._write("PUT")

            def _write(self, method: str) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                document = json.loads(self.rfile.read(length) or b"null")
                fake.tokens.add(self.headers.get("Authorization", ""))
                fault = fake.faults.popleft() if fake.faults else None
                if fault is not None:
                    answer = fault(self)
                    if answer is not None:
                        self._answer(answer)
                    return
                path = unquote(urlsplit(self.path).path)
                fake.writes.append((method, path, document))
                answer = fake.write(method, path, document)
                fake.on_write()
                if fake.lost and method == "POST":
                    fake.lost -= 1
                    self.close_connection = True
                    return
                self._answer(answer)

            def _answer(self, answer: Answer) -> None:
                code, document, headers = answer
                body = json.dumps(document).encode()
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def ours(self) -> list[dict[str, Any]]:
        """The comments that we wrote."""
        return [one for one in self.comments if one["user"]["login"] == "loccit-bot"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def say(self, body: str, login: str = "stranger") -> dict[str, Any]:
        """A comment of somebody else."""
        person = {"login": login, "id": 99, "type": "User"}
        self.comments.append({"id": 100 + len(self.comments), "body": body, "user": person})
        return self.comments[-1]

    def read(self, path: str) -> Answer:
        name = path.removeprefix(self.root)
        if path == "/user":
            me = {"login": "loccit-bot", "id": 5, "type": "User"}
            return (200, me, {}) if self.may_ask_who else (403, {"message": "Resource not accessible"}, {})
        if name == "/issues/1/comments":
            return 200, self.comments, {}
        if name == "/pulls/2/files":
            return 200, [{"filename": "weather.py", "status": "modified"}, {"filename": "NEWS.md"}], {}
        if name == "/issues/1/events":
            return 200, [{"id": 1, "event": "closed", "commit_id": "c" * 40}], {}
        if name == f"/commits/{'c' * 40}":
            return 200, {"sha": "c" * 40, "files": [{"filename": "weather.py"}]}, {}
        if match := re.fullmatch(r"/collaborators/(.+)/permission", name):
            found = self.permissions.get(match[1])
            return (200, {"permission": found}, {}) if found else (404, {"message": "Not Found"}, {})
        return 404, {"message": "Not Found"}, {}

    def write(self, method: str, path: str, document: Any) -> Answer:
        name = path.removeprefix(self.root)
        if (method, name) == ("POST", "/issues/1/comments"):
            return self.added(document["body"])
        if match := re.fullmatch(r"/issues/comments/(\d+)", name):
            return self.edited(match[1], document["body"])
        if match := re.fullmatch(r"/issues/comments/(\d+)/reactions", name):
            self.reactions.append((match[1], document["content"]))
            return 201, {"id": 1}, {}
        if name == "/issues/1/labels":
            self.labels += document["labels"]
            return 200, [], {}
        return 404, {"message": "Not Found"}, {}

    def added(self, body: str) -> Answer:
        me = {"login": "loccit-bot", "id": 5, "type": "User" if self.may_ask_who else "Bot"}
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": me, "author": me})
        return 201, self.comments[-1], {}

    def edited(self, comment: str, body: str) -> Answer:
        for one in self.comments:
            if str(one["id"]) == comment:
                one["body"] = body
                return 200, one, {}
        return 404, {"message": "Not Found"}, {}


class FakeGitLab(FakeTracker):
    kind = "gitlab"
    root = "/projects/acme/weather"

    def read(self, path: str) -> Answer:
        name = path.removeprefix(self.root)
        if path == "/user":
            return 200, {"username": "loccit-bot", "id": 5}, {}
        if name == "/issues/1/notes":
            return 200, [{**one, "author": {"id": one["user"]["id"]}} for one in self.comments], {}
        if name == "/merge_requests/2/diffs":
            return 200, [{"old_path": "weather.py", "new_path": "reports.py", "renamed_file": True}], {}
        if name == "/issues/1/closed_by":
            return 200, [{"iid": 2, "state": "merged"}], {}
        if match := re.fullmatch(r"/members/all/(.+)", name):
            levels = {"read": 20, "write": 30}
            found = self.permissions.get(match[1])
            return (200, {"id": 7, "access_level": levels[found]}, {}) if found else (404, {}, {})
        return 404, {"message": "404 Not Found"}, {}

    def write(self, method: str, path: str, document: Any) -> Answer:
        name = path.removeprefix(self.root)
        if (method, name) == ("POST", "/issues/1/notes"):
            return self.added(document["body"])
        if match := re.fullmatch(r"/issues/1/notes/(\d+)", name):
            return self.edited(match[1], document["body"])
        if match := re.fullmatch(r"/issues/1/notes/(\d+)/award_emoji", name):
            self.reactions.append((match[1], document["name"]))
            return 201, {"id": 1}, {}
        if (method, name) == ("PUT", "/issues/1"):
            assert set(document) == {"add_labels"}
            self.labels += document["add_labels"].split(",")
            return 200, {}, {}
        return 404, {"message": "404 Not Found"}, {}


def payload(name: str, /, *, now: float | None = None, **changed: Any) -> dict[str, Any]:
    """A payload with times of now, and some parts changed: `issue__title="x"`."""
    document = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    moment = time.time() if now is None else now
    written = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for part in ("issue", "comment", "pull_request", "object_attributes"):
        if part in document:
            document[part]["updated_at"] = written
    if name == "github-push":
        document["repository"]["pushed_at"] = int(moment)
    for path, value in changed.items():
        *parents, last = path.split("__")
        at = document
        for parent in parents:
            at = at[parent]
        at[last] = value
    return document


def headers_of(event: str, body: bytes, *, secret: str = SECRET, delivery: str = "") -> dict[str, str]:
    """What GitHub sends with a delivery."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def send_github(
    client: httpx.Client, event: str, document: dict[str, Any], *, secret: str = SECRET, delivery: str = ""
) -> httpx.Response:
    """Deliver as GitHub does."""
    body = json.dumps(document).encode()
    return client.post(
        "/hooks/github", content=body, headers=headers_of(event, body, secret=secret, delivery=delivery)
    )


def send_gitlab(client: httpx.Client, document: dict[str, Any], *, token: str = SECRET) -> httpx.Response:
    """Deliver as GitLab does with a secret token."""
    kind = document["object_kind"].replace("_", " ").title()
    headers = {
        "X-Gitlab-Event": f"{kind} Hook",
        "X-Gitlab-Token": token,
        "Idempotency-Key": str(uuid.uuid4()),
    }
    return client.post("/hooks/gitlab", json=document, headers=headers)


def signed_by_gitlab(
    body: bytes, *, token: str = SIGNING_TOKEN, at: float | None = None, delivery: str = "d-1"
) -> dict[str, str]:
    """What GitLab sends with a delivery where the webhook has a signing token (Standard Webhooks)."""
    sent_at = int(time.time() if at is None else at)
    key = base64.b64decode(token.removeprefix("whsec_"))
    signature = hmac.new(key, f"{delivery}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def options_for(fake: FakeTracker, **changed: Any) -> TrackerOptions:
    """The settings of a tracker that is reached at the fake."""
    given: dict[str, Any] = {
        "kind": fake.kind,
        "project": "acme/weather",
        "repo": "open",
        "mode": "comment",
        "host": f"{fake.kind}.com",
        "api": fake.url,
    }
    return TrackerOptions(**given | changed)


def settled(loccit: Loccit, *, within_s: float = 20.0) -> dict[str, int]:
    """How many deliveries there are by state, once none waits any more."""
    deliveries = Deliveries(loccit.database())
    deadline = time.monotonic() + within_s
    while (counts := deliveries.counts())["pending"]:
        if time.monotonic() > deadline:
            raise AssertionError(f"deliveries wait on: {counts}")
        time.sleep(0.02)
    return counts
