"""Trackers on loopback that behave like the real interfaces: paging, tags, limits, faults, redirects."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[[BaseHTTPRequestHandler], Answer | None]


def json_answer(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    return status, headers or {}, json.dumps(document).encode()


def status(code: int, headers: dict[str, str] | None = None, message: str = "no") -> Fault:
    """The next request ends with this status."""
    return lambda _: json_answer(code, {"message": message}, headers)


def raw(body: bytes, code: int = 200) -> Fault:
    """The next request is answered with these bytes."""
    return lambda _: (code, {}, body)


def drop(handler: BaseHTTPRequestHandler) -> Answer | None:
    """The connection is reset in the middle of an answer."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n[{")
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    return None


def redirect(target: str, code: int = 301) -> Fault:
    """The next request is sent elsewhere."""
    return lambda _: (code, {"Location": target}, b"")


class TrackerServer(ABC):
    """A server in a thread. `faults` are met by the next requests, one each; `after` puts one off."""

    def __init__(self) -> None:
        self.faults: deque[Fault | None] = deque()
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.page_size = 3
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                server.requests.append(self.path)
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                fault = server.faults.popleft() if server.faults else None
                answer = server.answer(self.path) if fault is None else fault(self)
                if answer is None:
                    server.statuses.append(0)
                    return
                code, headers, body = answer
                etag = '"' + hashlib.sha1(body).hexdigest() + '"'
                if code == 200 and self.headers.get("If-None-Match") == etag:
                    code, body = 304, b""
                server.statuses.append(code)
                self.send_response(code)
                for name, value in {"ETag": etag, "Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if code != 304:
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
        return f"http://{host}:{port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def after(self, count: int, *faults: Fault) -> None:
        """Let `count` requests through, then meet the next ones with these faults."""
        self.faults.extend([None] * count)
        self.faults.extend(faults)

    @abstractmethod
    def answer(self, path: str) -> Answer:
        """What the tracker says to a request for this path and query."""

    def page(self, path: str, entries: list[dict[str, Any]]) -> Answer:
        """The page of a list that the address asks for, with the link to the next one."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        number = int(query.get("page", "1"))
        size = min(self.page_size, int(query.get("per_page", "30")))
        found = entries[(number - 1) * size : number * size]
        headers = {}
        if len(entries) > number * size:
            rest = "&".join(f"{n}={v}" for n, v in query.items() if n != "page")
            headers["Link"] = f'<{self.url}{parts.path}?{rest}&page={number + 1}>; rel="next"'
        return json_answer(200, found, headers)


class GitHubServer(TrackerServer):
    """`/repos/o/r` of GitHub. Entries of the lists are what the interface gives."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.reviews: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    @property
    def source(self) -> str:
        return f"github:o/r@{self.url}"

    def add_issue(self, number: int, updated: str = "", **fields: Any) -> dict[str, Any]:
        created = fields.pop("created_at", f"2024-01-{number:02d}T00:00:00Z")
        issue = {
            "id": 1000 + number,
            "number": number,
            "title": f"Issue {number}",
            "body": f"Body of {number}\r\nsecond line",
            "user": {"login": "ada"},
            "state": "open",
            "created_at": created,
            "updated_at": updated or created,
            "closed_at": None,
            "labels": [{"name": "bug"}],
            "html_url": f"https://github.com/o/r/issues/{number}",
        }
        self.issues = [each for each in self.issues if each["number"] != number]
        self.issues.append({**issue, **fields})
        return self.issues[-1]

    def add_comment(self, comment_id: int, number: int, body: str, at: str, *, path: str = "") -> None:
        kind = "pulls" if path else "issues"
        entry = {
            "id": comment_id,
            "body": body,
            "user": {"login": "bo"},
            "created_at": at,
            "updated_at": at,
            ("pull_request_url" if path else "issue_url"): f"{self.url}/repos/o/r/{kind}/{number}",
        }
        target = self.reviews if path else self.comments
        target[:] = [each for each in target if each["id"] != comment_id]
        target.append({**entry, "path": path} if path else entry)

    def add_event(self, event_id: int, number: int, event: str, at: str, **fields: Any) -> None:
        entry = {"id": event_id, "event": event, "created_at": at, "commit_id": None, **fields}
        self.events.append({**entry, "issue": {"number": number}})

    def answer(self, path: str) -> Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        lists = {"issues": self.issues, "issues/comments": self.comments, "pulls/comments": self.reviews}
        name = parts.path.removeprefix("/repos/o/r/")
        if name == "issues/events":
            return self.page(path, sorted(self.events, key=lambda e: -e["id"]))
        if name in lists:
            since = query.get("since", "")
            found = [each for each in lists[name] if each["updated_at"] >= since]
            return self.page(path, sorted(found, key=lambda each: each["updated_at"]))
        number = name.removeprefix("issues/")
        found = [each for each in self.issues if str(each["number"]) == number]
        return json_answer(200, found[0]) if found else json_answer(404, {"message": "Not Found"})


class GitLabServer(TrackerServer):
    """`/projects/g%2Fp` of GitLab. `below` has the lists of an entry by path: `issues/1/notes`."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[dict[str, Any]]] = {"issues": [], "merge_requests": []}
        self.below: dict[str, list[dict[str, Any]]] = {}

    @property
    def source(self) -> str:
        return f"gitlab:g/p@{self.url}"

    def add(self, kind: str, number: int, updated: str = "", **fields: Any) -> None:
        created = f"2024-01-{number:02d}T00:00:00.000Z"
        entry = {
            "id": 1000 + number,
            "iid": number,
            "title": f"Issue {number}",
            "description": f"Body of {number}",
            "author": {"username": "ada"},
            "state": "opened",
            "created_at": created,
            "updated_at": updated or created,
            "labels": ["bug"],
            "web_url": f"https://gitlab.com/g/p/-/{kind}/{number}",
        }
        self.lists[kind] = [each for each in self.lists[kind] if each["iid"] != number]
        self.lists[kind].append({**entry, **fields})

    def answer(self, path: str) -> Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        root = "/projects/g%2Fp/"
        if not parts.path.startswith(root):
            return json_answer(404, {"message": "404 Project Not Found"})
        name = unquote(parts.path.removeprefix(root))
        if name in self.lists:
            since = query.get("updated_after", "")
            found = [each for each in self.lists[name] if each["updated_at"] >= since]
            return self.page(path, sorted(found, key=lambda each: each["updated_at"]))
        if name.count("/") == 2:
            return self.page(path, self.below.get(name, []))
        kind, _, number = name.partition("/")
        found = [each for each in self.lists.get(kind, []) if str(each["iid"]) == number]
        return json_answer(200, found[0]) if found else json_answer(404, {"message": "404 Not Found"})
