"""The log of a run of inspect_ai as a log of loccit's, so that it is compared and gated like one.

Read are samples, epochs (repeats), inputs, targets, completions, tool calls, scores, errors, limits, usage,
times, and the keys of metadata by which the task's own metrics group. Not read, because loccit has no place
for it: events, stores, attachments, sandboxes, files, what a score quotes as the answer, and results, which
are computed anew from the samples. A log that `inspect_document` made is read back as it was.

Scores become the numbers that inspect_ai's `value_to_float` gives (C is 1, P is 0.5, I and N are 0), with one
difference: what it can make no number of is missing here, and 0 there.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from loccit.core.errors import MalformedLog
from loccit.evals.datasets import Dataset, DatasetHeader, Gold, Sample
from loccit.evals.inspect_archive import read_inspect_file
from loccit.evals.inspect_parts import FORMAT_VERSION, HOW, Asked, Header, Message, Score, part_of
from loccit.evals.log import (
    FORMAT,
    DatasetFacts,
    Entry,
    EvalLog,
    LogHeader,
    MetricFacts,
    RunFacts,
    SystemFacts,
    complete,
)
from loccit.evals.metrics import OPERATIONS, Better
from loccit.evals.outputs import Output, OutputOutcome, Step, Usage
from loccit.evals.report_parts import Unit
from loccit.evals.statistics import Scale

KIND = "inspect"
# Under OURS stand loccit's own values in the metadata of logs and samples that it writes; under THEIRS, in
# the origin of a sample, what inspect_ai says of it that has no other place.
OURS, THEIRS = "loccit", "inspect"
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RAISED = re.compile(r"([A-Za-z_][\w.]*)\(")
_ATTACHED = "attachment://"
_RESERVED = frozenset(metric.name for metric in OPERATIONS)
_SHOWN = 80

Tell = Callable[[str], None]


def read_inspect_log(path: Path, tell: Tell = lambda sentence: None) -> EvalLog:
    """The log in a file of inspect_ai, `.eval` or `.json`; complete if every sample was asked in every epoch.

    A sample that was under way when its run ended counts as not asked. `tell` hears a sentence of each thing
    that is read otherwise than one might think. Raises as `inspect_archive.read_inspect_file` does, and
    MalformedLog for what is no such log.
    """
    name = repr(str(path))
    file = read_inspect_file(path)
    header = part_of(Header, file.header, name)
    if header.version != FORMAT_VERSION:
        raise MalformedLog(
            f"{name} has version {header.version!r} of inspect_ai's format, this reads {FORMAT_VERSION!r}",
            next_step=HOW if header.version < FORMAT_VERSION else "read it with a newer version of loccit",
        )
    found: dict[tuple[str, int], Asked] = {}
    cancelled = 0
    for where, document in file.samples:
        asked = part_of(Asked, document, where)
        if asked.score is not None:
            raise MalformedLog(f"{where} has a 'score', which is of an older form", next_step=HOW)
        if asked.was_cancelled:
            cancelled += 1
        elif asked.key in found:
            raise MalformedLog(
                f"{where}: epoch {asked.epoch} of sample {asked.id!r} is there twice", next_step=HOW
            )
        else:
            found[asked.key] = asked
    if not found:
        raise MalformedLog(
            f"{name} has no sample that was asked to its end", next_step="go on with it: inspect eval-retry"
        )
    if cancelled:
        tell(f"{cancelled} samples were under way when the run ended, and count as not asked")
    return _Reading(name, header, found, tell).log()


@dataclass(slots=True)
class _Figures:
    """What one sample was given in one epoch."""

    values: dict[str, float] = field(default_factory=dict[str, float])
    missing: dict[str, str] = field(default_factory=dict[str, str])


class _Reading:
    """One log that is being read."""

    def __init__(self, name: str, header: Header, found: Mapping[tuple[str, int], Asked], tell: Tell) -> None:
        self.name = name
        self.header = header
        self.spec = header.eval
        self.tell = tell
        # The order of the dataset, then that of epochs.
        places = {str(one): place for place, one in enumerate(self.spec.dataset.sample_ids or ())}
        for sample, _ in found:
            places.setdefault(sample, len(places))
        self.asked = [found[key] for key in sorted(found, key=lambda key: (places[key[0]], key[1]))]
        self.epochs = self.spec.config.epochs or max(one.epoch for one in self.asked)
        self.ours = _ours(self.spec.metadata, f"{name}, eval.metadata")
        # Of each metric the score that it is of, or is a part of.
        self.score_of: dict[str, str] = {}

    def log(self) -> EvalLog:
        """The log."""
        figures = [self._figures(asked) for asked in self.asked]
        _leave_out_negative(figures, self.tell)
        if self.ours is None:
            facts = self._metrics(figures)
            entries = tuple(self._entries(figures, facts))
            header = self._header(entries, facts)
            run = self._run(entries)
        else:
            entries = tuple(self._entries_of_ours(figures))
            header = self._header_of_ours(self.ours, figures)
            run = part_of(RunFacts, self.ours.get("run"), f"{self.name}, eval.metadata.{OURS}.run")
        if self._has_all(entries):
            return complete(header, entries, run)
        self.tell("the run did not ask every sample in every epoch: the log is not complete")
        return EvalLog(header, entries)

    def _has_all(self, entries: Sequence[Entry]) -> bool:
        chosen = self.spec.dataset
        samples = {entry.sample.id for entry in entries}
        if chosen.sample_ids is not None:
            has_all = samples == {str(one) for one in chosen.sample_ids}
        else:
            has_all = chosen.samples is None or len(samples) >= chosen.samples
        return (
            has_all
            and len(entries) == len(samples) * self.epochs
            and all(entry.repeat < self.epochs for entry in entries)
        )

    # What was scored

    def _figures(self, asked: Asked) -> _Figures:
        found = _Figures()
        for name, score in (asked.scores or {}).items():
            parts = (
                cast("dict[str, Any]", score.value) if isinstance(score.value, dict) else {"": score.value}
            )
            for part, value in parts.items():
                metric = f"{name}.{part}" if part else name
                metric = f"{metric}.score" if metric in _RESERVED else metric
                if not metric or metric in found.values or metric in found.missing:
                    raise MalformedLog(
                        f"{self.name}, sample {asked.id!r}: two scores are called {metric!r}",
                        next_step="name scorers apart",
                    )
                self.score_of.setdefault(metric, name)
                number = _number(value)
                if asked.invalidation is not None:
                    found.missing[metric] = _why_none(asked)
                elif isinstance(number, str):
                    found.missing[metric] = _why_unscored(score) or number
                else:
                    found.values[metric] = number
        return found

    def _metrics(self, figures: Sequence[_Figures]) -> dict[str, MetricFacts]:
        """The metrics in the order of their scores. Where a scorer gives several figures, that it gave none
        for a sample is said of each of them.
        """
        scored = {name for one in figures for name in one.values}
        split = {score for metric, score in self.score_of.items() if metric.startswith(f"{score}.")}
        names = [metric for metric in self.score_of if metric in scored or metric not in split]
        highest = dict.fromkeys(names, 0.0)
        for one in figures:
            for name, value in one.values.items():
                highest[name] = max(highest[name], value)
        judges = self._judges()
        return {
            name: MetricFacts(
                about=f"Given by the scorer {self.score_of[name]!r} of inspect_ai; more is taken for better.",
                better=Better.HIGHER,
                scale=Scale.SCORE if highest[name] <= 1 else Scale.AMOUNT,
                unit=Unit.SHARE if highest[name] <= 1 else Unit.COUNT,
                judge=judges.get(self.score_of[name], ""),
                scorer=self.score_of[name],
            )
            for name in names
        }

    def _judges(self) -> dict[str, str]:
        """The scores that a model gave, with what stands for its prompt's version. They are known by their
        name, or by the conversation with the model that they keep.
        """
        graded = {
            name: None
            for asked in self.asked
            for name, score in (asked.scores or {}).items()
            if "model_graded" in name or "grading" in (score.metadata or {})
        }
        options = {one.name.rpartition("/")[2]: one.options for one in self.spec.scorers or ()}
        if graded:
            self.tell(f"{', '.join(graded)}: by a model, whose tokens are among those of the samples")
        return {name: f"inspect_ai/{name}@{_version_of(options.get(name))}" for name in graded}

    # What was asked, and what came of it

    def _entries(self, figures: Sequence[_Figures], facts: Mapping[str, MetricFacts]) -> Iterator[Entry]:
        group, slices = self._keys()
        left_out: Counter[str] = Counter()
        samples: dict[str, Sample] = {}
        for asked, found in zip(self.asked, figures, strict=True):
            if str(asked.id) not in samples:
                samples[str(asked.id)] = _sample(asked, group, slices, left_out)
            missing = {
                name: found.missing.get(name) or found.missing.get(self.score_of[name]) or _why_none(asked)
                for name in facts
                if name not in found.values
            }
            yield Entry(
                sample=samples[str(asked.id)],
                repeat=asked.epoch - 1,
                output=_output(asked),
                scores=found.values,
                missing=missing,
                run=_usage(asked),
            )
        for kind, count in left_out.items():
            self.tell(f"{count} parts of inputs are left out, of the type {kind!r}")

    def _keys(self) -> tuple[str, tuple[str, ...]]:
        """The keys of metadata by which the task's metrics cluster (empty: none), and break figures down."""
        options = list(_options([*(one.metrics for one in self.spec.scorers or ()), self.spec.metrics]))
        clusters = dict.fromkeys(key for one in options if isinstance(key := one.get("cluster"), str))
        slices = dict.fromkeys(key for one in options if isinstance(key := one.get("group_key"), str))
        if len(clusters) > 1:
            self.tell(f"metrics cluster by {', '.join(clusters)}: here it is by the first")
        return next(iter(clusters), ""), tuple(filter(None, slices))

    # What was run

    def _header(self, entries: Sequence[Entry], facts: dict[str, MetricFacts]) -> LogHeader:
        spec = self.spec
        name = spec.dataset.name or ""
        samples = {entry.sample.id: entry.sample for entry in entries}
        chosen = spec.dataset.samples if spec.dataset.sample_ids is None else len(spec.dataset.sample_ids)
        if spec.config.epochs_reducer not in (None, [], ["mean"]):
            reducers = ", ".join(spec.config.epochs_reducer)
            self.tell(f"epochs were reduced by {reducers}: here they are repeats, and averaged")
        return LogHeader(
            task=spec.task,
            dataset=DatasetFacts(
                name=name,
                samples=max(chosen or 0, len(samples)),
                digest=Dataset(tuple(samples.values()), DatasetHeader(name=name)).digest,
            ),
            system=SystemFacts(kind=KIND, name=spec.model, facts=self._system()),
            scorers=self._scorers(),
            metrics=facts,
            repeats=self.epochs,
            version=f"inspect_ai {spec.packages.get('inspect_ai', '')}".strip(),
            run=RunFacts(id=spec.eval_id or spec.run_id, started_at=self._started),
        )

    def _system(self) -> dict[str, Any]:
        """What decides what comes out. No arguments and addresses of models: these may hold secrets."""
        facts: dict[str, Any] = {
            "plan": [{"solver": step.solver, "params": step.params} for step in self.header.plan.steps],
            "config": {**self.spec.model_generate_config, **self.header.plan.config},
            "task_args": self.spec.task_args,
        }
        return {key: _plain(value) for key, value in facts.items() if value}

    def _scorers(self) -> dict[str, str]:
        """The scorers with what stands for their version: inspect_ai has versions of tasks only."""
        options = {one.name: one.options for one in self.spec.scorers or ()}
        told = options or dict.fromkeys(self.score_of.values())
        version = f"task version {self.spec.task_version}, options"
        return {name: f"{version} {_version_of(given)}" for name, given in told.items() if name}

    def _run(self, entries: Sequence[Entry]) -> RunFacts:
        finished = _seconds(self.header.stats.completed_at) or self._started
        return RunFacts(
            id=self.spec.eval_id or self.spec.run_id,
            started_at=self._started,
            finished_at=finished,
            seconds=max(0.0, finished - self._started),
            cost_usd=sum(entry.run.cost_usd or 0.0 for entry in entries),
            tries=max(entry.run.tries for entry in entries),
        )

    @property
    def _started(self) -> float:
        return _seconds(self.header.stats.started_at) or _seconds(self.spec.created) or 0.0

    # What loccit wrote itself

    def _entries_of_ours(self, figures: Sequence[_Figures]) -> Iterator[Entry]:
        for asked, found in zip(self.asked, figures, strict=True):
            where = f"{self.name}, sample {asked.id!r}, metadata"
            kept = _ours(asked.metadata, where)
            entry = part_of(
                Entry,
                {**(kept or {}), "repeat": asked.epoch - 1, "scores": found.values, "missing": found.missing},
                f"{where}.{OURS}",
            )
            if entry.sample.id != str(asked.id):
                raise MalformedLog(f"{where}.{OURS} is of sample {entry.sample.id!r}", next_step=HOW)
            yield entry

    def _header_of_ours(self, ours: Mapping[str, Any], figures: Sequence[_Figures]) -> LogHeader:
        """The header that was written, and of scorers that were added since what can be said of them."""
        header = part_of(LogHeader, ours.get("header"), f"{self.name}, eval.metadata.{OURS}.header")
        added = {k: v for k, v in self._metrics(figures).items() if k not in header.metrics}
        if not added:
            return header
        scorers = {k: v for k, v in self._scorers().items() if k in {self.score_of[one] for one in added}}
        return header.model_copy(
            update={"metrics": {**header.metrics, **added}, "scorers": {**scorers, **header.scorers}}
        )


def _sample(asked: Asked, group: str, slices: Sequence[str], left_out: Counter[str]) -> Sample:
    theirs: dict[str, Any] = {}
    if isinstance(asked.id, int):
        theirs["id"] = asked.id
    question = asked.input if isinstance(asked.input, str) else ""
    if isinstance(asked.input, list):
        said = [(one.role, _text(one, asked.attachments, left_out)) for one in asked.input]
        theirs["input"] = [{"role": role, "content": text} for role, text in said]
        question = said[0][1] if len(said) == 1 else "\n\n".join(f"{role}: {text}" for role, text in said)
    target = asked.target if isinstance(asked.target, str) else next(iter(asked.target), "")
    if isinstance(asked.target, list):
        theirs["target"] = asked.target
    if asked.choices:
        theirs["choices"] = asked.choices
    if asked.metadata:
        theirs["metadata"] = asked.metadata
    return Sample(
        id=str(asked.id),
        question=question or "(the input is empty)",
        gold=Gold(answer=target),
        group=_label(asked.metadata.get(group)),
        slices={key: label for key in slices if (label := _label(asked.metadata.get(key)))},
        origin={"from": "inspect_ai"} | ({THEIRS: _canonical(theirs)} if theirs else {}),
    )


def _output(asked: Asked) -> Output:
    text = asked.output.completion
    if text is None:
        said = asked.output.choices[0].message if asked.output.choices else None
        text = "" if said is None else _text(said, asked.attachments, Counter())
    explained = [
        f"{name}: {score.explanation}"
        for name, score in (asked.scores or {}).items()
        if score.explanation and score.explanation != text
    ]
    outcome, error, message = OutputOutcome.ANSWERED, "", "\n\n".join(explained)
    if asked.error is not None:
        raised = _RAISED.match(asked.error.message)
        outcome, error = OutputOutcome.FAILED, raised.group(1) if raised else "error"
        message = asked.error.message
    elif asked.limit is not None:
        # What a limit stopped is scored by inspect_ai as far as it came.
        outcome = OutputOutcome.PARTIAL if text else OutputOutcome.FAILED
        error = "" if text else f"{asked.limit.type} limit"
        message = asked.limit.reason or f"{asked.limit.type} limit of {asked.limit.limit:g}"
    return Output(outcome=outcome, text=text, steps=_steps(asked.messages), error=error, message=message)


def _steps(messages: Sequence[Message]) -> tuple[Step, ...] | None:
    """The calls of tools; None where no tool was called."""
    answered = {one.tool_call_id: one.error is None for one in messages if one.role == "tool"}
    called = [call for one in messages for call in one.tool_calls or ()]
    steps = tuple(
        Step(tool=str(call.get("function") or "?"), succeeded=answered.get(str(call.get("id")), False))
        for call in called
    )
    return steps or None


def _usage(asked: Asked) -> Usage:
    """Waits for a free model are left out where that is known, for they are the harness's."""
    spent = list(asked.model_usage.values())
    costs = [one.total_cost for one in spent]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        latency_s=asked.total_time if asked.working_time is None else asked.working_time,
        cost_usd=sum(known) if known and len(known) == len(costs) else None,
        input_tokens=sum(one.read for one in spent) if spent else None,
        output_tokens=sum(one.output_tokens for one in spent) if spent else None,
        calls=asked.calls or None,
        trace_id=asked.uuid or "",
        started_at=_seconds(asked.started_at or "") or 0.0,
        tries=1 + len(asked.error_retries or ()),
    )


def _why_none(asked: Asked) -> str:
    """Why a sample has no score that others have."""
    if asked.invalidation is not None:
        return f"invalidated by {asked.invalidation.author or 'somebody'}: {asked.invalidation.reason or ''}"
    if asked.error is not None:
        return f"no output: {asked.error.message}"
    if asked.limit is not None:
        return f"not scored: {asked.limit.type} limit"
    return "its scorer gave none"


def _why_unscored(score: Score) -> str:
    """What a scorer says of a score that is none."""
    return ": ".join(part for part in (score.reason, score.explanation) if part)


def _number(value: object) -> float | str:
    """The number that inspect_ai takes a score for; else why there is none."""
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else f"the score is {number!r}"
    if isinstance(value, str):
        if value in _GRADES:
            return _GRADES[value]
        if value.lower() in _WORDS:
            return _WORDS[value.lower()]
        if _NUMBER.fullmatch(value) and math.isfinite(float(value)):
            return float(value)
    shown = repr(value)
    return f"no number: {shown if len(shown) <= _SHOWN else f'{shown[: _SHOWN - 3]}...'}"


def _leave_out_negative(figures: Sequence[_Figures], tell: Tell) -> None:
    """Make a metric missing everywhere that is negative somewhere: the rest alone has another mean."""
    negative = {name: None for one in figures for name, value in one.values.items() if value < 0}
    for name in negative:
        tell(f"{name} goes below 0, which no scale of loccit's does: it is missing in all samples")
        for one in figures:
            if name in one.values:
                one.missing[name] = f"{one.values.pop(name)!r} is on a scale that goes below 0"


def _options(metrics: object) -> Iterator[dict[str, Any]]:
    """The options of metrics, in whatever lists and objects they stand."""
    if isinstance(metrics, list):
        for one in cast("list[Any]", metrics):
            yield from _options(one)
    elif isinstance(metrics, dict):
        document = cast("dict[str, Any]", metrics)
        options = document.get("options")
        if isinstance(document.get("name"), str) and isinstance(options, dict):
            yield cast("dict[str, Any]", options)
        else:
            for one in document.values():
                yield from _options(one)


def _text(message: Message, attachments: Mapping[str, str], left_out: Counter[str]) -> str:
    """The words of a message. What is no text is named in brackets, and counted."""
    parts = [message.content] if isinstance(message.content, str) else []
    for part in message.content if isinstance(message.content, list) else []:
        text, kind = part.get("text"), str(part.get("type"))
        if kind == "text" and isinstance(text, str):
            parts.append(text)
        elif kind != "reasoning":
            left_out[kind] += 1
            parts.append(f"[{kind}]")
    return "\n".join(
        attachments.get(one.removeprefix(_ATTACHED), one) if one.startswith(_ATTACHED) else one
        for one in parts
    )


def _label(value: object) -> str:
    """A value of metadata as the name of a group or slice; empty for what can be none."""
    return str(value) if isinstance(value, str | int | float) and value == value else ""


def _version_of(options: Mapping[str, Any] | None) -> str:
    """A few letters that change with the options of a scorer. Of a model its name counts, not how it is
    reached.
    """
    model: Any = (options or {}).get("model")
    told = dict(options or {})
    if isinstance(model, dict):
        told["model"] = cast("dict[str, Any]", model).get("model")
    return hashlib.sha256(_canonical(told).encode()).hexdigest()[:8]


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: object) -> Any:
    """A JSON value that our format can hold: it has no NaN."""
    return json.loads(json.dumps(value), parse_constant=str)


def _seconds(written: str) -> float | None:
    """Seconds since the epoch; None for what is no time."""
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _ours(metadata: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
    """What loccit put into metadata; None where it did not. Raises MalformedLog for another format."""
    kept = (metadata or {}).get(OURS)
    if not isinstance(kept, dict):
        return None
    ours = dict(cast("dict[str, Any]", kept))
    if (found := ours.pop("format", FORMAT)) != FORMAT:
        raise MalformedLog(
            f"{where}.{OURS} has the format {found!r}, this version reads {FORMAT!r}",
            next_step="read it with the version of loccit that wrote it",
        )
    return ours
