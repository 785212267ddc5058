"""The gate: loccit's own runs of the tests. What a model says of them counts for nothing.

Where a change touches files that say what a test is (tests, configuration of the runner, new or not), tests
run as the change has them and as they were when the issue was reproduced. A change that passes only with its
own version of the tests does not pass.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from loccit.agents.fix.bench import Bench
from loccit.agents.fix.junit import CaseOutcome
from loccit.agents.fix.projects import Tested
from loccit.agents.fix.related import related_tests
from loccit.agents.fix.working_copy import WorkingCopy
from loccit.core.errors import InputError
from loccit.core.fixes import CheckName, CheckOutcome, FixCheck
from loccit.core.source import FileRole
from loccit.sources.roles import role_of

_SHOWN_FAILURES = 8
_MOST_OUTPUT = 4_000
_GUARDING = frozenset({FileRole.TEST, FileRole.CONFIG})
# What the runner itself is made of, and what Python runs whenever it starts. A file of the project that has
# such a name, or that of a module of Python's own, is found first.
_RUNNER = frozenset(
    "pytest _pytest pluggy iniconfig packaging pygments conftest sitecustomize usercustomize".split()
)
_SOURCE_FOLDERS = ("src", "lib")
_ABSENT = ("No module named", "not found", "Cannot find module", "No such file")


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A test that fails at the base, as the gate found it. `problem` says why it shows nothing, or is empty.

    `tests` are the ids of the cases that fail, `output` what the runner said of them.
    """

    path: str
    tests: tuple[str, ...]
    output: str
    summary: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate found. `findings` is for whoever repairs; empty where everything passed.

    With `contradicts_tests` tests fail as they were, and pass as the change has them: a person must say which
    is right.
    """

    checks: tuple[FixCheck, ...]
    findings: tuple[str, ...]
    not_verified: tuple[str, ...]
    contradicts_tests: bool = False

    @property
    def passed(self) -> bool:
        """Whether no check failed, and the reproducing test is among those that ran."""
        ran = any(
            check.name is CheckName.REPRODUCING_TEST and check.outcome is CheckOutcome.PASSED
            for check in self.checks
        )
        return ran and not any(check.outcome is CheckOutcome.FAILED for check in self.checks)


@dataclass(slots=True)
class _Findings:
    checks: list[FixCheck] = field(default_factory=list[FixCheck])
    texts: list[str] = field(default_factory=list[str])
    not_verified: list[str] = field(default_factory=list[str])
    contradictions: int = 0

    def failed(self, check: FixCheck, text: str) -> None:
        self.checks.append(check)
        self.texts.append(text)


class Gate:
    """Checks a change of a working copy."""

    def __init__(self, copy: WorkingCopy, bench: Bench, *, suite_timeout_s: float) -> None:
        """The whole suite may take `suite_timeout_s` seconds; with 0 it is not run."""
        self._copy = copy
        self._bench = bench
        self._suite_timeout_s = suite_timeout_s
        self._reproduced = copy.base

    async def reproduces(self, path: str) -> Reproduced:
        """Whether the test file at `path`, as it is now, fails over the files of the base: twice, alike.

        A failure of the test file itself (it cannot be read, a fixture is missing) shows nothing.
        """
        data = self._copy.read(path)
        if data is None:
            return Reproduced(path, (), "", "", f"there is no file {path!r}")
        runs: list[Tested] = []
        for _ in range(2):
            try:
                runs.append(
                    await self._bench.test(
                        [path], commit=self._copy.base, with_files=self._new_files(path, data)
                    )
                )
            except InputError as error:
                return Reproduced(path, (), "", "", str(error))
        first, second = runs
        return Reproduced(
            path, tuple(sorted(first.bad)), _said(first), first.summary(), _problem(path, first, second)
        )

    async def check(self, test: str, tests: Sequence[str], reproduced: str) -> Gated:
        """What there is to say of the change as it is now.

        `tests` are the cases that failed at the base, `reproduced` is the commit that added their file.
        """
        found = _Findings()
        changed = [each.path for each in self._copy.changed(self._copy.base)]
        self._reproduced = reproduced
        guarding = [each.path for each in self._copy.changed(reproduced) if _steers_tests(each.path)]
        await self._check_reproducing(found, test, tests, guarding)
        if found.texts:
            # Whatever else breaks, this comes first; and a broken file fails everything.
            self._leave_out(found, CheckName.RELATED_TESTS, CheckName.WHOLE_SUITE)
        else:
            await self._check_related(found, changed, test, guarding)
            await self._check_suite(found, guarding)
        await self._check_format(found, changed)
        await self._check_lint(found, changed)
        if guarding:
            names = ", ".join(guarding[:5])
            found.not_verified.append(
                f"the change edits what says how tests run: {names}; read that yourself"
            )
        contradicts = 0 < found.contradictions == len(found.texts)
        return Gated(tuple(found.checks), tuple(found.texts), tuple(found.not_verified), contradicts)

    async def formatted(self) -> dict[str, bytes | None]:
        """What the project's formatter makes of the changed files, where that is something else.

        Files that it would have changed before the run stay as they are.
        """
        paths = self._sources([each.path for each in self._copy.changed(self._copy.base)])
        command = self._bench.project.format_command(paths)
        if not command or not paths:
            return {}
        ended = await self._bench.run(command, take=paths)
        if ended.stopped_by or ended.code:
            return {}
        other = [path for path in paths if ended.files.get(path) not in {None, self._copy.read(path)}]
        untidy = await self._untidy_before(other)
        return {path: ended.files[path] for path in other if path not in untidy}

    def _new_files(self, path: str, data: bytes) -> dict[str, bytes | None]:
        """The test, and whatever else was added for it: files of the base stay as they are."""
        added: dict[str, bytes | None] = {}
        base = self._copy.files(self._copy.base)
        for each in self._copy.changed(self._copy.base):
            if each.path not in base:
                added[each.path] = self._copy.read(each.path)
        return {**added, path: data}

    def _as_before(self, guarding: Collection[str]) -> dict[str, bytes | None]:
        return {path: self._copy.read(path, self._reproduced) for path in guarding}

    async def _check_reproducing(
        self, found: _Findings, test: str, tests: Sequence[str], guarding: Sequence[str]
    ) -> None:
        ran = await self._bench.test([test])
        if guarding and ran.passed:
            ran = await self._bench.test([test], with_files=self._as_before(guarding))
        missing = [each for each in tests if not _passes(ran, each)]
        text = f"{test}: {ran.summary()}"
        if ran.passed and not missing:
            found.checks.append(_check(CheckName.REPRODUCING_TEST, ran, CheckOutcome.PASSED, text))
            return
        if ran.passed:
            text = f"{test}: {missing[0]} failed before and is not among those that passed now"
        found.failed(
            _check(CheckName.REPRODUCING_TEST, ran, CheckOutcome.FAILED, text),
            f"The reproducing test does not pass. {text}\n{_said(ran)}",
        )

    async def _check_related(
        self, found: _Findings, changed: Sequence[str], test: str, guarding: Sequence[str]
    ) -> None:
        project, base = self._bench.project, self._copy.base
        # Tests that the run added itself are covered by the reproducing test.
        related = [
            path
            for path in related_tests(self._copy, project, changed, commit=base)
            if path != test and path in self._copy.files(base)
        ]
        if not related:
            self._leave_out(found, CheckName.RELATED_TESTS, why="no test file bears on what was changed")
            return
        await self._compare(found, CheckName.RELATED_TESTS, related, guarding, None)

    async def _check_suite(self, found: _Findings, guarding: Sequence[str]) -> None:
        if not self._suite_timeout_s:
            self._leave_out(found, CheckName.WHOLE_SUITE, why="it is turned off (suite_timeout_s)")
            return
        await self._compare(found, CheckName.WHOLE_SUITE, [], guarding, self._suite_timeout_s)

    async def _compare(
        self,
        found: _Findings,
        name: CheckName,
        paths: Sequence[str],
        guarding: Sequence[str],
        timeout_s: float | None,
    ) -> None:
        """Runs tests as they were over the changed files; what failed before as well is no news."""
        before_edits = self._as_before(guarding)
        ran = await self._bench.test(paths, with_files=before_edits, timeout_s=timeout_s)
        if ran.passed:
            found.checks.append(_check(name, ran, CheckOutcome.PASSED, ran.summary()))
            return
        base = await self._bench.test(paths, commit=self._copy.base, timeout_s=timeout_s)
        new = sorted(ran.bad - base.bad)
        same = len(ran.bad & base.bad)
        if ran.problem and (base.problem or name is CheckName.WHOLE_SUITE):
            self._leave_out(found, name, why=f"{ran.problem}; at the base: {base.summary()}")
            return
        if not new and not ran.problem and ran.code == base.code:
            text = f"{ran.summary()}; all that fails failed before"
            found.checks.append(_check(name, ran, CheckOutcome.PASSED, text, same))
            if same:
                old = ", ".join(sorted(ran.bad & base.bad)[:_SHOWN_FAILURES])
                found.not_verified.append(f"failing before the change and still: {old}")
            return
        shown = ", ".join(new[:_SHOWN_FAILURES]) or ran.summary()
        if guarding:
            edited = await self._bench.test(paths, timeout_s=timeout_s)
            found.contradictions += not edited.problem and not (edited.bad - base.bad)
        found.failed(
            _check(name, ran, CheckOutcome.FAILED, f"passed before and fail now: {shown}", same),
            f"Tests that passed before the change fail now: {shown}\n{_said(ran, new)}",
        )

    async def _check_format(self, found: _Findings, changed: Sequence[str]) -> None:
        paths = self._sources(changed)
        command = self._bench.project.format_command(paths)
        if not command or not paths:
            self._leave_out(found, CheckName.FORMATTER, why="the project configures none that loccit knows")
            return
        ended = await self._bench.run(command, take=paths)
        check = FixCheck(
            name=CheckName.FORMATTER, command=command, outcome=CheckOutcome.PASSED, text="nothing to change"
        )
        if ended.stopped_by or ended.code:
            self._leave_out(found, CheckName.FORMATTER, why=_why_not_run(ended.text, ended.stopped_by))
            return
        other = [path for path in paths if ended.files.get(path) != self._copy.read(path)]
        untidy = await self._untidy_before(other)
        mine = [path for path in other if path not in untidy]
        if mine:
            text = f"it would change {', '.join(mine)}"
            found.failed(
                check.model_copy(update={"outcome": CheckOutcome.FAILED, "text": text}),
                f"The formatter ({self._bench.project.formatter}) would change {', '.join(mine)}",
            )
        else:
            if untidy:
                check = check.model_copy(update={"text": f"{', '.join(untidy)}: not formatted before either"})
            found.checks.append(check)

    async def _untidy_before(self, paths: Sequence[str]) -> list[str]:
        """The files that the formatter would have changed before the run too: they need not be tidy."""
        there = [path for path in paths if path in self._copy.files(self._copy.base)]
        if not there:
            return []
        words = self._bench.project.format_command(there)
        ended = await self._bench.run(words, commit=self._copy.base, take=there)
        return [path for path in there if ended.files.get(path) != self._copy.read(path, self._copy.base)]

    async def _check_lint(self, found: _Findings, changed: Sequence[str]) -> None:
        paths = self._sources(changed)
        command = self._bench.project.lint_command(paths)
        if not command or not paths:
            self._leave_out(found, CheckName.LINTER, why="the project configures none that loccit knows")
            return
        ended = await self._bench.run(command)
        if ended.stopped_by or any(word in ended.text for word in _ABSENT):
            self._leave_out(found, CheckName.LINTER, why=_why_not_run(ended.text, ended.stopped_by))
            return
        check = FixCheck(
            name=CheckName.LINTER, command=command, outcome=CheckOutcome.PASSED, text="nothing found"
        )
        if not ended.code:
            found.checks.append(check)
            return
        there = [path for path in paths if path in self._copy.files(self._copy.base)]
        before = (
            await self._bench.run(self._bench.project.lint_command(there), commit=self._copy.base)
            if there
            else None
        )
        known = _without_places(before.text) if before else []
        new = [line for line in ended.text.splitlines() if _is_new(line, known, paths)]
        if new:
            found.failed(
                check.model_copy(update={"outcome": CheckOutcome.FAILED, "text": new[0][:300]}),
                "The linter finds what it did not find before:\n" + "\n".join(new[:20]),
            )
        else:
            found.checks.append(check.model_copy(update={"text": "nothing that it did not find before"}))

    def _sources(self, changed: Sequence[str]) -> list[str]:
        files = self._copy.files()
        return [path for path in changed if path in files and self._bench.project.is_source(path)]

    def _leave_out(
        self, found: _Findings, *names: CheckName, why: str = "the reproducing test does not pass"
    ) -> None:
        for name in names:
            found.checks.append(FixCheck(name=name, command=(), outcome=CheckOutcome.NOT_RUN, text=why))
            found.not_verified.append(f"{name.value.replace('_', ' ')}: not run: {why}")


def _steers_tests(path: str) -> bool:
    """Whether what a file holds may decide which tests run, and how they end."""
    names = path.split("/")
    top = names[1] if names[0] in _SOURCE_FOLDERS and len(names) > 1 else names[0]
    module = top.removesuffix(".py") if top == names[-1] else top
    is_python = path.endswith((".py", ".pth", ".so"))
    shadows = is_python and (module in _RUNNER or module in sys.stdlib_module_names)
    return role_of(path) in _GUARDING or names[-1] == "conftest.py" or path.endswith(".pth") or shadows


def _problem(path: str, first: Tested, second: Tested) -> str:
    """Why two runs of a test at the base show nothing; empty where they show the issue."""
    if first.problem or second.problem:
        return first.problem or second.problem
    if first.passed:
        return f"{path!r} passes before any change: it does not show the issue"
    if not first.cases:
        return f"{path!r} holds no test that the runner finds"
    if not first.bad:
        return f"{path!r} fails without a failing case (code {first.code})"
    if first.bad != second.bad:
        return "the test fails in one run and not in the other: it shows nothing"
    errors = [case for case in first.cases if case.outcome is CaseOutcome.ERROR]
    if errors:
        return f"{errors[0].id} could not be run, which is no failure: {errors[0].text[:600]}"
    return ""


def _passes(ran: Tested, test: str) -> bool:
    return any(case.id == test and case.outcome is CaseOutcome.PASSED for case in ran.cases)


def _said(ran: Tested, only: Collection[str] = ()) -> str:
    """What the runner says of what failed."""
    texts = [f"{case.id}\n{case.text}" for case in ran.cases if case.is_bad and (not only or case.id in only)]
    return ("\n\n".join(texts) or ran.output)[-_MOST_OUTPUT:]


def _check(
    name: CheckName, ran: Tested, outcome: CheckOutcome, text: str, failed_before: int = 0
) -> FixCheck:
    return FixCheck(
        name=name,
        command=ran.words,
        outcome=outcome,
        text=text or "nothing was said",
        passed=ran.count(CaseOutcome.PASSED),
        failed=len(ran.bad),
        failed_before=failed_before,
    )


def _why_not_run(text: str, stopped_by: str) -> str:
    if stopped_by:
        return f"it was stopped: {stopped_by}"
    last = text.strip().splitlines()[-1:] or ["it said nothing"]
    return f"it could not be run: {last[0][:200]}"


def _without_places(text: str) -> list[str]:
    """Findings without line numbers: an edit above moves them."""
    return [_without_place(line) for line in text.splitlines()]


def _without_place(line: str) -> str:
    place, separator, finding = line.partition(": ")
    return f"{place.partition(':')[0]}{separator}{finding}"


def _is_new(line: str, known: list[str], paths: Sequence[str]) -> bool:
    """Whether a line is a finding that was not there; each one that was there excuses one."""
    if not line.removeprefix("./").startswith(tuple(f"{path}:" for path in paths)):
        return False
    plain = _without_place(line)
    if plain in known:
        known.remove(plain)
        return False
    return True
