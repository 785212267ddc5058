"""Writes docs/images/answer.svg, the picture in README.md; `--check` only says whether it is up to date.

The commands are run for real, in a terminal of their own, on the repository that `example_repository.py`
writes. What they print is drawn as it is. The picture asks no other host for anything, fonts included.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "answer.svg"

_QUESTION = "Why was the carrier asked again after a timeout?"
_COLUMNS = 112
_TIME = re.compile(r"\d+\.\d+ s\b")
# rich's own frame fetches a font from elsewhere: this one takes what the reader's machine has.
_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
     aria-label="loccit ask quotes a commit and a function with their places; loccit verify re-checks both">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; white-space: pre;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture() -> str:
    """The picture of a fresh run."""
    return _drawn(_recorded())


def texts_of(svg: str) -> list[str]:
    """The texts of a picture in order, with every time in it replaced by `TIME`."""
    elements = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    texts = ("".join(element.itertext()).replace("\xa0", " ") for element in elements)
    return [_TIME.sub("TIME", text) for text in texts]


def main() -> int:
    """Exit code 1 if `--check` finds the picture out of date."""
    drawn = picture()
    if "--check" in sys.argv[1:]:
        is_current = PICTURE.exists() and texts_of(PICTURE.read_text(encoding="utf-8")) == texts_of(drawn)
        if not is_current:
            sys.stderr.write(f"{PICTURE.relative_to(ROOT)} is not what {Path(__file__).name} draws\n")
        return 0 if is_current else 1
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn, encoding="utf-8")
    return 0


def _recorded() -> str:
    """What a person sees who asks, keeps the answer and re-checks it, with the colours' escapes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_example(folder / "parcels")
        _run(["index", "--quiet"], folder)
        answer = folder / "parcels" / "answer.json"
        seen = [f'$ loccit ask "{_QUESTION}"\n', _run(["ask", _QUESTION], folder)]
        seen += [f'\n$ loccit ask "{_QUESTION}" --json > {answer.name}\n']
        answer.write_bytes(_kept(["ask", _QUESTION, "--json"], folder))
        seen += [f"$ loccit verify {answer.name}\n", _run(["verify", answer.name], folder)]
    return "".join(seen)


def _run(arguments: Sequence[str], folder: Path) -> str:
    """What `loccit` writes to a terminal. Raises CalledProcessError."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [_loccit(), *arguments],
        cwd=folder / "parcels",
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65_536):
            written += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
    if code := process.wait():
        raise subprocess.CalledProcessError(code, process.args, written)
    return written.decode("utf-8").replace("\r\n", "\n")


def _kept(arguments: Sequence[str], folder: Path) -> bytes:
    """What `loccit` writes to a file."""
    return subprocess.run(
        [_loccit(), *arguments],
        cwd=folder / "parcels",
        env=_environment(folder),
        capture_output=True,
        check=True,
    ).stdout


def _loccit() -> str:
    return str(Path(sys.executable).parent / "loccit")


def _environment(folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    ours = {"LOCCIT_HOME": str(folder / "home"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    return {**plain, **ours, "COLUMNS": str(_COLUMNS)}


def _drawn(seen: str) -> str:
    # All that rich would take from the environment is said here, so that every run draws alike.
    console = Console(
        record=True,
        width=_COLUMNS,
        height=100,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
    )
    console.print(Text.from_ansi(seen))
    svg = console.export_svg(title="loccit", theme=MONOKAI, code_format=_FRAME, unique_id="answer")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _write_example(folder: Path) -> None:
    path = ROOT / "scripts" / "example_repository.py"
    spec = importlib.util.spec_from_file_location("example_repository", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_repository(folder)


if __name__ == "__main__":
    sys.exit(main())
