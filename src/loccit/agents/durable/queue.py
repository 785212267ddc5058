"""DBOS: the queue that hands runs to workers, and what each step of a run gave.

A run stands in it under its own id, however often it is handed over: what it recorded is found again. Who
lost a run to somebody else can record nothing more (DBOS keeps an owner of each workflow).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Generator
from contextlib import contextmanager
from typing import Any

from loccit.core.errors import StorageFailed

NAME = "loccit"
_QUEUE = "loccit-agents"
_SCHEMA = "loccit_agents"
# Pinned: DBOS takes up only what its own version began, and what it keeps is read by all of ours.
_VERSION = "1"
_POLL_S = 0.1

Execute = Callable[[str], Awaitable[None]]


class Queue:
    """The DBOS queue of this process."""

    def __init__(self, dbos: Any, workflow: Callable[[str], Awaitable[None]]) -> None:
        self._dbos = dbos
        self._workflow = workflow

    def put(self, run: str, active: Collection[str]) -> None:
        """Have a run worked on by somebody, from where it is. One that waits in the queue already stays.

        `active` are those that this process has not quite let go of yet: they are put in the next time.
        """
        from dbos import SetWorkflowID

        found = self._dbos.list_workflows(workflow_ids=[run], load_input=False, load_output=False)
        if not found:
            with SetWorkflowID(run):
                self._dbos.enqueue_workflow(_QUEUE, self._workflow, run)
        elif found[0].status in {"SUCCESS", "ERROR"}:
            # From another time than our rows: what it recorded is of no use, our own ledger has what counts.
            self._dbos.delete_workflows([run])
            with SetWorkflowID(run):
                self._dbos.enqueue_workflow(_QUEUE, self._workflow, run)
        elif found[0].status not in {"ENQUEUED", "DELAYED"} and run not in active:
            self._dbos.resume_workflow(run, queue_name=_QUEUE)

    def sweep(self, known: Callable[[], Collection[str]]) -> None:
        """Forget what is recorded of runs that are none of the known ones any more."""
        found = self._dbos.list_workflows(load_input=False, load_output=False)
        # Asked for after those were read: a run is known before it is put in here.
        ids = known()
        gone = [one.workflow_id for one in found if one.workflow_id not in ids]
        if gone:
            self._dbos.delete_workflows(gone)


async def recorded(name: str, make: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """A step of the workflow that this is called in: made, or what it gave when it was made before.

    What is raised in it is not kept: the step is made again.
    """
    from dbos import DBOS

    async def step() -> dict[str, Any]:
        try:
            return await make()
        except Exception as error:
            raise _Broken(error) from error

    try:
        return await DBOS.run_step_async({"name": name}, step)
    except _Broken as broken:
        raise broken.error from None


class _Broken(BaseException):
    """An error that DBOS is not to keep."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def running_queue(url: str, worker: str, at_once: int, execute: Execute) -> Generator[Queue]:
    """DBOS over this database, launched. Raises StorageFailed."""
    from dbos import DBOS, DBOSConfig, Serializer, WorkflowSerializationFormat
    from sqlalchemy.exc import SQLAlchemyError

    class PlainJson(Serializer):
        # What stands in the database is never unpickled.
        def serialize(self, data: Any) -> str:
            return json.dumps(data)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "loccit_json"

    DBOS(
        config=DBOSConfig(
            name=NAME,
            system_database_url=url,
            dbos_system_schema=_SCHEMA,
            executor_id=worker,
            application_version=_VERSION,
            log_level="WARNING",
            use_listen_notify=False,
            serializer=PlainJson(),
        )
    )

    async def run(run_id: str) -> None:
        await execute(run_id)

    # Ours is the count of attempts.
    workflow = DBOS.workflow(
        name="run", serialization_type=WorkflowSerializationFormat.PORTABLE, max_recovery_attempts=None
    )(run)
    try:
        try:
            DBOS.launch()
            DBOS.register_queue(
                _QUEUE,
                worker_concurrency=at_once,
                polling_interval_sec=_POLL_S,
                on_conflict="always_update",
            )
        except SQLAlchemyError as error:
            raise StorageFailed(
                f"the queue of agents cannot be opened: {str(error).splitlines()[0]}",
                next_step="check that the database runs, has room and may be written",
            ) from error
        yield Queue(DBOS, workflow)
    finally:
        DBOS.destroy(destroy_registry=True)


def let_go() -> asyncio.CancelledError:
    """What a workflow raises to end here without an outcome: DBOS keeps none, and it can be handed over."""
    return asyncio.CancelledError()
