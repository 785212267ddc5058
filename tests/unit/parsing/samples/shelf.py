#!/usr/bin/env python
"""A small lending library: shelves, books and who has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

MAX_LOANS = 3
DEFAULT_SHELF: str = "fiction"


class LibraryError(Exception):
    pass


class BookMissing(LibraryError):
    pass


# What a reader may hold at a time.
@dataclass(frozen=True)
class Loan:
    """A book that somebody has."""

    title: str
    reader: str
    days: int = 14

    @property
    def is_long(self) -> bool:
        return self.days > 14

    def renewed(self, days: int) -> Loan:
        """The same loan with more time.

        The days count from today and replace what was left, because readers are told the new date only.
        """
        if days < 1:
            raise LibraryError(f"days is {days!r}, expected at least 1")
        return Loan(self.title, self.reader, days)


class Library:
    """Shelves by name, and the loans that are out."""

    shelves: dict[str, list[str]]
    loans: list[Loan]

    def __init__(
        self,
        folder: Path,  # where the shelves are kept
    ) -> None:
        self.folder = folder
        self.shelves = {}
        self.loans = []
        for path in sorted(folder.glob("*.json")):
            self.shelves[path.stem] = json.loads(path.read_text())

    def lend(self, title: str, reader: str) -> Loan:
        """Lend a book, if it is on a shelf and the reader may have another one."""

        def may_have_another() -> bool:
            return sum(loan.reader == reader for loan in self.loans) < MAX_LOANS

        if not any(title in books for books in self.shelves.values()):
            raise BookMissing(title)
        if not may_have_another():
            raise LibraryError(reader)
        loan = Loan(title, reader)
        self.loans.append(loan)
        return loan

    # Names are compared without case, since
    # readers type them by hand.

    @staticmethod
    def same_reader(one: str, other: str) -> bool:
        return one.casefold() == other.casefold()


def report(library: Library) -> str:
    """Everything about a library, one fact per line."""
    lines = []
    for name, books in library.shelves.items():
        lines.append(f"shelf {name}: {len(books)} books")
        for book in sorted(books):
            lent = [loan for loan in library.loans if loan.title == book]
            if not lent:
                lines.append(f"  {book}: on the shelf")
            elif len(lent) == 1:
                lines.append(f"  {book}: with {lent[0].reader} for {lent[0].days} days")
            else:
                readers = ", ".join(sorted(loan.reader for loan in lent))
                lines.append(f"  {book}: several copies, with {readers}")

    # Readers come after the shelves, the busiest first.
    counts: dict[str, int] = {}
    for loan in library.loans:
        counts[loan.reader] = counts.get(loan.reader, 0) + 1
    for reader, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count == MAX_LOANS:
            lines.append(f"reader {reader}: {count} books, no more may be lent")
        elif count > MAX_LOANS:
            lines.append(f"reader {reader}: {count} books, which is too many; ask for some of them back")
        else:
            lines.append(f"reader {reader}: {count} books")

    # What was lent for long is listed once more, so that somebody looks at it.
    overdue = [loan for loan in library.loans if loan.is_long]
    if overdue:
        lines.append("long loans:")
        for loan in sorted(overdue, key=lambda loan: (loan.days, loan.title)):
            lines.append(f"  {loan.title}: {loan.days} days, with {loan.reader}")
    else:
        lines.append("no long loans")

    # Totals close the report.
    total = sum(len(books) for books in library.shelves.values())
    lines.append(f"total: {total} books on {len(library.shelves)} shelves, {len(library.loans)} of them lent")
    if total and len(library.loans) * 2 > total:
        lines.append(
            "more than half of the books are out; think about buying second copies of those often lent"
        )
    elif not total:
        lines.append("there are no books at all, which is odd for a library; look at the folder's name")
    if any(not books for books in library.shelves.values()):
        empty = ", ".join(sorted(name for name, books in library.shelves.items() if not books))
        lines.append(f"empty shelves: {empty}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(Library(Path.cwd())))
