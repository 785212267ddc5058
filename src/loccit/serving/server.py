"""Running the application: where it listens, in how many processes, and how it stops."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from loccit.core.errors import SettingsError
from loccit.library import Loccit
from loccit.serving.authentication import is_loopback
from loccit.serving.protocol import bounded
from loccit.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from loccit.serving.options import ServingOptions

_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class AppOf:
    """Makes the application of a home folder; worker processes are given it."""

    settings: Settings

    def __call__(self) -> FastAPI:
        """The application, as little of it as can be moved left to the garbage collector."""
        from loccit.serving.app import create_app

        app = create_app(self.settings)
        # What was imported and made stays: walking it again and again would be a tenth of the time.
        gc.collect()
        gc.freeze()
        return app


def serve(settings: Settings, *, listening: Callable[[str], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; those that are under way then may end within `drain_s`.

    `listening` is told the address when requests can be sent there. Raises SettingsError where it cannot
    listen, or where everybody could reach it and nobody needs a key; StorageFailed and so on where its state
    cannot be opened.
    """
    options = settings.serving
    loccit = Loccit(settings=settings)
    if not is_loopback(options.host) and not options.oidc_issuer and not loccit.keys().has_any():
        raise SettingsError(
            f"{options.host!r} can be reached from other machines, and there is no key",
            next_step="make one first: loccit keys create NAME --role admin",
        )
    bound = _bound(options.host, options.port)
    config = configured(AppOf(settings), options, factory=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops, and raises the signal again at the end: for a server that was told to end it is no
        # fault.
        signal.signal(number, _ended)
    address = f"http://{_written(options.host)}:{bound.getsockname()[1]}"
    try:
        if options.workers == 1:
            _Server(config, lambda: listening(address)).run([bound])
        else:
            bound.set_inheritable(True)
            listening(address)
            Multiprocess(config, sockets=[bound]).run()
    finally:
        bound.close()


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._listening()


def _ended(number: int, frame: FrameType | None) -> None:
    """The server has ended as it was told to."""


def configured(app: Any, options: ServingOptions, **more: Any) -> uvicorn.Config:
    """How uvicorn runs the application."""
    return uvicorn.Config(
        app,
        http=bounded(options.header_timeout_s),
        ws="none",
        loop="uvloop",
        lifespan="on",
        workers=options.workers,
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=max(1, int(options.drain_s)),
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        **more,
    )


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"cannot listen at {_written(host)}:{port}: {error.strerror or error}",
            next_step="choose another: loccit serve --port, or host and port in [serving]",
        ) from error
    return bound


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
