"""Jobs about repositories: asked for, looked at, followed, cancelled."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.core.errors import LoccitError
from loccit.policy.callers import Caller, Role
from loccit.serving import streaming
from loccit.serving.callers import CallerOf
from loccit.serving.cursors import Cursors
from loccit.serving.idempotency import once
from loccit.serving.jobs.values import Job, JobState
from loccit.serving.rest.repositories import utc
from loccit.serving.rest.router import router_of
from loccit.serving.rest.schemas import JobBody, JobInfo, JobInfos
from loccit.serving.service import unless_gone

if TYPE_CHECKING:
    from loccit.serving.service import Service

_LONGEST_WAIT_S = 30.0


def routes(service: Service) -> APIRouter:
    """`/v1/index-jobs`."""
    router = router_of("jobs")
    cursors = Cursors(service.loccit.secret("cursors"))
    jobs = service.jobs

    @router.post(
        "/index-jobs",
        summary="Have a repository indexed, its issues read, or it removed",
        description=(
            "The job is kept before this is answered, and done whatever happens to the server; the same one "
            "that waits already is answered with. Maintainers for repositories that they may see, admins for "
            "new locations, collections and trackers, and for removing. Takes an Idempotency-Key."
        ),
        status_code=202,
        response_model=JobInfo,
    )
    async def enqueue(request: Request, caller: CallerOf, body: JobBody) -> Response:
        async def enqueued() -> Response:
            job = await jobs.enqueue(caller, body.as_request())
            told = job_info(job, caller).model_dump_json()
            return Response(told, status_code=202, media_type="application/json")

        response = await once(service, caller, request, enqueued)
        response.headers["Location"] = f"/v1/index-jobs/{json.loads(bytes(response.body))['id']}"
        return response

    @router.get("/index-jobs", summary="Jobs, the newest first")
    async def listed(
        caller: CallerOf,
        repository: Annotated[str, Query(max_length=500)] = "",
        state: JobState | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> JobInfos:
        asked = ["jobs", repository, state, caller.id]
        before = cursors.read(cursor, asked) if cursor else None
        found = await jobs.list(caller, repository=repository, state=state, before=before, limit=limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return JobInfos(
            jobs=[job_info(job, caller) for job in page],
            next_cursor=cursors.write(page[-1].number, asked) if more else None,
        )

    @router.get(
        "/index-jobs/{job_id}",
        summary="How a job stands",
        description=(
            "With `wait_s` and the ETag of what is known (If-None-Match) the answer comes when something has "
            "changed, or after so many seconds; without the ETag when the job is over."
        ),
        response_model=JobInfo,
        responses={304: {"description": "As before (If-None-Match)"}},
    )
    async def get(
        request: Request,
        caller: CallerOf,
        job_id: str,
        wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S)] = 0.0,
    ) -> Response:
        known = request.headers.get("if-none-match", "")

        async def waited() -> Job:
            deadline = time.monotonic() + wait_s
            while True:
                job = await jobs.get(caller, job_id)
                left_s = deadline - time.monotonic()
                is_news = bool(known) and _tag(job, caller) not in known
                if is_news or job.state.is_over or left_s <= 0 or service.is_draining:
                    return job
                await jobs.changed(caller, job_id, job, wait_s=left_s)

        await request.body()
        job = await unless_gone(request, waited())
        tag = _tag(job, caller)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in known:
            return Response(status_code=304, headers=headers)
        told = job_info(job, caller).model_dump_json()
        return Response(told, media_type="application/json", headers=headers)

    @router.get(
        "/index-jobs/{job_id}/events",
        summary="Follow a job",
        description="Server-sent events: progress whenever something changes, then done; or error.",
        response_class=Response,
        responses={200: {"description": "Each event is a job", "content": {streaming.MEDIA_TYPE: {}}}},
    )
    async def events(caller: CallerOf, job_id: str) -> Response:
        await jobs.get(caller, job_id)
        entered_at = await service.streams.enter()

        async def told() -> AsyncGenerator[bytes]:
            try:
                async for job in jobs.follow(caller, job_id):
                    name = "done" if job.state.is_over else "progress"
                    yield streaming.frame(name, job_info(job, caller).model_dump_json())
            except LoccitError as error:
                yield streaming.error_frame(error)

        return streaming.EventStream(told(), left=lambda: service.streams.leave(entered_at))

    @router.delete(
        "/index-jobs/{job_id}",
        summary="Cancel a job",
        description="At once where it waits, within seconds where it runs. What it did is kept.",
        status_code=202,
    )
    async def cancel(caller: CallerOf, job_id: str) -> JobInfo:
        return job_info(await jobs.cancel(caller, job_id), caller)

    return router


def job_info(job: Job, caller: Caller) -> JobInfo:
    """A job as this caller may know it: who asked for it, and what names places, is for admins."""
    is_admin = caller.role is Role.ADMIN
    asked: dict[str, Any] = {k: v for k, v in asdict(job.request).items() if v not in ("", None)}
    if not is_admin:
        asked = {k: v for k, v in asked.items() if k not in {"location", "tracker", "collection"}}
    result = dict(job.result or {})
    if not is_admin:
        result.pop("tracker", None)
    return JobInfo(
        id=job.id,
        kind=job.request.kind.value,
        repository=job.name,
        request=asked,
        state=job.state.value,
        message=job.message,
        phase=job.phase,
        done=job.done,
        total=job.total,
        unit=job.unit,
        cancel_requested=job.is_cancelled,
        user=job.user if is_admin or caller.user == job.user else None,
        created_at=utc(job.created_at),
        started_at=None if job.started_at is None else utc(job.started_at),
        finished_at=None if job.finished_at is None else utc(job.finished_at),
        result=result if job.result is not None else None,
        problem=None if job.problem is None else _problem(job.problem, is_admin=is_admin),
    )


def _problem(kept: Any, *, is_admin: bool) -> dict[str, Any]:
    """The error as a document of RFC 9457."""
    told = {
        "type": f"urn:loccit:error:{kept['kind']}",
        "title": kept["title"],
        "status": kept["status"],
        "detail": kept["message"] if is_admin else kept["detail"],
    }
    if kept["next_step"] and (is_admin or kept["detail"] == kept["message"]):
        told["next_step"] = kept["next_step"]
    return told


def _tag(job: Job, caller: Caller) -> str:
    text = job_info(job, caller).model_dump_json()
    return f'"{hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'
