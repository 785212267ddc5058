"""`loccit eval improve`: from misses to a setting that is shown to be better."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.options import Json, Quiet, Repo, check_numbers

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.evals.statistics import Interval
    from loccit.learning.improve import Improvement
    from loccit.learning.lesson_files import Lesson
    from loccit.library import Loccit

_MOST = 1_000


def improve(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A finished log of loccit's own answers.")],
    *,
    repo: Repo = None,
    space: Annotated[
        Path | None,
        typer.Option("--space", metavar="FILE", help="What may be tried (TOML). [default: what comes along]"),
    ] = None,
    tries: Annotated[int, typer.Option("--tries", metavar="N", help="Try at most so many changes.")] = 12,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Split the samples in another way.")] = 0,
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", metavar="USD", help="What one try may spend.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write a change that is kept into settings.toml.")
    ] = False,
    lesson: Annotated[
        bool, typer.Option("--lesson/--no-lesson", help="Write what was learned into docs/lessons.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Group what a run missed by its cause, and try settings against it.

    Changes are chosen on one half of the samples. The best is tried on the other half, and kept only where
    its interval there is clear of zero and nothing else got worse. What was learned is written into
    docs/lessons of the repository, where later runs read it; nothing else is changed without --apply.
    """
    from loccit.cli.evals.improve_view import show_improvement
    from loccit.cli.output import emit, note
    from loccit.cli.progress import ProgressBar
    from loccit.evals.log import read_log
    from loccit.library import Loccit

    check_numbers(_MOST, tries=tries)
    read = read_log(log)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar)
    asked = [repo] if repo else list(read.header.system.facts.get("repos", {}))
    home = _lessons_of(loccit, asked)
    try:
        found = loccit.improve(
            read,
            repos=asked,
            space=space,
            lessons=home,
            most_trials=tries,
            seed=seed,
            usd=max_usd,
        )
    finally:
        bar.close()
    written = _learn(found, read, home) if lesson and home is not None else None
    is_applied = apply and found.is_kept and found.chosen is not None
    if is_applied and found.chosen is not None:
        loccit.write_settings(found.chosen.tables)
    if json:
        emit({**document(found), "lesson": None if written is None else str(written), "applied": is_applied})
        return
    show_improvement(found, read)
    if quiet:
        return
    if written is not None:
        note(f"lesson: {written}")
    elif lesson and found.chosen is not None:
        note("no lesson was written: the repository has no working tree")
    if is_applied:
        note(f"applied: {loccit.home / 'settings.toml'}")
    elif found.is_kept:
        note("run it again with --apply, or write it into settings.toml yourself")


def _lessons_of(loccit: Loccit, repos: list[str]) -> Path | None:
    """The working tree that lessons are kept in: that of the only repository asked, where it has one."""
    return loccit.working_tree(repos[0]) if len(repos) == 1 else None


def _learn(found: Improvement, log: EvalLog, repository: Path) -> Path | None:
    """The file of the lesson; None where nothing was tried on the samples held back."""
    from loccit.cli.evals.improve_view import lesson_text
    from loccit.learning.improve import OBJECTIVE
    from loccit.learning.lesson_files import Lesson, write_lesson

    if found.chosen is None or found.gain is None:
        return None
    made: Lesson = Lesson(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        key=found.chosen.key,
        before=found.chosen.before,
        after=found.chosen.after,
        metric=OBJECTIVE,
        difference=round(found.gain.estimate, 6),
        low=round(found.gain.low, 6),
        high=round(found.gain.high, 6),
        samples=found.held_back,
        dataset=found.dataset,
        is_kept=found.is_kept,
    )
    return write_lesson(repository, made, lesson_text(found, log))


def document(found: Improvement) -> dict[str, Any]:
    """The JSON of an improvement, `loccit-improvement/1`."""

    def interval(one: Interval | None) -> dict[str, float] | None:
        return None if one is None else {"estimate": one.estimate, "low": one.low, "high": one.high}

    return {
        "format": "loccit-improvement/1",
        "causes": {cause.value: list(samples) for cause, samples in found.causes.items()},
        "training": found.training,
        "held_back": found.held_back,
        "trials": [
            {"key": t.change.key, "before": t.change.before, "after": t.change.after, "gain": t.difference}
            for t in found.trials
        ],
        "level": found.level,
        "chosen": None
        if found.chosen is None
        else {"key": found.chosen.key, "before": found.chosen.before, "after": found.chosen.after},
        "gain": interval(found.gain),
        "guards": [
            {"metric": g.metric, "difference": interval(g.difference), "holds": g.holds} for g in found.guards
        ],
        "kept": found.is_kept,
    }
