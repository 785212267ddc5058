"""`loccit mcp`: what somebody at the machine may expect of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loccit
from loccit import Loccit
from tests.mcp_agents import by_stdio, connected, text_of
from tests.repositories import add_commits, make_repository
from tests.servers import index_two

WEATHER = {"files": {"weather.py": "def weather_report():\n    return 'sunny'\n"}, "message": "Begin"}


def test_in_a_repository_that_is_not_indexed_the_first_question_has_it_indexed(tmp_path: Path):
    make_repository(tmp_path / "new", [WEATHER])
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    with connected(by_stdio(tmp_path / "home", tmp_path / "new")) as agent:
        (before,) = agent.given("index_status")["repositories"]
        assert before["state"] == "not_indexed"
        assert not Loccit(tmp_path / "home").names()
        asked = {"query": "weather report"}
        result = agent.run(agent.client.call_tool("search_code", asked, progress_callback=hear))
        assert result.structured_content["hits"][0]["path"] == "weather.py"
        assert any("for the first time" in str(message) for message in heard)
        (after,) = agent.given("index_status")["repositories"]
        assert (after["name"], after["state"]) == ("new", "ready")


def test_what_was_committed_since_is_found_without_being_asked_to_index(tmp_path: Path):
    make_repository(tmp_path / "moves", [WEATHER])
    Loccit(tmp_path / "home").index(tmp_path / "moves")
    with connected(by_stdio(tmp_path / "home", tmp_path / "moves")) as agent:
        assert agent.given("find_symbol", name="storm_warning")["symbols"] == []
        more = {"files": {"storm.py": "def storm_warning():\n    return 'wind'\n"}, "message": "Storms"}
        add_commits(tmp_path / "moves", [more], first=1)
        (found,) = agent.given("find_symbol", name="storm_warning")["symbols"]
        assert found["path"] == "storm.py"
        (tmp_path / "moves" / "storm.py").write_text("changed = True\n")
        notes = agent.given("ask", question="Where is the storm warning made?")["notes"]
        assert any("not committed" in note for note in notes)


def test_where_repositories_are_named_nothing_else_is_to_be_seen(tmp_path: Path):
    index_two(tmp_path, tmp_path / "home")
    Loccit(tmp_path / "home").index(tmp_path / "open", collection="one")
    for options in (["--repo", str(tmp_path / "open")], ["--collection", "one"]):
        with connected(by_stdio(tmp_path / "home", tmp_path / "closed", *options)) as agent:
            assert [one["name"] for one in agent.given("index_status")["repositories"]] == ["open"]
            hits = agent.given("search_code", query="weather launch code")["hits"]
            assert {hit["repo"] for hit in hits} == {"open"}
            for name in ("closed", str(tmp_path / "closed"), "."):
                assert agent.call("search_code", query="launch", repos=[name]).is_error
                assert agent.call("read_file", repo=name, path="launch.py").is_error
            hits = agent.given("search_code", query="weather launch", collection="all")["hits"]
            assert {hit["repo"] for hit in hits} == {"open"}


def test_a_question_goes_to_the_repository_that_the_agent_is_in(tmp_path: Path):
    index_two(tmp_path, tmp_path / "home")
    with connected(by_stdio(tmp_path / "home", tmp_path / "closed")) as agent:
        assert agent.given("read_file", path="launch.py")["repo"] == "closed"
        hits = agent.given("search_code", query="weather launch code")["hits"]
        assert {hit["repo"] for hit in hits} == {"closed"}
        assert agent.given("read_file", repo="open", path="weather.py")["repo"] == "open"


def test_an_answer_that_is_given_up_ends_the_call_of_the_model(tmp_path: Path):
    make_repository(tmp_path / "slow", [WEATHER])
    loccit = Loccit(tmp_path / "home")
    loccit.index(tmp_path / "slow")
    (tmp_path / "home" / "slow.toml").write_text('[[rules]]\nreply = "late"\ndelay_s = 60.0\n')
    (tmp_path / "home" / "settings.toml").write_text('[models]\nanswer = "scripted:slow.toml"\n')
    for mode in ("auto", "legacy"):
        before = len(loccit.runs())
        with connected(by_stdio(tmp_path / "home", tmp_path / "slow"), mode) as agent:

            async def given_up(agent: Any = agent, before: int = before) -> None:
                writing = asyncio.Event()

                async def hear(progress: float, total: float | None, message: str | None) -> None:
                    if str(message).startswith("writing"):
                        writing.set()

                asked = {"question": "What does weather_report return?"}
                call = asyncio.ensure_future(agent.client.call_tool("ask", asked, progress_callback=hear))
                await asyncio.wait_for(writing.wait(), 30)
                call.cancel()
                await asyncio.wait({call})
                async with asyncio.timeout(10):
                    while len(loccit.runs()) == before:
                        await asyncio.sleep(0.05)

            agent.run(given_up())
            assert loccit.run(loccit.runs()[0].id).error == "CancelledError"
            assert agent.given("index_status")["repositories"]


@contextmanager
def process(home: Path, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """`loccit mcp` with nobody's client in front of it."""
    package = str(Path(loccit.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "loccit", "mcp"],
        cwd=folder,
        env=os.environ | {"LOCCIT_HOME": str(home), "PYTHONPATH": package},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as one:
        try:
            yield one
        finally:
            one.kill()


def test_lines_that_are_no_requests_do_not_end_it_and_the_end_of_input_does(tmp_path: Path):
    lines = [
        b"",
        b"nonsense",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe\x00",
        b"[" * 50_000,
        b'{"jsonrpc":"2.0","id":[],"method":"ping"}',
        b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"search_code","arguments":7}}',
        b'{"jsonrpc":"2.0","id":6,"method":"' + b"x" * 3_000_000 + b'"}',
        b'{"jsonrpc":"2.0","id":99,"method":"ping","params":{}}',
    ]
    with process(tmp_path / "home", tmp_path) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        assert one.stderr is not None
        one.stdin.write(b"\n".join(lines) + b"\n")
        one.stdin.flush()
        answers = []
        while not answers or answers[-1].get("id") != 99:
            answers.append(json.loads(one.stdout.readline()))
        assert answers[-1]["result"] == {}
        one.stdin.close()
        assert one.wait(20) == 0
        assert b"Traceback" not in one.stderr.read()
        assert one.stdout.read() == b""


def test_what_cannot_be_indexed_is_told_with_the_reason(tmp_path: Path):
    make_repository(tmp_path / "broken", [WEATHER])
    head = (tmp_path / "broken" / ".git" / "HEAD").read_text()
    (tmp_path / "broken" / ".git" / "HEAD").write_text("ref: refs/heads/nowhere\n")
    with connected(by_stdio(tmp_path / "home", tmp_path / "broken")) as agent:
        result = agent.call("search_code", query="weather")
        assert result.is_error
        assert "Next: " in text_of(result)
        (tmp_path / "broken" / ".git" / "HEAD").write_text(head)
        assert agent.given("search_code", query="weather")["hits"]


def test_without_the_package_it_says_what_to_install(tmp_path: Path):
    program = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['loccit', 'mcp']; "
        "from loccit.cli.app import run; run()"
    )
    package = str(Path(loccit.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"LOCCIT_HOME": str(tmp_path), "PYTHONPATH": package},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'loccit[mcp]'" in done.stderr
