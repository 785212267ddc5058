"""CODEOWNERS files say who owns a path, in GitHub's syntax and in GitLab's."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.sources.codeowners import (
    MAX_BYTES,
    CodeOwners,
    Dialect,
    dialect_of,
    find_codeowners,
    read_codeowners,
)

GITHUB, GITLAB = Dialect.GITHUB, Dialect.GITLAB


def owners_of(owners: CodeOwners, path: str) -> list[str]:
    return [owner for rule in owners.rules_for(path) for owner in rule.owners]


@pytest.mark.parametrize(
    ("pattern", "path", "is_owned"),
    [
        ("*", "a/b/c.py", True),
        ("*.py", "a/b/c.py", True),
        ("*.py", "a/b/c.pyi", False),
        ("docs/", "docs/a/b.md", True),
        ("docs/", "src/docs/b.md", True),
        ("docs/", "docs", False),
        ("/docs/", "src/docs/b.md", False),
        ("/docs", "docs/a/b.md", True),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("/docs/**", "docs/a/b.md", True),
        ("**/logs", "a/b/logs/c.txt", True),
        ("/src/*/api", "src/one/api/x.py", True),
        ("/src/*/api", "src/one/two/api/x.py", False),
        ("README.md", "a/README.md", True),
        ("src/zones.py", "src/zones.py", True),
        ("src/zones.py", "a/src/zones.py", False),
        ("Src/", "src/zones.py", False),
        ("with\\ space/", "with space/x", True),
    ],
)
@pytest.mark.parametrize("dialect", [GITHUB, GITLAB])
def test_a_pattern_matches_as_the_hosts_say(
    pattern: str, path: str, is_owned: bool, dialect: Dialect
) -> None:
    """Files, folders with all below, `dir/*` with its own files only; case counts."""
    owners = read_codeowners(f"{pattern} @one\n".encode(), dialect)
    assert owners_of(owners, path) == (["@one"] if is_owned else [])


def test_the_last_match_decides() -> None:
    """Also where it says that nobody owns it."""
    owners = read_codeowners(
        b"* @all @org/team\n/src/ @src me@example.org # and nobody else\n/src/gen/\n", GITHUB
    )
    assert owners_of(owners, "a.py") == ["@all", "@org/team"]
    assert owners_of(owners, "src/a.py") == ["@src", "me@example.org"]
    assert owners_of(owners, "src/gen/a.py") == []
    assert [rule.line for rule in owners.rules_for("src/gen/a.py")] == [3]


def test_the_bytes_of_a_rule_are_its_line() -> None:
    """So that it can be cited; line ends are no part of it."""
    data = b"\xef\xbb\xbf# who\r\n\r\n*.py @one\r\n"
    (rule,) = read_codeowners(data, GITHUB).rules
    assert (data[rule.start_byte : rule.end_byte], rule.line) == (b"*.py @one", 3)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("!*.py @one", "'!'"),
        ("[Docs] @one", "brackets"),
        ("*.p[yx] @one", "brackets"),
        ("*.py one", "'one' is no owner"),
        ("/ @one", "empty"),
    ],
)
def test_lines_that_github_does_not_read_are_reported(line: str, problem: str) -> None:
    """And the others count."""
    owners = read_codeowners(f"{line}\n*.md @two\n".encode(), GITHUB)
    (bad,) = owners.bad_lines
    assert bad.line == 1
    assert problem in bad.problem
    assert owners_of(owners, "a.md") == ["@two"]


def test_one_bad_owner_leaves_the_others() -> None:
    """The line is reported, and what can be read of it counts."""
    owners = read_codeowners(b"*.py @one two\n", GITHUB)
    assert owners_of(owners, "a.py") == ["@one"]
    assert [bad.line for bad in owners.bad_lines] == [1]


SECTIONS = b"""\
* @all
[Docs][2] @writers
docs/
*.md @editor
^[Optional] @@maintainer
src/
[docs]
/docs/api/ @api
"""


def test_in_gitlab_each_section_decides_for_itself() -> None:
    """What they say adds up; a section that is named again goes on; its own owners stand in for none."""
    owners = read_codeowners(SECTIONS, GITLAB)
    assert owners_of(owners, "a.py") == ["@all"]
    assert owners_of(owners, "docs/a.txt") == ["@all", "@writers"]
    assert owners_of(owners, "docs/a.md") == ["@all", "@editor"]
    assert owners_of(owners, "docs/api/a.md") == ["@all", "@api"]
    assert owners_of(owners, "src/a.py") == ["@all", "@@maintainer"]
    assert owners.bad_lines == ()


def test_in_gitlab_a_pattern_can_take_a_path_out_of_its_section() -> None:
    """Of that section only, and for good."""
    owners = read_codeowners(b"* @all\n!*.lock\n*.lock @one\n[Deps]\n*.lock @deps\n", GITLAB)
    assert owners_of(owners, "a.lock") == ["@deps"]
    assert owners_of(owners, "a.py") == ["@all"]


@pytest.mark.parametrize("line", ["[]", "[Docs", "[ ] @one", "[Docs][x]"])
def test_a_bad_header_is_reported_and_opens_no_section(line: str) -> None:
    """What follows belongs to the section before."""
    owners = read_codeowners(f"{line}\n*.md @two\n".encode(), GITLAB)
    assert [bad.line for bad in owners.bad_lines] == [1]
    assert owners.rules_for("a.md")[0].section == ""


@pytest.mark.parametrize(
    ("path", "data", "repo", "dialect"),
    [
        (".github/CODEOWNERS", b"[A]\n", "gitlab.com/a/b", GITHUB),
        (".gitlab/CODEOWNERS", b"", "b", GITLAB),
        ("CODEOWNERS", b"* @a\n", "github.com/a/b", GITHUB),
        ("CODEOWNERS", b"* @a\n", "gitlab.com/a/b", GITLAB),
        ("CODEOWNERS", b"* @a\n^[Docs]\n", "b", GITLAB),
        ("CODEOWNERS", b"* @a\n", "b", GITHUB),
    ],
)
def test_the_dialect_is_told_by_place_host_and_sections(
    path: str, data: bytes, repo: str, dialect: Dialect
) -> None:
    """In this order."""
    assert dialect_of(path, data, repo) is dialect


def test_the_first_place_is_read() -> None:
    """As the hosts do."""
    assert find_codeowners(["docs/CODEOWNERS", "CODEOWNERS", "a"]) == "CODEOWNERS"
    assert find_codeowners(["CODEOWNERS", ".github/CODEOWNERS"]) == ".github/CODEOWNERS"
    assert find_codeowners([".gitlab/CODEOWNERS"]) == ".gitlab/CODEOWNERS"
    assert find_codeowners(["src/CODEOWNERS"]) is None


def test_a_path_that_is_not_utf8_can_be_owned() -> None:
    """It is compared as bytes."""
    owners = read_codeowners(b"/src/ @one\n", GITHUB)
    assert owners_of(owners, "src/f\udcfcr.py") == ["@one"]


def test_a_file_that_is_too_large_is_cut_and_that_is_said() -> None:
    """GitHub reads none that is larger."""
    owners = read_codeowners(b"* @one\n" + b"#" * MAX_BYTES, GITHUB)
    assert owners_of(owners, "a") == ["@one"]
    assert "larger" in owners.bad_lines[-1].problem


def test_a_hostile_pattern_takes_no_longer() -> None:
    """What a star swallows is never given back."""
    owners = read_codeowners(b"/" + b"*a" * 60 + b" @one\n" + b"**/" * 40 + b"x @two\n", GITHUB)
    started = time.process_time()
    owners.rules_for("/".join(["a" * 120] * 40))
    assert time.process_time() - started < 2


@given(st.binary(max_size=300), st.text(max_size=40), st.sampled_from(Dialect))
def test_any_bytes_are_read(data: bytes, path: str, dialect: Dialect) -> None:
    """Nothing is raised, and each line is a rule, reported, a header, a comment or empty."""
    owners = read_codeowners(data, dialect)
    owners.rules_for(path.encode("utf-8", "replace").decode())
    lines = {rule.line for rule in owners.rules} | {bad.line for bad in owners.bad_lines}
    assert all(1 <= line <= data.count(b"\n") + 1 for line in lines)
