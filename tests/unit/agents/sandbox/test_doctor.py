"""`loccit sandbox doctor` says what holds here, and by its exit code whether all of it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import loccit
from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.doctor import diagnose


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loccit", "sandbox", "doctor", *words],
        env={**os.environ, "LOCCIT_HOME": str(home), "PYTHONPATH": str(Path(loccit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_a_box_rests_on_holds_here(options: SandboxOptions) -> None:
    found = {finding.name: finding for finding in diagnose(options)}
    for name in ("boxes", "user", "system calls", "network", "system folders", "settings of the kernel"):
        assert found[name].state == "holds", found[name]
    assert found["environment"].state == found["other processes"].state == "holds"


def test_a_machine_without_bubblewrap_is_told_what_to_install(options: SandboxOptions) -> None:
    (found,) = diagnose(replace(options, bwrap="no-such-bwrap"))
    assert (found.name, found.state) == ("boxes", "broken")
    assert "apt-get install bubblewrap" in found.next_step


def test_the_command_prints_a_line_for_each(bubblewrap: str, tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ok   network: none, also no AF_VSOCK\n" in done.stdout
    document = json.loads(run(tmp_path, "--json").stdout)
    assert document["format"] == "loccit-sandbox-doctor/1"
    assert document["holds"] is True


def test_the_command_fails_where_something_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[agents.sandbox]\nbwrap = "no-such-bwrap"\n')
    done = run(tmp_path)
    assert done.returncode == 6
    assert "FAIL boxes: there is no program 'no-such-bwrap'\n" in done.stdout


@pytest.mark.parametrize("text", ["[agents.sandbox]\nprocesses = 0\n", "[agents.sandbox]\nnonsense = 1\n"])
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    assert run(tmp_path).returncode == 2
