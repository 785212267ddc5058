"""How an improvement is told: in the terminal, and in the lesson that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loccit.cli.output import say
from loccit.evals.report_parts import Unit, written, written_range

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.learning.improve import Improvement

_SHOWN = 8


def show_improvement(found: Improvement, log: EvalLog) -> None:
    """Tell what was missed, what was tried, and what came of it."""
    say(f"What {log.header.task} missed, of {len(log.samples)} samples")
    if not found.causes:
        say("  nothing")
    for cause, samples in found.causes.items():
        say(f"  {cause.value:<44} {len(samples):>5}")
    say()
    if not found.trials:
        say("Nothing in the search space may help against that.")
        return
    say(f"Tried on {found.training} of them")
    for trial in found.trials[:_SHOWN]:
        change = f"{trial.change.key} {trial.change.before} → {trial.change.after}"
        lost = ", ".join(guard.metric for guard in trial.guards if not guard.holds)
        but = f", but loses {lost}" if lost else ""
        say(f"  {change:<44} {written(trial.difference, Unit.POINTS):>6} points{but}")
    if len(found.trials) > _SHOWN:
        say(f"  and {len(found.trials) - _SHOWN} more that did less")
    say()
    for line in _verdict(found):
        say(line)


def lesson_text(found: Improvement, log: EvalLog) -> str:
    """The body of the lesson, in Markdown."""
    change = found.chosen
    if change is None:
        return ""
    title = f"`{change.key}` {change.before} → {change.after}: {'kept' if found.is_kept else 'not kept'}"
    missed = "\n".join(f"- {cause.value}: {len(samples)}" for cause, samples in found.causes.items())
    verdict = "\n".join(line.strip() for line in _verdict(found))
    return (
        f"# {title}\n\n"
        f"Of {len(log.samples)} samples of {log.header.task!r}, loccit {log.header.version} missed:\n\n"
        f"{missed}\n\n"
        f"Tried on {found.training} of them; then, once, on the other {found.held_back}:\n\n"
        f"{verdict}\n"
    )


def _verdict(found: Improvement) -> list[str]:
    """What the samples that were held back say."""
    change, gain = found.chosen, found.gain
    if change is None or gain is None:
        return ["No change was better there without a loss elsewhere, so none was tried on the others."]
    lines = [
        f"On {found.held_back} others, {change.key} {change.before} → {change.after}: "
        f"{written(gain.estimate, Unit.POINTS)} points, {100 * found.level:.3g} % interval "
        f"{written_range(gain, Unit.POINTS)}."
    ]
    if found.settled_before:
        lines.append(
            f"The interval is wider: these samples settled {len(found.settled_before)} changes before."
        )
    lines += [
        f"But {guard.metric} changed by {written(guard.difference.estimate, Unit.POINTS)} points."
        for guard in found.guards
        if not guard.holds
    ]
    if found.is_kept:
        lines.append("Kept: the interval is clear of zero, and nothing else got worse.")
    elif gain.low > 0:
        lines.append("Not kept: what it wins here it loses elsewhere.")
    else:
        lines.append("Not kept: the interval is not clear of zero.")
    return lines
