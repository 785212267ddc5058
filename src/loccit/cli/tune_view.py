"""What `tune` found, and what was learned, as a person reads it, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from loccit.cli.output import Style, counted, one_line, say_styled
from loccit.cli.score_tables import gain_cell, score_cell, score_table, show_table, show_wrapped
from loccit.evals.report_parts import Unit, written
from loccit.learning.proof import METRICS, TUNED, UNTUNED
from loccit.learning.proof_figures import day
from loccit.learning.tuning import Decision, Tuning

if TYPE_CHECKING:
    from loccit.learning.adopt import Facts

_TITLES = (*(metric.replace("recall", "") for metric in METRICS[:-1]), "MRR")
_BAR = 44
_SHORT = 12


def show_tuning(tuning: Tuning) -> None:
    """Print a tuning: what it learned from, both rankers on later fixes, and what followed."""
    style = Style()
    fixes = f"{tuning.fixes:,} past {'fix' if tuning.fixes == 1 else 'fixes'}"
    of = f"{fixes} of {counted(tuning.commits, 'commit')}, {tuning.replayed:,} replayed"
    say_styled(style(f"{one_line(tuning.repo)}: {of}", "bold"))
    if tuning.outcomes:
        times = [one.time for one in tuning.outcomes]
        period = f"{day(min(times))} to {day(max(times))}"
        tested = "1 later fix" if len(tuning.outcomes) == 1 else f"{len(tuning.outcomes):,} later fixes"
        show_wrapped(f"tested on {tested}, {period}, none of which it had seen", style, "dim")
        _show_scores(tuning)
        _show_bars(tuning, style)
    say_styled("")
    is_used = tuning.decision in {Decision.ADOPTED, Decision.IN_USE}
    show_wrapped(one_line(tuning.why), style, "green" if is_used else "yellow")
    for remark in tuning.notes:
        show_wrapped(f"- {one_line(remark)}", style, "yellow")
    seconds = written(sum(tuning.seconds.values()), Unit.SECONDS)
    show_wrapped(f"{tuning.new:,} fixes were new; {seconds}, no language model, no cost", style, "dim")


def show_learned(kept: Sequence[Facts], *, is_back: bool) -> None:
    """Print the kept rankers, the one in use first; `is_back` after going back to it."""
    style = Style()
    if not kept:
        again = " again" if is_back else ""
        say_styled(f"the general ranker is in use{again}: nothing learned here is")
        return
    newest = kept[0]
    said = "in use again" if is_back else "in use"
    learned = f"learned from {newest.read:,} fixes up to {newest.commit[:_SHORT]}, {day(newest.made_at)}"
    say_styled(style(f"{one_line(newest.repo)}: {said}: {learned}", "bold"))
    table = score_table("MRR on later fixes", "untuned", "tuned", "difference")
    for at, facts in enumerate(kept):
        name = f"{facts.commit[:_SHORT]} {day(facts.made_at)}{' in use' if at == 0 else ''}"
        table.add_row(Text(name), *_validated(facts))
    show_table(table)


def _validated(facts: Facts) -> list[Text]:
    found = facts.validation.get("mrr", {})
    cells: list[Text] = []
    for name, unit in ((UNTUNED, Unit.SCORE), (TUNED, Unit.SCORE), ("difference", Unit.POINTS)):
        value = found.get(name, {}).get("estimate")
        cells.append(Text("–" if value is None else written(float(value), unit)))
    return cells


def _show_scores(tuning: Tuning) -> None:
    table = score_table("recall", *_TITLES)
    for system in (UNTUNED, TUNED):
        cells = [score_cell(tuning.score(system, metric), _unit(metric)) for metric in METRICS]
        table.add_row(Text(system), *cells, style="bold" if system == TUNED else "")
    table.add_row(Text("difference"), *(gain_cell(tuning.gain(metric)) for metric in METRICS))
    show_table(table)


def _show_bars(tuning: Tuning, style: Style) -> None:
    """Recall of both rankers as bars: a full bar is 100%."""
    say_styled("")
    for title, metric in zip(_TITLES, METRICS, strict=True):
        for system in (UNTUNED, TUNED):
            value = tuning.score(system, metric).estimate
            name = title if system == UNTUNED else ""
            mark = "█" if system == TUNED else "░"
            bar = mark * round(_BAR * value)
            look = "green" if system == TUNED else "dim"
            shown = written(value, _unit(metric))
            say_styled(f"{name:>4} {system:<8} {style(bar.ljust(_BAR), look)} {shown:>6}")


def _unit(metric: str) -> Unit:
    return Unit.SCORE if metric == "mrr" else Unit.SHARE
