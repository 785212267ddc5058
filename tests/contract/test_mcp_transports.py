"""The tools are the same whichever way an agent reaches them, and whichever year's protocol it speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import jsonschema
import pytest
from mcp.shared.exceptions import MCPError

from loccit import Loccit
from loccit.core.answers import parse_answer
from loccit.serving.mcp.tools import BY_NAME, TOOLS
from loccit.verification import Status
from tests.mcp_agents import Agent, by_http, by_stdio, connected, text_of
from tests.servers import index_two, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with two indexed repositories."""
    folder = tmp_path_factory.mktemp("mcp")
    index_two(folder, folder / "home")
    return folder / "home"


@pytest.fixture(scope="module", params=["stdio", "stdio 2025", "http", "http 2025"])
def agent(request: pytest.FixtureRequest, home: Path) -> Generator[Agent]:
    """A connected agent."""
    transport, _, year = request.param.partition(" ")
    with ExitStack() as stack:
        if transport == "stdio":
            way = by_stdio(home, home)
        else:
            way = by_http(stack.enter_context(running(home)).url)
        yield stack.enter_context(connected(way, "legacy" if year else "auto"))


CALLS = [
    ("search_code", {"query": "weather report of a city"}),
    ("find_symbol", {"name": "weather_report"}),
    ("read_file", {"repo": "open", "path": "weather.py"}),
    ("search_history", {"query": "The open one begins"}),
    ("ask", {"question": "Where is the weather report of a city made?"}),
    ("triage_issue", {"issue": "weather_report fails", "repo": "open"}),
    ("index_status", {}),
]


def test_every_tool_is_listed_with_schemas_and_says_that_it_only_reads(agent: Agent):
    listed = agent.run(agent.client.list_tools()).tools
    assert [tool.name for tool in listed] == [tool.name for tool in TOOLS]
    for tool in listed:
        assert tool.title
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.annotations.idempotent_hint
        assert not tool.annotations.open_world_hint
        assert not tool.annotations.destructive_hint
        for schema in (tool.input_schema, tool.output_schema):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"


@pytest.mark.parametrize(("tool", "arguments"), CALLS, ids=[name for name, _ in CALLS])
def test_what_a_tool_gives_is_as_its_schema_says_and_reads_as_text(agent: Agent, tool: str, arguments: dict):
    result = agent.call(tool, **arguments)
    assert not result.is_error, text_of(result)
    listed = agent.run(agent.client.list_tools()).tools
    (described,) = (one for one in listed if one.name == tool)
    jsonschema.Draft202012Validator(described.output_schema).validate(result.structured_content)
    assert BY_NAME[tool].result.model_validate(result.structured_content)
    assert "weather" in text_of(result) or "open: ready" in text_of(result) or "begins" in text_of(result)


def test_a_link_leads_to_the_exact_lines(agent: Agent):
    result = agent.call("find_symbol", name="weather_report")
    link = result.content[1]
    assert link.type == "resource_link"
    assert agent.read(link.uri).startswith("def weather_report(city: str) -> str:\n")
    read = agent.given("read_file", repo="open", path="weather.py")
    whole = agent.read(link.uri.partition("#")[0])
    assert (read["start_line"], read["total_lines"], read["text"]) == (1, 6, whole)


def test_an_answer_can_be_checked_again_and_read_whole(agent: Agent, home: Path):
    asked = agent.call("ask", question="Where is the weather report of a city made?")
    given = asked.structured_content
    assert given["claims"][0]["citations"][0]["path"] == "weather.py"
    checked = agent.given("verify_answer", answer_id=given["answer_id"])
    assert (checked["status"], checked["fell"]) == ("holds", 0)
    document = agent.read(asked.content[-1].uri)
    assert parse_answer(document.encode()).digest == given["digest"]
    assert Loccit(home).verify(document.encode()).status is Status.HOLDS
    assert agent.given("verify_answer", answer=json.loads(document))["status"] == "holds"
    forged = json.loads(document)
    forged["claims"][0]["text"] = "Something else"
    assert agent.given("verify_answer", answer=forged)["status"] == "fell"
    assert agent.call("verify_answer", answer={"format": "none"}).is_error
    assert agent.call("verify_answer", answer_id="0" * 32).is_error


def test_pages_follow_each_other_without_gap_and_overlap(agent: Agent):
    whole = agent.given("search_code", query="weather launch code", limit=10)["hits"]
    first = agent.given("search_code", query="weather launch code", limit=1)
    second = agent.given("search_code", query="weather launch code", limit=9, cursor=first["next_cursor"])
    assert first["hits"] + second["hits"] == whole
    assert len(whole) > 1
    assert second["next_cursor"] is None
    assert agent.call("search_code", query="other words", cursor=first["next_cursor"]).is_error
    assert agent.call("search_code", query="weather", cursor="made.up").is_error


def test_lines_of_a_file_go_on_where_they_ended(agent: Agent):
    lines, start = [], 1
    while start is not None:
        page = agent.given("read_file", repo="open", path="weather.py", start_line=start, limit=4)
        lines += page["text"].split("\n")
        start = page["next_start_line"]
    assert lines == agent.given("read_file", repo="open", path="weather.py")["text"].split("\n")


def test_an_agent_that_asks_for_it_hears_how_an_answer_comes_about(agent: Agent):
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    question = {"question": "Where is the weather report of a city made?"}
    agent.run(agent.client.call_tool("ask", question, progress_callback=hear))
    assert [number for number, _ in heard] == sorted({number for number, _ in heard})
    assert heard[0][1] == "searching"
    assert heard[1][1].startswith("found ")


def test_many_calls_at_once_are_each_answered_for_themselves(agent: Agent):
    async def many() -> list[str]:
        names = ["weather_report", "launch_code"] * 8
        calls = (agent.client.call_tool("find_symbol", {"name": name}) for name in names)
        results = await asyncio.gather(*calls)
        return [result.structured_content["symbols"][0]["symbol"] for result in results]

    assert agent.run(many()) == ["weather_report", "launch_code"] * 8


WRONG = [
    ("search_code", {}, "query: Field required"),
    ("search_code", {"query": ""}, "at least 1 character"),
    ("search_code", {"query": "x", "colour": 1}, "colour: Extra inputs are not permitted"),
    ("search_code", {"query": "x" * 30_000}, "at most 20000"),
    ("search_code", {"query": "x", "limit": 10**30}, "limit"),
    ("search_code", {"query": "weather", "repos": ["nowhere"]}, "no repository 'nowhere' is indexed"),
    ("search_code", {"query": "weather", "languages": ["klingon"]}, "'klingon' is not known"),
    ("find_symbol", {"name": " . "}, "is no name of a definition"),
    ("read_file", {"repo": "open", "path": "weather.py", "start_line": 900}, "has no lines 900"),
    (
        "read_file",
        {"repo": "open", "path": "weather.py", "start_line": 3, "end_line": 2},
        "smaller one first",
    ),
    ("read_file", {"repo": "open", "path": "weather.py", "revision": "v99"}, "v99"),
    ("read_file", {"path": "weather.py"}, "name one in repo"),
    ("triage_issue", {"issue": "x", "repo": "open", "as_of": "2999-01-01"}, "in the future"),
    ("verify_answer", {}, "one of answer_id and answer"),
]


@pytest.mark.parametrize(("tool", "arguments", "told"), WRONG)
def test_what_a_tool_cannot_do_is_told_to_the_agent(agent: Agent, tool: str, arguments: dict, told: str):
    result = agent.call(tool, **arguments)
    assert result.is_error
    assert told in text_of(result)
    assert "Traceback" not in text_of(result)


@pytest.mark.parametrize(
    "path",
    [
        "../closed/launch.py",
        "/etc/passwd",
        "weather.py/..",
        ".git/config",
        "./weather.py",
        "weather.py\0",
        "nothing",
    ],
)
def test_no_path_leads_out_of_what_is_indexed(agent: Agent, path: str):
    result = agent.call("read_file", repo="open", path=path)
    assert result.is_error
    assert "is indexed in 'open'" in text_of(result)


@pytest.mark.parametrize(
    "uri",
    [
        "loccit:///open/HEAD/../closed/launch.py",
        "loccit:///open/HEAD/%2e%2e/closed/launch.py",
        "loccit:///nowhere/HEAD/weather.py",
        "loccit:///open/HEAD/weather.py#L9-L2",
        "loccit:///open/HEAD/weather.py?x",
        "loccit://host/open/HEAD/weather.py",
        "loccit:///open/v99/weather.py",
        "loccit-answer:///..%2f..",
        "file:///etc/passwd",
        "x" * 30_000,
    ],
)
def test_a_uri_of_nothing_is_refused(agent: Agent, uri: str):
    with pytest.raises(MCPError):
        agent.read(uri)
    assert agent.given("index_status")["repositories"]


def test_null_and_a_single_name_are_understood(agent: Agent):
    given = agent.given("search_code", query="weather", repos="open", collection=None, revision=None)
    assert {hit["repo"] for hit in given["hits"]} == {"open"}
