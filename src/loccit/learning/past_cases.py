"""What `prove` asks again: past fixes, each with its issue as it stood before, and what the fix changed.

Where a tracker was read these are its fixed issues: those that it links to a commit, or that a commit or a
proposed change says to fix. Without one they are fixes mined from the history, whose message is the issue.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loccit.core.issue_links import ReferenceKind, links_in
from loccit.core.issues import Issue, IssueKind, LinkKind
from loccit.core.source import Change, ChangedFile, FileRole
from loccit.indexing.changes import ChangeTable
from loccit.pipeline.mine import MinedFix, mined
from loccit.sources import Repository
from loccit.sources.roles import role_of

# A fix of more source files is a mass change: which of them the issue is about, nobody can say.
MOST_GOLD = 10
_REVERT = re.compile(r"revert(?:ed|s|ing)?\b", re.IGNORECASE)
# Where a hosting service writes the number of what was merged.
_MERGED = re.compile(
    r"\A[^\n]*\(#(?P<squashed>\d{1,10})\)\s*(?:\n|\Z)"
    r"|\AMerge pull request #(?P<merged>\d{1,10})\b"
    r"|^See merge request \S*?(?P<request>!\d{1,10})\s*$",
    re.MULTILINE,
)
_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-\d{1,10}")
_SHORT_ID = 7


class Origin(StrEnum):
    """Where the cases come from."""

    ISSUES = "issues"
    COMMITS = "commits"


class LeftOut(StrEnum):
    """Why a fix is no case. The value is what the report says."""

    NOTHING_BEFORE = "the fix changed no source file that was there before"
    MASS_CHANGE = f"the fix changed more than {MOST_GOLD} source files"
    NO_PARENT = "what was there before the fix is not in this clone"
    YOUNGER = "the issue was opened after its fix"
    EMPTY = "the issue is empty"
    NAMES_FIX = "the issue names the commit of its own fix"
    NOT_SEARCHED = "the files that the fix changed are not searched"


@dataclass(frozen=True, slots=True)
class PastCase:
    """A fix, and the issue that it fixed as it stood before.

    `id` is the issue's id, of a commit the commit's. Times are in seconds since the epoch: `time` is the
    fix's, `moment` that of its parent, at which it is asked, and `created` when the issue was opened (None
    for a commit). `changed` are the source files that the fix changed and that were there before.
    """

    id: str
    commit: str
    parent: str
    time: int
    moment: int
    title: str
    body: str
    changed: tuple[ChangedFile, ...]
    created: int | None = None
    url: str = ""

    @property
    def gold(self) -> frozenset[str]:
        """The paths of `changed`."""
        return frozenset(file.path for file in self.changed)


@dataclass(frozen=True, slots=True)
class PastCases:
    """The cases, those asked at the oldest moments first, and how many fixes were left out and why."""

    origin: Origin
    cases: tuple[PastCase, ...]
    left_out: Mapping[LeftOut, int]


@dataclass(frozen=True, slots=True)
class _Fix:
    """A commit that fixes something, before it is known which files it changed."""

    commit: str
    parent: str
    time: int
    fixed: tuple[str, ...]
    mined: MinedFix | None


class FixFinder:
    """Watches a history go by, parents before children, and finds the fixes in it.

    `name` is the repository's, by which references to it are known (`host/owner/name`).
    """

    def __init__(self, issues: Iterable[Issue], *, name: str) -> None:
        self.mined: list[MinedFix] = []
        self.commits = 0
        self._name = name.lower()
        self._issues = {issue.id: issue for issue in issues}
        self._linked = _linked(self._issues.values())
        self._closes = _closed_by_changes(self._issues.values())
        self._fixes: list[_Fix] = []

    def watch(self, changes: Iterable[Change]) -> Iterator[Change]:
        """The same changes."""
        for change in changes:
            self.commits += 1
            self._take(change)
            yield change

    def _take(self, change: Change) -> None:
        found = mined(change)
        if found is not None:
            self.mined.append(found)
        fixed = self._fixed_by(change) if self._issues else ()
        if fixed and change.parents:
            self._fixes.append(_Fix(change.commit, change.parents[0], change.time, fixed, None))

    def _fixed_by(self, change: Change) -> tuple[str, ...]:
        """The ids of the issues that the commit fixes, as the tracker, its message or what it merges says."""
        if _REVERT.match(change.message):
            return ()
        fixed = dict.fromkeys(self._linked.get(change.commit, ()))
        for link in links_in(change.message):
            is_ours = link.repo is None or self._name.endswith(link.repo.lower())
            # Where keys are in use, what a message begins with is what it is about.
            is_subject = link.start == 0 and _KEY.fullmatch(link.id) is not None
            if is_ours and (link.kind is ReferenceKind.FIXES or is_subject):
                fixed[link.id] = None
        for match in _MERGED.finditer(change.message):
            fixed |= dict.fromkeys(self._closes.get(match[match.lastgroup or 0], ()))
        return tuple(name for name in fixed if _is_report(self._issues.get(name)))

    def cases(self, repository: Repository, table: ChangeTable, count: int) -> PastCases:
        """The newest cases, at most `count`. Raises ObjectMissing, ObjectCorrupt."""
        left_out: Counter[LeftOut] = Counter()
        origin = Origin.ISSUES if self._fixes else Origin.COMMITS
        fixes = self._firsts() if self._fixes else _fixes_of(self.mined)
        # The newest first; of one second the later ones in history.
        fixes.reverse()
        fixes.sort(key=lambda fix: -fix.time)
        chosen: list[PastCase] = []
        for fix, files in _with_files(repository, table, fixes, 2 * count, left_out):
            self._judge(fix, files, table, chosen, left_out)
            if len(chosen) == count:
                break
        chosen.sort(key=lambda case: (case.moment, case.time, case.id))
        return PastCases(origin, tuple(chosen), {reason: n for reason, n in left_out.items() if n})

    def _firsts(self) -> list[_Fix]:
        """Of each issue the first commit that fixes it."""
        known: set[str] = set()
        firsts: list[_Fix] = []
        for fix in self._fixes:
            new = tuple(name for name in fix.fixed if name not in known)
            known.update(new)
            firsts += [_Fix(fix.commit, fix.parent, fix.time, (name,), None) for name in new]
        return firsts

    def _judge(
        self,
        fix: _Fix,
        files: tuple[ChangedFile, ...],
        table: ChangeTable,
        chosen: list[PastCase],
        left_out: Counter[LeftOut],
    ) -> None:
        """Add the case that the fix is, or count why it is none."""
        reason = _reason_by_files(files)
        found = None
        if reason is None:
            moment = int(table.times[table.number_of[fix.parent]])
            found = (
                _case_of_commit(fix, fix.mined, files, moment)
                if fix.mined is not None
                else _case_of_issue(fix, self._issues[fix.fixed[0]], files, moment)
            )
        if isinstance(found, PastCase):
            chosen.append(found)
        else:
            left_out[found or reason or LeftOut.EMPTY] += 1


def _is_report(issue: Issue | None) -> bool:
    return issue is not None and issue.kind is IssueKind.ISSUE


def _linked(issues: Iterable[Issue]) -> dict[str, list[str]]:
    """By commit the issues that the tracker says it fixed."""
    found: dict[str, list[str]] = defaultdict(list)
    for issue in issues:
        for link in issue.links:
            if link.kind is LinkKind.FIXED_BY:
                found[link.target].append(issue.id)
    return dict(found)


def _closed_by_changes(issues: Iterable[Issue]) -> dict[str, list[str]]:
    """By proposed change the issues that it closes: it says so, or they do."""
    found: dict[str, list[str]] = defaultdict(list)
    for issue in issues:
        for link in issue.links:
            if issue.kind is IssueKind.CHANGE and link.kind is LinkKind.FIXES:
                found[issue.id].append(link.target)
            elif link.kind is LinkKind.FIXED_BY:
                found[link.target].append(issue.id)
    return dict(found)


def _fixes_of(found: Sequence[MinedFix]) -> list[_Fix]:
    return [_Fix(fix.commit, fix.parent, fix.time, (), fix) for fix in found]


def _with_files(
    repository: Repository,
    table: ChangeTable,
    fixes: Sequence[_Fix],
    at_once: int,
    left_out: Counter[LeftOut],
) -> Iterator[tuple[_Fix, tuple[ChangedFile, ...]]]:
    """The fixes with the source files that they changed and that were there before; of a merge, against its
    first parent.
    """
    for start in range(0, len(fixes), at_once):
        batch = fixes[start : start + at_once]
        here = [fix for fix in batch if fix.parent in table.number_of]
        left_out[LeftOut.NO_PARENT] += len(batch) - len(here)
        pairs = [commit for fix in here for commit in (fix.parent, fix.commit)]
        # What lies between one fix and the next parent is of no interest.
        for number, files in enumerate(repository.differences(pairs)):
            if number % 2 == 0:
                yield here[number // 2], tuple(file for file in files if _was_source(file))


def _was_source(file: ChangedFile) -> bool:
    return file.old_blob is not None and role_of(file.path) is FileRole.SOURCE


def _reason_by_files(files: Sequence[ChangedFile]) -> LeftOut | None:
    if not files:
        return LeftOut.NOTHING_BEFORE
    return LeftOut.MASS_CHANGE if len(files) > MOST_GOLD else None


def _case_of_commit(fix: _Fix, found: MinedFix, files: tuple[ChangedFile, ...], moment: int) -> PastCase:
    return PastCase(fix.commit, fix.commit, fix.parent, fix.time, moment, found.title, found.body, files)


def _case_of_issue(
    fix: _Fix, issue: Issue, files: tuple[ChangedFile, ...], moment: int
) -> PastCase | LeftOut:
    then = issue.as_of(fix.time - 1)
    if then is None:
        return LeftOut.YOUNGER
    text = f"{then.title}\n{then.body}"
    if not text.strip():
        return LeftOut.EMPTY
    if fix.commit[:_SHORT_ID] in text:
        return LeftOut.NAMES_FIX
    return PastCase(
        id=issue.id,
        commit=fix.commit,
        parent=fix.parent,
        time=fix.time,
        moment=moment,
        title=then.title,
        body=then.body,
        changed=files,
        created=issue.created,
        url=issue.url,
    )
