"""Writes the published schema and example of an evaluation's log; `--check` only says if they are current.

The example is about the repository that `example_repository.py` writes: an answer, and a sample without one.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loccit.evals.answers_scorer import AnswersScorer
from loccit.evals.datasets import Dataset, DatasetHeader, Gold, Lines, Sample
from loccit.evals.log import DatasetFacts, Entry, LogHeader, RunFacts, SystemFacts, metric_facts, write_log
from loccit.evals.log_schema import json_schema
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Usage
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.scoring import scored

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = REFERENCE / "loccit-eval-1.schema.json"
EXAMPLE = REFERENCE / "loccit-eval-1.example.jsonl"
PAGE = REFERENCE / "eval-log-format.md"
_EXAMPLE_BLOCK = re.compile(r"(?<=<!-- the example -->\n```json\n).*?(?=```\n)", re.DOTALL)
_PLACE = Lines(path="parcels/retries.py", start_line=8, end_line=16)
_QUOTE = '"""What `ask` returns. A timeout is tried again after a pause that doubles, three times in all."""'
_BEGAN = 1_741_600_000.0


def example_log() -> bytes:
    """A log of two samples, of which one has no output."""
    first = Sample(
        id="retries-how-often",
        question="How often is the carrier asked again before we give up?",
        gold=Gold(
            files=(_PLACE.path,),
            functions=("parcels/retries.py::with_retries",),
            passages=(_PLACE,),
            answer="Three times in all.",
        ),
        group=_PLACE.path,
        slices={"kind": "how"},
    )
    second = Sample(id="no-customs", question="Which customs form is needed?", gold=Gold(abstain=True))
    output = Output(
        text="A timeout is tried again, three times in all.",
        claims=(
            OutputClaim(
                text="A timeout is tried again, three times in all.",
                cited=(
                    Cited(
                        **{**_PLACE.model_dump(), "start_line": 9, "end_line": 9}, quote=_QUOTE, holds=True
                    ),
                ),
            ),
        ),
        files=(_PLACE.path,),
        used={"prompt answer": "1"},
    )
    failed = Output(outcome=OutputOutcome.FAILED, error="Timeout", message="no output within 60 s")
    usage = Usage(
        latency_s=1.84, cost_usd=0.0021, input_tokens=1204, output_tokens=58, calls=1, started_at=_BEGAN
    )
    dataset = Dataset((first, second), DatasetHeader(name="parcels"))
    scorers = (RetrievalScorer(), AnswersScorer())
    header = LogHeader(
        task="parcels",
        dataset=DatasetFacts(name="parcels", samples=2, digest=dataset.digest),
        system=SystemFacts(
            kind="http", name="http://127.0.0.1:8000/ask", facts={"url": "http://127.0.0.1:8000/ask"}
        ),
        scorers={scorer.name: scorer.version for scorer in scorers},
        metrics=metric_facts(metric for scorer in scorers for metric in scorer.metrics),
        version="0.1.0",
        run=RunFacts(id="5a" * 16, started_at=_BEGAN),
    )
    entries: list[Entry] = []
    for sample, given, took in (
        (first, output, usage),
        (second, failed, Usage(latency_s=60.0, started_at=_BEGAN)),
    ):
        found = asyncio.run(scored(scorers, sample, given))
        entries.append(
            Entry(
                sample=sample, output=given, scores=dict(found.values), missing=dict(found.missing), run=took
            )
        )
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "log.jsonl"
        ended = header.run.model_copy(
            update={"finished_at": _BEGAN + 60.1, "seconds": 60.1, "cost_usd": 0.0021}
        )
        write_log(path, header, entries, ended)
        return path.read_bytes()


def _spread_out(log: bytes) -> Iterator[str]:
    """The lines, each indented; of the header's metrics the first."""
    for line in log.decode("utf-8").splitlines():
        document = json.loads(line)
        if "metrics" in document:
            name, first = next(iter(document["metrics"].items()))
            document["metrics"] = {name: first}
        yield json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def generated() -> dict[Path, str]:
    """What each generated file should hold."""
    log = example_log()
    block = "".join(_spread_out(log))
    return {
        SCHEMA: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        EXAMPLE: log.decode("utf-8"),
        PAGE: _EXAMPLE_BLOCK.sub(lambda _: block, PAGE.read_text(encoding="utf-8"), count=1),
    }


def main(arguments: list[str]) -> int:
    """0 when all is up to date or has been written, 1 when `--check` finds a difference."""
    texts = generated()
    stale = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run 'python scripts/eval_log_format.py'")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
