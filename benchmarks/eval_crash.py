"""Does an evaluation that is killed at any moment end as if nothing had happened, and pay nothing twice?

`loccit eval run` asks a model at a server on this machine, four samples at once, each reply taking between a
twentieth and a quarter of a second. Twenty runs are killed (SIGKILL) once each, at a moment drawn evenly
between the first call and the end of an undisturbed run; one more is killed again and again. The same command
then goes on. The finished log is compared with that of the undisturbed run, line by line without `run`.

What was paid is read from the ledger, which has a row for each call from before it is sent; the server counts
the tokens of each sample differently, so that rows tell whose they are. A sample is paid twice where two of
its calls were settled. A call that was under way when the process died is another matter: nobody can know
what the provider made of it, the ledger books all that was set aside for it, and the sample is asked again.
Such calls are counted apart, and so are replies that the server had written whole by then.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import benchmarks
import loccit
from benchmarks.model_server import Behaviour, ModelServer, Seen
from benchmarks.written_homes import claims_of, prompt_of

NAME = "eval-crash"
SUMMARY = "evaluations killed at random moments and gone on with: logs that differ, samples paid twice"

KILLS = 20
SAMPLES = 40
SEED = 5
# The server counts so many tokens of input for the first sample, one more for each next one.
_FIRST_TOKENS = 1000
_PATIENCE_S = 120.0
_PICODOLLARS = 10**12
_SETTINGS = """[models]
answer = "local:test"
[models.providers.local]
api = "openai"
base_url = "{url}"
structured = "native"
[budgets]
prices = "prices.toml"
"""
_PRICES = '[models."local:test"]\ninput = "0.25"\noutput = "2"\n'
_FRUITS = ("apple", "cherry", "damson", "fig", "grape", "lemon", "mango", "olive", "peach", "quince")
_PLACES = ("harbour", "meadow", "orchard", "quarry")


@dataclass(frozen=True, slots=True)
class Paid:
    """What the ledger says of a run that was killed: calls by state, and settled ones by sample."""

    settled: Counter[int]
    open_calls: int
    open_usd: float
    usd: float

    @property
    def twice(self) -> int:
        """Samples of which more than one call was settled."""
        return sum(count > 1 for count in self.settled.values())


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Logs that differ and samples paid twice, and what was under way."""
    kills = min(KILLS, setting.sample or KILLS)
    moments = random.Random(SEED)
    with benchmarks.home() as folder, ModelServer() as server:
        server.decide = _replies
        desk = Desk(folder, server)
        seconds = desk.undisturbed()
        once: list[dict[str, Any]] = []
        # Some runs end before their moment comes: those are no kills, and others take their place.
        while sum(one["kills"] for one in once) < kills and len(once) < 3 * kills:
            once.append(desk.killed(f"once-{len(once)}", [moments.uniform(0, seconds)]))
        often = desk.killed("often", [moments.uniform(0, seconds / 4) for _ in range(kills)])
    runs = [*once, often]
    return {
        "samples": SAMPLES,
        "seconds_of_asking": round(seconds, 2),
        "runs": len(runs),
        "kills": sum(one["kills"] for one in runs),
        "kills_of_one_run": often["kills"],
        "logs_differing": benchmarks.target(sum(one["differs"] for one in runs), at_most=0),
        "samples_paid_twice": benchmarks.target(sum(one["paid_twice"] for one in runs), at_most=0),
        "samples_never_paid": sum(one["never_paid"] for one in runs),
        "calls_in_flight_when_killed": sum(one["in_flight"] for one in runs),
        "of_these_kept_and_not_asked_again": sum(one["kept"] for one in runs),
        "of_these_written_whole_and_asked_again": sum(one["written_twice"] for one in runs),
        "usd_settled_per_run": round(sum(one["usd"] for one in runs) / len(runs), 6),
        "usd_booked_for_calls_in_flight_per_kill": round(
            sum(one["in_flight_usd"] for one in runs) / max(1, sum(one["kills"] for one in runs)), 6
        ),
    }


class Desk:
    """A folder to ask about, a home that has it indexed, and the dataset."""

    def __init__(self, folder: Path, server: ModelServer) -> None:
        """Everything is made and indexed."""
        self.folder = folder
        self.server = server
        self.shop = folder / "shop"
        self.shop.mkdir()
        lines: list[str] = []
        for number in range(SAMPLES):
            fruit, place = _FRUITS[number % len(_FRUITS)], _PLACES[number // len(_FRUITS)]
            (self.shop / f"{place}_{fruit}.py").write_text(
                f"def price_of_{fruit}_at_the_{place}(weight_grams):\n"
                f'    """The price of a {fruit} that is sold at the {place}, in cents."""\n'
                f"    return {number + 3} * weight_grams\n"
            )
            sample = {
                "id": f"{place}/{fruit}",
                "question": f"[{number}] How is the price of a {fruit} at the {place} computed?",
                "gold": {"files": [f"{place}_{fruit}.py"], "claims": [f"It is {number + 3} a gram."]},
                "group": place,
            }
            lines.append(json.dumps(sample) + "\n")
        (folder / "fruits.jsonl").write_text("".join(lines))
        home = folder / "home"
        home.mkdir()
        (home / "settings.toml").write_text(_SETTINGS.format(url=server.openai_url))
        (home / "prices.toml").write_text(_PRICES)
        with self._started(home, "index", "--quiet", str(self.shop)) as process:
            _check(process)

    def undisturbed(self) -> float:
        """Ask every sample in peace; the seconds between the first call and the end."""
        home, log = self._new("undisturbed")
        began = time.monotonic()
        with self._asking(home, log) as process:
            _check(process)
        ended = time.monotonic()
        self.lines = without_run(log)
        paid = _paid(home)
        if paid.settled != Counter(range(SAMPLES)) or paid.open_calls:
            raise RuntimeError(f"an undisturbed run settled {paid.settled}, {paid.open_calls} are open")
        return ended - min(seen.came_at for seen in self.server.seen if seen.came_at > began)

    def killed(self, name: str, after_s: Sequence[float]) -> dict[str, Any]:
        """A run that is killed so long after its first call each time, and then left in peace."""
        home, log = self._new(name)
        first = len(self.server.seen)
        kills = sum(self._kill(home, log, after) for after in after_s)
        if not _is_finished(log):
            with self._asking(home, log) as process:
                _check(process)
        paid = _paid(home)
        whole = Counter(_number(seen) for seen in self.server.seen[first:] if seen.done_at is not None)
        return {
            "kills": kills,
            "differs": without_run(log) != self.lines,
            "paid_twice": paid.twice,
            "never_paid": sum(whole[number] == 0 for number in range(SAMPLES)),
            "in_flight": paid.open_calls,
            "in_flight_usd": paid.open_usd,
            "kept": sum(number not in paid.settled for number in range(SAMPLES)),
            "written_twice": sum(count - 1 for count in whole.values()),
            "usd": paid.usd,
        }

    def _kill(self, home: Path, log: Path, after_s: float) -> bool:
        """Begin or go on, and kill it so long after its first call; whether it still ran."""
        if _is_finished(log):
            return False
        before = len(self.server.seen)
        with self._asking(home, log) as process:
            until = time.monotonic() + _PATIENCE_S
            while len(self.server.seen) == before and process.poll() is None and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(after_s)
            was_running = process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return was_running

    def _new(self, name: str) -> tuple[Path, Path]:
        home = self.folder / name
        shutil.copytree(self.folder / "home", home)
        return home, self.folder / f"{name}.jsonl"

    def _asking(self, home: Path, log: Path) -> subprocess.Popen[str]:
        dataset = self.folder / "fruits.jsonl"
        return self._started(
            home, "eval", "run", str(dataset), "--repo", str(self.shop), "--log", str(log), "--quiet"
        )

    def _started(self, home: Path, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            "LOCCIT_HOME": str(home),
            "LOCCIT_FORBID_MODEL_CALLS": "remote",
            "PYTHONPATH": str(Path(loccit.__file__).parents[1]),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "loccit", *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def without_run(log: Path) -> list[bytes]:
    """The lines of a log, each without its `run`, as they are written otherwise."""
    lines: list[bytes] = []
    for line in log.read_bytes().splitlines():
        document = json.loads(line)
        document.pop("run", None)
        document.get("end", {}).pop("run", None)
        lines.append(json.dumps(document).encode())
    return lines


def _is_finished(log: Path) -> bool:
    return log.exists() and b'\n{"end"' in log.read_bytes()


def _check(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=_PATIENCE_S)
    if process.returncode:
        raise RuntimeError(f"it ended with {process.returncode}: {errors}")


def _paid(home: Path) -> Paid:
    with closing(sqlite3.connect(home / "state.sqlite")) as database:
        rows = database.execute("SELECT state, input_tokens, held, spent FROM charges").fetchall()
    settled = [(tokens - _FIRST_TOKENS, spent) for state, tokens, _, spent in rows if state == "settled"]
    held = [amount for state, _, amount, _ in rows if state != "settled"]
    return Paid(
        Counter(number for number, _ in settled),
        len(held),
        sum(held) / _PICODOLLARS,
        sum(spent for _, spent in settled) / _PICODOLLARS,
    )


def _number(seen: Seen) -> int:
    """Which sample a request is about: the question begins with its number."""
    return int(prompt_of(seen).rpartition("Question: [")[2].partition("]")[0])


def _replies(seen: Seen) -> Behaviour:
    number = _number(seen)
    return Behaviour(
        text=claims_of(prompt_of(seen)),
        usage={"input": _FIRST_TOKENS + number},
        delay_s=random.Random(number).uniform(0.05, 0.25),
    )
