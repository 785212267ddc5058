"""Going through a list that is sorted by time of change, so that nothing slips through while it changes.

Page numbers would lose entries: one that changes meanwhile moves to the end, and the page after it begins one
entry late. So each request asks for what has changed since the last entry that came, and follows the
`Link` header only through a whole page of one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loccit.core.errors import TrackerRefused, TrackerUnreachable
from loccit.sources.issues.api import Api, ApiAnswer

_PAGE_ENTRIES = "100"


@dataclass(frozen=True, slots=True)
class SortedList:
    """A list of an interface: its path, its fixed parameters, and the one that names the earliest change."""

    path: str
    parameters: Mapping[str, str]
    since: str


def changed_entries(
    api: Api, sought: SortedList, position: Mapping[str, Any]
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Pages of entries that changed after `position` ({} for all), oldest change first.

    Each comes with the position after it; entries of the position itself are not given again.
    """
    at: dict[str, Any] = dict(position)
    next_url: str | None = None
    while True:
        answer = _page(api, sought, at, next_url)
        if answer.status == 304:
            return
        entries = answer.items()
        fresh = [entry for entry in entries if not _is_known(entry, at)]
        asked_since = at.get("since")
        at = _after(at, entries, answer)
        if fresh or at != position:
            yield fresh, at
        if answer.next_url is None:
            return
        next_url = answer.next_url if at.get("since") == asked_since else None


def position_before(position: Mapping[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The position when of a page only the first `entries` have been dealt with."""
    at = dict(position)
    at.pop("etag", None)
    return _after(at, entries, None)


def moment_of(entry: Mapping[str, Any]) -> str:
    """When an entry changed last, as its interface writes it; such texts sort by time."""
    moment = entry.get("updated_at")
    if not isinstance(moment, str) or not moment:
        raise TrackerUnreachable(f"an entry has {moment!r} as its 'updated_at', expected a time")
    return moment


def _page(api: Api, sought: SortedList, at: Mapping[str, Any], next_url: str | None) -> ApiAnswer:
    if next_url is not None:
        answer = api.get(next_url)
    else:
        since = {sought.since: at["since"]} if at.get("since") else {}
        parameters = {**sought.parameters, "per_page": _PAGE_ENTRIES, **since}
        answer = api.get(sought.path, parameters, etag=at.get("etag", ""))
    if answer.status not in (200, 304):
        raise not_there(answer)
    return answer


def not_there(answer: ApiAnswer) -> TrackerRefused:
    """The error for a list that an interface does not have."""
    return TrackerRefused(
        f"{answer.url!r} answers with status {answer.status}",
        next_step="check the name of the repository; a private one needs a token that may read its issues",
    )


def _is_known(entry: Mapping[str, Any], at: Mapping[str, Any]) -> bool:
    return moment_of(entry) == at.get("since") and entry.get("id") in at.get("ids", ())


def _after(at: Mapping[str, Any], entries: list[dict[str, Any]], answer: ApiAnswer | None) -> dict[str, Any]:
    """The position after these entries: the last moment, and the ids of that moment."""
    before = at.get("since", "")
    since = max([before, *(moment_of(entry) for entry in entries)])
    ids = {entry.get("id") for entry in entries if moment_of(entry) == since}
    if since == before:
        ids |= set(at.get("ids", ()))
    # A tag stands for the answer to one request, which the next one repeats only if nothing moved on.
    etag = answer.etag if answer is not None and since == before and answer.next_url is None else ""
    found: dict[str, Any] = {"since": since, "ids": sorted(ids, key=str)}
    return {**found, "etag": etag} if etag else found
