"""Skills: instructions for one kind of work, found in the user's folders, in the project, and built in.

A skill is disclosed step by step: its name and description always, its body when it is chosen, its other
files when they are asked for. It gives no rights. `allowed-tools` can only take tools away, and a project's
skill is labelled as the project is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.agents.project_files import FileFact, FolderFiles, ProjectFiles
from loccit.agents.skill_format import FILE_NAME, MOST_BYTES, FrontMatter, read_skill_text
from loccit.core.errors import LoccitError, NotFound, UnsafeSource
from loccit.core.visible import one_line

if TYPE_CHECKING:
    from loccit.policy.labels import Label

# In a project, in the order in which they are looked into. The first is what the format's clients share.
PROJECT_FOLDERS = (".agents/skills", ".claude/skills")
_BUILT_IN = Path(__file__).parent / "builtin_skills"
_MOST_SKILLS = 100
_MOST_FILES = 500
_MOST_FILE_BYTES = 1_000_000
_MOST_LISTED_CHARACTERS = 16_000
# A Markdown link to a place above the skill's folder, or from the root of the machine.
_LEADS_OUT = re.compile(r"\]\(\s*<?((?:[^)\s>]*/)?\.\./[^)\s>]*|/[^)\s>]*|file:[^)\s>]*)")


class SkillSource(StrEnum):
    """Whose folder a skill is from. In this order the first of a name is the one that counts."""

    USER = "user"
    PROJECT = "project"
    BUILT_IN = "built in"


@dataclass(frozen=True, slots=True)
class SkillFolder:
    """A folder whose folders are skills. `label` is that of every text in it."""

    files: ProjectFiles
    path: str
    source: SkillSource
    label: Label


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that is as it should be.

    `place` is its folder, for people. `paths` are its other files, relative to it. `allowed_tools` is None
    where it says nothing of tools.
    """

    front: FrontMatter
    source: SkillSource
    place: str
    paths: tuple[str, ...]
    label: Label
    files: ProjectFiles = field(compare=False, repr=False)
    folder: str = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """What it is chosen by."""
        return self.front.name

    @property
    def description(self) -> str:
        """What it does and when it is to be used, on one line."""
        return self.front.description

    @property
    def body(self) -> str:
        """What it tells whoever has chosen it, Markdown."""
        return self.front.body

    @property
    def allowed_tools(self) -> tuple[str, ...] | None:
        """The names of the only tools that it needs, None where it does not say."""
        return self.front.allowed_tools

    def read(self, path: str) -> str:
        """One of its other files, as text.

        Raises NotFound for a path that is none of them, UnsafeSource for one that is no UTF-8 text.
        """
        if path not in self.paths:
            known = ", ".join(self.paths) or "none"
            raise NotFound(f"the skill {self.name!r} has no file {path!r}", next_step=f"it has {known}")
        data = self.files.read(f"{self.folder}/{path}".lstrip("/"), most_bytes=_MOST_FILE_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnsafeSource(f"{path!r} of the skill {self.name!r} is no UTF-8 text") from error


@dataclass(frozen=True, slots=True)
class BrokenSkill:
    """A folder that is no skill, and all that is wrong with it, in sentences."""

    place: str
    source: SkillSource
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skills:
    """What was found. `skills` are by name; `hidden` are those whose name an earlier one has."""

    skills: Mapping[str, Skill] = field(default_factory=dict[str, Skill])
    hidden: tuple[Skill, ...] = ()
    broken: tuple[BrokenSkill, ...] = ()

    def get(self, name: str) -> Skill:
        """The skill of this name. Raises NotFound, with why where its folder is there and not a skill."""
        skill = self.skills.get(name)
        if skill is not None:
            return skill
        why = next((b.problems[0] for b in self.broken if b.place.rpartition("/")[2] == name), "")
        known = ", ".join(self.skills) or "none"
        raise NotFound(
            f"there is no skill {name!r}{f': {why}' if why else ''}", next_step=f"there are {known}"
        )

    def listed(self) -> str:
        """Names and descriptions, a line each, as a model is told of them; what is too long is left off."""
        lines: list[str] = []
        size = 0
        for skill in self.skills.values():
            line = f"- {skill.name}: {skill.description}"
            size += len(line) + 1
            if size > _MOST_LISTED_CHARACTERS:
                lines.append(f"- ({len(self.skills) - len(lines)} more are not listed)")
                break
            lines.append(line)
        return "\n".join(lines)


def find_skills(folders: Iterable[SkillFolder]) -> Skills:
    """The skills of these folders: the user's come before the project's, and those before built-in ones.

    What is broken is told and left out. No file but SKILL.md is read.
    """
    order = list(SkillSource)
    chosen: dict[str, Skill] = {}
    hidden: list[Skill] = []
    broken: list[BrokenSkill] = []
    for folder in sorted(folders, key=lambda each: order.index(each.source)):
        for found in _skills_in(folder):
            if isinstance(found, BrokenSkill):
                broken.append(found)
            elif found.name in chosen:
                hidden.append(found)
            else:
                chosen[found.name] = found
    return Skills(dict(sorted(chosen.items())), tuple(hidden), tuple(broken))


def built_in_folder(label: Label) -> SkillFolder:
    """The skills that loccit brings."""
    return SkillFolder(FolderFiles(_BUILT_IN, "built in"), "", SkillSource.BUILT_IN, label)


def project_folders(files: ProjectFiles, label: Label) -> list[SkillFolder]:
    """Where a repository keeps its skills."""
    return [SkillFolder(files, path, SkillSource.PROJECT, label) for path in PROJECT_FOLDERS]


def check_skill(folder: Path, label: Label) -> Skill | BrokenSkill:
    """The skill in a folder of this machine, or what is wrong with it. Raises NotFound without a folder."""
    if not folder.is_dir():
        raise NotFound(f"there is no folder {str(folder)!r}", next_step="name the folder that has SKILL.md")
    real = folder.resolve()
    files = FolderFiles(real.parent, f"folder:{real.name}")
    within = SkillFolder(files, "", SkillSource.USER, label)
    return _skill_at(within, real.name, files.listed(real.name))


def _skills_in(folder: SkillFolder) -> Iterator[Skill | BrokenSkill]:
    start = f"{folder.path}/" if folder.path else ""
    by_name: dict[str, list[FileFact]] = {}
    try:
        facts: Sequence[FileFact] = folder.files.listed(folder.path)
    except LoccitError as error:
        yield BrokenSkill(one_line(folder.path), folder.source, (str(error),))
        return
    for fact in facts:
        name, slash, _ = fact.path.removeprefix(start).partition("/")
        if slash or fact.is_link:
            by_name.setdefault(name, []).append(fact)
    for number, (name, its) in enumerate(by_name.items()):
        if number >= _MOST_SKILLS:
            problem = f"more than {_MOST_SKILLS} skills are in one folder; the rest is left out"
            yield BrokenSkill(one_line(folder.path), folder.source, (problem,))
            return
        yield _skill_at(folder, f"{start}{name}", its)


def _skill_at(within: SkillFolder, path: str, facts: Sequence[FileFact]) -> Skill | BrokenSkill:
    """The skill whose folder is `path`, from the files in it."""
    place = f"{within.files.origin}/{one_line(path)}"
    front, problems = None, [*_file_problems(path, facts)]
    try:
        data = within.files.read(f"{path}/{FILE_NAME}", most_bytes=MOST_BYTES)
    except LoccitError as error:
        problems.append(str(error))
    else:
        front, wrong = read_skill_text(data, path.rpartition("/")[2])
        problems += wrong
    if front is not None:
        problems += [
            f"{FILE_NAME} links to {one_line(link)!r}, which is outside of its folder"
            for link in _LEADS_OUT.findall(front.body)
        ]
    if front is None or problems:
        return BrokenSkill(place, within.source, tuple(problems))
    others = tuple(f.path.removeprefix(f"{path}/") for f in facts if f.path != f"{path}/{FILE_NAME}")
    return Skill(front, within.source, place, others, within.label, within.files, path)


def _file_problems(path: str, facts: Sequence[FileFact]) -> Iterator[str]:
    if len(facts) > _MOST_FILES:
        yield f"it has {len(facts):,} files, at most {_MOST_FILES} are allowed"
    for fact in facts:
        name = one_line(fact.path.removeprefix(f"{path}/"))
        if fact.is_link:
            yield f"{name!r} is a link, which may lead out of the folder; put the file itself there"
        elif fact.size > _MOST_FILE_BYTES:
            yield f"{name!r} has {fact.size:,} bytes, at most {_MOST_FILE_BYTES:,} are allowed"
