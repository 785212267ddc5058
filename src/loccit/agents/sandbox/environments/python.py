"""Environments of Python projects: a virtual environment of the interpreter that loccit runs on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from loccit.agents.options import EnvironmentOptions
from loccit.agents.sandbox.environments.plan import CERTIFICATES, PACKAGES, Plan
from loccit.agents.sandbox.environments.requirements import requirements_of
from loccit.core.errors import EnvironmentFailed

_PYTHON = "/environment/bin/python"
_REQUIREMENTS = ".from/requirements.txt"
_VERSIONS = ".from/versions.txt"


def plan(files: Mapping[str, bytes], options: EnvironmentOptions, test_command: Sequence[str]) -> Plan:
    """How what a Python project names is installed.

    The project itself is not: it is imported from the work folder, where it is edited. Raises EnvironmentFailed.
    """
    needed = requirements_of(files)
    packages = list(needed.packages)
    if "pytest" in test_command and not any(_name(line) == "pytest" for line in packages):
        packages.append("pytest")
    folders = _interpreter_folders()
    variables = {"PYTHONPATH": "/work/src:/work"}
    if not packages:
        path = f"{sys.base_prefix}/bin" if folders else ""
        return Plan(
            folders=folders,
            variables={**variables, "PATH": path} if path else variables,
            left_out=needed.left_out,
        )
    written = {_REQUIREMENTS: _text(packages), _VERSIONS: _text(needed.versions)}
    own = str(Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}"))
    return Plan(
        steps=(
            (own, "-I", "-m", "venv", "--without-pip", "/environment"),
            (*_installer(own), *_install(options)),
        ),
        files=written,
        language=f"{platform.python_implementation()} {platform.python_version()} {sys.base_prefix}",
        folders=folders,
        variables={**variables, "PATH": "/environment/bin", "VIRTUAL_ENV": "/environment"},
        installing={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_NO_CACHE_DIR": "1"},
        left_out=needed.left_out,
    )


def _installer(own: str) -> tuple[str, ...]:
    """How pip is run for the new environment, as a program that needs not be installed there."""
    import importlib.util

    library = Path(sys.base_prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}")
    if (library / "site-packages" / "pip").is_dir() or importlib.util.find_spec("ensurepip") is None:
        return (own, "-I", "-m", "pip", "--isolated", "--python", _PYTHON)
    bundled = sorted((library / "ensurepip" / "_bundled").glob("pip-*.whl"))
    if not bundled:
        raise EnvironmentFailed(
            f"the Python in {sys.base_prefix!r} has no pip",
            next_step="install it (Debian and Ubuntu: apt-get install python3-pip python3-venv)",
        )
    return (own, f"{bundled[-1]}/pip", "--isolated", "--python", _PYTHON)


def _install(options: EnvironmentOptions) -> list[str]:
    words = ["install", "--no-warn-script-location", "--progress-bar", "off"]
    # A wheel is only unpacked; building one runs code of the package.
    words += ["--prefer-binary"] if options.build else ["--only-binary", ":all:"]
    if not options.network:
        words += ["--no-index"]
    elif options.index_url:
        words += ["--index-url", options.index_url]
    if options.network and os.path.exists(CERTIFICATES):  # noqa: PTH110
        words += ["--cert", CERTIFICATES]
    if options.packages:
        words += ["--find-links", PACKAGES]
    return [*words, "--constraint", _VERSIONS, "--requirement", _REQUIREMENTS]


def _interpreter_folders() -> dict[str, Path]:
    prefix = Path(sys.base_prefix)
    return {} if prefix.is_relative_to("/usr") else {str(prefix): prefix}


def _name(line: str) -> str:
    return (
        line.replace("[", " ").replace(";", " ").split("=")[0].split("<")[0].split(">")[0].split()[0].lower()
    )


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
