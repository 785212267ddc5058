"""Does what somebody may not see change a byte of what they get?

Two homes hold the same repository, which a reader's key opens. In the first there is a second one as well,
which the key does not open, and whose owner asks, searches and rates all the while. The reader sends the same
random requests to both servers, over HTTP: to every route there is, with words, names and paths of the closed
repository among what they ask for. Replies are compared byte for byte, heads included, apart from what is
said of the run itself (ids, times) and the date.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

import benchmarks
from benchmarks import served
from loccit import Loccit
from loccit.policy.callers import Role

NAME = "tenants"
SUMMARY = "random requests of a reader to two servers, one with a repository they may not see"

_CASES = 10_000
_OPEN, _CLOSED = "pallets/flask", "psf/requests"
# What is said of the run itself, wherever it stands.
_OWN = frozenset("run id at started_at started_ms took_ms timings_ms created created_at completed_at".split())
_OWN_HEADERS = frozenset({"date", "loccit-request", "loccit-run", "loccit-session", "mcp-session-id"})
_HEX = re.compile(rb"\b[0-9a-f]{32}\b")

# How long the reader's own runs took, and when they were, as pages tell it; plots of it stand beside tables.
_TIMES = re.compile(rb"<time[^>]*>[^<]*</time>|<svg.*?</svg>|\b[\d.,]+ (?:ms|s)\b", re.DOTALL)

Case = tuple[str, str, Any]


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """How many cases, and how many bytes differ."""
    paths = [setting.repository(name) for name in (_OPEN, _CLOSED)]
    missing = [name for name, path in zip((_OPEN, _CLOSED), paths, strict=True) if path is None]
    if missing:
        return {"missing_repositories": missing}
    cases = setting.sample or _CASES
    with benchmarks.home() as folder:
        opened, closed = (_copied(path, folder) for path in paths if path is not None)
        return {"missing_repositories": [], **compare(folder, opened, closed, cases=cases)}


def compare(folder: Path, opened: Path, closed: Path, *, cases: int, seed: int = 7) -> dict[str, Any]:
    """The figures of so many cases: homes are made in `folder`, of the repositories at these two places."""
    alone, both = folder / "alone", folder / "both"
    library = Loccit(alone)
    library.index(opened, collection="all")
    _, reader = library.keys().create("reader", repositories=[library.names()[0]])
    _, owner = library.keys().create("owner", role=Role.ADMIN)
    library.database().close()
    shutil.copytree(alone, both)
    library = Loccit(both)
    library.index(closed, collection="all")
    library.index(closed, collection="secret")
    names = library.names()
    library.database().close()
    words = _words(opened), _words(closed)
    with served.serving(alone) as first, served.serving(both) as second:
        stop = threading.Event()
        busy = threading.Thread(target=_owner_at_work, args=(second.url, owner, words[1], stop))
        busy.start()
        try:
            return _compared(first.url, second.url, reader, names, words, cases, random.Random(seed))
        finally:
            stop.set()
            busy.join()


def _compared(
    first: str,
    second: str,
    key: str,
    names: tuple[str, ...],
    words: tuple[list[str], list[str]],
    cases: int,
    choice: random.Random,
) -> dict[str, Any]:
    accept = "application/json, text/event-stream, text/html"
    headers = {"Authorization": f"Bearer {key}", "Accept": accept}
    differing, bytes_differing, routes, statuses = [], 0, dict[str, int](), dict[str, int]()
    with (
        httpx.Client(base_url=first, headers=headers, timeout=60, trust_env=False) as one,
        httpx.Client(base_url=second, headers=headers, timeout=60, trust_env=False) as other,
    ):
        runs: list[tuple[str, str]] = []
        for number in range(cases):
            method, path, body = _case(choice, names, words)
            pair = []
            for client, run in zip((one, other), runs[-1] if runs else ("", ""), strict=True):
                where = path.replace("{run}", run or "0" * 32)
                pair.append(client.request(method, where, **({} if body is None else {"json": body})))
            if all("loccit-run" in reply.headers for reply in pair):
                runs.append((pair[0].headers["loccit-run"], pair[1].headers["loccit-run"]))
            told = [_told(reply) for reply in pair]
            route = f"{method} {path.partition('?')[0]}"
            routes[route] = routes.get(route, 0) + 1
            status = str(pair[0].status_code)
            statuses[status] = statuses.get(status, 0) + 1
            if told[0] != told[1]:
                bytes_differing += abs(len(told[0]) - len(told[1])) or sum(
                    a != b for a, b in zip(*told, strict=True)
                )
                differing.append(
                    {"case": number, "route": route, "body": body, "told": [t.decode() for t in told]}
                )
    return {
        "cases": cases,
        "bytes_differing": benchmarks.target(bytes_differing, at_most=0),
        "cases_differing": len(differing),
        "routes": dict(sorted(routes.items())),
        "statuses": dict(sorted(statuses.items())),
        "differing": differing[:3],
    }


def _case(choice: random.Random, names: tuple[str, ...], words: tuple[list[str], list[str]]) -> Case:
    """A request: mostly of what is there, often of what must not seem to be."""
    pool = words[choice.random() < 0.5]
    text = " ".join(choice.choices(pool, k=choice.randint(1, 5)))
    some = {
        "repos": choice.sample([*names, "nowhere", "all"], choice.randint(0, 2)),
        "collection": choice.choice([None, None, None, "all", "secret", "none"]),
    }
    where = [("repo", name) for name in some["repos"]]
    where += [("collection", some["collection"])] if some["collection"] else []
    repo = choice.choice([*names, "nowhere"])
    lines = {"start_line": choice.randint(1, 40)}
    kinds: list[Case] = [
        ("POST", "/v1/ask", {"question": text, **some}),
        ("POST", "/v1/ask", {"question": text, **some, "stream": True}),
        ("GET", "/v1/search?" + urlencode([("q", text), *where, ("limit", choice.randint(1, 20))]), None),
        ("GET", "/v1/search?" + urlencode([("q", text), *where, ("history", "true")]), None),
        ("GET", "/v1/source?" + urlencode({"repo": repo, "path": choice.choice(pool), **lines}), None),
        ("POST", "/v1/triage", {"issue": text, "repo": choice.choice([None, repo])}),
        ("GET", choice.choice(["/v1/repositories", "/v1/collections", "/v1/status", "/openapi.json"]), None),
        ("GET", "/v1/runs?" + urlencode({"limit": choice.randint(1, 30)}), None),
        ("GET", "/v1/runs/{run}", None),
        ("POST", "/v1/runs/{run}/feedback", {"thumb": "down", "correction": text}),
        ("GET", f"/v1/runs?everybody=true&kind={choice.choice(['ask', 'triage'])}", None),
        ("GET", "/v1/cost", None),
        ("GET", "/v1/index-jobs", None),
        ("POST", "/v1/index-jobs", {"repo": repo}),
        ("GET", choice.choice(["/v1/models", f"/v1/models/loccit/{repo}"]), None),
        ("POST", "/v1/chat/completions", {**_chat(choice, names, text), "stream": choice.random() < 0.5}),
        ("POST", "/v1/responses", {"model": _chat(choice, names, text)["model"], "input": text}),
        ("POST", "/mcp", _tool(choice, repo, text, choice.choice(pool))),
        ("GET", choice.choice(["/", "/repositories", "/dashboard", "/runs", "/reports", "/triage"]), None),
        ("GET", "/search?" + urlencode([("q", text), *where]), None),
        ("GET", "/source?" + urlencode({"repo": repo, "path": choice.choice(pool)}), None),
        ("GET", "/?" + urlencode([("q", text), *where]), None),
    ]
    return choice.choice(kinds)


def _chat(choice: random.Random, names: tuple[str, ...], text: str) -> dict[str, Any]:
    """A question in OpenAI's dialect."""
    models = ["loccit", *(f"loccit/{name}" for name in (*names, "nowhere")), "loccit:all", "loccit:secret"]
    return {"model": choice.choice(models), "messages": [{"role": "user", "content": text}]}


def _tool(choice: random.Random, repo: str, text: str, path: str) -> dict[str, Any]:
    """A call of a coding agent's tool."""
    name, arguments = choice.choice(
        [
            ("ask", {"question": text}),
            ("search_code", {"query": text}),
            ("search_code", {"query": text, "repos": [repo]}),
            ("search_history", {"query": text}),
            ("find_symbol", {"name": path}),
            ("read_file", {"repo": repo, "path": path}),
            ("triage_issue", {"issue": text, "repo": repo}),
            ("index_status", {}),
        ]
    )
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }


def _told(reply: httpx.Response) -> bytes:
    """What was told, without what is said of the run itself."""
    head = sorted((n.lower(), v) for n, v in reply.headers.items() if n.lower() not in _OWN_HEADERS)
    kind = reply.headers.get("content-type", "")
    if kind.endswith("json"):
        body = json.dumps(_without_run(reply.json()), sort_keys=True).encode()
    elif kind.startswith("text/event-stream"):
        lines = reply.text.splitlines()
        body = "\n".join(
            json.dumps(_without_run(json.loads(line[6:])), sort_keys=True)
            if line.startswith("data: {")
            else line
            for line in lines
        ).encode()
    elif kind.startswith("text/html"):
        body = _TIMES.sub(b"TIME", reply.content)
    else:
        body = reply.content
    # A length covers what was taken out; that of the rest is compared with it.
    head = [(name, value) for name, value in head if name != "content-length"]
    return _HEX.sub(b"RUN", repr((reply.status_code, head)).encode() + b"\n" + body)


def _without_run(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_run(v) for k, v in value.items() if k not in _OWN}
    return [_without_run(one) for one in value] if isinstance(value, list) else value


def _owner_at_work(url: str, key: str, words: list[str], stop: threading.Event) -> None:
    """Somebody who may see the closed repository uses it, all the while."""
    choice = random.Random(1)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        while not stop.wait(0.02):
            text = " ".join(choice.choices(words, k=3))
            run = client.post("/v1/ask", json={"question": text}).headers.get("loccit-run")
            if run:
                client.post(f"/v1/runs/{run}/feedback", json={"thumb": "up"})
            client.get("/v1/search", params={"q": text})


def _words(repository: Path) -> list[str]:
    """Words and paths of a repository."""
    from benchmarks import repositories

    paths = repositories.lines(repository, "ls-tree", "-r", "--name-only", "HEAD")
    found = re.findall(r"[a-zA-Z_]{5,}", " ".join(repositories.subjects(repository, 200)))
    return sorted({*paths[:200], *found})


def _copied(repository: Path, folder: Path) -> Path:
    """A clone of its own, so that its name is the one of its folder and its origin nobody's."""
    from benchmarks import repositories

    clone = folder / repository.parent.name.partition("+")[2]
    repositories.git(repository, "clone", "--quiet", "--bare", str(repository), str(clone))
    return clone
