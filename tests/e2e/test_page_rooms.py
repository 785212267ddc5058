"""The other pages in a real browser, for everybody: search, triage, runs, index, dashboard, reports."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from loccit import Loccit
from loccit.evals.tasks import read_task
from loccit.policy.callers import Role
from tests.e2e.browser import chromium
from tests.e2e.pages import PHONE, transferred, watched
from tests.e2e.test_page import MARKUP, ask, log_in
from tests.repositories import make_repository
from tests.servers import LAUNCH, WEATHER, Server, running

AXE = Path(__file__).parent.parent / "data" / "axe" / "axe-core-4.14.1.min.js.gz"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
ISSUE = (
    'weather_report of a city fails\n\nTraceback:\n  File "weather.py", line 6, in weather_report\nKeyError'
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over two repositories with a past, without any key."""
    folder = tmp_path_factory.mktemp("served")
    loccit = Loccit(folder / "home")
    files = {"weather.py": WEATHER, "docs/weather.md": "# Weather\n\nThe weather report of a city.\n"}
    make_repository(
        folder / "open",
        [
            {"files": {"weather.py": b"STATIONS = {}\n"}, "message": "Stations of the weather begin"},
            {"files": files, "message": f"Report the weather of a city {MARKUP}\n\nIt \u202ewas asked for."},
        ],
    )
    make_repository(folder / "closed", [{"files": {"launch.py": LAUNCH}, "message": "Launches begin"}])
    loccit.index(folder / "open", collection="all")
    loccit.index(folder / "closed", collection="all")
    evaluated(loccit, folder)
    with running(folder / "home") as one:
        with one.client() as client:
            for question in (
                "Which xylophone does the quartermaster tune?",
                "Does the quartermaster tune a xylophone?",
                "Who paints the lighthouse?",
                "Where is the weather report made?",
            ):
                client.post("/v1/ask", json={"question": question})
        yield one


def evaluated(loccit: Loccit, folder: Path) -> None:
    """The log of an evaluation, of which a sample means harm."""
    samples = [
        {"format": "loccit-dataset/1", "name": "harm"},
        {
            "id": "one",
            "question": f"Where is the weather report of a city? {MARKUP}",
            "repo": "open",
            "gold": {"files": ["weather.py"]},
        },
    ]
    (folder / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in samples))
    (folder / "task.toml").write_text('name = "harm"\ndataset = "samples.jsonl"\n[system]\nkind = "loccit"\n')
    # In a thread of its own: a browser's loop counts as running in this one.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(loccit.evaluate, read_task(str(folder / "task.toml")), repos=["open"]).result()


def test_search_tells_hits_apart_and_opens_them(browser: Browser, site: Server) -> None:
    """Facets count and narrow; a hit opens beside the list with its lines marked."""
    with watched(browser, site.url) as one:
        page = one.go("/search")
        page.keyboard.type("weather report city")
        page.keyboard.press("Enter")
        facets = page.locator(".facets")
        expect(facets).to_contain_text("source")
        expect(facets).to_contain_text("docs")
        count = page.locator(".hits > li").count()
        facets.get_by_role("link", name="docs").click()
        expect(page.locator(".hits > li")).to_have_count(1)
        assert count > 1
        expect(page.locator(".facets a[aria-current]")).to_contain_text("docs")
        page.locator(".hits a.name").click()
        expect(page.locator("mark.cited")).to_contain_text("The weather report of a city")
        one.shot("search")


def test_commits_are_found_and_shown_as_they_were_written(browser: Browser, site: Server) -> None:
    """Their messages are text, whatever stands in them."""
    with watched(browser, site.url) as one:
        page = one.go("/search?q=report+the+weather&history=1")
        page.locator(".hits a.name").first.click()
        expect(page.locator(".beside h2")).to_contain_text("Report the weather of a city </code>")
        expect(page.locator(".beside .message")).to_contain_text("\\u202ewas asked for")


def test_an_issue_that_is_pasted_is_triaged(browser: Browser, site: Server) -> None:
    """Suspects with reasons, that open beside it."""
    with watched(browser, site.url) as one:
        page = one.go("/triage")
        page.fill("#issue", f"{ISSUE}\n{MARKUP}")
        page.select_option("[name=repo]", "open")
        page.get_by_role("button", name="Triage").click()
        expect(page.locator(".suspects .name").first).to_have_text("weather.py")
        page.locator(".suspects .name").first.click()
        expect(page.locator(".beside")).to_contain_text("def weather_report")
        one.shot("triage")


def test_a_run_is_told_as_a_waterfall(browser: Browser, site: Server) -> None:
    """The list leads to a run, the run to its parts."""
    with watched(browser, site.url) as one:
        page = one.go("/")
        ask(one, "Where is the weather report of a city made?")
        page.get_by_role("link", name="Runs").click()
        page.get_by_role("link", name="parts").first.click()
        expect(page.locator(".waterfall")).to_contain_text("search")
        expect(page.locator(".waterfall svg").first).to_be_visible()
        one.shot("waterfall")
        page.get_by_role("link", name="The answer").click()
        expect(page.locator(".claim").first).to_be_visible()


def test_the_dashboard_groups_what_the_sources_do_not_say(browser: Browser, site: Server) -> None:
    """Questions about the same thing are one gap; plots have their figures as tables."""
    with watched(browser, site.url) as one:
        page = one.go("/dashboard?days=7")
        first = page.locator(".gaps > li").first
        expect(first).to_contain_text("xylophone")
        expect(first.locator("li")).to_have_count(2)
        expect(page.locator(".plots svg[role=img]:visible").first).to_be_visible()
        page.get_by_text("The figures as a table").first.click()
        expect(page.locator(".plots table").first).to_contain_text("answered")
        one.shot("dashboard")


def test_the_report_of_an_evaluation_is_shown_and_runs_nothing(browser: Browser, site: Server) -> None:
    """It brings its own style, and neither a script nor a frame can live in it."""
    with browser.new_context() as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{site.url}/reports")
        page.get_by_role("link", name="harm").click()
        expect(page.locator("h1")).to_contain_text("How good is")
        assert page.locator("body").evaluate("body => getComputedStyle(body).margin") == "0px"
        assert complaints == []
        assert page.locator("img, script").count() == 0
        policy = context.request.get(page.url).headers["content-security-policy"]
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        assert "sandbox" in policy


def test_a_reader_sees_their_own_runs_and_numbers_only(browser: Browser, tmp_path: Path) -> None:
    """A maintainer those on what they may see, an admin all; readers no reports."""
    loccit = Loccit(tmp_path / "home")
    for name, files in (("open", {"weather.py": WEATHER}), ("closed", {"launch.py": LAUNCH})):
        make_repository(tmp_path / name, [{"files": files}])
        loccit.index(tmp_path / name)
    with running(tmp_path / "home") as server:
        keys = {
            "ada": server.key("ada", Role.ADMIN),
            "max": server.key("max", Role.MAINTAINER, repositories=["open"]),
            "rita": server.key("rita", repositories=["open"]),
        }
        with server.client(keys["ada"]) as client:
            for repo, question in (
                ("closed", "What is the launch code of the rocket?"),
                ("open", "Where is the weather report of a city made?"),
                ("closed", "Which launch does the penguin silently ignore?"),
            ):
                client.post("/v1/ask", json={"question": question, "repos": [repo]})
        for who, sees, sees_not in (
            ("rita", (), ("launch", "weather report", "closed")),
            ("max", ("weather report",), ("launch", "closed")),
            ("ada", ("weather report", "launch code"), ()),
        ):
            with watched(browser, server.url) as one:
                log_in(one, keys[who])
                page = one.page
                listed = ""
                everybody = "" if who == "rita" else "?everybody=1"
                for path in (f"/runs{everybody}", "/dashboard", "/repositories", "/search?q=launch+weather"):
                    page.goto(server.url + path)
                    if path.startswith("/search"):
                        assert "closed" not in page.content() or who == "ada"
                    else:
                        listed += page.locator("body").inner_text()
                assert all(each in listed for each in sees), who
                assert not any(each in listed for each in sees_not), who
                reports = page.goto(f"{server.url}/reports")
                assert reports is not None
                assert reports.status == (403 if who == "rita" else 200)


@pytest.fixture(scope="module")
def axe() -> str:
    source = gzip.decompress(AXE.read_bytes())
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256
    return source.decode()


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(browser: Browser, site: Server, axe: str, scheme: str) -> None:
    """No page has anything that axe knows to be in somebody's way, at a desk or on a phone."""
    with watched(browser, site.url, color_scheme=scheme, reduced_motion="reduce") as one:
        page = one.go("/")
        ask(one, "Where is the weather report of a city made?")
        page.locator("mark.cited").wait_for()
        assert violations(page, axe) == []
        run, source = page.url, page.locator("a.cite").first.evaluate("link => link.href")
        for path in (
            "/",
            "/login",
            "/search?q=weather+report",
            "/triage",
            "/runs",
            "/repositories",
            "/dashboard?days=7",
            "/reports",
            "/nothing-there",
            run.removeprefix(site.url),
            f"{run.removeprefix(site.url)}/parts",
            source.removeprefix(site.url),
        ):
            page.goto(site.url + path)
            assert violations(page, axe) == [], path
    with watched(browser, site.url, color_scheme=scheme, viewport=PHONE) as one:
        for path in ("/", "/search?q=weather+report", "/runs", "/dashboard", "/repositories", "/triage"):
            page = one.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert violations(page, axe) == []


def test_the_page_with_an_answer_is_small(browser: Browser, site: Server) -> None:
    """Of 300 KB at most, everything that it loads included; no timing is asserted here."""
    with watched(browser, site.url) as one:
        page = one.go("/")
        ask(one, "Where is the weather report of a city made?")
        run = page.url
    with browser.new_context() as context:
        assert transferred(context.new_page(), run) < 300_000
