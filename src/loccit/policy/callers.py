"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from loccit.core.errors import NotPermitted


class Role(StrEnum):
    """What somebody may do, each with all that the one before it may.

    A reader asks, searches, triages, verifies, and says what answers are worth. A maintainer has what is
    indexed brought up to date, and sees the runs of others on repositories they may see themselves. An admin
    brings repositories in and out, and sees and manages everything.
    """

    READER = "reader"
    MAINTAINER = "maintainer"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other one may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks a server.

    `id` is their key's, or says how else they are known; `user` is their name in budgets, runs and the audit
    log. `repositories` are the names they may see, None all. `requests_per_minute` and `usd_per_month` (in
    UTC) are their own bounds, None where only those of the settings hold.
    """

    id: str
    user: str
    role: Role
    repositories: frozenset[str] | None = None
    requests_per_minute: int | None = None
    usd_per_month: Decimal | None = None

    def require(self, role: Role, what: str) -> None:
        """Raises NotPermitted where their role does not include this one; `what` is what they wanted."""
        if not self.role.includes(role):
            raise NotPermitted(
                f"{what} needs the role {role.value!r}, this key has {self.role.value!r}",
                next_step="ask an admin for a key with that role: loccit keys create --role",
            )

    def may_see(self, repository: str) -> bool:
        """Whether they may see the repository of this name."""
        return self.repositories is None or repository in self.repositories


LOCAL = Caller("local", "", Role.ADMIN)
"""Whoever sits at the machine, as the command line knows them: there is no key, and they may do everything.
"""
