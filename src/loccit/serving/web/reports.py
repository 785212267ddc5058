"""Reports of evaluations: what `loccit eval run` wrote into the home folder, each as its own page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from loccit.core.errors import MalformedLog, NotFound, SourceUnreadable
from loccit.policy.callers import Caller, Role
from loccit.serving.callers import CallerOf
from loccit.serving.service import unless_gone
from loccit.serving.web.pages import PageRoute, Pages

if TYPE_CHECKING:
    from loccit.evals.log import EvalLog
    from loccit.library import Loccit
    from loccit.serving.service import Service

_MOST = 50
_NAME = re.compile(r"[\w.-]{1,200}")
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


_NOTHING = "default-src 'none'"


@dataclass(frozen=True, slots=True)
class LogView:
    """A log in the list. `at` is when it was written, in seconds since the epoch."""

    task: str
    name: str
    at: float
    system: str
    samples: int
    is_complete: bool


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/reports`, for maintainers."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/reports")
    async def reports(request: Request, caller: CallerOf) -> Response:
        caller.require(Role.MAINTAINER, "seeing reports of evaluations")
        found = await unless_gone(request, service.run(caller, lambda loccit: _list(loccit, caller)))
        return pages.show(request, "reports.html", caller=caller, logs=found)

    @router.get("/reports/{task}/{name}")
    async def report(request: Request, caller: CallerOf, task: str, name: str) -> Response:
        caller.require(Role.MAINTAINER, "seeing reports of evaluations")
        page = await unless_gone(
            request, service.run(caller, lambda loccit: _page(loccit, caller, task, name))
        )
        # The page brings its own style and no script: its policy knows the one by its hash, and forbids the
        # other. The header says so too, for whatever might come before that in the page.
        own = _POLICY.search(page)
        policy = f"{own[1] if own else _NOTHING}; frame-ancestors 'none'; sandbox allow-popups"
        headers = {"Content-Security-Policy": policy, "Cache-Control": "private, no-store"}
        return HTMLResponse(page, headers=headers)

    return router


def _folder(loccit: Loccit) -> Path:
    return loccit.home / "evals" / "logs"


def _list(loccit: Loccit, caller: Caller) -> tuple[LogView, ...]:
    """The newest logs that a caller may see; what cannot be read is left out."""
    paths = sorted(_folder(loccit).glob("*/*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    found: list[LogView] = []
    for path in paths[:_MOST]:
        try:
            log = _read(path)
        except (MalformedLog, SourceUnreadable):
            continue
        if _may_see(caller, log):
            found.append(
                LogView(
                    task=path.parent.name,
                    name=path.stem,
                    at=path.stat().st_mtime,
                    system=f"{log.header.system.kind} {log.header.system.name}".strip(),
                    samples=log.header.dataset.samples,
                    is_complete=log.is_complete,
                )
            )
    return tuple(found)


def _page(loccit: Loccit, caller: Caller, task: str, name: str) -> str:
    from loccit.evals.judge_calibration import CalibrationStore
    from loccit.evals.report import render
    from loccit.evals.run_page import page_of_run
    from loccit.evals.summary import calibrated_judges

    missing = NotFound(f"there is no report {f'{task}/{name}'!r}", next_step="see what there is: /reports")
    if not (_NAME.fullmatch(task) and _NAME.fullmatch(name)) or task.strip(".") == "":
        raise missing
    path = _folder(loccit) / task / f"{name}.jsonl"
    if not path.is_file():
        raise missing
    log = _read(path)
    if not _may_see(caller, log):
        raise missing
    calibrated = {}
    if any(metric.judge for metric in log.metrics.values()):
        calibrated = calibrated_judges((log,), CalibrationStore(loccit.calibrations).all())
    return render(page_of_run(log, calibrated))


def _read(path: Path) -> EvalLog:
    from loccit.evals.log import read_log

    return read_log(path)


def _may_see(caller: Caller, log: EvalLog) -> bool:
    """Whether a caller may see a log; who may not see everything, if every sample names what they may."""
    if caller.repositories is None:
        return True
    return all(caller.may_see(sample.repo) for sample in log.samples.values())
