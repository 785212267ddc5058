"""A proof as a person reads it, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from loccit.cli.output import Style, counted, one_line, say_styled, visible
from loccit.cli.score_tables import gain_cell, score_cell, score_table, show_table, show_wrapped
from loccit.evals.report_parts import Unit, written
from loccit.evals.statistics import Interval
from loccit.learning.past_cases import Origin
from loccit.learning.proof import METRICS, SYSTEMS, TUNED, Proof
from loccit.learning.proof_figures import SPLIT_METRIC, Split, day, duration, gain, score, splits

if TYPE_CHECKING:
    from loccit.learning.proof import Miss

_MISSES = 3
_NAME = 30


def show_proof(proof: Proof, *, seconds: float) -> None:
    """Print a proof: the four systems, what tuning gains, the splits, the worst misses, the leak check."""
    style = Style()
    cases = counted(len(proof.cases), "fixed issue" if proof.origin is Origin.ISSUES else "fix commit")
    say_styled(style(f"{one_line(proof.repo)}: {cases}, each asked as of the commit before its fix", "bold"))
    show_table(_systems(proof))
    show_table(_gains(proof))
    show_table(_splits(proof))
    for miss in proof.misses[:_MISSES]:
        _show_miss(proof, miss, style)
    for remark in proof.notes:
        show_wrapped(f"- {one_line(remark)}", style, "yellow")
    _show_checked(proof, style, seconds)


def _systems(proof: Proof) -> Table:
    table = score_table("recall", *_titles(), "ms")
    for system in SYSTEMS:
        values = [score(proof.cases, system, metric) for metric in METRICS]
        took = duration(proof.cases, system)
        milliseconds = 1000 * (took.estimate if isinstance(took, Interval) else took)
        cells = [score_cell(value, _unit(metric)) for value, metric in zip(values, METRICS, strict=True)]
        look = "bold" if system == TUNED else ""
        table.add_row(Text(system), *cells, Text(f"{milliseconds:,.0f}"), style=look)
    return table


def _gains(proof: Proof) -> Table:
    table = score_table("tuned less", *_titles())
    for other in reversed(SYSTEMS[:-1]):
        values = [gain(proof.cases, TUNED, other, metric) for metric in METRICS]
        table.add_row(Text(other), *(gain_cell(value) for value in values))
    return table


def _splits(proof: Proof) -> Table:
    table = score_table(SPLIT_METRIC, "cases", *SYSTEMS)
    for split in splits(proof):
        _add_split(table, split)
    return table


def _add_split(table: Table, split: Split) -> None:
    for at, group in enumerate(split.groups):
        values = [score(group.cases, system, SPLIT_METRIC) for system in SYSTEMS]
        is_last = at == len(split.groups) - 1
        table.add_row(
            Text(visible(_short(group.name))),
            Text(f"{len(group.cases):,}"),
            *(Text(f"{100 * value.estimate:.0f}") for value in values),
            end_section=is_last,
        )


def _titles() -> Sequence[str]:
    return (*(metric.replace("recall", "") for metric in METRICS[:-1]), "MRR")


def _unit(metric: str) -> Unit:
    return Unit.SCORE if metric == "mrr" else Unit.SHARE


def _show_miss(proof: Proof, miss: Miss, style: Style) -> None:
    one = proof.cases[miss.case]
    rank = one.results[TUNED].first_rank
    name = f"{one.case.id}: " if proof.origin is Origin.ISSUES else f"{one.case.commit[:12]} "
    where = f"rank {rank}" if rank else "not found"
    say_styled("")
    show_wrapped(f"Missed ({where}): {one_line(name + one.case.title)}", style, "bold")
    show_wrapped(one_line(miss.why), style, "dim")


def _show_checked(proof: Proof, style: Style, seconds: float) -> None:
    total = len(proof.cases)
    say_styled("")
    period = f"{day(proof.blocks[0].first)} to {day(proof.blocks[-1].last)}"
    held = f"leak check: {proof.held:,} of {total:,} cases saw nothing younger than the parent of their fix"
    show_wrapped(f"{held} ({period})", style, "green" if proof.held == total else "red")
    show_wrapped(f"{written(seconds, Unit.SECONDS)}, no language model, no cost", style, "dim")


def _short(text: str) -> str:
    return text if len(text) <= _NAME else f"{text[: _NAME // 2 - 1]}…{text[-_NAME // 2 :]}"
