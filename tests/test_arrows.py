"""The house stands: who imports whom, who prints, who reads the environment. `-s` prints the arrows."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "loccit"
# Data of the package: a project that the built-in evaluation asks about, which nothing imports.
DATA = ("evals", "builtin")

# The only place that holds the order: a room imports only rooms of later lines.
# "loccit" is the package's own front door, "__main__" its process entry.
ORDER: tuple[tuple[str, ...], ...] = (
    ("loccit", "__main__"),
    ("cli",),
    ("serving",),
    ("library",),
    ("wiring",),
    ("settings",),
    ("learning",),
    ("evals",),
    ("agents",),
    ("pipeline",),
    ("sources", "parsing", "indexing", "retrieval", "answering", "verification"),
    ("models",),
    ("policy",),
    ("budgets",),
    ("telemetry",),
    ("storage",),
    ("core",),
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
BESIDE = {("retrieval", "indexing")}

# Standard library modules, and dependencies, by which `core` can compute but reach nothing.
PURE = frozenset(
    """
    __future__ abc base64 binascii bisect codecs collections contextlib copy dataclasses datetime decimal enum
    fractions functools hashlib heapq itertools json keyword math operator posixpath re statistics string
    struct textwrap types typing unicodedata zlib annotated_types loccit pydantic rfc8785 typing_extensions
    Stemmer
    """.split()
)
PRINTERS = frozenset({"rich", "typer", "click", "getpass"})
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})


@dataclass(frozen=True)
class Module:
    """One source file. `name` is dotted, "loccit.sources.git"; a package's is its folder's."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        return [*self.name.split("."), "loccit"][1] if "." in self.name else "loccit"

    @property
    def is_options(self) -> bool:
        return self.name.split(".")[2:] == ["options"]


@dataclass(frozen=True)
class Import:
    """An import of `target`, a dotted module or a name in one, that stands in `module` at `line`."""

    module: Module
    target: str
    line: int

    @property
    def room(self) -> str:
        """Rooms are in lower case; the front door's own names (`Loccit`, the errors) are not."""
        parts = self.target.split(".")
        return parts[1] if len(parts) > 1 and parts[1].islower() else "loccit"

    def __str__(self) -> str:
        return f"{self.module.name}:{self.line} imports {self.target}"


def modules_of(package: Path) -> list[Module]:
    found: list[Module] = []
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[: len(DATA)] == DATA:
            continue
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path, ast.parse(path.read_bytes(), filename=str(path))))
    return found


def imports_of(module: Module) -> Iterator[Import]:
    """All of them: at the top, in functions, and under TYPE_CHECKING."""
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = (
                ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
                if node.level
                else node.module
            )
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"} and node.args:
            # Front doors load lazily by name: a literal name counts, a relative one is the room's own.
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str) and not name.startswith("."):
                yield Import(module, name, node.lineno)


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def arrows_of(modules: list[Module]) -> list[Import]:
    """Imports that leave their room for another one of ours; the version is everybody's."""
    return [
        each
        for module in modules
        for each in imports_of(module)
        if each.target.split(".")[0] == "loccit"
        and each.room != module.room
        and each.target != "loccit.__version__"
    ]


def is_allowed(arrow: Import) -> bool:
    source, target = arrow.module.room, arrow.room
    if arrow.module.is_options:
        return target == "core"
    if source == "settings" and arrow.target.split(".")[2:3] == ["options"]:
        return True
    if source not in LEVEL or target not in LEVEL:
        return False
    return LEVEL[source] < LEVEL[target] or (source, target) in BESIDE


def printing_of(module: Module) -> Iterator[str]:
    if module.room in {"cli", "__main__"}:
        return
    for each in imports_of(module):
        if each.target.split(".")[0] in PRINTERS or each.target in {"sys.stdout", "sys.stderr"}:
            yield f"{each}, only cli prints"
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"print", "input"}
        ):
            yield f"{module.name}:{node.lineno} calls {node.func.id}, only cli prints and asks"
        elif is_attribute(node, "sys", {"stdout", "stderr", "__stdout__", "__stderr__"}):
            yield f"{module.name}:{node.lineno} uses sys.{node.attr}, only cli prints"


def is_attribute(node: ast.AST, owner: str, names: set[str] | frozenset[str]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
        and node.attr in names
    )


def impurities_of(module: Module) -> Iterator[str]:
    """What lets `core` reach beyond its own values."""
    if module.room != "core":
        return
    for each in imports_of(module):
        if each.target.split(".")[0] not in PURE:
            yield f"{each}, which is not on the list of what core may use"
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"open", "exec", "eval"}
        ):
            yield f"{module.name}:{node.lineno} calls {node.func.id}, core does no I/O"


def environment_reads_of(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if is_attribute(node, "os", ENVIRONMENT):
            yield f"{module.name}:{node.lineno} reads os.{node.attr}"
    for each in imports_of(module):
        if each.target.rpartition(".")[0] == "os" and each.target.rpartition(".")[2] in ENVIRONMENT:
            yield str(each)


def stray_environment_reads(modules: list[Module]) -> list[str]:
    """Only `settings` reads the environment; in `sources`, one module hands it on to git."""
    stray: list[str] = []
    in_sources: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        reads = list(environment_reads_of(module))
        if module.room == "sources" and reads:
            in_sources[module.name] = reads
        elif module.room != "settings":
            stray += [f"{read}, only settings may" for read in reads]
    if len(in_sources) > 1:
        stray += [
            f"{reads[0]}: one module of sources may, here are {len(in_sources)}"
            for reads in in_sources.values()
        ]
    return stray


def faults_of(modules: list[Module]) -> list[str]:
    faults = [
        f"{arrow}: {arrow.module.room} -> {arrow.room}"
        for arrow in arrows_of(modules)
        if not is_allowed(arrow)
    ]
    for module in modules:
        faults += [*printing_of(module), *impurities_of(module)]
        if module.room not in LEVEL:
            faults.append(f"{module.name} is in no room of ORDER")
    return faults + stray_environment_reads(modules)


def drawing_of(modules: list[Module]) -> str:
    """One line per room, in the house's order: the room and where its arrows end."""
    targets: dict[str, set[str]] = defaultdict(set)
    for arrow in arrows_of(modules):
        targets[arrow.module.room].add(arrow.room)

    def in_order(rooms: set[str]) -> list[str]:
        return sorted(rooms, key=lambda room: (LEVEL.get(room, -1), room))

    return "\n".join(
        f"{room:>13} -> {' '.join(in_order(targets[room])) or '(nothing)'}"
        for room in in_order({module.room for module in modules})
    )


def test_every_arrow_between_rooms_runs_the_way_the_house_draws_it() -> None:
    """Rooms import to their right, cli alone prints, core is pure, settings alone reads the environment."""
    modules = modules_of(PACKAGE)
    drawing = drawing_of(modules)
    print(f"\n{drawing}")
    assert "core" in drawing
    assert not faults_of(modules), drawing


WRONG = {
    "an arrow to the left": ("core/wrong.py", "from loccit.sources import git", "core -> sources"),
    "a lazy arrow": ("core/wrong.py", "def f():\n    import loccit.pipeline", "core -> pipeline"),
    "an arrow for types only": (
        "storage/wrong.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from loccit.cli import app",
        "storage -> cli",
    ),
    "a relative arrow": ("indexing/wrong.py", "from ..sources.git import read", "indexing -> sources"),
    "a dynamic arrow": (
        "policy/wrong.py",
        "import importlib\nimportlib.import_module('loccit.models.x')",
        "policy -> models",
    ),
    "an arrow beside": ("sources/wrong.py", "from loccit.indexing import x", "sources -> indexing"),
    "retrieval's arrow turned round": (
        "indexing/wrong.py",
        "from loccit.retrieval import x",
        "indexing -> retrieval",
    ),
    "the front door from inside": ("pipeline/wrong.py", "from loccit import Loccit", "pipeline -> loccit"),
    "options that import a room": (
        "pipeline/options.py",
        "from loccit.storage import x",
        "pipeline -> storage",
    ),
    "settings that import more than options": (
        "settings.py",
        "from loccit.wiring import build",
        "settings -> wiring",
    ),
    "a room that nobody placed": ("helpers/wrong.py", "x = 1", "is in no room"),
    "an arrow to a room that nobody placed": ("cli/wrong.py", "import loccit.helpers", "cli -> helpers"),
    "a print": ("answering/wrong.py", "print('x')", "calls print"),
    "a write to standard output": (
        "answering/wrong.py",
        "import sys\nsys.stdout.write('x')",
        "uses sys.stdout",
    ),
    "a table drawn outside cli": ("answering/wrong.py", "import rich.table", "only cli prints"),
    "a core that reads files": ("core/wrong.py", "from pathlib import Path", "imports pathlib.Path"),
    "a core that opens": ("core/wrong.py", "open('x')", "calls open"),
    "a room that reads the environment": (
        "parsing/wrong.py",
        "import os\nos.environ['X']",
        "reads os.environ",
    ),
    "a room that imports the environment": ("parsing/wrong.py", "from os import getenv", "only settings may"),
    "two readers in sources": ("sources/wrong.py", "import os\nos.getenv('X')", "here are 2"),
}


@pytest.fixture
def sound_house(tmp_path: Path) -> Path:
    """A small package in which every arrow is right, with each exception in use."""
    package = tmp_path / "loccit"
    files = {
        "__init__.py": "__version__ = '1'\ndef f():\n    from loccit.wiring import build",
        "__main__.py": "from loccit.cli import main",
        "cli/__init__.py": "import rich\nfrom loccit import __version__\nimport loccit.wiring\nprint(1)",
        "cli/options.py": "from loccit.core.source import Snapshot",
        "wiring.py": "from loccit.settings import Settings\nimport loccit.sources.git",
        "settings.py": "import os\nimport loccit.cli.options\nfrom loccit.sources import options\nos.environ",
        "pipeline/__init__.py": "from loccit.sources import git\nfrom .options import X",
        "sources/git.py": "import os\nfrom loccit import __version__\nimport loccit.core.source\nos.environ",
        "sources/options.py": "from ..core import source",
        "retrieval/__init__.py": "from loccit.indexing import shard",
        "indexing/__init__.py": "import importlib\nimportlib.import_module('.shard', __name__)",
        "core/source.py": "import hashlib\nfrom loccit.core import errors",
    }
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


def test_a_sound_house_has_no_faults(sound_house: Path) -> None:
    """Every arrow that the rules allow is allowed, and the drawing shows it."""
    assert faults_of(modules_of(sound_house)) == []
    assert "retrieval -> indexing" in drawing_of(modules_of(sound_house))
    assert "cli -> loccit" not in drawing_of(modules_of(sound_house))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_line_is_found(sound_house: Path, name: str) -> None:
    """One wrong line in a sound house gives a fault that names it."""
    where, text, fault = WRONG[name]
    path = sound_house / where
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    faults = faults_of(modules_of(sound_house))
    assert any(fault in each for each in faults), faults


# Runs in a fresh interpreter. Lists what importing `module` writes, starts, connects to or prints, and what
# it reads beyond code; other packages may read what was installed with them (pydantic looks for plugins).
WATCHER = """
import io, json, os, sys
module, package = sys.argv[1:]
events = []
ACTS = tuple("socket. subprocess. shutil. tempfile. sqlite3. os.system os.exec os.posix_spawn os.fork "
             "os.mkdir os.rename os.remove os.rmdir os.link os.symlink os.truncate os.chmod os.putenv "
             "os.unsetenv os.listdir os.scandir".split())
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

INSTALLED = (sys.prefix + os.sep, sys.base_prefix + os.sep)
STDLIB = (os.path.dirname(os.__file__), "<frozen")

def is_ours():
    frame = sys._getframe(2)
    while (file := frame.f_code.co_filename).startswith(STDLIB) and "site-packages" not in file:
        frame = frame.f_back
    return file.startswith(package)

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        is_code = str(path).endswith((".py", ".pyc", ".so"))
        is_installed = str(path).startswith(INSTALLED)
        if flags & WRITING or (not is_code and (is_ours() or not is_installed)):
            events.append([event, str(path)])
    elif event.startswith(ACTS):
        if event in ("os.putenv", "os.unsetenv") and not is_ours():
            return  # numpy does, for its own libraries
        directory_of_code = event == "os.listdir" and "importlib" in sys._getframe(1).f_code.co_filename
        if not directory_of_code:
            events.append([event, *map(repr, args)])

sys.stdout = sys.stderr = printed = io.StringIO()
sys.addaudithook(watch)
try:
    __import__(module)
finally:
    found = list(events)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
print(json.dumps({"events": found, "printed": printed.getvalue()}))
"""


def watch_import(module: str, package: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCHER, module, str(package)],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rooms_of(package: Path) -> list[str]:
    rooms = {module.room for module in modules_of(package)} - {"loccit", "__main__"}
    return ["loccit", *sorted(f"loccit.{room}" for room in rooms)]


@pytest.mark.parametrize("module", rooms_of(PACKAGE))
def test_importing_does_nothing(module: str) -> None:
    """Importing a front door writes, starts, connects and prints nothing, and reads nothing but code."""
    assert watch_import(module, PACKAGE) == {"events": [], "printed": ""}


@pytest.mark.parametrize(
    "text",
    [
        "print('hello')",
        "import pathlib; pathlib.Path('{there}').mkdir()",
        "open('{there}', 'w').close()",
        "open('{here}').read()",
        "import pathlib; pathlib.Path('{here}').read_bytes()",
        "import subprocess; subprocess.run(['true'])",
        "import socket; socket.socket().close()",
        "import os; os.listdir('/')",
        "import os; os.environ['X'] = '1'",
    ],
)
def test_an_import_that_does_something_is_found(tmp_path: Path, text: str) -> None:
    """The watcher sees each kind of deed."""
    package = tmp_path / "loccit"
    package.mkdir()
    here = tmp_path / "here.txt"
    here.write_text("x")
    (package / "__init__.py").write_text(text.format(there=tmp_path / "there", here=here))
    assert watch_import("loccit", package) != {"events": [], "printed": ""}
