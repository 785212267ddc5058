"""The Dockerfile, where no engine runs: what is copied exists, what is installed is locked, nobody root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dockerfile import DEPLOY, stages, the

ROOT = DEPLOY.parent


def words_of_runs(stage: str) -> list[list[str]]:
    """The commands of a stage's RUN instructions, those joined by && apart."""
    runs = [each.rest for each in stages()[stage] if each.word == "RUN"]
    return [command.split() for run in runs for command in run.split(" && ")]


def test_hadolint_has_nothing_to_say() -> None:
    """The program comes with the locked environment, so there is no machine to skip it on."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("hadolint", path=places)
    if program is None:
        pytest.fail("hadolint is not in the environment: make develop")
    done = subprocess.run(
        [program, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_stand_on_one_base() -> None:
    """An environment made for another Python would not run."""
    found = stages()
    assert [each.rest for each in found[""]] == ["BASE=python:3.13-slim-bookworm"]
    assert list(found) == ["", "build", "runtime"]
    assert [found[name][0].rest for name in ("build", "runtime")] == [
        "${BASE} AS build",
        "${BASE} AS runtime",
    ]


def test_all_that_is_installed_is_locked_by_hashes() -> None:
    """Like scripts/environment.sh: the lock alone says what is fetched; the wheel itself fetches nothing."""
    installs = [command for command in words_of_runs("build") if "install" in command]
    locks = [
        command[command.index("--requirement") + 1] for command in installs if "--requirement" in command
    ]
    assert locks == ["requirements/build.txt", "requirements/full.txt"]
    for command in installs:
        if "--requirement" in command:
            assert "--require-hashes" in command
            # An archive of sources would run code of its own, and need compilers.
            assert command[command.index("--only-binary") + 1] == ":all:"
        else:
            assert {"--no-index", "--no-deps"} <= set(command)
    assert not [command for command in words_of_runs("runtime") if "pip" in " ".join(command)]


def test_what_is_copied_is_there_and_nothing_else_reaches_the_builder() -> None:
    """.dockerignore lets in what is copied, by name: no .git, no .venv, no settings."""
    copied = [each.rest.split()[:-1] for each in stages()["build"] if each.word == "COPY"]
    sources = {source for sources in copied for source in sources}
    assert all((ROOT / source).exists() for source in sources)
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {source.split("/")[0] for source in sources} == let_in
    assert rules[-1] == "**/__pycache__"


def test_what_hatchling_needs_is_copied() -> None:
    """pyproject.toml names files: the wheel is not built without them."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    copied = {word for each in stages()["build"] if each.word == "COPY" for word in each.rest.split()}
    assert {project["readme"], *project["license-files"], "pyproject.toml", "src"} <= copied


def test_the_image_runs_as_nobody_in_particular() -> None:
    """By number: Kubernetes cannot tell whether a name is root's."""
    assert the("USER").rest == "10001:10001"
    assert the("STOPSIGNAL").rest == "SIGTERM"
    assert the("ENTRYPOINT").items == ["loccit"]
    assert the("CMD").items == ["serve", "--host", "0.0.0.0"]
    assert the("VOLUME").items == ["/var/lib/loccit"]
    assert "LOCCIT_HOME=/var/lib/loccit" in the("ENV").rest
    made = next(command for command in words_of_runs("runtime") if command[0] == "useradd")
    assert made[made.index("--uid") + 1] == "10001"
    assert made[made.index("--home-dir") + 1] == "/var/lib/loccit"


def test_the_image_has_what_loccit_starts() -> None:
    """git reads repositories, ssh fetches some of them."""
    installed = next(command for command in words_of_runs("runtime") if "install" in command)
    assert {"git", "openssh-client"} <= set(installed)
    assert "--no-install-recommends" in installed
