"""Models and chat completions, asked with OpenAI's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from loccit.models.tokens import count
from loccit.policy.callers import Role
from loccit.serving.openai_compat.schemas import ChatBody
from tests.repositories import make_repository
from tests.servers import Server, index_two, running

QUESTION = "Where is the weather report of a city made?"
UNANSWERABLE = "Which zebra quantum marmalade?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two repositories and no model."""
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Generator[Server]:
    """A server without a model, and with keys."""
    with running(folder / "home") as one:
        one.key("somebody")
        yield one


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server whose model quotes what stands in its evidence, and knows what was asked before."""
    folder = tmp_path_factory.mktemp("writing")
    index_two(folder, folder / "home")
    (folder / "home" / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    with running(folder / "home", public_url="https://loccit.example.org") as one:
        one.key("somebody")
        yield one


@pytest.fixture
def client(server: Server) -> Generator[openai.OpenAI]:
    with client_of(server, server.key("reader")) as one:
        yield one


def client_of(server: Server, key: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=30, **options)


def ask(
    client: openai.OpenAI, question: str = QUESTION, model: str = "loccit", **more: Any
) -> ChatCompletion:
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], **more
    )


def facts_of(completion: ChatCompletion) -> dict[str, Any]:
    return (completion.choices[0].message.model_extra or {})["loccit"]


def test_there_is_a_model_for_everything_each_repository_and_each_collection(client: openai.OpenAI):
    assert [model.id for model in client.models.list()] == [
        "loccit",
        "loccit/closed",
        "loccit/open",
        "loccit:all",
    ]
    one = client.models.retrieve("loccit/open")
    assert (one.id, one.object, one.owned_by) == ("loccit/open", "model", "loccit")


def test_ids_survive_names_with_slashes_dots_and_what_else_folders_are_called(tmp_path: Path):
    names = ["a.b", "x%2Fy", "with space", "colon:name", "ünï"]
    loccit = index_two(tmp_path, tmp_path / "home")
    for name in names:
        files = {"mark.py": f"mark_of_{names.index(name)} = 1\n".encode()}
        make_repository(tmp_path / name, [{"files": files, "message": "It begins"}])
        loccit.index(tmp_path / name, collection="group/one.two")
    with running(tmp_path / "home") as server, client_of(server, server.key("x")) as client:
        listed = [model.id for model in client.models.list()]
        assert {f"loccit/{name}" for name in names} <= set(listed)
        assert "loccit:group/one.two" in listed
        for id in listed:
            assert client.models.retrieve(id).id == id
        facts = facts_of(ask(client, "What is mark_of_2?", "loccit/with space"))
        assert [place["repo"] for place in facts["citations"]] == ["with space"]


def test_an_answer_quotes_with_numbers_and_says_where_each_stands(server: Server, client: openai.OpenAI):
    completion = ask(client)
    (choice,) = completion.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    text = choice.message.content or ""
    assert text.startswith("[1] `weather.py:1-6`:\n\n```\n")
    assert text.endswith(f"```\n\nSources:\n\n1. `weather.py:1-6 @ {commit_of(server)[:12]}`")
    facts = facts_of(completion)
    assert (facts["outcome"], facts["abstention"], facts["machine_written"]) == ("answered", None, True)
    assert (facts["models"], facts["session"]) == ([], "")
    (place,) = facts["citations"]
    assert (place["repo"], place["path"], place["start_line"], place["end_line"]) == (
        "open",
        "weather.py",
        1,
        6,
    )
    assert place["commit"] == commit_of(server)
    assert place["verdicts"] == [{"claim": 1, "verdict": "supported", "score": 1.0}]


def test_the_run_that_it_names_holds_the_whole_answer(server: Server, client: openai.OpenAI):
    facts = facts_of(ask(client))
    with server.client(server.key("boss", Role.ADMIN)) as rest:
        record = rest.get(f"/v1/runs/{facts['run']}").json()
    assert record["answer"]["digest"] == facts["answer"] == server.loccit.ask(QUESTION).digest


def test_a_model_that_is_a_repository_or_a_collection_is_asked_alone(client: openai.OpenAI):
    found = ask(client, "What is the launch code of the rocket?", "loccit/closed")
    assert {place["repo"] for place in facts_of(found)["citations"]} == {"closed"}
    other = ask(client, "What is the launch code of the rocket?", "loccit/open")
    assert "penguin" not in (other.choices[0].message.content or "")
    both = ask(client, "weather report and launch code", "loccit:all")
    assert {place["repo"] for place in facts_of(both)["citations"]} == {"open", "closed"}


def test_what_the_sources_do_not_hold_is_told_plainly(client: openai.OpenAI):
    completion = ask(client, UNANSWERABLE)
    text = completion.choices[0].message.content or ""
    assert text.startswith("Not answered: nothing in these sources")
    assert "Ask with names from the code" in text
    assert facts_of(completion)["abstention"] == "not_in_sources"
    assert completion.choices[0].finish_reason == "stop"


def test_a_stream_has_the_same_text_the_facts_and_what_was_used(client: openai.OpenAI):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert len([delta for delta in deltas if delta]) == 2  # the quotation, and the sources
    *_, last, used = chunks
    assert last.choices[0].finish_reason == "stop"
    facts = (last.choices[0].delta.model_extra or {})["loccit"]
    assert facts["answer"] == facts_of(whole)["answer"]
    assert used.choices == []
    assert used.usage is not None
    assert used.usage.model_dump() == whole.usage.model_dump()
    assert used.usage.prompt_tokens == count(QUESTION)


def test_a_stream_is_lines_of_data_that_end_with_done(server: Server):
    body = {"model": "loccit", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with server.client(server.key("raw")) as client:
        reply = client.post("/v1/chat/completions", json=body)
    assert reply.headers["content-type"].startswith("text/event-stream")
    *parts, end = reply.text.split("\n\n")
    assert end == ""
    assert all(part.startswith("data: ") for part in parts)
    assert parts[-1] == "data: [DONE]"
    assert not any('"usage"' in part for part in parts)


def test_the_clients_own_reader_of_streams_comes_to_the_whole_message(client: openai.OpenAI):
    whole = ask(client)
    messages: Any = [{"role": "user", "content": QUESTION}]
    with client.chat.completions.stream(model="loccit", messages=messages) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert (final.choices[0].message.model_extra or {})["loccit"]["answer"] == facts_of(whole)["answer"]


def test_the_asynchronous_client_gets_the_same(server: Server):
    async def asked() -> tuple[str, str, list[str]]:
        messages: Any = [{"role": "user", "content": QUESTION}]
        async with openai.AsyncOpenAI(
            base_url=f"{server.url}/v1", api_key=server.key("async"), max_retries=0
        ) as client:
            whole = await client.chat.completions.create(model="loccit", messages=messages)
            stream = await client.chat.completions.create(model="loccit", messages=messages, stream=True)
            streamed = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            models = [model.id async for model in client.models.list()]
        return whole.choices[0].message.content or "", streamed, models

    whole, streamed, models = asyncio.run(asked())
    assert whole == streamed
    assert models[0] == "loccit"


def test_a_model_writes_claims_with_links_and_its_tokens_are_told(writing: Server):
    with client_of(writing, writing.key("writer")) as client:
        completion = ask(client, model="loccit/open")
    text, facts = completion.choices[0].message.content or "", facts_of(completion)
    page = f"https://loccit.example.org/runs/{facts['run']}"
    assert text.startswith(
        f"The weather report of a city, as the station tells it. [1]({page}#c1)\n\nSources:"
    )
    assert facts["models"] == ["scripted:quote-first"]
    for link in completion.choices[0].message.annotations or []:
        cited = link.url_citation
        assert text[cited.start_index : cited.end_index] == f"[1]({cited.url})"
    with writing.client(writing.key("boss", Role.ADMIN)) as rest:
        (call,) = rest.get(f"/v1/runs/{facts['run']}").json()["calls"]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == call["input_tokens"] > 0
    assert completion.usage.completion_tokens == call["output_tokens"] > 0


def test_what_a_client_remembers_of_the_conversation_makes_a_follow_up_understood(writing: Server):
    earlier: Any = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": [{"type": "text", "text": "In weather.py."}]},
        {"role": "user", "content": [{"type": "text", "text": "And which city?"}]},
    ]
    with client_of(writing, writing.key("follower")) as client:
        completion = client.chat.completions.create(model="loccit/open", messages=earlier)
        with writing.client(writing.key("boss", Role.ADMIN)) as rest:
            record = rest.get(f"/v1/runs/{facts_of(completion)['run']}").json()
        assert record["question"] == "And which city?"
        assert [call["purpose"] for call in record["calls"]] == ["condense", "answer"]
        assert facts_of(completion)["ignored"] == ["messages[0]"]
        # A conversation that the server remembers goes on by its id.
        session = facts_of(completion)["session"]
        again = ask(client, "And the station?", "loccit/open", extra_body={"loccit": {"session": session}})
        assert facts_of(again)["session"] == session


def test_without_a_model_each_question_stands_alone_and_the_answer_says_so(client: openai.OpenAI):
    earlier: Any = [
        {"role": "user", "content": "What is the launch code of the rocket?"},
        {"role": "assistant", "content": "A penguin."},
        {"role": "user", "content": QUESTION},
    ]
    completion = client.chat.completions.create(model="loccit", messages=earlier, temperature=0.2, seed=1)
    assert completion.choices[0].message.content == ask(client).choices[0].message.content
    assert facts_of(completion)["ignored"] == ["seed", "temperature", "earlier messages"]


def test_what_is_asked_of_loccit_alone_goes_in_a_field_of_its_own(writing: Server):
    with client_of(writing, writing.key("chooser")) as client:
        quoted = ask(client, extra_body={"loccit": {"quote": True, "languages": ["python"]}})
        assert facts_of(quoted)["models"] == []
        nothing = ask(client, extra_body={"loccit": {"quote": True, "paths": ["docs/"]}})
        assert facts_of(nothing)["outcome"] == "abstained"


def test_every_parameter_of_openai_is_used_taken_or_refused():
    known = set(CompletionCreateParamsBase.__annotations__) | {"stream"}
    assert known == set(ChatBody.model_fields) - {"loccit"}


def test_the_routes_stand_in_the_openapi_document(server: Server):
    with server.client() as client:
        document = client.get("/openapi.json").json()
    for path in ("/v1/models", "/v1/models/{model}", "/v1/chat/completions", "/v1/responses"):
        (operation,) = document["paths"][path].values()
        assert operation["tags"] == ["openai"]
        assert operation["responses"]["401"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/ErrorEnvelope"
        }
    assert "text/event-stream" in document["paths"]["/v1/responses"]["post"]["responses"]["200"]["content"]


def commit_of(server: Server) -> str:
    (status,) = (one for one in server.loccit.status() if one.repository.name == "open")
    return status.snapshots[0].commit or ""
