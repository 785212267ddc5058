"""Runs, what people say of them, and what it all cost."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.policy.callers import Role
from loccit.serving.callers import CallerOf
from loccit.serving.cursors import Cursors
from loccit.serving.idempotency import once
from loccit.serving.rest.repositories import utc
from loccit.serving.rest.router import router_of
from loccit.serving.rest.schemas import Cost, Feedback, FeedbackBody, RunLine, Runs

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service
    from loccit.telemetry.records import RunSummary


def routes(service: Service) -> APIRouter:
    """`/v1/runs`, `/v1/cost`."""
    router = router_of("runs")
    cursors = Cursors(service.loccit.secret("cursors"))

    @router.get(
        "/runs",
        summary="What was asked",
        description="Your own runs; a maintainer sees with `everybody` those on repositories they may see.",
    )
    async def runs(
        caller: CallerOf,
        kind: Annotated[str | None, Query(max_length=40)] = None,
        since: datetime | None = None,
        everybody: bool = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Runs:
        if everybody:
            caller.require(Role.MAINTAINER, "seeing the runs of others")
        asked = [kind, since and since.isoformat(), everybody, caller.id]
        first = cursors.read(cursor, asked) if cursor else 0

        def found(loccit: Loccit) -> tuple[list[RunSummary], bool]:
            after = since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
            every = loccit.runs(
                limit=None if everybody else first + limit + 1,
                since=after,
                kind=kind,
                user=None if everybody else caller.user,
            )
            if everybody and not (caller.role is Role.ADMIN or caller.repositories is None):
                every = tuple(one for one in every if service.may_read(caller, loccit.run(one.id)))
            return list(every[first : first + limit]), len(every) > first + limit

        page, more = await service.book(found)
        return Runs(
            runs=[_line(one) for one in page],
            next_cursor=cursors.write(first + limit, asked) if more else None,
        )

    @router.get(
        "/runs/{run_id}",
        summary="The record of a run",
        description="A loccit-run/1 document: what was asked and answered, its parts, calls and cost.",
        response_class=Response,
        responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    )
    async def run(caller: CallerOf, run_id: str) -> Response:
        record = await service.record(caller, run_id)
        return Response(record.model_dump_json(), media_type="application/json")

    @router.post(
        "/runs/{run_id}/feedback",
        summary="Say what an answer is worth",
        description="Corrections become samples of evaluations. Takes an Idempotency-Key.",
        response_model=Feedback,
    )
    async def feedback(request: Request, caller: CallerOf, run_id: str, body: FeedbackBody) -> Response:
        async def rated() -> Response:
            record = await service.record(caller, run_id)
            rating = await service.book(
                lambda loccit: loccit.rate_run(
                    record.id,
                    good=body.thumb == "up",
                    correction=body.correction,
                    files=tuple(body.files),
                    user=caller.user,
                )
            )
            told = Feedback(
                run=rating.run,
                user=rating.user,
                at=utc(rating.at),
                thumb=rating.thumb.value,
                correction=rating.correction,
                files=list(rating.files),
            )
            return Response(told.model_dump_json(), media_type="application/json")

        return await once(service, caller, request, rated)

    @router.get(
        "/cost",
        summary="What models did cost",
        description="By day, model, user, team or purpose, with the budgets; for admins.",
    )
    async def cost(
        caller: CallerOf,
        by: Literal["day", "model", "user", "team", "purpose"] = "day",
        since: date | None = None,
        until: date | None = None,
    ) -> Cost:
        caller.require(Role.ADMIN, "seeing what everybody spends")
        found = await service.book(lambda loccit: loccit.cost(by, since=since, until=until))
        return Cost(
            usd=str(found.usd),
            rows=[_plain(asdict(row)) for row in found.rows],
            budgets=[_plain(asdict(row)) for row in found.budgets],
        )

    return router


def _line(run: RunSummary) -> RunLine:
    facts: dict[str, Any] = {**asdict(run), "started_at": utc(run.started_at), "cost_usd": str(run.cost_usd)}
    return RunLine(**facts)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, int | float | str | None) else str(v) for k, v in row.items()}
