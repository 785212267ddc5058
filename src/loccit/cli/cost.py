"""`loccit cost`: what models did cost, and what is left of the budgets."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import astuple, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.options import Json, Quiet, refuse_together
from loccit.core.errors import InputError

if TYPE_CHECKING:
    from loccit.budgets.accounting import BudgetRow, SpendingRow
    from loccit.library import Cost

_BAR = 24
_DAYS = 30


class By(StrEnum):
    """What the rows are."""

    DAY = "day"
    MODEL = "model"
    USER = "user"
    TEAM = "team"
    PURPOSE = "purpose"


def cost(
    *,
    by: Annotated[
        By, typer.Option("--by", metavar="WHAT", help="One row for each day, model, user, team or purpose.")
    ] = By.DAY,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="The first day, in UTC. [default: 30 days ago]"),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The last day, in UTC. [default: today]")
    ] = None,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV, with a head.")] = False,
    quiet: Quiet = False,
) -> None:
    """Show what models did cost, and what is left of the budgets.

    Budgets are set in settings.toml, in tables [[budgets.limits]].
    """
    from loccit.cli.output import emit
    from loccit.library import Loccit

    refuse_together(json=json, csv=as_csv)
    today = datetime.now(UTC).date()
    first = _day("--since", since) or today - timedelta(days=_DAYS)
    last = _day("--until", until) or today
    if last < first:
        raise InputError(f"--until {last} is before --since {first}", next_step="name a later day")
    found = Loccit().cost(by.value, since=first, until=last)
    if json:
        emit(_document(by, first, last, found))
    elif as_csv:
        _write_csv(by, found.rows)
    else:
        _show(by, first, last, found, quiet=quiet)


def _day(option: str, written: str | None) -> date | None:
    if written is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise InputError(f"{option} {written!r} is no date", next_step="write it as 2026-01-31") from error


def _show(by: By, first: date, last: date, found: Cost, *, quiet: bool) -> None:
    from rich.text import Text

    from loccit.cli.output import counted, note, one_line, say
    from loccit.cli.score_tables import score_table, show_table

    if not found.rows:
        say(f"no model was paid for from {first} to {last}")
    else:
        table = score_table(by.value, "calls", "USD", "", "tokens in", "out")
        table.columns[3].justify = "left"
        most = max(row.usd for row in found.rows)
        for row in found.rows:
            table.add_row(
                Text(one_line(row.name) or "(not known)"),
                f"{row.calls:,}",
                _money(row.usd),
                Text(_bar(row.usd, most)),
                f"{row.input_tokens:,}",
                f"{row.output_tokens:,}",
            )
        show_table(table)
        calls = sum(row.calls for row in found.rows)
        say(f"\n{_money(found.usd)} USD for {counted(calls, 'call')} from {first} to {last}")
        _show_oddities(found.rows)
    if found.budgets:
        _show_budgets(found.budgets)
    elif not quiet:
        note("there are no budgets; docs/how-to/budgets.md tells how to set them")


def _show_oddities(rows: tuple[SpendingRow, ...]) -> None:
    """What a reader of the sums should know about them."""
    from loccit.cli.output import counted, say

    held = sum((row.held_usd for row in rows), Decimal(0))
    expired = sum(row.expired for row in rows)
    overruns = sum(row.overruns for row in rows)
    if held:
        say(f"at most {_money(held)} USD more for what is under way")
    if expired:
        say(f"{counted(expired, 'call')} never reported back and count at the most that they could cost")
    if overruns:
        over = sum((row.overrun_usd for row in rows), Decimal(0))
        say(f"{counted(overruns, 'call')} cost more than could be known before, {_money(over)} USD together")


def _show_budgets(budgets: tuple[BudgetRow, ...]) -> None:
    from rich.text import Text

    from loccit.cli.output import one_line
    from loccit.cli.score_tables import score_table, show_table

    table = score_table("budget", "USD", "spent", "under way", "left", "")
    table.columns[5].justify = "left"
    for row in budgets:
        used = row.spent_usd + row.held_usd
        table.add_row(
            Text(one_line(row.title)),
            _money(row.usd),
            _money(row.spent_usd),
            _money(row.held_usd),
            Text(_money(row.left_usd), style="red" if row.left_usd <= 0 else ""),
            Text(_bar(used, row.usd)),
        )
    show_table(table)


def _bar(value: Decimal, most: Decimal) -> str:
    """A bar whose whole length is `most`; the smallest amount has a cell."""
    if value <= 0:
        return ""
    share = min(Decimal(1), value / most) if most else Decimal(1)
    full = "█" if sys.stdout.encoding.lower().startswith("utf") else "#"
    return full * max(1, round(share * _BAR))


def _money(usd: Decimal) -> str:
    """The amount with four decimals, more where it would be nothing otherwise."""
    if usd and abs(usd) < Decimal("0.0001"):
        return f"{usd:.8f}"
    return f"{usd:,.4f}"


def _exact(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def _write_csv(by: By, rows: tuple[SpendingRow, ...]) -> None:
    from loccit.cli.output import say

    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    names = [field.name for field in fields(rows[0])] if rows else []
    if names:
        writer.writerow([by.value, *names[1:]])
    for row in rows:
        writer.writerow([_exact(value) if isinstance(value, Decimal) else value for value in astuple(row)])
    for line in lines.getvalue().splitlines():
        say(line)


def _document(by: By, first: date, last: date, found: Cost) -> dict[str, Any]:
    """Amounts are texts: a JSON number would be rounded by most who read it."""
    return {
        "format": "loccit-cost/1",
        "by": by.value,
        "since": first.isoformat(),
        "until": last.isoformat(),
        "usd": _exact(found.usd),
        "rows": [
            {
                field.name: _exact(value) if isinstance(value, Decimal) else value
                for field, value in zip(fields(row), astuple(row), strict=True)
            }
            for row in found.rows
        ],
        "budgets": [
            {
                "budget": row.title,
                "usd": _exact(row.usd),
                "spent_usd": _exact(row.spent_usd),
                "held_usd": _exact(row.held_usd),
                "left_usd": _exact(row.left_usd),
            }
            for row in found.budgets
        ],
    }
