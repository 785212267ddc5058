"""Responses, asked with OpenAI's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from loccit.policy.callers import Role
from loccit.serving.openai_compat.schemas import ResponseBody
from tests.servers import Server, index_two, running

QUESTION = "Where is the weather report of a city made?"
EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server without a model."""
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    with running(folder / "home") as one:
        yield one


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server whose model quotes what stands in its evidence."""
    folder = tmp_path_factory.mktemp("writing")
    index_two(folder, folder / "home")
    (folder / "home" / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    with running(folder / "home", public_url="https://loccit.example.org/") as one:
        yield one


@pytest.fixture
def client(server: Server) -> Generator[openai.OpenAI]:
    with client_of(server) as one:
        yield one


@pytest.fixture
def writer(writing: Server) -> Generator[openai.OpenAI]:
    with client_of(writing) as one:
        yield one


def client_of(server: Server, user: str = "reader") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key(user), max_retries=0, timeout=30)


def facts_of(response: Response) -> dict[str, Any]:
    return (response.model_extra or {})["loccit"]


def test_a_response_holds_the_answer_its_facts_and_what_was_used(client: openai.OpenAI):
    response = client.responses.create(model="loccit/open", input=QUESTION, metadata={"ticket": "7"})
    assert (response.status, response.error, response.metadata) == ("completed", None, {"ticket": "7"})
    assert response.output_text.startswith("[1] `weather.py:1-6`:\n\n```\n")
    facts = facts_of(response)
    assert (facts["outcome"], facts["session"], facts["ignored"]) == ("answered", "", [])
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert response.conversation is None


def test_a_streamed_response_is_the_events_of_the_interface_numbered_without_gap(client: openai.OpenAI):
    whole = client.responses.create(model="loccit", input=QUESTION)
    events: list[Any] = list(client.responses.create(model="loccit", input=QUESTION, stream=True))
    assert [event.type for event in events] == EVENTS
    assert [event.sequence_number for event in events] == list(range(len(EVENTS)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text == events[-4].text
    assert events[0].response.id == events[-1].response.id
    assert events[0].response.status == "in_progress"
    assert facts_of(events[-1].response)["answer"] == facts_of(whole)["answer"]


def test_links_are_annotations_of_the_text(writer: openai.OpenAI):
    stream = writer.responses.create(model="loccit/open", input=QUESTION, stream=True)
    events: list[Any] = list(stream)
    (added,) = [event for event in events if event.type == "response.output_text.annotation.added"]
    response: Response = events[-1].response
    (content,) = response.output[0].content  # pyright: ignore[reportAttributeAccessIssue] - a message
    (link,) = content.annotations
    assert content.text[link.start_index : link.end_index] == f"[1]({link.url})"
    assert link.url == f"https://loccit.example.org/runs/{facts_of(response)['run']}#c1"
    assert (added.annotation_index, added.annotation.url) == (0, link.url)


def test_the_clients_own_reader_of_streams_comes_to_the_whole_response(writer: openai.OpenAI):
    with writer.responses.stream(model="loccit/open", input=QUESTION) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.output_text.startswith("The weather report of a city")
    assert final.status == "completed"


def test_the_asynchronous_client_gets_the_same(writing: Server):
    async def asked() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=f"{writing.url}/v1", api_key=writing.key("async")) as client:
            whole = await client.responses.create(model="loccit/open", input=QUESTION)
            stream = await client.responses.create(model="loccit/open", input=QUESTION, stream=True)
            events: list[Any] = [event async for event in stream]
        return whole.output_text, events[-1].response.output_text

    whole, streamed = asyncio.run(asked())
    # The run is another one, and its page another address.
    assert whole.partition("[1]")[0] == streamed.partition("[1]")[0] != ""


@pytest.mark.parametrize("by", ["previous_response_id", "conversation"])
def test_a_conversation_goes_on_from_a_response(writing: Server, writer: openai.OpenAI, by: str):
    first = writer.responses.create(model="loccit/open", input=QUESTION)
    assert first.conversation is not None
    goes_on: Any = {by: first.id if by == "previous_response_id" else first.conversation.id}
    second = writer.responses.create(model="loccit/open", input="And which city?", **goes_on)
    assert facts_of(second)["session"] == facts_of(first)["session"]
    with writing.client(writing.key("boss", Role.ADMIN)) as rest:
        record = rest.get(f"/v1/runs/{facts_of(second)['run']}").json()
    assert [call["purpose"] for call in record["calls"]] == ["condense", "answer"]
    # Another's conversation is answered as one that is not there.
    with client_of(writing, "stranger") as stranger:
        refused: list[tuple[str, str | None]] = []
        for id in (first.id, f"resp_{'0' * 64}"):
            with pytest.raises(openai.NotFoundError) as told:
                stranger.responses.create(model="loccit/open", input="And?", previous_response_id=id)
            refused.append((told.value.message.replace(id[5:37], "…"), told.value.code))
        assert refused[0] == refused[1]
        assert refused[0][1] == "previous_response_not_found"


def test_messages_of_the_input_are_the_conversation_and_instructions_are_none_to_us(writing: Server):
    items: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "In weather.py.", "annotations": []}],
        },
        {"role": "user", "content": "And which city?"},
    ]
    with client_of(writing, "history") as client:
        response = client.responses.create(model="loccit", input=items, instructions="Be a pirate.")
    assert facts_of(response)["ignored"] == ["instructions", "input[0]"]
    assert response.instructions == "Be a pirate."
    with writing.client(writing.key("boss", Role.ADMIN)) as rest:
        record = rest.get(f"/v1/runs/{facts_of(response)['run']}").json()
    assert record["question"] == "And which city?"
    assert record["calls"][0]["purpose"] == "condense"


def test_every_parameter_of_openai_is_used_taken_or_refused():
    known = set(ResponseCreateParamsBase.__annotations__) | {"stream"}
    assert known == set(ResponseBody.model_fields) - {"loccit"}
