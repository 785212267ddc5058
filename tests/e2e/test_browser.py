"""The browser of the tests shows pages of this machine and reaches no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import chromium

PAGE = b"""<!doctype html><title>Parcels</title><p id=here>nothing yet</p>
<script>fetch("/weight").then(r => r.text()).then(text => here.textContent = text)</script>"""


class Pages(BaseHTTPRequestHandler):
    """A page that asks for a weight and shows it."""

    def do_GET(self) -> None:
        body, kind = (b"12 grams", "text/plain") if self.path == "/weight" else (PAGE, "text/html")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what a test prints is what it finds."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_page_of_this_machine_is_shown_and_its_script_runs(browser: Browser, address: str) -> None:
    """What the page fetches from its server stands in it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_text("12 grams").wait_for()
        assert page.title() == "Parcels"


def test_a_page_of_another_machine_is_not_reached(browser: Browser) -> None:
    """The browser asks the proxy that nobody serves."""
    with browser.new_context() as context:
        page = context.new_page()
        failures: list[str | None] = []
        page.on("requestfailed", lambda request: failures.append(request.failure))
        page.set_content('<img src="http://192.0.2.1/x.png">')
        assert failures == ["net::ERR_PROXY_CONNECTION_FAILED"]


def test_a_closed_browser_leaves_its_thread_as_it_was() -> None:
    """Whoever comes after it runs a loop of their own."""

    def open_and_close() -> None:
        with chromium() as opened:
            assert opened.is_connected()
        asyncio.run(asyncio.sleep(0))

    # A thread of its own, for that of this test has a browser already.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(open_and_close).result()
