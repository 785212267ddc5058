"""Pages as a program sees them: what is answered to whom, with which heads, and what stands in forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit import Loccit
from loccit.evals.tasks import read_task
from loccit.policy.callers import Role
from loccit.serving.doors import CONTENT_SECURITY_POLICY
from loccit.serving.web.gaps import Unanswered, gaps
from loccit.serving.web.plots import DayPlot, DaySeries
from loccit.settings import Settings
from tests.repositories import make_repository
from tests.servers import Server, index_two, running

ASKED = {"question": "Where is the weather report of a city made?"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over two repositories, and an evaluation of one of them; who asks shows a key."""
    folder = tmp_path_factory.mktemp("served")
    loccit = index_two(folder, folder / "home")
    (folder / "samples.jsonl").write_text(
        '{"format": "loccit-dataset/1", "name": "about-launches"}\n'
        '{"id": "1", "question": "What is the launch code?", "repo": "closed", '
        '"gold": {"files": ["launch.py"]}}\n'
    )
    (folder / "launches.toml").write_text(
        'name = "launches"\ndataset = "samples.jsonl"\n[system]\nkind = "loccit"\n'
    )
    with ThreadPoolExecutor(1) as threads:
        threads.submit(loccit.evaluate, read_task(str(folder / "launches.toml")), repos=["closed"]).result()
    with running(folder / "home") as one:
        yield one


@pytest.fixture(scope="module")
def admin(server: Server) -> str:
    return server.key("ada", Role.ADMIN)


@pytest.fixture(scope="module")
def reader(server: Server) -> str:
    return server.key("rita", repositories=["open"])


PAGES = (
    "/",
    "/search?q=weather",
    "/triage",
    "/runs",
    "/repositories",
    "/dashboard",
    "/source?repo=open&path=weather.py",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_its_caller_alone_and_loads_nothing_from_elsewhere(
    server: Server, admin: str, path: str
) -> None:
    with server.client(admin) as client:
        reply = client.get(path)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert reply.headers["cache-control"] == "private, no-store"
    loaded = re.findall(r'(?:src|href|action)="([^"]*)"', reply.text)
    assert all(address.startswith(("/", "#")) for address in loaded)
    assert not re.search(r"<style|style=|\son\w+=|<script(?! src=\"/static/)", reply.text)


@pytest.mark.parametrize(
    "path", [*PAGES, "/runs/0123456789abcdef", "/reports", "/commit?repo=open&id=" + "0" * 40]
)
def test_who_is_not_known_is_led_to_the_login_and_back(server: Server, admin: str, path: str) -> None:
    with server.client() as client:
        reply = client.get(path)
        assert reply.status_code == 303
        page = client.get(reply.headers["location"])
    assert page.status_code == 200
    assert f'name="next" value="{path.replace("&", "&amp;")}"' in page.text


def test_what_pages_load_is_kept_by_its_name(server: Server) -> None:
    """For a year where the address says which bytes, for everybody."""
    with server.client() as client:
        page = client.get("/login").text
        for address in re.findall(r'"(/static/[^"]*)"', page):
            reply = client.get(address)
            assert reply.status_code == 200
            assert "immutable" in reply.headers["cache-control"]
            assert client.get(f"{address}0").headers["cache-control"] == "no-cache"
        assert client.get("/static/../app.py").status_code == 404
        assert client.get("/static/nothing.js").status_code == 404


def test_a_form_of_another_site_does_nothing(server: Server, admin: str) -> None:
    """A browser would send the cookie of a login with it."""
    with server.client() as client:
        client.post("/login", data={"key": admin})
        assert client.get("/").status_code == 200
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            for path in ("/ask", "/logout", "/login", "/theme", "/triage", "/runs/0123456789/feedback"):
                sent = client.post(path, data={"to": "dark", "thumb": "up"} | ASKED, headers=headers)
                assert sent.status_code == 403, path
                assert "set-cookie" not in sent.headers


def test_a_wrong_key_is_told_without_saying_what_is_wrong_and_not_too_often(server: Server) -> None:
    with server.client() as client:
        statuses = {
            client.post("/login", data={"key": f"loccit_{number}"}).status_code for number in range(40)
        }
    assert statuses == {401, 429}


def test_readers_see_neither_the_runs_nor_the_reports_of_others(
    server: Server, admin: str, reader: str
) -> None:
    """What is not theirs is answered as what is not there, byte for byte but for the name asked for."""
    with server.client(admin) as client:
        run = client.post("/v1/ask", json={"question": "What is the launch code?"}).headers["loccit-run"]
        assert client.get(f"/runs/{run}").status_code == 200
        assert "launches" in client.get("/reports").text
        assert client.get(f"/runs/{run}/parts").status_code == 200
    with server.client(reader) as client:
        for path in ("", "/parts"):
            there, absent = client.get(f"/runs/{run}{path}"), client.get(f"/runs/{'f' * 32}{path}")
            assert there.status_code == absent.status_code == 404
            assert there.text.replace(run, "f" * 32) == absent.text
        assert client.get("/runs?everybody=1").status_code == 403
        assert client.get("/reports").status_code == 403
        source = "/source?path=launch.py&repo="
        there, absent = client.get(f"{source}closed"), client.get(f"{source}absent")
        assert there.status_code == absent.status_code == 404
        assert there.text.replace("closed", "absent") == absent.text


def test_a_maintainer_sees_only_reports_about_what_they_may_see(server: Server, admin: str) -> None:
    """Also by the address of one that somebody else sees."""
    with server.client(admin) as client:
        listed = client.get("/reports").text
        address = re.findall(r'href="(/reports/[^"]+)"', listed)[0]
        report = client.get(address)
        assert "How good is" in report.text
        assert "sandbox" in report.headers["content-security-policy"]
        for wrong in ("/reports/launches/nothing", "/reports/../secret", "/reports/..%2f/x", "/reports/./x"):
            assert client.get(wrong).status_code == 404
    with server.client(server.key("max", Role.MAINTAINER, repositories=["open"])) as client:
        assert "launches" not in client.get("/reports").text
        assert client.get(address).status_code == 404


def test_an_answer_of_which_nothing_is_kept_is_shown_all_the_same(tmp_path: Path) -> None:
    """Without a run there is nothing to rate and no link, and the page says so by leaving them out."""
    index_two(tmp_path, tmp_path / "home")
    settings = Settings.load(tmp_path / "home")
    quiet = replace(settings, telemetry=replace(settings.telemetry, record_runs=False))
    with running(tmp_path / "home", quiet) as server, server.client() as client:
        reply = client.post("/ask", data=ASKED)
        assert reply.status_code == 200
        assert "Quoted word for word" in reply.text
        assert "/feedback" not in reply.text
        assert client.get("/runs").status_code == 200


def test_bytes_that_are_not_those_that_were_cited_are_told_apart(server: Server, admin: str) -> None:
    """The page compares what the address says was cited with what the file says."""
    with server.client(admin) as client:
        run = client.post("/v1/ask", json=ASKED).headers["loccit-run"]
        page = client.get(f"/runs/{run}").text
        address = re.findall(r'href="(/source\?[^"#]*sha256[^"#]*)', page)[0].replace("&amp;", "&")
        assert "are those that were cited" in client.get(address).text
        forged = re.sub(r"sha256=.", "sha256=0" if "sha256=0" not in address else "sha256=1", address)
        assert "not the bytes that were cited" in client.get(forged).text
        longer = re.sub(r"bytes=(\d+)-\d+", r"bytes=\1-999999", address)
        assert "not the bytes that were cited" in client.get(longer).text
        assert client.get(re.sub(r"lines=[^&]*", "lines=9-1", address)).status_code == 422
        assert client.get(re.sub(r"lines=[^&]*", "lines=900000", address)).status_code == 200


def test_a_long_file_comes_in_parts_that_follow_each_other(tmp_path: Path) -> None:
    lines = [f"line {number} of the long file" for number in range(1, 4_501)]
    make_repository(tmp_path / "long", [{"files": {"long.txt": "\n".join(lines) + "\n"}}])
    Loccit(tmp_path / "home").index(tmp_path / "long")
    with running(tmp_path / "home") as server, server.client() as client:
        path, seen = "/source?repo=long&path=long.txt", list[str]()
        while path:
            page = client.get(path).text
            seen += re.findall(r'id="L\d+" data-n="(\d+)"', page)
            following = re.findall(r'href="([^"]+)">Lines after', page)
            path = following[0].replace("&amp;", "&") if following else ""
        assert seen == [str(number) for number in range(1, 4_501)]
        part = client.get(
            "/source?repo=long&path=long.txt&lines=3000-3001", headers={"Loccit-Fragment": "1"}
        ).text
        assert 'id="L3000-L3001"' in part
        assert part.count("data-n=") <= 240


def test_a_page_that_is_none_is_told_as_a_page_to_people_and_as_a_document_to_programs(
    server: Server,
) -> None:
    with server.client() as client:
        page = client.get("/nothing", headers={"Accept": "text/html,*/*"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert client.get("/nothing").headers["content-type"] == "application/problem+json"
        assert client.get("/v1/nothing").status_code == 404


def test_questions_about_the_same_are_one_gap() -> None:
    asked = [
        "How is the parcel insured against rain?",
        "Is a parcel insured when it rains?",
        "Who paints the lighthouse?",
        "rain insurance for parcels",
        "",
    ]
    found = gaps([Unanswered(question, str(at), at) for at, question in enumerate(asked)])
    assert [len(gap.questions) for gap in found] == [3, 1, 1]
    assert set(found[0].words) >= {"parcel", "rain"} or set(found[0].words) >= {"parcels", "rain"}
    assert [one.run for one in found[0].questions] == ["3", "1", "0"]


@given(st.lists(st.text(max_size=60), max_size=12))
def test_every_question_is_in_exactly_one_gap(asked: list[str]) -> None:
    found = gaps([Unanswered(question, str(at), at) for at, question in enumerate(asked)])
    assert sorted(int(one.run) for gap in found for one in gap.questions) == list(range(len(asked)))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), min_size=1, max_size=90), st.booleans())
def test_a_plot_draws_whatever_was_measured(values: list[float | None], is_stacked: bool) -> None:
    """Within its frame, without a style of its own, and with the same figures in its table."""
    first = date(2026, 1, 1)
    days = tuple(first + timedelta(days=at) for at in range(len(values)))
    series = (DaySeries("<b>", tuple(values), "accent"), DaySeries("other", tuple(values), "s2"))
    plot = DayPlot("Title", "About", days, series, is_stacked=is_stacked)
    drawn = str(plot.drawn("p"))
    assert "style=" not in drawn
    assert "<b>" not in drawn
    assert "nan" not in drawn
    heights = [float(one) for one in re.findall(r'(?:cy|y)="(-?[\d.]+)"', drawn)]
    assert all(0 <= height <= 194 for height in heights)
    assert len(plot.rows) == sum(bool(value) for value in values)


def test_a_session_of_somebody_else_is_not_gone_on_with(server: Server, admin: str, reader: str) -> None:
    """The form names it; the server looks whose it is."""
    with server.client(reader) as client:
        reply = client.post("/ask", data=ASKED | {"session": "0" * 32, "where": "repo:closed"})
        assert reply.status_code in {303, 404}
        if reply.status_code == 303:
            assert "launch" not in client.get(reply.headers["location"]).text


def test_what_the_page_streams_is_what_the_page_shows(server: Server, admin: str) -> None:
    """The last event holds the answer as the run's own page has it."""
    with server.client(admin) as client:
        reply = client.post("/ask", data=ASKED, headers={"Loccit-Fragment": "1"})
        events = [part.split("\n") for part in reply.text.strip().split("\n\n")]
        html = json.loads(events[-1][1].removeprefix("data: "))["html"]
        assert [lines[0] for lines in events][-1] == "event: answer"
        run = re.findall(r'data-run="(\w+)"', html)[0]
        page = client.get(f"/runs/{run}").text
    claims = re.findall(r'<ol class="claims">.*?</ol>', html, re.DOTALL)
    assert claims
    assert claims[0] in page
