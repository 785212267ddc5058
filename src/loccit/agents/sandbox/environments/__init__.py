"""What a project needs to run, installed once, in a box, and kept by what decided it.

`prepare` is a step of its own: it may run an installer, and reach the network where the operator allows it.
Boxes that run the project see what came of it read-only. `projects` says what a project needs and how its tests
are run, `python`, `node` and `go` how that is installed, `cache` where it lies.
"""

from __future__ import annotations

from loccit.agents.sandbox.environments.cache import prune
from loccit.agents.sandbox.environments.prepare import prepare
from loccit.agents.sandbox.environments.projects import Project, understand

__all__ = ["Project", "prepare", "prune", "understand"]
