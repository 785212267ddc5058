"""Are logs of inspect_ai read as inspect_ai reads them, and ours by it as they are?

inspect_ai runs tasks of its own with its mock model, in an environment of its own, and writes their logs in
both of its formats: epochs, errors, limits, scores that are missing, several scores of one scorer, and a
judge. loccit reads them, writes them in inspect_ai's format, and inspect_ai reads that. Counted is what
differs: samples (id, epoch, input, target, what was said, whether it failed) and scores, as numbers.
Means and standard errors that loccit writes are held against those of inspect_ai's own functions.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import peers
from loccit.core.errors import InputError
from loccit.evals.inspect_document import write_inspect_document
from loccit.evals.inspect_log import read_inspect_log
from loccit.evals.log import Entry, EvalLog
from loccit.evals.outputs import OutputOutcome

NAME = "inspect-exchange"
SUMMARY = "logs of inspect_ai read by loccit, and loccit's by inspect_ai: samples and scores that differ"

_SAMPLES = 200
_PROGRAM = Path(__file__).parent / "peer_programs" / "inspect_exchange.py"
_CHANCE = 1e-9


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """What differs, over all logs and each way."""
    count = min(_SAMPLES, setting.sample or _SAMPLES)
    try:
        python = peers.environment("inspect")
    except subprocess.CalledProcessError as error:
        return {"skipped": f"inspect_ai cannot be installed: {(error.stderr or '').strip()[-300:]}"}
    with benchmarks.home() as home:
        files: dict[str, str] = _asked(python, "make", str(home), str(count))
        theirs = dict(zip(files, _asked(python, "read", *files.values()), strict=True))
        logs: dict[str, EvalLog] = {}
        skipped: dict[str, str] = {}
        seconds = 0.0
        for name, file in files.items():
            began = time.perf_counter()
            try:
                logs[name] = read_inspect_log(Path(file))
            except InputError as error:
                skipped[name] = str(error).replace(str(home), "")
            seconds += time.perf_counter() - began
        written = {
            name: write_inspect_document(home / f"{name}.ours.json", log)
            for name, log in logs.items()
            if log.is_complete
        }
        back = dict(zip(written, _asked(python, "read", *map(str, written.values())), strict=True))
        ours_back = {name: read_inspect_log(path) for name, path in written.items()}
    read = [_differences(theirs[name], log) for name, log in logs.items()]
    returned = [_between(theirs[name], back[name]) for name in back]
    return {
        "samples_per_log": count,
        "logs_read": len(logs),
        "skipped": skipped,
        "incomplete_logs": sorted(name for name, log in logs.items() if not log.is_complete),
        "outputs_read": sum(len(log.entries) for log in logs.values()),
        "scores_read": sum(len(entry.scores) for log in logs.values() for entry in log.entries),
        "samples_differing": benchmarks.target(sum(one["samples"] for one in read), at_most=0),
        "scores_differing": benchmarks.target(sum(one["scores"] for one in read), at_most=0),
        "samples_differing_there_and_back": benchmarks.target(
            sum(one["samples"] for one in returned), at_most=0
        ),
        "scores_differing_there_and_back": benchmarks.target(
            sum(one["scores"] for one in returned), at_most=0
        ),
        "logs_not_the_same_read_back": benchmarks.target(
            sum(ours_back[name] != logs[name] for name in written), at_most=0
        ),
        "warnings": benchmarks.target(sum(len(one["warnings"]) for one in back.values()), at_most=0),
        "statistics_differing": benchmarks.target(
            sum(_other_statistics(one) for one in back.values()), at_most=0
        ),
        "means_differing_there_and_back": benchmarks.target(
            sum(_other_means(theirs[name], back[name]) for name in back), at_most=0
        ),
        "read_seconds": round(seconds, 2),
    }


def _asked(python: Path, *arguments: str) -> Any:
    """What the program prints."""
    done = subprocess.run(
        [python, _PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def _differences(theirs: dict[str, Any], log: EvalLog) -> dict[str, int]:
    """What we read otherwise than they; a sample that was cancelled is read by them alone, on purpose."""
    ours = {(entry.sample.id, entry.repeat + 1): entry for entry in log.entries}
    there = {(str(one["id"]), one["epoch"]): one for one in theirs["samples"]}
    cancelled = {key for key, one in there.items() if key not in ours and one["failed"]}
    if log.is_complete:
        cancelled = set()
    wrong = [
        key for key in ours.keys() | there.keys() - cancelled if not _same(ours.get(key), there.get(key))
    ]
    scores = sum(
        not _same_scores(entry.scores, there[key]["scores"]) for key, entry in ours.items() if key in there
    )
    return {"samples": len(wrong), "scores": scores}


def _same(entry: Entry | None, sample: dict[str, Any] | None) -> bool:
    if entry is None or sample is None:
        return False
    asked = sample["input"]
    if not isinstance(asked, str):
        asked = "\n\n".join(f"{role}: {text}" for role, text in asked)
    target = sample["target"] if isinstance(sample["target"], str) else sample["target"][0]
    failed = entry.output.outcome is OutputOutcome.FAILED
    return (entry.sample.question, entry.sample.gold.answer, entry.output.text, failed) == (
        asked,
        target,
        sample["said"],
        sample["failed"],
    )


def _same_scores(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    return ours.keys() == theirs.keys() and all(math.isclose(ours[key], theirs[key]) for key in ours)


def _between(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int]:
    """What inspect_ai finds otherwise in the log that went through ours."""
    old, new = ({(one["id"], one["epoch"]): one for one in read["samples"]} for read in (before, after))
    told = ("input", "target", "said", "failed")
    return {
        "samples": sum(
            key not in old or key not in new or any(old[key][name] != new[key][name] for name in told)
            for key in old.keys() | new.keys()
        ),
        "scores": sum(not _same_scores(old[key]["scores"], new[key]["scores"]) for key in old.keys() & new),
    }


def _other_means(before: dict[str, Any], after: dict[str, Any]) -> int:
    """Means of a run that are others in what loccit made of its log."""
    told = {
        name: metrics[key]
        for name, metrics in before["results"].items()
        for key in ("accuracy", "mean")
        if key in metrics
    }
    return sum(abs(after["results"][name]["mean"] - value) > _CHANCE for name, value in told.items())


def _other_statistics(read: dict[str, Any]) -> int:
    """Means and standard errors of our export that inspect_ai's own functions do not give."""
    return sum(
        abs(read["results"][name][key] - value) > _CHANCE
        for name, computed in read["computed"].items()
        for key, value in computed.items()
    )
