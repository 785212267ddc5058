"""Files made to break a parser: they are cut, in little time, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest

from loccit.parsing import list_languages, parse

CODE = ["bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "tsx"]
MB = 1_000_000
# An order of magnitude above what these take on one idle core, and two below what quadratic work would take.
LIMIT_S = 10


def check_quick(data: bytes, language: str) -> None:
    start = time.thread_time()
    parsed = parse(data, language=language)
    assert time.thread_time() - start < LIMIT_S
    assert b"".join(data[chunk.start_byte : chunk.end_byte] for chunk in parsed.chunks) == data


@pytest.mark.parametrize("language", list_languages())
def test_a_megabyte_of_one_line_or_of_line_ends_or_of_marks_is_quick(language: str) -> None:
    """One line, only line ends, only `#`: time grows with the size and no faster."""
    for unit in (b"a", b"\n", b"#"):
        check_quick(unit * MB, language)


@pytest.mark.parametrize("language", CODE)
def test_deep_brackets_are_quick(language: str) -> None:
    """Brackets nested 100,000 deep are not handed to a grammar."""
    for unit in (b"(", b"f(\n", b"if (a) {\n"):
        data = unit * 100_000
        check_quick(data, language)
        assert parse(data, language=language).is_partial


def test_ten_thousand_nested_blocks_are_quick() -> None:
    """Indentation to any depth; definitions beyond a depth belong to the one around them."""
    depth = 1_500
    data = b"".join(b" " * n + b"class A%d:\n" % n for n in range(depth)) + b" " * depth + b"pass\n"
    check_quick(data, "python")
    check_quick(b"".join(b" " * min(n, 400) + b"if a:\n" for n in range(10_000)), "python")
    check_quick(b"if a; then\n" * 10_000 + b"fi\n" * 10_000, "bash")
    check_quick(b"def a\n" * 10_000 + b"end\n" * 10_000, "ruby")


@pytest.mark.parametrize(
    "unit", [b"> ", b"- ", b"* - 1. ", b"[", b"![", b"**", b"<b>", b"`", b"```\n", b"<!--\n"]
)
def test_nested_markdown_is_quick(unit: bytes) -> None:
    """Lists in quotes in lists, brackets and marks that never end."""
    check_quick(unit * (MB // 4 // len(unit)), "markdown")
    check_quick(b"".join(b"  " * (n % 300) + unit + b"a\n" for n in range(3000)), "markdown")


@pytest.mark.parametrize("language", ["json", "notebook", "yaml", "toml", "html", "rst"])
@pytest.mark.parametrize(
    "unit", [b'{"a":', b"[", b"- ", b"<h1>", b"<h1\n", b"=\n", b"a\n=\n", b".. _a:\n", b'"""\n']
)
def test_nested_data_and_markup_are_quick(language: str, unit: bytes) -> None:
    """Nesting and marks that never end, in every format that is cut by its lines."""
    check_quick(unit * (MB // 4 // len(unit)), language)


@pytest.mark.parametrize(
    ("language", "unit"),
    [
        ("java", b"a<"),
        ("c", b"a => "),
        ("csharp", b"a.b<"),
        ("tsx", b"a<b,"),
        ("bash", b"|&"),
        ("go", b"/*>"),
    ],
)
def test_what_sends_grammars_astray_takes_bounded_time_and_memory(language: str, unit: bytes) -> None:
    """In a process of its own: each of these took gigabytes or minutes before there were limits."""
    # What getrusage tells of a new process includes its parent's memory on Linux; /proc tells its own.
    program = (
        "import pathlib, re, resource, sys\n"
        "from loccit.parsing import parse\n"
        "data = bytes.fromhex(sys.argv[2]) * (60_000 // (len(sys.argv[2]) // 2))\n"
        "assert parse(data, language=sys.argv[1]).is_partial\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "if status.exists():\n"
        "    print(int(re.search(r'VmHWM:\\s+(\\d+) kB', status.read_text())[1]) * 1024)\n"
        "else:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", program, language, unit.hex()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 300 * MB


def test_parsing_again_and_again_keeps_no_memory() -> None:
    """The bytes of a parsed file are released, which a read callback that returns slices would prevent."""
    data = (b"#" + b"-" * 100_000 + b"\n") * 10
    parse(data, language="python")
    tracemalloc.start()
    try:
        for _ in range(10):
            parse(data, language="python")
        assert tracemalloc.get_traced_memory()[0] < len(data)
    finally:
        tracemalloc.stop()
