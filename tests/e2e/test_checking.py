"""`verify` and `show`: what holds, what fell, what cannot be checked, each with its exit code."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.repositories import git, make_repository

QUESTION = "where is the postage computed from the zone table?"


@pytest.fixture(scope="module")
def answer(shop) -> bytes:
    """As `ask --json` prints it; its first quotation is from postage.py."""
    done = shop("ask", QUESTION, "--json")
    assert json.loads(done.stdout)["claims"][0]["citations"][0]["path"] == "src/parcels/postage.py"
    return done.stdout.encode()


def test_an_answer_holds_without_an_index(shop, answer, tmp_path) -> None:
    """Another home, which knows nothing: the repository alone is enough."""
    (tmp_path / "answer.json").write_bytes(answer)
    home = {"LOCCIT_HOME": str(tmp_path / "home")}
    done = shop("verify", tmp_path / "answer.json", "--repo", shop.parcels, cwd=tmp_path, env=home)
    assert done.returncode == 0, done.stdout
    assert "citations hold, 0 fell" in done.stdout
    assert shop("verify", tmp_path / "answer.json", env=home).returncode == 0  # the one we are in
    assert shop("verify", "-", input=answer, cwd=tmp_path).returncode == 0  # the indexed one it names


def test_one_changed_byte_falls(shop, answer, tmp_path) -> None:
    """Exit code 3, and what does not hold."""
    changed = answer.replace(b"ZONES[zone]", b"ZONES[none]")
    assert changed != answer
    done = shop("verify", "-", input=changed)
    assert done.returncode == 3
    assert b"fell" in done.stdout
    assert json.loads(shop("verify", "-", "--json", input=changed).stdout)["status"] == "fell"


def test_a_source_that_is_not_here_cannot_be_checked(shop, answer, tmp_path) -> None:
    """Exit code 4: nothing was shown to be wrong."""
    done = shop("verify", "-", "--repo", shop.ledger, input=answer)
    assert done.returncode == 4, done.stdout
    (tmp_path / "bare").mkdir()
    home = {"LOCCIT_HOME": str(tmp_path / "home")}
    assert shop("verify", "-", input=answer, cwd=tmp_path / "bare", env=home).returncode == 4


def test_an_abstention_claims_nothing(shop) -> None:
    """Exit code 1: there is nothing to hold or to fall."""
    abstained = shop("ask", "how does kubernetes preempt pods?", "--json").stdout
    done = shop("verify", "-", input=abstained)
    assert done.returncode == 1, done.stdout


def test_a_corrupt_object_falls(new_shop) -> None:
    """What the repository holds now does not have the id that was cited."""
    answer = new_shop("ask", QUESTION, "--json").stdout
    for pack in (new_shop.parcels / ".git" / "objects" / "pack").glob("*.pack"):
        shutil.move(pack, new_shop.parcels / pack.name)
        git(new_shop.parcels, "unpack-objects", "-q", stdin=(new_shop.parcels / pack.name).read_bytes())
    blob = git(new_shop.parcels, "rev-parse", "HEAD:src/parcels/postage.py")
    other = git(new_shop.parcels, "rev-parse", "HEAD:README.md")
    objects = new_shop.parcels / ".git" / "objects"
    (objects / blob[:2] / blob[2:]).unlink()
    shutil.copy(objects / other[:2] / other[2:], objects / blob[:2] / blob[2:])
    done = new_shop("verify", "-", input=answer)
    assert done.returncode == 3, done.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["src/parcels/weigh.py:1-2"], "1 │ def weigh_parcel(parcel):\n2 │     "),
        (["src/parcels/weigh.py:3"], "3 │     return max(0,"),
        (["src/parcels/postage.py:1", "--rev", "HEAD"], "1 │ ZONES"),
        (["commit", "HEAD~1"], "│ Weigh parcels before they are stamped"),
        (["ledger/entries.py:1", "--repo", "ledger"], "1 │ def record_payment"),
    ],
)
def test_show_prints_the_lines_of_a_place(shop, words, shown) -> None:
    """A place as answers print it, in the repository one is in or names."""
    done = shop("show", *words)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_show_prints_a_quotation_of_an_answer(shop, answer, tmp_path) -> None:
    """By its number, re-checked; a quotation that does not hold is not shown as if it did."""
    (tmp_path / "an answer").write_bytes(answer)
    first = json.loads(answer)["claims"][0]["citations"][0]
    for written in ("an answer#1", "an answer#1.1"):
        assert shop.json("show", written, cwd=tmp_path) == {"format": "loccit-citation/1", **first}
    done = shop("show", "an answer#99", cwd=tmp_path)
    assert done.returncode == 2
    assert "quotation 99" in done.stderr
    assert "it has quotations 1 to" in done.stderr
    changed = answer.replace(b"ZONES[zone]", b"ZONES[none]")
    fallen = shop("show", "--", "-#1", input=changed)
    assert fallen.returncode == 5
    assert fallen.stdout == b""


def test_what_show_prints_as_json_is_a_citation(shop) -> None:
    """The same fields as in an answer."""
    citation = shop.json("show", "src/parcels/weigh.py:1-2")
    data = git(shop.parcels, "cat-file", "blob", citation["blob"]).encode()
    assert data[citation["start_byte"] : citation["end_byte"]].decode() == citation["quote"]
    assert citation["commit"] == shop.commits[-1]


def test_a_plain_folder_is_verified_as_it_is_now(new_shop) -> None:
    """Its citations hold while its files are the same."""
    (new_shop.notes / "opening.txt").write_text("The shop opens at nine and closes at six.\n")
    assert new_shop("index", new_shop.notes).returncode == 0
    answer = new_shop("ask", "when does the shop open?", "--repo", "notes", "--json").stdout
    assert json.loads(answer)["claims"], answer
    assert new_shop("verify", "-", "--repo", new_shop.notes, input=answer).returncode == 0
    (new_shop.notes / "opening.txt").write_text("The shop opens at ten and closes at six.\n")
    assert new_shop("verify", "-", "--repo", new_shop.notes, input=answer).returncode in (3, 4)


def test_several_repositories_are_verified_together(shop, tmp_path) -> None:
    """An answer that spans a collection holds where both are at hand, and cannot be checked where one is."""
    answer = shop("ask", "record_payment compute_postage", "--collection", "shop", "--json").stdout
    home = {"LOCCIT_HOME": str(tmp_path)}
    both = ["--repo", str(shop.parcels), "--repo", str(shop.ledger)]
    assert shop("verify", "-", *both, input=answer, env=home).returncode == 0
    assert shop("verify", "-", *both[:2], input=answer, env=home).returncode == 4


def test_a_copy_of_the_repository_serves_as_well(shop, answer, tmp_path) -> None:
    """What is cited is objects; where they are does not matter."""
    make_repository(tmp_path / "copy")
    git(tmp_path / "copy", "fetch", "-q", str(shop.parcels), "main:there")
    assert shop("verify", "-", "--repo", tmp_path / "copy", input=answer, cwd=tmp_path).returncode == 0
