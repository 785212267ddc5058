"""A scorer that a team writes itself: a function in a Python file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, cast

from loccit.core.errors import ScorerFailed
from loccit.evals.datasets import Sample
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output
from loccit.evals.scoring import Scores
from loccit.evals.systems import called, code_version, load_function, shortened


class FunctionScorer:
    """`FILE.py:NAME`: a function of a sample and an output, both as dicts, that gives a number from 0 to 1.

    It may be a coroutine function, and give None where the figure does not apply. Its file's SHA-256 is its
    version. It runs in this process: what it does is its writer's business.
    """

    def __init__(self, written: str, folder: Path) -> None:
        """Raises InputError where the file or the function is not there."""
        self._function: Callable[..., Any] = load_function(written, folder)
        _, _, self._metric = written.rpartition(":")
        self.name = written
        self.version = code_version(written, folder)
        about = (inspect.getdoc(self._function) or f"What {written} gives.").splitlines()[0]
        self.metrics = (Metric(self._metric, about),)

    def expected(self, sample: Sample) -> frozenset[str]:
        """See `Scorer`: nobody knows before it is asked whether it applies."""
        return frozenset({self._metric})

    async def score(self, sample: Sample, output: Output) -> Scores:
        """See `Scorer`."""
        arguments = sample.model_dump(mode="json"), output.model_dump(mode="json")
        try:
            given = await called(self._function, *arguments)
        except (Exception, SystemExit) as error:
            # Somebody else's code: whatever it raises is a missing figure with that reason.
            raise ScorerFailed(f"{self.name} raised {type(error).__name__}: {error}") from error
        if isinstance(given, Mapping):
            given = cast("Mapping[str, Any]", given).get(self._metric)
        if given is None:
            return Scores(not_applicable=frozenset({self._metric}))
        # Of numpy, too.
        if not isinstance(given, Real):
            raise ScorerFailed(f"{self.name} gave {shortened(given)}, which is no number")
        try:
            return Scores({self._metric: float(given)})
        except OverflowError as error:
            raise ScorerFailed(f"{self.name} gave a number that is too large") from error
