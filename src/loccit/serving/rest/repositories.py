"""What is indexed, and what this server is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter

from loccit import __version__
from loccit.policy.callers import Role
from loccit.serving.callers import CallerOf
from loccit.serving.rest.router import router_of
from loccit.serving.rest.schemas import Collections, Repositories, RepositoryInfo, Status

if TYPE_CHECKING:
    from loccit.library import RepositoryStatus
    from loccit.serving.service import Service


def routes(service: Service) -> APIRouter:
    """`/v1/repositories`, `/v1/collections`, `/v1/status`."""
    router = router_of("repositories")

    @router.get("/repositories", summary="What may be asked")
    async def repositories(caller: CallerOf) -> Repositories:
        found = await service.run(caller, lambda loccit: loccit.status())
        return Repositories(repositories=[repository_info(one) for one in found])

    @router.get("/collections", summary="Named sets of repositories")
    async def collections(caller: CallerOf) -> Collections:
        found = await service.run(caller, lambda loccit: loccit.collections())
        return Collections(collections={name: list(names) for name, names in found.items()})

    @router.get("/status", summary="What this server is, and what the key may")
    async def status(caller: CallerOf) -> Status:
        names = await service.run(caller, lambda loccit: loccit.names())
        # How busy others keep the server is not for everybody.
        tells_all = caller.role is Role.ADMIN
        return Status(
            version=__version__,
            model=service.loccit.settings.models.answer,
            user=caller.user,
            role=caller.role.value,
            repositories=len(names),
            under_way=service.calls.inside + service.answers.inside if tells_all else None,
            waiting=service.calls.waiting + service.answers.waiting if tells_all else None,
        )

    return router


def repository_info(status: RepositoryStatus) -> RepositoryInfo:
    """A repository without what is only for those who run the server."""
    latest = max(status.snapshots, key=lambda one: one.indexed_at, default=None)
    return RepositoryInfo(
        name=status.repository.name,
        collections=list(status.collections),
        commit=latest.commit if latest else None,
        tree=latest.tree if latest else None,
        indexed_at=utc(latest.indexed_at) if latest else None,
        files=latest.files if latest else 0,
        skipped=dict(sorted(latest.skipped.items())) if latest else {},
        history_commits=status.history.files if status.history else None,
        is_behind=status.is_stale,
        readable=not status.problem,
    )


def utc(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
