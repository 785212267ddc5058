"""The parts of a triage by themselves: reports, owners, labels, and whether there is enough to go on."""

from __future__ import annotations

import pytest

from loccit.core.errors import InputError
from loccit.core.evidence import Place
from loccit.core.issues import Issue, IssueKind
from loccit.core.source import FileRole, Touch
from loccit.core.suspects import Localisation, Reason, ReasonKind, Suspect
from loccit.core.triage import Asking, IssueOrigin
from loccit.pipeline.labels import SimilarIssue, suggest_labels
from loccit.pipeline.owners import has_address, owners_by_history, owners_by_rule
from loccit.pipeline.report import report_of
from loccit.pipeline.sufficiency import judge, question_for
from loccit.pipeline.triage import date_of
from loccit.retrieval.issue_text import read_issue
from loccit.sources.codeowners import Dialect, read_codeowners

DAY = 86_400
NOW = 1_700_000_000
PLACE = Place("r", "c" * 40, "d" * 40, "src/zones.py", "b" * 40, 0, 1, 1, 1)


def suspect(path: str, probability: float, *kinds: ReasonKind) -> Suspect:
    reasons = tuple(Reason(kind, "because", place=PLACE) for kind in kinds)
    return Suspect(path, "b" * 40, FileRole.SOURCE, "utf-8", 1.0, probability, reasons)


def found(confidence: float, *suspects: Suspect) -> Localisation:
    return Localisation(suspects, (), (), (), confidence)


def touch(author: str, days: float, *paths: str) -> Touch:
    return Touch("c" * 40, NOW - int(days * DAY), author, "m", paths, ((),) * len(paths))


def issue(number: int, *labels: str, title: str = "T", body: str = "B") -> Issue:
    return Issue(
        id=str(number),
        kind=IssueKind.ISSUE,
        title=title,
        body=body,
        author="a",
        created=NOW,
        is_open=True,
        labels=labels,
    )


# Reports


@pytest.mark.parametrize("empty", ["", " \n\t", b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_issue_is_refused(empty: str | bytes) -> None:
    """As an error that says what to give."""
    with pytest.raises(InputError, match="empty"):
        report_of(empty)


@pytest.mark.parametrize("data", [b"\x7fELF\x02\0\0\0", b"\x89PNG\r\n\x1a\n\0\0", bytes(range(1, 32)) * 20])
def test_a_binary_issue_is_refused(data: bytes) -> None:
    """By its NUL bytes or its control characters."""
    with pytest.raises(InputError, match="binary"):
        report_of(data)


def test_bytes_that_are_not_utf8_are_read_and_that_is_said() -> None:
    """UTF-16 with a mark as such, anything else as Latin-1."""
    latin, wide = report_of("Größe falsch".encode("latin-1")), report_of("Größe".encode("utf-16"))
    assert (latin.body, wide.body) == ("Größe falsch", "Größe")
    assert latin.notes == ("it is not valid UTF-8: it was read as latin-1",)


def test_half_characters_are_refused() -> None:
    """They cannot be written into a document."""
    with pytest.raises(InputError, match="half characters"):
        report_of("T \ud800")


def test_an_issue_of_a_tracker_is_what_its_author_wrote() -> None:
    """Title and body, with its number and time."""
    report = report_of(issue(12, title="Zone lost", body="It is."))
    assert (report.text, report.id, report.created) == ("Zone lost\n\nIt is.", "12", NOW)
    assert report.origin is IssueOrigin.TRACKER
    with pytest.raises(InputError, match="'12' is empty"):
        report_of(issue(12, title="", body=" "))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-02", 2 * DAY - 1),
        ("1970-01-02T00:00:00", DAY),
        ("1970-01-02T02:00+02:00", DAY),
        ("1970-01-02 00:00:10Z", DAY + 10),
        ("v1.0", None),
        ("20240101", None),
        ("abcdef1", None),
        ("2024-01-02-fix", None),
    ],
)
def test_a_date_is_a_moment(written: str, seconds: int | None) -> None:
    """A day is its last second, in UTC; what may be a commit, tag or branch is no date."""
    assert date_of(written) == seconds


def test_a_date_that_no_calendar_has_is_refused() -> None:
    """It is no revision either."""
    with pytest.raises(InputError, match="2024-13-01"):
        date_of("2024-13-01")


# Owners


def test_owners_by_rule_have_the_share_of_their_suspects() -> None:
    """And the lines that say so."""
    owners = read_codeowners(b"* @all\n/src/ @src @zones\n", Dialect.GITHUB)
    by_rule = owners_by_rule(owners, [suspect("src/zones.py", 0.6), suspect("b.py", 0.2)])
    assert [(one.name, round(one.share, 2)) for one in by_rule] == [
        ("@src", 0.75),
        ("@zones", 0.75),
        ("@all", 0.25),
    ]
    assert by_rule[0].reasons == ("CODEOWNERS line 2: /src/",)


def test_an_address_is_not_told() -> None:
    """The line is, and it is not to be cited."""
    owners = read_codeowners(b"* me@example.org\n", Dialect.GITHUB)
    (owner,) = owners_by_rule(owners, [suspect("a.py", 0.5)])
    assert "@" not in owner.name
    assert "line 1" in owner.name
    assert has_address(owner.rules[0])


def test_recent_changes_of_likelier_files_make_an_owner() -> None:
    """More than many old ones of an unlikely one."""
    suspects = [suspect("a.py", 0.8), suspect("b.py", 0.1)]
    touches = [touch("Ann", 5, "a.py"), *[touch("Bob", 2000, "b.py")] * 9]
    by_history = owners_by_history(touches, suspects, NOW)
    assert [one.name for one in by_history] == ["Ann", "Bob"]
    assert by_history[0].reasons == ("changed a.py once, last on 2023-11-09",)
    assert sum(one.share for one in by_history) == pytest.approx(1)


def test_bots_and_addresses_own_nothing() -> None:
    """Nobody can be asked there, or nobody wants to be told."""
    touches = [touch(name, 1, "a.py") for name in ("dependabot[bot]", "me@example.org", "", "Ann  B")]
    assert [one.name for one in owners_by_history(touches, [suspect("a.py", 0.5)], NOW)] == ["Ann B"]


def test_a_clock_that_was_ahead_makes_no_change_newer() -> None:
    """And no date of the future is told."""
    (owner,) = owners_by_history([touch("Ann", -900, "a.py")], [suspect("a.py", 0.5)], NOW)
    assert owner.reasons == ("changed a.py once, last on 2023-11-14",)


# Labels


def test_what_most_similar_issues_are_labelled_is_suggested() -> None:
    """With how many, and one of them."""
    similar = [
        SimilarIssue(issue(1, "zones", "bug"), 3.0, 0.5),
        SimilarIssue(issue(2, "zones"), 2.0, 0.4),
        SimilarIssue(issue(3, "docs"), 1.0, 0.1),
        SimilarIssue(issue(4), 9.0, 0.1),
    ]
    (label,) = suggest_labels((), similar, {}, ())
    assert (label.label, round(label.share, 2)) == ("zones", 0.83)
    assert label.reasons == ("2 of 3 similar issues have it, such as 1",)


def test_only_allowed_labels_are_suggested() -> None:
    """Whatever else the tracker has."""
    similar = [SimilarIssue(issue(n, "zones", "private"), 1.0, 0.5) for n in range(3)]
    assert [one.label for one in suggest_labels(["private"], similar, {}, ())] == ["private"]
    assert suggest_labels(["other"], similar, {}, ()) == ()


def test_one_vote_or_a_split_one_says_nothing() -> None:
    """Nothing is suggested where nothing is clear."""
    assert suggest_labels((), [SimilarIssue(issue(1, "zones"), 9.0, 0.9)], {}, ()) == ()
    split = [SimilarIssue(issue(n, f"l{n % 3}"), 1.0, 0.5) for n in range(9)]
    assert suggest_labels((), split, {}, ()) == ()


def test_the_place_of_the_suspects_is_a_label() -> None:
    """Of the beginnings that fit, the longest."""
    components = {"src/": "code", "src/zones/": "zones"}
    suspects = [suspect("src/zones/a.py", 0.7), suspect("src/b.py", 0.2)]
    (label,) = suggest_labels((), (), components, suspects)
    assert (label.label, label.reasons) == ("zones", ("the likeliest files are below src/zones/",))
    assert suggest_labels(["code"], (), components, suspects) == ()


# Enough to go on


RICH = read_issue(
    "Postage of the far zone rounds down\n\n`compute_postage` should round up. Worked in 2.1.\n\n"
    "```\ncompute_postage(10)\n```"
)


def test_a_report_that_names_what_is_here_is_enough() -> None:
    """Nothing more is needed, and what would help is known."""
    verdict = judge(RICH, found(0.8, suspect("a.py", 0.7, ReasonKind.MENTION)), least_confidence=0.2)
    assert verdict.is_enough
    assert Asking.VERSION not in verdict.lacking
    assert Asking.CODE not in verdict.lacking


def test_a_report_that_says_nothing_is_not_enough() -> None:
    """However sure the ranking is of itself; everything is asked for."""
    vague = read_issue("It does not work\n\nPlease help.")
    verdict = judge(vague, found(0.9, suspect("a.py", 0.7, ReasonKind.WORDS)), least_confidence=0.2)
    assert not verdict.is_enough
    assert set(verdict.lacking) == set(Asking) - {Asking.TRACEBACK}


def test_no_suspect_is_not_enough() -> None:
    """Nothing here holds its words."""
    assert not judge(RICH, found(0.0), least_confidence=0.0).is_enough


def test_a_stack_trace_of_another_project_is_not_enough() -> None:
    """And it is said that it names nothing here."""
    text = 'T\nTraceback (most recent call last):\n  File "/x/other.py", line 3, in go\nFooError: no'
    verdict = judge(
        read_issue(text), found(0.05, suspect("a.py", 0.1, ReasonKind.WORDS)), least_confidence=0.2
    )
    assert not verdict.is_enough
    assert verdict.why == "the stack trace names nothing that is here"


def test_a_failure_without_its_message_asks_for_it() -> None:
    """Only where something is said to fail."""
    fails = read_issue("The zone table crashes")
    assert Asking.TRACEBACK in judge(fails, found(0.0), least_confidence=0.2).lacking
    assert Asking.TRACEBACK not in judge(RICH, found(0.0), least_confidence=0.2).lacking


@pytest.mark.parametrize("what", Asking)
def test_everything_that_can_be_asked_for_has_a_question(what: Asking) -> None:
    """One that can be sent as it stands."""
    assert question_for(what)[-1] in "?."
