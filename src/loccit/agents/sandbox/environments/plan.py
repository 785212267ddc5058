"""What is to be done to install what a project needs, and how a box finds it afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loccit.core.errors import EnvironmentFailed

# Where the box that installs sees the operator's packages.
PACKAGES = "/packages"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Plan:
    """How an environment is made in a box, out of the files of a project that say what it needs.

    steps: commands, run in `/environment`; none where nothing is needed. files: what they read. language: its
    version. folders: of this machine, that boxes see. variables, links: of boxes that use it. installing:
    variables of the box that makes it. left_out: what was not understood.
    """

    steps: tuple[tuple[str, ...], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    language: str = ""
    folders: Mapping[str, Path] = field(default_factory=dict[str, Path])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    installing: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: tuple[str, ...] = ()


def folder_of_program(name: str) -> tuple[Path, dict[str, Path]]:
    """Where a language's program really is, and what of this machine a box has to see for it.

    Programs below /usr are in every box. Of another one the folder above `bin` is shown. Raises
    EnvironmentFailed where there is none.
    """
    found = shutil.which(name)
    if found is None:
        raise EnvironmentFailed(f"there is no program {name!r} here", next_step=f"install {name}")
    program = Path(found).resolve()
    if program.is_relative_to("/usr"):
        return Path(found), {}
    top = next((folder for folder in program.parents if (folder / "bin").is_dir()), program.parent)
    return top / "bin" / name, {str(top): top}
