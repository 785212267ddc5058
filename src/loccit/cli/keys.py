"""`loccit keys`: who may ask the server."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.policy.keys import Key

app = typer.Typer(
    name="keys",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Make, list and revoke the keys of the server.",
)


@app.command(cls=Command)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is called in lists.")],
    *,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="reader, maintainer or admin.")
    ] = "reader",
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="Whose it is, in budgets and runs. [default: NAME]")
    ] = "",
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", "-r", metavar="NAME", help="Only this repository; may be repeated."),
    ] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", metavar="NUMBER", help="Requests per minute, at most.")
    ] = None,
    usd: Annotated[
        str | None, typer.Option("--usd", metavar="AMOUNT", help="US dollars per month for models, at most.")
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", metavar="NUMBER", help="For how many days it is good.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a key and print it: this once, for what is kept of it cannot be turned back.

    A reader asks, searches, triages and verifies; a maintainer also has repositories brought up to date and
    sees others' runs; an admin does everything.
    """
    from loccit.cli.output import emit, note, say
    from loccit.core.errors import InputError
    from loccit.policy.callers import Role

    loccit = _loccit()
    if role not in tuple(Role):
        raise InputError(f"{role!r} is no role", next_step=f"write one of {', '.join(Role)}")
    try:
        budget = None if usd is None else Decimal(usd)
    except InvalidOperation as error:
        raise InputError(f"{usd!r} is no amount of dollars", next_step="write it so: --usd 20") from error
    names = None if repo is None else frozenset(loccit.name_of(one) for one in repo)
    key, text = loccit.keys().create(
        name,
        role=Role(role),
        user=user,
        repositories=names,
        requests_per_minute=rate,
        usd_per_month=budget,
        valid_days=days,
    )
    opens = None if names is None else sorted(names)
    loccit.audit("key created", subject=key.id, details={"user": key.user, "role": key.role, "opens": opens})
    if json:
        emit({"format": "loccit-key/1", **_document(key), "key": text})
        return
    say(text)
    if not quiet:
        note(f"key {key.id} ({key.role}) for {key.user}: it is not shown again")


@app.command("list", cls=Command)
def list_keys(*, json: Json = False, quiet: Quiet = False) -> None:
    """List the keys: whose, what they open, since when, and when each was used last."""
    from loccit.cli.output import emit, note, one_line, say

    found = _loccit().keys().list()
    if json:
        emit({"format": "loccit-keys/1", "keys": [_document(key) for key in found]})
        return
    now = datetime.now(UTC).timestamp()
    for key in found:
        state = "valid" if key.is_valid(now) else "revoked" if key.revoked_at else "expired"
        opens = "everything" if key.repositories is None else ", ".join(sorted(key.repositories)) or "nothing"
        used = f"used {_time(key.used_at)}" if key.used_at else "never used"
        whose = f"{one_line(key.name)} ({one_line(key.user)})"
        say(f"{key.id}  {state:8} {key.role:10} {whose}  {one_line(opens)}  {used}")
    if not found and not quiet:
        note("there is no key: on this machine the server needs none, and on others it does not start")


@app.command(cls=Command)
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of the key, or its name.")],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let a key open nothing any more. Servers that run know it within seconds."""
    from loccit.cli.output import emit, say

    loccit = _loccit()
    revoked = loccit.keys().revoke(key)
    loccit.audit("key revoked", subject=revoked.id, details={"user": revoked.user})
    if json:
        emit({"format": "loccit-key/1", **_document(revoked)})
    elif not quiet:
        say(f"key {revoked.id} of {revoked.user} is revoked")


def _loccit() -> Loccit:
    from loccit.library import Loccit

    return Loccit()


def _document(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "user": key.user,
        "role": key.role.value,
        "repositories": None if key.repositories is None else sorted(key.repositories),
        "requests_per_minute": key.requests_per_minute,
        "usd_per_month": None if key.usd_per_month is None else str(key.usd_per_month),
        "created_at": _time(key.created_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "used_at": _time(key.used_at),
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
