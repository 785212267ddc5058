"""The file that says what is to be evaluated: dataset, system, scorers and limits, in TOML."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import TypeAdapter, ValidationError

from loccit.core.errors import InputError, SourceUnreadable
from loccit.evals.agents_scorer import AgentsScorer
from loccit.evals.answers_scorer import AnswersScorer
from loccit.evals.builtin_project import QUESTIONS
from loccit.evals.datasets import Dataset, Job, read_dataset
from loccit.evals.function_scorer import FunctionScorer
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.runner import Limits
from loccit.evals.scoring import Scorer
from loccit.evals.systems import shortened

BUILT_IN = "builtin"
# Scorers that ask a model.
JUDGES = ("judge.correct", "judge.grounded")


_KEYS_OF = {
    "loccit": ("settings", "quotes_only"),
    "http": ("url", "key_variable"),
    "openai": ("model", "base_url", "key_variable"),
    "python": ("function",),
}


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """Which system is measured.

    `kind`: loccit; `http`, at `url`; `openai`, the `model` that settings name or that is served at
    `base_url`; `python`, the `function` FILE.py:NAME. `key_variable` is the environment variable with its
    key. `settings` are loccit's own that are changed for it, by table and key. `quotes_only`: loccit without
    its model.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    kind: Literal["loccit", "http", "openai", "python"] = "loccit"
    url: str = ""
    model: str = ""
    base_url: str = ""
    function: str = ""
    key_variable: str = ""
    quotes_only: bool = False
    settings: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def __post_init__(self) -> None:
        needed = {"http": "url", "openai": "model", "python": "function"}.get(self.kind)
        if needed is not None and not getattr(self, needed):
            raise InputError(
                f"the system of kind {self.kind!r} has no {needed}", next_step=f"write {needed} in [system]"
            )
        for one in fields(self):
            # Whoever writes a url and forgets the kind would measure loccit and not know.
            if one.name != "kind" and getattr(self, one.name) and one.name not in _KEYS_OF[self.kind]:
                raise InputError(
                    f"a system of kind {self.kind!r} has no {one.name}: {getattr(self, one.name)!r}",
                    next_step="see docs/reference/eval-tasks.md",
                )
        for name in ("url", "base_url"):
            _check_url(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A task as it is written. Paths are relative to `folder`, where the file is.

    `dataset` is a file, or `builtin`. `repos` are asked where a sample names none; empty: the one that the
    working directory is in. `scorers`: retrieval, answers, agents, judges by their metric, or FILE.py:NAME;
    empty: those that the samples have something for. `judge` is the model that judges ask, empty: that of
    the settings. `sample` asks only so many, drawn with `seed`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    dataset: str
    name: str = ""
    repos: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    judge: str = ""
    system: SystemSpec = field(default_factory=SystemSpec)
    repeats: int = 1
    sample: int | None = None
    seed: int = 0
    concurrency: int = 4
    per_minute: int | None = None
    usd: float | None = None
    timeout_s: float = 300.0
    folder: Path = field(default=Path(), metadata={"exclude": True})

    @property
    def limits(self) -> Limits:
        """The limits. Raises InputError for one that is not positive."""
        return Limits(self.concurrency, self.per_minute, self.usd, self.timeout_s)

    @property
    def is_built_in(self) -> bool:
        """Whether it asks the samples that come with loccit."""
        return self.dataset == BUILT_IN

    def read_dataset(self) -> Dataset:
        """Its samples. Raises as `datasets.read_dataset` does, and InputError for a sample of no size."""
        path = QUESTIONS if self.is_built_in else self.folder / self.dataset
        return drawn(read_dataset(path), self.sample, self.seed)


def _check_url(name: str, url: str) -> None:
    """Raise InputError for what is no address, or holds a secret that every log would repeat."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_address = None, False
    if parts is None or not is_address:
        raise InputError(f"{name} is {url!r}, expected http://… or https://…")
    if parts.username is not None or parts.password is not None:
        raise InputError(
            f"{name} holds a user or a password for {parts.hostname!r}",
            next_step="name the environment variable with the key: key_variable",
        )


def read_task(written: str) -> TaskFile:
    """The task that a command names: a TOML file, a dataset (JSON Lines) by itself, or `builtin`.

    Raises InputError for a file that is neither, SourceUnreadable.
    """
    if written == BUILT_IN:
        return TaskFile(dataset=BUILT_IN, name=BUILT_IN)
    path = Path(written)
    if path.suffix in {".jsonl", ".ndjson"}:
        return TaskFile(dataset=path.name, name=path.stem, folder=path.parent)
    if path.suffix != ".toml":
        raise InputError(
            f"{written!r} is no task", next_step="name a task (.toml), a dataset (.jsonl), or builtin"
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceUnreadable(f"cannot read {written!r}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{written!r} is not TOML: {error}") from error
    return replace(_checked(document, written), folder=path.parent)


def _checked(document: dict[str, Any], written: str) -> TaskFile:
    if "folder" in document:
        raise InputError(f"{written!r}: unknown key 'folder'", next_step="see docs/reference/eval-tasks.md")
    try:
        # As JSON, because pydantic is strict about types there and still takes a list for a tuple.
        task = TypeAdapter(TaskFile).validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{written!r}: {where} is {shortened(first['input'])}: {first['msg']}",
            next_step="see docs/reference/eval-tasks.md",
        ) from error
    return task if task.name else replace(task, name=Path(written).stem)


def drawn(dataset: Dataset, count: int | None, seed: int) -> Dataset:
    """So many samples of the dataset, drawn at random and left in their order; all of them for None."""
    if count is not None and count < 1:
        raise InputError(f"{count!r} samples are wanted, expected at least 1")
    if seed < 0:
        raise InputError(f"seed is {seed!r}, expected 0 or more")
    if count is None or count >= len(dataset.samples):
        return dataset
    order = np.random.default_rng(seed).permutation(len(dataset.samples))
    chosen = sorted(int(at) for at in order[:count])
    return Dataset(tuple(dataset.samples[at] for at in chosen), dataset.header)


def computed_scorers(names: tuple[str, ...], dataset: Dataset, folder: Path) -> list[Scorer]:
    """The scorers of these names that need no model, for none those that the samples have something for.

    Raises InputError for a name of none.
    """
    known: dict[str, Scorer] = {s.name: s for s in (RetrievalScorer(), AnswersScorer(), AgentsScorer())}
    if not names:
        return [scorer for scorer in known.values() if _applies(scorer, dataset)]
    found: list[Scorer] = []
    for name in names:
        if ":" in name:
            found.append(FunctionScorer(name, folder))
        elif name in known:
            found.append(known[name])
        else:
            raise InputError(
                f"there is no scorer {name!r}",
                next_step=f"there are {', '.join([*known, *JUDGES])}, and functions as FILE.py:NAME",
            )
    return found


def _applies(scorer: Scorer, dataset: Dataset) -> bool:
    if isinstance(scorer, AnswersScorer):
        return any(sample.job is Job.ASK for sample in dataset.samples)
    return any(scorer.expected(sample) for sample in dataset.samples)
