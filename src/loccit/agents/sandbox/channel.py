"""The socket to a box's keeper: one request, one answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence

from loccit.agents.sandbox.keeper import decode, encode

_WORD = 4
# More than any answer has that an honest keeper gives.
_MOST_BYTES = 1 << 30
# struct ucred: process, user, group.
_CREDENTIALS = struct.calcsize("=iII")


class Closed(Exception):
    """The keeper is gone."""


class Channel:
    """Messages to and from a keeper, over a socket that is ours alone."""

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        control.setblocking(False)
        # The kernel then says with each message which process sent it, by its number out here.
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.sender = 0

    def close(self) -> None:
        """End it; the keeper ends with it."""
        self._socket.close()

    async def send(self, parts: Sequence[bytes]) -> None:
        """A message. Raises Closed."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, encode(parts))
        except OSError as error:
            raise Closed from error

    async def send_descriptors(self, descriptors: Sequence[int]) -> None:
        """Open files for the keeper, behind the message that they belong to. Raises Closed."""
        while True:
            try:
                socket.send_fds(self._socket, [b"\0"], list(descriptors))
            except BlockingIOError:
                await self._until_ready(write=True)
            except OSError as error:
                raise Closed from error
            else:
                return

    def interrupt(self) -> None:
        """Have the command stopped that is running; where it has ended meanwhile, nothing happens."""
        try:
            self._socket.send(encode([b"stop"]))
        except OSError:
            # The keeper is gone, or has that many messages unread: whoever waits for its answer finds out.
            return

    async def receive(self, most: int = _MOST_BYTES) -> list[bytes]:
        """The next message. Raises Closed, also for what no keeper sends."""
        size = int.from_bytes(await self._exactly(_WORD), "little")
        if size > most:
            raise Closed
        try:
            return decode(await self._exactly(size))
        except ValueError as error:
            raise Closed from error

    async def _exactly(self, size: int) -> bytes:
        room = socket.CMSG_SPACE(_CREDENTIALS)
        held = bytearray()
        while len(held) < size:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(min(size - len(held), 1 << 20), room)
            except BlockingIOError:
                await self._until_ready(write=False)
                continue
            except OSError as error:
                raise Closed from error
            if not data:
                raise Closed
            for level, kind, sent in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                    self.sender = struct.unpack("=i", sent[:4])[0]
            held += data
        return bytes(held)

    async def _until_ready(self, *, write: bool) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        descriptor = self._socket.fileno()
        watch: Callable[..., None] = loop.add_writer if write else loop.add_reader
        watch(descriptor, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            (loop.remove_writer if write else loop.remove_reader)(descriptor)
