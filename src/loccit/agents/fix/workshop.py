"""The steps of a fix that no model takes: functions from JSON to JSON, so that a run can remember them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from loccit.agents.fix.bench import Bench
from loccit.agents.fix.desk import Desk
from loccit.agents.fix.gate import Gate
from loccit.agents.fix.task import FixTask
from loccit.agents.fix.tools import editing_tools, looking_tools, running_tools
from loccit.agents.fix.working_copy import WorkingCopy
from loccit.agents.lesson_notes import FOLDER
from loccit.agents.memory import Note, note_file
from loccit.core.answers import Citation, SnapshotInfo
from loccit.core.errors import InputError, SourceError
from loccit.core.fixes import FixReason
from loccit.core.triage import SuspectFile, Triage
from loccit.core.visible import one_line, visible
from loccit.pipeline.show import checked, cite_lines
from loccit.policy.labels import Label
from loccit.policy.tools import Tool
from loccit.sources.repository import Repository

_TOOLS = (looking_tools, running_tools, editing_tools)
_MOST_REASONS = 12
_MOST_CITED_LINES = 60
_SUSPECTS = 5
_PAST = 3


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a run works with. `triage` says what the repository's files and past say of the issue, None where
    nothing is indexed; `rules` are notes of earlier runs that bear on it, empty where there are none; `notes`
    is what a person has to know of how tests run here.
    """

    task: FixTask
    repository: Repository
    copy: WorkingCopy
    bench: Bench
    gate: Gate
    desk: Desk
    triage: Callable[[], Triage | None]
    rules: str = ""
    notes: tuple[str, ...] = ()

    def tools(self) -> tuple[Tool, ...]:
        """Everything that a model may do in the run; which of it when, is the blueprint's to say."""
        origin = f"{self.task.repo}@{self.copy.base[:12]}"
        return tuple(tool for kind in _TOOLS for tool in kind(self.desk, origin))

    async def understand(self) -> dict[str, Any]:
        """What the past and the files say: reasons with citations, the snapshots they are of, and what a
        person has to know of what is missing.
        """
        found = await asyncio.to_thread(self.triage)
        notes = list(self.notes)
        if self.task.is_cut:
            notes.append("the issue is long: a model was given its beginning alone")
        if found is None:
            return {
                "understood": [],
                "snapshots": [],
                "not_verified": [*notes, "nothing was indexed to search"],
            }
        reasons = understood_of(found)
        return {
            "understood": [reason.model_dump(mode="json") for reason in reasons],
            "snapshots": [snapshot.model_dump(mode="json") for snapshot in found.snapshots],
            "not_verified": notes,
        }

    async def reproduces(self, path: str, failure: str) -> dict[str, Any]:
        """What the gate says of a test that is to show the issue, with the passage that shows it."""
        found = await self.gate.reproduces(path)
        kept = {**asdict(found), "tests": list(found.tests)}
        if found.problem:
            return kept
        quoted = visible(failure).strip()
        if not quoted or quoted not in visible(found.output):
            problem = (
                f"the passage of the failure {quoted[:200]!r} does not stand in what the test runner said:"
                f"\n{found.output}"
            )
            return {**kept, "problem": problem}
        return {**kept, "failure": quoted}

    async def check(self, test: str, tests: Sequence[str], reproduced: str) -> dict[str, Any]:
        """What the gate says of the change as it is now; `reproduced` is the commit with the test."""
        found = await self.gate.check(test, tests, reproduced)
        return {
            "checks": [check.model_dump(mode="json") for check in found.checks],
            "findings": list(found.findings),
            "not_verified": list(found.not_verified),
            "passed": found.passed,
            "contradicts_tests": found.contradicts_tests,
        }

    async def tidy(self, intent: str) -> dict[str, Any]:
        """The project's formatter over what was changed, where it has one: its version takes the place."""
        changes = await self.gate.formatted()
        if changes:
            self.copy.apply(changes, f"formatted {', '.join(changes)}", intent=intent)
        return {"paths": sorted(changes)}

    async def cite(self, reasons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The reasons whose lines are there, with citations that were re-checked, and the others' texts."""
        return await asyncio.to_thread(self._cite, reasons)

    async def end_step(self, name: str, message: str) -> dict[str, Any]:
        """The commit of a step, with what it changed; `commit` is null where it changed nothing."""
        before = self.copy.last_step
        commit = self.copy.end_step(name, message)
        changed = self.copy.changed(before, commit) if commit is not None and commit != before else ()
        return {
            "commit": commit,
            "paths": [one_line(each.path) for each in changed],
            "added": sum(each.added for each in changed),
            "removed": sum(each.removed for each in changed),
        }

    async def write_lesson(self, title: str, text: str, paths: Sequence[str]) -> dict[str, Any]:
        """The file of a lesson on the branch, beside those that are there; what it rests on is text by
        strangers, and it says so.
        """
        note = Note(
            title,
            text,
            Label(origins=frozenset({self.task.name})),
            date=datetime.fromtimestamp(self.task.time, UTC).date().isoformat(),
            source=f"fixing {self.task.name}",
            run=self.task.branch,
            paths=tuple(paths),
        )
        name, written = note_file(note)
        path = f"{FOLDER.as_posix()}/{name}.md"
        if path not in self.copy.files():
            self.copy.apply({path: written.encode()}, f"wrote {path}", intent="the lesson")
        return await self.end_step("lesson", f"Keep what fixing {self.task.name} taught\n\n{title}\n")

    async def finish(self, name: str) -> dict[str, Any]:
        """The branch with its diff; `branch` is null where nothing was changed."""
        head = self.copy.last_step
        diff = visible(self.copy.diff(self.copy.base, head))
        if head == self.copy.base:
            return {"branch": None, "diff": ""}
        self.copy.name_branch(name)
        return {"branch": {"name": name, "base": self.copy.base, "head": head}, "diff": diff}

    async def diff(self) -> str:
        """Everything that was changed since the base, as it is now."""
        return self.copy.diff(self.copy.base)

    def _cite(self, reasons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        kept: list[dict[str, Any]] = []
        dropped: list[str] = []
        snapshot = self.repository.snapshot(self.copy.base)
        with self.repository.reader() as reader:
            for reason in reasons[:_MOST_REASONS]:
                text = visible(str(reason["text"])).strip()
                first, last = int(reason["start_line"]), int(reason["end_line"])
                try:
                    last = min(last, first + _MOST_CITED_LINES - 1)
                    cited = cite_lines(self.task.repo, snapshot, reader, str(reason["path"]), first, last)
                    checked(cited, [reader])
                except (InputError, SourceError):
                    dropped.append(text)
                    continue
                kept.append(FixReason(text=text, citations=(cited,)).model_dump(mode="json"))
        return {"reasons": kept, "dropped": dropped}


def understood_of(triage: Triage) -> list[FixReason]:
    """What a triage found, each statement with its citations, which triage has re-checked."""
    found = [_reason(_suspect_text(each), each.citations) for each in triage.suspects[:_SUSPECTS]]
    found += [
        _reason(
            f"Commit {each.commit[:12]} may have brought it in: {'; '.join(each.reasons)}", each.citations
        )
        for each in triage.culprits[:_PAST]
    ]
    found += [
        _reason(
            f"Commit {each.commit[:12]} reads like it, and changed {', '.join(each.paths[:4])}",
            each.citations,
        )
        for each in triage.similar_fixes[:_PAST]
    ]
    found += [
        _reason(f"Issue {each.id} may say the same: {each.title}", each.citations)
        for each in triage.duplicates[:_PAST]
    ]
    return found


def understood_text(understood: Sequence[Mapping[str, Any]]) -> str:
    """The same for a prompt: statements, each with the passages that it rests on."""
    lines: list[str] = []
    for reason in understood:
        lines.append(f"- {reason['text']}")
        for citation in reason["citations"][:2]:
            place = (
                f"{citation['path']}:{citation['start_line']}"
                if citation["path"]
                else citation["commit"][:12]
            )
            lines += [f"  {place}:", *(f"    {line}" for line in str(citation["quote"]).splitlines()[:12])]
    return "\n".join(lines) or "(nothing)"


def snapshots_of(kept: Sequence[Mapping[str, Any]]) -> tuple[SnapshotInfo, ...]:
    """The snapshots that a step remembered."""
    return tuple(SnapshotInfo.model_validate(each) for each in kept)


def _suspect_text(suspect: SuspectFile) -> str:
    functions = ", ".join(one.symbol for one in suspect.functions[:3])
    why = "; ".join(reason.text for reason in suspect.reasons[:3])
    where = f", most likely in {functions}" if functions else ""
    return visible(
        f"{suspect.path or suspect.path_base64} may have to change ({suspect.probability:.0%}){where}: {why}"
    )


def _reason(text: str, citations: Sequence[Citation]) -> FixReason:
    return FixReason(text=visible(text), citations=tuple(citations))
