"""An index that is damaged, foreign or of another version never answers, and never ends in a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

QUESTION = "where is the postage computed from the zone table?"


@pytest.fixture
def copied(shop, tmp_path):
    """The shop with a home of its own that may be damaged."""
    shutil.copytree(shop.home, tmp_path / "home")
    return type(shop)(tmp_path / "home", shop.parcels, shop.ledger, shop.notes, shop.commits, shop.run)


def shards(home: Path) -> list[Path]:
    return [path for path in home.glob("repositories/*/shard") if path.is_dir()]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def break_catalogue(home: Path) -> None:
    cut(home / "catalogue.json")


def break_manifests(home: Path) -> None:
    for shard in shards(home):
        (shard / "manifest.json").write_text('{"format": ')


def age_manifests(home: Path) -> None:
    for shard in shards(home):
        document = json.loads((shard / "manifest.json").read_text())
        (shard / "manifest.json").write_text(json.dumps({**document, "format": 999}))


def cut_segments(home: Path) -> None:
    for path in (p for shard in shards(home) for p in (shard / "segments").rglob("*") if p.is_file()):
        cut(path)


def lose_snapshots(home: Path) -> None:
    for shard in shards(home):
        shutil.rmtree(shard / "snapshots")


@pytest.mark.parametrize(
    "damage", [break_catalogue, break_manifests, age_manifests, cut_segments, lose_snapshots]
)
def test_a_damaged_index_is_told_apart_from_silence(copied, damage) -> None:
    """`ask` abstains because the index is broken, `search` says what is wrong, both with exit code 6."""
    damage(copied.home)
    answer = copied.json("ask", QUESTION, expected=6)
    assert (answer["outcome"], answer["abstention"]) == ("abstained", "index_broken")
    searched = copied("search", "postage")
    assert searched.returncode == 6, searched.stdout
    assert searched.stdout == ""
    assert "loccit index" in searched.stderr or "index again" in searched.stderr
    found = copied("doctor")
    assert found.returncode == 6
    assert "FAIL" in found.stdout
    for done in (searched, found, copied("status")):
        assert "Traceback" not in done.stderr
        assert "defect" not in done.stderr


@pytest.mark.parametrize("damage", [break_manifests, age_manifests, cut_segments])
def test_a_damaged_index_is_made_anew(copied, damage) -> None:
    """With --rebuild, whatever its state."""
    damage(copied.home)
    done = copied("index", "--rebuild")
    assert done.returncode == 0, done.stderr
    assert copied("ask", QUESTION).returncode == 0


def test_status_shows_the_others_when_one_is_damaged(copied) -> None:
    """The damaged one with its reason."""
    (parcels,) = (one["key"] for one in copied.json("status")["repositories"] if one["name"] == "parcels")
    (copied.home / "repositories" / parcels / "shard" / "manifest.json").write_text("{}")
    shown = copied("status")
    assert shown.returncode == 0, shown.stderr
    assert "parcels  unreadable" in shown.stdout
    assert "ledger  up to date" in shown.stdout


def test_a_source_that_has_gone_is_told(new_shop) -> None:
    """The index is whole; what it names cannot be read any more."""
    assert new_shop("index", new_shop.ledger).returncode == 0
    shutil.move(new_shop.ledger, new_shop.ledger.with_name("moved"))
    done = new_shop("search", "payment", "--repo", "ledger", cwd=new_shop.home)
    assert done.returncode == 5, done.stderr
    assert str(new_shop.ledger) in done.stderr
    assert "unreadable" in new_shop("status", cwd=new_shop.home).stdout
    assert new_shop("remove", "ledger", cwd=new_shop.home).returncode == 0
