"""`loccit eval calibrate`: what the figures of a model judge are worth, by labels of people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, check_numbers, refuse_together

if TYPE_CHECKING:
    from loccit.evals.judge_calibration import Calibration, Figure, Standing

_MOST_LABELS = 100_000
_POINTS = 100


def calibrate(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of an evaluation with the judge.")],
    *,
    judge: Annotated[
        str, typer.Option("--judge", metavar="METRIC", help="The judge's metric, as judge.correct.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="The labels, as CSV: sample, label (yes, no, 0 to 1, skip), and if need be repeat,"
            " labeller, note. [default: LOG.METRIC.labels.csv]",
        ),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", metavar="N", help="Label the first N samples of the draw, here and now."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="SEED", help="Which random draw of samples is labelled.")
    ] = 0,
    labeller: Annotated[
        str | None,
        typer.Option(
            "--labeller", metavar="NAME", help="Whose labels: who is labelling, or the only one to count."
        ),
    ] = None,
    width: Annotated[
        int, typer.Option("--width", metavar="POINTS", help="How wide the score's interval may be.")
    ] = 10,
    json: Json = False,
) -> None:
    """Say what the figures of a model judge are worth, by labels of people.

    How far judge and people agree (Cohen's kappa), and the judge's score corrected by the labels, which may
    be few: each with its interval. Until kappa's whole interval is above 0.4, with 30 labels of a random draw
    at least, the judge's figures are called uncalibrated wherever they appear.

    With --label you are shown one sample at a time, without what the judge said. Each label is saved at once:
    quit whenever you like, the same command goes on from there.
    """
    from loccit.cli.evals.labelling_view import label_samples
    from loccit.cli.output import emit, note
    from loccit.core.errors import InputError
    from loccit.evals.judge_calibration import (
        CalibrationStore,
        LabelBook,
        calibrate,
        drawn,
        judged_units,
        labels_for_width,
        read_labels,
        standing,
    )
    from loccit.evals.log import read_log
    from loccit.library import Loccit

    refuse_together(label=label is not None, json=json)
    check_numbers(_MOST_LABELS, label=label)
    check_numbers(_POINTS - 1, width=width)
    found = read_log(log)
    units = drawn(judged_units(found, judge), seed)
    path = labels or log.with_name(f"{log.name}.{judge.replace('/', '_')}.labels.csv")
    if label is not None:
        book = LabelBook(path, found, labeller or "")
        if not label_samples(found, found.metrics[judge], units[:label], book):
            note("stopped; all labels are saved, and the same command goes on from here")
            return
    elif not path.exists():
        raise InputError(
            f"there are no labels in {str(path)!r}",
            next_step="label some: --label 100, or name a file: --labels",
        )
    told = calibrate(found, judge, read_labels(path, found), seed=seed, labeller=labeller)
    store = CalibrationStore(Loccit().calibrations)
    kept = store.keep(told)
    stands = standing(found.metrics[judge], [told], dataset=found.header.dataset.digest)
    needed = labels_for_width(told, width / _POINTS)
    if json:
        emit(
            {
                **told.model_dump(mode="json"),
                "is_calibrated": stands.is_calibrated,
                "why": stands.why,
                "labels_needed": needed,
                "labels_file": str(path),
                "kept": str(kept),
            }
        )
        return
    _show(told, stands)
    _show_next(told, stands, needed, width)
    note(f"labels: {path}")
    note(f"kept: {kept}")


def _show(told: Calibration, stands: Standing) -> None:
    from loccit.cli.output import Style, counted, one_line, say, say_styled

    style = Style()
    say_styled(f"{style(told.metric, 'bold')}  {style(one_line(told.judge), 'dim')}")
    labels = told.labels
    how = (
        f"drawn at random, seed {labels.seed}" if labels.is_random else f"not the draw of seed {labels.seed}"
    )
    say(f"labels        {labels.count:,} of {counted(told.judged, 'judged sample')} ({how})")
    others = [
        f"{labels.skipped:,} skipped" if labels.skipped else "",
        f"{labels.set_aside:,} set aside: the judge gave no figure" if labels.set_aside else "",
        f"{told.missing:,} of the log's figures of the judge are missing" if told.missing else "",
    ]
    for other in filter(None, others):
        say(f"              {other}")
    say("")
    say(f"agreement     {_percent(told.agreement)}")
    said = _score(told.kappa) if told.kappa else "not known: judge and people say one and the same of all"
    say(f"kappa         {said}")
    cells = told.confusion
    say("                         people yes   people no")
    say(f"              judge yes {cells.both_yes:11,} {cells.judge_alone:11,}")
    say(f"              judge no  {cells.people_alone:11,} {cells.both_no:11,}")
    for pair in told.labellers:
        kappa = f", kappa {_score(pair.kappa)}" if pair.kappa else ""
        names = f"{one_line(pair.first or '(no name)')} and {one_line(pair.second or '(no name)')}"
        say(f"{names} on {counted(pair.both, 'sample')}: {_percent(pair.agreement)}{kappa}")
    say("")
    say(f"judge alone   {_percent(told.raw)}")
    say(f"labels alone  {_percent(told.labels_only)}")
    if told.corrected:
        say_styled(f"corrected     {style(_percent(told.corrected), 'bold')}")
    else:
        say_wrapped(f"corrected     none: {told.not_corrected}")
    say("")
    word = style("calibrated", "green") if stands.is_calibrated else style("uncalibrated", "yellow")
    say_wrapped(stands.why, first=f"{word}: ")


def _show_next(told: Calibration, stands: Standing, needed: int | None, width: int) -> None:
    """What more labels would give."""
    from loccit.evals.judge_calibration import LEAST_LABELS, labels_for_kappa

    count = told.labels.count
    if not stands.is_calibrated and not told.not_corrected:
        bar = LEAST_LABELS if count < LEAST_LABELS else labels_for_kappa(told)
        if bar is None:
            say_wrapped(
                "More labels of the same kind will hardly calibrate it: see where judge and people differ,"
                " and change the judge's prompt or model."
            )
        elif bar <= told.judged:
            say_wrapped(f"About {bar:,} labels in all may calibrate it: --label {bar}")
        else:
            say_wrapped(f"It takes about {bar:,} labels to calibrate it, more than there are samples.")
    if told.corrected is None:
        return
    if needed is None:
        say_wrapped(f"No number of labels makes the interval {width} points wide: it takes more samples.")
    elif needed <= count:
        say_wrapped(f"The interval of the corrected score is no wider than {width} points.")
    else:
        say_wrapped(f"For an interval {width} points wide: about {needed:,} labels in all, --label {needed}")


def say_wrapped(text: str, first: str = "") -> None:
    """The text in lines of at most 80 characters; `first`, which may be styled, stands before it."""
    import re
    import textwrap

    from loccit.cli.output import say_styled, visible

    taken = len(re.sub("\x1b\\[[0-9;]*m", "", first))
    lines = textwrap.wrap(visible(text), 80, initial_indent=" " * taken, break_on_hyphens=False)
    say_styled(first + lines[0][taken:])
    for line in lines[1:]:
        say_styled(line)


def _percent(figure: Figure) -> str:
    return f"{figure.estimate:.1%} ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _score(figure: Figure) -> str:
    return f"{figure.estimate:.2f} ({figure.low:.2f} to {figure.high:.2f})"
