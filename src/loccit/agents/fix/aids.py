"""What a model has in each part of a fix beside that part's own tools: a plan, outputs, skills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from loccit.agents.context import Context
from loccit.agents.outputs import Outputs
from loccit.agents.plan import PlanBook
from loccit.agents.skill_tool import SkillBook
from loccit.agents.skills import SkillFolder, find_skills
from loccit.core.calls import Message, Speaker
from loccit.policy.gateway import Hooks

if TYPE_CHECKING:
    from pathlib import Path

    from loccit.agents.rule_files import RuleFiles
    from loccit.policy.tools import Tool


class Aids:
    """Those of one run. Plan and outputs go on from part to part; a skill is chosen for one part."""

    def __init__(self, outputs: Path, rules: RuleFiles, skills: Iterable[SkillFolder]) -> None:
        """Outputs that are too long to be shown are kept in a folder of the run."""
        self._outputs = Outputs(outputs)
        self._plan = PlanBook()
        self._rules = rules
        self._skills = SkillBook(find_skills(skills))

    def tools(self) -> tuple[Tool, ...]:
        """The tools that hand them out. They change nothing outside the run."""
        own = (self._plan.tool(), self._outputs.tool())
        return (*own, self._skills.tool()) if self._skills.skills.skills else own

    def hooks(self) -> Hooks:
        """A chosen skill takes away the tools that it does not need."""
        return Hooks(before=(self._skills.before,))

    def begin(self, messages: Sequence[Message]) -> tuple[tuple[Message, ...], Context]:
        """What a part's model is told, with the skills that there are, and the context that it is shown."""
        self._skills.chosen = None
        told = self._skills.told()
        said = (*messages, Message(Speaker.USER, told)) if told else tuple(messages)
        context = Context(self._outputs, plan=self._plan, rules=self._rules, watchers=[self._skills.saw])
        return said, context
