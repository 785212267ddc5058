"""What is indexed: how old it is, how far behind, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from loccit.core.permalinks import permalink
from loccit.policy.callers import Role
from loccit.serving.callers import CallerOf
from loccit.serving.service import unless_gone
from loccit.serving.web.pages import PageRoute, Pages

if TYPE_CHECKING:
    from loccit.library import RepositoryStatus
    from loccit.serving.service import Service


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository. `state` is in words, `tone` good, warning or bad; `problem` is for admins."""

    name: str
    collections: tuple[str, ...]
    state: str
    tone: str
    problem: str
    at: str
    host_url: str | None
    indexed_at: float | None
    files: int
    skipped: tuple[tuple[str, int], ...]
    commits: int | None
    index_bytes: int
    snapshots: int


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/repositories`."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/repositories")
    async def repositories(request: Request, caller: CallerOf) -> Response:
        found = await unless_gone(request, service.run(caller, lambda loccit: loccit.status()))
        shown = tuple(_view(one, pages, is_admin=caller.role is Role.ADMIN) for one in found)
        return pages.show(request, "repositories.html", caller=caller, repositories=shown)

    return router


def _view(status: RepositoryStatus, pages: Pages, *, is_admin: bool) -> RepositoryView:
    latest = max(status.snapshots, key=lambda one: one.indexed_at, default=None)
    name = status.repository.name
    if status.problem:
        state, tone = "cannot be read now", "bad"
    elif latest is None:
        state, tone = "not indexed yet", "warning"
    elif status.is_stale:
        state, tone = "behind: HEAD has moved since", "warning"
    else:
        state, tone = "up to date", "good"
    at = (latest.commit or latest.tree) if latest else ""
    return RepositoryView(
        name=name,
        collections=status.collections,
        state=state,
        tone=tone,
        problem=status.problem if is_admin else "",
        at=at[:12],
        host_url=pages.link(permalink(name, latest.commit, None, None, None)) if latest else None,
        indexed_at=latest.indexed_at if latest else None,
        files=latest.files if latest else 0,
        skipped=tuple(sorted(latest.skipped.items())) if latest else (),
        commits=status.history.files if status.history else None,
        index_bytes=status.index_bytes,
        snapshots=len(status.snapshots),
    )
