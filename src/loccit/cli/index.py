"""`loccit index`: make repositories searchable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.options import Collection, Json, Quiet, Rev, refuse_together

if TYPE_CHECKING:
    from loccit.library import IndexReport


def index(
    locations: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH|URL", help="Repositories or folders; without any, the one you are in."),
    ] = None,
    *,
    collection: Collection = None,
    rev: Rev = None,
    history: Annotated[bool, typer.Option(help="Index the commits as well.")] = True,
    history_only: Annotated[
        bool, typer.Option("--history-only", help="Only the commits behind what is indexed already.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index anew, whatever its state.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make repositories and folders searchable.

    Costs what changed since the last time. Safe to interrupt and to repeat. A URL is fetched first.
    """
    from loccit.cli.output import emit, say
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.library import Loccit

    refuse_together(history_only=history_only, rebuild=rebuild)
    refuse_together(history_only=history_only, no_history=not history)
    refuse_together(history_only=history_only, rev=rev is not None)
    refuse_together(history_only=history_only, collection=collection is not None)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    reports: list[IndexReport] = []
    try:
        for location in locations or ["."]:
            if history_only:
                report = loccit.index_history(location)
            else:
                report = loccit.index(
                    location, rev=rev, collection=collection, history=history, rebuild=rebuild
                )
            bar.close()
            if report is None:
                continue
            reports.append(report)
            if not json and not quiet:
                say(_line(report))
    finally:
        bar.close()
    if json:
        emit({"format": "loccit-index/1", "repositories": [_document(report) for report in reports]})


def _line(report: IndexReport) -> str:
    from loccit.cli.output import amount, counted, one_line

    snapshot = report.files.snapshot
    at = f"at {snapshot.commit[:12]}" if snapshot.commit else f"as tree {snapshot.tree[:12]}"
    text = (
        f"{one_line(report.repository.name)} {at}: {counted(snapshot.files, 'file')}, "
        f"{amount(snapshot.text_bytes)}; "
        f"{report.files.parsed:,} parsed, {report.files.reused:,} known, {report.files.seconds:.1f} s"
    )
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in snapshot.skipped.items())
    lines = [text, f"  left out or weighed less: {skipped}" if skipped else ""]
    if report.history is not None:
        past = report.history
        commits = counted(past.snapshot.files, "commit")
        lines.append(f"  history: {commits}, {past.parsed:,} new, {past.seconds:.1f} s")
    return "\n".join(line for line in lines if line)


def _document(report: IndexReport) -> dict[str, Any]:
    snapshot = report.files.snapshot
    return {
        "repo": report.repository.name,
        "location": report.repository.location,
        "commit": snapshot.commit,
        "tree": snapshot.tree,
        "files": snapshot.files,
        "text_bytes": snapshot.text_bytes,
        "skipped": snapshot.skipped,
        "parsed": report.files.parsed,
        "reused": report.files.reused,
        "seconds": round(report.files.seconds, 3),
        "history": None
        if report.history is None
        else {
            "commits": report.history.snapshot.files,
            "new": report.history.parsed,
            "seconds": round(report.history.seconds, 3),
        },
    }
