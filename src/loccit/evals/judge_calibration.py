"""What a judge's figures are worth: people's labels of some of its samples, and what follows from them.

A label says of one sample what the judge was asked: yes is 1, no is 0. They are kept as CSV with the columns
`sample`, `label`, and if need be `repeat`, `labeller` and `note`; whoever cannot say writes `skip`. Only
labels of a random draw say anything of the samples that nobody labelled, and that is checked: the order in
which samples are drawn follows from the seed, and the labelled ones must be its beginning.

A calibration is kept as `loccit-calibration/1`. It holds for the prompt and the model that it was made with.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError

from loccit.core.documents import Count, NonEmptyText, Sha256, Text, Value
from loccit.core.errors import InputError, LimitExceeded, SourceUnreadable
from loccit.evals.agreement import kappa, labels_needed, ppi_mean
from loccit.evals.log import DatasetFacts, EvalLog
from loccit.evals.metrics import Metric
from loccit.evals.statistics import Interval, mean
from loccit.evals.whole_files import write_whole

FORMAT = "loccit-calibration/1"
# Below either a judge is not believed. A kappa of 0.4 is where "fair" agreement ends (Landis and Koch 1977),
# and it is the lower end of the interval that must be above it: a lucky handful of labels is not enough.
LEAST_LABELS = 30
LEAST_KAPPA = 0.4
# What people cannot label may be what the judge gets wrong.
_MOST_SKIPPED = 0.1
_MAX_LABELS_BYTES = 50_000_000
_COLUMNS = ("sample", "label", "repeat", "labeller", "note")
_WORDS = {"yes": 1.0, "y": 1.0, "no": 0.0, "n": 0.0}
_SKIP = "skip"
_SHOWN = 80
_MAKE_ROOM = "make room, or move the log"

Unit: TypeAlias = tuple[str, int]
"""A sample and its repeat: what one label is about."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one person says of a sample: from 0 (no) to 1 (yes), None where it was skipped."""

    sample: str
    value: float | None
    repeat: int = 0
    labeller: str = ""
    note: str = ""

    @property
    def unit(self) -> Unit:
        """What it is about."""
        return self.sample, self.repeat


class Figure(Value):
    """An estimate with its interval, as `statistics.Interval` has it."""

    estimate: float
    low: float
    high: float
    level: float
    samples: Count
    clusters: Count
    method: Text

    @classmethod
    def of(cls, interval: Interval) -> Figure:
        """The same as a part of a document."""
        return cls(**{name: getattr(interval, name) for name in cls.model_fields})

    def interval(self) -> Interval:
        """The same as statistics have it."""
        return Interval(**{name: getattr(self, name) for name in type(self).model_fields})


class LabelFacts(Value):
    """Which labels: how many samples have one, how many were skipped, whose, and the digest of all.

    `set_aside` labels are of samples that the judge did not score. `is_random`: the labelled samples are the
    beginning of the draw of this seed, or all there are.
    """

    count: Count
    skipped: Count
    set_aside: Count
    labellers: tuple[Text, ...] = Field(strict=False)
    seed: int
    is_random: bool
    digest: Sha256


class Confusion(Value):
    """How often judge and people said yes and no; what is graded counts as yes from a half on."""

    both_yes: Count
    judge_alone: Count
    people_alone: Count
    both_no: Count


class LabellerPair(Value):
    """How two people agree on the samples that both labelled; `kappa` null where it cannot be told."""

    first: Text
    second: Text
    both: Count
    agreement: Figure
    kappa: Figure | None


class Calibration(Value):
    """What people's labels say of one judge, on the samples of one log.

    `judge` is the version of its prompt with the model, as `Metric.judge` has it. `judged` samples have a
    figure of it, `missing` should have one. `log` is the digest of the log, empty of an unfinished one: of
    another log `corrected` says nothing. `kappa` is null where judge and people said one and the same of
    every sample. `raw` is the judge's own mean, `labels_only` that of the labels; `corrected` uses both, and
    is null where `not_corrected` says why. `trust` is how far it follows the judge, 0 to 1.
    """

    format: Literal["loccit-calibration/1"] = FORMAT
    metric: NonEmptyText
    judge: NonEmptyText
    task: Text
    dataset: DatasetFacts
    log: Text = ""
    judged: Count
    missing: Count
    labels: LabelFacts
    confusion: Confusion
    agreement: Figure
    kappa: Figure | None
    raw: Figure
    labels_only: Figure
    corrected: Figure | None
    not_corrected: Text = ""
    trust: Annotated[float, Field(ge=0, le=1)] | None = None
    labellers: tuple[LabellerPair, ...] = Field(default=(), strict=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a metric may be believed, and why, or why not."""

    is_calibrated: bool
    why: str


def judged_units(log: EvalLog, metric: str) -> dict[Unit, float]:
    """The judge's figure of each sample and repeat. Raises InputError for a metric that no judge gives."""
    known = log.metrics.get(metric)
    if known is None or not known.judge:
        names = ", ".join(name for name, each in log.metrics.items() if each.judge)
        raise InputError(
            f"{metric!r} is no figure of a judge in the log of {log.header.task!r}",
            next_step=f"it has {names}" if names else "add a judge to the task's scorers",
        )
    found = {entry.key: float(entry.scores[metric]) for entry in log.entries if metric in entry.scores}
    if not found:
        raise InputError(
            f"{metric!r} has no figure for any sample of {log.header.task!r}",
            next_step="see why they are missing: loccit eval report",
        )
    return found


def drawn(units: Iterable[Unit], seed: int) -> list[Unit]:
    """All units in the order in which they are to be labelled: random, and the same for the same seed.

    Those that come first are a random draw, however many they are, and whatever else is drawn from.
    """

    def ticket(unit: Unit) -> bytes:
        sample, repeat = unit
        return hashlib.sha256(f"{seed}:{repeat}:{sample}".encode()).digest()

    return sorted(units, key=ticket)


def read_labels(path: Path, log: EvalLog) -> tuple[Label, ...]:
    """The labels in a CSV file, in its order; one that was given twice stands once.

    Raises InputError, which names the line: for columns that are unknown or lost, samples and repeats that
    are not in the log, labels that are none, and one labeller's labels that contradict each other.
    SourceUnreadable, LimitExceeded.
    """
    try:
        size = path.stat().st_size
        if size > _MAX_LABELS_BYTES:
            raise LimitExceeded("size of the labels in bytes", size, _MAX_LABELS_BYTES, next_step="split it")
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    try:
        # A spreadsheet puts a mark before the first column.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _wrong(path, line, "is no UTF-8", "save it as CSV in UTF-8") from error
    known = {entry.key for entry in log.entries}
    found: dict[tuple[Unit, str], tuple[Label, int]] = {}
    for line, row in _rows(path, text):
        label = _label(path, line, row)
        if label.unit not in known:
            what = f"repeat {label.repeat} of sample {label.sample!r}" if label.repeat else repr(label.sample)
            raise _wrong(path, line, f"{what} is not in the log", "label the samples of this log")
        before = found.get((label.unit, label.labeller))
        if before is not None and before[0].value != label.value:
            raise _wrong(
                path,
                line,
                f"{label.labeller or 'one labeller'!r} says {_written(label.value)!r} of {label.sample!r},"
                f" and {_written(before[0].value)!r} in line {before[1]}",
                "keep one of them",
            )
        found[label.unit, label.labeller] = (label, line)
    return tuple(label for label, _ in found.values())


class LabelBook:
    """One labeller's labels in a file that may hold those of others. Each is on disk when `put` returns."""

    def __init__(self, path: Path, log: EvalLog, labeller: str) -> None:
        """Go on with what the file holds. Raises as `read_labels` does."""
        self._path = path
        self._labeller = labeller
        kept = read_labels(path, log) if path.exists() else ()
        self._labels = {(label.unit, label.labeller): label for label in kept}

    @property
    def labels(self) -> tuple[Label, ...]:
        """All labels, also those of others."""
        return tuple(self._labels.values())

    def of(self, unit: Unit) -> Label | None:
        """This labeller's label of a sample."""
        return self._labels.get((unit, self._labeller))

    def put(self, unit: Unit, value: float | None) -> None:
        """Keep a label, in the place of the one before it. Raises StorageFailed."""
        before = self.of(unit)
        note = before.note if before else ""
        self._labels[unit, self._labeller] = Label(unit[0], value, unit[1], self._labeller, note)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for label in self._labels.values():
            writer.writerow((label.sample, _written(label.value), label.repeat, label.labeller, label.note))
        write_whole(self._path, [text.getvalue().encode()], next_step=_MAKE_ROOM)


def calibrate(
    log: EvalLog, metric: str, labels: Sequence[Label], *, seed: int = 0, labeller: str | None = None
) -> Calibration:
    """What the labels say of a judge of this log; with `labeller` only that person's.

    What several people say of one sample counts as their mean. Labels of samples that the judge did not
    score are set aside. Raises InputError for a metric that no judge gives, and fewer than two labels.
    """
    judged = judged_units(log, metric)
    chosen = [label for label in labels if labeller is None or label.labeller == labeller]
    within = [label for label in chosen if label.unit in judged]
    told = _means(within)
    skipped = {label.unit for label in within} - told.keys()
    if len(told) < 2:
        of_whom = "" if labeller is None else f" of {labeller!r}"
        raise InputError(
            f"there are {len(told)} labels{of_whom} of samples that {metric!r} scored, expected two or more",
            next_step="label some: loccit eval calibrate LOG --judge METRIC --label 100",
        )
    clusters = {_key(unit): log.samples[unit[0]].cluster for unit in judged}
    values = {_key(unit): value for unit, value in judged.items()}
    people = {_key(unit): value for unit, value in told.items()}
    same = {key: values[key] for key in people}
    corrected = ppi_mean(values, people, clusters=clusters)
    is_random = told.keys() | skipped == set(drawn(judged, seed)[: len(told) + len(skipped)])
    why_not = _why_not_corrected(is_random=is_random, labelled=len(told), skipped=len(skipped))
    own_kappa = kappa(same, people, clusters=clusters)
    return Calibration(
        metric=metric,
        judge=log.metrics[metric].judge,
        task=log.header.task,
        dataset=log.header.dataset,
        log=log.end.digest if log.end else "",
        judged=len(judged),
        missing=sum(metric in entry.missing for entry in log.entries),
        labels=LabelFacts(
            count=len(told),
            skipped=len(skipped),
            set_aside=len({label.unit for label in chosen} - judged.keys()),
            labellers=tuple(sorted({label.labeller for label in within})),
            seed=seed,
            is_random=is_random,
            digest=_digest(within),
        ),
        confusion=_confusion(same, people),
        agreement=Figure.of(_agreement(same, people, clusters)),
        kappa=None if own_kappa is None else Figure.of(own_kappa),
        raw=Figure.of(corrected.raw),
        labels_only=Figure.of(corrected.labels_only),
        corrected=None if why_not else Figure.of(corrected.score),
        not_corrected=why_not,
        trust=None if why_not else corrected.trust,
        labellers=_pairs(within, clusters),
    )


def standing(metric: Metric, calibrations: Iterable[Calibration], *, dataset: str = "") -> Standing:
    """Whether a judge's figures may be believed, by the calibrations that there are.

    One counts if it was made with the same prompt version and model; of several, that on the dataset of this
    digest, then one that corrects the score, then the one with the most labels. It needs `LEAST_LABELS`
    labels of a random draw, and the lower end of kappa's interval above `LEAST_KAPPA`. What is computed needs
    none.
    """
    if not metric.judge:
        return Standing(True, "it is computed, no model judges")
    of_metric = [each for each in calibrations if each.metric == metric.name]
    if not of_metric:
        return Standing(False, "nobody has labelled any of its samples")
    fitting = [each for each in of_metric if each.judge == metric.judge]
    if not fitting:
        made = ", ".join(sorted({each.judge for each in of_metric}))
        return Standing(False, f"it was calibrated as {made}, and this is {metric.judge}")
    best = best_of(fitting, dataset)
    elsewhere = f", on {best.dataset.name!r}" if dataset and best.dataset.digest != dataset else ""
    return _standing_of(best, elsewhere)


def best_of(calibrations: Sequence[Calibration], dataset: str) -> Calibration:
    """Of one judge's calibrations, at least one, that which says most of it on the dataset of this digest."""
    return max(
        calibrations,
        key=lambda each: (each.dataset.digest == dataset, not each.not_corrected, each.labels.count),
    )


def labels_for_width(calibration: Calibration, width: float) -> int | None:
    """About how many labels in all would make the corrected score's interval so wide; None where none would,

    or there is no corrected score. Raises InputError for a width that is not between 0 and 1.
    """
    score = calibration.corrected or calibration.raw
    needed = labels_needed(
        score.interval(),
        calibration.raw.interval(),
        labels=calibration.labels.count,
        samples=calibration.judged,
        width=width,
    )
    return needed if calibration.corrected else None


def labels_for_kappa(calibration: Calibration) -> int | None:
    """About how many labels would bring the lower end of kappa above the bar; None where none would."""
    found = calibration.kappa
    if found is None or found.estimate <= LEAST_KAPPA:
        return None
    reach = (found.estimate - found.low) / (found.estimate - LEAST_KAPPA)
    return max(LEAST_LABELS, math.ceil(calibration.labels.count * reach**2))


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file. Raises InputError for what is none, SourceUnreadable."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    try:
        return Calibration.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        shown = repr(first["input"])
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
        raise InputError(
            f"{str(path)!r} is no {FORMAT}: {where} is {shown}: {first['msg']}",
            next_step="remove it, and calibrate again: loccit eval calibrate",
        ) from error


class CalibrationStore:
    """The calibrations in one folder: of a judge, with one prompt and model, on one dataset, the last.

    One that corrects nothing does not take the place of one that does.
    """

    def __init__(self, folder: Path) -> None:
        """In this folder, which need not be there."""
        self._folder = folder

    def keep(self, calibration: Calibration) -> Path:
        """Keep one, in the place of an earlier one; where it is kept. Raises StorageFailed."""
        kind = "agreement" if calibration.not_corrected else "corrected"
        what = "\0".join((calibration.metric, calibration.judge, calibration.dataset.digest, kind))
        name = f"{calibration.metric}-{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
        path = self._folder / name.replace("/", "_")
        write_whole(path, [calibration.model_dump_json(indent=1).encode() + b"\n"], next_step=_MAKE_ROOM)
        return path

    def all(self) -> tuple[Calibration, ...]:
        """Every one, by name of file. Raises as `read_calibration` does."""
        return tuple(read_calibration(path) for path in sorted(self._folder.glob("*.json")))


def _standing_of(calibration: Calibration, elsewhere: str) -> Standing:
    labels, found = calibration.labels.count, calibration.kappa
    if labels < LEAST_LABELS:
        return Standing(False, f"it has {labels} labels{elsewhere}, {LEAST_LABELS} are needed")
    if calibration.not_corrected:
        return Standing(False, calibration.not_corrected)
    if found is None:
        return Standing(
            False,
            f"judge and people said one and the same of all {labels} samples{elsewhere}:"
            " that tells nothing of how it tells good from bad",
        )
    said = f"kappa is {found.estimate:.2f} ({found.low:.2f} to {found.high:.2f}) with {labels} labels"
    if found.low <= LEAST_KAPPA:
        return Standing(False, f"{said}{elsewhere}; its lower end must be above {LEAST_KAPPA}")
    return Standing(True, f"{said}{elsewhere}")


def _why_not_corrected(*, is_random: bool, labelled: int, skipped: int) -> str:
    if not is_random:
        return (
            "the labelled samples are not the random draw of this seed, so they say nothing of those that"
            " nobody labelled"
        )
    if skipped > _MOST_SKIPPED * (labelled + skipped):
        return f"{skipped} of {labelled + skipped} samples were skipped: what is left is no random draw"
    return ""


def _rows(path: Path, text: str) -> Iterable[tuple[int, Mapping[str, str]]]:
    """Each row by column, with the line in which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns(path, line, cells)
                continue
            if len(cells) != len(columns):
                what = f"has {len(cells)} cells, expected {len(columns)}"
                raise _wrong(path, line, what, "put texts with commas in quotes")
            yield line, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        raise _wrong(path, begins, f"is no CSV: {error}", "save it as CSV again") from error
    if not columns:
        raise _wrong(path, 1, "is empty", f"its first line names the columns: {','.join(_COLUMNS)}")


def _columns(path: Path, line: int, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    known = f"the columns are {', '.join(_COLUMNS)}; the first two are needed"
    for name in columns:
        if name not in _COLUMNS:
            raise _wrong(path, line, f"has an unknown column {name!r}", known)
    for name in _COLUMNS[:2]:
        if name not in columns:
            raise _wrong(path, line, f"has no column {name!r}", known)
    if len(set(columns)) != len(columns):
        raise _wrong(path, line, "names a column twice", known)
    return columns


def _label(path: Path, line: int, row: Mapping[str, str]) -> Label:
    written = row["label"].strip().lower()
    repeat = row.get("repeat", "").strip() or "0"
    if not (repeat.isascii() and repeat.isdigit() and len(repeat) < 10):
        raise _wrong(path, line, f"has the repeat {repeat!r}", "write a number from 0 on, or nothing")
    value: float | None = None
    if written != _SKIP:
        value = _WORDS.get(written)
        if value is None:
            value = _number(written)
        if value is None:
            raise _wrong(
                path, line, f"has the label {row['label']!r}", "write yes, no, a number from 0 to 1, or skip"
            )
    return Label(row["sample"], value, int(repeat), row.get("labeller", "").strip(), row.get("note", ""))


def _number(written: str) -> float | None:
    try:
        value = float(written)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _written(value: float | None) -> str:
    """A label as the file has it."""
    if value is None:
        return _SKIP
    return {1.0: "yes", 0.0: "no"}.get(value, f"{value:g}")


def _wrong(path: Path, line: int, what: str, next_step: str) -> InputError:
    return InputError(f"{str(path)!r}, line {line}: {what}", next_step=next_step)


def _key(unit: Unit) -> str:
    """A unit as statistics name samples; no two share one."""
    return f"{unit[1]}:{unit[0]}"


def _means(labels: Iterable[Label]) -> dict[Unit, float]:
    """What people say of each unit, the mean where they are several; without what nobody could say."""
    said: dict[Unit, list[float]] = defaultdict(list)
    for label in labels:
        if label.value is not None:
            said[label.unit].append(label.value)
    return {unit: sum(values) / len(values) for unit, values in said.items()}


def _agreement(
    ours: Mapping[str, float], theirs: Mapping[str, float], clusters: Mapping[str, str]
) -> Interval:
    """The share of samples of which both say yes or both say no."""
    return mean({key: float(_is_yes(ours[key]) == _is_yes(theirs[key])) for key in ours}, clusters=clusters)


def _is_yes(value: float) -> bool:
    return value >= 0.5


def _confusion(judged: Mapping[str, float], people: Mapping[str, float]) -> Confusion:
    said = [(_is_yes(judged[key]), _is_yes(people[key])) for key in people]
    return Confusion(
        both_yes=said.count((True, True)),
        judge_alone=said.count((True, False)),
        people_alone=said.count((False, True)),
        both_no=said.count((False, False)),
    )


def _pairs(labels: Sequence[Label], clusters: Mapping[str, str]) -> tuple[LabellerPair, ...]:
    by_labeller: dict[str, dict[str, float]] = defaultdict(dict)
    for label in labels:
        if label.value is not None:
            by_labeller[label.labeller][_key(label.unit)] = label.value
    found: list[LabellerPair] = []
    for first, second in combinations(sorted(by_labeller), 2):
        both = sorted(by_labeller[first].keys() & by_labeller[second].keys())
        if not both:
            continue
        ours, theirs = ({key: by_labeller[name][key] for key in both} for name in (first, second))
        theirs_kappa = kappa(ours, theirs, clusters=clusters)
        found.append(
            LabellerPair(
                first=first,
                second=second,
                both=len(both),
                agreement=Figure.of(_agreement(ours, theirs, clusters)),
                kappa=None if theirs_kappa is None else Figure.of(theirs_kappa),
            )
        )
    return tuple(found)


def _digest(labels: Iterable[Label]) -> str:
    rows = sorted((each.sample, each.repeat, each.labeller, _written(each.value)) for each in labels)
    return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()
