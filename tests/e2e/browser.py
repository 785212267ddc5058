"""Chromium without a window, driven by Playwright, for tests of pages.

Beyond this machine it asks the proxies of the tests' environment, which nobody serves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.debian import program_of

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as this lasts.

    Root installs Debian's package where there is none. Somebody else is told to, by a skip; in CI that is a
    failure. No `asyncio.run` works in this thread meanwhile: Playwright's loop counts as running in it. So a
    fixture of it lasts for a module at most, and what a test serves runs in another thread or process.
    """
    program = program_of("chromium", _find)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def _find() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)
