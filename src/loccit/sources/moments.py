"""Moments of a history: its tags, where its branch was at a time, and what came between two commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from loccit.core.errors import ObjectMissing, RevisionNotFound
from loccit.core.source import Tag
from loccit.sources.git import GitView, complaint

# The object and its time, or, of an annotated tag, those of the object that it names.
_TAG_FORM = (
    "%(refname:lstrip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00"
    "%(creatordate:unix)"
)


def read_tags(view: GitView) -> tuple[Tag, ...]:
    """The tags that name commits, oldest first."""
    listing = view.run("for-each-ref", "--sort=creatordate", f"--format={_TAG_FORM}", "refs/tags")
    tags: list[Tag] = []
    for line in listing.stdout.decode("utf-8", "replace").split("\n")[:-1]:
        name, kind, commit, peeled_kind, peeled, made = line.split("\0")
        if "commit" in (kind, peeled_kind):
            tags.append(Tag(name, peeled or commit, int(made) if made.isdecimal() else 0))
    return tuple(tags)


def reachable_without(view: GitView, tip: str, excluded: Sequence[str]) -> frozenset[str]:
    """The commits reachable from `tip` but not from any in `excluded`. Raises ObjectMissing."""
    listing = view.run("rev-list", "--end-of-options", tip, *(f"^{commit}" for commit in excluded))
    if listing.returncode:
        raise ObjectMissing(
            f"cannot follow {tip}: {complaint(listing.stderr)}",
            next_step="fetch the rest of the repository: 'git fetch --refetch'",
        )
    return frozenset(listing.stdout.decode("ascii").split())


def commit_at(view: GitView, tip: str, time: int) -> str:
    """The newest commit of `tip`'s own branch that is not younger than `time`.

    Only first parents are followed: a commit of another branch was there on no earlier day than its merge.
    Raises RevisionNotFound where the history begins later.
    """
    arguments = ["rev-list", "--first-parent", "--max-count=1", f"--before={time}"]
    found = view.run(*arguments, "--end-of-options", tip).stdout.decode("ascii").strip()
    if not found:
        day = datetime.fromtimestamp(time, UTC).date().isoformat()
        raise RevisionNotFound(
            f"there was no commit yet on {day}", next_step="name a later date, or a commit"
        )
    return found
