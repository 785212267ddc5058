"""The blueprint as durable runs know it: what it takes to fix an issue, put together for one run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.agents.fix.aids import Aids
from loccit.agents.fix.bench import Bench
from loccit.agents.fix.blueprint import fix
from loccit.agents.fix.desk import Desk
from loccit.agents.fix.gate import Gate
from loccit.agents.fix.phase import Phase, gateway_of
from loccit.agents.fix.projects import Language, Project, project_of
from loccit.agents.fix.task import FixTask
from loccit.agents.fix.working_copy import WorkingCopy, open_working_copy
from loccit.agents.fix.workshop import Workshop
from loccit.agents.memory import Memory
from loccit.agents.project_files import CommittedFiles
from loccit.agents.rule_files import RuleFiles
from loccit.agents.sandbox import Files, open_box
from loccit.agents.skills import project_folders
from loccit.core.errors import IndexBroken, IndexFormatMismatch, InputError, NotIndexed, Unsupported
from loccit.core.fixes import Fix, FixOutcome, FixRun, parse_fix
from loccit.core.triage import TriageAbstention
from loccit.core.visible import one_line
from loccit.pipeline.searchable import utc_time
from loccit.policy.labels import Label

if TYPE_CHECKING:
    from loccit.agents.durable.run import Run
    from loccit.agents.durable.values import RunRow
    from loccit.agents.options import AgentOptions
    from loccit.agents.sandbox import Environment
    from loccit.agents.skills import SkillFolder
    from loccit.agents.values import Trajectory
    from loccit.core.calls import Message
    from loccit.core.evidence import Hit
    from loccit.core.triage import Triage
    from loccit.policy.gateway import Gateway
    from loccit.policy.tools import Tool
    from loccit.sources.issues.proposals import Proposals
    from loccit.sources.pushing import PushTarget
    from loccit.sources.repository import Repository

NAME = "fix"
_MOST_PASSAGE = 2_500


@dataclass(frozen=True, slots=True)
class FixService:
    """What runs of this blueprint share. `folder` is where a repository's fixes are kept.

    `triage` says what an index knows of an issue's text in a repository, `search` what bears on a question at
    a commit of it, `read` the bytes of that. `proposals` say where a repository's branches go,
    `environment` prepares what the tests of a project's files need. `skills` are the user's and those that
    loccit brings; a repository's own are found in it.
    """

    options: AgentOptions
    version: str
    repository: Callable[[str], Repository]
    folder: Callable[[Repository], Path]
    triage: Callable[[str, str], Triage]
    search: Callable[[str, str, str], Sequence[Hit]]
    read: Callable[[Sequence[Hit]], Sequence[bytes]]
    proposals: Callable[[Repository], tuple[Proposals, PushTarget]]
    environment: Callable[[Mapping[str, bytes]], Awaitable[Environment]]
    skills: Sequence[SkillFolder] = ()

    def blueprint(self) -> Callable[[Run, FixTask], Awaitable[dict[str, Any]]]:
        """The blueprint: what a run gives is the document without its `run`, which the run's row knows."""

        async def fix_issue(run: Run, task: FixTask) -> dict[str, Any]:
            found = self.repository(task.location)
            folder = self.folder(found)
            opened = open_working_copy(found, base=task.base, folder=folder, run=run.id, time=task.time)
            with closing(opened) as copy:
                return await self._fixed(run, task, found, copy)

        # Of what the runtime checks; the run's own class is loaded where runs are.
        fix_issue.__annotations__ = {"task": FixTask, "return": dict[str, Any]}
        return fix_issue

    async def _fixed(
        self, run: Run, task: FixTask, repository: Repository, copy: WorkingCopy
    ) -> dict[str, Any]:
        project = project_in(copy)
        await run.tell("prepare: what the tests need")
        environment = await self.environment(_needing_the_runner(project, copy))
        options = self.options

        def box(files: Files) -> Any:
            return open_box(options.sandbox, files=files, environment=environment)

        bench = Bench(copy, project, box, timeout_s=options.fix.test_timeout_s)
        gate = Gate(copy, bench, suite_timeout_s=options.fix.suite_timeout_s)
        desk = Desk(copy, bench, search=lambda query: self._passages(query, task))
        label = Label(origins=frozenset({f"{task.repo}@{copy.base[:12]}"}))
        files = CommittedFiles(repository.snapshot(copy.base), copy.blobs)
        notes = Memory(files, label).relevant(task.text)
        shop = Workshop(
            task,
            repository,
            copy,
            bench,
            gate,
            desk,
            lambda: self._triaged(task),
            rules="\n\n".join(note.shown() for note in notes),
            notes=tuple(f"{one_line(each)}: asked for, and not installed" for each in environment.left_out),
        )
        publishing = self._publishing(repository, copy) if task.pushes else ()
        folders = [*self.skills, *project_folders(files, label)]
        aids = Aids(self.folder(repository) / "outputs" / run.id, RuleFiles(files, label), folders)
        gateway = gateway_of(task, (*shop.tools(), *publishing), aids.tools(), hooks=aids.hooks())
        found = await fix(_Durable(run, gateway, aids), shop)
        if publishing and found.outcome is FixOutcome.FIXED:
            found = await _published(run, gateway, task, found)
        return found.model_dump(mode="json")

    def bundle(self, found: Fix, repository: Repository) -> bytes:
        """The branch of a fix, for `git fetch`. Raises InputError without a branch, or a run."""
        if found.branch is None or found.run is None:
            raise InputError("this fix has no branch", next_step="only what is fixed has one")
        folder = self.folder(repository)
        opened = open_working_copy(repository, base=found.base, folder=folder, run=found.run.id, time=0)
        with closing(opened) as copy:
            return copy.bundle(f"refs/heads/{found.branch.name}")

    def target_of(self, repository: Repository) -> str:
        """The branch that pull requests of a repository are for. Raises as `proposals` does."""
        proposals, _ = self.proposals(repository)
        try:
            return proposals.default_branch()
        finally:
            proposals.close()

    def _publishing(self, repository: Repository, copy: WorkingCopy) -> tuple[Tool, ...]:
        from loccit.agents.fix.publishing import Publisher

        proposals, target = self.proposals(repository)
        return Publisher(copy, target, proposals).tools()

    def _triaged(self, task: FixTask) -> Triage | None:
        found = self.triage(task.text, task.location)
        return None if found.abstention is TriageAbstention.NOT_INDEXED else found

    def _passages(self, query: str, task: FixTask) -> str:
        try:
            hits = self.search(query, task.location, task.base)
        except (NotIndexed, IndexBroken, IndexFormatMismatch) as error:
            raise InputError(
                f"the index cannot be searched: {error.message}", next_step="use grep"
            ) from error
        texts = [
            f"{hit.place.path}:{hit.place.start_line}\n" + data.decode("utf-8", "replace")[:_MOST_PASSAGE]
            for hit, data in zip(hits, self.read(hits), strict=True)
        ]
        return "\n\n".join(texts) or "nothing bears on it"


@dataclass(frozen=True, slots=True)
class _Durable:
    """A durable run as the blueprint knows runs."""

    run: Run
    gateway: Gateway
    aids: Aids

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await self.run.step(name, function, *args)

    async def loop(
        self,
        name: str,
        *,
        messages: tuple[Message, ...],
        prompt: str,
        tools: Sequence[str],
        result: Mapping[str, Any],
    ) -> Trajectory:
        told, context = self.aids.begin(messages)
        aids = [tool.name for tool in self.aids.tools()]
        return await self.run.loop(
            name,
            prompt=told,
            tools=Phase(self.gateway, (*tools, *aids)),
            result=result,
            context=context,
            template=prompt,
        )

    async def tell(self, text: str) -> None:
        await self.run.tell(text)


def _needing_the_runner(project: Project, copy: WorkingCopy) -> dict[str, bytes]:
    """The files of the base. Tests in Python are run by pytest, whoever wrote them for what: so it is asked
    for.
    """
    files = {file.path: data for file, data in copy.contents(copy.base)}
    if project.language is Language.PYTHON:
        files.setdefault("pytest.ini", b"[pytest]\n")
    return files


def project_in(copy: WorkingCopy) -> Project:
    """What kind of project the base is. Raises Unsupported for one whose tests cannot be run."""
    found = project_of(copy.files(copy.base), lambda path: copy.read(path, copy.base))
    if found is None:
        raise Unsupported(
            "this is no project whose tests loccit can run",
            next_step="expected pyproject.toml, setup.py, *.py, package.json or go.mod at its top",
        )
    return found


async def _published(run: Run, gateway: Gateway, task: FixTask, found: Fix) -> Fix:
    """Push the branch and open a pull request; what a person or the policy refuses is told, not raised."""
    from loccit.agents.fix.publishing import described

    where = {"repository": gateway.request.facts["repository"], "branch": task.branch, "base": task.target}
    pushed = await run.call("push", gateway, "push_branch", {**where, "force": False})
    notes = [f"pushing the branch: {pushed.text}"]
    if not pushed.is_error:
        title, body = described(found)
        asked = {**where, "title": title, "body": body, "draft": False}
        opened = await run.call("propose", gateway, "open_pull_request", asked)
        notes.append(f"opening the pull request: {opened.text}")
    await run.tell("; ".join(notes))
    return found


def fix_of(row: RunRow, version: str) -> Fix:
    """The document of a run that is done, with what differs from run to run."""
    import json

    kept = parse_fix(json.dumps(row.result, ensure_ascii=False).encode())
    began = row.started_at or row.created_at
    spend = row.spend
    about = FixRun(
        id=row.id,
        started_at=utc_time(datetime.fromtimestamp(began, UTC)),
        seconds=round((row.finished_at or began) - began, 3),
        cost_usd=float(spend.usd),
        model_calls=spend.steps,
        tool_calls=spend.tool_calls,
        input_tokens=spend.usage.input_tokens,
        output_tokens=spend.usage.output_tokens,
        version=version,
    )
    return kept.model_copy(update={"run": about})
