"""Installing what a project needs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox.box import Box, open_box
from loccit.agents.sandbox.environments import cache, go, node, python
from loccit.agents.sandbox.environments.plan import PACKAGES, Plan
from loccit.agents.sandbox.environments.projects import Project, understand
from loccit.agents.sandbox.values import Environment
from loccit.core.errors import EnvironmentFailed

# Raised where what is in an environment changes for the same project.
_FORMAT = 1
_MOST_FILES = 200_000
_MOST_SAID = 600


async def prepare(files: Mapping[str, bytes], options: SandboxOptions, home: Path) -> Environment:
    """What the project of these files needs, installed now or before.

    It is known by the files that name what is needed, the language's version and the settings. The project's own
    code is no part of it. Raises EnvironmentFailed where something cannot be installed, or the language is not
    here; SandboxUnavailable, StorageFailed.
    """
    project = understand(files)
    plan = _plan(project, files, options)
    if not plan.steps:
        return Environment(
            "", project.kind, plan.folders, plan.variables, plan.links, project.test_command, plan.left_out
        )
    key = _key(project, plan, options)
    noted = cache.find(home, key)
    if noted is None:
        await _install(plan, options, home, key, project)
        noted = cache.find(home, key)
    if noted is None:
        raise EnvironmentFailed(f"the environment {key!r} was removed while it was made")
    return cache.environment(key, home, noted, plan.folders)


def _plan(project: Project, files: Mapping[str, bytes], options: SandboxOptions) -> Plan:
    match project.kind:
        case "python":
            return python.plan(files, options.environments, project.test_command)
        case "node":
            return node.plan(files, options.environments)
        case "go":
            return go.plan(files, options.environments)
        case _:
            return Plan()


def _key(project: Project, plan: Plan, options: SandboxOptions) -> str:
    chosen = asdict(options.environments)
    for name in ("timeout_s", "bytes", "network"):
        del chosen[name]
    decided = {
        "format": _FORMAT,
        "project": asdict(project),
        "machine": os.uname().machine,
        "language": plan.language,
        "steps": [list(step) for step in plan.steps],
        "files": {path: blake2b(data).hexdigest() for path, data in sorted(plan.files.items())},
        "options": chosen,
    }
    return blake2b(json.dumps(decided, sort_keys=True).encode(), digest_size=16).hexdigest()


async def _install(plan: Plan, options: SandboxOptions, home: Path, key: str, project: Project) -> None:
    chosen = options.environments
    roomy = replace(
        options,
        work_bytes=chosen.bytes,
        temporary_bytes=max(options.temporary_bytes, chosen.bytes // 2),
        memory_bytes=max(options.memory_bytes, 3 * chosen.bytes),
        timeout_s=chosen.timeout_s,
        copied_files=_MOST_FILES,
        copied_bytes=chosen.bytes,
        file_bytes=max(options.file_bytes, chosen.bytes // 2),
    )
    folders = dict(plan.folders)
    if chosen.packages:
        folders[PACKAGES] = Path(chosen.packages).resolve()
    installer = Environment("", project.kind, folders, plan.installing)
    async with open_box(
        roomy,
        files=plan.files,
        environment=installer,
        has_network=chosen.network,
        work_folder=cache.INSIDE,
    ) as box:
        for step in plan.steps:
            await _run(box, step, options)
        noted = {
            "kind": project.kind,
            "variables": dict(plan.variables),
            "links": dict(plan.links),
            "test_command": list(project.test_command),
            "left_out": list(plan.left_out),
        }
        await cache.keep(home, key, box, noted)


async def _run(box: Box, words: tuple[str, ...], options: SandboxOptions) -> None:
    ran = await box.run(words)
    if ran.code == 0:
        return
    said = (ran.stderr or ran.stdout)[-_MOST_SAID:].decode("utf-8", "replace").strip()
    why = f"was stopped by the limit of {ran.stopped_by}" if ran.stopped_by else f"ended with {ran.code}"
    chosen = options.environments
    next_step = ""
    if not chosen.network:
        next_step = "set packages in [agents.sandbox.environments] to a folder that has what is missing, or network = true"
    elif not chosen.build:
        next_step = "where only source distributions exist, set build = true in [agents.sandbox.environments]"
    raise EnvironmentFailed(f"{words[0]!r} {why}: {said}", next_step=next_step)
