"""What maintainers tell us in comments, and what only looks so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.pipeline.slash_commands import Command, CommandName, Misunderstood, commands_in


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/loccit files a.py b/c.py", Command(CommandName.FILES, files=("a.py", "b/c.py"))),
        (
            '/loccit files `a b.py`, "c d.py", a.py,a.py',
            Command(CommandName.FILES, files=("a b.py", "c d.py", "a.py,a.py")),
        ),
        ("/loccit duplicate #12", Command(CommandName.DUPLICATE, issue="12")),
        ("/loccit duplicate of #12 ", Command(CommandName.DUPLICATE, issue="12")),
        ("/loccit not-duplicate", Command(CommandName.NOT_DUPLICATE)),
        ("/loccit wrong it is the parser", Command(CommandName.WRONG, text="it is the parser")),
        ("/loccit again", Command(CommandName.AGAIN)),
        ("Thanks!\r\n\r\n/loccit quiet\r\n", Command(CommandName.QUIET)),
    ],
)
def test_commands_are_understood(text: str, command: Command) -> None:
    assert commands_in(text) == (command,)


@pytest.mark.parametrize(
    "text",
    [
        "please /loccit quiet",
        " /loccit quiet",
        "> /loccit quiet",
        "    /loccit quiet",
        "```\n/loccit quiet\n```",
        "````\n```\n/loccit quiet\n````",
        "~~~sh\n/loccit quiet",
        "`/loccit quiet`",
        "/Loccit quiet",
        "",
    ],
)
def test_what_is_quoted_or_stands_in_code_is_none(text: str) -> None:
    assert commands_in(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "/loccit",
        "/loccit coffee",
        "/loccit files",
        "/loccit duplicate",
        "/loccit duplicate #1 #2",
        "/loccit duplicate other/repo#1",
        "/loccit quiet please",
        "/loccit wrong",
        "/loccitquiet",
        "/loccit files " + " ".join(f"{n}.py" for n in range(101)),
    ],
)
def test_what_is_none_is_told_so(text: str) -> None:
    assert [type(one) for one in commands_in(text)] == [Misunderstood]


def test_a_comment_holds_at_most_ten() -> None:
    assert len(commands_in("/loccit again\n" * 50)) == 10


@given(st.text(max_size=500))
def test_any_comment_can_be_read(text: str) -> None:
    for found in commands_in(f"/loccit {text}"):
        assert isinstance(found, Command | Misunderstood)
