"""What an issue says is found in Markdown, Jira's markup, Trac's and plain text, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.retrieval.issue_text import ErrorText, IssueText, VersionClue, read_issue
from loccit.retrieval.tracebacks import Frame

MARKDOWN = """\
# Saving a form loses the zone

<!-- Please search first. -->
- [x] I have searched

**Describe the bug**
`Form.save()` drops the zone, see [the docs](https://example.org/docs) and
https://github.com/parcels/parcels/blob/main/src/parcels/zones.py#L12.
It fails since commit 1a2b3c4d5e.

## Steps to reproduce

```python
form = ZoneForm(zone="far")
form.save()
```
"""

JIRA = """\
Zone is lost
h2. Description
{{ZoneForm.save}} fails:
{code:java}
zone.save(null);
{code}
and then {noformat}some log{noformat} ends.
"""

TRAC = """\
Zone is lost
Description
{{{
form.save()
}}}
after `save`.
"""


def test_markdown_is_taken_apart() -> None:
    """Title, prose without comments and check boxes, code, names, links to files, commits, headings."""
    issue = read_issue(MARKDOWN)
    assert issue.title == "Saving a form loses the zone"
    assert "Please search" not in issue.prose
    assert "I have searched" not in issue.prose
    assert "drops the zone, see the docs and" in issue.prose
    assert issue.code == ('form = ZoneForm(zone="far")\nform.save()',)
    assert issue.names[0] == "Form.save"
    assert issue.paths == ("src/parcels/zones.py",)
    assert issue.commits == ("1a2b3c4d5e",)
    assert issue.headings == ("Describe the bug", "Steps to reproduce")
    assert "https://example.org/docs" in issue.urls


def test_the_markup_of_jira_is_taken_apart() -> None:
    """Macros may open and close within a line."""
    issue = read_issue(JIRA)
    assert issue.code == ("zone.save(null);", "some log")
    assert issue.headings == ("Description",)
    assert "ZoneForm.save" in issue.names
    assert "and then" in issue.prose
    assert "some log" not in issue.prose


def test_the_markup_of_trac_is_taken_apart() -> None:
    """Code stands in braces."""
    issue = read_issue(TRAC)
    assert issue.code == ("form.save()",)
    assert "after `save`." in issue.prose


def test_indented_lines_after_an_empty_one_are_code() -> None:
    """In plain text as in Markdown; below an item of a list they go on with it."""
    assert read_issue("T\n\nSee:\n\n    x = zones()\n\nend").code == ("    x = zones()",)
    assert read_issue("T\n\n- item\n\n    goes on\n").code == ()


def test_a_fence_that_is_never_closed_reaches_to_the_end() -> None:
    """As CommonMark has it."""
    assert read_issue("T\n```\nx = 1\nlast").code == ("x = 1\nlast",)


def test_a_title_that_is_given_is_the_title() -> None:
    """And the first line stays where it is."""
    issue = read_issue("First line.", title=" A  title ")
    assert (issue.title, issue.prose) == ("A title", "First line.")


@pytest.mark.parametrize("text", ["", "   \n\n", "\0\0", "```", "{code}"])
def test_of_an_empty_text_every_part_is_empty(text: str) -> None:
    """Nothing is made up, and nothing is raised."""
    issue = read_issue(text)
    assert not any(getattr(issue, name) for name in IssueText.__slots__)


PYTHON = """\
It breaks
Traceback (most recent call last):
  File "/app/run.py", line 3, in <module>
    main()
  File "/app/parcels/zones.py", line 41, in find_zone
    raise ZoneError(f"no zone {name}")
parcels.errors.ZoneError: no zone far
after that"""
IPYTHON = """\
It breaks
---------------------------------------
KeyError                                  Traceback (most recent call last)
<ipython-input-1-abc> in <module>
----> 1 find_zone('far')

~/lib/parcels/zones.py in find_zone(name)
     40     zones = load()
---> 41     return zones[name]
     42

KeyError: 'far'
after that"""
PYTEST = """\
It breaks
tests/test_zones.py:12: in test_far
    find_zone("far")
src/parcels/zones.py:41: KeyError
after that"""
JAVA = """\
It breaks
java.lang.IllegalStateException: no zone far
\tat org.parcels.Zones$Table.find(Zones.java:41)
\tat java.base/java.lang.Thread.run(Thread.java:829)
\t... 12 more
after that"""
NODE = """\
It breaks
TypeError: zone is not a function
    at Table.find (/app/src/zones.js:41:7)
    at async /app/src/run.js:3:1
after that"""
FIREFOX = """\
It breaks
Error: no zone
find@https://example.org/static/zones.js:41:7
run@https://example.org/static/run.js:3:1
after that"""
CSHARP = """\
It breaks
System.InvalidOperationException: no zone far
   at Parcels.Zones.Find(String name) in C:\\src\\Zones.cs:line 41
   at Parcels.Program.Main(String[] args) in C:\\src\\Program.cs:line 3
after that"""
GO = """\
It breaks
panic: no zone far

goroutine 1 [running]:
parcels.(*Table).Find(0x1, 0x2)
\t/src/parcels/zones.go:41 +0x1d
main.main()
\t/src/main.go:3 +0x25
after that"""
RUST = """\
It breaks
thread 'main' panicked at src/zones.rs:41:7:
no zone far
stack backtrace:
   0: parcels::zones::find
             at ./src/zones.rs:41:7
   1: parcels::main
             at ./src/main.rs:3:5
after that"""
RUBY = """\
It breaks
zones.rb:41:in `find': no zone far (RuntimeError)
\tfrom run.rb:3:in `<main>'
after that"""
PHP = """\
It breaks
PHP Fatal error:  Uncaught Exception: no zone far in /app/zones.php:41
Stack trace:
#0 /app/run.php(3): Zones->find('far')
#1 {main}
after that"""
GDB = """\
It breaks
Program received signal SIGSEGV, Segmentation fault.
#0  0x0000555555555131 in find_zone (name=0x0) at src/zones.c:41
#1  main () at src/main.c:3
after that"""


@pytest.mark.parametrize(
    ("text", "language", "first", "frames"),
    [
        (PYTHON, "python", Frame("/app/parcels/zones.py", 41, "find_zone"), 2),
        (IPYTHON, "python", Frame("~/lib/parcels/zones.py", 41, "find_zone"), 2),
        (PYTEST, "python", Frame("src/parcels/zones.py", 41, ""), 2),
        (JAVA, "java", Frame("org/parcels/Zones.java", 41, "Zones.find"), 2),
        (NODE, "javascript", Frame("/app/src/zones.js", 41, "Table.find"), 2),
        (FIREFOX, "javascript", Frame("static/zones.js", 41, "find"), 2),
        (CSHARP, "csharp", Frame("C:/src/Zones.cs", 41, "Parcels.Zones.Find"), 2),
        (GO, "go", Frame("/src/parcels/zones.go", 41, "parcels.(*Table).Find"), 2),
        (RUST, "rust", Frame("src/zones.rs", 41, ""), 3),
        (RUBY, "ruby", Frame("zones.rb", 41, "find"), 2),
        (PHP, "php", Frame("/app/zones.php", 41, ""), 2),
        (GDB, "c", Frame("src/zones.c", 41, "find_zone"), 2),
    ],
)
def test_tracebacks_are_read_nearest_the_error_first(
    text: str, language: str, first: Frame, frames: int
) -> None:
    """Whatever order a language prints them in; their lines are no longer prose."""
    issue = read_issue(text)
    (traceback,) = issue.tracebacks
    assert (traceback.language, traceback.frames[0], len(traceback.frames)) == (language, first, frames)
    assert "after that" in issue.prose
    assert "zones." not in issue.prose.replace("zones.find", "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (PYTHON, ErrorText("parcels.errors.ZoneError", "no zone far")),
        (IPYTHON, ErrorText("KeyError", "'far'")),
        (JAVA, ErrorText("java.lang.IllegalStateException", "no zone far")),
        (NODE, ErrorText("TypeError", "zone is not a function")),
        (CSHARP, ErrorText("System.InvalidOperationException", "no zone far")),
        (GO, ErrorText("panic", "no zone far")),
        (RUST, ErrorText("", "no zone far")),
        (PHP, ErrorText("Exception", "no zone far")),
    ],
)
def test_the_error_of_a_traceback_is_told(text: str, error: ErrorText) -> None:
    """Its kind and its message apart."""
    assert error in read_issue(text).errors


def test_chained_tracebacks_are_told_apart() -> None:
    """Each has its own error."""
    text = PYTHON + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    text += PYTHON.replace("ZoneError: no zone far", "OtherError: other")
    assert [one.error.partition(": ")[2] for one in read_issue(text).tracebacks] == ["no zone far", "other"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("It worked in 2.1.", [("2.1", "good", "")]),
        ("Broken since 3.0", [("3.0", "bad", "")]),
        ("After upgrading from 2.1 to 3.0 it fails", [("2.1", "good", ""), ("3.0", "bad", "")]),
        ("we upgraded from 2.1 to 3.0", [("2.1", "good", ""), ("3.0", "bad", "")]),
        ("last good version: v2.1.4", [("2.1.4", "good", "")]),
        ("This is a regression in parcels 3.0.1", [("3.0.1", "bad", "parcels")]),
        ("2.1 works fine, 3.0 does not work", [("2.1", "good", ""), ("3.0", "bad", "")]),
        ("No problem with 2.1", [("2.1", "good", "")]),
        ("Python version: 3.11.2", [("3.11.2", "named", "python")]),
        ("it stopped working after 3.0rc1", [("3.0rc1", "bad", "")]),
        ("192.168.1.1.5 and 1/2.5/3", []),
    ],
)
def test_what_is_said_of_a_version_is_understood(said: str, expected: list[tuple[str, str, str]]) -> None:
    """Good, bad, or only named; and whose it is."""
    found = read_issue(f"Title\n\n{said}").versions
    assert [(one.version, one.clue.value, one.product) for one in found] == expected
    assert {one.clue for one in found} <= set(VersionClue)


def test_paths_of_windows_and_in_patches_are_paths() -> None:
    """With slashes, and without the two sides of a patch."""
    issue = read_issue("T\n\nsee src\\zones\\far.py\n\ndiff --git a/src/zones.py b/src/zones.py")
    assert issue.paths == ("src/zones/far.py", "src/zones.py")


def test_words_and_numbers_are_no_commits() -> None:
    """An id has digits and letters, and is no longer than one."""
    issue = read_issue("T\n\ndefaced 1234567 abcdef1 " + "a1" * 25)
    assert issue.commits == ("abcdef1",)


HOSTILE = {
    "backquotes": "`",
    "dots": "a.",
    "colons": "a::",
    "slashes": "a/",
    "macros": "{code}",
    "brackets": "[a](http://",
    "frames without an end": '  File "a\n',
    "calls": "at a(\n",
    "numbered": "#0 a at \n",
    "comments": "<!--",
    "versions": "since 1.1 ",
    "fences": "```\n",
    "blanks": "\t\t\t ",
    "quotes": '"',
    "empty lines": "\n",
    "go": "f(\n\t/a/b.go:1\n",
    "upgrades": "upgrade from ",
    "images": "![",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear_on_hostile_text(name: str) -> None:
    """Eight times the text takes about eight times as long: nowhere near sixty-four times."""
    part = HOSTILE[name]

    def seconds(characters: int) -> float:
        text = "x\n" + part * (characters // len(part))
        best = float("inf")
        for _ in range(2):
            started = time.process_time()
            read_issue(text)
            best = min(best, time.process_time() - started)
        return best

    assert seconds(80_000) < 30 * seconds(10_000) + 0.05


@given(st.text(max_size=400))
def test_any_text_is_an_issue(text: str) -> None:
    """Nothing is raised, and nothing is told twice."""
    issue = read_issue(text)
    for name in ("errors", "paths", "names", "versions", "commits", "urls"):
        found = getattr(issue, name)
        assert len(found) == len(set(found))
