"""`loccit status`: what is indexed, and how it stands to its sources."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loccit.cli.options import Json, Quiet

if TYPE_CHECKING:
    from loccit.library import RepositoryStatus


def status(*, json: Json = False, quiet: Quiet = False) -> None:
    """Show what is indexed and whether it is up to date.

    Of every repository: its source, the commits that can be searched, how many files were left out and why.
    """
    from loccit.cli.output import emit, note, one_line, say
    from loccit.library import Loccit

    loccit = Loccit()
    found = loccit.status()
    collections = loccit.collections()
    if json:
        document = {"format": "loccit-status/1", "home": str(loccit.home), "collections": collections}
        emit({**document, "repositories": [_document(one) for one in found]})
        return
    for one in found:
        _show(one, quiet=quiet)
    for name, members in collections.items():
        say(f"collection {one_line(name)}: {', '.join(one_line(m) for m in members)}")
    if not quiet:
        note(
            f"home: {loccit.home}"
            if found
            else f"nothing is indexed in {loccit.home}; run: loccit index PATH|URL"
        )


def _show(one: RepositoryStatus, *, quiet: bool) -> None:
    from loccit.cli.output import Style, amount, counted, one_line, say_styled

    style = Style()
    state = (
        style("unreadable", "red")
        if one.problem
        else style("stale", "yellow")
        if one.is_stale
        else "up to date"
    )
    say_styled(f"{style(one_line(one.repository.name), 'bold')}  {state}  {amount(one.index_bytes)}")
    if quiet:
        return
    say_styled(f"  source: {one_line(one.repository.location)}")
    if one.problem:
        say_styled(f"  {style(one.problem, 'red')}")
    for snapshot in reversed(one.snapshots):
        at = datetime.fromtimestamp(int(snapshot.indexed_at), UTC).strftime("%Y-%m-%d %H:%M UTC")
        name = f"commit {snapshot.commit[:12]}" if snapshot.commit else f"tree {snapshot.tree[:12]}"
        shallow = ", shallow" if snapshot.is_shallow else ""
        size = f"{counted(snapshot.files, 'file')}, {amount(snapshot.text_bytes)}"
        say_styled(f"  {name}: {size}, indexed {at}{shallow}")
        if snapshot.skipped:
            counts = ", ".join(f"{count:,} {reason}" for reason, count in snapshot.skipped.items())
            say_styled(style(f"    left out or weighed less: {counts}", "dim"))
    if one.history is not None:
        say_styled(f"  history: {counted(one.history.files, 'commit')} up to {one.history.id[:12]}")


def _document(one: RepositoryStatus) -> dict[str, Any]:
    return {
        **asdict(one.repository),
        "collections": list(one.collections),
        "snapshots": [asdict(snapshot) for snapshot in one.snapshots],
        "history": asdict(one.history) if one.history else None,
        "head": one.head,
        "is_stale": one.is_stale,
        "problem": one.problem or None,
        "index_bytes": one.index_bytes,
    }
