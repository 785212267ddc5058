"""What does an evaluation itself take for each sample, beside the system that is measured?

A thousand samples are put to a system that answers at once: a function in this process, and a server behind
HTTP in a process of its own. Each output has a text, five claims with two quotes each, and rankings of ten
files and passages; it is journalled, scored (rankings, words, claims against quotes by the local check) and
counted for the interim figures. Overhead is the time of the whole run, the finished log written, divided by
the samples; what the systems take themselves is part of it. Then the recorded outputs are scored again, from
one file into another.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import benchmarks
from loccit import Loccit
from loccit.evals.log import EvalLog, read_log
from loccit.evals.runner import Standing
from loccit.evals.tasks import SystemSpec, TaskFile

NAME = "harness"
SUMMARY = "what an evaluation takes per sample beside the system, and scoring 1,000 outputs again"

SAMPLES = 1000
ROUNDS = 3
OVERHEAD_MS = 5.0
RESCORE_S = 10.0
_CLAIMS = 5
_FUNCTION = """import json, sys
sys.path.insert(0, {root!r})
from benchmarks.harness import output_of

def answer(sample):
    return output_of(sample["id"])
"""


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Milliseconds per sample, in process and over HTTP, and seconds for scoring again: medians of three."""
    count = min(SAMPLES, setting.sample or SAMPLES)
    with benchmarks.home() as folder, _server() as url:
        (folder / "samples.jsonl").write_text("".join(map(_sample, range(count))))
        root = str(Path(__file__).resolve().parents[1])
        (folder / "system.py").write_text(_FUNCTION.format(root=root))
        systems = {
            "in_process": SystemSpec(kind="python", function="system.py:answer"),
            "http": SystemSpec(kind="http", url=url),
        }
        ms: dict[str, list[float]] = {name: [] for name in systems}
        cpu: dict[str, list[float]] = {name: [] for name in systems}
        again: list[float] = []
        logs: dict[str, EvalLog] = {}
        for number in range(ROUNDS):
            for name, system in systems.items():
                task = TaskFile(
                    dataset="samples.jsonl", name=name, system=system, folder=folder, concurrency=4
                )
                log = folder / f"{name}-{number}.jsonl"
                began, worked = time.perf_counter(), time.process_time()
                logs[name], _ = Loccit(folder).evaluate(task, log, tell=_interim)
                ms[name].append(1000 * (time.perf_counter() - began) / count)
                cpu[name].append(1000 * (time.process_time() - worked) / count)
            began = time.perf_counter()
            Loccit(folder).rescore(read_log(log), folder / "again.jsonl", tell=_interim)
            again.append(time.perf_counter() - began)
        _check(logs["in_process"], logs["http"])
        _check(logs["http"], read_log(folder / "again.jsonl"))
        log_mb = log.stat().st_size / 1e6
        bare = TaskFile(
            dataset="samples.jsonl",
            name="bare",
            system=systems["in_process"],
            folder=folder,
            scorers=("retrieval",),
        )
        began = time.perf_counter()
        Loccit(folder).evaluate(bare, folder / "bare.jsonl", tell=_interim)
        bare_ms = 1000 * (time.perf_counter() - began) / count
    per_sample = {name: round(benchmarks.percentile(values, 0.5), 2) for name, values in ms.items()}
    return {
        "samples": count,
        "rounds": ROUNDS,
        "overhead_ms_per_sample": benchmarks.target(max(per_sample.values()), at_most=OVERHEAD_MS),
        "in_process_ms": per_sample["in_process"],
        "http_ms": per_sample["http"],
        "without_claim_checks_ms": round(bare_ms, 2),
        "cpu_ms": {name: round(benchmarks.percentile(values, 0.5), 2) for name, values in cpu.items()},
        "rescore_s": benchmarks.target(round(benchmarks.percentile(again, 0.5), 2), at_most=RESCORE_S),
        "figures_per_sample": len(logs["http"].entries[0].scores),
        "log_mb": round(log_mb, 1),
    }


def output_of(sample: str) -> dict[str, Any]:
    """What the system gives: all from the number in the sample's name, and always the same."""
    number = int(sample.partition("-")[2])
    claims = [_claim(number, part) for part in range(_CLAIMS)]
    places = [
        {"path": f"src/module_{(number + n) % 97}.py", "start_line": 1, "end_line": 40} for n in range(10)
    ]
    return {
        "text": "\n\n".join(claim["text"] for claim in claims),
        "claims": claims,
        "files": [place["path"] for place in places],
        "passages": places,
        "usage": {"cost_usd": 0.001, "input_tokens": 4000, "output_tokens": 300},
    }


def _claim(number: int, part: int) -> dict[str, Any]:
    path = f"src/module_{(number + part) % 97}.py"
    name = f"retry_{number}_{part}"
    quote = (
        f"def {name}(call, most_attempts={part + 3}):\n"
        f'    """Call again after a pause of {number + 1} ms that doubles, at most {part + 3} times."""\n'
        "    for attempt in range(most_attempts):\n"
        "        try:\n"
        "            return call()\n"
        "        except ConnectionError:\n"
        f"            time.sleep({number + 1} / 1000 * 2**attempt)\n"
        f"    raise Unreachable(call)"
    )
    cited = [
        {"path": path, "start_line": 10, "end_line": 17, "quote": quote, "holds": True},
        {"path": path, "start_line": 30, "end_line": 30, "quote": f"{name}(connect)", "holds": True},
    ]
    text = f"`{name}` calls again after a pause of {number + 1} ms that doubles, at most {part + 3} times."
    return {"text": text, "cited": cited, "verdict": "supported"}


def _sample(number: int) -> str:
    output = output_of(f"s-{number}")
    gold = {
        "files": [output["files"][number % 10]],
        "passages": [{"path": output["files"][number % 10], "start_line": 12, "end_line": 14}],
        "answer": f"After a pause of {number + 1} ms that doubles, at most three times.",
        # In other words than the answer's: those that it says as they are need no check.
        "claims": [
            f"After a pause of {number + 1} ms, which doubles, it is called again {part + 3} times at most."
            for part in range(3)
        ],
    }
    question = f"How often and after which pause does retry_{number}_0 call again?"
    return json.dumps({"id": f"s-{number}", "question": question, "gold": gold}) + "\n"


def _interim(standing: Standing) -> None:
    """What is read for every line of progress."""
    _ = (len(standing.entries), standing.total, standing.failed, standing.spent_usd)


def _check(one: EvalLog, other: EvalLog) -> None:
    """Raise RuntimeError where two logs have not the same figures, all of them, and no failures."""
    figures = [[(e.key, e.scores, e.missing) for e in log.entries] for log in (one, other)]
    if figures[0] != figures[1] or not all(scores and not missing for _, scores, missing in figures[0]):
        raise RuntimeError("the figures differ, or some are missing")


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.harness"]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/answer"
        finally:
            process.kill()


async def _serve() -> None:
    """Serve on a port that is printed, until standard input closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                asked = json.loads(await reader.readexactly(int(fields[b"content-length"])))
                body = json.dumps(output_of(asked["id"])).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
