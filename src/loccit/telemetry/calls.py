"""The span of one call of a model: what was asked, what came back, what it cost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict

from loccit.core.calls import ModelCall, ModelReply
from loccit.core.errors import ModelError
from loccit.telemetry.names import CALL
from loccit.telemetry.redaction import redact
from loccit.telemetry.trace import span

_LONGEST_MESSAGE = 500


@contextmanager
def calling(model: str, call: ModelCall) -> Generator[Callable[[ModelReply], None]]:
    """A span around one call of a model (as the settings name it), for the function it gives to be told the
    reply.

    Of a call that fails the span has the error, its message without secrets, and what it cost all the same.
    """
    attributes = {
        "provider": model.partition(":")[0],
        "model": model,
        "purpose": call.purpose,
        "prompt": call.prompt,
    }
    with span(CALL, attributes) as one:

        def replied(reply: ModelReply) -> None:
            one.set(
                answered_by=reply.model,
                origin=reply.origin.value,
                finish=reply.finish.value,
                **({"tool_calls": len(reply.calls)} if reply.calls else {}),
                cost_usd=str(reply.cost_usd),
                **asdict(reply.usage),
            )

        try:
            yield replied
        except ModelError as error:
            one.set(cost_usd=str(error.spent_usd), message=redact(error.message)[:_LONGEST_MESSAGE])
            raise
