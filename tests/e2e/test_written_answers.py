"""`loccit ask` with a model that a server on this machine serves: written, checked, paid for, remembered."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_server import Behaviour, ModelServer, Seen
from tests.e2e.conftest import PARCELS, Installed
from tests.e2e.terminal import on_terminal
from tests.planted_secrets import PLANTED
from tests.repositories import make_repository
from tests.timing import quickest

QUESTION = "where is the postage computed from the zone table?"
CLAIM = "Postage in cents for a weight and a zone of the zone table."
QUOTE = f'"""{CLAIM}"""'
# The quotations of the keyless road, which take the place of what a model does not write.
QUOTED = "src/parcels/postage.py:1-6"
KEY = "box-key-0123456789abcdef"
EVIDENCE = re.compile(r"^<<<(\S+) [^\n]*\n(.*?)\n\1>>>$", re.DOTALL | re.MULTILINE)


@dataclass
class Desk:
    """A repository, a home that has it indexed and names a model at a server, and that server.

    Calling it runs the command; `environment` is added to that of the tests.
    """

    run: Installed
    repository: Path
    home: Path
    server: ModelServer
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def settings(self, *, models: str = "", box: str = "", budgets: str = "", url: str = "") -> None:
        """Writes settings.toml, with more lines in these tables. A million tokens cost 100 USD."""
        (self.home / "prices.toml").write_text('[models."box:*"]\ninput = 100\noutput = 100\n')
        (self.home / "settings.toml").write_text(
            f"""
            [models]
            answer = "box:m"
            attempts = 2
            backoff_s = 0.01
            cache = false
            {models}
            [models.providers.box]
            base_url = "{url or self.server.openai_url}"
            key_variable = "BOX_KEY"
            {box}
            [budgets]
            prices = "prices.toml"
            {budgets}
            """
        )

    @property
    def env(self) -> dict[str, str]:
        home = {"LOCCIT_HOME": str(self.home), "LOCCIT_FORBID_MODEL_CALLS": "remote"}
        return {**home, "BOX_KEY": KEY, **self.environment}

    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess:
        return self.run(*arguments, cwd=self.repository, env=self.env, **options)

    def runs(self) -> list[dict[str, Any]]:
        """The records of all runs, the newest first, without starting the command for each."""
        with closing(sqlite3.connect(self.home / "state.sqlite")) as database:
            rows = database.execute("SELECT record FROM runs ORDER BY started_at DESC")
            return [json.loads(record) for (record,) in rows]

    def spent_usd(self) -> Decimal:
        """What the ledger has settled; it counts in millionths of a millionth of a dollar."""
        with closing(sqlite3.connect(self.home / "state.sqlite")) as database:
            ((spent,),) = database.execute("SELECT coalesce(sum(spent), 0) FROM charges")
            return Decimal(spent) / 10**12


@pytest.fixture(scope="module")
def indexed(equipped: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a database that nothing is in: to make one takes half a second."""
    folder = tmp_path_factory.mktemp("written")
    make_repository(folder / "parcels", PARCELS)
    for command in ("index", "runs"):
        done = equipped(command, cwd=folder / "parcels", env={"LOCCIT_HOME": str(folder / "home")})
        assert done.returncode == 0, done.stderr
    assert (folder / "home" / "state.sqlite").exists()
    return folder


@pytest.fixture
def desk(equipped: Installed, indexed: Path, tmp_path: Path) -> Iterator[Desk]:
    """With a home of the test's own. The model writes one claim that holds."""
    shutil.copytree(indexed / "home", tmp_path / "home")
    with ModelServer() as server:
        server.decide = writes
        made = Desk(equipped, indexed / "parcels", tmp_path / "home", server)
        made.settings()
        yield made


def prompt_of(seen: Seen) -> str:
    return str(seen.body["messages"][-1]["content"])


def said(*claims: dict[str, Any]) -> str:
    return json.dumps({"claims": claims, "search": [], "read": []})


def claim(seen: Seen, text: str, quote: str) -> dict[str, Any]:
    """A claim with a quote from the passage that holds the true one."""
    id = next(id for id, passage in EVIDENCE.findall(prompt_of(seen)) if QUOTE in passage)
    return {"text": text, "citations": [{"evidence": id, "quote": quote}]}


def writes(seen: Seen) -> Behaviour:
    if "Last question:" in prompt_of(seen):
        return Behaviour(json.dumps({"question": "Which zones are in the zone table of the postage?"}))
    return Behaviour(said(claim(seen, CLAIM, QUOTE)))


def test_an_answer_is_written_checked_paid_for_and_verified_by_others(desk: Desk, tmp_path: Path) -> None:
    done = desk("ask", QUESTION, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    answer = json.loads(done.stdout)
    (only,) = answer["claims"]
    assert (only["kind"], only["text"]) == ("statement", CLAIM)
    assert (only["citations"][0]["path"], only["citations"][0]["quote"]) == ("src/parcels/postage.py", QUOTE)
    # The key went where it belongs, and the run knows what the ledger knows.
    assert desk.server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    (record,) = desk.runs()
    assert record["id"] == answer["run"]["trace_id"]
    assert Decimal(record["cost_usd"]) == Decimal(str(answer["run"]["cost_usd"])) == desk.spent_usd() > 0
    assert Decimal(json.loads(desk("cost", "--json").stdout)["usd"]) == desk.spent_usd()
    (tmp_path / "answer.json").write_text(done.stdout)
    checked = desk("verify", tmp_path / "answer.json")
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (
        0,
        "1 of 1 citations hold, 0 fell, 0 cannot be checked here: holds",
    )
    (tmp_path / "answer.json").write_text(done.stdout.replace("zone table.", "zoning table."))
    assert desk("verify", tmp_path / "answer.json").returncode == 3


def test_a_person_sees_the_claim_its_place_its_verdict_and_its_price(desk: Desk) -> None:
    done = desk("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert shown[:3] == [f"1  {CLAIM}", "   src/parcels/postage.py:5-5", f"   │ {QUOTE}"]
    assert re.fullmatch(r"   supported( \d\.\d\d)? by \S+", shown[3])
    assert re.search(
        r"1 quotation re-checked against the bytes; confidence \d\.\d\d; \$0\.0\d+; ", done.stdout
    )
    # More than a dollar could have been spent, and that was said before.
    assert "this may cost up to $" in done.stderr
    assert desk("ask", QUESTION, "--quiet").stderr == ""


def test_what_does_not_hold_is_listed_as_dropped(desk: Desk) -> None:
    def half(seen: Seen) -> Behaviour:
        true = claim(seen, CLAIM, QUOTE)
        return Behaviour(said(true, claim(seen, "Postage is paid in \x1b[31mgold.", "return gold")))

    desk.server.decide = half
    done = desk("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert r"dropped (no such quote): Postage is paid in \x1b[31mgold." in done.stdout
    assert desk.runs()[0]["prompts"] == ["answer@1", "repair@1"]


def test_on_a_terminal_a_claim_is_shown_once_it_is_checked(desk: Desk, tmp_path: Path) -> None:
    """On standard error, and gone when the answer is there; standard output is the answer alone."""

    def slowly(seen: Seen) -> Behaviour:
        text = said(claim(seen, CLAIM, QUOTE))
        return Behaviour(pieces=tuple(text[at : at + 40] for at in range(0, len(text), 40)), gap_s=0.02)

    desk.server.decide = slowly
    env = {**os.environ, **desk.env, "TERM": "xterm"}
    command = [desk.run.prefix / "bin" / "loccit", "ask", QUESTION, "--json"]
    with (tmp_path / "out").open("wb") as out:
        done = on_terminal(command, cwd=desk.repository, env=env, stdout=out.fileno())
    assert done.returncode == 0, done.output
    assert b"box:m writes" in done.output
    assert b"checked, supported: Postage in cents" in done.output
    assert desk.server.seen[0].body["stream"] is True
    printed = (tmp_path / "out").read_bytes()
    assert printed.count(b"\n") == 1
    assert b"\x1b" not in printed
    assert json.loads(printed)["claims"][0]["text"] == CLAIM


def test_a_follow_up_goes_on_with_the_conversation(desk: Desk) -> None:
    assert desk("ask", "--continue", QUESTION).returncode == 2
    assert desk("ask", QUESTION).returncode == 0
    done = desk("ask", "--continue", "and which zones are there?")
    assert done.returncode == 0, done.stderr
    second, first = desk.runs()
    assert second["session"] == first["session"]
    assert [call["purpose"] for call in second["calls"]] == ["condense", "answer"]
    condense, answer = (prompt_of(seen) for seen in desk.server.seen[1:])
    for prompt in (condense, answer):
        assert f"Question: {QUESTION}" in prompt
        assert CLAIM in prompt
    assert desk("ask", QUESTION).returncode == 0
    assert desk.runs()[0]["session"] != first["session"]


def test_quotations_are_had_without_a_call(desk: Desk) -> None:
    (desk.home / "state.sqlite").unlink()
    done = desk("ask", "--quote", QUESTION)
    assert done.returncode == 0, done.stderr
    assert QUOTED in done.stdout
    assert desk.server.seen == []
    assert not (desk.home / "state.sqlite").exists()
    assert desk("ask", "--quote", "--continue", QUESTION).returncode == 2


def test_an_equal_question_is_answered_from_what_was_kept_for_nothing(desk: Desk) -> None:
    desk.settings()
    settings = desk.home / "settings.toml"
    settings.write_text(settings.read_text().replace("cache = false", ""))
    first, second = (json.loads(desk("ask", QUESTION, "--json").stdout) for _ in range(2))
    assert len(desk.server.seen) == 1
    assert first["digest"] == second["digest"]
    assert second["run"]["cost_usd"] == 0
    assert desk.runs()[0]["calls"][0]["origin"] == "cache"


NO_FORM = Behaviour("It is computed in postage.py, I believe.")
FAULTS = {
    "wrong key": (Behaviour(status=401), "does not accept the key", "check that BOX_KEY holds the right key"),
    "wrong address": (Behaviour(status=404), "is not found", "check the model's name and base_url"),
    "web page": (
        Behaviour(raw=b"<html>Welcome</html>", raw_type="text/html"),
        "answers in a form of its own",
        "check that base_url",
    ),
    "prose": (
        NO_FORM,
        "was asked for a JSON object and gave something else",
        "structured in [models.providers]",
    ),
    "nothing": (Behaviour(pieces=()), "says nothing", "try again"),
    "10 MB": (Behaviour("x" * 10_000_000), "was cut off", "raise max_reply_bytes"),
    "no UTF-8": (Behaviour(raw=b'{"choices": "\xff\xfe"}'), "answers what is no UTF-8", "check base_url"),
    "refusal": (Behaviour(refusal="I will not."), "refuses to answer: I will not.", "ask in other words"),
    "too long": (
        Behaviour(status=400, error={"error": {"message": "maximum context length is 8192 tokens"}}),
        "the request does not fit",
        "",
    ),
    "overloaded": (Behaviour(status=503), "answers 503", ""),
    "broken off": (Behaviour(drop_after=0), "broke off", "try again"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_is_of_no_use_is_told_and_quotations_take_its_place(desk: Desk, fault: str) -> None:
    """With what was wrong and what to do; what it cost is said, and stands in the record as in the ledger."""
    behaviour, why, next_step = FAULTS[fault]
    desk.server.decide = lambda seen: behaviour
    done = desk("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Answered in part (model_unavailable).")
    assert QUOTED in done.stdout
    assert why in done.stderr
    assert next_step in done.stderr
    assert KEY not in done.stdout + done.stderr
    (record,) = desk.runs()
    assert (record["outcome"], record["question"]) == ("partial", QUESTION)
    assert Decimal(record["cost_usd"]) == desk.spent_usd()
    told = re.search(r"\$(\d+\.\d+); ", done.stdout)
    assert round(Decimal(record["cost_usd"]), 4) == Decimal(told[1] if told else 0)


def test_a_stream_that_ends_before_it_says_anything_is_told(desk: Desk) -> None:
    desk.server.decide = lambda seen: Behaviour("x", end_after=0)
    env = {**os.environ, **desk.env, "TERM": "xterm"}
    command = [desk.run.prefix / "bin" / "loccit", "ask", QUESTION]
    done = on_terminal(command, cwd=desk.repository, env=env)
    assert done.returncode == 0, done.output
    assert b"Streamed response ended without content" in done.output
    assert QUOTED.encode() in done.output
    (record,) = desk.runs()
    assert Decimal(record["cost_usd"]) == desk.spent_usd() > 0


def test_prose_is_asked_about_once_more(desk: Desk) -> None:
    desk.server.decide = lambda seen: NO_FORM if len(desk.server.seen) == 1 else writes(seen)
    done = desk("ask", QUESTION, "--json")
    assert json.loads(done.stdout)["claims"][0]["text"] == CLAIM
    (record,) = desk.runs()
    assert [call["purpose"] for call in record["calls"]] == ["answer", "repair"]
    assert Decimal(record["cost_usd"]) == desk.spent_usd()


def test_a_prompt_that_does_not_fit_is_packed_smaller_once(desk: Desk) -> None:

    def of_little(seen: Seen) -> Behaviour:
        if len(desk.server.seen) == 1:
            return FAULTS["too long"][0]
        ((id, passage),) = EVIDENCE.findall(prompt_of(seen))
        line = max(passage.split("\n"), key=len)
        return Behaviour(said({"text": line.strip(), "citations": [{"evidence": id, "quote": line}]}))

    desk.server.decide = of_little
    answer = json.loads(desk("ask", QUESTION, "--json").stdout)
    assert (answer["outcome"], answer["claims"][0]["kind"]) == ("answered", "statement")
    first, second = (len(EVIDENCE.findall(prompt_of(seen))) for seen in desk.server.seen)
    assert (first, second) == (2, 1)


def test_an_attempt_that_broke_off_is_part_of_what_the_answer_cost(desk: Desk) -> None:
    broken = Behaviour(drop_after=0)
    desk.server.decide = lambda seen: broken if len(desk.server.seen) == 1 else writes(seen)
    answer = json.loads(desk("ask", QUESTION, "--json").stdout)
    assert answer["outcome"] == "answered"
    (record,) = desk.runs()
    (call,) = record["calls"]
    assert Decimal(record["cost_usd"]) == desk.spent_usd() > Decimal(call["cost_usd"]) > 0


def test_nobody_listens(desk: Desk) -> None:
    desk.settings(url="http://127.0.0.1:9/v1")
    done = desk("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert "cannot be reached" in done.stderr
    assert "check that it runs, and base_url, now 'http://127.0.0.1:9/v1'" in done.stderr
    assert QUOTED in done.stdout
    assert desk.runs()[0]["calls"][0]["error"] == "ModelUnavailable"


def test_a_budget_that_cannot_pay_is_told_and_no_call_is_made(desk: Desk) -> None:
    desk.settings(budgets='[[budgets.limits]]\nof = "total"\nper = "day"\nusd = 0.0001')
    done = desk("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Answered in part (budget).")
    assert QUOTED in done.stdout
    assert "the budget of total per day in USD" in done.stderr
    assert "the limit is 0.0001" in done.stderr
    assert desk.server.seen == []
    (record,) = desk.runs()
    assert (record["outcome"], record["cost_usd"], desk.spent_usd()) == ("partial", "0", 0)


def test_a_model_without_a_price_is_an_error_that_is_recorded(desk: Desk) -> None:
    (desk.home / "prices.toml").write_text("")
    done = desk("ask", QUESTION)
    assert (done.returncode, done.stdout) == (8, "")
    assert "box:m" in done.stderr
    assert desk.server.seen == []


def test_a_judge_without_a_price_does_not_hide_what_was_spent(desk: Desk) -> None:
    desk.settings(
        models='judge = "free:judge"', box=f'[models.providers.free]\nbase_url = "{desk.server.url}"'
    )
    done = desk("ask", QUESTION)
    assert (done.returncode, done.stdout) == (8, "")
    assert re.search(r"'free:judge'.*\(\$0\.00\d\d was spent by then\)", done.stderr)
    (record,) = desk.runs()
    assert (record["outcome"], record["error"]) == ("failed", "PriceUnknown")
    assert Decimal(record["cost_usd"]) == desk.spent_usd() > 0


def test_an_answer_that_claims_nothing_says_what_it_cost(desk: Desk) -> None:
    desk.server.decide = lambda seen: Behaviour(said())
    done = desk("ask", QUESTION)
    assert done.returncode == 1
    assert done.stdout.startswith("Not answered (not_in_sources).")
    assert re.search(r"^\$0\.00\d\d was spent$", done.stdout, re.MULTILINE)


def test_without_the_package_it_is_said_how_to_get_it_and_scripts_need_none(
    installed: Installed, desk: Desk
) -> None:
    desk.run = installed
    done = desk("ask", QUESTION)
    assert done.returncode == 8
    assert "pip install 'loccit[models]'" in done.stderr
    (desk.home / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    assert desk("ask", QUESTION).returncode == 0


def test_the_switch_forbids_calls(desk: Desk) -> None:
    desk.environment["LOCCIT_FORBID_MODEL_CALLS"] = "1"
    done = desk("ask", QUESTION)
    assert done.returncode == 8
    assert "forbidden" in done.stderr
    assert desk.server.seen == []
    assert desk.runs()[0]["error"] == "RealCallsForbidden"


def test_ctrl_c_ends_the_call_and_the_command_and_loses_nothing(desk: Desk) -> None:
    """With 130, within two seconds; the server sees that nobody listens, and the run is recorded."""
    desk.server.decide = lambda seen: Behaviour(delay_s=60)

    def seconds() -> float:
        calls = len(desk.server.seen)
        process = subprocess.Popen(
            [desk.run.prefix / "bin" / "loccit", "ask", QUESTION],
            cwd=desk.repository,
            env={**os.environ, **desk.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ends = time.monotonic() + 60
        while len(desk.server.seen) == calls:
            assert time.monotonic() < ends, "no call was made"
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        ended = time.monotonic()
        assert process.returncode == 130, told
        assert told.endswith("loccit: interrupted; what was done is kept, run the command again to go on\n")
        return max(ended, desk.server.wait_until_left(calls)) - pressed

    assert quickest(seconds, below=2) < 2
    records = desk.runs()
    assert len(records) == len(desk.server.seen)
    assert {(record["outcome"], record["error"]) for record in records} == {("failed", "CancelledError")}
    # What the provider made of it is not known: what was held is what it cost.
    costs = [Decimal(record["cost_usd"]) for record in records]
    assert min(costs) > 0
    assert sum(costs) == desk.spent_usd()


def test_a_recording_that_cannot_be_written_is_told_and_the_answer_is_had(
    desk: Desk, unprivileged: list[str]
) -> None:
    desk.settings(models="record = 'recordings'")
    (desk.home / "recordings").mkdir()
    (desk.home / "recordings").chmod(0o555)
    done = desk("ask", QUESTION, before=unprivileged)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"1  {CLAIM}")
    assert "1 call could not be recorded in" in done.stderr
    assert "make room there, or change record in [models]" in done.stderr


def test_what_was_recorded_is_replayed_for_nothing(desk: Desk) -> None:
    desk.settings(models="record = 'recordings'")
    first = json.loads(desk("ask", QUESTION, "--json").stdout)
    (desk.home / "settings.toml").write_text('[models]\nanswer = "replay:recordings"\n')
    desk.environment["LOCCIT_FORBID_MODEL_CALLS"] = "1"
    again = json.loads(desk("ask", QUESTION, "--json").stdout)
    assert len(desk.server.seen) == 1
    assert again["digest"] == first["digest"]
    assert {**again, "run": None} == {**first, "run": None}
    assert again["run"]["cost_usd"] == 0
    # Another question was not recorded, and nobody is asked instead.
    other = desk("ask", "how much does a far parcel weigh in grams?")
    assert "was recorded in" in other.stderr
    assert len(desk.server.seen) == 1


# Those that a line of an error can hold, and that are known by their form or their place.
KINDS = [kind for kind, (secret, _) in PLANTED.items() if "\n" not in secret and len(secret) < 200]


def test_secrets_of_the_environment_and_of_replies_go_nowhere(desk: Desk) -> None:
    """A server that repeats keys in its errors and a model that writes them: no stream, record, recording or
    database has them.
    """
    assert len(KINDS) > 40
    secrets = {kind: PLANTED[kind][0] for kind in KINDS}
    texts = {kind: PLANTED[kind][1].format(secret) for kind, secret in secrets.items()}
    models = [f"box:m{number}" for number in range(len(KINDS))]
    desk.settings(models=f"fallback = {json.dumps(models)}\nrecord = 'recordings'")
    desk.environment |= {f"PLANTED_{number}": secret for number, secret in enumerate(secrets.values())}
    desk.environment["OPENAI_API_KEY"] = secrets["openai"]

    def careless(seen: Seen) -> Behaviour:
        name = seen.body["model"]
        if name != "m":
            message = f"Not with {KEY}: {texts[KINDS[int(name[1:])]]}"
            return Behaviour(status=400, error={"error": {"message": message}})
        if "What did not hold" in prompt_of(seen):
            return Behaviour(status=400, error={"error": {"message": f"{seen.headers}"}})
        leaks = [claim(seen, f"The secret is {text}", text) for text in texts.values()]
        return Behaviour(said(*[claim(seen, CLAIM, QUOTE)] * 2, *leaks))

    desk.server.decide = careless
    shown = [
        desk("ask", QUESTION),
        desk("ask", QUESTION, "--json"),
        desk("runs", "show", desk.runs()[0]["id"]),
    ]
    assert [done.returncode for done in shown] == [0, 0, 0], shown[0].stderr
    assert len(desk.server.seen) > 2 * len(KINDS)
    kept = [path for path in desk.home.rglob("*") if path.is_file() and path.suffix in {".json", ".sqlite"}]
    assert any(path.parent.name == "recordings" for path in kept)
    found = {str(number): done.stdout + done.stderr for number, done in enumerate(shown)}
    found |= {path.name: path.read_bytes().decode("utf-8", "replace") for path in kept}
    # "hunter2" and its like stand for any short password: only whole texts are looked for.
    leaked = [
        (kind, where)
        for kind, secret in [("key", KEY), *secrets.items()]
        for where, text in found.items()
        if secret in text
    ]
    assert leaked == []
