"""The documentation is true: its examples run and print what it says, its links lead somewhere.

Each page gets a fresh copy of a small repository and an empty `LOCCIT_HOME`, and runs its blocks in order:

- `console`: every line `$ loccit ...` (or `$ echo ... | loccit ...`, `$ cat FILE`) is run, and the lines to
  the next `$` are what it must print; a `...` stands for anything. It must end with exit code 0; where
  another one is the point, the page shows it as a shell does: `$ loccit verify x.json; echo "exit code $?"`.
  A line that ends with `&` goes on in the background to the end of the page; the page shows its first line.
- `python`: a program of its own that must end well; with `>>>` prompts, their output is compared too.

`<!-- test: skip because ... -->` before a block exempts it; the reason is required.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = list(dict.fromkeys(PAGES))
RUNNABLE = {"loccit", "echo", "printf", "cat", "ls", "git", "curl"}
SKIP = re.compile(r"<!--\s*test: skip(?: because)? (?P<reason>\S.*?)\s*-->")
PYTHON_EXAMPLE = """
import doctest, sys
source, name = sys.stdin.read(), sys.argv[1]
if ">>>" in source:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(source, {"__name__": "__main__"}, name, name, 0)
    sys.exit(bool(doctest.DocTestRunner(optionflags=flags).run(test).failed))
exec(compile(source, name, "exec"), {"__name__": "__main__"})
"""


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` is 1-based."""

    language: str
    text: str
    line: int


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page that are to be run, in order."""
    found: list[Block] = []
    reason = None
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            language = (token.info.split() or [""])[0]
            if language in {"console", "python"} and reason is None:
                found.append(Block(language, token.content, token.map[0] + 1))
        skip = SKIP.fullmatch(token.content.strip()) if token.type == "html_block" else None
        reason = skip["reason"] if skip else None
    return found


def commands_of(block: Block) -> list[tuple[str, str]]:
    """The command lines of a console block, each with what it is to print. `\\` continues a line."""
    pieces = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not pieces[0].strip(), f"line {block.line}: a console block starts with '$ '"
    return [
        (match[1], match[2])
        for piece in pieces[1:]
        if (match := re.match(r"((?:.*\\\n)*.*)\n?([\s\S]*)", piece))
    ]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "LOCCIT_HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@contextmanager
def in_background(command: str, folder: Path) -> Iterator[str]:
    """The first line that the command prints; it goes on for as long as this lasts."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder / "repository",
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()
            process.stdout.read()
            process.wait(30)


def run(arguments: list[str], folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=folder / "repository",
        env=environment(folder),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def programs_of(command: str) -> set[str]:
    """The first word of each part of a shell line."""
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = [";", *lexer]
    return {word for before, word in pairwise(words) if set(before) <= set("|;&")}


def fault_of_command(command: str, expected: str, folder: Path, stack: ExitStack) -> str | None:
    programs = programs_of(command)
    if not programs <= RUNNABLE:
        return (
            f"$ {command}\nruns {sorted(programs)}, expected only {sorted(RUNNABLE)}; skip it with a reason"
        )
    if command.endswith(" &"):
        printed = stack.enter_context(in_background(command.removesuffix(" &"), folder))
    else:
        done = run(["bash", "-o", "pipefail", "-c", command], folder)
        if done.returncode:
            return f"$ {command}\nended with exit code {done.returncode}:\n{done.stdout}"
        printed = done.stdout
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if doctest.OutputChecker().check_output(expected.strip() + "\n", printed.strip() + "\n", flags):
        return None
    return f"$ {command}\nprints:\n{printed}\nbut the page says:\n{expected}"


def faults_of_page(text: str, folder: Path) -> list[str]:
    """Runs a page's examples in `folder`, which holds `repository`; what is not as the page says."""
    with ExitStack() as stack:
        return _faults_of_page(text, folder, stack)


def _faults_of_page(text: str, folder: Path, stack: ExitStack) -> list[str]:
    faults: list[str] = []
    for block in blocks_of(text):
        if block.language == "python":
            done = run(
                [sys.executable, "-W", "error", "-c", PYTHON_EXAMPLE, f"line-{block.line}"],
                folder,
                block.text,
            )
            faults += [f"line {block.line}: {done.stdout}"] if done.returncode else []
            continue
        commands = commands_of(block)
        found = [fault_of_command(command, expected, folder, stack) for command, expected in commands]
        faults += [f"line {block.line}: {fault}" for fault in found if fault]
    return faults


@pytest.fixture(scope="session")
def small_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of the examples, the same commit ids on every machine."""
    folder = tmp_path_factory.mktemp("example") / "parcels"
    script = ROOT / "scripts" / "example_repository.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True)
    return folder


def page_folder(tmp_path: Path, repository: Path) -> Path:
    shutil.copytree(repository, tmp_path / "parcels", symlinks=True)
    (tmp_path / "repository").symlink_to("parcels", target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks_of(page.read_text())], ids=lambda page: page.name
)
def test_the_examples_of_a_page_do_what_it_says(page: Path, tmp_path: Path, small_repository: Path) -> None:
    """Run in order, in a fresh copy of the example repository, each prints what the page shows."""
    faults = faults_of_page(page.read_text(), page_folder(tmp_path, small_repository))
    assert not faults, "\n\n".join(faults)


FENCE = "```"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (f"{FENCE}console\n$ echo one two\none ...\n$ git rev-parse --abbrev-ref HEAD\nmain\n{FENCE}", 0),
        (f"{FENCE}console\n$ echo one\ntwo\n{FENCE}", 1),
        (f"{FENCE}console\n$ git rev-parse no-such-revision\n...\n{FENCE}", 1),
        (
            f'{FENCE}console\n$ git rev-parse -q --verify nothing; echo "exit code $?"\nexit code 1\n{FENCE}',
            0,
        ),
        (f"{FENCE}console\n$ curl somewhere\n{FENCE}", 1),
        (f"{FENCE}console\n$ echo 'a | b' | curl somewhere\n{FENCE}", 1),
        (f"{FENCE}console\n$ cat README.md - &\n# parcels\n$ echo one\none\n{FENCE}", 0),
        (f"{FENCE}console\n$ cat README.md - &\nsomething else\n{FENCE}", 1),
        (f"{FENCE}console\n$ echo 'a | b' \\\n  | cat\na | b\n{FENCE}", 0),
        (f"<!-- test: skip because it reaches the network -->\n{FENCE}console\n$ curl somewhere\n{FENCE}", 0),
        (f"<!-- test: skip -->\n{FENCE}console\n$ curl somewhere\n{FENCE}", 1),
        (f"{FENCE}python\n>>> 1 + 1\n2\n{FENCE}", 0),
        (f"{FENCE}python\n>>> 1 + 1\n3\n{FENCE}", 1),
        (f"{FENCE}python\nassert False\n{FENCE}", 1),
        (f"{FENCE}python\nimport loccit\n{FENCE}\n\n{FENCE}text\nnot run\n{FENCE}", 0),
    ],
)
def test_a_false_example_is_found(text: str, faults: int, tmp_path: Path, small_repository: Path) -> None:
    """The runner of examples accepts what is true and nothing else."""
    assert len(faults_of_page(text, page_folder(tmp_path, small_repository))) == faults


def anchors_of(page: Path) -> set[str]:
    """The ids that a code host gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links_of(page: Path) -> list[str]:
    prose = re.sub(r"^```[\s\S]*?^```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE)
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Links to files and headings of this repository point at ones that exist."""
    assert broken_links_of(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A missing file and a missing heading count, an address elsewhere and code do not."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One thing\n[a](page.md#one-thing) [b](no.md) [c](#no) [d](https://example.org/x) `[e](no.md)`\n"
    )
    assert broken_links_of(page) == ["no.md", "#no"]


def test_every_page_is_reached_from_the_index() -> None:
    """Following links from docs/index.md one comes to every page of docs/."""
    reached, waiting = set[Path](), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = [
            link.partition("#")[0]
            for link in re.findall(r"\]\(([^)\s]+\.md(?:#[^)\s]*)?)\)", page.read_text())
        ]
        waiting += [target for link in links if (target := (page.parent / link).resolve()).exists()]
    assert [
        str(page.relative_to(ROOT))
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page not in reached
    ] == []
