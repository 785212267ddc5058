"""What it costs to trace an answer and to keep its record: 12 spans, the record, and the database apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import benchmarks
from loccit.core.answers import (
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    Verdict,
    VerdictLabel,
    seal,
)
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, TokenUsage
from loccit.storage.database import Database
from loccit.telemetry.calls import calling
from loccit.telemetry.records import RunRecord, RunStore, record_of
from loccit.telemetry.trace import Trace, recording, span

NAME = "tracing"
SUMMARY = "milliseconds of our own per answer: its spans and its record, and apart from them to keep it"

_RUNS = 2000
_SAVED = 500
_LINES = 8
_CALL = ModelCall("answer", (Message(Speaker.USER, "why?"),), prompt="answer@1")
_REPLY = ModelReply("x", "openai:gpt-5-mini", TokenUsage(3120, 410, 2048), cost_usd=Decimal("0.0123"))


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Medians over many answers of five claims with two citations each, made in memory."""
    runs = min(_RUNS, setting.sample or _RUNS)
    answer = _answer()
    traced = _times(runs, lambda number: _trace(f"{number:032x}"))
    traces = [_trace(f"{number:032x}") for number in range(runs)]
    recorded = _times(runs, lambda number: _record(traces[number], answer))
    both = _times(runs, lambda number: _record(_trace(f"{number:032x}"), answer))
    with benchmarks.home() as home:
        database = Database.in_folder(home)
        store = RunStore(database, keep_days=90)
        records = [_record(trace, answer) for trace in traces[:_SAVED]]
        saved = _times(len(records), lambda number: store.save(records[number]))
        database.close()
    return {
        "answers": runs,
        "spans": len(traces[0].spans),
        "record_bytes": len(records[0].model_dump_json()),
        "tracing_ms": benchmarks.target(_median(both), at_most=0.5),
        "tracing_p95_ms": round(benchmarks.percentile(both, 0.95), 3),
        "spans_ms": _median(traced),
        "record_ms": _median(recorded),
        "save_ms": benchmarks.target(_median(saved), at_most=2),
        "save_p95_ms": round(benchmarks.percentile(saved, 0.95), 3),
    }


def _trace(run: str) -> Trace:
    """The spans of an answer with three calls: 12."""
    with recording(run) as trace:
        with span("search", {"queries": 1}) as searching, span("files"), span("history"):
            searching.set(hits=40)
        with span("pack") as packing:
            packing.set(passages=12, tokens=2900)
        with span("answer"), calling("openai:gpt-5-mini", _CALL) as replied:
            replied(_REPLY)
        with span("check"), span("repair"), calling("openai:gpt-5-mini", _CALL) as replied:
            replied(_REPLY)
        with span("judge", {"claims": 5}), calling("openai:gpt-5-mini", _CALL) as replied:
            replied(_REPLY)
        with span("verify") as verifying:
            verifying.set(citations=10)
    return trace


def _record(trace: Trace, answer: Answer) -> RunRecord:
    settings = {
        "models": {"answer": "openai:gpt-5-mini"},
        "answering": {"steps": 2, "evidence_tokens": 10_000},
    }
    question = answer.question
    return record_of(
        trace, kind="ask", question=question, outcome="answered", settings=settings, answer=answer, user="ana"
    )


def _answer() -> Answer:
    def citation(number: int) -> Citation:
        line = f"    price_{number} = weight_kg * RATES[zone].of({number})  # in cents, token by token\n"
        quote = line * _LINES
        path = f"src/parcels/prices_{number}.py"
        return Citation(
            kind=CitationKind.FILE,
            repo="parcels",
            commit="4" * 40,
            path=path,
            blob="5" * 40,
            start_byte=100,
            end_byte=100 + len(quote),
            start_line=12,
            end_line=11 + _LINES,
            sha256="6" * 64,
            quote=quote,
            encoding="utf-8",
            permalink=f"https://github.com/owner/parcels/blob/{'4' * 40}/{path}#L12-L{11 + _LINES}",
        )

    verdict = Verdict(label=VerdictLabel.SUPPORTED, score=0.9, checker="local", version="1")
    claims = tuple(
        Claim(
            text="The price of a parcel is its weight times the rate of its zone.",
            kind=ClaimKind.STATEMENT,
            citations=(citation(number), citation(number + 5)),
            verdict=verdict,
        )
        for number in range(5)
    )
    return seal(
        question="how is the price of a parcel worked out?",
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=0.8,
        claims=claims,
        dropped=(),
        snapshots=(),
    )


def _times(count: int, work: Callable[[int], object]) -> list[float]:
    """Milliseconds of each."""
    found: list[float] = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        found.append(1000 * (time.perf_counter() - started))
    return found


def _median(times: list[float]) -> float:
    return round(statistics.median(times), 3)
