"""One command on its way: what stops it, and what it prints."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.channel import Closed
from loccit.agents.sandbox.output import Output
from loccit.agents.sandbox.start import Running, in_memory
from loccit.agents.sandbox.values import Ran, StoppedBy

# What a keeper has for ending a command.
GRACE_S = 15.0
_TICK_S = 0.1


class Command:
    """One command on its way: what stops it, and what it prints."""

    def __init__(self, running: Running, options: SandboxOptions, timeout_s: float, most: int) -> None:
        self._running = running
        self._timeout_s = timeout_s
        self._most = most
        self._may_print = options.printed_bytes
        self._stopped: StoppedBy = ""
        self._was_sent = False
        self._is_given_up = False
        self._ended = False

    async def run(self, request: Sequence[bytes], stdin: bytes) -> Ran:
        """How it ended. Raises Closed, and TimeoutError where its keeper does not answer."""
        began = time.monotonic()
        group = self._running.group
        before = group.kills_for_memory(), group.refused_processes()
        outputs = await self._send(request, stdin)
        self._was_sent = True
        alarm = asyncio.get_running_loop().call_later(self._timeout_s, self._stop, "time")
        watching = asyncio.ensure_future(self._watch(before[0]))
        if self._is_given_up:
            self._stop("time")
        try:
            async with asyncio.timeout(self._timeout_s + GRACE_S):
                answer = await self._running.channel.receive()
                self._ended = True
                # Nobody lives who could write to them: what is in them is all.
                await asyncio.wait([one.ended for one in outputs])
        finally:
            self._ended = True
            alarm.cancel()
            watching.cancel()
            for one in outputs:
                one.close()
        return self._told(answer, outputs, before, time.monotonic() - began)

    def give_up(self) -> None:
        """Have the command end as soon as can be: nobody wants what it gives."""
        self._is_given_up = True
        if self._was_sent:
            self._stop("time")

    async def _watch(self, kills: int) -> None:
        """Stop the command once the kernel has ended a process of it for its memory."""
        while self._running.group.kills_for_memory() <= kills:
            await asyncio.sleep(_TICK_S)
        self._stop("memory")

    async def _send(self, request: Sequence[bytes], stdin: bytes) -> tuple[Output, Output]:
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(2)]
        given = [in_memory("stdin", stdin), *(end for _, end in pipes)]
        outputs = [Output(read, self._most, self._printed) for read, _ in pipes]
        try:
            await self._running.channel.send(request)
            await self._running.channel.send_descriptors(given)
        except BaseException:
            for one in outputs:
                one.close()
            raise
        finally:
            for descriptor in given:
                os.close(descriptor)
        return outputs[0], outputs[1]

    def _printed(self, size: int) -> None:
        self._may_print -= size
        if self._may_print < 0:
            self._stop("output")

    def _stop(self, reason: StoppedBy) -> None:
        if not self._stopped and not self._ended:
            self._stopped = reason
            self._running.channel.interrupt()

    def _told(
        self, answer: Sequence[bytes], outputs: Sequence[Output], before: tuple[int, int], seconds: float
    ) -> Ran:
        verdict, status, said = answer
        if verdict != b"done":
            raise Closed
        code = int(status)
        stopped = self._stopped or _reported(said)
        group = self._running.group
        if not stopped and group.kills_for_memory() > before[0]:
            stopped = "memory"
        if not stopped and code != 0 and group.refused_processes() > before[1]:
            stopped = "processes"
        stdout, stderr = (one.finish() for one in outputs)
        was_cut = any(one.was_cut for one in outputs)
        return Ran(None if stopped else code, stdout, stderr, stopped, seconds, was_cut)


def _reported(said: bytes) -> StoppedBy:
    match said:
        case b"memory":
            return "memory"
        case b"processes":
            return "processes"
        case _:
            return ""
