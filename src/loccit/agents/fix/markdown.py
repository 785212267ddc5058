"""A fix as Markdown: for a pull request, and for files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loccit.core.answers import Citation
from loccit.core.fixes import Fix, FixReason
from loccit.core.visible import one_line

_MOST_QUOTE_LINES = 8
_OUTCOMES = {
    "fixed": "Fixed",
    "not_reproduced": "Not reproduced",
    "no_fix_found": "No fix found",
    "needs_person": "Needs a person",
    "limit": "Stopped at a limit",
}


def markdown(fix: Fix) -> str:
    """The whole report, ending in a line feed."""
    return "\n".join(_lines(fix, with_diff=True)) + "\n"


def pull_request(fix: Fix) -> tuple[str, str]:
    """The title and the text of a pull request; nothing in it addresses anybody."""
    edit = next((step for step in fix.steps if step.commit and step.name != "reproduce"), None)
    subject = edit.text.strip().splitlines()[0] if edit is not None and edit.text.strip() else fix.issue.title
    closes = f"Fixes #{fix.issue.id}.\n\n" if fix.issue.id and fix.issue.id.isdigit() else ""
    return _plain(subject)[:120], closes + "\n".join(_lines(fix, with_diff=False)) + "\n"


def _lines(fix: Fix, *, with_diff: bool) -> Iterator[str]:
    yield f"# {_OUTCOMES[fix.outcome.value]}: {_plain(fix.issue.title or fix.issue.id or 'an issue')}"
    yield f"\n{_plain(fix.why)}."
    if fix.reproduction is not None:
        yield "\n## The issue, as a test\n"
        yield f"`{fix.reproduction.path}` fails at {fix.base[:12]}:\n"
        yield from _block(fix.reproduction.failure)
        yield f"\n{_plain(fix.reproduction.reason)}"
    if fix.plan:
        yield f"\n## The cause, and the change\n\n{_plain(fix.plan)}"
    yield from _reasons("What it rests on", (*fix.reasons, *fix.understood))
    if fix.checks:
        yield "\n## Checks\n\n| check | came out | found |\n|---|---|---|"
        for check in fix.checks:
            name, came = (text.value.replace("_", " ") for text in (check.name, check.outcome))
            yield f"| {name} | {came} | {_cell(check.text)} |"
    if fix.reviews:
        yield "\n## Review\n"
        for number, review in enumerate(fix.reviews, 1):
            yield f"- round {number}: {review.verdict.value}"
            yield from (f"  - {_plain(each)}" for each in review.objections)
    yield from _steps(fix)
    yield "\n## Not verified\n"
    open_points = [
        *fix.not_verified,
        *(f"a reason whose lines are not there: {each}" for each in fix.dropped),
    ]
    yield from (f"- {_plain(each)}" for each in open_points)
    yield "- what the tests do not test: a model wrote this, read the change"
    if fix.lesson is not None:
        yield f"\n## A lesson for later\n\n**{_plain(fix.lesson.title)}**: {_plain(fix.lesson.text)}"
    if fix.run is not None:
        run = fix.run
        yield (
            f"\nRun `{run.id}`: {run.seconds:.0f} s, {run.model_calls} model calls,"
            f" {run.tool_calls} tool calls, ${run.cost_usd:.4f}."
        )
    if with_diff and fix.diff:
        yield "\n## The change\n"
        yield from _block(fix.diff.rstrip("\n"), "diff")


def _reasons(heading: str, reasons: Sequence[FixReason]) -> Iterator[str]:
    if not reasons:
        return
    yield f"\n## {heading}\n"
    for reason in reasons:
        places = ", ".join(_place(each) for each in reason.citations)
        yield f"- {_plain(reason.text)}" + (f" ({places})" if places else "")


def _steps(fix: Fix) -> Iterator[str]:
    if fix.branch is not None:
        yield f"\n## Branch `{fix.branch.name}`\n"
        for step in fix.steps:
            if step.commit is not None:
                text = _plain(step.text.strip().splitlines()[0] if step.text.strip() else step.name)
                yield f"- `{step.commit[:12]}` {step.name}: {text} (+{step.added} -{step.removed})"


def _place(citation: Citation) -> str:
    if citation.path is None:
        text = f"`{(citation.commit or citation.tree or '')[:12]}`"
    else:
        text = f"`{one_line(citation.path).replace('`', '')}:{citation.start_line}`"
    return f"[{text}]({citation.permalink})" if citation.permalink else text


def _block(text: str, language: str = "") -> Iterator[str]:
    """A fenced block that nothing in the text can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    yield f"{fence}{language}"
    yield text
    yield fence


def _plain(text: str) -> str:
    """Somebody's words in one paragraph: no markup, no mention of anybody, no picture, no link."""
    kept = " ".join(one_line(text).replace("\\n", " ").split())
    for character in "\\`*_{}[]<>#|":
        kept = kept.replace(character, f"\\{character}")
    return kept.replace("@", "@\u2060")


def _cell(text: str) -> str:
    return _plain(text.splitlines()[0])[:300] if text else ""
