"""What tests of the page share: a page that tells of everything that goes wrong in it, and screenshots."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
# Where screenshots are kept: test artefacts, for people to look at.
_SHOTS = Path(os.environ.get("SCREENSHOTS") or Path(tempfile.gettempdir()) / "loccit-screenshots")


@dataclass
class Watched:
    """A page, and what it asked for and complained of."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str = "/") -> Page:
        """The page at a path of the site."""
        self.page.goto(self.url + path)
        return self.page

    def shot(self, name: str) -> None:
        """Keep what is seen now."""
        _SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=_SHOTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png")

    def check(self) -> None:
        """Nothing left this site, nothing was refused by the policy, no script failed, none but ours ran."""
        foreign = [one for one in self.asked if not one.startswith((self.url, "data:"))]
        assert not foreign
        assert not self.complaints
        assert self.page.evaluate("window.owned") is None
        assert self.page.evaluate("document.querySelectorAll('script').length") == 1


@contextmanager
def watched(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """A page of its own, checked at the end."""
    chosen = {"viewport": DESK, **options}
    with browser.new_context(**chosen) as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        one = Watched(page, url)

        def told(message: ConsoleMessage) -> None:
            # A refusal that a test provokes is told as a failed load; everything else is a complaint.
            if message.type in {"error", "warning"} and "status of 4" not in message.text:
                one.complaints.append(message.text)

        def asked(request: Request) -> None:
            one.asked.append(request.url)

        page.on("console", told)
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on("request", asked)
        yield one
        if chosen.get("java_script_enabled", True):
            one.check()


def transferred(page: Page, path: str) -> int:
    """The bytes that come over the wire, heads included, when a browser that knows nothing opens a path."""
    sizes: list[int] = []

    def came(response: Response) -> None:
        told = response.request.sizes()
        sizes.append(told["responseBodySize"] + told["responseHeadersSize"])

    page.on("requestfinished", lambda request: came(request.response()))  # type: ignore[arg-type]
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return sum(sizes)
