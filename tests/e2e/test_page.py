"""The page in a real browser: asking, reading what is cited, and nothing of a stranger coming alive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from loccit import Loccit
from loccit.policy.callers import Role
from loccit.settings import Settings
from tests.e2e.browser import chromium
from tests.e2e.pages import PHONE, Watched, watched
from tests.repositories import make_repository
from tests.servers import LAUNCH, WEATHER, Server, index_two, running

QUESTION = "Where is the weather report of a city made?"
FILLING = b"".join(b"STATION_%03d = %d\n" % (number, number) for number in range(300))
LONG = FILLING + b"\n" + WEATHER + b"\n" + FILLING

MARKUP = "</code></pre><script>window.owned=1</script><img src=x onerror=window.owned=1>"
HOSTILE = (
    f'"""The gate of the harbour {MARKUP}"""\n'
    "def open_gate(key):\n"
    f'    """Opens the harbour gate: {MARKUP} \u202ereversed\u202c \x1b[31mred\x1b[0m"""\n'
    "    return key  # javascript:window.owned=1 https://evil.example/?leak\n"
).encode()
HOSTILE_NAME = '"><img src=x onerror=window.owned=1>\u202egate.py'
HOSTILE_FOLDER = "<script>window.owned=1<"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over two repositories, without any key."""
    folder = tmp_path_factory.mktemp("served")
    loccit = Loccit(folder / "home")
    for name, files in (("open", {"weather.py": LONG}), ("closed", {"launch.py": LAUNCH})):
        make_repository(folder / name, [{"files": files, "message": f"The {name} one begins"}])
        loccit.index(folder / name, collection="all")
    with running(folder / "home") as one:
        yield one


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a repository whose every part was written by somebody who means harm."""
    folder = tmp_path_factory.mktemp("hostile")
    loccit = Loccit(folder / "home")
    where = folder / HOSTILE_FOLDER
    make_repository(
        where,
        [
            {
                "files": {HOSTILE_NAME: HOSTILE},
                "message": f"The harbour gate {MARKUP}\n\nOpened \u202eby {MARKUP}",
                "branch": "main",
            },
            {"files": {"b.py": "B = 1\n"}, "branch": "<img/src=x/onerror=owned=1>", "message": "A branch"},
        ],
    )
    loccit.index(where, collection="<img src=x onerror=window.owned=1>")
    # The model says what the file says, and files say what they want.
    (folder / "home" / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    with running(folder / "home", Settings.load(folder / "home")) as one:
        yield one


def ask(one: Watched, question: str) -> None:
    """Ask by the keyboard alone, and wait for the answer."""
    page = one.page
    page.locator("#question").focus()
    page.keyboard.type(question)
    page.keyboard.press("Control+Enter")
    page.locator("[data-answer]").last.wait_for()


def test_an_answer_comes_with_its_source_beside_it_scrolled_to_the_cited_lines(
    browser: Browser, site: Server
) -> None:
    """The exact lines are marked and in sight, and their bytes were compared."""
    with watched(browser, site.url) as one:
        page = one.go()
        one.shot("ask")
        ask(one, QUESTION)
        expect(page.locator(".claim").first).to_contain_text("Quoted word for word")
        marked = page.locator("mark.cited")
        marked.wait_for()
        cited = page.locator("[data-cite]").first.get_attribute("href") or ""
        assert cited.endswith("#L302-L302") or "#L30" in cited
        expect(marked).to_be_in_viewport()
        expect(marked).to_contain_text("The weather report of a city")
        expect(page.locator(".beside .check.good")).to_contain_text("are those that were cited")
        first = int(marked.locator(".line").first.get_attribute("data-n") or "0")
        assert f"lines={first}" in cited
        assert page.url.split("/")[-2] == "runs"
        one.shot("answer")
        # The same address shows the same answer again, and its citations open by the keyboard.
        page.reload()
        cite = page.locator("a.cite").first
        cite.focus()
        page.keyboard.press("Enter")
        expect(page.locator("mark.cited")).to_be_in_viewport()
        expect(page.locator(".beside h2")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("[data-beside]")).to_be_hidden()
        expect(cite).to_be_focused()


def test_a_question_is_asked_and_its_source_read_with_the_keyboard_alone(
    browser: Browser, site: Server
) -> None:
    """`/` leads to the box, Ctrl and Enter ask, Tab leads to the citation."""
    with watched(browser, site.url) as one:
        page = one.go("/?q=")
        page.locator("body").evaluate("() => document.activeElement.blur()")
        page.keyboard.press("/")
        expect(page.locator("#question")).to_be_focused()
        expect(page.locator("#question")).to_have_value("")
        page.keyboard.type(QUESTION)
        page.keyboard.press("Control+Enter")
        page.locator("[data-answer]").wait_for()
        expect(page.locator(".question")).to_be_focused()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('a[data-cite]')")
        page.keyboard.press("Enter")
        expect(page.locator(".beside h2")).to_be_focused()


def test_everything_works_without_a_script(browser: Browser, site: Server) -> None:
    """A page at a time: ask, read the cited lines, say what the answer is worth."""
    with watched(browser, site.url, java_script_enabled=False) as one:
        page = one.go()
        page.fill("#question", QUESTION)
        page.click("[data-go]")
        page.locator("a.cite").first.click()
        expect(page.locator("mark.cited")).to_contain_text("The weather report of a city")
        expect(page.locator("mark.cited")).to_be_in_viewport()
        assert "#L" in page.url
        one.shot("source without a script")
        page.go_back()
        page.locator(".wrong summary").click()
        page.fill("[name=correction]", "The station makes it.")
        page.fill("[name=files]", "weather.py")
        page.click("button[value=down]")
        expect(page.locator(".rated")).to_contain_text("noted as wrong")
        page.get_by_role("button", name="dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.url.endswith("rated=down")


def test_what_people_say_of_an_answer_becomes_a_sample(browser: Browser, site: Server) -> None:
    """The thumb and the correction are kept with the run."""
    with watched(browser, site.url) as one:
        page = one.go()
        ask(one, "Where does the weather report of a city come from?")
        page.locator(".wrong summary").click()
        page.fill("[name=correction]", "From the station.")
        page.fill("[name=files]", "weather.py")
        page.click("button[value=down]")
        expect(page.locator(".rated")).to_contain_text("noted as wrong")
    samples = site.loccit.samples_from_runs(rated_only=True).dataset.samples
    assert any("come from" in (sample.question or "") for sample in samples)


def test_an_answer_is_copied_as_markdown_and_shared_by_a_link(browser: Browser, site: Server) -> None:
    """Each place in the Markdown is a link that opens it."""
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    with watched(browser, site.url, **options) as one:
        page = one.go()
        ask(one, QUESTION)
        page.click("[data-copy]")
        expect(page.locator("[data-told]")).to_have_text("Copied as Markdown")
        text = page.evaluate("navigator.clipboard.readText()")
        assert f"({site.url}/source?repo=open&" in text
        assert "Machine-written" in text
        page.click("[data-share]")
        expect(page.locator("[data-told]")).to_have_text("Link copied")
        link = page.evaluate("navigator.clipboard.readText()")
        page.goto(link)
        expect(page.locator(".question")).to_have_text(QUESTION)


def test_silence_is_told_honestly_with_what_to_do(browser: Browser, site: Server) -> None:
    """An abstention says why, and what next."""
    with watched(browser, site.url) as one:
        page = one.go()
        ask(one, "Which xylophone does the quartermaster tune on Thursdays?")
        expect(page.locator(".badge")).to_have_text("Not answered")
        expect(page.locator(".why-not")).to_contain_text("Nothing in these sources bears on the question")
        expect(page.locator(".why-not")).to_contain_text("Ask with names from the code")
        page.locator(".searched summary").click()
        expect(page.locator(".searched")).to_contain_text("indexed")
        one.shot("abstention")


def test_a_question_that_cannot_be_asked_is_told_as_such(browser: Browser, site: Server) -> None:
    """What is wrong and what to do stands where the answer would."""
    with watched(browser, site.url) as one:
        page = one.go()
        page.locator(".more summary").click()
        page.fill("[name=languages]", "klingon")
        page.fill("#question", QUESTION)
        page.click("[data-go]")
        expect(page.locator(".failed")).to_contain_text("klingon")
        page.goto(f"{site.url}/source?repo=open&path=nothing.py")
        expect(page.locator(".failed")).to_contain_text("nothing.py")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, site: Server, scheme: str) -> None:
    """At 360 pixels nothing is wider than the page, and the source opens below the answer."""
    options = {"viewport": PHONE, "color_scheme": scheme, "has_touch": True}
    with watched(browser, site.url, **options) as one:
        page = one.go()
        one.shot(f"phone ask {scheme}")
        page.fill("#question", QUESTION)
        page.tap("[data-go]")
        page.locator("[data-answer]").wait_for()
        one.shot(f"phone answer {scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.locator("a.cite").first.tap()
        expect(page.locator("mark.cited")).to_be_in_viewport()
        box = page.locator("[data-beside]").bounding_box()
        assert box is not None
        assert box["y"] > PHONE["height"] / 4
        assert box["width"] <= PHONE["width"]
        one.shot(f"phone source {scheme}")


def test_the_theme_that_was_chosen_is_remembered(browser: Browser, site: Server) -> None:
    """The next page has it from its first byte on."""
    with watched(browser, site.url, color_scheme="light") as one:
        page = one.go()
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="dark").click()
        after = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert before != after
        ask(one, QUESTION)
        one.shot("answer dark")
        page.reload()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_somebody_logs_in_with_a_key_and_out_again(browser: Browser, tmp_path: Path) -> None:
    """Without a login every page leads to it, and it leads back."""
    index_two(tmp_path, tmp_path / "home")
    with running(tmp_path / "home") as server:
        key = server.key("ana")
        with watched(browser, server.url) as one:
            page = one.go("/?q=weather%20report")
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            one.shot("login")
            page.fill("[name=key]", "loccit_wrong")
            page.keyboard.press("Enter")
            expect(page.get_by_role("alert")).to_contain_text("no valid key")
            page.fill("[name=key]", key)
            page.keyboard.press("Enter")
            expect(page.locator("#question")).to_have_value("weather report")
            cookie = next(c for c in page.context.cookies() if c["name"] == "loccit_session")
            assert cookie["httpOnly"]
            assert cookie["sameSite"] == "Lax"
            ask(one, QUESTION)
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            page.goto(server.url)
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_reader_never_meets_a_repository_that_they_may_not_see(browser: Browser, tmp_path: Path) -> None:
    """Neither in choosers nor counts nor answers, nor by an address that somebody gave them."""
    index_two(tmp_path, tmp_path / "home")
    with running(tmp_path / "home") as server:
        reader = server.key("rita", repositories=["open"])
        admin = server.key("ada", Role.ADMIN)
        with watched(browser, server.url) as one:
            log_in(one, admin)
            page = one.page
            ask(one, "What is the launch code of the rocket?")
            expect(page.locator("[data-answer]")).to_contain_text("launch.py")
            secret_run = page.url
            secret_source = page.locator("a.cite").first.evaluate("link => link.href")
        with watched(browser, server.url) as one:
            log_in(one, reader)
            page = one.page
            assert "closed" not in page.content()
            expect(page.locator("select[name=where]")).to_contain_text("open")
            expect(page.locator("optgroup[label=Collections]")).to_contain_text("all (1)")
            ask(one, "What is the launch code of the rocket?")
            assert "penguin" not in page.content()
            assert "closed" not in page.content()
            for address in (secret_run, secret_source):
                page.goto(address)
                told = page.locator(".failed").inner_text()
                page.goto(address.replace("closed", "absent"))
                if "source" in address:
                    assert page.locator(".failed").inner_text() == told.replace("closed", "absent")
                assert "penguin" not in page.content()


def test_nothing_that_a_stranger_wrote_comes_alive(browser: Browser, hostile: Server) -> None:
    """Sources, names of files, branches, folders and collections, messages of commits, questions and what a
    model writes are text and nothing else; what reorders text is written out.
    """
    with watched(browser, hostile.url) as one:
        page = one.go()
        ask(one, f"Where is the harbour gate opened? {MARKUP} \u202eevil")
        page.locator("mark.cited").wait_for()
        html = page.content()
        assert "<img" not in html.lower().replace("&lt;img", "")
        assert "\u202e" not in page.locator("body").inner_text()
        assert "\x1b" not in page.locator("body").inner_text()
        assert "\\u202e" in page.locator(".beside").inner_text()
        assert page.locator("a[href^='javascript:'], a[href*='evil.example']").count() == 0
        assert page.locator("[data-answer] [data-machine-written], [data-machine-written]").count() >= 1
        one.shot("hostile")
        run = page.url
        page.goto(run)
        page.goto(page.locator("a.cite").first.evaluate("link => link.href"))
        expect(page.locator("h1")).to_contain_text("gate.py")
        commit = hostile.loccit.status()[0].snapshots[0].commit
        name = hostile.loccit.names()[0]
        page.goto(f"{hostile.url}/commit?id={commit}&repo={name}")
        expect(page.locator("h1")).to_contain_text("The harbour gate")
        expect(page.locator(".message")).to_contain_text("\\u202eby")
        page.goto(f"{hostile.url}/?q={MARKUP}&where={MARKUP}")
        page.goto(f"{hostile.url}/source?repo={MARKUP}&path={MARKUP}&lines=1-2")
        page.goto(f"{hostile.url}/runs/{MARKUP}")
        page.goto(f"{hostile.url}/login?next=javascript:window.owned=1")
        assert page.locator("input[name=next]").get_attribute("value") == "/"


def test_a_conversation_goes_on_where_a_model_writes(browser: Browser, hostile: Server) -> None:
    """The second question belongs to the first one's conversation."""
    with watched(browser, hostile.url) as one:
        page = one.go()
        ask(one, "Where is the harbour gate opened?")
        expect(page.locator("[data-question-label]")).to_have_text("Ask a follow-up")
        ask(one, "And who has the key of the gate?")
        expect(page.locator("[data-answer]")).to_have_count(2)
        expect(page.locator(".by").first).to_contain_text("Written by a machine (scripted:quote-first)")
        sessions = page.locator("[data-answer]").evaluate_all("all => all.map(one => one.dataset.session)")
        assert sessions[0]
        assert sessions[0] == sessions[1]


def log_in(one: Watched, key: str) -> None:
    """Log in with a key."""
    page = one.go("/login")
    page.fill("[name=key]", key)
    page.keyboard.press("Enter")
    page.locator("#question").wait_for()
