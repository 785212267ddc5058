"""Issues in a home: the command, kills, citations of issues and their re-checking, tokens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loccit import Loccit, NotIndexed, SettingsError, SourceError
from loccit.core.answers import Answer, Claim, ClaimKind, Outcome, SnapshotInfo, seal
from loccit.core.errors import IndexBroken, IndexFormatMismatch, InputError, StorageFailed
from loccit.core.issues import tracker_name
from loccit.settings import tracker_token
from loccit.sources.issues import IssueStore
from loccit.verification import Status, check_quotation
from loccit.verification.verdicts import CHECKER
from servers import GitHubServer
from tests.repositories import make_repository

LINES = [
    {
        "id": 1,
        "title": "It breaks",
        "body": "First line.\nThe second line.",
        "created": "2024-01-01T00:00:00Z",
    },
    {"id": 2, "title": "Other", "created": "2024-02-01T00:00:00Z", "state": "closed", "closed": "2024-03-01"},
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    make_repository(folder, [{"files": {"a.py": "x = 1\n"}}])
    (tmp_path / "issues.jsonl").write_text("\n".join(map(json.dumps, LINES)))
    return folder


@pytest.fixture
def loccit(tmp_path: Path, project: Path) -> Loccit:
    made = Loccit(tmp_path / "home")
    made.sync_issues(project, str(tmp_path / "issues.jsonl"))
    return made


def run(home: Path, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loccit", *arguments],
        cwd=folder,
        env={**os.environ, "LOCCIT_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def answer_with(loccit: Loccit, project: Path) -> Answer:
    """An answer that quotes the second line of an issue's body."""
    data = loccit.cite_issue("1", 1, 1, repository=project)
    stored = IssueStore(next((loccit.home / "repositories").glob("*/issues"))).issue("1")
    assert stored is not None
    line = stored.data.decode().split("\n").index("The second line.") + 1
    citation = loccit.cite_issue("1", line, line, repository=project)
    assert data.commit == citation.commit
    claim = Claim.model_construct(
        text=citation.quote, kind=ClaimKind.QUOTATION, citations=(citation,), verdict=None, why=()
    )
    snapshot = SnapshotInfo(
        repo=citation.repo, commit=citation.commit, tree=None, indexed_at="2024-01-01T00:00:00Z", files=2
    )
    return seal(
        question="Which line?",
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=1.0,
        claims=[claim.model_copy(update={"verdict": check_quotation(claim)}).model_dump()],
        dropped=[],
        snapshots=[snapshot.model_dump()],
    )


def test_a_citation_of_an_issue_is_rechecked_like_one_of_a_file(loccit: Loccit, project: Path) -> None:
    """It names the tracker's own commit, and holds as long as the home has that."""
    answer = answer_with(loccit, project)
    citation = answer.claims[0].citations[0]
    assert (citation.repo, citation.path) == (tracker_name("project"), "issues/1.md")
    assert citation.quote == "The second line."
    assert answer.claims[0].verdict.checker == CHECKER
    assert loccit.verify(answer).status is Status.HOLDS
    assert loccit.verify(answer, [project]).status is Status.HOLDS
    assert loccit.checked(citation) == citation


def test_after_later_synchronisations_it_still_holds(loccit: Loccit, project: Path, tmp_path: Path) -> None:
    """The past of a tracker stays, also when the issue changed or another tracker took its place."""
    answer = answer_with(loccit, project)
    (tmp_path / "issues.jsonl").write_text(json.dumps({**LINES[0], "body": "all new"}))
    loccit.sync_issues(project)
    (tmp_path / "other.jsonl").write_text(json.dumps({**LINES[0], "id": 7}))
    loccit.sync_issues(project, str(tmp_path / "other.jsonl"))
    assert loccit.verify(answer).status is Status.HOLDS


@pytest.mark.parametrize("home", ["none", "of another"])
def test_without_the_tracker_it_is_unverifiable(
    loccit: Loccit, project: Path, tmp_path: Path, home: str
) -> None:
    """Another home cannot check it, and says so with exit code 4: nothing fell."""
    (tmp_path / "answer.json").write_text(answer_with(loccit, project).to_json())
    elsewhere = tmp_path / home
    if home == "of another":
        Loccit(elsewhere).sync_issues(project, str(tmp_path / "issues.jsonl"))
        (tmp_path / "issues.jsonl").write_text(json.dumps(LINES[0]))
    done = run(elsewhere, project, "verify", str(tmp_path / "answer.json"), "--repo", str(project))
    assert done.returncode in ((4,) if home == "none" else (0, 4)), done.stderr
    here = run(tmp_path / "home", project, "verify", str(tmp_path / "answer.json"))
    assert here.returncode == 0, here.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"quote": "The second line!"},
        {"start_byte": 1},
        {"end_line": 99},
        {"sha256": "0" * 64},
        {"path": "issues/2.md"},
        {"blob": "1" * 40},
        {"permalink": "https://github.com/o/r/issues/1"},
    ],
)
def test_a_changed_citation_of_an_issue_falls(
    loccit: Loccit, project: Path, change: dict[str, object]
) -> None:
    """Each field alone."""
    citation = answer_with(loccit, project).claims[0].citations[0].model_copy(update=change)
    with pytest.raises(SourceError, match="does not hold"):
        loccit.checked(citation, project)


def test_any_flipped_byte_of_the_trackers_objects_is_found(loccit: Loccit, project: Path) -> None:
    """A damaged pack never makes a citation hold that did not, and never ends in a defect."""
    answer = answer_with(loccit, project)
    git_dir = next((loccit.home / "repositories").glob("*/issues/git"))
    files = [*git_dir.glob("objects/pack/*.pack"), *git_dir.glob("objects/??/*")]
    assert files
    fallen = 0
    for file in files:
        data = file.read_bytes()
        file.chmod(0o600)
        for at in range(0, len(data), max(1, len(data) // 4)):
            file.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
            status = loccit.verify(answer).status
            assert status in (Status.HOLDS, Status.FELL, Status.UNVERIFIABLE)
            fallen += status is not Status.HOLDS
        file.write_bytes(data)
    assert fallen
    assert loccit.verify(answer).status is Status.HOLDS


def test_past_days_are_seen_as_they_were(loccit: Loccit, project: Path) -> None:
    """Of the list and of one issue, with what was not there yet refused."""
    home = loccit.home
    listed = json.loads(run(home, project, "issues", "list", "--as-of", "2024-02-15", "--json").stdout)
    assert [(each["id"], each["state"]) for each in listed["issues"]] == [("2", "open"), ("1", "open")]
    listed = json.loads(run(home, project, "issues", "list", "--as-of", "2024-01-15", "--json").stdout)
    assert [each["id"] for each in listed["issues"]] == ["1"]
    shown = run(home, project, "issues", "show", "2", "--as-of", "2024-03-02")
    assert "closed" in shown.stdout
    early = run(home, project, "issues", "show", "2", "--as-of", "2024-01-15")
    assert (early.returncode, early.stdout) == (2, "")
    assert "not there yet" in early.stderr
    assert run(home, project, "issues", "show", "99").returncode == 2
    assert run(home, project, "issues", "show", "1", "--as-of", "soon").returncode == 2


def test_the_tracker_of_a_repository_is_remembered(tmp_path: Path, project: Path) -> None:
    """The first time it must be named; then a plain `sync` goes on."""
    home = tmp_path / "home"
    assert run(home, project, "issues", "list").returncode == 6
    unnamed = run(home, project, "issues", "sync")
    assert (unnamed.returncode, "--from" in unnamed.stderr) == (2, True)
    first = run(home, project, "issues", "sync", "--from", "../issues.jsonl")
    assert "2 new" in first.stdout, first.stderr
    again = json.loads(run(home, tmp_path, "issues", "sync", str(project), "--json").stdout)
    assert (again["issues"], again["new"], again["source"]) == (2, 0, str(tmp_path / "issues.jsonl"))
    assert run(home, project, "issues", "list", "--state", "all", "--quiet").stdout.count("\n") == 2
    assert run(home, project, "gc").returncode == 0
    assert run(home, project, "issues", "list", "--state", "all").returncode == 0


def test_text_of_issues_cannot_steer_the_terminal(tmp_path: Path, project: Path) -> None:
    """Titles, authors, labels and bodies are shown with control characters written out."""
    evil = "\x1b[2J\u202e"
    entry = {**LINES[0], "title": evil, "body": evil, "author": evil, "labels": [evil]}
    comment = {"author": evil, "time": 1704067300, "body": evil, "path": evil}
    (tmp_path / "issues.jsonl").write_text(json.dumps({**entry, "comments": [comment]}))
    home = tmp_path / "home"
    run(home, project, "issues", "sync", "--from", "../issues.jsonl")
    for arguments in (["list"], ["show", "1"]):
        done = run(home, project, "issues", *arguments)
        assert "\\x1b[2J\\u202e" in done.stdout
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_kill_at_any_request_is_gone_on_from(
    github: GitHubServer, tmp_path: Path, project: Path, after: int
) -> None:
    """The process dies while it waits for an answer; the next one ends with everything, once."""
    for number in range(1, 8):
        github.add_issue(number)
        github.add_comment(number, number, f"remark {number}", f"2024-02-0{number}T00:00:00Z")
    home = tmp_path / "home"
    github.after(after, lambda _: time.sleep(2))  # type: ignore[arg-type,return-value]
    process = subprocess.Popen(
        [sys.executable, "-m", "loccit", "issues", "sync", "--from", github.source],
        cwd=project,
        env={**os.environ, "LOCCIT_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while len(github.requests) <= after and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    github.faults.clear()
    done = run(home, project, "issues", "sync", "--from", github.source)
    assert "7 issues" in done.stdout, done.stderr
    store = IssueStore(next((home / "repositories").glob("*/issues")))
    assert [len(issue.comments) for issue in store.issues()] == [1] * 7
    newest = store.newest()
    assert newest is not None
    assert newest.state.is_complete


def test_the_command_sends_the_token_of_the_environment(
    github: GitHubServer, tmp_path: Path, project: Path
) -> None:
    """To a host of one's own that is LOCCIT_TRACKER_TOKEN; the token of another host stays here."""
    github.add_issue(1)
    tokens = {"LOCCIT_TRACKER_TOKEN": "mine-4711", "GITHUB_TOKEN": "theirs-0815"}
    done = run(tmp_path / "home", project, "issues", "sync", "--from", github.source, **tokens)
    assert done.returncode == 0, done.stderr
    assert {each["authorization"] for each in github.headers} == {"Bearer mine-4711"}
    github.headers.clear()
    run(tmp_path / "home", project, "issues", "sync", GITHUB_TOKEN="theirs-0815")
    assert not any("authorization" in each for each in github.headers)
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not any(b"mine-4711" in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("github.com", "hub"),
        ("api.github.com", "hub"),
        ("gitlab.com", "lab"),
        ("git.example.com", "own"),
        ("github.com:8443", "own"),
        ("github.com.example.com", "own"),
    ],
)
def test_each_host_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch, host: str, expected: str) -> None:
    """No token goes to a host that its variable is not named for."""
    monkeypatch.setenv("GH_TOKEN", "hub")
    monkeypatch.setenv("GITLAB_TOKEN", "lab")
    monkeypatch.setenv("LOCCIT_TRACKER_TOKEN", "own\n")
    assert tracker_token(host) == expected
    monkeypatch.setenv("GITHUB_TOKEN", "sec ret")
    if expected == "hub":
        with pytest.raises(SettingsError) as caught:
            tracker_token(host)
        assert "sec" not in str(caught.value).replace("secret", "")


def test_what_was_never_read_and_what_is_not_there_are_told_apart(
    loccit: Loccit, project: Path, tmp_path: Path
) -> None:
    """No tracker: NotIndexed; no issue, no such line: InputError."""
    with pytest.raises(InputError):
        loccit.issue("77", repo=project)
    with pytest.raises(InputError):
        loccit.cite_issue("1", 500, 501, repository=project)
    with pytest.raises(NotIndexed, match="issue tracker"):
        Loccit(tmp_path / "empty").issues(project)


def test_a_state_of_another_version_and_a_damaged_one_are_refused(loccit: Loccit, project: Path) -> None:
    """With the way out."""
    git_dir = next((loccit.home / "repositories").glob("*/issues/git"))

    def publish(state: str) -> None:
        stream = (
            "commit refs/heads/issues\ncommitter a <a> 1800000000 +0000\n"
            "data 1\nx\nfrom refs/heads/issues^0\n"
            f"M 100644 inline state.json\ndata {len(state)}\n{state}\ndone\n"
        )
        subprocess.run(
            ["git", "--git-dir", git_dir, "fast-import", "--quiet", "--done"],
            input=stream.encode(),
            check=True,
        )

    publish('{"format": "loccit-tracker/9"}')
    with pytest.raises(IndexFormatMismatch, match="loccit-tracker/9"):
        loccit.issues(project)
    publish("{")
    with pytest.raises(IndexBroken):
        loccit.issues(project)


def test_a_home_that_cannot_be_written_is_a_typed_error(tmp_path: Path, project: Path) -> None:
    """A file stands where the folder should be."""
    home = tmp_path / "home"
    made = Loccit(home)
    key = made._system.repository(str(project)).key
    (home / "repositories" / key).mkdir(parents=True)
    (home / "repositories" / key / "issues").write_text("in the way")
    with pytest.raises(StorageFailed):
        made.sync_issues(project, str(tmp_path / "issues.jsonl"))
