"""On a terminal: no source steers it, long work shows how far it is, Ctrl-C ends it well."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.terminal import Finished, on_terminal
from tests.repositories import make_repository

# Sequences that set a title, recolour and clear; C1; bidirectional and invisible characters; DEL.
ATTACK = (
    "\x1b]0;owned\x07\x1b[31m\x1b[2J\x9b31m\x85\u202edne\u202c\u200b\u2066\ufeff\U000e0041\x7f\x08\x00\r\x0c"
)
RAW = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
OUR_STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def attacked(installed, tmp_path_factory):
    """A repository whose names, contents and messages attack the terminal, with its home."""
    folder = tmp_path_factory.mktemp("attacked")
    attack = ATTACK.replace("\x00", "")
    commit = {
        "message": f"Add the walrus {attack} counter\n",
        "files": {
            f"walrus{attack}.py": "def count_walruses():\n"
            f"    # the walrus {attack} counter\n"
            f"    return 'walrus{attack}'\n",
            "line\nfeed\twalrus.txt": f"A walrus {attack} in a file with a line feed in its name.\n",
            os.fsdecode(b"latin-\xe9-walrus.txt"): "A walrus in a file whose name is no UTF-8.\n",
        },
    }
    make_repository(folder / "repo\x1b[31m", [commit])
    env = {"LOCCIT_HOME": str(folder / "home")}
    done = installed("index", cwd=folder / "repo\x1b[31m", env=env)
    assert done.returncode == 0, done.stderr
    return folder / "repo\x1b[31m", env


ATTACKED_COMMANDS = [
    ["ask", "where are the walruses counted?"],
    ["search", "walrus"],
    ["search", "--history", "walrus"],
    ["search", "--regex", "walrus"],
    ["show", "line\nfeed\twalrus.txt:1"],
    ["show", "missing\x1b[31m.py:1"],
    ["ask", "--rev", "no\x1b[31m", "walrus"],
    ["status"],
    ["doctor"],
]


@pytest.mark.parametrize(
    "command", ATTACKED_COMMANDS, ids=lambda words: " ".join(words)[:20].encode().hex()[:30]
)
def test_no_control_character_of_a_source_reaches_the_terminal(installed, attacked, command) -> None:
    """Neither in a pipe nor on a terminal in colour, on either stream; they are shown written out."""
    repository, env = attacked
    piped = installed(*command, cwd=repository, env=env, input=b"")
    for stream in (piped.stdout, piped.stderr):
        assert not RAW.search(stream.decode()), stream
        assert b"\r" not in stream
    shown = coloured(installed, command, repository, env).output.decode().replace("\r\n", "\n")
    assert not RAW.search(OUR_STYLES.sub("", shown)), shown
    assert "\\x1b" in shown


@pytest.mark.parametrize(
    "command",
    ATTACKED_COMMANDS[:4] + ATTACKED_COMMANDS[7:],
    ids=lambda words: words[0] + words[1][:9] if len(words) > 1 else words[0],
)
def test_json_on_a_terminal_holds_no_control_character(installed, attacked, command) -> None:
    """They are escapes of JSON there, and mean the same."""
    repository, env = attacked
    shown = coloured(installed, [*command, "--json"], repository, env).output.decode().replace("\r\n", "\n")
    assert not RAW.search(shown), shown
    for line in shown.splitlines():
        json.loads(line)


def coloured(installed, command, cwd: Path, env: dict[str, str], **options) -> Finished:
    """The command on a terminal that shows colours."""
    environment = {**os.environ, **env, "TERM": "xterm-256color"}
    del environment["NO_COLOR"]
    return on_terminal([installed.prefix / "bin" / "loccit", *command], cwd=cwd, env=environment, **options)


def test_colours_are_for_terminals_that_want_them(shop) -> None:
    """Not in a pipe, not with NO_COLOR, not on a dumb terminal."""
    command = ["search", "postage"]
    home = {"LOCCIT_HOME": str(shop.home)}
    assert b"\x1b[1;36m" in coloured(shop.run, command, shop.parcels, home).output
    assert "\x1b" not in shop(*command).stdout
    program = [shop.run.prefix / "bin" / "loccit", *command]
    for plain in ({"NO_COLOR": "1", "TERM": "xterm"}, {"NO_COLOR": "", "TERM": "dumb"}):
        shown = on_terminal(program, cwd=shop.parcels, env={**os.environ, **home, **plain})
        assert b"\x1b" not in shown.output


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A repository that takes some seconds to index."""
    folder = tmp_path_factory.mktemp("large") / "large"
    files = {
        f"module_{n}.py": "".join(
            f"def function_{n}_{k}(first, second):\n    return first * {k} + second\n\n\n"
            for k in range(2500)
        )
        for n in range(60)
    }
    make_repository(folder, [{"files": files}])
    return folder


def test_ctrl_c_ends_indexing_well_and_the_next_run_goes_on(installed, large, tmp_path) -> None:
    """A bar with rate and time left; exit code 130, one sentence, no traceback of any process.

    The next run keeps what was done. Its bar is on standard error: standard output holds the one object.
    """
    home = {"LOCCIT_HOME": str(tmp_path / "home")}
    stopped = coloured(installed, ["index"], large, home, interrupt_at=b"MB/s")
    assert stopped.returncode == 130, stopped.output
    assert b"reading files" in stopped.output
    assert b"Traceback" not in stopped.output
    assert b"\x1b[?25h" in stopped.output  # the cursor is back
    last = OUR_STYLES.sub("", stopped.output.decode()).splitlines()[-1]
    assert "loccit: interrupted; what was done is kept" in last
    reading, writing = os.pipe()
    shown = coloured(installed, ["index", "--json", "--no-history"], large, home, stdout=writing)
    os.close(writing)
    assert shown.returncode == 0, shown.output
    with os.fdopen(reading) as output:
        report = json.loads(output.read())["repositories"][0]
    assert report["files"] == 60
    assert report["reused"] > 0
    assert b"MB/s" in shown.output


def test_a_reader_that_leaves_is_no_fault(shop) -> None:
    """`| head -1`: the exit code of the command, or 0; nothing on standard error."""
    for command in (["search", "--regex", "."], ["search", "--json", "parcel"], ["status", "-q"], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)  # it has left before the first line
        done = subprocess.run(
            [shop.run.prefix / "bin" / "loccit", *command],
            cwd=shop.parcels,
            env={**os.environ, "LOCCIT_HOME": str(shop.home)},
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b""), command


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_is_utf8_or_escapes_whatever_the_terminal(installed, attacked, encoding) -> None:
    """An output that cannot hold a character gets the escape that JSON has for it."""
    repository, env = attacked
    done = installed(
        "search", "--json", "walrus", cwd=repository, env={**env, "PYTHONIOENCODING": encoding}, input=b""
    )
    assert done.returncode == 0
    assert json.loads(done.stdout.decode("ascii"))["hits"]


COMMANDS = "index ask triage tune prove search status verify show remove gc doctor".split()


@pytest.mark.parametrize("size", [(24, 80), (50, 200)])
def test_help_fits_the_terminal(installed, tmp_path, size) -> None:
    """Every command with a whole sentence, no line wider than the terminal."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    shown = on_terminal(
        [installed.prefix / "bin" / "loccit", "--help"], cwd=tmp_path, env=environment, size=size
    )
    lines = shown.output.decode().replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) < size[1]
    sentences = {line.split()[0]: line for line in lines if line.startswith("  ") and line.split()}
    assert all(sentences[name].endswith(".") and not sentences[name].endswith("...") for name in COMMANDS)


def test_every_command_explains_itself(installed, tmp_path) -> None:
    """`-h` as well as `--help`; options have names for their values, not types of the parser."""
    for command in COMMANDS:
        done = installed(command, "-h", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"Usage: loccit {command} [OPTIONS]")
        assert "<" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_every_shell(installed, tmp_path, shell) -> None:
    """It asks this command what fits, and the shell itself can read it where it is at hand."""
    script = installed("--show-completion", shell, cwd=tmp_path).stdout
    assert "_LOCCIT_COMPLETE=complete_" + shell in script
    if program := shutil.which(shell):
        (tmp_path / "script").write_text(script)
        checked = subprocess.run(
            [program, "-n", tmp_path / "script"], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("loccit se", {"search", "serve"}),
        ("loccit search --hi", {"--history"}),
        ("loccit search --lang ty", {"typescript"}),
        ("loccit ask --repo pa", {"parcels"}),
        ("loccit ask --collection ", {"shop"}),
        ("loccit remove le", {"ledger"}),
        ("loccit --show-completion f", {"fish"}),
    ],
)
def test_the_shell_is_offered_what_fits(shop, typed, offered) -> None:
    """Commands, options, and the names of what is indexed."""
    words = typed.split(" ")
    asked = {"_LOCCIT_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    assert set(shop(env=asked).stdout.split()) == offered
