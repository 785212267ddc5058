"""A repository of known content and history, indexed once, and golden files that can be written anew."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

from loccit import Loccit
from tests.repositories import Commit, make_repository

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"

FAX = '"""Tells the receiver by fax."""\n\n\ndef send_fax(number):\n    dial(number)\n'

# Some files of the corpus are tests, of the corpus.
collect_ignore = ["corpus"]

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what is now true into the golden files."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(scope="session")
def loccit(tmp_path_factory: pytest.TempPathFactory) -> Loccit:
    """The corpus in a repository called `parcels`, indexed with its history."""
    folder = tmp_path_factory.mktemp("golden")
    make_repository(folder / "parcels", history())
    loccit = Loccit(folder / "home")
    loccit.index(folder / "parcels")
    return loccit


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with a golden file, or writes it."""
    is_update = request.config.getoption("--update-golden", default=False)

    def compare(path: Path, text: str) -> None:
        if is_update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif difference := difference_of(path, text):
            pytest.fail(difference, pytrace=False)

    return compare


def difference_of(path: Path, text: str) -> str:
    """Which golden file has changed, how, and what to do about it; empty where nothing has."""
    name = path.relative_to(HERE).as_posix()
    wanted = path.read_text(encoding="utf-8") if path.exists() else ""
    if wanted == text:
        return ""
    before, now = wanted.splitlines(), text.splitlines()
    lines = difflib.unified_diff(before, now, f"{name} as it was", f"{name} now", lineterm="")
    update = "If that is what was meant: pytest tests/golden --update-golden"
    return "\n".join([f"{name} has changed:", *lines, update])


def history() -> list[Commit]:
    """How the corpus came to be: what each commit adds; the last one has all of it."""
    files = {
        path.relative_to(CORPUS).as_posix(): path.read_bytes()
        for path in sorted(CORPUS.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }

    def some(*prefixes: str) -> dict[str, bytes]:
        return {path: files.pop(path) for path in list(files) if path.startswith(prefixes)}

    rates = files["src/parcels/rates.py"]
    halved_evenly = rates.replace(b"ROUND_HALF_UP", b"ROUND_HALF_EVEN")
    return [
        {
            "files": {
                **some(
                    "README", "src/parcels/__init__", "src/parcels/rates", "tests/test_rates", "docs/rates"
                ),
                "src/parcels/rates.py": halved_evenly,
                "src/parcels/fax.py": FAX,
            },
            "message": "Price parcels by zone and weight",
        },
        {
            "files": some("src/parcels/tracking", "docs/tracking", "native", "config"),
            "message": (
                "Track parcels by their scans\n\nScanners garble what they send over the radio, "
                "so that each block has a checksum.\n"
            ),
        },
        {"files": some("cmd", "deploy"), "message": "Add the sorter's queue of bags"},
        {"files": some("web", "vendor"), "message": "Print labels and show the route on a map"},
        {
            "files": {"src/parcels/fax.py": None},
            "message": "Remove the fax notification\n\nNobody has received one since 2011.\n",
        },
        {
            "files": {"src/parcels/rates.py": rates},
            "message": (
                "Round prices half up\n\nThe law of 2019 asks for it; half to even gave customers a cent "
                "too much or too little in one of two hundred invoices.\n"
            ),
        },
        {
            "files": some("src/parcels/refunds", "tests/test_refunds"),
            "message": "Add refunds for lost and late parcels",
        },
        {"files": files, "message": "Keep a changelog and back up the scans"},
    ]
