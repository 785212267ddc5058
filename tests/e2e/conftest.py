"""The built wheel, installed into environments that hold what a lock file names and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackagePath, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.once import made_once
from tests.repositories import Commit, make_repository

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
        before: Sequence[str] = (),
    ) -> subprocess.CompletedProcess:
        """The finished process, whatever its exit code.

        `env` is added to the environment of the tests, `before` are words that stand before the command.
        """
        if isinstance(input, bytes):
            text = False
        return subprocess.run(
            [*before, self.prefix / "bin" / "loccit", *arguments],
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


def installed_entries(name: str) -> Iterator[tuple[Path, Path]]:
    """The files and folders that a distribution has put into site-packages, and where: of a folder that
    several share (`opentelemetry`) those in it.
    """
    package = distribution(name)
    places = {
        place_of(file, package) for file in package.files or () if not {"..", "__pycache__"} & set(file.parts)
    }
    return ((place, Path(str(package.locate_file(place)))) for place in sorted(places))


def place_of(file: PackagePath, package: Distribution) -> Path:
    """The file, or the first folder around it that belongs to its distribution alone."""
    folders = (Path(*file.parts[:depth]) for depth in range(1, len(file.parts)))
    return next((each for each in folders if not is_shared(Path(str(package.locate_file(each))))), Path(file))


def is_shared(folder: Path) -> bool:
    return not folder.suffix and not (folder / "__init__.py").exists()


def run_python(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once for the run."""

    def build(folder: Path) -> None:
        run_python("hatchling", "build", "--target", "wheel", "--directory", folder)

    (built,) = made_once(tmp_path_factory, "wheel", build).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """As `pip install loccit` leaves it; once for the run, offline. Nothing is written into it."""
    return environment_of(wheel, "runtime", tmp_path_factory)


@pytest.fixture(scope="session")
def equipped(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The same with every extra: it can ask models that a server serves."""
    return environment_of(wheel, "full", tmp_path_factory)


def environment_of(wheel: Path, lock: str, factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel and what requirements/LOCK.txt names, once for the run."""

    def make(prefix: Path) -> None:
        run_python("venv", "--without-pip", prefix)
        for pin in locked_requirements(lock):
            for place, entry in installed_entries(pin.name):
                (site_of(prefix) / place).parent.mkdir(parents=True, exist_ok=True)
                (site_of(prefix) / place).symlink_to(entry)
        python = prefix / "bin" / "python"
        run_python("pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)

    prefix = made_once(factory, f"installed-{lock}", make)
    return Installed(wheel, prefix, site_of(prefix))


def site_of(prefix: Path) -> Path:
    (site,) = prefix.glob("lib/python3.*/site-packages")
    return site


@dataclass(frozen=True)
class Shop:
    """Indexed sources and their home folder.

    `parcels` and `ledger` are repositories, `notes` is a plain folder; `parcels` and `ledger` form the
    collection "shop". `commits` are those of `parcels`, oldest first.
    """

    home: Path
    parcels: Path
    ledger: Path
    notes: Path
    commits: list[str]
    run: Installed

    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess:
        """The finished command, with this home, by default inside `parcels`."""
        options.setdefault("cwd", self.parcels)
        return self.run(*arguments, env={"LOCCIT_HOME": str(self.home), **options.pop("env", {})}, **options)

    def json(self, *arguments: str | Path, expected: int = 0, **options: Any) -> Any:
        """The one JSON object on the one line that the command prints, its exit code checked."""
        done = self(*arguments, "--json", **options)
        assert done.returncode == expected, (done.returncode, done.stderr)
        assert done.stdout.endswith("\n")
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)


PARCELS: list[Commit] = [
    {
        "message": "Weigh parcels before they are stamped\n\nThe post office refused unweighed ones.\n",
        "files": {
            "src/parcels/weigh.py": "def weigh_parcel(parcel):\n"
            '    """Weigh a parcel in grams; an empty scale weighs nothing."""\n'
            "    return max(0, parcel.gross_grams - parcel.tare_grams)\n",
            "README.md": "# Parcels\n\nParcels are weighed, stamped and sent.\n",
        },
    },
    {
        "message": "Compute the postage from the zone table\n",
        "files": {
            "src/parcels/postage.py": "ZONES = {'near': 100, 'far': 250}\n\n\n"
            "def compute_postage(weight_grams, zone):\n"
            '    """Postage in cents for a weight and a zone of the zone table."""\n'
            "    return ZONES[zone] + weight_grams // 10\n",
            "src/parcels/labels.go": "package parcels\n\n"
            "// PrintLabel prints the address label of a parcel.\n"
            "func PrintLabel(address string) string {\n\treturn address\n}\n",
            "tests/test_postage.py": "def test_postage_of_the_far_zone():\n"
            "    assert compute_postage(100, 'far') == 260\n",
        },
    },
]
LEDGER: list[Commit] = [
    {
        "message": "Write every payment into the ledger\n",
        "files": {
            "ledger/entries.py": "def record_payment(ledger, amount_cents):\n"
            '    """Append a payment to the ledger; a negative amount is a refund."""\n'
            "    ledger.entries.append(amount_cents)\n",
        },
    },
]


@pytest.fixture(scope="session")
def shop(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Indexed once for the run. A test that changes a source or the index makes its own."""
    folder = tmp_path_factory.mktemp("shop")
    commits = make_repository(folder / "parcels", PARCELS)
    make_repository(folder / "ledger", LEDGER)
    (folder / "notes").mkdir()
    (folder / "notes" / "opening.txt").write_text("The shop opens at nine and closes at six.\n")
    made = Shop(folder / "home", folder / "parcels", folder / "ledger", folder / "notes", commits, installed)
    done = made("index", "--collection", "shop", folder / "parcels", folder / "ledger")
    assert done.returncode == 0, done.stderr
    assert made("index", folder / "notes").returncode == 0
    return made


@pytest.fixture
def new_shop(installed: Installed, tmp_path: Path) -> Shop:
    """The same repositories with an empty home, for the test alone."""
    commits = make_repository(tmp_path / "parcels", PARCELS)
    make_repository(tmp_path / "ledger", LEDGER)
    (tmp_path / "notes").mkdir()
    return Shop(
        tmp_path / "home", tmp_path / "parcels", tmp_path / "ledger", tmp_path / "notes", commits, installed
    )


@pytest.fixture
def unprivileged() -> list[str]:
    """What to put before a command so that permissions count for root as well."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.fail("run as root, this test needs setpriv (Debian: util-linux)")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
