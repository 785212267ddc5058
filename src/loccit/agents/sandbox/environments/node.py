"""Environments of Node projects: `node_modules` as npm makes it of the lock file, without install scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from loccit.agents.options import EnvironmentOptions
from loccit.agents.sandbox.environments.plan import CERTIFICATES, Plan, folder_of_program
from loccit.agents.sandbox.environments.projects import package_json

_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
_NEEDED = ("dependencies", "devDependencies", "optionalDependencies")
# Packages that a project brings along.
_TARBALL = re.compile(r".+\.(tgz|tar\.gz)")
_MOST_TARBALL_BYTES = 50_000_000


def plan(files: Mapping[str, bytes], options: EnvironmentOptions) -> Plan:
    """How what a Node project names is installed. Raises EnvironmentFailed where there is no npm.

    Of the project only its two lists of packages are read, and packages that lie in it; not its `.npmrc`, which
    could name another registry and another shell.
    """
    program, folders = folder_of_program("npm")
    inside = {} if not folders else {"PATH": str(program.parent)}
    document = package_json(files["package.json"])
    if not any(document.get(name) for name in _NEEDED):
        return Plan(folders=folders, variables=inside)
    lock = next((name for name in _LOCKS if name in files), None)
    read = {
        path: data
        for path, data in files.items()
        if path in ("package.json", lock) or (_TARBALL.fullmatch(path) and len(data) < _MOST_TARBALL_BYTES)
    }
    words = [str(program), "ci" if lock else "install"]
    words += [] if options.build else ["--ignore-scripts"]
    words += ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--cache=/tmp/npm"]
    words += [] if options.network else ["--offline"]
    words += [f"--registry={options.npm_registry}"] if options.npm_registry else []
    path = "/environment/node_modules/.bin"
    return Plan(
        steps=(tuple(words), ("mkdir", "-p", "node_modules")),
        files=read,
        language=_version(program),
        folders=folders,
        variables={**inside, "PATH": f"{path}:{inside['PATH']}" if inside else path},
        links={"node_modules": "/environment/node_modules"},
        installing={**inside, "NODE_EXTRA_CA_CERTS": CERTIFICATES},
    )


def _version(program: Path) -> str:
    """What says which npm it is, without running it: its real place, and when that was written."""
    found = program.resolve()
    return f"{found} {found.stat().st_mtime_ns}"
