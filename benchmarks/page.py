"""How long somebody waits at the page for a first answer, and how much comes over the wire for it.

A real browser without a window asks titles of issues on Django, without a model, once the server has answered
each kind of thing before (warm). The clock is the browser's own: from the key that submits to the frame in
which the answer stands. Bytes are those of the wire, heads included, for a browser that has nothing yet: the
ask page with its style and script, the question, its answer, and the source that opens beside it.
"""

from __future__ import annotations

import shutil
from typing import Any

import benchmarks
from benchmarks import processes, queries, repositories, served

NAME = "page"
SUMMARY = "the page in a browser: seconds from submitting to the first answer, and bytes transferred"

_QUESTIONS = 40
_WARM = 3
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
)
_ASK = """async question => {
  const box = document.querySelector("#question"), thread = document.querySelector("[data-thread]");
  const before = thread.querySelectorAll("[data-answer]").length;
  box.value = question;
  const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const began = performance.now();
  const stands = new Promise(done => new MutationObserver((_, observer) => {
    if (thread.querySelectorAll("[data-answer]").length > before) { observer.disconnect(); done(); }
  }).observe(thread, { childList: true, subtree: true }));
  document.querySelector("[data-go]").click();
  await stands;
  await painted();
  return performance.now() - began;
}"""


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Percentiles of the time to the first answer, and the bytes of a first visit."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    program = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        return {"missing_programs": ["chromium"]}
    titles = repositories.spread(queries.by_kind(setting, django)["issue titles"], _QUESTIONS + _WARM)
    with benchmarks.home() as home:
        processes.loccit(home, "index", django, "--quiet")
        with served.serving(home) as server:
            seconds, sizes = _measured(program, server.url, titles)
    return {
        "missing_repositories": [],
        "repository": "django/django",
        "head": repositories.head(django),
        "questions": len(seconds),
        "first_answer_p50_s": round(benchmarks.percentile(seconds, 0.5), 3),
        "first_answer_p95_s": benchmarks.target(round(benchmarks.percentile(seconds, 0.95), 3), at_most=1.0),
        "slowest_s": round(max(seconds), 3),
        "kb_transferred_median": round(benchmarks.percentile(sizes, 0.5) / 1000, 1),
        "kb_transferred_most": benchmarks.target(round(max(sizes) / 1000, 1), at_most=300),
    }


def _measured(program: str, url: str, titles: list[str]) -> tuple[list[float], list[int]]:
    """Seconds to the answer of each question but the first ones, and the bytes of a first visit with each."""
    from playwright.sync_api import Request, sync_playwright

    seconds: list[float] = []
    sizes: list[int] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        for number, title in enumerate(titles):
            with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
                page = context.new_page()
                requests: list[Request] = []
                page.on("requestfinished", lambda request, found=requests: found.append(request))
                page.goto(url)
                took_ms = page.evaluate(_ASK, title)
                page.wait_for_load_state("networkidle")
                if number < _WARM:
                    continue
                seconds.append(took_ms / 1000)
                told = [request.sizes() for request in requests]
                sizes.append(sum(one["responseBodySize"] + one["responseHeadersSize"] for one in told))
        browser.close()
    return seconds, sizes
