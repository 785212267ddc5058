"""A server that is killed between the comment and the note of it: nothing is lost, nothing is said twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

import loccit
from loccit import Loccit
from tests.trackers import SECRET, FakeTracker, payload, send_github, settled

SETTINGS = """
[serving]
port = 0
[[serving.trackers]]
kind = "github"
project = "acme/weather"
repo = "open"
mode = "comment"
host = "github.com"
api = "{api}"
"""


class Process:
    """`loccit serve` in a process of its own."""

    def __init__(self, home: Path) -> None:
        environment = {
            **os.environ,
            "LOCCIT_HOME": str(home),
            "LOCCIT_HOOK_SECRET": SECRET,
            "LOCCIT_WRITE_TOKEN": "write-token",
            "PYTHONPATH": str(Path(loccit.__file__).parents[1]),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loccit", "serve"],
            env=environment,
            cwd=home,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self.url = self._address()
        except BaseException:
            # Nobody else knows of it yet.
            self.kill()
            raise

    def _address(self) -> str:
        """Where it listens: it says so when it does."""
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        assert said.startswith("loccit answers at "), said
        return said.rpartition(" ")[2].strip()

    def tell(self, event: str, **changed: object) -> None:
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            assert send_github(client, event, payload(f"github-{event}", **changed)).status_code == 202

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        assert self.process.stderr is not None
        self.process.stderr.close()


def test_a_kill_between_comment_and_note_makes_no_second_comment(home: Path, github: FakeTracker) -> None:
    """The server dies in the moment in which the tracker has the comment and has not answered yet."""
    (home / "settings.toml").write_text(SETTINGS.format(api=github.url))
    written = threading.Event()
    first = Process(home)

    def die() -> None:
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(20)
        written.set()

    github.on_write = die
    first.tell("issues")
    assert written.wait(30)
    first.kill()
    github.on_write = lambda: None
    # It was held by the one that died; a minute of that need not be waited for here.
    library = Loccit(home)
    release(library)
    second = Process(home)
    try:
        assert settled(library)["done"] == 1
    finally:
        second.kill()
    assert len(github.ours) == 1
    (issue,) = library.triaged_issues().list()
    assert issue.comment == str(github.ours[0]["id"])


def test_a_kill_right_after_the_answer_loses_no_delivery(home: Path, github: FakeTracker) -> None:
    """202 means that it is kept."""
    (home / "settings.toml").write_text(SETTINGS.format(api=github.url))
    first = Process(home)
    first.tell("issues")
    first.kill()
    library = Loccit(home)
    release(library)
    second = Process(home)
    try:
        settled(library)
    finally:
        second.kill()
    assert len(github.ours) == 1


def release(library: Loccit) -> None:
    """Let go of what a worker that is no more holds."""
    from loccit.storage.tables import deliveries

    with library.database().writing() as connection:
        connection.execute(deliveries.update().values(held_until=0.0))
