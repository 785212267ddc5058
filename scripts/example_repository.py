"""Writes the repository that the documentation's examples run in: `example_repository.py FOLDER`.

Times and names are fixed, so its commit ids are the same everywhere and the pages may quote them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_FIRST = {
    "README.md": """\
# parcels

Works out what it costs to send a parcel.

## Prices

The price of a parcel is its weight times the rate of its zone. A parcel over 30 kg is refused.
""",
    "parcels/__init__.py": "",
    "parcels/prices.py": '''\
"""What a parcel costs."""

RATES = {"home": 1.5, "abroad": 4.0}


class TooHeavy(ValueError):
    """The carrier takes no parcel over 30 kg."""


def price(weight_kg: float, zone: str = "home") -> float:
    """The price of one parcel. Raises TooHeavy over 30 kg."""
    if weight_kg > 30:
        raise TooHeavy(f"{weight_kg} kg, at most 30 kg are taken")
    return round(weight_kg * RATES[zone], 2)
''',
    "tests/test_prices.py": """\
from parcels.prices import price


def test_home_is_cheaper() -> None:
    assert price(2) < price(2, "abroad")
""",
}

_SECOND = {
    "parcels/retries.py": '''\
"""Asking the carrier again when it does not answer."""

import time

ATTEMPTS = 3


def with_retries(ask, pause_s: float = 0.5):
    """What `ask` returns. A timeout is tried again after a pause that doubles, three times in all."""
    for attempt in range(ATTEMPTS):
        try:
            return ask()
        except TimeoutError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(pause_s * 2**attempt)
''',
}

_COMMITS = (
    ("Prices by weight and zone", "2024-03-01T09:00:00+00:00", _FIRST),
    (
        "Ask the carrier again after a timeout\n\nIts gateway drops about one request in fifty at noon.",
        "2024-03-08T09:00:00+00:00",
        _SECOND,
    ),
)


def _git(folder: Path, *arguments: str, when: str = "") -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "example", f"GIT_{role}_EMAIL": "example@localhost"}
        environment |= {f"GIT_{role}_DATE": when} if when else {}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)


def write_repository(folder: Path) -> None:
    """Makes `folder`, which must not exist yet, a repository with two commits on `main`."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for message, when, files in _COMMITS:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", f"--message={message}", when=when)


if __name__ == "__main__":
    write_repository(Path(sys.argv[1]))
