"""What was, or would have been, said of each issue that a tracker told of, and what became of the issue."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loccit.storage.database import Database

_NEW: dict[str, Any] = {
    "seen_at": 0.0,
    "text_sha256": "",
    "is_quiet": 0,
    "triaged_at": None,
    "mode": "",
    "run": "",
    "triage": "",
    "said": "",
    "comment": "",
    "written": "",
    "fixed_at": None,
    "fix": "",
    "fix_files": "[]",
    "duplicate_of": "",
    "not_duplicate": 0,
    "corrected_files": "[]",
}


@dataclass(frozen=True, slots=True)
class TriagedIssue:
    """An issue of a tracker, its newest triage, and what is known of it since. Times are seconds since the
    epoch.

    `tracker` is written as after `--from`, `issue` is its id there, `repo` the indexed repository's name.
    `seen_at` is when the issue was as it was read, by the tracker's clock; `text_sha256` is over its title
    and body. `triage` is a loccit-triage/1 document, `said` the comment that was (mode `comment`) or would
    have been (mode `shadow`) written, `comment` its id and `written` the SHA-256 of its text there. `fix` is
    the change or commit that mended it, with the paths it changed. `duplicate_of`, `not_duplicate` and
    `corrected_files` are what maintainers say.
    """

    tracker: str
    issue: str
    repo: str
    seen_at: float = 0.0
    text_sha256: str = ""
    is_quiet: bool = False
    triaged_at: float | None = None
    mode: str = ""
    run: str = ""
    triage: str = ""
    said: str = ""
    comment: str = ""
    written: str = ""
    fixed_at: float | None = None
    fix: str = ""
    fix_files: tuple[str, ...] = ()
    duplicate_of: str = ""
    not_duplicate: bool = False
    corrected_files: tuple[str, ...] = ()


class TriagedIssues:
    """The issues that trackers told of. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tracker: str, issue: str) -> TriagedIssue | None:
        """One of them. Raises StorageFailed."""
        from sqlalchemy import select

        from loccit.storage.tables import triaged_issues as table

        query = select(table).where((table.c.tracker == tracker) & (table.c.issue == issue))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else _issue(dict(row))

    def change(self, tracker: str, issue: str, repo: str, **changed: Any) -> TriagedIssue:
        """What is known of an issue, after these fields of it were changed; it is entered where it is not
        there. Raises StorageFailed.
        """
        from sqlalchemy import select
        from sqlalchemy.dialects import postgresql, sqlite

        from loccit.storage.tables import triaged_issues as table

        row = {name: _kept(value) for name, value in changed.items()} | {"repo": repo}
        here = (table.c.tracker == tracker) & (table.c.issue == issue)
        dialect = sqlite if self._database.is_sqlite else postgresql
        entering = dialect.insert(table).on_conflict_do_nothing()
        with self._database.writing() as connection:
            connection.execute(entering, {"tracker": tracker, "issue": issue, **_NEW, **row})
            connection.execute(table.update().where(here).values(**row))
            return _issue(dict(connection.execute(select(table).where(here)).mappings().one()))

    def list(self, *, repo: str | None = None, since: float | None = None) -> tuple[TriagedIssue, ...]:
        """Those that were triaged, by time; of one repository, and since then, where that is given. Raises
        StorageFailed.
        """
        from sqlalchemy import select

        from loccit.storage.tables import triaged_issues as table

        query = select(table).where(table.c.triaged_at.is_not(None)).order_by(table.c.triaged_at)
        if repo is not None:
            query = query.where(table.c.repo == repo)
        if since is not None:
            query = query.where(table.c.triaged_at >= since)
        with self._database.reading() as connection:
            return tuple(_issue(dict(row)) for row in connection.execute(query).mappings())

    def fixed(self, tracker: str, issues: Sequence[str], repo: str, fix: str, files: Sequence[str]) -> int:
        """Remember what mended these issues; the first fix of an issue stays. How many were not mended
        yet.
        """
        mended = 0
        for issue in issues:
            known = self.get(tracker, issue)
            if known is None or known.fixed_at is None:
                self.change(tracker, issue, repo, fixed_at=time.time(), fix=fix, fix_files=tuple(files))
                mended += 1
        return mended


def _kept(value: Any) -> Any:
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


def _issue(row: dict[str, Any]) -> TriagedIssue:
    row |= {name: tuple(json.loads(row[name])) for name in ("fix_files", "corrected_files")}
    row |= {name: bool(row[name]) for name in ("is_quiet", "not_duplicate")}
    return TriagedIssue(**row)
