"""What a report says: one finding for each way to be wrong, and how statuses add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_objects import REPO, MadeRepository, answered, changed, quotation, resealed, snapshot

from loccit.core.answers import Citation
from loccit.core.errors import LimitExceeded, ObjectCorrupt, SourceUnreadable
from loccit.core.source import BlobReader, GitObject
from loccit.verification import Finding, Status, VerificationReport, check_quotation, cite, verify
from loccit.verification.objects import _PARSED

SOURCE = b"def f():\n    return 1\n"
OTHER = b"def g():\n    return 2\n"


@pytest.fixture
def repository() -> MadeRepository:
    return MadeRepository()


@pytest.fixture
def tree(repository: MadeRepository) -> str:
    link = repository.add("blob", b"src/f.py")
    return repository.add_tree(
        {
            b"src/f.py": SOURCE,
            b"src/g.py": OTHER,
            b"link": (b"120000", link),
            b"module": (b"160000", "1" * 40),
            b"run.sh": (b"100755", repository.add("blob", SOURCE)),
        }
    )


@pytest.fixture
def commit(repository: MadeRepository, tree: str) -> str:
    return repository.add_commit(tree)


def cited(commit: str | None, tree: str | None = None, *, path: str = "src/f.py") -> Citation:
    return cite(
        repo=REPO, commit=commit, tree=tree, path=path, data=SOURCE, start_byte=0, end_byte=len(SOURCE)
    )


def report_on(reader: BlobReader, citation: Citation, commit: str | None, tree: str | None = None) -> Any:
    return verify(answered(citation, snapshots=[snapshot(commit, tree)]), [reader])


def findings(report: VerificationReport) -> list[Finding]:
    return [reason.finding for reason in report.all_reasons()]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"blob": None}, Finding.KIND_INCONSISTENT),
        ({"path": None}, Finding.KIND_INCONSISTENT),
        ({"path_base64": "c3JjL2YucHk="}, Finding.KIND_INCONSISTENT),
        ({"path": None, "path_base64": "c3JjL2YucHk="}, Finding.KIND_INCONSISTENT),
        ({"path": None, "path_base64": "6Q"}, Finding.KIND_INCONSISTENT),
        ({"path": None, "path_base64": "6R=="}, Finding.KIND_INCONSISTENT),
        ({"tree": "2" * 40}, Finding.TREE_MISMATCH),
        ({"blob": "2" * 40}, Finding.BLOB_MISMATCH),
        ({"permalink": None}, Finding.PERMALINK_MISMATCH),
        ({"end_byte": 4_000}, Finding.RANGE_OUTSIDE),
        ({"start_byte": 22}, Finding.RANGE_OUTSIDE),
        ({"encoding": "latin-1"}, Finding.ENCODING_MISMATCH),
        ({"sha256": "0" * 64}, Finding.SHA256_MISMATCH),
        ({"quote": "def f():\n    return 2\n"}, Finding.QUOTE_MISMATCH),
    ],
)
def test_each_wrong_field_has_its_finding(
    repository: MadeRepository, commit: str, changes: dict[str, Any], expected: Finding
) -> None:
    """Exactly one finding, and the answer falls."""
    report = report_on(repository, changed(cited(commit), **changes), commit)
    assert findings(report) == [expected]
    assert report.status is Status.FELL
    assert report.claims[0].citations[0].reasons[0].message


def test_wrong_lines_are_named_with_the_right_ones(repository: MadeRepository, commit: str) -> None:
    """The permalink repeats the lines, so it is changed with them here."""
    link = f"https://{REPO}/blob/{commit}/src/f.py#L1-L3"
    report = report_on(repository, changed(cited(commit), end_line=3, permalink=link), commit)
    assert findings(report) == [Finding.LINES_MISMATCH]
    assert report.all_reasons()[0].message == "the bytes stand on lines 1 to 2, the citation says 1 to 3"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("src/h.py", "no such entry"),
        ("lib/f.py", "no folder 'lib'"),
        ("src", "it is a folder"),
        ("src/f.py/x", "no folder 'f.py'"),
        ("src//f.py", "no folder ''"),
        ("./src/f.py", "no folder '.'"),
        ("/src/f.py", "no folder ''"),
        ("src/f.py/", "no folder 'f.py'"),
        ("SRC/f.py", "no folder 'SRC'"),
        ("link", "a symbolic link"),
        ("module", "a submodule"),
    ],
)
def test_a_path_is_taken_byte_for_byte(repository: MadeRepository, commit: str, path: str, why: str) -> None:
    """No dots, no doubled slashes, no other case; links and submodules are not followed."""
    report = report_on(repository, cited(commit, path=path), commit)
    assert findings(report) == [Finding.PATH_NOT_IN_COMMIT]
    assert why in report.all_reasons()[0].message


def test_an_executable_file_is_a_file(repository: MadeRepository, commit: str) -> None:
    """Its mode does not matter."""
    assert report_on(repository, cited(commit, path="run.sh"), commit).status is Status.HOLDS


def test_a_commit_that_is_not_among_the_snapshots_falls(
    repository: MadeRepository, commit: str, tree: str
) -> None:
    """The citation may be true of another commit; this answer was not made from it."""
    other = repository.add_commit(tree, message=b"Another.\n")
    assert findings(report_on(repository, cited(other), commit)) == [Finding.REPO_NOT_IN_SNAPSHOTS]


def test_a_repository_name_that_is_not_among_the_snapshots_falls(
    repository: MadeRepository, commit: str
) -> None:
    """Under another name the link would lead elsewhere, to the same bytes or not."""
    citation = changed(cited(commit), repo="box/other", permalink=None)
    assert findings(report_on(repository, citation, commit)) == [Finding.REPO_NOT_IN_SNAPSHOTS]


def test_a_folder_is_cited_by_its_tree(repository: MadeRepository, tree: str) -> None:
    """Without a commit the tree is where the path starts; it must be the one that was searched."""
    citation = cited(None, tree)
    assert citation.permalink is None
    assert report_on(repository, citation, None, tree).status is Status.HOLDS
    assert findings(report_on(repository, citation, None, "2" * 40)) == [Finding.REPO_NOT_IN_SNAPSHOTS]
    changed = report_on(MadeRepository(), citation, None, tree)
    assert (findings(changed), changed.status) == ([Finding.OBJECT_MISSING], Status.UNVERIFIABLE)


def test_a_citation_without_commit_and_tree_falls(repository: MadeRepository, commit: str) -> None:
    """It names no place."""
    citation = changed(cited(commit), commit=None, permalink=None)
    assert Finding.KIND_INCONSISTENT in findings(report_on(repository, citation, commit))


@pytest.mark.parametrize("field", ["path", "path_base64", "blob"])
def test_a_commit_citation_names_no_file(repository: MadeRepository, commit: str, field: str) -> None:
    """Path and blob are null."""
    link = f"https://{REPO}/commit/{commit}"
    nothing = {"path": None, "path_base64": None, "blob": None}
    fields = nothing | {field: "a" * 40, "kind": "commit", "permalink": link}
    citation = changed(cited(commit), **fields)
    report = report_on(repository, citation, commit)
    assert findings(report) == [Finding.KIND_INCONSISTENT]


def test_an_id_of_the_wrong_kind_falls(repository: MadeRepository, tree: str) -> None:
    """A tree's id where a commit's belongs."""
    assert Finding.KIND_INCONSISTENT in findings(report_on(repository, cited(tree), tree))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("tree", b"100644 src"),
        ("tree", b"100644 src\0short"),
        ("tree", b"100644\0" + b"x" * 20),
        ("tree", b"40000 src\0" + b"x" * 20 + b"40000 src\0" + b"y" * 20),
        ("commit", b"parent 1\ntree 2\n"),
        ("commit", b""),
    ],
)
def test_an_object_that_git_would_not_write_cites_nothing(
    repository: MadeRepository, kind: str, data: bytes
) -> None:
    """Its id is right, its content is cut, has no tree, or names one entry twice."""
    made = repository.add(kind, data)
    commit = made if kind == "commit" else repository.add_commit(made)
    report = report_on(repository, cited(commit), commit)
    assert findings(report) == [Finding.OBJECT_MALFORMED]
    assert report.status is Status.FELL


def test_folder_modes_with_a_leading_zero_are_read(repository: MadeRepository) -> None:
    """Some old tools wrote trees so."""
    inside = repository.add_tree({b"f.py": SOURCE})
    root = repository.add("tree", b"040000 src\0" + bytes.fromhex(inside))
    commit = repository.add_commit(root)
    assert report_on(repository, cited(commit), commit).status is Status.HOLDS


class FailingReader:
    """A repository that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, object_id: str) -> GitObject:
        raise self.error


@pytest.mark.parametrize(
    ("error", "finding", "status"),
    [
        (ObjectCorrupt("it is damaged"), Finding.OBJECT_FORGED, Status.FELL),
        (SourceUnreadable("permission denied"), Finding.OBJECT_UNREADABLE, Status.UNVERIFIABLE),
        (LimitExceeded("size in bytes", 9, 1), Finding.OBJECT_UNREADABLE, Status.UNVERIFIABLE),
    ],
)
def test_a_reader_that_fails_becomes_a_finding(
    commit: str, error: Exception, finding: Finding, status: Status
) -> None:
    """Damage fells the answer; what cannot be opened leaves it open."""
    report = report_on(FailingReader(error), cited(commit), commit)
    assert (findings(report), report.status) == ([finding], status)


def test_damage_in_one_repository_is_not_hidden_by_another_that_cannot_be_read(commit: str) -> None:
    """In either order; and what cannot be read says more than what is not there."""
    damaged = FailingReader(ObjectCorrupt("it is damaged"))
    locked = FailingReader(SourceUnreadable("permission denied"))
    answer = answered(cited(commit), snapshots=[snapshot(commit, None)])
    for readers in ([damaged, locked], [locked, damaged]):
        assert findings(verify(answer, readers)) == [Finding.OBJECT_FORGED]
    for readers in ([MadeRepository(), locked], [locked, MadeRepository()]):
        assert findings(verify(answer, readers)) == [Finding.OBJECT_UNREADABLE]


def test_an_issue_has_no_permalink_whatever_its_repository_is_called(
    repository: MadeRepository, commit: str
) -> None:
    """The commits that hold a tracker are ours: the host would not know them."""
    issue = changed(cited(commit), kind="issue", permalink=None)
    assert report_on(repository, issue, commit).status is Status.HOLDS
    linked = changed(cited(commit), kind="issue")
    assert findings(report_on(repository, linked, commit)) == [Finding.PERMALINK_MISMATCH]
    made = cite(
        repo=REPO,
        commit=commit,
        tree=None,
        path="src/f.py",
        data=SOURCE,
        start_byte=0,
        end_byte=len(SOURCE),
        kind=issue.kind,
    )
    assert made == issue


@pytest.mark.parametrize(
    ("outcome", "abstention", "has_claims", "is_consistent"),
    [
        ("answered", None, True, True),
        ("answered", None, False, False),
        ("answered", "budget", True, False),
        ("partial", None, True, True),
        ("partial", "budget", True, True),
        ("partial", "budget", False, False),
        ("abstained", "not_in_sources", False, True),
        ("abstained", None, False, False),
        ("abstained", "not_in_sources", True, False),
    ],
)
def test_outcome_abstention_and_claims_agree(
    repository: MadeRepository,
    commit: str,
    outcome: str,
    abstention: str | None,
    has_claims: bool,
    is_consistent: bool,
) -> None:
    """Who abstains says why and claims nothing; who answers claims something."""
    citations = [cited(commit)] if has_claims else []
    answer = answered(*citations, snapshots=[snapshot(commit, None)], outcome=outcome, abstention=abstention)
    report = verify(answer, [repository])
    if is_consistent:
        assert report.status is (Status.HOLDS if has_claims else Status.NOTHING_CLAIMED)
        assert findings(report) == []
    else:
        assert (report.status, findings(report)) == (Status.FELL, [Finding.OUTCOME_INCONSISTENT])


def test_a_claim_without_citation_falls(repository: MadeRepository, commit: str) -> None:
    """It would have to be dropped."""
    answer = answered(cited(commit), snapshots=[snapshot(commit, None)])
    verdict = {"label": "unchecked", "score": None, "checker": "none", "version": "1"}
    bare = changed(answer.claims[0], citations=(), kind="statement", verdict=verdict)
    report = verify(resealed(answer, claims=(bare,)), [repository])
    assert findings(report) == [Finding.CLAIM_WITHOUT_CITATION]
    assert report.claims[0].status is report.status is Status.FELL


def test_a_quotation_says_what_its_quote_says(repository: MadeRepository, commit: str) -> None:
    """Each of its citations, where the same text stands in several places."""
    twice = answered(
        snapshots=[snapshot(commit, None)], claims=[quotation(cited(commit), cited(commit, path="run.sh"))]
    )
    assert verify(twice, [repository]).status is Status.HOLDS
    claim = changed(twice.claims[0], text="def f(): return 1")
    report = verify(resealed(twice, claims=(claim,)), [repository])
    assert findings(report) == [Finding.QUOTATION_DIFFERS_FROM_QUOTE, Finding.VERDICT_INCONSISTENT]


@pytest.mark.parametrize(
    ("verdict", "is_consistent"),
    [
        ({"label": "supported", "score": 0.9, "checker": "model", "version": "7"}, True),
        ({"label": "partly", "score": 0.5, "checker": "model", "version": "7"}, True),
        ({"label": "unchecked", "score": None, "checker": "loccit.bytes", "version": "1"}, True),
        ({"label": "supported", "score": 1.0, "checker": "loccit.bytes", "version": "1"}, False),
        ({"label": "unsupported", "score": 0.1, "checker": "model", "version": "7"}, False),
        ({"label": "contradicted", "score": 0.0, "checker": "model", "version": "7"}, False),
    ],
)
def test_a_kept_statement_has_a_verdict_that_lets_it_stand(
    repository: MadeRepository, commit: str, verdict: dict[str, Any], is_consistent: bool
) -> None:
    """What was found unsupported is dropped, and the byte checker never vouches for a statement."""
    answer = answered(cited(commit), snapshots=[snapshot(commit, None)])
    claim = changed(answer.claims[0], kind="statement", text="f returns one", verdict=verdict)
    report = verify(resealed(answer, claims=(claim,)), [repository])
    assert findings(report) == ([] if is_consistent else [Finding.VERDICT_INCONSISTENT])


def test_the_byte_checker_supports_quotations_only(commit: str) -> None:
    """Score 1 for the quote itself, 0 for anything else that calls itself a quotation."""
    claim = quotation(cited(commit))
    assert check_quotation(claim).model_dump(mode="json") == {
        "label": "supported",
        "score": 1.0,
        "checker": "loccit.bytes",
        "version": "1",
    }
    altered = check_quotation(changed(claim, text="else"))
    assert (altered.label, altered.score) == ("unsupported", 0.0)
    statement = check_quotation(changed(claim, kind="statement"))
    assert (statement.label, statement.score) == ("unchecked", None)


def test_what_fell_outweighs_what_is_unverifiable_and_that_what_holds(
    repository: MadeRepository, commit: str
) -> None:
    """Also within one claim; the counts keep them apart."""
    gone = "3" * 40
    good, missing, wrong = cited(commit), cited(gone), changed(cited(commit), sha256="0" * 64)
    snapshots = [snapshot(commit, None), snapshot(gone, None)]
    open_ = verify(answered(snapshots=snapshots, claims=[quotation(good, missing)]), [repository])
    assert open_.status is open_.claims[0].status is Status.UNVERIFIABLE
    fell = verify(answered(good, missing, wrong, snapshots=snapshots), [repository])
    assert fell.status is Status.FELL
    assert [claim.status for claim in fell.claims] == [Status.HOLDS, Status.UNVERIFIABLE, Status.FELL]
    assert fell.counts.model_dump() == {
        "claims": 3,
        "citations": 3,
        "hold": 1,
        "fell": 1,
        "unverifiable": 1,
    }


def test_the_report_is_one_line_of_json(repository: MadeRepository, commit: str) -> None:
    """With its format's name, and claims and citations by number."""
    line = report_on(repository, changed(cited(commit), sha256="0" * 64), commit).to_json()
    assert "\n" not in line
    document = json.loads(line)
    assert document["format"] == "loccit-verification/1"
    citation = document["claims"][0]["citations"][0]
    assert (citation["claim"], citation["citation"], citation["status"]) == (0, 0, "fell")
    assert citation["place"] == "src/f.py:1-2"
    assert citation["reasons"][0]["finding"] == "sha256_mismatch"
    assert VerificationReport.model_validate_json(line).to_json() == line


@pytest.mark.parametrize("folder", [b"", b"src"])
def test_what_a_tree_said_before_is_believed_only_where_the_tree_is(
    repository: MadeRepository, commit: str, tree: str, folder: bytes
) -> None:
    """Trees that were parsed for one answer are not parsed again for the next, but read and hashed."""
    citation = cited(commit)
    assert report_on(repository, citation, commit).status is Status.HOLDS
    inner = next(
        one_id
        for one_id, one in repository.objects.items()
        if one.kind == "tree" and (one_id == tree) is (not folder)
    )
    gone = repository.objects.pop(inner)
    assert findings(report_on(repository, citation, commit)) == [Finding.OBJECT_MISSING]
    repository.objects[inner] = GitObject("tree", gone.data + b"100644 more\0" + bytes(20))
    assert findings(report_on(repository, citation, commit)) == [Finding.OBJECT_FORGED]
    repository.objects[inner] = gone
    assert report_on(repository, citation, commit).status is Status.HOLDS


def test_only_so_many_parsed_trees_are_kept(
    repository: MadeRepository, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loccit.verification.objects._MOST_ENTRIES", 6)
    for number in range(5):
        root = repository.add_tree({b"src/f.py": SOURCE, b"src/%d.py" % number: OTHER})
        here = repository.add_commit(root)
        assert report_on(repository, cited(here), here).status is Status.HOLDS
        assert _PARSED._entries == sum(map(len, _PARSED._trees.values())) <= 6
