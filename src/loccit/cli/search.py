"""`loccit search`: places, without an answer."""

from __future__ import annotations

from dataclasses import dataclass
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
    check_numbers,
    question_text,
    refuse_together,
)

if TYPE_CHECKING:
    from loccit.cli.progress import ProgressBar
    from loccit.core.evidence import Hit
    from loccit.library import Loccit, MatchingLine

_SHOWN_LINES = 3
_SHOWN_CHARACTERS = 160
_HITS = 10
_MATCHES = 1000


def _number(written: str) -> int:
    try:
        return int(written)
    except ValueError:
        raise typer.BadParameter(f"{written!r} is no number") from None


def search(
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY", help="Words, names or a path; without any, or with -, standard input."
        ),
    ] = None,
    *,
    repo: Repos = None,
    collection: Collection = None,
    rev: Rev = None,
    lang: Languages = None,
    path: Paths = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="NUMBER",
            parser=_number,
            help="Print no more hits than this. [default: 10, with --regex 1,000]",
        ),
    ] = None,
    per_file: Annotated[
        int | None,
        typer.Option(
            "--per-file", metavar="NUMBER", parser=_number, help="Hits of one file, at most. [default: 1]"
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Search the commits instead of the files.")
    ] = False,
    regex: Annotated[
        bool,
        typer.Option(
            "--regex", "-e", help="The query is a POSIX extended regular expression; needs no index."
        ),
    ] = False,
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="With --regex: ignore case.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the places that bear on a query, best first.

    With --regex every line that matches is printed as it is found, with --json one object per line.

    Exits with 0 when there are hits, 1 when there are none.
    """
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.library import Loccit

    _check_options(
        limit=limit,
        per_file=per_file,
        history=history,
        regex=regex,
        ignore_case=ignore_case,
        lang=bool(lang),
        path=bool(path),
    )
    text = question_text(query)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    where = _Where(repo, collection, rev, lang or [], path or [])
    try:
        if regex:
            found = _grep(
                loccit,
                text,
                where,
                _MATCHES if limit is None else limit,
                ignore_case=ignore_case,
                json=json,
                quiet=quiet,
            )
        else:
            found = _find(
                loccit,
                text,
                where,
                _HITS if limit is None else limit,
                per_file=per_file,
                history=history,
                json=json,
                quiet=quiet,
                bar=bar,
            )
    finally:
        bar.close()
    raise typer.Exit(ExitCode.DONE if found else ExitCode.NOTHING)


@dataclass(frozen=True, slots=True)
class _Where:
    """Where to search, as the options say it."""

    repos: list[str] | None
    collection: str | None
    rev: str | None
    languages: list[str]
    paths: list[str]


def _check_options(
    *,
    limit: int | None,
    per_file: int | None,
    history: bool,
    regex: bool,
    ignore_case: bool,
    lang: bool,
    path: bool,
) -> None:
    from loccit.core.errors import InputError

    refuse_together(history=history, regex=regex)
    refuse_together(history=history, lang=lang)
    refuse_together(history=history, path=path)
    refuse_together(regex=regex, per_file=per_file is not None)
    check_numbers(limit=limit, per_file=per_file)
    if ignore_case and not regex:
        raise InputError(
            "--ignore-case is for --regex", next_step="leave it out: words are found in any case"
        )


def _find(
    loccit: Loccit,
    text: str,
    where: _Where,
    limit: int,
    *,
    per_file: int | None,
    history: bool,
    json: bool,
    quiet: bool,
    bar: ProgressBar,
) -> int:
    """Print the best hits; returns how many."""
    from loccit.cli.here import default_repos, history_in_background, index_here
    from loccit.cli.output import emit
    from loccit.pipeline.search_document import search_document

    repos = default_repos(loccit, where.repos, where.collection)
    is_here = bool(repos) and not where.repos
    new = index_here(loccit, repos[0], history=history, quiet=quiet) if is_here else None
    hits = loccit.search(
        text,
        repos=repos,
        collection=where.collection,
        rev=where.rev,
        languages=where.languages,
        paths=where.paths,
        limit=limit,
        per_file=per_file,
        history=history,
    )
    bar.close()
    if new is not None and not history:
        history_in_background(new)
    pairs = list(zip(hits, loccit.read_many(hits), strict=True))
    if json:
        emit(search_document(text, pairs))
        return len(hits)
    several = len({hit.place.repo for hit in hits}) > 1
    for hit, data in pairs:
        _show(hit, data, several=several, quiet=quiet)
    return len(hits)


def _show(hit: Hit, data: bytes, *, several: bool, quiet: bool) -> None:
    from loccit.cli.output import Style, one_line, say_styled

    style = Style()
    place = hit.place
    lines = f"{place.start_line}-{place.end_line}"
    where = f"{one_line(place.path)}:{lines}" if place.path else f"commit {place.object_id[:12]}"
    prefix = f"{one_line(place.repo)} " if several else ""
    symbol = f"  {style(one_line(hit.symbol))}" if hit.symbol else ""
    say_styled(f"{prefix}{style(where, 'bold', 'cyan')}{symbol}")
    for line in _telling_lines(hit, data):
        say_styled(f"    {style(line)}")
    if hit.reasons and not quiet:
        say_styled(style(f"    why: {one_line('; '.join(hit.reasons))}", "dim"))


def _telling_lines(hit: Hit, data: bytes) -> list[str]:
    """The first lines of a hit that hold one of its words, or simply its first ones."""
    lines = [line.rstrip() for line in data.decode(hit.encoding, "replace").split("\n") if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in hit.matched[:4])]
    return [_short(line) for line in (telling or lines)[:_SHOWN_LINES]]


def _short(line: str) -> str:
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]} …"


def _grep(
    loccit: Loccit, pattern: str, where: _Where, limit: int, *, ignore_case: bool, json: bool, quiet: bool
) -> int:
    """Print matching lines as they come; returns how many."""
    from loccit.cli.here import default_repos
    from loccit.cli.output import emit, note, one_line, say

    repos = default_repos(loccit, where.repos, where.collection)
    several = len(repos) != 1
    count = 0
    for line in loccit.grep(
        pattern.removesuffix("\n"),
        repos=repos,
        collection=where.collection,
        rev=where.rev,
        languages=where.languages,
        paths=where.paths,
        ignore_case=ignore_case,
        limit=limit,
    ):
        count += 1
        if json:
            emit(_line_document(line))
        else:
            prefix = f"{one_line(line.repo)} " if several else ""
            text = one_line(_short(line.match.text.decode("utf-8", "surrogateescape")))
            say(f"{prefix}{one_line(line.match.path)}:{line.match.line}: {text}")
    if count == limit and not quiet:
        note(f"stopped at {limit:,} lines; --limit NUMBER prints more")
    return count


def _line_document(line: MatchingLine) -> dict[str, Any]:
    from loccit.core.answers import path_fields

    match = line.match
    return {
        "repo": line.repo,
        "commit": line.commit,
        "tree": line.tree,
        **path_fields(match.path),
        "blob": match.blob,
        "line": match.line,
        "start_byte": match.start_byte,
        "end_byte": match.end_byte,
        "text": match.text.decode("utf-8", "replace"),
    }
