"""From hits to evidence."""

from __future__ import annotations

import pytest

from loccit.core.evidence import Evidence, Hit, Place
from loccit.core.source import FileRole
from loccit.retrieval.packing import is_import_list, line_weights, located, pack
from loccit.retrieval.query import understand
from loccit.retrieval.scoring import FORMULAS, score
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, MadeSnapshot, hits_of, made, parsed


def packed(snapshot: MadeSnapshot, text: str, limit: int = 10) -> list[Evidence]:
    results = hits_of(snapshot, text)
    return pack(results.hits, [results.scoring], snapshot.read, limit=limit)


def place(path: str, size: int, object_id: str = "b") -> Place:
    return Place("made", "c", "t", path, object_id, 0, size, 1, 1)


def hit_at(where: Place, encoding: str = "utf-8", symbol: str = "", kind: str = "text") -> Hit:
    return Hit(where, 1.0, symbol, kind, "text", FileRole.SOURCE, encoding, relevance=0.5)


def test_evidence_holds_the_bytes_of_its_hit() -> None:
    """In order of the hits, numbered from one."""
    snapshot = parsed({"a.txt": "alpha beta\n", "b.txt": "alpha\ngamma delta epsilon\n", "c.txt": "zeta\n"})
    evidence = packed(snapshot, "alpha beta")
    assert [(piece.id, piece.data) for piece in evidence] == [
        ("E1", b"alpha beta\n"),
        ("E2", b"alpha\ngamma delta epsilon\n"),
    ]


def test_no_more_than_the_limit_is_packed() -> None:
    """The best stay."""
    snapshot = parsed({f"{name}.txt": f"alpha {name * 3}\n" for name in "abcdef"})
    assert len(packed(snapshot, "alpha", limit=2)) == 2


def test_a_near_duplicate_is_left_out() -> None:
    """Eight of ten equal lines say the same; half of them do not."""
    lines = [f"alpha line {number}\n" for number in range(10)]
    near = [*lines[:8], "beta\n", "gamma\n"]
    half = [*lines[:5], *(f"delta {number}\n" for number in range(5))]
    snapshot = parsed({"a.txt": "".join(lines), "b.txt": "".join(near), "c.txt": "".join(half)})
    kept = {piece.hit.place.path for piece in packed(snapshot, "alpha line")}
    assert len(kept) == 2
    assert "c.txt" in kept


def test_indentation_makes_no_difference_between_lines() -> None:
    """A copy that was moved into a block is a copy."""
    snapshot = parsed({"a.txt": "alpha one\nalpha two\n", "b.txt": "    alpha one\n    alpha two\n"})
    assert len(packed(snapshot, "alpha")) == 1


def test_one_part_of_a_function_is_enough() -> None:
    """A long function is one passage, not several."""
    body = "".join(f"    total += alpha(article_{number})\n" for number in range(150))
    snapshot = parsed(
        {"a.py": f"def sum_up():\n    total = 0\n{body}    return total\n", "b.py": "alpha = 1\n"}
    )
    assert len(hits_of(snapshot, "alpha total").hits) == 3
    assert sorted(piece.hit.place.path for piece in packed(snapshot, "alpha total")) == ["a.py", "b.py"]


def test_functions_of_one_name_in_two_files_both_stay() -> None:
    """They are two functions."""
    snapshot = parsed(
        {
            "a.py": "def alpha():\n    return one\n",
            "b.py": "def alpha():\n    gamma()\n    return two\n",
            "c.py": "x = 1\n",
        }
    )
    assert len(packed(snapshot, "alpha")) == 2


IMPORTS = (
    "from shop import alpha\nfrom shop.beta import (\n    Beta,\n    alpha_beta,\n)\nimport os\n\nX = 1\n"
)


def test_import_statements_are_no_evidence() -> None:
    """They say what is used, not what is done."""
    snapshot = parsed({"a.py": IMPORTS, "b.py": "def f():\n    return alpha + delta\n"})
    assert [piece.hit.place.path for piece in packed(snapshot, "alpha")] == ["b.py"]


def test_import_statements_are_evidence_where_they_are_asked_for() -> None:
    """Who asks what is imported wants to see it."""
    snapshot = parsed({"a.py": IMPORTS, "b.py": "def f():\n    return alpha + delta\n"})
    assert "a.py" in {piece.hit.place.path for piece in packed(snapshot, "who imports alpha")}


@pytest.mark.parametrize(
    "text",
    [
        "import os\nimport sys\n",
        "from a import (\n    b,\n    c,\n)\n",
        "import {\n  a,\n  b,\n} from './a'\nimport c from 'c'\n",
        'import (\n\t"fmt"\n\t"os"\n)\n',
        "use std::io;\nuse crate::a::{b, c};\n",
        '#include <stdio.h>\n# include "a.h"\n',
        "using System;\nusing System.Linq;\n",
        "require 'set'\nrequire_once 'a.php';\n",
        "const a = require('a');\nconst { b } = require('b');\n",
        "package a.b;\nimport java.util.List;\n",
    ],
)
def test_import_statements_of_many_languages_are_known(text: str) -> None:
    """Also over several lines."""
    assert is_import_list(text)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "import os\n\ndef important():\n    return os.getcwd() or imported(1)\n", "important = 1\n"],
)
def test_other_text_is_no_list_of_imports(text: str) -> None:
    """A few imports above code do not make it one."""
    assert not is_import_list(text)


def test_lines_weigh_what_they_hold() -> None:
    """Each term once per line, in any of its forms."""
    weights = {"alpha": 2.0, "regist": 1.0, "=registered": 0.5}
    lines = ["alpha alpha\n", "registered\n", "registering alpha\n", "\n", "beta\n"]
    assert line_weights(lines, weights) == (2.0, 1.5, 3.0, 0.0, 0.0)


def test_a_term_weighs_what_the_first_scoring_that_knows_it_says() -> None:
    """Words that only the history knows count on the lines of commits."""
    query = understand("alpha unheard", max_chars=100)
    files = made([MadeFile("a.py", (MadeChunk("alpha"),)), MadeFile("b.py", (MadeChunk("beta"),))])
    history = made([MadeFile("", (MadeChunk("unheard"),))], kind="history")
    scorings = [
        score(query, [files.target.view]),
        score(query, [history.target.view], FORMULAS["history"]),
    ]
    commit = b"tree 0\nauthor A\n\nSubject\n\nunheard alpha\nalpha\n"
    [evidence] = pack([hit_at(place("", 0))], scorings, lambda _: commit, limit=3)
    subject, gap, both, alpha = evidence.line_weights
    assert subject == gap == 0
    assert both > alpha > 0


def test_the_place_of_a_commit_is_its_message() -> None:
    """Without the blank lines at its end; lines are those of the whole object."""
    commit = "tree 0\nauthor Ä\ngpgsig -----\n \n -----\n\nSubjekt: ä\n\nMehr.\n\n".encode()
    placed, data = located(hit_at(place("", 0)), commit)
    assert data.decode() == "Subjekt: ä\n\nMehr."
    assert commit[placed.place.start_byte : placed.place.end_byte] == data
    assert (placed.place.start_line, placed.place.end_line) == (7, 9)


def test_a_commit_in_another_encoding_is_decoded_by_it() -> None:
    """Old commits are Latin-1."""
    placed, data = located(hit_at(place("", 0)), "author Ä\n\nGrüße\n".encode("latin-1"))
    assert (placed.encoding, data.decode(placed.encoding)) == ("latin-1", "Grüße")


@pytest.mark.parametrize("commit", [b"tree 0\n\n", b"tree 0\n", b"tree 0\n\n\n\n"])
def test_a_commit_without_a_message_is_no_evidence(commit: bytes) -> None:
    """There is nothing to quote."""
    _, data = located(hit_at(place("", 0)), commit)
    assert data == b""
    assert pack([hit_at(place("", 0))], [], lambda _: commit, limit=1) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "latin-1"])
def test_lines_are_told_apart_in_every_encoding(encoding: str) -> None:
    """A UTF-16 line end is two bytes, and Latin-1 needs no valid UTF-8."""
    text = "für alpha\r\nü beta\r\n\r\nö alpha beta\r\n"
    data = text.encode(encoding)
    snapshot = parsed({"a.txt": "alpha beta\n", "b.txt": "delta\n"})
    scoring = hits_of(snapshot, "alpha").scoring
    [evidence] = pack([hit_at(place("x", len(data)), encoding)], [scoring], lambda _: data, limit=1)
    assert [weight > 0 for weight in evidence.line_weights] == [True, False, False, True]
