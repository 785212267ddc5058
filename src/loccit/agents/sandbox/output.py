"""What a command prints, bounded while it is read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_READ_BYTES = 1 << 16


class Output:
    """Reads a pipe to its end and keeps the beginning and the end of it.

    A test run says at its end how it went and at its beginning what it is: that gets a quarter of the room.
    """

    def __init__(self, descriptor: int, most: int, on_read: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._most_head = most // 4
        self._most_tail = most - self._most_head
        self._on_read = on_read
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self._loop = asyncio.get_running_loop()
        self.ended = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    @property
    def was_cut(self) -> bool:
        """Whether something was left out."""
        return self._left_out > 0

    def kept(self) -> bytes:
        """What is kept, with a line in place of what is not."""
        if not self._left_out:
            return bytes(self._head + self._tail)
        note = f"\n[{self._left_out:,} bytes are left out here]\n".encode("ascii")
        return bytes(self._head + note + self._tail)

    def close(self) -> None:
        """Read no more."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        if not self.ended.done():
            self.ended.set_result(None)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        self._keep(data)
        self._on_read(len(data))

    def _keep(self, data: bytes) -> None:
        room = self._most_head - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        # The tail is cut when it is twice too long, so that cutting it costs nothing.
        if len(self._tail) > 2 * self._most_tail + _READ_BYTES:
            self._cut()

    def _cut(self) -> None:
        over = len(self._tail) - self._most_tail
        if over > 0:
            self._left_out += over
            del self._tail[:over]

    def finish(self) -> bytes:
        """What is kept, once there is no more to come."""
        self._cut()
        return self.kept()
