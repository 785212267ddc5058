"""A fix as a person sees it: line by line while it goes on, and its report in 80 columns."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from loccit.cli.output import Style, counted, note, one_line, say_styled
from loccit.core.answers import cited_path
from loccit.core.fixes import CheckOutcome, Fix, FixOutcome, ReviewVerdict

if TYPE_CHECKING:
    from loccit.core.answers import Citation

_WIDTH = 80
_MOST_REASONS = 6
_MOST_DIFF_LINES = 60
_OUTCOMES = {
    FixOutcome.FIXED: ("Fixed", "green"),
    FixOutcome.NOT_REPRODUCED: ("Not reproduced", "yellow"),
    FixOutcome.NO_FIX_FOUND: ("No fix found", "yellow"),
    FixOutcome.NEEDS_PERSON: ("Needs a person", "yellow"),
    FixOutcome.LIMIT: ("Stopped at a limit", "yellow"),
}
_MARKS = {
    CheckOutcome.PASSED: ("passed ", "green"),
    CheckOutcome.FAILED: ("failed ", "red"),
    CheckOutcome.NOT_RUN: ("not run", "dim"),
}


class FixView:
    """Shows what goes on, on standard error, a line for each thing that was told."""

    def __init__(self, *, quiet: bool) -> None:
        self._shows = not quiet and sys.stderr is not None
        self._stage = ""

    def __call__(self, text: str) -> None:
        """Tell of something: its stage stands before a colon, and is shown once."""
        if not self._shows:
            return
        stage, _, rest = text.partition(": ")
        indent = " " * 12
        head = f"{stage:<10}  " if stage != self._stage else indent
        self._stage = stage
        shown = textwrap.shorten(one_line(rest), 3 * _WIDTH, placeholder=" …")
        for line in textwrap.wrap(shown, _WIDTH, initial_indent=head, subsequent_indent=indent):
            note(line)

    def close(self) -> None:
        """An empty line between what went on and what came of it."""
        if self._stage:
            note("")


def show_fix(fix: Fix, *, quiet: bool) -> None:
    """Print what became of the issue: outcome, test, cause, checks, review, change, and what is open."""
    style = Style()
    name, colour = _OUTCOMES[fix.outcome]
    title = f"#{fix.issue.id} {fix.issue.title}" if fix.issue.id else fix.issue.title
    _wrapped(f"{name}: {one_line(title)}", "", style, colour, "bold")
    _wrapped(one_line(fix.why), "", style)
    if fix.reproduction is not None:
        _heading("The issue, as a test", style)
        say_styled(style(one_line(fix.reproduction.path), "cyan"))
        for line in fix.reproduction.failure.splitlines():
            say_styled(style(f"  {one_line(line)}", "dim"))
    if fix.plan:
        _heading("The cause", style)
        _wrapped(one_line(fix.plan).replace("\\n", " "), "", style)
        for reason in fix.reasons[:_MOST_REASONS]:
            places = ", ".join(_place(each) for each in reason.citations)
            _wrapped(f"{places}  {one_line(reason.text)}", "    ", style, "dim", first="  ")
    _show_checks(fix, style)
    _show_change(fix, style)
    if not quiet:
        _show_open_points(fix, style)
        _show_run(fix, style)


def _show_checks(fix: Fix, style: Style) -> None:
    if fix.checks:
        _heading("What loccit ran", style)
    for check in fix.checks:
        mark, colour = _MARKS[check.outcome]
        say_styled(f"{style(mark, colour)}  {check.name.value.replace('_', ' ')}")
        _wrapped(one_line(check.text), " " * 9, style, "dim")
    for number, review in enumerate(fix.reviews, 1):
        is_approved = review.verdict is ReviewVerdict.APPROVED
        text = "no objection" if is_approved else counted(len(review.objections), "objection")
        say_styled(f"{style('review ', 'green' if is_approved else 'red')}  round {number}: {text}")
        for each in review.objections:
            _wrapped(one_line(each), " " * 9, style, "dim")


def _show_change(fix: Fix, style: Style) -> None:
    if not fix.diff:
        return
    _heading("The change" if fix.branch is not None else "What was tried", style)
    lines = [line for line in fix.diff.splitlines() if not line.startswith("index ")]
    for line in lines[:_MOST_DIFF_LINES]:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        say_styled(style(one_line(line), colour))
    if len(lines) > _MOST_DIFF_LINES:
        say_styled(style(f"({len(lines) - _MOST_DIFF_LINES:,} more lines: --json, --markdown)", "dim"))
    if fix.branch is None:
        return
    _heading(f"Branch {one_line(fix.branch.name)}", style)
    for step in fix.steps:
        if step.commit is not None:
            text = one_line(step.text.strip().splitlines()[0] if step.text.strip() else "")
            _wrapped(f"{step.commit[:12]}  {step.name}: {text}", " " * 14, style, first="")


def _show_open_points(fix: Fix, style: Style) -> None:
    _heading("Not verified", style)
    dropped = [f"said without lines that show it: {each}" for each in fix.dropped]
    for each in (*fix.not_verified, *dropped, "what the tests do not test: read the change"):
        _wrapped(one_line(each), "  ", style, "yellow", first="- ")
    if fix.lesson is not None:
        where = "on the branch" if fix.lesson.is_in_branch else "written nowhere yet (--lesson)"
        _heading(f"A lesson for later, {where}", style)
        _wrapped(one_line(f"{fix.lesson.title}: {fix.lesson.text}"), "", style)


def _show_run(fix: Fix, style: Style) -> None:
    if fix.run is None:
        return
    run = fix.run
    cited = sum(len(reason.citations) for reason in (*fix.reasons, *fix.understood))
    say_styled("")
    parts = (
        f"{counted(cited, 'citation')} re-checked; {run.seconds:.0f} s",
        counted(run.model_calls, "model call"),
        counted(run.tool_calls, "tool call"),
        f"${run.cost_usd:.4f}",
    )
    _wrapped(", ".join(parts), "", style, "green")
    say_styled(style(f"show it again: loccit fix --replay {run.id[:12]}", "dim"))


def _heading(text: str, style: Style) -> None:
    say_styled("")
    say_styled(style(text, "bold"))


def _place(citation: Citation) -> str:
    path = cited_path(citation)
    if path is None:
        return (citation.commit or "")[:12]
    return f"{one_line(path.decode('utf-8', 'surrogateescape'))}:{citation.start_line}"


def _wrapped(text: str, indent: str, style: Style, *styles: str, first: str | None = None) -> None:
    start = indent if first is None else first
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    ):
        say_styled(style(line, *styles))
