"""What benchmarks of written answers share: a home whose model is a server on this machine, and questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import benchmarks
from benchmarks.model_server import Behaviour, ModelServer, Seen
from loccit import Loccit

EVIDENCE = re.compile(r"^<<<(\S+) ([^\n]*)\n(.*?)\n\1>>>$", re.DOTALL | re.MULTILINE)
_WORDS = re.compile(r"[A-Za-z][a-z]+|[A-Z]+|[0-9]+")
_CLAIMS = 4
_SETTINGS = """[models]
answer = "local:test"
cache = false
{more}
[models.providers.local]
api = "openai"
base_url = "{url}"
structured = "native"

[budgets]
prices = "prices.toml"

[[budgets.limits]]
of = "total"
per = "day"
usd = "1000"
"""
_PRICES = """[models."local:test"]
input = "0.25"
output = "2"
"""


@contextmanager
def written_home(server: ModelServer, *, more: str = "") -> Iterator[Path]:
    """A home folder whose settings name the server's model, priced like a small hosted one."""
    with benchmarks.home() as home:
        (home / "settings.toml").write_text(_SETTINGS.format(url=server.openai_url, more=more))
        (home / "prices.toml").write_text(_PRICES)
        yield home


def quoting(seen: Seen) -> Behaviour:
    """A reply that quotes, of each of the first passages in the prompt, the line nearest to the question."""
    return Behaviour(text=claims_of(prompt_of(seen)))


def prompt_of(seen: Seen) -> str:
    """The last message of a request."""
    content = seen.body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def claims_of(prompt: str) -> str:
    """The reply: claims in the form that is asked for."""
    question = prompt.rpartition("Question: ")[2]
    asked = {word.lower() for word in _WORDS.findall(question)}
    claims = []
    for evidence, _, text in EVIDENCE.findall(prompt)[:_CLAIMS]:
        lines = [line for line in text.split("\n") if len("".join(line.split())) >= 8]
        if lines:
            quote = max(
                lines, key=lambda line: len(asked & {w.lower() for w in _WORDS.findall(line)})
            ).strip()
            claims.append({"text": quote, "citations": [{"evidence": evidence, "quote": quote}]})
    return json.dumps({"claims": claims, "search": [], "read": []})


def indexed(setting: benchmarks.Setting, loccit: Loccit, count: int) -> list[tuple[str, str, str]]:
    """So many questions as (path, commit, question), evenly over the repositories, each indexed."""
    rows = [row for row in setting.rows("qa_files_dev.jsonl") if setting.repository(row["repo"])]
    step = max(1, len(rows) // count)
    chosen = rows[::step][:count]
    found = [(str(setting.repository(row["repo"])), row["commit"], row["question"]) for row in chosen]
    for path, commit in dict.fromkeys((path, commit) for path, commit, _ in found):
        loccit.index(path, rev=commit, history=False)
    return found
