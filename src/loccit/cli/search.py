"""`loccit search`: places, without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.options import (
    Collection,
    Json,
    Languages,
    Paths,
    Quiet,
    Repos,
    Rev,
    default_repos,
    question_text,
)

if TYPE_CHECKING:
    from loccit.core.evidence import Hit
    from loccit.library import Loccit

_SHOWN_LINES = 3


def search(
    query: Annotated[
        list[str] | None, typer.Argument(metavar="[QUERY]", help="Words, names or a path; - for standard input.")
    ] = None,
    *,
    repo: Repos = None,
    collection: Collection = None,
    rev: Rev = None,
    lang: Languages = None,
    path: Paths = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most hits to print.")] = 10,
    history: Annotated[bool, typer.Option("--history", help="Search the commits instead of the files.")] = False,
    regex: Annotated[
        bool, typer.Option("--regex", "-e", help="The query is a POSIX extended regular expression; needs no index.")
    ] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", "-i", help="With --regex: ignore case.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the places that bear on a query, best first.

    With --regex every matching line is printed as it is found (with --json one object per line). Exits with 0 when there are hits,
    1 when there are none.
    """
    from loccit.cli.ask import index_here  # noqa: PLC0415
    from loccit.cli.exit_codes import ExitCode  # noqa: PLC0415
    from loccit.cli.output import emit  # noqa: PLC0415
    from loccit.cli.progress import ProgressBar, waiting  # noqa: PLC0415
    from loccit.library import Loccit  # noqa: PLC0415

    text = question_text(query)
    bar = ProgressBar(quiet=quiet or json)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    repos = default_repos(loccit, repo, collection)
    try:
        if not (repo or collection):
            index_here(loccit, repos, quiet=quiet)
        if regex:
            found = _grep(loccit, text, repos, collection, rev, path or [], limit, ignore_case=ignore_case, json=json)
            raise typer.Exit(ExitCode.DONE if found else ExitCode.NOTHING)
        hits = loccit.search(
            text,
            repos=repos,
            collection=collection,
            rev=rev,
            languages=lang or (),
            paths=path or (),
            limit=limit,
            history=history,
        )
    finally:
        bar.close()
    contents = loccit.read_many(hits)
    if json:
        pairs = zip(hits, contents, strict=True)
        emit({"format": "loccit-search/1", "query": text, "hits": [_document(hit, data) for hit, data in pairs]})
    else:
        for hit, data in zip(hits, contents, strict=True):
            _show(hit, data, several=len({h.place.repo for h in hits}) > 1)
    raise typer.Exit(ExitCode.DONE if hits else ExitCode.NOTHING)


def _show(hit: Hit, data: bytes, *, several: bool) -> None:
    from loccit.cli.output import Style, one_line, say_styled  # noqa: PLC0415

    style = Style()
    place = hit.place
    where = (
        f"{one_line(place.path)}:{place.start_line}-{place.end_line}" if place.path else f"commit {place.object_id[:12]}"
    )
    prefix = f"{one_line(place.repo)} " if several else ""
    say_styled(f"{prefix}{style(where, 'bold', 'cyan')}  {style(one_line(hit.symbol))}")
    for line in _telling_lines(hit, data):
        say_styled(f"    {style(line)}")
    if hit.reasons:
        say_styled(style(f"    why: {'; '.join(hit.reasons)}", "dim"))


def _telling_lines(hit: Hit, data: bytes) -> list[str]:
    """The first lines of a hit that hold one of its words, or simply its first ones."""
    lines = [line.rstrip() for line in data.decode(hit.encoding, "replace").split("\n") if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in hit.matched[:4])]
    return [line[:160] for line in (telling or lines)[:_SHOWN_LINES]]


def _document(hit: Hit, data: bytes) -> dict[str, Any]:
    from loccit.core.answers import path_fields  # noqa: PLC0415

    place = hit.place
    path = path_fields(place.path) if place.path else {"path": None, "path_base64": None}
    return {
        "repo": place.repo,
        "commit": place.commit if place.path else place.object_id,
        "tree": None if place.commit else place.tree,
        **path,
        "blob": place.object_id if place.path else None,
        "start_byte": place.start_byte,
        "end_byte": place.end_byte,
        "start_line": place.start_line,
        "end_line": place.end_line,
        "symbol": hit.symbol,
        "kind": hit.kind if place.path else "commit",
        "language": hit.language,
        "role": hit.role,
        "score": hit.score,
        "why": list(hit.reasons),
        "text": data.decode(hit.encoding, "replace"),
    }


def _grep(
    loccit: Loccit,
    pattern: str,
    repos: list[str],
    collection: str | None,
    rev: str | None,
    paths: list[str],
    limit: int,
    *,
    ignore_case: bool,
    json: bool,
) -> int:
    """Print matching lines as they come; returns how many."""
    from loccit.cli.output import emit, one_line, visible  # noqa: PLC0415
    from loccit.cli.output import say_styled as say  # noqa: PLC0415
    from loccit.core.answers import path_fields  # noqa: PLC0415

    count = 0
    matches = loccit.grep(
        pattern, repos=repos, collection=collection, rev=rev, paths=paths, ignore_case=ignore_case, limit=limit
    )
    for name, match in matches:
        count += 1
        line = match.text.decode("utf-8", "replace")
        if json:
            place = {"blob": match.blob, "line": match.line, "start_byte": match.start_byte, "end_byte": match.end_byte}
            emit({"repo": name, **path_fields(match.path), **place, "text": line})
        else:
            say(f"{one_line(match.path)}:{match.line}: {visible(line)}")
    return count
