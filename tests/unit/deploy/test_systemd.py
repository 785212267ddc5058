"""The systemd unit, by systemd itself."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from loccit.serving.options import ServingOptions
from tests.debian import program_of
from tests.dockerfile import DEPLOY

UNIT = DEPLOY / "loccit.service"


@pytest.fixture(scope="module")
def analyze() -> str:
    return program_of("systemd", partial(shutil.which, "systemd-analyze"))


def service() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(UNIT.read_text())
    return parser["Service"]


def test_systemd_takes_the_unit(analyze: str, tmp_path: Path) -> None:
    """Every directive is known and has a value that means something. The program is not installed here."""
    unit = tmp_path / "loccit.service"
    unit.write_text(UNIT.read_text().replace("/opt/loccit/bin/loccit", "/bin/true"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=perhaps"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert "perhaps" in done.stderr


def test_systemd_finds_it_well_protected(analyze: str) -> None:
    """Its own measure of exposure, from 0 to 10: at most 2.0 (a service without any protection has 9.6)."""
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_it_stops_as_the_server_does() -> None:
    """SIGTERM, and more time than the server takes to let requests end."""
    found = service()
    assert found["KillSignal"] == "SIGTERM"
    assert found["KillMode"] == "mixed"
    assert int(found["TimeoutStopSec"]) > ServingOptions().drain_s + 5


def test_it_writes_to_the_home_folder_alone() -> None:
    found = service()
    assert found["ProtectSystem"] == "strict"
    assert not re.search(r"^ReadWritePaths=", UNIT.read_text(), re.MULTILINE)
    assert "LOCCIT_HOME=/var/lib/loccit" in found["Environment"]
    assert (found["StateDirectory"], found["StateDirectoryMode"]) == ("loccit", "0700")
    assert found["User"] == "loccit"
