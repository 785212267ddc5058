"""Labelling on a terminal: blind, one key a sample, nothing lost to a kill; and what labels are made into."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loccit.evals.judge_calibration import drawn, judged_units, read_labels
from tests.judged_logs import METRIC, judged_log

KEYS = b"y yes   n no   s skip   b back   q quit"


class Desk:
    """A log, and the command on a terminal of 24 rows and 80 columns."""

    def __init__(self, folder: Path) -> None:
        self.log_path = folder / "run.jsonl"
        self.log, self.truth = judged_log(self.log_path, samples=200, says_right=0.95)
        self.order = drawn(judged_units(self.log, METRIC.name), 0)
        self.labels_path = folder / "run.jsonl.judge.correct.labels.csv"
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.screen = b""

    def command(self, *arguments: str | Path) -> list[str | Path]:
        program = [sys.executable, "-P", "-m", "loccit", "eval", "calibrate"]
        return [*program, self.log_path, "--judge", METRIC.name, *arguments]

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "LOCCIT_HOME": str(self.folder / "home"),
            "TERM": "xterm",
        }

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def open(self, *arguments: str) -> None:
        """Start it on a new terminal, and wait for the first sample."""
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        self.before = termios.tcgetattr(theirs)
        self.screen = b""
        self.process = subprocess.Popen(
            self.command(*arguments),
            env=self.env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.terminal = theirs
        self.wait_for_sample()

    def wait_for_sample(self) -> str:
        """What came until keys are waited for."""
        return self._until(lambda shown: KEYS in shown and shown.rstrip(b" ").endswith(b"\n"))

    def press(self, keys: bytes) -> str:
        """Press keys, and what came until keys are waited for again."""
        os.write(self.ours, keys)
        return self.wait_for_sample()

    def end(self, keys: bytes = b"") -> tuple[str, int]:
        """Press keys; what came until it ended, and its exit code."""
        os.write(self.ours, keys)
        assert self.process is not None
        ends = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < ends, self.screen
            self._read()
        self._read()
        shown, self.screen = self.screen, b""
        return _text(shown), self.process.returncode

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            os.close(self.ours)
            os.close(self.terminal)
            self.process = None

    def saved(self) -> dict[str, float | None]:
        return {label.sample: label.value for label in read_labels(self.labels_path, self.log)}

    def _until(self, is_there) -> str:
        ends = time.monotonic() + 30
        while not is_there(self.screen):
            assert time.monotonic() < ends, self.screen
            assert self.process is not None
            assert self.process.poll() is None, self.screen
            self._read()
        shown, self.screen = self.screen, b""
        return _text(shown)

    def _read(self) -> None:
        if select.select([self.ours], [], [], 0.1)[0]:
            self.screen += os.read(self.ours, 65536)


def _text(shown: bytes) -> str:
    return shown.decode().replace("\r\n", "\n")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def number_of(shown: str) -> int:
    """Which parcel a screen asks about."""
    found = re.search(r"postage of parcel (\d+) computed", shown)
    assert found, shown
    return int(found[1])


def test_a_sample_is_shown_whole_in_80_columns_and_without_the_verdict(desk: Desk) -> None:
    desk.open("--label", "3")
    shown = desk.press(b"y")
    first = desk.log.samples[desk.order[1][0]]
    assert number_of(shown) == int(first.id[1:])
    for part in (
        "2 of 3, 1 labelled",
        first.gold.answer,
        "src/postage.py:4-4",
        "| return ZONES",
        METRIC.about,
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 80
    for hidden in ("judge", "correct", "incorrect", "box:", "loccit"):
        assert hidden not in shown
    assert "\x1b" not in shown


def test_keys_label_go_back_and_skip_and_other_keys_do_nothing(desk: Desk) -> None:
    desk.open("--label", "4")
    samples = [unit[0] for unit in desk.order[:4]]
    desk.press(b"y")
    desk.press(b"n")
    back = desk.press(b"b")
    assert number_of(back) == int(samples[1][1:])
    assert "(now: no)" in back
    # An arrow key, whose last letter is no key, then letters that mean nothing.
    os.write(desk.ours, b"\x1b[B")
    time.sleep(0.2)
    assert "3 of 4" in desk.press(b"xY 1\ny")
    desk.press(b"s")
    shown, code = desk.end(b"q")
    assert code == 0
    assert shown.endswith("goes on from here\n")
    assert desk.saved() == {samples[0]: 1, samples[1]: 1, samples[2]: None}


def test_a_kill_loses_no_label_and_the_command_goes_on(desk: Desk) -> None:
    """kill -9 after each few labels: what was answered is there, and no sample is asked twice."""
    asked: list[int] = []
    for _ in range(3):
        desk.open("--label", "9")
        desk.press(b"y")
        desk.press(b"n")
        assert desk.process is not None
        desk.process.send_signal(signal.SIGKILL)
        desk.process.wait()
        asked.append(len(desk.saved()))
        desk.close()
    assert asked == [2, 4, 6]
    assert list(desk.saved()) == [unit[0] for unit in desk.order[:6]]
    assert list(desk.saved().values()) == [1, 0] * 3
    assert sorted(path.name for path in desk.folder.iterdir()) == ["run.jsonl", desk.labels_path.name]


def test_ctrl_c_and_a_closed_terminal_leave_all_labels_and_the_terminal_as_it_was(desk: Desk) -> None:
    desk.open("--label", "5")
    desk.press(b"y")
    assert termios.tcgetattr(desk.terminal)[3] != desk.before[3]
    shown, code = desk.end(b"\x03")
    assert code == 130
    assert "run the command again to go on" in shown
    assert termios.tcgetattr(desk.terminal)[3] == desk.before[3]
    assert len(desk.saved()) == 1


def test_when_all_are_labelled_it_says_what_the_judge_is_worth(desk: Desk) -> None:
    """The last of forty labels, the others made before; told in 80 columns, kept, and the same as JSON."""
    rows = [f"{unit[0]},{desk.truth[unit]:g}" for unit in desk.order[:39]]
    desk.labels_path.write_text("sample,label\n" + "\n".join(rows) + "\n")
    desk.open("--label", "40", "--width", "15")
    shown, code = desk.end(b"y" if desk.truth[desk.order[39]] else b"n")
    assert code == 0, shown
    told = shown.partition("yes\n" if desk.truth[desk.order[39]] else "no\n")[2]
    for part in ("labels        40 of 200", "(drawn at random, seed 0)", "kappa         ", "corrected     "):
        assert part in told
    assert "--label " in told
    assert max(len(line) for line in told.splitlines() if str(desk.folder) not in line) <= 80
    done = desk.run("--json", "--width", "15")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["format"] == "loccit-calibration/1"
    assert document["labels"]["count"] == 40
    assert document["corrected"]["low"] < document["corrected"]["high"]
    assert ("calibrated:" if document["is_calibrated"] else "uncalibrated:") in told
    assert Path(document["kept"]).parent == desk.folder / "home" / "evals" / "calibrations"


def test_what_is_wrong_is_told_with_the_next_step(desk: Desk) -> None:
    for arguments, said in (
        ((), "there are no labels in"),
        (("--label", "5"), "labelling needs a terminal"),
        (("--label", "0"), "--label is 0"),
        (("--width", "100"), "--width is 100"),
        (("--labels", desk.log_path), "line 1: is no CSV"),
        (("--judge", "recall"), "'recall' is no figure of a judge"),
        (("--label", "5", "--json"), "--label does not go with --json"),
    ):
        done = desk.run(*arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert done.stdout == ""


def test_hostile_text_of_a_log_does_not_steer_the_terminal(desk: Desk) -> None:
    """What a model wrote and a repository quotes is shown with its control characters written out."""
    text = desk.log_path.read_text().replace("price of zone", "price\\u001b[2J\\u202e of zone")
    lines = [line for line in text.splitlines() if not line.startswith('{"end"')]
    desk.log_path.write_text("\n".join(lines) + "\n")
    desk.open("--label", "1")
    shown, _ = desk.end(b"q")
    assert "\x1b" not in shown
    assert desk.process is not None
