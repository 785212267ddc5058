"""`loccit issues`: read an issue tracker, and see what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, Repo, check_numbers

if TYPE_CHECKING:
    from loccit.core.issues import Issue
    from loccit.library import Loccit
    from loccit.sources.issues import SyncReport

app = typer.Typer(
    name="issues",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Read a tracker's issues, and see them as of any day.",
)

_MOST_BYTES = 5_000_000

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        help="As it stood then: 2021-09-30 (the end of that day, UTC) or 2021-09-30T17:20:00Z.",
    ),
]


@app.command(cls=Command)
def sync(
    repo: Annotated[
        str | None,
        typer.Argument(metavar="REPO", help="A repository: its name, path or URL; else the one you are in."),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TRACKER",
            help="github:owner/name, gitlab:group/name (either with @HOST or @ADDRESS), FILE.jsonl, "
            "FILE.csv, jira:FILE, or a folder of Markdown. [default: the one of the last time]",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, and mark what the tracker no longer has.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait when the tracker's limit is reached, up to an hour at a time."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read what is new in the tracker, and keep it.

    Safe to interrupt and to repeat: it goes on where it was. A token comes from the environment: GITHUB_TOKEN
    for github.com, GITLAB_TOKEN for gitlab.com, LOCCIT_TRACKER_TOKEN for any other host.
    """
    from loccit.cli.output import emit, say
    from loccit.cli.progress import ProgressBar
    from loccit.library import Loccit

    bar = ProgressBar(quiet=quiet)
    try:
        report = Loccit(progress=bar).sync_issues(repo or ".", source, wait=wait, full=full)
    finally:
        bar.close()
    if json:
        emit({"format": "loccit-issues-sync/1", **_report(report)})
    elif not quiet:
        say(_line(report))


@app.command(name="list", cls=Command)
def list_issues(
    *,
    repo: Repo = None,
    state: Annotated[
        Literal["open", "closed", "all"],
        typer.Option("--state", metavar="STATE", help="open, closed or all."),
    ] = "open",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="LABEL", help="Only those with this label; may be repeated."),
    ] = None,
    as_of: AsOf = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", metavar="N", help="At most so many, the newest.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the issues that are kept, the newest first."""
    from loccit.cli.output import Style, counted, emit, note, one_line, say_styled

    check_numbers(limit=limit)
    found = [
        issue
        for issue in reversed(_loccit().issues(repo or ".", as_of=_moment(as_of)))
        if (state == "all" or issue.is_open == (state == "open")) and set(label or []) <= set(issue.labels)
    ]
    shown = found[:limit]
    if json:
        emit({"format": "loccit-issues/1", "total": len(found), "issues": [_facts(each) for each in shown]})
        return
    style = Style()
    width = max((len(issue.id) for issue in shown), default=0)
    for issue in shown:
        labels = f"  {style(one_line(', '.join(issue.labels)), 'dim')}" if issue.labels else ""
        number = style(f"{one_line(issue.id):>{width}}", "bold", "cyan")
        say_styled(f"{number}  {style(f'{_state(issue):<7}', 'dim')}  {style(one_line(issue.title))}{labels}")
    if not quiet:
        note(counted(len(found), "issue") + (f", {len(shown):,} shown" if len(shown) < len(found) else ""))


@app.command(cls=Command)
def show(
    issue_id: Annotated[str, typer.Argument(metavar="ID", help="As people write it: 12, !12, HADOOP-12.")],
    *,
    repo: Repo = None,
    as_of: AsOf = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show one issue with what was said and what happened, in order of time."""
    from loccit.cli.output import Style, emit, one_line, say, say_styled

    issue = _loccit().issue(issue_id, repo=repo or ".", as_of=_moment(as_of))
    if json:
        emit({"format": "loccit-issue-view/1", **_facts(issue), **_texts(issue)})
        return
    style = Style()
    say_styled(f"{style(one_line(issue.id), 'bold', 'cyan')}  {style(one_line(issue.title), 'bold')}")
    if not quiet:
        labels = f"; {', '.join(issue.labels)}" if issue.labels else ""
        by = f" by {issue.author}" if issue.author else ""
        say_styled(style(one_line(f"{_state(issue)}, opened {_day(issue.created)}{by}{labels}"), "dim"))
        if issue.url:
            say_styled(style(one_line(issue.url), "dim"))
    if issue.body:
        say(f"\n{issue.body}")
    told = [(comment.time, _said(comment.author, comment.path), comment.body) for comment in issue.comments]
    told += [(event.time, f"{event.kind.value} {event.value}".strip(), "") for event in issue.events]
    told += [(link.time, f"{link.kind.value} {link.target}", "") for link in issue.links]
    for time, what, text in sorted(told, key=lambda entry: entry[0]):
        say_styled(style(f"\n{_day(time)}  {one_line(what)}", "dim"))
        if text:
            say(text)


@app.command(cls=Command)
def comment(
    file: Annotated[
        str,
        typer.Argument(metavar="TRIAGE", help="What 'loccit triage --json' printed; - is standard input."),
    ],
    *,
    tracker: Annotated[
        str,
        typer.Option("--tracker", metavar="TRACKER", help="github:owner/name or gitlab:group/name; @HOST."),
    ],
    issue: Annotated[str, typer.Option("--issue", metavar="N", help="The number of the issue.")],
    token_variable: Annotated[
        str,
        typer.Option("--token-variable", metavar="NAME", help="The environment variable with the token."),
    ] = "LOCCIT_WRITE_TOKEN",  # noqa: S107 - a name, no secret
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the comment, and write nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a triage as a comment below its issue, or edit the one that was written before.

    Needs nothing of the repository, and no text of the issue but what stands in the triage; nothing of that
    can mention anybody, link, close or run anything. Where the triage has nothing to say, and said nothing
    before, nothing is written.

    Exits with 1 where there is nothing to say.
    """
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.output import note, say

    data = _triage_bytes(file)
    said, place = _loccit().comment_on(
        data, tracker=tracker, issue=issue, variable=token_variable, dry=dry_run
    )
    if dry_run:
        say(said)
    elif not quiet:
        note(f"comment {place} says so" if place else "nothing to say")
    if not said or not (place or dry_run):
        raise typer.Exit(ExitCode.NOTHING)


@app.command(cls=Command)
def shadow(
    *,
    repo: Annotated[
        str | None, typer.Option("--repo", "-r", metavar="REPO", help="Only this repository.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Only issues that were triaged from then on."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how right the server's triages were of issues that were mended since.

    A server that is told of issues keeps what it said of each, or would have said, and compares it with what
    the fix changed. Once the figures are good enough for you, let it comment: mode = "comment".

    Exits with 1 where nothing can be compared yet.
    """
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.options import moment_of
    from loccit.cli.output import emit
    from loccit.cli.shadow_view import show_shadow

    report = _loccit().shadow(repo, since=moment_of("--since", since))
    if json:
        emit(report.to_json())
    else:
        show_shadow(report, quiet=quiet)
    if not report.scored:
        raise typer.Exit(ExitCode.NOTHING)


def _triage_bytes(written: str) -> bytes:
    """The bytes of a triage. Raises InputError, LimitExceeded."""
    from pathlib import Path

    from loccit.cli.options import standard_input
    from loccit.core.errors import InputError, LimitExceeded

    try:
        data = standard_input(_MOST_BYTES) if written == "-" else Path(written).read_bytes()
    except OSError as error:
        raise InputError(f"the triage {written!r} cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise LimitExceeded("size of the triage in bytes", len(data), _MOST_BYTES)
    return data


def _loccit() -> Loccit:
    from loccit.library import Loccit

    return Loccit()


def _moment(written: str | None) -> datetime | None:
    """The moment of `--as-of`; a day is over by then. Raises InputError."""
    from loccit.core.errors import InputError

    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(
            f"{written!r} is no date", next_step="write it as 2021-09-30 or 2021-09-30T17:20:00Z"
        ) from error
    if len(written) <= len("2021-09-30"):
        found = found.replace(hour=23, minute=59, second=59)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _line(report: SyncReport) -> str:
    from loccit.cli.output import counted, one_line

    deleted = f", {report.deleted:,} gone" if report.deleted else ""
    text = (
        f"{one_line(report.source)}: {counted(report.total, 'issue')}; "
        f"{report.added:,} new, {report.changed:,} changed{deleted}"
    )
    return "\n".join([text, *(f"  {one_line(note)}" for note in report.notes)])


def _report(report: SyncReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "commit": report.commit,
        "issues": report.total,
        "new": report.added,
        "changed": report.changed,
        "deleted": report.deleted,
        "notes": list(report.notes),
    }


def _facts(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.id,
        "kind": issue.kind.value,
        "title": issue.title,
        "state": _state(issue),
        "author": issue.author,
        "created": _utc(issue.created),
        "labels": list(issue.labels),
        "url": issue.url,
        "comment_count": len(issue.comments),
    }


def _texts(issue: Issue) -> dict[str, Any]:
    return {
        "body": issue.body,
        "comments": [
            {"author": each.author, "time": _utc(each.time), "path": each.path, "body": each.body}
            for each in issue.comments
        ],
        "events": [
            {"kind": each.kind.value, "time": _utc(each.time), "value": each.value} for each in issue.events
        ],
        "links": [
            {"kind": each.kind.value, "time": _utc(each.time), "target": each.target} for each in issue.links
        ],
    }


def _state(issue: Issue) -> str:
    if issue.is_deleted:
        return "deleted"
    return "open" if issue.is_open else "closed"


def _said(author: str, path: str) -> str:
    return f"{author or 'somebody'}{f' on {path}' if path else ''}:"


def _day(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
