"""What a commit says of itself, beside its message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loccit.core.encodings import encoding_of

_PERSON = re.compile(rb"^(author|committer) (.*?) ?<[^\n]*?> (\d{1,12}) [+-]\d{4}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """A commit: its author's name, when it was committed (seconds since the epoch; None where the object does
    not say) and the first line of its message.
    """

    commit: str
    author: str
    time: int | None
    subject: str


def commit_facts(commit: str, data: bytes) -> CommitFacts:
    """What the object of a commit (as `git cat-file commit` prints it) says."""
    header, _, message = data.partition(b"\n\n")
    encoding = encoding_of(data)
    people = {role: (name, int(time)) for role, name, time in _PERSON.findall(header)}
    author = people.get(b"author", (b"", 0))[0]
    committer = people.get(b"committer")
    return CommitFacts(
        commit=commit,
        author=author.decode(encoding, "replace"),
        time=committer[1] if committer else None,
        subject=message.lstrip().partition(b"\n")[0].decode(encoding, "replace").rstrip(),
    )
