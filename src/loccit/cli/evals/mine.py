"""`loccit eval mine`: samples out of a repository's own past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli import completion
from loccit.cli.options import Json, Quiet, Repo, check_numbers, moment_of

if TYPE_CHECKING:
    from loccit.learning.mined_samples import Mined

_DEFAULT = "loccit-mined.jsonl"
_MOST = 100_000
_ALL = "all"
_KINDS = ("localise", "questions", "changes")
_SAID = {
    "localise": "fixes: which files and functions is this about?",
    "questions": "docs and docstrings: where and how is it done?",
    "changes": "changes: what was changed, and why?",
    "unanswerable": "what another repository answers, and this one does not",
}


def mine(
    *,
    repo: Repo = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            "-k",
            metavar="KIND",
            help="localise, questions, changes or all; may be repeated. [default: all]",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="At most so many samples of each kind.")
    ] = 100,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="No fixes and changes from before: 2026-01-31."),
    ] = None,
    unanswerable_from: Annotated[
        str | None,
        typer.Option(
            "--unanswerable-from",
            metavar="REPO",
            autocompletion=completion.repositories,
            help="An indexed repository, from which come questions that this one does not answer.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another number draws other samples.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the samples go.")] = Path(
        _DEFAULT
    ),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make samples out of a repository's own past, to evaluate with.

    Fixes and their issues ask for files and functions, docs and docstrings for places, changes for what was
    changed. Each sample is asked as of its own commit, and is checked for leaks: of a fix, the commit before
    it. No model is called.
    """
    from loccit.cli.evals.dataset_file import check_dataset_place, write_dataset
    from loccit.cli.here import default_repos, index_here
    from loccit.cli.output import emit
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.library import Loccit

    check_numbers(_MOST, count=count)
    kinds = _kinds(kind)
    moment = moment_of("--since", since)
    check_dataset_place(out)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        chosen = next(iter(default_repos(loccit, [repo] if repo else None, None)), None)
        if chosen is not None and repo is None:
            chosen = index_here(loccit, chosen, history=True, quiet=quiet) or chosen
        mined = loccit.mine_samples(
            chosen,
            kinds=kinds,
            count=count,
            since=moment,
            unanswerable_from=unanswerable_from,
            seed=seed,
        )
    finally:
        bar.close()
    write_dataset(out, mined.dataset)
    if json:
        emit({**mined.to_json(), "dataset": str(out)})
    elif not quiet:
        _show(mined, out)


def _kinds(written: list[str] | None) -> list[str]:
    """The kinds that are asked for, in order. Raises InputError."""
    from loccit.core.errors import InputError

    unknown = [kind for kind in written or () if kind not in (*_KINDS, _ALL)]
    if unknown:
        raise InputError(f"--kind is {unknown[0]!r}", next_step=f"write {', '.join(_KINDS)} or {_ALL}")
    return [kind for kind in _KINDS if not written or _ALL in written or kind in written]


def _show(mined: Mined, out: Path) -> None:
    """Print how many of each kind there are, what was left out and why, the leak check, and what to do."""
    from loccit.cli.output import Style, counted, note, one_line, say_styled

    style = Style()
    samples = mined.dataset.samples
    said = f"{one_line(mined.repo)} at {mined.head[:12]}: {counted(len(samples), 'sample')}"
    say_styled(style(said, "bold"))
    for vein in mined.veins:
        named = sum(sample.slices.get("names_answer") == "yes" for sample in vein.samples)
        say_styled(f"{len(vein.samples):>7,}  {style(vein.kind.value, 'bold')}  {_SAID[vein.kind.value]}")
        if named:
            say_styled(style(f"         {named:,} of them name their answer (slice names_answer)", "dim"))
        for reason, number in vein.left_out.items():
            say_styled(style(f"         left out {number:,}: {one_line(reason)}", "dim"))
    leaked = "".join(f"; {number:,} taken out: {reason}" for reason, number in mined.leaks.items())
    if mined.checked:
        say_styled(f"leak check: {mined.checked:,} samples of the past checked{leaked or ', none leaks'}")
    for remark in mined.notes:
        say_styled(style(f"- {one_line(remark)}", "yellow"))
    note(f"the samples: {out}")
    note(f"next: loccit eval run {out}")
