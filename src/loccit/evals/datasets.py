"""What is asked, and what would be right: samples, and the JSON Lines file `loccit-dataset/1` with them.

The first line may say what the dataset is (`DatasetHeader`); every other line is one sample.
"""

from __future__ import annotations

import hashlib
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from loccit.core.documents import Count, HexId, LineNumber, NonEmptyText, Text, Value
from loccit.core.errors import LimitExceeded, MalformedDataset, SourceUnreadable

FORMAT = "loccit-dataset/1"
MAX_DATASET_BYTES = 512_000_000
_SHOWN = 80


class Job(StrEnum):
    """What a system is asked to do with a sample."""

    ASK = "ask"
    SEARCH = "search"
    TRIAGE = "triage"
    FIX = "fix"


# What stands in the place of a path where a commit's message is meant.
COMMIT_MESSAGE = "commit message"


class Lines(Value):
    """Lines of a file, 1-based and inclusive. Null `repo` and `commit` are the sample's own."""

    path: NonEmptyText
    start_line: LineNumber
    end_line: LineNumber
    repo: NonEmptyText | None = None
    commit: HexId | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Lines:
        if self.end_line < self.start_line:
            raise ValueError(f"end_line is {self.end_line}, expected {self.start_line} or more")
        return self

    def overlaps(self, other: Lines) -> bool:
        """Whether both have a line in common. Only where both name a repository must it be the same."""
        return (
            self.path == other.path
            and (self.repo is None or other.repo is None or self.repo == other.repo)
            and self.start_line <= other.end_line
            and other.start_line <= self.end_line
        )


class Gold(Value):
    """What would be right, as far as it is known; what is empty is not asked for.

    `files` are paths, `functions` are "PATH::QUALIFIED.NAME". `commits` are those whose message holds the
    answer: citing one is as good as citing all files. `answer` is a reference answer, `claims` what a
    complete answer says, a sentence each. `abstain`: the sources do not hold the answer, and to say so is
    right.
    """

    files: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    functions: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    passages: tuple[Lines, ...] = Field(default=(), strict=False)
    commits: tuple[HexId, ...] = Field(default=(), strict=False)
    answer: Text = ""
    claims: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    abstain: bool = False


class TrajectoryCheck(Value):
    """What a run's steps are held to, by the names of the tools that it calls.

    `calls`: each at least once; `in_order`: these, in this order, others between; `never`: none of these.
    `most_steps`: null is no limit.
    """

    calls: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    in_order: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    never: tuple[NonEmptyText, ...] = Field(default=(), strict=False)
    most_steps: Count | None = None


class Sample(Value):
    """One question and what would be right.

    `question` is what the system is given: of an issue the title, an empty line, and the body. `repo` names
    the repository, empty: those of the task; `commit` is the one to answer at, null: HEAD. Samples of one
    `group` (the source document, the repository, the fix) are not independent; empty: each is its own.
    `slices` are what figures are broken down by, as {"kind": "docstring"}. `origin` says where it comes
    from.
    """

    id: NonEmptyText
    question: NonEmptyText
    job: Annotated[Job, Field(strict=False)] = Job.ASK
    gold: Gold = Gold()
    repo: Text = ""
    commit: HexId | None = None
    group: Text = ""
    slices: dict[NonEmptyText, NonEmptyText] = Field(default_factory=dict)
    expect: TrajectoryCheck | None = None
    origin: dict[NonEmptyText, Text] = Field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """The group, or where there is none the sample itself."""
        return self.group or self.id


class DatasetHeader(Value):
    """What a dataset is: its name, a sentence about it, and how it was made."""

    format: Literal["loccit-dataset/1"] = FORMAT
    name: Text = ""
    about: Text = ""
    made: dict[NonEmptyText, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples in order, at least one, with ids that are all different.

    `digest` is the SHA-256, in hex, of the samples: that of equal samples is equal, whatever file they are
    from.
    """

    samples: tuple[Sample, ...]
    header: DatasetHeader = field(default_factory=DatasetHeader)

    def __post_init__(self) -> None:
        if not self.samples:
            raise MalformedDataset(
                f"the dataset {self.header.name!r} has no samples",
                next_step="write one JSON object per line, or make some: loccit eval mine",
            )
        seen: set[str] = set()
        for sample in self.samples:
            if sample.id in seen:
                raise MalformedDataset(f"the id {sample.id!r} is there twice", next_step="make ids unique")
            seen.add(sample.id)

    @property
    def digest(self) -> str:
        """See the class."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(_line(sample))
        return digest.hexdigest()

    @property
    def clusters(self) -> dict[str, str]:
        """Each sample's group by its id, as `statistics` wants it."""
        return {sample.id: sample.cluster for sample in self.samples}


def read_dataset(path: Path) -> Dataset:
    """The dataset in a file.

    Raises MalformedDataset, which names the line; SourceUnreadable; LimitExceeded over MAX_DATASET_BYTES.
    """
    try:
        size = path.stat().st_size
        if size > MAX_DATASET_BYTES:
            raise LimitExceeded("size of the dataset in bytes", size, MAX_DATASET_BYTES, next_step="split it")
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    return parse_dataset(data, name=path.stem)


def parse_dataset(data: bytes, *, name: str) -> Dataset:
    """The dataset in these bytes; `name` is its name where it does not say one itself."""
    header = DatasetHeader(name=name)
    samples: list[Sample] = []
    # Editors on Windows put a byte order mark before the first line.
    for number, line in enumerate(data.removeprefix(BOM_UTF8).splitlines(), start=1):
        if not line.strip():
            continue
        if not samples and (found := _header_in(line, number)) is not None:
            header = found if found.name else found.model_copy(update={"name": name})
            continue
        samples.append(_sample_in(line, number))
    return Dataset(tuple(samples), header)


def dataset_lines(dataset: Dataset) -> Iterator[bytes]:
    """The lines of the file that holds it, each with its end."""
    yield dataset.header.model_dump_json(exclude_defaults=False).encode() + b"\n"
    for sample in dataset.samples:
        yield _line(sample)


def _line(sample: Sample) -> bytes:
    return sample.model_dump_json(exclude_defaults=True).encode() + b"\n"


def _header_in(line: bytes, number: int) -> DatasetHeader | None:
    """The header that a line is; None where it is a sample. Raises MalformedDataset for another format."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None  # whoever reads it as a sample says what is wrong
    if not isinstance(document, dict) or "format" not in document:
        return None
    if document["format"] != FORMAT:
        raise MalformedDataset(
            f"line {number}: the format is {document['format']!r}, this version reads {FORMAT!r}",
            next_step="use the version of loccit that made it, or a newer one",
        )
    try:
        return DatasetHeader.model_validate_json(line)
    except ValidationError as error:
        raise _malformed(error, number) from error


def _sample_in(line: bytes, number: int) -> Sample:
    try:
        sample = Sample.model_validate_json(line)
    except ValidationError as error:
        raise _malformed(error, number) from error
    if sample.gold == Gold() and sample.expect is None and sample.job is not Job.FIX:
        raise MalformedDataset(
            f"line {number}: sample {sample.id!r} does not say what would be right",
            next_step='write "gold" with files, functions, passages, an answer, claims, or "abstain": true',
        )
    return sample


def _malformed(error: ValidationError, number: int) -> MalformedDataset:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    shown = repr(first["input"])
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
    said = f"{where} is {shown}: {first['msg']}" if where else first["msg"]
    return MalformedDataset(
        f"line {number}: {said}", next_step="compare it with docs/reference/loccit-dataset-1.schema.json"
    )
