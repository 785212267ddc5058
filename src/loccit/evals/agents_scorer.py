"""Did the agent get there, in how many steps, and by the way it should?"""

from __future__ import annotations

from collections.abc import Sequence

from loccit.evals.datasets import Job, Sample, TrajectoryCheck
from loccit.evals.metrics import Better, Metric
from loccit.evals.outputs import Output
from loccit.evals.report_parts import Unit
from loccit.evals.scoring import Scores
from loccit.evals.statistics import Scale

RESOLVED = Metric("resolved", "Whether the task is done, as the system's own check says.")
STEPS = Metric("steps", "Steps until the end.", Better.LOWER, Scale.AMOUNT, Unit.PLAIN)
TRAJECTORY = Metric("trajectory", "Whether the steps are as the sample demands.")


class AgentsScorer:
    """Resolved, steps, and trajectory checks."""

    name = "agents"
    version = "1"
    metrics = (RESOLVED, STEPS, TRAJECTORY)

    def expected(self, sample: Sample) -> frozenset[str]:
        """See `Scorer`."""
        names = {RESOLVED.name, STEPS.name} if sample.job is Job.FIX else set[str]()
        return frozenset(names | {TRAJECTORY.name} if sample.expect is not None else names)

    async def score(self, sample: Sample, output: Output) -> Scores:
        """See `Scorer`."""
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        wanted = self.expected(sample)
        if output.resolved is not None:
            values[RESOLVED.name] = float(output.resolved)
        elif RESOLVED.name in wanted:
            missing[RESOLVED.name] = "the system does not tell whether it is resolved"
        if output.steps is not None:
            values[STEPS.name] = float(len(output.steps))
            if sample.expect is not None:
                called = [step.tool for step in output.steps]
                values[TRAJECTORY.name] = float(is_as_demanded(called, sample.expect))
        else:
            missing |= dict.fromkeys(wanted & {STEPS.name, TRAJECTORY.name}, "the system tells no steps")
        return Scores(values, missing)


def is_as_demanded(called: Sequence[str], check: TrajectoryCheck) -> bool:
    """Whether tools that were called in this order pass the check."""
    if check.most_steps is not None and len(called) > check.most_steps:
        return False
    if not set(check.calls).issubset(called) or not set(check.never).isdisjoint(called):
        return False
    rest = iter(called)
    return all(tool in rest for tool in check.in_order)
