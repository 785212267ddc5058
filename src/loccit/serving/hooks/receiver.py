"""Taking deliveries in: who sends them is checked before anything in them is believed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from loccit.core.errors import InputError, NotAuthenticated, NotPermitted, SettingsError
from loccit.serving.admission import Rates
from loccit.serving.hooks import github, gitlab
from loccit.serving.hooks.deliveries import KEPT_S, Deliveries
from loccit.serving.hooks.events import subject_of
from loccit.serving.hooks.payloads import Told, document_of
from loccit.serving.hooks.signatures import is_from_github, is_from_gitlab
from loccit.settings import tracker_secret

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.options import TrackerOptions
    from loccit.serving.service import Service

_FORGED_PER_MINUTE = 60
_MOST_ID_CHARS = 200

_Check = Callable[[str, Mapping[str, str], bytes], bool]
_CHECKS: dict[str, _Check] = {"github": is_from_github, "gitlab": is_from_gitlab}


def routes(service: Service) -> APIRouter:
    """`/hooks/github` and `/hooks/gitlab`."""
    # Trackers know what they send; no client of ours calls these.
    router = APIRouter(prefix="/hooks", include_in_schema=False)
    receiver = Receiver(service)

    @router.post("/github")
    async def from_github(request: Request) -> JSONResponse:
        return await receiver.take_in("github", request)

    @router.post("/gitlab")
    async def from_gitlab(request: Request) -> JSONResponse:
        return await receiver.take_in("gitlab", request)

    return router


class Receiver:
    """Keeps what comes from the trackers of the settings, and refuses all else."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._forged = Rates(_FORGED_PER_MINUTE, workers=service.options.workers)

    async def take_in(self, kind: str, request: Request) -> JSONResponse:
        """202 with what becomes of the delivery: `accepted`, `known` where it came before, or `ignored`.

        Raises NotAuthenticated, RateLimited for an address that forges, InputError for what is signed and
        not understood.
        """
        body = await request.body()
        senders = self._senders(kind, request.headers, body)
        if not senders:
            self._forged.take(request.client.host if request.client else "", None)
            raise NotAuthenticated(
                "the delivery is not signed by a tracker that this server knows",
                next_step="compare the secret at the tracker with that in the environment of the server",
            )
        document = document_of(body, request.headers.get("content-type", ""))
        name = request.headers.get("x-github-event", "")
        told = github.read(name, document) if kind == "github" else gitlab.read(document)
        tracker = next((one for one in senders if told is not None and _is_of(one, told)), None)
        if told is None or told.event is None or tracker is None:
            return _answer("ignored")
        if told.at is not None and told.at < time.time() - KEPT_S:
            # What is so old is no longer among those that came before: it may be the second time.
            raise NotPermitted("the delivery tells of something that is days old", next_step="let it go")
        event = told.event
        delivery = _id_of(kind, request.headers, body)
        digest = hashlib.sha256(body).hexdigest()

        def keep(loccit: Loccit) -> bool:
            return Deliveries(loccit.database()).add(
                tracker.tracker,
                delivery,
                digest,
                subject=subject_of(tracker.tracker, event),
                event=event.model_dump_json(),
            )

        is_new = await self._service.book(keep)
        if is_new:
            self._service.deliveries_came.set()
        return _answer("accepted" if is_new else "known")

    def _senders(self, kind: str, headers: Mapping[str, str], body: bytes) -> list[TrackerOptions]:
        """The trackers whose secret the delivery was signed with. Every one is tried: how long it takes says
        nothing.
        """
        found: list[TrackerOptions] = []
        verdicts: dict[str, bool] = {}
        for tracker in self._service.options.trackers:
            if tracker.kind != kind:
                continue
            secret = tracker_secret(tracker.secret_variable)
            if secret is None:
                raise SettingsError(
                    f"the environment variable {tracker.secret_variable!r} holds no secret",
                    next_step=f"set it to the secret of the webhook of {tracker.project!r}",
                )
            if secret not in verdicts:
                verdicts[secret] = _CHECKS[kind](secret, headers, body)
            if verdicts[secret]:
                found.append(tracker)
        return found


def _is_of(tracker: TrackerOptions, told: Told) -> bool:
    return (tracker.web_host, tracker.project.lower()) == (told.host, told.project.lower())


def _id_of(kind: str, headers: Mapping[str, str], body: bytes) -> str:
    """The tracker's id of the delivery; GitLabs that send none are known by the bytes alone."""
    names = ("x-github-delivery",) if kind == "github" else ("webhook-id", "idempotency-key")
    found = next((value for name in names if (value := headers.get(name))), "")
    if kind == "github" and not found:
        raise InputError("the delivery has no X-GitHub-Delivery", next_step="let GitHub send it")
    return found[:_MOST_ID_CHARS] or hashlib.sha256(body).hexdigest()


def _answer(status: str) -> JSONResponse:
    return JSONResponse({"status": status}, status_code=202)
