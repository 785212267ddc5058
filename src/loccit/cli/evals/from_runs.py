"""`loccit eval from-runs`: samples out of recorded runs, and of what people said of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, moment_of

if TYPE_CHECKING:
    from loccit.evals.from_runs import RunSamples

_DEFAULT = "loccit-from-runs.jsonl"
_NAMED = 5
_RATED = {
    "up": "rated good: right is what the answer cites and says",
    "down": "rated bad: right is the correction",
    "no": "rated by nobody: right, we guess, are the files of its supported claims",
}


def from_runs(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Only runs from then on: 2026-01-31 or 2026-01-31T17:20:00Z."
        ),
    ] = None,
    rated_only: Annotated[
        bool, typer.Option("--rated-only", help="Only runs of which somebody said whether they are right.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the samples go.")] = Path(
        _DEFAULT
    ),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make samples out of recorded runs, and of people's thumbs and corrections.

    `loccit runs rate` says of a run whether its answer is right. Each sample is asked as of the commit that
    the run answered at. The file holds what people asked: mind to whom you give it.
    """
    from loccit.cli.evals.dataset_file import check_dataset_place, write_dataset
    from loccit.cli.output import emit
    from loccit.library import Loccit

    moment = moment_of("--since", since)
    check_dataset_place(out)
    found = Loccit().samples_from_runs(since=moment, rated_only=rated_only)
    write_dataset(out, found.dataset)
    if json:
        emit({**found.to_json(), "dataset": str(out)})
    elif not quiet:
        _show(found, out)


def _show(found: RunSamples, out: Path) -> None:
    """Print how many samples there are, which runs are none and why, and what to do."""
    from loccit.cli.output import Style, counted, note, say_styled

    style = Style()
    samples = counted(len(found.dataset.samples), "sample")
    say_styled(style(f"{counted(found.runs, 'run')}: {samples}", "bold"))
    for rated, number in found.counts.items():
        say_styled(f"{number:>7,}  {_RATED[rated]}")
    for reason, runs in found.left_out.items():
        names = ", ".join(run[:8] for run in runs[:_NAMED])
        more = f" and {len(runs) - _NAMED:,} more" if len(runs) > _NAMED else ""
        say_styled(style(f"         left out {len(runs):,}: {reason.value} ({names}{more})", "dim"))
    note(f"the samples: {out}")
    note(f"next: loccit eval run {out}")
