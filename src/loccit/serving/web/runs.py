"""What was asked: a list of runs, and one of them as a waterfall of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.policy.callers import Caller, Role
from loccit.serving.callers import CallerOf
from loccit.serving.web.pages import PageRoute, Pages, url

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service
    from loccit.telemetry.records import RunRecord, RunSummary, SpanRecord

_PAGE = 50
# Records that are read to find those that somebody may see.
_MOST_READ = 400
# What stands in words or columns already.
_TOLD = frozenset({"question", "message"})
_WIDTH = 1_000


@dataclass(frozen=True, slots=True)
class SpanView:
    """A part of a run: `x` and `width` are thousandths of it."""

    name: str
    depth: int
    x: float
    width: float
    took_ms: float
    about: str
    error: str
    is_call: bool


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/runs` and `/runs/{id}/parts`."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/runs")
    async def runs(
        request: Request,
        caller: CallerOf,
        everybody: bool = False,
        kind: Annotated[str, Query(max_length=40)] = "",
        first: Annotated[int, Query(ge=0, le=1_000_000, alias="from")] = 0,
    ) -> Response:
        if everybody:
            caller.require(Role.MAINTAINER, "seeing the runs of others")
        found = await service.book(
            lambda loccit: visible_runs(
                service, loccit, caller, everybody=everybody, kind=kind, limit=first + _PAGE + 1
            )
        )
        more = len(found) > first + _PAGE
        chosen = {"everybody": "1" if everybody else None, "kind": kind}
        return pages.show(
            request,
            "runs.html",
            caller=caller,
            runs=found[first : first + _PAGE],
            everybody=everybody,
            run_kind=kind,
            may_see_all=caller.role.includes(Role.MAINTAINER),
            before_url=url("/runs", **chosen, **{"from": max(0, first - _PAGE) or None}) if first else "",
            after_url=url("/runs", **chosen, **{"from": first + _PAGE}) if more else "",
        )

    @router.get("/runs/{run_id}/parts")
    async def parts(request: Request, caller: CallerOf, run_id: str) -> Response:
        record = await service.record(caller, run_id)
        return pages.show(
            request,
            "parts.html",
            caller=caller,
            run=record,
            spans=tuple(_spans(record)),
            ticks=_ticks(record),
        )

    return router


def visible_runs(
    service: Service,
    loccit: Loccit,
    caller: Caller,
    *,
    everybody: bool,
    kind: str = "",
    since: float | None = None,
    limit: int | None = None,
) -> tuple[RunSummary, ...]:
    """The newest runs that a caller may see: their own, or with `everybody` those of others too."""
    from datetime import UTC, datetime

    after = None if since is None else datetime.fromtimestamp(since, UTC)
    sees_all = caller.role is Role.ADMIN or caller.repositories is None
    every = loccit.runs(
        limit=limit if not everybody or sees_all else _MOST_READ,
        since=after,
        kind=kind or None,
        user=None if everybody else caller.user,
    )
    if everybody and not sees_all:
        every = tuple(one for one in every if service.may_read(caller, loccit.run(one.id)))
    return every


def _spans(record: RunRecord) -> Iterator[SpanView]:
    """The parts of a run, each below the one that it belongs to, in order of time."""
    below: dict[int, list[SpanRecord]] = {}
    for span in record.spans:
        # A span belongs to one that began before it.
        below.setdefault(span.parent if span.parent < span.number else -1, []).append(span)
    yield from _rows(below, -1, 0, max(record.took_ms, 1e-3))


def _rows(below: dict[int, list[SpanRecord]], parent: int, depth: int, whole_ms: float) -> Iterator[SpanView]:
    for span in sorted(below.get(parent, ()), key=lambda one: (one.started_ms, one.number)):
        told = (
            f"{name} {value}" for name, value in span.attributes.items() if name not in _TOLD and value != ""
        )
        start = min(span.started_ms, whole_ms)
        yield SpanView(
            name=span.name,
            depth=min(depth, 12),
            x=_WIDTH * start / whole_ms,
            width=max(3.0, _WIDTH * min(span.took_ms, whole_ms - start) / whole_ms),
            took_ms=span.took_ms,
            about=", ".join(told),
            error=span.error,
            is_call="model" in span.attributes,
        )
        yield from _rows(below, span.number, depth + 1, whole_ms)


def _ticks(record: RunRecord) -> Sequence[float]:
    """Milliseconds at the quarters of a run."""
    return [record.took_ms * part / 4 for part in range(5)]
