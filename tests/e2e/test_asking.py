"""Asking and searching, from the first question in a repository that nobody indexed."""

from __future__ import annotations

import json
import time

import pytest

from tests.repositories import git

QUESTION = "where is the postage computed from the zone table?"


def test_the_first_question_says_the_cost_indexes_and_answers(new_shop) -> None:
    """In a repository that was never indexed, on standard error; standard output is the answer."""
    done = new_shop("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert "not indexed yet: 5 files, 0.6 kB, about 1 s" in done.stderr
    assert "src/parcels/postage.py:" in done.stdout
    assert "re-checked against the bytes" in done.stdout
    assert not any(line.startswith("not indexed") for line in done.stdout.splitlines())


def test_the_first_question_starts_the_history_in_the_background(new_shop) -> None:
    """The process that reads it outlives the question, and then commits can be searched."""
    assert new_shop("ask", QUESTION).returncode == 0
    ends = time.monotonic() + 30
    while new_shop.json("status")["repositories"][0]["history"] is None:
        assert time.monotonic() < ends, "no history after 30 s"
        time.sleep(0.2)
    done = new_shop("search", "--history", "zone table")
    assert done.returncode == 0, done.stderr
    assert f"commit {new_shop.commits[1][:12]}" in done.stdout


def test_history_that_is_not_indexed_is_said(new_shop) -> None:
    """An empty result would look as if no commit bore on the query."""
    assert new_shop("index", "--no-history").returncode == 0
    done = new_shop("search", "--history", "zone")
    assert done.returncode == 6
    assert "the history of 'parcels' is not indexed" in done.stderr
    assert new_shop("index", "--history-only").returncode == 0
    assert new_shop("search", "--history", "zone").returncode == 0


def test_a_first_search_of_the_history_reads_it_at_once(new_shop) -> None:
    """There is nothing to search before it is read, so this is not left to the background."""
    done = new_shop("search", "--history", "zone")
    assert done.returncode == 0, done.stderr
    assert "not indexed yet" in done.stderr


def test_a_question_may_come_from_standard_input(shop) -> None:
    """Without words and with `-`."""
    for words in ([], ["-"]):
        done = shop("ask", *words, input=QUESTION + "\n")
        assert done.returncode == 0, done.stderr
        assert "src/parcels/postage.py:" in done.stdout


def test_words_of_a_question_need_no_quotes(shop) -> None:
    """They are put together again."""
    assert shop.json("ask", *QUESTION.split())["question"] == QUESTION


def test_json_is_one_object_on_one_line_and_nothing_else(shop) -> None:
    """Every command that has `--json`."""
    assert shop.json("ask", QUESTION)["format"] == "loccit-answer/1"
    assert shop.json("search", "postage")["format"] == "loccit-search/1"
    assert shop.json("status")["format"] == "loccit-status/1"
    assert shop.json("doctor")["format"] == "loccit-doctor/1"
    assert shop.json("show", "README.md:1")["format"] == "loccit-citation/1"
    assert shop.json("index", "--no-history", shop.notes)["format"] == "loccit-index/1"
    assert shop.json("gc")["format"] == "loccit-gc/1"


def test_the_places_of_search_are_exact(shop) -> None:
    """The bytes that a hit names are the text it shows, in files and in commits."""
    (hit, *_) = shop.json("search", "compute_postage")["hits"]
    data = git(shop.parcels, "cat-file", "blob", hit["blob"]).encode()
    assert data[hit["start_byte"] : hit["end_byte"]].decode() == hit["text"].rstrip("\n")
    (commit, *_) = shop.json("search", "--history", "unweighed parcels")["hits"]
    assert commit["commit"] == shop.commits[0]
    data = git(shop.parcels, "cat-file", "commit", commit["commit"]).encode()
    assert data[commit["start_byte"] : commit["end_byte"]].decode() == commit["text"]
    assert data.split(b"\n")[commit["start_line"] - 1].decode() == commit["text"].split("\n")[0]


def test_regex_with_json_is_a_stream_of_objects(shop) -> None:
    """One object per line, each with the place of its line."""
    done = shop("search", "--regex", "--json", "def (weigh|compute)_")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["path"], one["line"]) for one in found] == [
        ("src/parcels/postage.py", 4),
        ("src/parcels/weigh.py", 1),
    ]
    assert {one["commit"] for one in found} == {shop.commits[-1]}
    data = git(shop.parcels, "cat-file", "blob", found[0]["blob"]).encode()
    assert data[found[0]["start_byte"] : found[0]["end_byte"]].decode() == found[0]["text"]


def test_regex_needs_no_index(new_shop) -> None:
    """It reads the objects of the commit, and leaves nothing indexed behind."""
    done = new_shop("search", "--regex", "def weigh_")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "src/parcels/weigh.py:1: def weigh_parcel(parcel):\n"
    assert new_shop.json("status")["repositories"] == []


def test_regex_searches_a_plain_folder(shop) -> None:
    """Its lines are those of the files as they are."""
    done = shop("search", "--regex", "opens at", "--repo", shop.notes)
    assert done.stdout == "opening.txt:1: The shop opens at nine and closes at six.\n"


def test_regex_says_when_it_stopped_at_the_limit(shop) -> None:
    """A cut list never looks like a whole one."""
    done = shop("search", "--regex", "parcel", "--limit", "1")
    assert done.stdout.count("\n") == 1
    assert "stopped at 1 lines" in done.stderr


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--lang", "go"], {"src/parcels/labels.go"}),
        (["--lang", "MD"], {"README.md"}),
        (["--path", "*.md", "--path", "*.go"], {"README.md", "src/parcels/labels.go"}),
        (["--path", "*.go", "--lang", "markdown"], set()),
    ],
)
def test_filters_restrict_what_is_found(shop, filters, expected) -> None:
    """`--lang` and `--path` mean the same to words and to regular expressions."""
    words = shop.json("search", "parcel", *filters, expected=0 if expected else 1)
    assert {hit["path"] for hit in words["hits"]} <= expected
    assert bool(words["hits"]) == bool(expected)
    lines = shop("search", "--regex", "--json", "-i", "parcel", *filters).stdout.splitlines()
    assert {json.loads(line)["path"] for line in lines} <= expected
    assert bool(lines) == bool(expected)
    answer = shop("ask", "--json", "where is the parcel?", *filters)
    cited = {c["path"] for claim in json.loads(answer.stdout)["claims"] for c in claim["citations"]}
    assert cited <= expected


def test_a_past_commit_answers_as_it_was(shop) -> None:
    """With `--rev` neither its files nor its history hold what came later."""
    answer = shop.json("ask", "what was changed about parcels?", "--rev", shop.commits[0])
    assert answer["snapshots"][0]["commit"] == shop.commits[0]
    cited = [c for claim in answer["claims"] for c in claim["citations"]]
    assert cited
    assert {c["commit"] for c in cited} == {shop.commits[0]}
    assert shop("search", "--regex", "compute_postage", "--rev", shop.commits[0]).returncode == 1


def test_a_question_may_span_a_collection(shop) -> None:
    """Both repositories are searched, and every quotation says which one it is from."""
    question = "record_payment compute_postage"
    answer = shop.json("ask", question, "--collection", "shop")
    assert {snapshot["repo"] for snapshot in answer["snapshots"]} == {"parcels", "ledger"}
    assert {c["repo"] for claim in answer["claims"] for c in claim["citations"]} == {"parcels", "ledger"}
    shown = shop("ask", question, "--collection", "shop").stdout
    assert "ledger/entries.py:1-3  ledger" in shown
    assert "src/parcels/postage.py:1-6  parcels" in shown
    found = shop("search", question, "--collection", "shop").stdout
    assert "ledger ledger/entries.py:1-3" in found


def test_a_repository_is_named_by_name_or_path_from_anywhere(shop, tmp_path) -> None:
    """Outside of every repository all that is indexed is searched."""
    for name in ("ledger", shop.ledger / "ledger"):
        (hit, *_) = shop.json("search", "record_payment", "--repo", name, cwd=tmp_path)["hits"]
        assert hit["repo"] == "ledger"
    everywhere = shop.json("search", "payment postage opens", cwd=tmp_path)["hits"]
    assert {hit["repo"] for hit in everywhere} == {"parcels", "ledger", "notes"}


def test_differences_in_the_working_tree_are_said(new_shop) -> None:
    """What is not committed is not searched; the answer counts the files."""
    assert new_shop.json("ask", QUESTION)["snapshots"][0]["changed_files"] == 0
    (new_shop.parcels / "README.md").write_text("# Parcels\n\nChanged, and not committed.\n")
    (new_shop.parcels / "tests/test_postage.py").unlink()
    assert new_shop.json("ask", QUESTION)["snapshots"][0]["changed_files"] == 2
    assert "2 files differ in the working tree" in new_shop("ask", QUESTION).stdout
    past = new_shop.json("ask", "how are parcels weighed?", "--rev", "HEAD~1")
    assert past["snapshots"][0]["changed_files"] == 0


def test_a_new_commit_is_searched_without_being_asked_to(new_shop) -> None:
    """HEAD is what is answered from, and `status` said meanwhile that the index is stale."""
    assert new_shop("index").returncode == 0
    (new_shop.parcels / "insure.py").write_text("def insure_parcel(value):\n    return value // 50\n")
    git(new_shop.parcels, "add", "insure.py")
    git(new_shop.parcels, "commit", "-m", "Insure parcels")
    assert new_shop.json("status")["repositories"][0]["is_stale"]
    (hit, *_) = new_shop.json("search", "insure_parcel")["hits"]
    assert hit["path"] == "insure.py"


def test_what_the_sources_do_not_hold_is_declined(shop) -> None:
    """Exit code 1, the kind of abstention, and what to try."""
    done = shop("ask", "how does the kubernetes scheduler preempt pods?")
    assert done.returncode == 1
    assert "Not answered (not_in_sources)" in done.stdout
    assert "loccit search" in done.stderr
    assert shop("search", "kubernetes").returncode == 1


def test_without_any_index_the_answer_says_so(new_shop, tmp_path) -> None:
    """Outside of a repository nothing is indexed by itself: `not_indexed`, exit code 6."""
    (tmp_path / "elsewhere").mkdir()
    answer = new_shop.json("ask", QUESTION, cwd=tmp_path / "elsewhere", expected=6)
    assert (answer["outcome"], answer["abstention"]) == ("abstained", "not_indexed")
    assert new_shop("search", QUESTION, cwd=tmp_path / "elsewhere").returncode == 6


def test_quiet_leaves_the_result_alone(new_shop) -> None:
    """No progress, no hints, no reasons: standard error stays empty."""
    done = new_shop("ask", QUESTION, "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "src/parcels/postage.py:" in done.stdout
    assert "why:" not in done.stdout
    assert "searched" not in done.stdout


@pytest.mark.parametrize("question", ["of the and", "?! … --", "\x00\x01 é"])
def test_a_question_without_a_telling_word_is_declined(shop, question) -> None:
    """Stop words, punctuation, control characters: an abstention, and no hits."""
    assert shop.json("ask", "-", expected=1, input=question)["abstention"] == "not_in_sources"
    assert shop("search", "-", input=question).returncode == 1


def test_status_lists_what_is_indexed(shop) -> None:
    """Sources in order of name, and collections in the order in which they were filled."""
    status = shop.json("status")
    assert [one["name"] for one in status["repositories"]] == ["ledger", "notes", "parcels"]
    assert status["collections"] == {"shop": ["parcels", "ledger"]}
    shown = shop("status").stdout
    assert "parcels  up to date" in shown
    assert "collection shop: parcels, ledger" in shown


def test_a_removed_repository_is_forgotten_and_untouched(new_shop) -> None:
    """Its index goes, the catalogue and the collection forget it, the repository stays."""
    assert new_shop("index", "-c", "all", new_shop.parcels, new_shop.ledger).returncode == 0
    before = sorted(path.name for path in new_shop.ledger.rglob("*"))
    done = new_shop("remove", "ledger")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in new_shop.ledger.rglob("*")) == before
    status = new_shop.json("status")
    assert [one["name"] for one in status["repositories"]] == ["parcels"]
    assert status["collections"] == {"all": ["parcels"]}
    assert len(list((new_shop.home / "repositories").iterdir())) == 1
    assert new_shop("gc").returncode == 0
    assert new_shop("doctor").returncode == 0
