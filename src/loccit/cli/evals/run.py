"""`loccit eval run`: ask every sample of a task, and keep what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.evals.options import JudgeModel, Report, Scorers
from loccit.cli.options import Json, Quiet, Repos, check_numbers

if TYPE_CHECKING:
    from loccit.evals.tasks import TaskFile
    from loccit.library import Loccit

_MOST = 1_000_000


def run(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="A task (.toml), a dataset (.jsonl), or 'builtin': the samples that come with loccit.",
        ),
    ],
    *,
    repo: Repos = None,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FILE", help="Where the log goes; an unfinished one there is gone on with."
        ),
    ] = None,
    report: Report = None,
    reuse: Annotated[
        Path | None,
        typer.Option(
            "--reuse", metavar="LOG", help="Take over outputs of this log that no change since has touched."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", "-n", metavar="N", help="Ask only so many, drawn at random.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Draw other ones.")] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", metavar="N", help="Ask each so often; those that differ are flaky."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", help="Ask so many at once.")
    ] = None,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", metavar="N", help="Begin at most so many a minute.")
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", metavar="USD", help="Begin no more once this is spent.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="What takes longer has failed.")
    ] = None,
    scorer: Scorers = None,
    judge: JudgeModel = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting for this run, as in retrieval.top_k=20."),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Leave an unfinished run of this task be.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask a system every sample of a dataset, score what it gives, and keep all of it in a log.

    Killed or interrupted, the same command goes on where it was; no sample is asked twice. Without a model
    all of it is computed on this machine and costs nothing.
    """
    from loccit.cli.evals.show import Progress, finished
    from loccit.cli.report_file import check_place
    from loccit.evals.log import read_log
    from loccit.evals.tasks import read_task
    from loccit.library import Loccit

    check_numbers(_MOST, sample=sample, repeats=repeats, concurrency=concurrency, per_minute=per_minute)
    if report is not None:
        check_place(report, command="eval run --report")
    chosen = _changed(
        read_task(task),
        sample=sample,
        seed=seed,
        repeats=repeats,
        concurrency=concurrency,
        per_minute=per_minute,
        usd=max_usd,
        timeout_s=timeout,
        judge=judge,
        scorers=None if scorer is None else tuple(scorer),
        settings=change,
    )
    progress = Progress(quiet=quiet)
    try:
        loccit = Loccit(progress=progress.indexing)
        made, path = loccit.evaluate(
            chosen,
            log,
            repos=_repositories(loccit, chosen, repo, quiet=quiet),
            reuse=None if reuse is None else read_log(reuse),
            anew=anew,
            tell=progress.told,
        )
    finally:
        progress.close()
    finished(made, path, report=report, json=json, quiet=quiet)


def _repositories(loccit: Loccit, task: TaskFile, given: list[str] | None, *, quiet: bool) -> list[str]:
    """The repositories that are asked where samples name none, indexed where they never were."""
    from loccit.cli.here import default_repos, index_here
    from loccit.evals.builtin_project import project_repository

    if task.system.kind != "loccit":
        return []
    if task.is_built_in:
        project = str(project_repository(loccit.home))
        return [index_here(loccit, project, history=False, quiet=True) or project]
    wanted = given or [str(task.folder / one) if _is_path(one) else one for one in task.repos]
    found = default_repos(loccit, wanted or None, None)
    return [index_here(loccit, one, history=True, quiet=quiet) or one for one in found]


def _is_path(written: str) -> bool:
    return written.startswith(".") or Path(written).is_absolute()


def _changed(task: TaskFile, *, settings: list[str] | None, **given: Any) -> TaskFile:
    """The task with what the command line says instead."""
    task = replace(task, **{name: value for name, value in given.items() if value is not None})
    if not settings:
        return task
    tables = {name: dict(table) for name, table in task.system.settings.items()}
    for written in settings:
        room, key, value = _setting(written)
        tables.setdefault(room, {})[key] = value
    return replace(task, system=replace(task.system, settings=tables))


def _setting(written: str) -> tuple[str, str, Any]:
    """Table, key and value of `retrieval.top_k=20`; a value that is no TOML is a text."""
    import tomllib

    from loccit.core.errors import InputError

    name, is_given, value = written.partition("=")
    room, is_dotted, key = name.strip().partition(".")
    if not (is_given and is_dotted and room and key):
        raise InputError(f"--set has {written!r}", next_step="write it as TABLE.KEY=VALUE")
    try:
        return room, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return room, key, value.strip()
