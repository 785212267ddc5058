"""Reference pages and the README's picture are what the program says: settings, languages, JSON, help."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.core.calls import Message, ModelCall, ModelReply, Payer, Speaker, TokenUsage
from loccit.parsing import language_of, list_languages
from loccit.settings import Settings
from loccit.storage.database import Database
from loccit.telemetry.calls import calling
from loccit.telemetry.records import RunStore, record_of
from loccit.telemetry.trace import recording
from loccit.telemetry.triages import TriagedIssues
from tests.answers_at_hand import small_answer

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
ROOMS = [field.name for field in dataclasses.fields(Settings) if field.name != "home"]
# Objects whose keys are data: their keys are no part of the format.
MAPS = {
    "skipped",
    "collections",
    "settings",
    "verdicts",
    "timings_ms",
    "attributes",
    "answer",
    "details",
    "left_out",
    "origins",
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section_of(page: Path, heading: str) -> str:
    """What stands below a second-level heading."""
    parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    (found,) = (part for part in parts if part.startswith(f"{heading}\n"))
    return found


def rows_of(text: str) -> list[list[str]]:
    """The cells of the rows of its tables that begin with code."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_every_setting_is_documented_with_its_default(room: str) -> None:
    """The table of a room lists each field of its options in order, with the default that it has."""
    options = next(field.default_factory for field in dataclasses.fields(Settings) if field.name == room)
    assert callable(options)
    documented = [
        (row[0].strip("`"), row[2].strip("`"))
        for row in rows_of(section_of(REFERENCE / "settings.md", f"`[{room}]`"))
    ]
    assert documented == list(defaults_of(options()))


def defaults_of(options: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each field with its default; those of a table within are named with its name before them."""
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            yield from defaults_of(value, f"{prefix}{field.name}.")
        else:
            shown = int(value) if isinstance(value, Decimal) else value
            yield f"{prefix}{field.name}", json.dumps(shown)


def test_every_room_with_options_has_a_table() -> None:
    """The page has a heading for each table that `settings.toml` may have, and for no other."""
    found = re.findall(r"^## `\[(\w+)\]`$", (REFERENCE / "settings.md").read_text(), re.MULTILINE)
    assert found == ROOMS


def test_every_language_is_documented_with_its_files() -> None:
    """The table lists each language in order, and every file name in a row is of that language."""
    rows = rows_of((REFERENCE / "languages.md").read_text())
    assert [row[0].strip("`") for row in rows] == list(list_languages())
    for row in rows:
        for name in re.findall(r"`([^`]+)`", row[2]):
            assert language_of(name) == row[0].strip("`") or language_of(f"x{name}") == row[0].strip("`"), (
                name
            )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """By heading of the page: objects that the commands print about the example repository."""
    folder = tmp_path_factory.mktemp("outputs")
    repository = folder / "parcels"
    script("example_repository").write_repository(repository)

    def objects(*arguments: str, expected: int = 0) -> list[Any]:
        done = subprocess.run(
            [Path(sys.executable).parent / "loccit", *arguments, "--json"],
            cwd=repository,
            env={**os.environ, "LOCCIT_HOME": str(folder / "home")},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == expected, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    home = folder / "home"
    home.mkdir()
    (home / "settings.toml").write_text(
        '[[budgets.limits]]\nof = "total"\nusd = 1\n[telemetry]\nalerts = "alerts.toml"\n'
    )
    (home / "alerts.toml").write_text(
        '[[rules]]\nname = "money"\nkind = "budget_burn"\nshare = 0.001\n'
        '[webhook]\nurl = "http://127.0.0.1:9/"\nattempts = 1\n'
    )
    make_charge(home)
    keep_run(home)
    keep_triage(home)
    known = {"repository": "a/parcels", "issue": "7", "branch": "loccit/fix-7", "base": "main"}
    facts = [word for name, value in known.items() for word in ("--fact", f"{name}={value}")]
    calls = folder / "calls.jsonl"
    calls.write_text('{"tool": "fetch_url", "arguments": {"url": "https://example.org"}}\n')
    return {
        "`loccit-index/1`": objects("index", "--collection", "all"),
        "`loccit-search/1`": [*objects("search", "price"), *objects("search", "--history", "timeout")],
        "Matches of a regular expression": objects("search", "--regex", "raise"),
        "`loccit-status/1`": objects("status"),
        "`loccit-runs/1`": objects("runs"),
        "`loccit-run/1`": objects("runs", "show", "5a"),
        "`loccit-shadow/1`": objects("issues", "shadow"),
        "`loccit-rating/1`": objects("runs", "rate", "5a", "--bad", "--correction", "no", "--file", "a.py"),
        "`loccit-runs-forgotten/1`": [
            *objects("runs", "prune", "--before", "2001-01-01"),
            *objects("runs", "erase", "--user", "ana"),
        ],
        "`loccit-audit/1`": objects("audit", "list"),
        "`loccit-audit-verify/1`": objects("audit", "verify"),
        "`loccit-policy-grant/1`": objects("policy", "explain", "fix", "--request", "fix it", *facts),
        "`loccit-policy-decision/1`": objects("policy", "explain", "fix", *facts, "--calls", str(calls)),
        "`loccit-alerts/1`": objects("alerts", "check", expected=3),
        "`loccit-backed-up/1`": objects("backup", str(folder / "b.tar.gz")),
        "`loccit-restored/1`": objects("restore", str(folder / "b.tar.gz"), "--into", str(folder / "new")),
        "`loccit-citation/1`": objects("show", "parcels/prices.py:12-14"),
        "`loccit-cost/1`": objects("cost"),
        "`loccit-doctor/1`": objects("doctor"),
        "`loccit-gc/1`": objects("gc"),
        "`loccit-remove/1`": objects("remove", "parcels"),
    }


def make_charge(home: Path) -> None:
    """A call that was paid for."""
    database = Database.in_folder(home)
    ledger = Ledger(database)

    async def call() -> None:
        cent = Decimal("0.01")
        reservation = await ledger.reserve(
            Payer("r"), "test:model", cost=lambda _: cent, output_tokens=9, deadline=Deadline.after(9)
        )
        await ledger.settle(reservation, cent, TokenUsage(10, 9))

    asyncio.run(call())
    ledger.close()
    database.close()


def keep_run(home: Path) -> None:
    """A run that asked a model."""
    call = ModelCall("answer", (Message(Speaker.USER, "why?"),), prompt="answer@1")
    with recording("5a" * 16) as trace, calling("test:model", call) as replied:
        replied(ModelReply("because", "test:model"))
    question = "why is it so?"
    record = record_of(
        trace, kind="ask", question=question, outcome="answered", answer=small_answer(question), user="ana"
    )
    database = Database.in_folder(home)
    RunStore(database).save(record)
    database.close()


def keep_triage(home: Path) -> None:
    """Two issues that a server was told of: one that was mended since, and one that was not."""
    triage = (REFERENCE / "loccit-triage-1.example.json").read_text(encoding="utf-8").strip()
    database = Database.in_folder(home)
    issues = TriagedIssues(database)
    for number in ("1", "2"):
        issues.change("github:acme/parcels", number, "parcels", triage=triage, triaged_at=1.0, mode="shadow")
    issues.fixed("github:acme/parcels", ["1"], "parcels", "f" * 40, ["parcels/prices.py"])
    database.close()


def keys_of(value: Any, place: str = "") -> Iterator[str]:
    """Every key of an object as the page writes it: `hits[].repo`; the keys of a map are `skipped{}`."""
    if isinstance(value, dict) and place.rpartition(".")[2] in MAPS:
        yield f"{place}{{}}"
    elif isinstance(value, dict):
        if place and not place.endswith("[]"):
            yield place
        for key, inner in value.items():
            yield from keys_of(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        yield f"{place}[]"
        for inner in value:
            yield from keys_of(inner, f"{place}[]") if isinstance(inner, dict) else ()
    else:
        yield place


def test_every_heading_of_the_page_is_an_output(outputs: dict[str, list[Any]]) -> None:
    """The page has a section for each kind of object, and each object names its format."""
    headings = re.findall(r"^## (.+)$", (REFERENCE / "search-output.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(outputs)
    for heading, objects in outputs.items():
        assert objects
        if heading.startswith("`"):
            assert {each["format"] for each in objects} == {heading.strip("`")}


@pytest.mark.parametrize(
    "heading", re.findall(r"^## (.+)$", (REFERENCE / "search-output.md").read_text(), re.MULTILINE)
)
def test_every_key_of_an_output_is_documented(heading: str, outputs: dict[str, list[Any]]) -> None:
    """The keys of the table are the keys that the command prints, no more and no fewer."""
    rows = rows_of(section_of(REFERENCE / "search-output.md", heading))
    documented = [key for row in rows for key in re.findall(r"`([^`]+)`", row[0])]
    assert len(documented) == len(set(documented))
    assert sorted(documented) == sorted({key for each in outputs[heading] for key in keys_of(each)})


def test_the_page_of_commands_is_what_their_help_says() -> None:
    """docs/reference/cli.md is what `make docs` writes."""
    assert (REFERENCE / "cli.md").read_text(encoding="utf-8") == script("reference_pages").cli_page()


def test_the_picture_in_the_readme_is_a_real_run() -> None:
    """What the picture shows is what the commands print now, times aside (else: scripts/readme_svg.py)."""
    drawn = script("readme_svg")
    committed = drawn.PICTURE.read_text(encoding="utf-8")
    assert drawn.texts_of(committed) == drawn.texts_of(drawn.picture())


def test_the_picture_in_the_readme_asks_no_host_for_anything() -> None:
    """No font, image or script of the picture comes from elsewhere."""
    committed = script("readme_svg").PICTURE.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"'\s)]+", committed)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", committed)
