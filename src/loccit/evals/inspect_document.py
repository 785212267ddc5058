"""A log of loccit's in the JSON format of inspect_ai, version 2, so that its viewer and its tools read it.

Samples, epochs, answers, scores, errors, tokens and times stand where inspect_ai has them. A score that is
missing is one that inspect_ai calls unscored, NaN with the reason, which its metrics leave out. All else is
in the metadata of log and samples under `loccit`, from which `read_inspect_log` makes the same log again.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from loccit.core.errors import InputError, MalformedLog
from loccit.evals.datasets import Sample
from loccit.evals.inspect_log import KIND, OURS, THEIRS
from loccit.evals.inspect_parts import FORMAT_VERSION
from loccit.evals.log import FORMAT, Entry, EvalLog
from loccit.evals.metrics import OPERATIONS, Metric
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.statistics import Scale, mean
from loccit.evals.whole_files import write_whole

# The key of a sample's metadata with its group; inspect_ai's `stderr(cluster=...)` wants one in every sample.
GROUP = "loccit_group"
_SHOWN = 200
_OPERATIONS = frozenset(metric.name for metric in OPERATIONS)


def inspect_document(log: EvalLog) -> dict[str, Any]:
    """The log as inspect_ai's JSON; a missing score is NaN there, which its readers know.

    Raises InputError for a log that is not complete, MalformedLog for a sample that claims to be from
    inspect_ai and is not.
    """
    if log.end is None:
        raise InputError(
            f"the log of {log.header.task!r} is not complete", next_step="finish it: loccit eval run"
        )
    header, run = log.header, log.end.run
    metrics = [metric for name, metric in log.metrics.items() if name not in _OPERATIONS]
    model = _model(log)
    theirs = {key: _of_theirs(sample) for key, sample in log.samples.items()}
    ids = {key: theirs[key].get("id", key) for key in log.samples}
    return {
        "version": FORMAT_VERSION,
        "status": "success",
        "eval": {
            "eval_id": run.id or log.end.digest[:22],
            "run_id": run.id or log.end.digest[:22],
            "created": _written(run.started_at),
            "task": header.task or "loccit",
            "task_id": log.end.digest[:22],
            "task_version": 0,
            "task_args": {},
            "dataset": {
                "name": header.dataset.name,
                "samples": len(ids),
                "sample_ids": list(ids.values()),
                "shuffled": False,
            },
            "model": model,
            "model_args": {},
            "config": {"epochs": header.repeats, "epochs_reducer": ["mean"]},
            "packages": {"loccit": header.version},
            "metadata": {
                OURS: {
                    "format": FORMAT,
                    "header": header.model_dump(mode="json"),
                    "run": run.model_dump(mode="json"),
                }
            },
            "scorers": [_scorer(metric) for metric in metrics],
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(log.entries),
            "completed_samples": sum(not _failed(entry.output) for entry in log.entries),
            "scores": [_result(log, metric) for metric in metrics if metric.name in log.measured()],
        },
        "stats": {
            "started_at": _written(run.started_at),
            "completed_at": _written(run.finished_at),
            "model_usage": _total_usage(log.entries, model),
            "role_usage": {},
        },
        "samples": [
            _sample(entry, theirs[entry.sample.id], ids[entry.sample.id], model) for entry in log.entries
        ],
        "reductions": [_reduction(log, metric, ids) for metric in metrics if metric.name in log.measured()],
    }


def write_inspect_document(path: Path, log: EvalLog) -> Path:
    """Write the log in inspect_ai's JSON, in one move, and say where it is.

    In a folder it gets a name as inspect_ai gives them: its viewer lists no others. Raises as
    `inspect_document` does, InputError for another ending than `.json`, StorageFailed.
    """
    document = inspect_document(log)
    if path.is_dir():
        spec = document["eval"]
        began = spec["created"][:19].replace(":", "-")
        task = "".join(one if one.isalnum() else "-" for one in spec["task"])
        path = path / f"{began}-00-00_{task}_{spec['task_id']}.json"
    elif path.suffix != ".json":
        raise InputError(
            f"{str(path)!r} does not end in .json", next_step="inspect_ai tells formats apart by that"
        )
    data = json.dumps(document, ensure_ascii=False, allow_nan=True).encode()
    write_whole(path, [data], next_step="make room, or name another file with --out")
    return path


def _sample(entry: Entry, theirs: Mapping[str, Any], id_there: str | int, model: str) -> dict[str, Any]:
    sample, output, run = entry.sample, entry.output, entry.run
    said = _said(output)
    question: str | list[Any] = theirs.get("input", sample.question)
    asked: list[Any] = [{"role": "user", "content": question}] if isinstance(question, str) else question
    answer = {"role": "assistant", "content": said, "source": "generate", "model": model}
    shown = {"answer": said if len(said) <= _SHOWN else f"{said[: _SHOWN - 3]}..."} if said else {}
    document: dict[str, Any] = {
        "id": id_there,
        "epoch": entry.repeat + 1,
        "input": question,
        "target": theirs.get("target", _target(sample)),
        "messages": [*asked, answer] if said else asked,
        "output": {
            "model": model,
            "choices": [{"message": answer, "stop_reason": "stop"}] if said else [],
            "completion": said,
        },
        "scores": {
            **{name: {"value": value, **shown} for name, value in entry.scores.items()},
            **{name: {"value": math.nan, "explanation": why, **shown} for name, why in entry.missing.items()},
        },
        "metadata": {
            **theirs.get("metadata", {}),
            GROUP: sample.cluster,
            OURS: {
                "format": FORMAT,
                "sample": sample.model_dump(mode="json", exclude_defaults=True),
                "output": output.model_dump(mode="json", exclude_defaults=True),
                "run": run.model_dump(mode="json", exclude_defaults=True),
            },
        },
        "store": {},
        "events": [],
        "model_usage": _usage([run], model),
        "uuid": run.trace_id or None,
        "attachments": {},
    }
    if "choices" in theirs:
        document["choices"] = theirs["choices"]
    if run.started_at:
        document["started_at"] = _written(run.started_at)
        if run.latency_s is not None:
            document["completed_at"] = _written(run.started_at + run.latency_s)
    if run.latency_s is not None:
        document |= {"total_time": run.latency_s, "working_time": run.latency_s}
    if _failed(output):
        document["error"] = {
            "message": output.message or output.error or "failed",
            "traceback": "",
            "traceback_ansi": "",
        }
    return document


def _said(output: Output) -> str:
    """What a reader sees as the answer: the text, or the ranking, or that there is none and why."""
    if output.text or _failed(output):
        return output.text
    if output.outcome is OutputOutcome.ABSTAINED:
        return f"(declined: {output.abstention or 'no reason given'})"
    ranked = output.functions or output.files or ()
    return "\n".join(f"{rank}. {name}" for rank, name in enumerate(ranked, start=1))


def _target(sample: Sample) -> str | list[str]:
    gold = sample.gold
    if gold.abstain:
        return "(the sources do not hold the answer: to decline is right)"
    if gold.answer:
        return gold.answer
    places = [f"{place.path}:{place.start_line}-{place.end_line}" for place in gold.passages]
    return list(gold.claims or gold.functions or gold.files or places)


def _of_theirs(sample: Sample) -> dict[str, Any]:
    """What inspect_ai had said of a sample that is from there; nothing of any other."""
    kept = sample.origin.get(THEIRS)
    if kept is None:
        return {}
    wrong = MalformedLog(
        f"sample {sample.id!r} has the origin {THEIRS!r} and not what inspect_ai says of a sample",
        next_step="import the log again: loccit eval import",
    )
    try:
        document = json.loads(kept)
    except (ValueError, RecursionError) as error:
        raise wrong from error
    if not isinstance(document, dict):
        raise wrong
    theirs = cast("dict[str, Any]", document)
    if str(theirs.get("id", sample.id)) != sample.id:
        raise wrong
    return theirs


def _scorer(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "options": {},
        "metrics": [
            {"name": "inspect_ai/mean", "options": {}},
            {"name": "inspect_ai/stderr", "options": {"cluster": GROUP}},
        ],
        "metadata": {"about": metric.about, "better": metric.better.value, "judge": metric.judge},
    }


def _result(log: EvalLog, metric: Metric) -> dict[str, Any]:
    """Its mean and standard error as inspect_ai computes them, and loccit's interval of 95 %."""
    figures = log.figures(metric.name)
    values = figures.values
    told: dict[str, Any] = {}
    if values:
        clusters = {key: log.clusters[key] for key in values}
        told["mean"] = _metric("mean", math.fsum(values.values()) / len(values))
        told["stderr"] = _metric("stderr", _standard_error(values, clusters), cluster=GROUP)
        if metric.scale is Scale.SCORE or len(set(clusters.values())) > 1:
            one = mean(values, clusters=clusters, scale=metric.scale)
            facts = {"level": one.level, "method": one.method, "groups": one.clusters}
            told["lower"] = {**_metric("lower", one.low, **facts), "group": "interval"}
            told["upper"] = {**_metric("upper", one.high, **facts), "group": "interval"}
    return {
        "name": metric.name,
        "scorer": metric.name,
        "reducer": "mean",
        "scored_samples": len(values),
        "unscored_samples": len(figures.without_value),
        "params": {},
        "metrics": told,
        "metadata": {"about": metric.about, "better": metric.better.value, "judge": metric.judge},
    }


def _metric(name: str, value: float, **params: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "params": params}


def _standard_error(values: Mapping[str, float], clusters: Mapping[str, str]) -> float:
    """As inspect_ai's `stderr(cluster=...)`: 0 for one group. Source: Miller, arXiv 2411.00640, appendix A,
    corrected for few groups.
    """
    middle = math.fsum(values.values()) / len(values)
    sums: dict[str, float] = defaultdict(float)
    for sample, value in values.items():
        sums[clusters[sample]] += value - middle
    if len(sums) < 2:
        return 0.0
    return math.sqrt(math.fsum(one**2 for one in sums.values()) * len(sums) / (len(sums) - 1)) / len(values)


def _reduction(log: EvalLog, metric: Metric, ids: Mapping[str, str | int]) -> dict[str, Any]:
    """Each sample's score, the mean of its repeats."""
    figures = log.figures(metric.name)
    scores = [{"value": value, "sample_id": ids[sample]} for sample, value in figures.values.items()]
    none = [
        {"value": math.nan, "explanation": figures.missing[sample], "sample_id": ids[sample]}
        for sample in figures.without_value
    ]
    return {"scorer": metric.name, "reducer": "mean", "samples": scores + none}


def _usage(runs: Sequence[Usage], model: str) -> dict[str, Any]:
    """The tokens of these, nothing where some are not known: inspect_ai has no other word for that than 0."""
    tokens = [(run.input_tokens, run.output_tokens) for run in runs]
    if any(read is None or wrote is None for read, wrote in tokens):
        return {}
    read, wrote = sum(one or 0 for one, _ in tokens), sum(one or 0 for _, one in tokens)
    usage: dict[str, Any] = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
    costs = [run.cost_usd for run in runs if run.cost_usd is not None]
    if len(costs) == len(runs):
        usage["total_cost"] = math.fsum(costs)
    return {model: usage}


def _total_usage(entries: Sequence[Entry], model: str) -> dict[str, Any]:
    return _usage([entry.run for entry in entries], model)


def _model(log: EvalLog) -> str:
    """The system in the place of a model: `KIND/NAME`."""
    system = log.header.system
    return (
        system.name if system.kind == KIND and system.name else f"{system.kind}/{system.name or system.kind}"
    )


def _failed(output: Output) -> bool:
    return output.outcome is OutputOutcome.FAILED


def _written(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (OverflowError, ValueError, OSError) as error:
        raise MalformedLog(
            f"{moment!r} is no time in seconds", next_step="look at the log's 'run'"
        ) from error
