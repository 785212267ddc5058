"""The built wheel, installed into an environment that holds what runtime.txt names and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it. Calling it runs the `loccit` command that the wheel brought.

    `wheel` is the built file, `site` the folder the packages are in.
    """

    wheel: Path
    prefix: Path
    site: Path

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        text: bool = True,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess:
        """The finished process, whatever its exit code. `env` is added to the environment of the tests."""
        if isinstance(input, bytes):
            text = False
        return subprocess.run(
            [self.prefix / "bin" / "loccit", *arguments],
            cwd=cwd,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=text,
            timeout=timeout_s,
            check=False,
        )


def locked_requirements(name: str) -> list[Requirement]:
    """The pinned packages of requirements/NAME.txt that apply to this interpreter and platform."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pins = [Requirement(line.removesuffix("\\")) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def installed_entries(name: str) -> Iterator[Path]:
    """The files and folders that a distribution has put directly into site-packages."""
    package = distribution(name)
    tops = {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}
    return (Path(str(package.locate_file(top))) for top in sorted(tops))


def run_python(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built and installed once for the run, offline."""
    folder = tmp_path_factory.mktemp("wheel")
    run_python("hatchling", "build", "--target", "wheel", "--directory", folder / "dist")
    (wheel,) = (folder / "dist").glob("*.whl")
    prefix = folder / "venv"
    run_python("venv", "--without-pip", prefix)
    (site,) = prefix.glob("lib/python3.*/site-packages")
    for pin in locked_requirements("runtime"):
        for entry in installed_entries(pin.name):
            (site / entry.name).symlink_to(entry)
    run_python(
        "pip", "--python", prefix / "bin" / "python", "install", "--quiet", "--no-index", "--no-deps", wheel
    )
    return Installed(wheel, prefix, site)
