"""What a job does, and what comes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from loccit.core.errors import LoccitError, NotIndexed
from loccit.serving.jobs.places import check_location, check_tracker, guarded
from loccit.serving.jobs.values import Job, JobKind
from loccit.serving.problems import kind_of, message_of, status_of

if TYPE_CHECKING:
    from loccit.core.progress import Progress
    from loccit.indexing.catalogue import KnownRepository
    from loccit.library import Loccit
    from loccit.settings import Settings


def work(job: Job, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Do it; the result as JSON can hold it. It may be killed and done again. Raises LoccitError."""
    began = time.monotonic()
    request = job.request
    check_location(request.location)
    loccit = guarded(settings, progress=progress, is_new=bool(request.location))
    match request.kind:
        case JobKind.INDEX:
            result = _index(loccit, job)
        case JobKind.SYNC:
            result = _sync(loccit, job, settings)
        case JobKind.REMOVE:
            result = _remove(loccit, job)
    return {**result, "seconds": round(time.monotonic() - began, 3)}


def problem_of_job(error: LoccitError) -> dict[str, Any]:
    """An error as a job keeps it: `message` and `next_step` for admins, `detail` for everybody."""
    return {
        "kind": kind_of(error),
        "status": status_of(error).value,
        "title": status_of(error).phrase,
        "message": error.message,
        "next_step": error.next_step,
        "detail": message_of(error),
    }


def _index(loccit: Loccit, job: Job) -> dict[str, Any]:
    request = job.request
    report = loccit.index(
        request.location or _known(loccit, job).location,
        rev=request.rev,
        collection=request.collection,
        history=request.history,
        rebuild=request.rebuild,
    )
    files, history = report.files, report.history
    return {
        "repository": report.repository.name,
        "commit": files.snapshot.commit,
        "tree": files.snapshot.tree,
        "files": files.snapshot.files,
        "files_read": files.parsed,
        "commits": None if history is None else history.snapshot.files,
        "commits_read": None if history is None else history.parsed,
    }


def _sync(loccit: Loccit, job: Job, settings: Settings) -> dict[str, Any]:
    name, tracker = _known(loccit, job).name, job.request.tracker
    if tracker:
        check_tracker(tracker, settings.serving)
    report = loccit.sync_issues(name, tracker or None, full=job.request.full)
    return {
        "repository": name,
        "tracker": report.source,
        "added": report.added,
        "changed": report.changed,
        "deleted": report.deleted,
        "issues": report.total,
    }


def _remove(loccit: Loccit, job: Job) -> dict[str, Any]:
    try:
        return {"repository": loccit.remove(_known(loccit, job).name).name}
    except NotIndexed:
        if job.attempts == 1:
            raise
        # The one who began with it was killed after it was gone.
        return {"repository": job.name}


def _known(loccit: Loccit, job: Job) -> KnownRepository:
    """The repository that the job is about, which may be called otherwise by now. Raises NotIndexed."""
    found = next((known for known in loccit.known() if known.key == job.key), None)
    if found is None:
        raise NotIndexed(f"{job.name!r} is not indexed any more", next_step="index it by its location")
    return found
