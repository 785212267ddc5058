"""Benchmarks: each measures one thing on real repositories and prints its figures. No part of the tests."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True)
class Setting:
    """Where repositories (clones at OWNER+NAME/repo) and development data are, and the caller's choices.

    `sample` bounds the number of questions, None takes all. Raw measurements are appended to the file `raw`.
    """

    repos: Path
    data: Path
    sample: int | None = None
    raw: Path | None = None

    def repositories(self) -> dict[str, Path]:
        """Every clone in the folder by its `owner/name`."""
        found = sorted(self.repos.glob("*+*/repo"))
        return {path.parent.name.replace("+", "/", 1): path for path in found}

    def repository(self, name: str) -> Path | None:
        """The clone of `owner/name`, a fork that stands in for it, or None where there is none."""
        path = self.repos / name.replace("/", "+") / "repo"
        if path.is_dir():
            return path
        forks = sorted(self.repos.glob(f"*+{name.split('/')[1]}/repo"))
        return forks[0] if forks else None

    def rows(self, file: str) -> list[dict[str, Any]]:
        """The rows of a JSONL file of the development data."""
        with (self.data / file).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


@contextmanager
def home() -> Iterator[Path]:
    """A new, empty home folder that is deleted afterwards."""
    with TemporaryDirectory(prefix="loccit-bench-") as folder:
        yield Path(folder)


def cores() -> list[int]:
    """The cores that this process may use."""
    return (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def interval(hits: Sequence[float], *, rounds: int = 2000, seed: int = 7) -> list[float]:
    """The 95 % bootstrap interval of a mean."""
    generator = random.Random(seed)
    means = sorted(sum(generator.choices(hits, k=len(hits))) / len(hits) for _ in range(rounds))
    return [round(100 * means[int(0.025 * rounds)], 1), round(100 * means[int(0.975 * rounds)], 1)]


def target(
    value: float | None, *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    """A figure beside what it should be, and whether it is that; unknown where nothing was measured."""
    bound = at_most if at_most is not None else at_least
    if bound is None:
        raise ValueError("a target is at_most or at_least something")
    met = None if value is None else value <= bound if at_most is not None else value >= bound
    return {"value": value, "target": f"{'<=' if at_most is not None else '>='} {bound:g}", "met": met}
