"""What the ledger says to its database. Built once: to build a statement takes longer than to run it."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, bindparam, delete, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from loccit.storage.tables import call_sizes, charges, spending, waiting

# The whole ledger has one lock on PostgreSQL, where writers would otherwise see each other's past.
LOCK_AND_TIME = text("SELECT extract(epoch FROM clock_timestamp()) FROM pg_advisory_xact_lock(7142024)")

CHARGE = select(charges).where(charges.c.id == bindparam("which"))
CHARGES_OVERDUE = select(charges).where(charges.c.expires_at <= bindparam("now"))
ADD_CHARGE = insert(charges)
DELETE_CHARGE = delete(charges).where(charges.c.id == bindparam("which"))
BOOK_CHARGE = (
    update(charges)
    .where(charges.c.id == bindparam("which"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "state",
                "expires_at",
                "spent",
                "input_tokens",
                "output_tokens",
                "cache_read_tokens",
                "cache_write_tokens",
                "reasoning_tokens",
            )
        }
    )
)
EXTEND_CHARGE = (
    update(charges)
    .where((charges.c.id == bindparam("which")) & (charges.c.state == "held"))
    .values(expires_at=bindparam("until"))
)

SUMS = select(
    func.coalesce(func.sum(spending.c.spent), 0).label("spent"),
    func.coalesce(func.sum(spending.c.held), 0).label("held"),
).where(
    (spending.c.of == bindparam("of"))
    & (spending.c.name == bindparam("name"))
    & spending.c.day.between(bindparam("first_day"), bindparam("last_day"))
)

CHARGES_OF = (
    select(charges).where(charges.c.user == bindparam("name")).order_by(charges.c.reserved_at, charges.c.id)
)
RENAME_CHARGES = update(charges).where(charges.c.user == bindparam("name")).values(user=bindparam("erased"))
_OF_USER = (spending.c.of == "user") & (spending.c.name == bindparam("name"))
SPENDING_OF = select(spending.c.day, spending.c.spent, spending.c.held).where(_OF_USER)
DELETE_SPENDING_OF = delete(spending).where(_OF_USER)

QUEUE = select(waiting.c.ticket, waiting.c.seen_at, waiting.c.amount, waiting.c.budgets)
ADD_TICKET = insert(waiting).returning(waiting.c.ticket)
KEEP_TICKET = (
    update(waiting)
    .where(waiting.c.ticket == bindparam("which"))
    .values(seen_at=bindparam("now"), amount=bindparam("wanted"))
)
DELETE_TICKET = delete(waiting).where(waiting.c.ticket == bindparam("which"))
DELETE_FORGOTTEN = delete(waiting).where(waiting.c.seen_at <= bindparam("before"))

SIZES = select(call_sizes.c.output_tokens, call_sizes.c.input_ratio).where(
    (call_sizes.c.model == bindparam("model")) & (call_sizes.c.purpose == bindparam("purpose"))
)
INPUT_RATIO = select(func.max(call_sizes.c.input_ratio)).where(call_sizes.c.model == bindparam("model"))


@cache
def add_spending(*, is_sqlite: bool) -> Executable:
    """Adds to the sums of an account and day, which are made where there are none."""
    adding = (sqlite.insert if is_sqlite else postgresql.insert)(spending)
    return adding.on_conflict_do_update(
        index_elements=["of", "name", "day"],
        set_={
            "spent": spending.c.spent + adding.excluded.spent,
            "held": spending.c.held + adding.excluded.held,
        },
    )


@cache
def set_sizes(*, is_sqlite: bool) -> Executable:
    """Sets what calls of a kind are like."""
    setting = (sqlite.insert if is_sqlite else postgresql.insert)(call_sizes)
    return setting.on_conflict_do_update(
        index_elements=["model", "purpose"],
        set_={
            "output_tokens": setting.excluded.output_tokens,
            "input_ratio": setting.excluded.input_ratio,
        },
    )
