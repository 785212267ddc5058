"""What a project needs is installed once, from packages that the test makes, and seen read-only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from loccit.agents.options import EnvironmentOptions, SandboxOptions
from loccit.agents.sandbox import Environment, Ran, open_box
from loccit.agents.sandbox.environments import Project, prepare, prune, understand
from loccit.agents.sandbox.environments.requirements import requirements_of
from loccit.core.errors import EnvironmentFailed
from tests.debian import program_of

PYTHON = {
    "pyproject.toml": b'[project]\nname = "x"\nversion = "1"\ndependencies = ["tinydep>=1"]\n',
    "src/x.py": b"import tinydep\nY = tinydep.X + 1\n",
    "tests/__init__.py": b"",
    "tests/test_x.py": (
        b"import unittest, x\nclass T(unittest.TestCase):\n    def test_y(self): self.assertEqual(x.Y, 42)\n"
    ),
}

PYTEST = ("python", "-m", "pytest")
UNITTEST = ("python", "-m", "unittest", "discover")


@pytest.fixture
def roomy(options: SandboxOptions, tmp_path: Path) -> SandboxOptions:
    packages = tmp_path / "packages"
    packages.mkdir()
    write_wheel(packages, "tinydep", "1.0", "X = 41\n")
    chosen = EnvironmentOptions(packages=str(packages), bytes=200_000_000, timeout_s=100)
    return replace(options, environments=chosen)


def write_wheel(folder: Path, name: str, version: str, code: str) -> None:
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = (f"{name}.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD")
        wheel.writestr(f"{about}/RECORD", "".join(f"{one},,\n" for one in names))


def write_source_distribution(folder: Path, name: str, setup: str) -> None:
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in (
            ("setup.py", setup),
            ("PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
        ):
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def run_tests(options: SandboxOptions, files: dict[str, bytes], environment: Environment) -> Ran:
    async def run() -> Ran:
        async with open_box(options, files=files, environment=environment) as box:
            ran = await box.run(environment.test_command)
            assert (await box.changes()).files == {}
            blocked = await box.run(["sh", "-c", "touch /environment/x; ls /environment"])
            assert b"x\n" not in blocked.stdout
            return ran

    return asyncio.run(run())


def test_a_python_project_is_tested_with_what_it_needs(roomy: SandboxOptions, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = asyncio.run(prepare(PYTHON, roomy, home))
    assert environment.test_command == ("python", "-m", "unittest", "discover")
    ran = run_tests(roomy, PYTHON, environment)
    assert ran.code == 0, ran.stderr
    assert b"Ran 1 test" in ran.stderr
    # What the project itself holds decides nothing, what it needs does.
    began = time.monotonic()
    assert asyncio.run(prepare({**PYTHON, "src/x.py": b"Y = 0"}, roomy, home)) == environment
    assert time.monotonic() - began < 0.5
    assert [path.name for path in (home / "environments").iterdir()] == [environment.key]


def test_what_is_not_there_fails_and_leaves_nothing(roomy: SandboxOptions, tmp_path: Path) -> None:
    files = {"requirements.txt": b"no-such-package==1\n"}
    with pytest.raises(EnvironmentFailed, match="no-such-package") as failed:
        asyncio.run(prepare(files, roomy, tmp_path / "home"))
    assert "network = true" in failed.value.next_step
    assert not list((tmp_path / "home").rglob("*"))


def test_code_of_a_dependency_does_not_run_unless_that_is_wanted(
    roomy: SandboxOptions, tmp_path: Path
) -> None:
    packages = Path(roomy.environments.packages)
    write_source_distribution(
        packages, "evil", "open('/environment/ran', 'w').close()\nraise SystemExit('it ran')"
    )
    files = {"requirements.txt": b"evil==1.0\n"}
    with pytest.raises(EnvironmentFailed, match="No matching distribution") as failed:
        asyncio.run(prepare(files, roomy, tmp_path / "home"))
    assert "it ran" not in failed.value.message


def test_a_node_project_is_tested_without_install_scripts(roomy: SandboxOptions, tmp_path: Path) -> None:
    program_of("npm", lambda: shutil.which("npm"))
    package = {
        "name": "tiny",
        "version": "1.0.0",
        "main": "i.js",
        "scripts": {"install": "touch /environment/ran"},
    }
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
        for name, data in (("package.json", json.dumps(package).encode()), ("i.js", b"module.exports = 41")):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    project = {
        "name": "p",
        "version": "1.0.0",
        "dependencies": {"tiny": "file:vendor/tiny.tgz"},
        "scripts": {"test": "node test.js"},
    }
    files = {
        "package.json": json.dumps(project).encode(),
        "vendor/tiny.tgz": tarball.getvalue(),
        # Which could name another registry, and another shell to run scripts with.
        ".npmrc": b"ignore-scripts=false\nscript-shell=/bin/false\n",
        "test.js": b"if (require('tiny') + 1 !== 42) process.exit(1); console.log('fine')",
    }
    environment = asyncio.run(prepare(files, roomy, tmp_path / "home"))
    assert not (environment.folders["/environment"] / "ran").exists()
    del files[".npmrc"]
    ran = run_tests(roomy, files, environment)
    assert (ran.code, ran.stdout) == (0, b"fine\n"), ran.stderr


def digest_of(files: dict[str, bytes]) -> str:
    """As go.sum has it: https://go.dev/ref/mod#go-sum-files."""
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def write_module(folder: Path, path: str, version: str, files: dict[str, bytes]) -> str:
    """Write a module as a proxy serves it. Its lines of go.sum."""
    there = folder / path / "@v"
    there.mkdir(parents=True)
    (there / f"{version}.info").write_text(json.dumps({"Version": version, "Time": "2024-01-01T00:00:00Z"}))
    (there / f"{version}.mod").write_bytes(files["go.mod"])
    named = {f"{path}@{version}/{name}": data for name, data in files.items()}
    with zipfile.ZipFile(there / f"{version}.zip", "w") as archive:
        for name, data in named.items():
            archive.writestr(name, data)
    of_mod = digest_of({"go.mod": files["go.mod"]})
    return f"{path} {version} {digest_of(named)}\n{path} {version}/go.mod {of_mod}\n"


def test_a_go_project_is_tested_with_its_modules(roomy: SandboxOptions, tmp_path: Path) -> None:
    program_of("golang-go", lambda: shutil.which("go"))
    module = {
        "go.mod": b"module example.org/tiny\n\ngo 1.19\n",
        "tiny.go": b"package tiny\n\nfunc X() int { return 41 }\n",
    }
    sums = write_module(Path(roomy.environments.packages), "example.org/tiny", "v1.0.0", module)
    files = {
        "go.mod": b"module example.org/p\n\ngo 1.19\n\nrequire example.org/tiny v1.0.0\n",
        "go.sum": sums.encode(),
        "p.go": b'package p\n\nimport "example.org/tiny"\n\nfunc Y() int { return tiny.X() + 1 }\n',
        "p_test.go": b'package p\n\nimport "testing"\n\nfunc TestY(t *testing.T) {\n'
        b"\tif Y() != 42 {\n\t\tt.Fatal(Y())\n\t}\n}\n",
    }
    spacious = replace(roomy, temporary_bytes=300_000_000, memory_bytes=1_500_000_000, processes=200)
    environment = asyncio.run(prepare(files, spacious, tmp_path / "home"))
    ran = run_tests(spacious, files, environment)
    assert ran.code == 0, ran.stderr
    assert ran.stdout.startswith(b"ok")


def test_a_link_of_an_environment_leads_nowhere_outside(roomy: SandboxOptions, tmp_path: Path) -> None:
    """What a package leaves behind is written down as it is and opened by nobody out here."""
    environment = asyncio.run(prepare(PYTHON, roomy, tmp_path / "home"))
    tree = environment.folders["/environment"]
    assert (tree / "bin" / "python").is_symlink()
    for path in tree.rglob("*"):
        assert path.is_symlink() or path.is_dir() or path.is_file()


def test_unused_environments_and_drafts_go(tmp_path: Path) -> None:
    folders = {name: tmp_path / "environments" / name for name in ("old", "used", "a.1.2.draft")}
    for folder in folders.values():
        (folder / "tree").mkdir(parents=True)
        (folder / "tree" / "file").write_text("x" * 100)
        (folder / "tree" / "link").symlink_to(tmp_path)
    past = time.time() - 40 * 86_400
    os.utime(folders["old"], (past, past))
    os.utime(folders["a.1.2.draft"], (past, past))
    assert prune(tmp_path)[0] == 2
    assert [path.name for path in (tmp_path / "environments").iterdir()] == ["used"]
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": b"[tool.pytest.ini_options]\n"}, Project("python", PYTEST)),
        ({"setup.cfg": b"[tool:pytest]\n"}, Project("python", PYTEST)),
        ({"a.py": b"", "conftest.py": b""}, Project("python", PYTEST)),
        ({"test_a.py": b"import pytest"}, Project("python", PYTEST)),
        ({"test_a.py": b"import unittest"}, Project("python", UNITTEST)),
        ({"setup.py": b"raise SystemExit"}, Project("python", ())),
        ({"go.mod": b"module x"}, Project("go", ("go", "test", "./..."))),
        ({"package.json": b'{"scripts": {"test": "jest"}}'}, Project("node", ("npm", "test", "--silent"))),
        (
            {"package.json": b'{"scripts": {"test": "echo \\"Error: no test specified\\""}}'},
            Project("node", ()),
        ),
        ({"package.json": b"[" * 100_000}, Project("node", ())),
        ({"package.json": b'{"scripts": []}'}, Project("node", ())),
        ({"README": b""}, Project("", ())),
    ],
)
def test_a_project_is_understood_from_its_files(files: dict[str, bytes], expected: Project) -> None:
    assert understand(files) == expected


def test_only_packages_with_names_are_required() -> None:
    found = requirements_of(
        {
            "pyproject.toml": b'[project]\ndependencies = ["a>=1", "b @ https://evil/b.whl"]\n'
            b'[project.optional-dependencies]\ntest = ["c[x] ~=2.0 ; python_version > \'3\'"]\ndocs = ["z"]\n'
            b'[dependency-groups]\ndev = ["d", {include-group = "test"}]\n',
            "setup.cfg": b"[options]\ninstall_requires =\n    e==1.*\n"
            b"[options.extras_require]\ntesting = f\n",
            "requirements.txt": b"-r more/extra.txt\n--index-url http://evil\n-e .\n"
            b"g==1 \\\n  --hash=sha256:00\n"
            b"git+https://evil/h\n./local\nfile:///etc/passwd\nh # comment\n-r /etc/passwd\n",
            "more/extra.txt": b"i\n-r extra.txt\n",
            "uv.lock": b'[[package]]\nname = "a"\nversion = "1.5"\n[[package]]\nname = "x"\nversion = "0"\n'
            b'source = {editable = "."}\n[[package]]\nname = "--evil"\nversion = "1"\n',
        }
    )
    plain = ["a>=1", "c[x] ~=2.0 ; python_version > '3'", "d", "e==1.*", "f", "g==1", "h", "i"]
    assert sorted(found.packages) == sorted(plain)
    assert found.versions == ("a==1.5",)
    assert set(found.left_out) == {
        "b @ https://evil/b.whl",
        "--index-url http://evil",
        "git+https://evil/h",
        "./local",
        "file:///etc/passwd",
    }
