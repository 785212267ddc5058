"""A server for tests: the real application in uvicorn, on a free port of this machine, in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from loccit import Loccit
from loccit.policy.callers import LOCAL, Role
from loccit.serving.app import create_app
from loccit.serving.server import configured
from loccit.serving.service import Service
from loccit.settings import Settings
from tests.repositories import make_repository

WEATHER = b'''"""Weather."""


def weather_report(city: str) -> str:
    """The weather report of a city, as the station tells it."""
    return STATIONS[city].report()
'''
LAUNCH = b'''"""Launches."""


def launch_code() -> str:
    """The launch code of the rocket, which nobody else may know."""
    return "penguin-weather-7"
'''


class Server:
    """A server that runs, and clients of it.

    `url` is where it is, `loccit` the library behind it, `service` what its doors call, in the event loop
    `loop`; `local` is who needs no key.
    """

    local = LOCAL

    def __init__(self, url: str, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.loccit = service.loccit
        self.service = service
        self.loop = loop

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        """A client that shows this key, or none."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **options)

    def key(
        self,
        name: str,
        role: Role = Role.READER,
        *,
        repositories: Sequence[str] | None = None,
        usd_per_month: Decimal | None = None,
        requests_per_minute: int | None = None,
    ) -> str:
        """A new key, its text."""
        return self.loccit.keys().create(
            name,
            role=role,
            repositories=repositories,
            usd_per_month=usd_per_month,
            requests_per_minute=requests_per_minute,
        )[1]


@contextmanager
def running(home: Path, settings: Settings | None = None, **serving: Any) -> Generator[Server]:
    """The server of this home folder, with these choices in [serving], until the end."""
    chosen = settings or Settings.load(home)
    chosen = replace(chosen, serving=replace(chosen.serving, **serving))
    app = create_app(chosen)
    loops: list[asyncio.AbstractEventLoop] = []

    async def run(server: uvicorn.Server) -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    config = configured(app, chosen.serving, host="127.0.0.1", port=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(run(server)), name="server")
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise AssertionError("the server did not start")
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(f"http://127.0.0.1:{port}", app.state.service, loops[0])
    finally:
        server.should_exit = True
        thread.join(20)
        if thread.is_alive():
            raise AssertionError("the server did not stop")


def index_two(folder: Path, home: Path) -> Loccit:
    """Two indexed repositories in the collection `all`: `open` with weather.py, `closed` with launch.py."""
    loccit = Loccit(home)
    for name, files in (("open", {"weather.py": WEATHER}), ("closed", {"launch.py": LAUNCH})):
        make_repository(folder / name, [{"files": files, "message": f"The {name} one begins"}])
        loccit.index(folder / name, collection="all")
    return loccit
