"""What is written below an issue: the triage as a short comment, in which nothing that others wrote can act.

Trackers obey what stands in a comment: they tell people who are mentioned, link issues and commits, show
images, close issues, and (GitLab) run commands at the beginning of a line. So whatever comes from the issue,
the repository or the tracker stands in code spans, on a line that we began, without what could end them; and
every link is made here, of ids and paths.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.core.answers import CitationKind
from loccit.core.permalinks import permalink
from loccit.core.source import path_text
from loccit.core.triage import Culprit, Duplicate, SuspectFile, Triage, TriageFunction, TriageReason

if TYPE_CHECKING:
    from loccit.sources.issues.writing import TrackerWriter

MARKER = "<!-- loccit-triage -->"
"""By which our comment is found again. Trackers show it to nobody, and people can copy it: who wrote the
comment counts as well.
"""
MOST_CHARS = 20_000
_FILES = 5
_FUNCTIONS = 2
_REASONS = 2
_OTHERS = 3
_LEAST_DUPLICATE = 0.5
_MOST_CODE = 160
_MOST_ADDRESS = 600
# Control characters, and marks that reorder or hide text.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef]+"
)
_ISSUE = re.compile(r"[0-9]{1,10}", re.ASCII)
_GITHUB = "github.com"


@dataclass(frozen=True, slots=True)
class Web:
    """Where people see the tracker: `host/owner/name`, and the known host whose addresses its are like."""

    repo: str
    like: str

    def lines(self, commit: str | None, path: str, start: int | None, end: int | None) -> str | None:
        """The address of lines of a file."""
        return permalink(self.repo, commit, path, start, end, like=self.like)

    def commit(self, commit: str) -> str | None:
        """The address of a commit."""
        return permalink(self.repo, commit, None, None, None, like=self.like)

    def issue(self, issue: str) -> str | None:
        """The address of an issue that leaves no trace at the issue; None where there is no such address."""
        # GitHub's own detour: a plain link would tell everybody there that they were mentioned.
        if self.repo.startswith(f"{_GITHUB}/") and _ISSUE.fullmatch(issue):
            return f"https://redirect.{self.repo}/issues/{issue}"
        return None


def as_code(text: str) -> str:
    """The text as a code span: on one line, without what is not seen, cut where it is long."""
    seen = " ".join(_UNSEEN.sub(" ", text).replace("`", "'").split())
    if len(seen) > _MOST_CODE:
        seen = seen[: _MOST_CODE - 1] + "…"
    return f"`{seen or '?'}`"


def has_something_to_say(triage: Triage) -> bool:
    """Whether a comment would help anybody: there are suspects, or a past issue that likely says the same."""
    return bool(triage.suspects) or bool(likely_duplicates(triage))


def comment_of(triage: Triage, web: Web) -> str:
    """The comment, in the Markdown that GitHub and GitLab share, never longer than `MOST_CHARS`: so much is
    shown of each text and list.
    """
    commit = triage.snapshots[0].commit if triage.snapshots else None
    parts = [MARKER]
    if triage.suspects:
        parts.append(
            "**Where the cause may be** (a machine wrote this, nobody has checked it). "
            f"The fix changes one of these with a probability of {_percent(triage.confidence)}:"
        )
        files = [_file(number, one, commit, web) for number, one in enumerate(triage.suspects[:_FILES], 1)]
        parts.append("\n".join(files))
    else:
        parts.append(
            "**A machine read this issue** and finds too little in it to say where the cause may be."
        )
    if likely := likely_duplicates(triage):
        parts.append("**Seen before?**")
        parts.append("\n".join(_duplicate(one, web) for one in likely))
    if triage.suspects and triage.culprits:
        parts.append("**Commits that may have brought it in** (shares order them, and are no probabilities):")
        parts.append("\n".join(_culprit(one, web) for one in triage.culprits[:_OTHERS]))
    if commit is not None:
        parts.append(f"<sub>Read at {_linked(commit[:12], web.commit(commit))} by loccit.</sub>")
    parts.append(_HOW)
    return "\n\n".join(parts)


def write_comment(writer: TrackerWriter, issue: str, text: str, *, is_new_allowed: bool = True) -> str:
    """See to it that our one comment on an issue has this text: its id, empty where there is none and no new
    one is allowed.

    It is looked for first, so that after a kill or a fault in the middle of it nothing is written twice.
    """
    found = writer.own_comment(issue, MARKER)
    if found is None:
        return writer.post(issue, text).id if is_new_allowed else ""
    if found.body.strip() != text.strip():
        writer.edit(issue, found.id, text)
    return found.id


_HOW = (
    "<details><summary>Maintainers: put it right</summary>\n\n"
    "Comment with one of these on a line of its own; it teaches what is ranked here.\n\n"
    "- `/loccit files PATH PATH …`: the files that have to change\n"
    "- `/loccit duplicate #N`, `/loccit not-duplicate`\n"
    "- `/loccit wrong WHAT`: what is wrong\n"
    "- `/loccit again`: read the issue again\n"
    "- `/loccit quiet`: take this text away, and write none here again\n\n"
    "</details>"
)


def quiet_comment() -> str:
    """What is left of the comment where a maintainer wants none."""
    return f"{MARKER}\n\n<sub>loccit was asked to be quiet here.</sub>"


def likely_duplicates(triage: Triage) -> list[Duplicate]:
    """The past issues that the comment shows."""
    return [one for one in triage.duplicates if one.probability >= _LEAST_DUPLICATE][:_OTHERS]


def _file(number: int, suspect: SuspectFile, commit: str | None, web: Web) -> str:
    path = path_of(suspect)
    shown = _linked(
        path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        web.lines(commit, path, None, None),
    )
    lines = [f"{number}. {shown} {_percent(suspect.probability)}"]
    functions = [_function(one, path, commit, web) for one in suspect.functions[:_FUNCTIONS]]
    if functions:
        lines.append(f"   - in {', '.join(functions)}")
    reasons = [_reason(reason, suspect, web) for reason in suspect.reasons[:_REASONS]]
    if reasons:
        lines.append(f"   - because: {', '.join(reasons)}")
    return "\n".join(lines)


def _reason(reason: TriageReason, suspect: SuspectFile, web: Web) -> str:
    """Why, with a link to the lines or the commit that it rests on."""
    cited = None if reason.citation is None else suspect.citations[reason.citation : reason.citation + 1]
    if not cited or cited[0].commit is None:
        return as_code(reason.text)
    place, commit = cited[0], cited[0].commit
    if place.kind is CitationKind.COMMIT:
        return f"{as_code(reason.text)} ({_linked(commit[:12], web.commit(commit))})"
    where = web.lines(commit, path_of(suspect), place.start_line, place.end_line)
    return _linked(reason.text, where)


def _function(function: TriageFunction, path: str, commit: str | None, web: Web) -> str:
    where = web.lines(commit, path, function.start_line, function.end_line)
    return f"{_linked(function.symbol, where)} (lines {function.start_line} to {function.end_line})"


def _duplicate(duplicate: Duplicate, web: Web) -> str:
    state = "open" if duplicate.is_open else "closed"
    issue = _linked(f"#{duplicate.id}", web.issue(duplicate.id))
    return f"- {issue} {as_code(duplicate.title)} ({state}) {_percent(duplicate.probability)}"


def _culprit(culprit: Culprit, web: Web) -> str:
    reasons = ", ".join(as_code(reason) for reason in culprit.reasons[:_REASONS])
    commit = _linked(culprit.commit[:12], web.commit(culprit.commit))
    return f"- {commit} {_percent(culprit.score)}{f' because: {reasons}' if reasons else ''}"


def path_of(suspect: SuspectFile) -> str:
    """The path of a suspect, what is not UTF-8 in it as surrogate escapes."""
    if suspect.path is not None:
        return suspect.path
    return path_text(base64.b64decode(suspect.path_base64 or ""))


def _linked(text: str, address: str | None) -> str:
    is_shown = address is not None and len(address) <= _MOST_ADDRESS
    return f"[{as_code(text)}]({address})" if is_shown else as_code(text)


def _percent(share: float) -> str:
    if share >= 0.995:
        return "over 99%"
    return f"{100 * share:.0f}%" if share >= 0.005 else "under 1%"
