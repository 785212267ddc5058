"""Dealing with deliveries, one after another, while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from loccit.core.errors import (
    DeadlinePassed,
    LoccitError,
    Overloaded,
    SearchIndexError,
    SettingsError,
    StorageFailed,
    TrackerRefused,
    TrackerUnreachable,
)
from loccit.serving.hooks.deliveries import Deliveries, Delivery
from loccit.serving.hooks.desk import Desk
from loccit.serving.hooks.events import event_of

if TYPE_CHECKING:
    from loccit.serving.service import Service

_log = logging.getLogger("loccit.serving")

# Deliveries wake the worker of the process that they came to; this finds those of others, and what is due.
_LOOKS_EVERY_S = 2.0
_HOLDS_EVERY_S = 15.0
_PASSING = (
    DeadlinePassed,
    Overloaded,
    SearchIndexError,
    SettingsError,
    TrackerRefused,
    TrackerUnreachable,
)


@contextlib.asynccontextmanager
async def working(service: Service) -> AsyncGenerator[None]:
    """A worker for as long as this lasts; none where no tracker is in the settings. What it has in hand at
    the end is finished by the next one.
    """
    if not service.options.trackers:
        yield
        return
    task = asyncio.create_task(_work(service), name="hooks")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _work(service: Service) -> None:
    desk = Desk(service)
    while True:
        service.deliveries_came.clear()
        try:
            delivery = await service.book(lambda loccit: Deliveries(loccit.database()).take())
        except StorageFailed as error:
            _log.warning("deliveries cannot be read", extra={"why": str(error)})
            delivery = None
        if delivery is not None:
            await _deal(service, desk, delivery)
            continue
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.deliveries_came.wait(), _LOOKS_EVERY_S)


async def _deal(service: Service, desk: Desk, delivery: Delivery) -> None:
    """Deal with a delivery, and note what became of it; nothing that goes wrong with one stops the others."""
    holding = asyncio.create_task(_hold(service, delivery))
    problem, retry_at, is_final = "", None, False
    try:
        await desk.deal(delivery.tracker, event_of(delivery.event))
    except _PASSING as error:
        # What an operator may put right meanwhile is among it: a token, a setting, an index.
        retry_at = error.retry_at if isinstance(error, TrackerRefused) else None
        problem = str(error)
    except LoccitError as error:
        problem, is_final = str(error), True
    except Exception as error:  # noqa: BLE001 - the edge of the process
        # A defect must not end the worker, and is told as one.
        _log.exception("a defect of loccit, met by a delivery")
        problem, is_final = f"a defect of loccit: {type(error).__name__}", True
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)

    def note(deliveries: Deliveries) -> str:
        if not problem:
            deliveries.done(delivery)
            return "delivery dealt with"
        again = deliveries.failed(delivery, problem, retry_at=retry_at, is_final=is_final)
        return "delivery put off" if again else "delivery given up"

    try:
        said = await service.book(lambda loccit: note(Deliveries(loccit.database())))
    except StorageFailed as error:
        said, problem = "delivery not noted: it will be dealt with again", str(error)
    facts = {"tracker": delivery.tracker, "delivery": delivery.id, "attempt": delivery.attempts}
    _log.log(logging.WARNING if problem else logging.INFO, said, extra=facts | {"why": problem})


async def _hold(service: Service, delivery: Delivery) -> None:
    while True:
        await asyncio.sleep(_HOLDS_EVERY_S)
        with contextlib.suppress(StorageFailed):
            await service.book(lambda loccit: Deliveries(loccit.database()).hold(delivery))
