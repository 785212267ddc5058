"""`loccit skills`: instructions that agents may choose from, listed, shown and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.exit_codes import ExitCode
from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, Repo

if TYPE_CHECKING:
    from loccit.agents.skills import BrokenSkill, Skill
    from loccit.library import Loccit

app = typer.Typer(
    name="skills",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="List, show and check skills: instructions for agents, in the Agent Skills format.",
)


@app.command(name="list", cls=Command)
def list_skills(*, repo: Repo = None, json: Json = False, quiet: Quiet = False) -> None:
    """List the skills that a run here would have: yours, those of the last commit here, built in ones.

    What is broken is told, and so is a skill that another one of the same name hides.
    """
    from loccit.cli.output import emit, note, one_line, say

    loccit = _loccit()
    with loccit.skills(_place(loccit, repo)) as found:
        if json:
            emit(
                {
                    "format": "loccit-skills/1",
                    "skills": [_facts(skill) for skill in found.skills.values()],
                    "hidden": [_facts(skill) for skill in found.hidden],
                    "broken": [_wrong(each) for each in found.broken],
                }
            )
            return
        for skill in found.skills.values():
            say(f"{skill.name:32} {skill.source.value:9} {skill.description}")
        if not quiet:
            for skill in found.hidden:
                note(f"hidden by another {skill.name!r}: {one_line(skill.place)}")
            for each in found.broken:
                note(f"broken: {one_line(each.place)}: {'; '.join(each.problems)}")


@app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The skill.")],
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="One of its files.")] = None,
    *,
    repo: Repo = None,
    json: Json = False,
) -> None:
    """Show what an agent reads when it opens a skill, or one of the skill's files."""
    from loccit.cli.output import emit, say

    loccit = _loccit()
    with loccit.skills(_place(loccit, repo)) as found:
        skill = found.get(name)
        text = skill.body if file is None else skill.read(file)
        if json:
            emit({"format": "loccit-skill/1", **_facts(skill), "text": text})
        else:
            say(text)


@app.command(cls=Command)
def validate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder with the file SKILL.md.")],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a skill that you write: its front matter, its files, and where its links lead.

    Ends with 3 where something is wrong.
    """
    from loccit.agents.skills import BrokenSkill, check_skill
    from loccit.cli.output import emit, note, say
    from loccit.policy.labels import TRUSTED

    found = check_skill(folder, TRUSTED)
    is_broken = isinstance(found, BrokenSkill)
    if json:
        document = _wrong(found) if isinstance(found, BrokenSkill) else _facts(found)
        emit({"format": "loccit-skill-check/1", "is_valid": not is_broken, **document})
    elif isinstance(found, BrokenSkill):
        for problem in found.problems:
            say(problem)
    elif not quiet:
        note(f"{found.name} is a skill")
    if is_broken:
        raise typer.Exit(ExitCode.FELL)


def _loccit() -> Loccit:
    from loccit.library import Loccit

    return Loccit()


def _place(loccit: Loccit, repo: str | None) -> str | None:
    """The repository that was named, else the one that the working directory is in, else none."""
    return repo if repo is not None else loccit.repository_at(".")


def _facts(skill: Skill) -> dict[str, Any]:
    return {
        "name": skill.name,
        "description": skill.description,
        "source": skill.source.value,
        "place": skill.place,
        "files": list(skill.paths),
        "allowed_tools": None if skill.allowed_tools is None else list(skill.allowed_tools),
        "license": skill.front.license,
        "compatibility": skill.front.compatibility,
        "metadata": dict(skill.front.metadata),
    }


def _wrong(broken: BrokenSkill) -> dict[str, Any]:
    return {"place": broken.place, "source": broken.source.value, "problems": list(broken.problems)}
