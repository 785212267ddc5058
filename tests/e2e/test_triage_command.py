"""`loccit triage` as a person runs it: from a file, standard input or a tracker, now and as of a past day."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loccit.core.answers import Citation
from loccit.core.documents import digest_of
from loccit.core.triage import parse_triage
from loccit.sources import open_repository
from loccit.sources.options import SourceOptions
from loccit.verification import verify_citation
from tests.repositories import FIRST_COMMIT_TIME, Commit, add_commits, git, make_repository

DAY = 86_400
ZONES = """\
TABLE = {"near": 100, "far": 250}


class ZoneError(KeyError):
    \"\"\"The zone table has no such zone.\"\"\"


def find_zone(name):
    \"\"\"The rate of a zone of the zone table, in cents.\"\"\"
    if name not in TABLE:
        raise ZoneError(f"no zone {name}")
    return TABLE[name]
"""
POSTAGE = """\
from parcels.zones import find_zone


def compute_postage(weight_grams, zone):
    \"\"\"Postage in cents for a weight and a zone.\"\"\"
    return find_zone(zone) + weight_grams // 10
"""
COMMITS: list[Commit] = [
    {
        "message": "Weigh parcels before they are stamped",
        "files": {
            "README.md": "# Parcels\n\nParcels are weighed and sent.\n",
            "CODEOWNERS": "*.py @shop/code\n/src/parcels/zones.py @zone-keeper\n[broken line\n",
            "src/parcels/weigh.py": "def weigh_parcel(parcel):\n    return parcel.grams\n",
        },
    },
    {
        "message": "Look zones up in a table",
        "time": FIRST_COMMIT_TIME + 10 * DAY,
        "files": {
            "src/parcels/zones.py": ZONES.replace(
                "if name not in TABLE:\n        raise", "if False:\n        raise"
            ),
            "src/parcels/postage.py": POSTAGE,
            "tests/test_zones.py": "def test_find_zone_of_the_zone_table():\n    assert find_zone('far')\n",
            "docs/zones.md": "# Zones\n\nThe zone table says what a zone costs: find_zone.\n",
        },
    },
    {
        "message": "Refuse a zone that the zone table does not have",
        "time": FIRST_COMMIT_TIME + 40 * DAY,
        "files": {"src/parcels/zones.py": ZONES},
    },
    {
        "message": "Pack parcels by size",
        "time": FIRST_COMMIT_TIME + 50 * DAY,
        "files": {"src/parcels/pack.py": "def pack_parcel(parcel):\n    return sorted(parcel.items)\n"},
    },
]
ISSUE = """\
ZoneError for a zone in upper case

It worked in 1.0. Since 2.0 `find_zone` refuses it:

```
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/src/parcels/postage.py", line 6, in compute_postage
    return find_zone(zone) + weight_grams // 10
  File "/usr/lib/python3/site-packages/src/parcels/zones.py", line 11, in find_zone
    raise ZoneError(f"no zone {name}")
parcels.zones.ZoneError: no zone FAR
```
"""
FOREIGN = """\
Traceback (most recent call last):
  File "/opt/kiosk/turnstile.py", line 44, in admit_visitor
    self.hydraulics.unlatch(badge)
  File "/opt/kiosk/hydraulics.py", line 9, in unlatch
    raise PressureLost(badge)
kiosk.PressureLost: badge 7
"""


@dataclass(frozen=True)
class Desk:
    """A repository with a past, indexed, and the command to triage with; `commits` are its own."""

    repository: Path
    home: Path
    commits: list[str]
    run: Any

    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess:
        options.setdefault("cwd", self.repository)
        env = {"LOCCIT_HOME": str(self.home), **options.pop("env", {})}
        return self.run(*arguments, env=env, **options)

    def triage(self, issue: str | bytes, *arguments: str, expected: int = 0) -> dict[str, Any]:
        done = self("triage", "-", "--json", *arguments, input=issue)
        assert done.returncode == expected, done.stderr
        text = done.stdout if isinstance(done.stdout, bytes) else done.stdout.encode()
        parse_triage(text)
        return json.loads(text)


@pytest.fixture(scope="module")
def desk(installed, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    commits = make_repository(folder / "parcels", COMMITS)
    git(folder / "parcels", "tag", "v1.0", commits[1])
    git(folder / "parcels", "tag", "v2.0", commits[2])
    made = Desk(folder / "parcels", folder / "home", commits, installed)
    done = made("index", "--quiet")
    assert done.returncode == 0, done.stderr
    return made


def notes_of(result: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for note in result["notes"]:
        found[note["part"]] = " | ".join(filter(None, [found.get(note["part"]), note["text"]]))
    return found


def citations_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = list(value.get("citations", []))
        return own + [c for name, one in value.items() if name != "citations" for c in citations_in(one)]
    return [c for one in value for c in citations_in(one)] if isinstance(value, list) else []


def test_an_issue_names_its_suspects_functions_culprit_and_owners(desk: Desk) -> None:
    """All of it from the repository's own files and past."""
    result = desk.triage(ISSUE)
    assert result["outcome"] == "triaged"
    first = result["suspects"][0]
    assert first["path"] == "src/parcels/zones.py"
    assert "find_zone" in {function["symbol"] for function in first["functions"]}
    assert result["culprits"][0]["commit"] == desk.commits[2]
    assert "not yet in v1.0, but in v2.0" in result["culprits"][0]["reasons"]
    assert {"@zone-keeper", "A U Thor"} <= {owner["name"] for owner in result["owners"]}
    assert not {one["role"] for one in result["suspects"]} & {"test", "docs"}
    assert "tests/test_zones.py" in [one["path"] for one in result["tests"]]
    assert "docs/zones.md" in [one["path"] for one in result["docs"]]
    assert "example.com" not in json.dumps(result)


def test_every_citation_holds(desk: Desk) -> None:
    """Re-checked from the JSON, against the repository and nothing else."""
    found = citations_in(desk.triage(ISSUE))
    assert {one["kind"] for one in found} == {"file", "commit"}
    repository = open_repository(str(desk.repository), home=desk.home, options=SourceOptions())
    with repository.reader() as reader:
        for one in found:
            assert verify_citation(Citation.model_validate(one), [reader]) == ()


def test_two_runs_as_of_one_day_have_one_digest(desk: Desk) -> None:
    """What differs from run to run is under `run`."""
    commit = desk.commits[2]
    first, second = (desk.triage(ISSUE, "--as-of", commit) for _ in range(2))
    assert first["digest"] == second["digest"] == digest_of(first)
    assert first["run"] != second["run"]


def test_what_could_not_be_done_is_said(desk: Desk) -> None:
    """No tracker, a bad line of CODEOWNERS."""
    notes = notes_of(desk.triage(ISSUE))
    assert "no tracker" in notes["duplicates"]
    assert "CODEOWNERS line 3 was passed over" in notes["owners"]


def test_as_of_a_commit_nothing_younger_is_told(desk: Desk) -> None:
    """Neither files nor commits nor owners' dates."""
    result = desk.triage(ISSUE, "--as-of", desk.commits[1])
    assert result["as_of"]["commit"] == desk.commits[1]
    assert result["snapshots"][0]["commit"] == desk.commits[1]
    text = json.dumps(result)
    assert desk.commits[2] not in text
    assert desk.commits[3] not in text
    assert "no tag stands for the version 2.0" in notes_of(result)["culprits"]


def test_as_of_a_day_is_as_of_its_last_commit(desk: Desk) -> None:
    """And a time is as exact as it is written."""
    assert desk.triage(ISSUE, "--as-of", "2023-12-30")["as_of"]["commit"] == desk.commits[2]
    assert desk.triage(ISSUE, "--as-of", "2023-11-25T00:00Z")["as_of"]["commit"] == desk.commits[1]


@pytest.mark.parametrize(
    ("as_of", "code", "said"),
    [
        ("2001-01-01", 5, "no commit yet"),
        ("2999-01-01", 2, "in the future"),
        ("2024-13-01", 2, "2024-13-01"),
        ("nothing", 5, "no revision 'nothing'"),
    ],
)
def test_a_moment_that_there_was_not_is_an_error(desk: Desk, as_of: str, code: int, said: str) -> None:
    """Typed, with its exit code."""
    done = desk("triage", "-", "--as-of", as_of, input=ISSUE)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_report_that_says_nothing_is_not_enough_to_go_on(desk: Desk) -> None:
    """A result with what to ask, and the exit code of an abstention."""
    result = desk.triage("It does not work\n\nPlease help.\n", expected=1)
    assert (result["outcome"], result["abstention"]) == ("abstained", "not_enough_to_go_on")
    assert result["suspects"] == []
    assert {"names", "steps", "version"} <= {one["what"] for one in result["ask"]}
    done = desk("triage", "-", input="It does not work\n\nPlease help.\n")
    assert "Not enough to go on" in done.stdout
    assert "Which version is it" in done.stdout


def test_a_stack_trace_of_another_project_is_not_enough_to_go_on(desk: Desk) -> None:
    """None of it is here."""
    assert desk.triage(FOREIGN, expected=1)["abstention"] == "not_enough_to_go_on"


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", 2, b"the issue is empty"),
        (b" \n\n", 2, b"the issue is empty"),
        (b"\x7fELF\x02\x01\0\0\0" * 50, 2, b"the issue is binary"),
        (b"x" * 8_000_001, 7, b"size of the issue in bytes"),
    ],
)
def test_what_is_no_issue_is_an_error(desk: Desk, data: bytes, code: int, said: bytes) -> None:
    """Typed, with its exit code, and nothing on standard output."""
    done = desk("triage", "-", input=data)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == b""


def test_an_issue_of_a_megabyte_is_read_in_part_and_that_is_said(desk: Desk) -> None:
    """Its beginning says what it is about."""
    result = desk.triage(ISSUE + "\nmoment 12 hum 345 of some engine\n" * 32_000)
    assert result["suspects"][0]["path"] == "src/parcels/zones.py"
    assert result["issue"]["characters"] > 1_000_000
    assert result["issue"]["read"] == 200_000
    assert "the first 200,000 were read" in notes_of(result)["issue"]


def test_an_issue_that_is_not_utf8_is_read_and_that_is_said(desk: Desk) -> None:
    """As Latin-1."""
    result = desk.triage(ISSUE.replace("upper case", "Gr\xf6\xdfe").encode("latin-1"))
    assert result["issue"]["title"] == "ZoneError for a zone in Größe"
    assert "latin-1" in notes_of(result)["issue"]


def test_a_file_and_standard_input_are_the_same(desk: Desk, tmp_path: Path) -> None:
    """With and without `-`."""
    (tmp_path / "issue.md").write_text(ISSUE)
    outputs = [
        desk("triage", tmp_path / "issue.md", "--quiet"),
        desk("triage", "-", "--quiet", input=ISSUE),
        desk("triage", "--quiet", input=ISSUE),
    ]
    assert {done.returncode for done in outputs} == {0}
    assert len({done.stdout for done in outputs}) == 1


@pytest.mark.parametrize(
    ("issue", "code", "said"),
    [
        ("nothing.md", 2, "'nothing.md' cannot be read"),
        ("src", 2, "'src' cannot be read"),
        ("12", 6, "tracker"),
        ("https://example.org/about", 2, "no address of an issue"),
    ],
)
def test_an_issue_that_is_not_there_is_an_error(desk: Desk, issue: str, code: int, said: str) -> None:
    """A file, a number without a tracker, an address of something else."""
    done = desk("triage", issue)
    assert (done.returncode, said in done.stderr) == (code, True), (done.returncode, done.stderr)


def test_the_view_fits_eighty_columns_and_shows_no_control_characters(desk: Desk) -> None:
    """Whatever the issue holds; tests and documentation are shown where they are asked for."""
    evil = ISSUE.replace("upper case", "\x1b[31mupper\u202ecase " + "long words " * 20)
    done = desk("triage", "-", input=evil)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "src/parcels/zones.py" in done.stdout
    assert "tests/test_zones.py" not in done.stdout
    assert "(--tests)" in done.stdout
    more = desk("triage", "-", "--tests", "--docs", input=ISSUE).stdout
    assert "tests/test_zones.py" in more
    assert "docs/zones.md" in more


def test_no_more_files_are_named_than_are_asked_for(desk: Desk) -> None:
    """Of each kind."""
    result = desk.triage(ISSUE, "--top", "1")
    assert [len(result[kind]) for kind in ("suspects", "tests", "docs")] == [1, 1, 1]


def test_a_repository_that_was_never_indexed_is_indexed_first(installed, tmp_path: Path) -> None:
    """With its history, which is said."""
    commits = make_repository(tmp_path / "parcels", COMMITS)
    desk = Desk(tmp_path / "parcels", tmp_path / "home", commits, installed)
    done = desk("triage", "-", "--json", input=ISSUE)
    assert done.returncode == 0, done.stderr
    assert "not indexed yet" in done.stderr
    assert json.loads(done.stdout)["culprits"][0]["commit"] == commits[2]


def test_outside_of_every_repository_nothing_indexed_is_an_abstention(installed, tmp_path: Path) -> None:
    """Exit code 6, as `ask` has it."""
    done = installed(
        "triage", "-", "--json", cwd=tmp_path, input=ISSUE, env={"LOCCIT_HOME": str(tmp_path / "home")}
    )
    assert done.returncode == 6
    assert json.loads(done.stdout)["abstention"] == "not_indexed"


def test_a_repository_of_one_commit_has_suspects_and_no_culprit(installed, tmp_path: Path) -> None:
    """Why is said."""
    files = {"src/parcels/zones.py": ZONES, "src/parcels/postage.py": POSTAGE}
    made = make_repository(tmp_path / "parcels", [{"files": files}])
    result = Desk(tmp_path / "parcels", tmp_path / "home", made, installed).triage(ISSUE)
    assert result["suspects"][0]["path"] == "src/parcels/zones.py"
    assert result["culprits"] == []
    assert "came with the first commit" in notes_of(result)["culprits"]


def test_a_folder_without_history_has_suspects_only(installed, tmp_path: Path) -> None:
    """And no past day."""
    (tmp_path / "parcels").mkdir()
    (tmp_path / "parcels" / "zones.py").write_text(ZONES)
    desk = Desk(tmp_path / "parcels", tmp_path / "home", [], installed)
    assert desk("index", "--quiet", ".").returncode == 0
    result = desk.triage(ISSUE, "--repo", ".")
    assert result["suspects"][0]["path"] == "zones.py"
    assert "plain folder has no history" in notes_of(result)["culprits"]
    done = desk("triage", "-", "--repo", ".", "--as-of", "2024-01-01", input=ISSUE)
    assert done.returncode == 2
    assert "has no past" in done.stderr


def test_a_shallow_clone_says_that_its_past_is_cut(installed, tmp_path: Path) -> None:
    """What it seems to have added there is nobody's."""
    made = make_repository(tmp_path / "whole", COMMITS)
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{tmp_path / 'whole'}", "parcels")
    result = Desk(tmp_path / "parcels", tmp_path / "home", made, installed).triage(ISSUE)
    assert "src/parcels/zones.py" in [suspect["path"] for suspect in result["suspects"][:2]]
    assert "the clone is shallow" in notes_of(result)["culprits"]
    assert made[-2] not in [culprit["commit"] for culprit in result["culprits"]]


def test_a_commit_of_the_future_is_told_as_such(installed, tmp_path: Path) -> None:
    """A wrong clock makes no commit the newest."""
    made = make_repository(tmp_path / "parcels", COMMITS)
    late: Commit = {
        "message": "Zones of the zone table",
        "time": 4_000_000_000,
        "files": {"src/parcels/zones.py": ZONES.replace("no zone", "unknown zone")},
    }
    made += add_commits(tmp_path / "parcels", [late], first=len(made))
    result = Desk(tmp_path / "parcels", tmp_path / "home", made, installed).triage(ISSUE)
    ahead = next(one for one in result["culprits"] if one["commit"] == made[-1])
    assert any("clock was ahead" in reason for reason in ahead["reasons"])
    assert "2096" not in json.dumps(result["owners"])


@pytest.fixture(scope="module")
def tracked(installed, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same with a tracker: 12 is the issue, 7 says the same, 8 and 9 speak of zones, 13 is younger."""
    folder = tmp_path_factory.mktemp("tracked")
    made = make_repository(folder / "parcels", COMMITS)
    desk = Desk(folder / "parcels", folder / "home", made, installed)
    issues = [
        ("7", "ZoneError for a zone in upper case", ISSUE, "2023-12-27T10:00:00Z", ["zones"]),
        ("8", "find_zone: the zone table has no zone", "ZoneError again", "2023-12-20T10:00:00Z", ["zones"]),
        ("9", "Scales are slow", "weigh_parcel takes a minute", "2023-12-01T10:00:00Z", ["scales"]),
        ("12", ISSUE.splitlines()[0], ISSUE, "2023-12-30T10:00:00Z", []),
        ("13", "ZoneError for a zone in upper case", ISSUE, "2024-05-01T10:00:00Z", ["later"]),
    ]
    lines = [
        {"id": number, "title": title, "body": body, "created": created, "labels": labels}
        for number, title, body, created, labels in issues
    ]
    (folder / "issues.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert desk("index", "--quiet").returncode == 0
    done = desk("issues", "sync", "--from", folder / "issues.jsonl")
    assert done.returncode == 0, done.stderr
    return desk


def test_an_issue_of_a_tracker_is_triaged_by_its_number(tracked: Desk) -> None:
    """With and without `#`; an unknown number is an error."""
    done = tracked("triage", "12", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["issue"]["origin"], result["issue"]["id"]) == ("tracker", "12")
    assert result["issue"]["created"] == "2023-12-30T10:00:00Z"
    assert result["culprits"][0]["commit"] == tracked.commits[2]
    assert tracked("triage", "#12", "--quiet").returncode == 0
    assert tracked("triage", "14").returncode == 2


def test_past_issues_like_it_are_named_with_what_both_have(tracked: Desk) -> None:
    """Never the issue itself; each is cited by its title, and what they are labelled is suggested."""
    result = json.loads(tracked("triage", "12", "--json").stdout)
    assert result["duplicates"][0]["id"] == "7"
    assert "12" not in {one["id"] for one in result["duplicates"]}
    assert result["duplicates"][0]["evidence"]
    assert result["duplicates"][0]["citations"][0]["kind"] == "issue"
    assert result["duplicates"][0]["citations"][0]["quote"] == "ZoneError for a zone in upper case"
    assert "Seen before?" in tracked("triage", "12").stdout


def test_as_of_a_day_no_younger_issue_is_told(tracked: Desk) -> None:
    """Neither as a duplicate nor by its label; before it was opened an issue is not there."""
    result = json.loads(tracked("triage", "12", "--as-of", "2023-12-31", "--json").stdout)
    assert result["duplicates"][0]["id"] == "7"
    assert "13" not in {one["id"] for one in result["duplicates"]}
    assert [one["label"] for one in result["labels"]] == ["zones"]
    done = tracked("triage", "12", "--as-of", "2023-12-28")
    assert done.returncode == 2
    assert "was not there yet" in done.stderr
