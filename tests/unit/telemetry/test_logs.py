"""What is logged is one event per line, tells no text of anybody's, and no secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.telemetry.logs import TEXTS, bound, note, start_logging
from loccit.telemetry.options import TelemetryOptions
from tests.planted_secrets import PLANTED

LOGGER = logging.getLogger("loccit.tests.logs")


class Logged(io.StringIO):
    """A stream, with its lines as objects."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def quiet_after() -> Iterator[None]:
    """Loggers as they were before."""
    names = ["", "loccit", "uvicorn", "uvicorn.error", "uvicorn.access"]
    before = {name: (logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names}
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers


@pytest.fixture
def logged(quiet_after: None) -> Logged:
    stream = Logged()
    start_logging(TelemetryOptions(), stream)
    return stream


def test_an_event_is_one_json_object_on_a_line(logged: Logged) -> None:
    note(LOGGER, "index built", chunks=812, took_s=1.25, repository="parcels\n{}", fresh=True)
    assert logged.getvalue().count("\n") == 1
    (found,) = logged.lines()
    assert found.pop("at").endswith("Z")
    assert found == {
        "level": "info",
        "event": "index built",
        "logger": "loccit.tests.logs",
        "chunks": 812,
        "took_s": 1.25,
        "repository": "parcels\n{}",
        "fresh": True,
    }


def test_what_is_bound_stands_in_every_event_within_and_in_tasks_that_are_started_there(
    logged: Logged,
) -> None:
    async def work(run: str) -> None:
        with bound(run=run):
            await asyncio.gather(*(asyncio.to_thread(note, LOGGER, "step done", step=n) for n in range(3)))

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    with bound(door="rest"):
        asyncio.run(both())
    note(LOGGER, "request answered")
    *steps, last = logged.lines()
    assert sorted((one["run"], one["step"]) for one in steps) == [
        (run, step) for run in "ab" for step in range(3)
    ]
    assert all(one["door"] == "rest" for one in steps)
    assert "run" not in last


def test_texts_are_logged_as_their_length(logged: Logged) -> None:
    facts = dict.fromkeys(TEXTS, "swordfish")
    note(LOGGER, "question asked", **facts)
    assert "swordfish" not in logged.getvalue()
    assert logged.lines()[0]["question_chars"] == 9


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_no_secret_is_logged(logged: Logged, name: str) -> None:
    secret, around = PLANTED[name]
    note(LOGGER, "tracker read", address=around.format(secret))
    try:
        raise InputError(f"what is {around.format(secret)}?")
    except InputError as error:
        note(LOGGER, "request failed", level=logging.ERROR, error=error)
    logging.getLogger("elsewhere").warning("got %s", around.format(secret))
    assert secret not in logged.getvalue()
    assert len(logged.lines()) == 3


def test_an_error_is_logged_by_its_type_and_where_it_came_through(logged: Logged) -> None:
    """Its message only where it is one of loccit's own; others repeat what they were given."""

    def fail() -> None:
        try:
            int("swordfish")
        except ValueError as error:
            raise InputError("the limit is no number") from error

    for each in (fail, lambda: int("swordfish")):
        try:
            each()
        except (InputError, ValueError) as error:
            note(LOGGER, "request failed", level=logging.ERROR, error=error)
    ours, other = logged.lines()
    assert (ours["error"], ours["message"]) == ("InputError", "the limit is no number")
    assert ours["because"] == ["ValueError"]
    assert ours["where"][-1].startswith("test_logs.py:")
    assert ours["where"][-1].endswith(" fail")
    assert other["error"] == "ValueError"
    assert "message" not in other
    assert "swordfish" not in logged.getvalue()


def test_uvicorn_goes_through_it_and_no_query_is_told(logged: Logged) -> None:
    access = logging.getLogger("uvicorn.access")
    access.info('%s - "%s %s HTTP/%s" %d', "10.0.0.7:5", "GET", "/v1/search?q=swordfish", "1.1", 200)
    logging.getLogger("uvicorn.error").info("Waiting for application startup.")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received: %d", 7)
    served, started = logged.lines()
    assert (served["event"], served["method"], served["path"], served["status"]) == (
        "request served",
        "GET",
        "/v1/search",
        200,
    )
    assert "swordfish" not in logged.getvalue()
    assert "10.0.0.7" not in logged.getvalue()
    assert started["event"] == "Invalid HTTP request received: 7"


def test_of_other_packages_only_warnings_are_told_and_of_those_the_first_line(logged: Logged) -> None:
    other = logging.getLogger("httpx")
    other.info("GET https://example.org/?q=swordfish")
    other.warning("it failed\nwith swordfish")
    (found,) = logged.lines()
    assert found["event"] == "it failed"


def test_the_level_and_the_form_are_the_operators(quiet_after: None) -> None:
    stream = Logged()
    start_logging(TelemetryOptions(log_format="text", log_level="warning"), stream)
    note(LOGGER, "index built")
    note(LOGGER, "collector away", level=logging.WARNING, address="a b\x1b[31m", tries=3)
    (line,) = stream.getvalue().splitlines()
    assert 'warning  collector away  address="a b\\u001b[31m"  tries=3  (loccit.tests.logs)' in line


def test_a_fact_may_have_the_name_of_a_key(logged: Logged) -> None:
    note(LOGGER, "job changed", at="here")
    assert logged.lines()[0]["at_"] == "here"
    assert logged.lines()[0]["event"] == "job changed"


@given(facts=st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text() | st.floats()))
def test_any_fact_makes_one_line_of_plain_json(facts: dict[str, Any]) -> None:
    from loccit.telemetry.logs import JsonLines

    record = logging.LogRecord("loccit", logging.INFO, "", 0, "event told", None, None)
    record.loccit_facts = facts
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["event"] == "event told"
