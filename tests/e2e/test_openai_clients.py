"""OpenAI's client for Node, and two suites that check servers of its dialect, against a server of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server, index_two, running

HERE = Path(__file__).parent / "node"
QUESTION = "Where is the weather report of a city made?"
# As it is before the tests take the network away: npm and pip ask the registries that this machine is set up
# for. What they bring is held to hashes.
OUTSIDE = dict(os.environ)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of package-lock.json, and the program that uses them."""
    if shutil.which("npm", path=OUTSIDE.get("PATH")) is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.fail("node and npm are not there; install them: apt-get install nodejs npm")
        subprocess.run(["apt-get", "install", "-y", "nodejs", "npm"], env=OUTSIDE, check=True)
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        env=OUTSIDE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"npm cannot install what package-lock.json names:\n{done.stderr}"
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server with keys, whose model quotes what stands in its evidence."""
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    (folder / "home" / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    with running(folder / "home") as one:
        yield one


@pytest.fixture(scope="module")
def said(node: Path, server: Server) -> dict[str, Any]:
    """What the client for Node makes of it all."""
    done = run(node, "client.mjs", server.url, server.key("node"), QUESTION)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_models_are_listed_and_found(said: dict[str, Any]) -> None:
    assert said["models"] == ["loccit", "loccit/closed", "loccit/open", "loccit:all"]
    assert said["retrieved"]["id"] == "loccit/open"


def test_a_chat_completion_comes_whole_in_chunks_and_gathered(said: dict[str, Any]) -> None:
    (choice,) = said["chat"]["choices"]
    text = choice["message"]["content"]
    assert text.startswith("The weather report of a city, as the station tells it. [1]\n\nSources:")
    assert choice["message"]["loccit"]["outcome"] == "answered"
    *chunks, used = said["chunks"]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == text
    assert (used["choices"], used["usage"]) == ([], said["chat"]["usage"])
    message = said["gathered"]["choices"][0]["message"]
    assert (message["content"], message["loccit"]["answer"]) == (text, choice["message"]["loccit"]["answer"])


def test_a_response_comes_whole_in_events_and_gathered(said: dict[str, Any]) -> None:
    assert said["text"] == said["chat"]["choices"][0]["message"]["content"]
    events = said["events"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    assert said["final"]["output"][0]["content"][0]["text"] == said["text"]
    assert said["final"]["loccit"]["answer"] == said["response"]["loccit"]["answer"]


def test_errors_are_the_clients_own(said: dict[str, Any]) -> None:
    model = {"name": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}
    assert said["errors"] == {
        "key": {"name": "AuthenticationError", "status": 401, "code": "invalid_api_key", "param": None},
        "model": model,
        "tools": {
            "name": "BadRequestError",
            "status": 400,
            "code": "unsupported_parameter",
            "param": "tools",
        },
        "streamed": model,
    }


def test_a_suite_of_probes_finds_all_but_what_is_refused(node: Path, server: Server) -> None:
    """Tools and JSON by a schema are refused (docs/reference/openai.md); all that is there conforms."""
    done = run(
        node,
        "node_modules/compatcanary/src/cli.js",
        "scan",
        "--base-url",
        f"{server.url}/v1",
        "--model",
        "loccit/open",
        "--api-key",
        server.key("suite"),
        "--profile",
        "modern",
        "--format",
        "json",
        "--fail-on",
        "never",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {probe["name"]: probe["status"].upper() for probe in report["results"]}
    assert found == {
        "Model discovery": "PASS",
        "Chat Completions": "PASS",
        "Chat streaming": "PASS",
        "Forced tool call": "FAIL",
        "Strict structured output": "FAIL",
        "Responses API": "PASS",
        "Responses streaming": "PASS",
    }


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite that llm-comply.txt names; what it needs is in the environment of the tests."""
    folder = tmp_path_factory.mktemp("suite")
    names = HERE.parent / "llm-comply.txt"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    done = subprocess.run(
        [*pip, "--target", folder, "--requirement", names],
        env=OUTSIDE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"pip cannot install what llm-comply.txt names:\n{done.stderr}"
    return folder


@pytest.mark.parametrize(
    ("form", "refused", "prefix"),
    [
        ("openai-chat", {"chat-tool-calling", "chat-image-input"}, "chat-"),
        ("open-responses", {"tool-calling", "image-input"}, ""),
    ],
)
def test_a_suite_of_schemas_finds_all_but_what_is_refused(
    suite: Path, server: Server, form: str, refused: set[str], prefix: str
) -> None:
    """Images and tools are refused; every response and event that is there is of the published schema."""
    command = [sys.executable, "-m", "llm_comply.cli", "--format", form, "--json"]
    command += ["-u", f"{server.url}/v1", "-m", "loccit/open", "-k", server.key("schemas")]
    env = {**os.environ, "PYTHONPATH": str(suite)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    found = {one["id"]: one for one in json.loads(done.stdout)["results"]}
    assert {id for id, one in found.items() if one["status"] == "failed"} == refused
    # Only models that show their reasoning are asked for it.
    assert {id for id, one in found.items() if one["status"] == "skipped"} == {f"{prefix}reasoning-summary"}
    asked = ("basic-response", "multi-turn", "streaming-response", "streaming-usage", "error-handling")
    assert {found[f"{prefix}{id}"]["status"] for id in asked} == {"passed"}
