"""What each query finds, in order, with scores and reasons; and how good that is in all."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from loccit import Hit, Loccit
from tests.golden.conftest import HERE, Golden, difference_of

RANKINGS = HERE / "rankings"
SHOWN = 8

TRACEBACK = """Traceback (most recent call last):
  File "/srv/venv/lib/site-packages/parcels/api.py", line 80, in answer
    return where(number)
  File "/srv/venv/lib/site-packages/parcels/tracking.py", line 40, in locate
    raise ParcelNotFound(number)
KeyError: 4711"""


@dataclass(frozen=True)
class Asked:
    """A query, and the path or the commit's subject that a person would want to find."""

    name: str
    query: str
    expected: str
    in_history: bool = False


QUERIES = [
    Asked("plain-words", "how is the price of a parcel computed", "src/parcels/rates.py"),
    Asked("short", "weight limit", "src/parcels/rates.py"),
    Asked("dotted-name", "Tracker.locate", "src/parcels/tracking.py"),
    Asked("function", "refund_for", "src/parcels/refunds.py"),
    Asked("another-form", "how are parcels refunded when they get lost", "src/parcels/refunds.py"),
    Asked("path", "what does scripts/backup.sh keep", "scripts/backup.sh"),
    Asked(
        "error-message",
        "ParcelNotFound: no parcel with number 17 was ever scanned",
        "src/parcels/tracking.py",
    ),
    Asked("quotation", 'who says "allow this page to open windows"?', "web/label.ts"),
    Asked("traceback", TRACEBACK, "src/parcels/tracking.py"),
    Asked("go", "which bags does the queue hand out first", "cmd/sorter/queue.go"),
    Asked("rust", "check digit of a barcode", "native/barcode.rs"),
    Asked("c", "crc of a block", "native/checksum.c"),
    Asked("typescript", "print a label", "web/label.ts"),
    Asked("vendored", "zoom of the map", "web/map.js"),
    Asked("tests", "which test covers the express surcharge", "tests/test_rates.py"),
    Asked("docs", "documentation of the tracking states", "docs/tracking.rst"),
    Asked("changelog", "what does the changelog say about version 2.1", "CHANGELOG.md"),
    Asked("config", "cache_seconds of the tracking service", "config/service.toml"),
    Asked("shell", "how long are copies of scans kept in the archive", "scripts/backup.sh"),
    Asked("synonym", "fee for sending something abroad", "src/parcels/rates.py"),
    Asked("paraphrase", "what do we owe a customer whose package vanished", "src/parcels/refunds.py"),
    Asked(
        "history-added", "when were refunds added", "Add refunds for lost and late parcels", in_history=True
    ),
    Asked("history-removed", "why was the fax removed", "Remove the fax notification", in_history=True),
    Asked("history-why", "why are prices rounded half up", "Round prices half up", in_history=True),
]


def places_of(loccit: Loccit, asked: Asked) -> list[tuple[Hit, str]]:
    """The hits, each with its path or its commit's subject."""
    hits = loccit.search(asked.query, limit=SHOWN, history=asked.in_history)
    if not asked.in_history:
        return [(hit, hit.place.path) for hit in hits]
    texts = loccit.read_many(hits)
    return [(hit, text.decode().partition("\n")[0]) for hit, text in zip(hits, texts, strict=True)]


def shown(loccit: Loccit, asked: Asked) -> str:
    lines = [f"query: {line}" for line in asked.query.split("\n")]
    lines += [f"expected: {asked.expected}", ""]
    for number, (hit, name) in enumerate(places_of(loccit, asked), start=1):
        where = name if asked.in_history else f"{name}:{hit.place.start_line}-{hit.place.end_line}"
        # Further digits may differ from machine to machine.
        lines.append(f"{number}. {where}  {hit.score:.4f}  {'; '.join(hit.reasons)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("asked", QUERIES, ids=lambda asked: asked.name)
def test_a_ranking_is_as_it_was(asked: Asked, loccit: Loccit, golden: Golden) -> None:
    """Hit by hit, with scores and reasons."""
    golden(RANKINGS / f"{asked.name}.txt", shown(loccit, asked))


def test_the_rankings_are_as_good_as_they_were(loccit: Loccit, golden: Golden) -> None:
    """Recall and mean reciprocal rank of what a person would want to find, over files and commits."""
    ranks: list[float] = []
    for asked in QUERIES:
        names = list(dict.fromkeys(name for _, name in places_of(loccit, asked)))
        ranks.append(names.index(asked.expected) + 1 if asked.expected in names else float("inf"))
    lines = [f"queries: {len(ranks)}"]
    lines += [f"recall@{k}: {sum(rank <= k for rank in ranks) / len(ranks):.3f}" for k in (1, 5)]
    lines += [f"MRR: {sum(1 / rank for rank in ranks) / len(ranks):.3f}", "", "not first:"]
    lines += [f"  {a.name}: {rank:g}" for a, rank in zip(QUERIES, ranks, strict=True) if rank > 1]
    golden(HERE / "rank_stats.txt", "\n".join(lines) + "\n")


def test_every_golden_ranking_has_its_query() -> None:
    """A query that is gone takes its file with it."""
    assert {path.stem for path in RANKINGS.glob("*")} == {asked.name for asked in QUERIES}


def test_a_difference_is_told_with_the_file_and_the_lines() -> None:
    """Whoever changes a ranking sees how."""
    path = RANKINGS / "go.txt"
    text = path.read_text(encoding="utf-8")
    assert difference_of(path, text) == ""
    told = difference_of(path, text.replace("1. ", "2. ", 1))
    assert told.startswith("rankings/go.txt has changed:\n")
    assert "\n-1. cmd/sorter/queue.go" in told
    assert "\n+2. cmd/sorter/queue.go" in told
    assert told.endswith("--update-golden")
