"""How right triages were, by what fixes changed and what maintainers say; what says nothing is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loccit.core.errors import IndexBroken
from loccit.core.triage import parse_triage, seal
from loccit.evals.shadow import NotScored, shadow_report
from loccit.telemetry.triages import TriagedIssue

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "loccit-triage-1.example.json"


def triage(*paths: str, duplicates: tuple[str, ...] = ()) -> str:
    fields: dict[str, Any] = parse_triage(EXAMPLE.read_bytes()).model_dump(mode="json")
    suspect, duplicate = fields["suspects"][0], fields["duplicates"][0]
    fields["suspects"] = [{**suspect, "path": path} for path in paths]
    fields["duplicates"] = [{**duplicate, "id": one, "probability": 0.9} for one in duplicates]
    del fields["format"], fields["digest"]
    return seal(**fields).to_json()


def issue(number: int, document: str, **fields: Any) -> TriagedIssue:
    given: dict[str, Any] = {"triaged_at": 100.0, "fixed_at": 200.0, "fix": f"f{number}"}
    return TriagedIssue("github:a/b", str(number), "b", triage=document, **given | fields)


def test_hits_are_counted_by_how_many_files_are_looked_at() -> None:
    report = shadow_report(
        [
            issue(1, triage("a.py", "b.py"), fix_files=("a.py",)),
            issue(2, triage("a.py", "b.py"), fix_files=("b.py", "README.md")),
            issue(3, triage("a.py", "b.py"), fix_files=("c.py",)),
        ]
    )
    assert report.scored == 3
    assert [round(report.hits[cut].estimate, 3) for cut in (1, 5, 10)] == [0.333, 0.667, 0.667]
    assert report.hits[1].low < 0.333 < report.hits[1].high
    assert report.hits[1].clusters == 3


def test_issues_of_one_fix_are_one_group() -> None:
    issues = [issue(n, triage("a.py"), fix_files=("a.py",), fix="same") for n in range(9)]
    assert shadow_report(issues).hits[1].clusters == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"fixed_at": None}, NotScored.NOT_MENDED),
        ({"fixed_at": 50.0, "fix_files": ("a.py",)}, NotScored.TOO_LATE),
        ({"fix_files": ("README.md", "tests/test_a.py")}, NotScored.NO_SOURCE),
    ],
)
def test_what_says_nothing_is_left_out_and_counted(fields: dict[str, Any], reason: NotScored) -> None:
    report = shadow_report([issue(1, triage("a.py"), **fields)])
    assert (report.scored, report.left_out) == (0, {reason.value: 1})
    assert report.hits == {}


def test_what_a_maintainer_says_goes_before_what_the_fix_changed() -> None:
    """And needs no fix."""
    wrong = issue(1, triage("a.py"), fix_files=("b.py",), corrected_files=("a.py",))
    assert shadow_report([wrong]).hits[1].estimate == 1.0
    assert shadow_report([replace(wrong, fixed_at=None, fix="")]).hits[1].estimate == 1.0


def test_a_triage_that_names_nothing_is_silent_and_not_wrong() -> None:
    report = shadow_report([issue(1, triage(), fix_files=("a.py",))])
    assert (report.scored, report.silent) == (0, 1)


def test_duplicates_count_where_a_maintainer_said_what_is_true() -> None:
    report = shadow_report(
        [
            issue(1, triage("a.py", duplicates=("7",)), duplicate_of="7"),
            issue(2, triage("a.py", duplicates=("7",)), duplicate_of="8"),
            issue(3, triage("a.py", duplicates=("7",)), not_duplicate=True),
            issue(4, triage("a.py"), duplicate_of="7"),
            issue(5, triage("a.py", duplicates=("7",))),
        ]
    )
    found = report.duplicates
    assert (found.right, found.wrong, found.missed) == (1, 2, 1)
    assert found.precision is not None
    assert found.precision.estimate == pytest.approx(1 / 3)


def test_a_triage_that_cannot_be_read_is_told_of() -> None:
    with pytest.raises(IndexBroken, match="issue '1' of 'github:a/b'"):
        shadow_report([issue(1, "{}")])
