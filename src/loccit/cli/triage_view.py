"""A triage as a person reads it, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from loccit.cli.output import Style, counted, one_line, say_styled
from loccit.core.answers import Citation, cited_path
from loccit.core.triage import (
    Culprit,
    Duplicate,
    Owner,
    OwnerSource,
    SimilarFix,
    SuspectFile,
    Triage,
    TriageAbstention,
)

_WIDTH = 80
_BAR = 10
_REASONS = 3
_FUNCTIONS = 3
_PATHS = 3

_WHY_NOT = {
    TriageAbstention.NOT_ENOUGH: "Not enough to go on.",
    TriageAbstention.NOT_INDEXED: "Nothing is indexed for this issue: this says nothing about the sources.",
    TriageAbstention.INDEX_BROKEN: "The index cannot be used: this says nothing about the sources.",
}
_NEXT = {
    TriageAbstention.NOT_INDEXED: "Index it first: loccit index PATH|URL",
    TriageAbstention.INDEX_BROKEN: (
        "Find out what is wrong: loccit doctor. Make it anew: loccit index --rebuild PATH|URL"
    ),
}


def show_triage(result: Triage, *, tests: bool, docs: bool, quiet: bool) -> None:
    """Print a triage: suspects first, then what the past says, then what could not be done."""
    style = Style()
    _show_issue(result, style)
    if result.abstention is not None:
        say_styled(style(_WHY_NOT[result.abstention], "yellow"))
        if result.abstention in _NEXT:
            say_styled(_NEXT[result.abstention])
    for line in result.ask:
        _wrapped(f"- {line.question}", "  ", style, first="")
    _show_suspects("Suspects", result.suspects, style)
    _show_suspects("Tests", result.tests if tests else (), style)
    _show_suspects("Documentation", result.docs if docs else (), style)
    _show_apart(result, style, tests=tests, docs=docs)
    _show_duplicates(result.duplicates, style)
    _show_culprits(result.culprits, style)
    _show_fixes(result.similar_fixes, style)
    _show_labels(result, style)
    _show_owners(result.owners, style)
    _show_reply(result, style)
    if not quiet:
        _show_notes(result, style)
        _show_checked(result, style)


def _show_issue(result: Triage, style: Style) -> None:
    issue = result.issue
    name = f"{issue.id}: " if issue.id else ""
    _wrapped(one_line(f"{name}{issue.title or '(no title)'}"), "", style, "bold")
    if result.as_of is not None:
        say_styled(style(f"as of {result.as_of.time[:16]}Z, commit {result.as_of.commit[:12]}", "dim"))


def _heading(text: str, style: Style) -> None:
    say_styled("")
    say_styled(style(text, "bold"))


def _show_suspects(heading: str, suspects: Sequence[SuspectFile], style: Style) -> None:
    if not suspects:
        return
    _heading(heading, style)
    for suspect in suspects:
        filled = round(suspect.probability * _BAR)
        bar = style("█" * filled, "green") + style("░" * (_BAR - filled), "dim")
        say_styled(f"{bar} {style(_share(suspect.probability))}{style(_path_of(suspect), 'bold', 'cyan')}")
        for function in suspect.functions[:_FUNCTIONS]:
            lines = f"{function.start_line}-{function.end_line}"
            say_styled(f"                 {style(lines, 'dim')}  {style(one_line(function.symbol))}")
        for reason in suspect.reasons[:_REASONS]:
            cited = suspect.citations[reason.citation] if reason.citation is not None else None
            place = f" [{_place_of(cited)}]" if cited is not None and cited.path is None else ""
            _wrapped(f"{one_line(reason.text)}{place}", " " * 17, style, "dim")


def _show_reply(result: Triage, style: Style) -> None:
    """The draft of a reply, each claim with the places it rests on."""
    draft = result.reply_draft
    if draft is None:
        return
    _heading("A draft of a reply, posted nowhere", style)
    for claim in draft.claims:
        _wrapped(one_line(claim.text), "", style)
        places = ", ".join(dict.fromkeys(_place_of(citation) for citation in claim.citations))
        _wrapped(f"{places}  {claim.verdict.label.value}", "  ", style, "dim", first="  ")
    if draft.dropped:
        text = f"left out: {counted(len(draft.dropped), 'claim')} that did not stand the check"
        say_styled(style(text, "dim"))


def _show_apart(result: Triage, style: Style, *, tests: bool, docs: bool) -> None:
    """What is there and was not asked for."""
    hidden = [
        f"{counted(len(result.tests), 'test')} (--tests)" if result.tests and not tests else "",
        f"{counted(len(result.docs), 'page')} of documentation (--docs)" if result.docs and not docs else "",
    ]
    told = " and ".join(one for one in hidden if one)
    if told:
        say_styled(style(f"also {told}", "dim"))


def _show_duplicates(duplicates: Sequence[Duplicate], style: Style) -> None:
    if not duplicates:
        return
    _heading("Seen before?", style)
    for one in duplicates:
        state = "open" if one.is_open else "closed"
        _wrapped(f"{one.id} ({state})  {one_line(one.title)}", " " * 6, style, first=_share(one.probability))
        if one.evidence:
            _wrapped("; ".join(map(one_line, one.evidence)), " " * 6, style, "dim")


def _show_culprits(culprits: Sequence[Culprit], style: Style) -> None:
    if not culprits:
        return
    _heading("Commits that may have brought it in", style)
    for one in culprits:
        line = _commit_line(one.commit, one.time, one.citations)
        _wrapped(line, " " * 6, style, first=_share(one.score))
        _wrapped("; ".join(map(one_line, one.reasons)), " " * 6, style, "dim")


def _show_fixes(fixes: Sequence[SimilarFix], style: Style) -> None:
    if not fixes:
        return
    _heading("Similar past commits", style)
    for one in fixes:
        _wrapped(_commit_line(one.commit, one.time, one.citations), "    ", style, first="  ")
        if one.paths:
            more = f" and {len(one.paths) - _PATHS:,} more" if len(one.paths) > _PATHS else ""
            _wrapped(f"changed {', '.join(map(one_line, one.paths[:_PATHS]))}{more}", "    ", style, "dim")


def _commit_line(commit: str, time: str, citations: Sequence[Citation]) -> str:
    subject = one_line(citations[0].quote.strip()) if citations else ""
    return f"{commit[:12]} {time[:10]}  {subject}"


def _show_labels(result: Triage, style: Style) -> None:
    if not result.labels:
        return
    _heading("Labels", style)
    for one in result.labels:
        _wrapped(f"{one_line(one.label)}: {'; '.join(map(one_line, one.reasons))}", "    ", style, first="  ")


def _show_owners(owners: Sequence[Owner], style: Style) -> None:
    if not owners:
        return
    _heading("Whom to ask", style)
    for one in owners:
        kind = "owns" if one.source is OwnerSource.CODEOWNERS else "wrote"
        _wrapped(
            f"{one_line(one.name)} ({kind}): {'; '.join(map(one_line, one.reasons))}",
            " " * 6,
            style,
            first=_share(one.share),
        )


def _show_notes(result: Triage, style: Style) -> None:
    if result.notes:
        say_styled("")
    for one in result.notes:
        _wrapped(
            f"{one.part.value.replace('_', ' ')}: {one_line(one.text)}", "    ", style, "yellow", first="  "
        )


def _show_checked(result: Triage, style: Style) -> None:
    say_styled("")
    for snapshot in result.snapshots:
        at = (snapshot.commit or snapshot.tree or "")[:12]
        say_styled(style(f"searched {one_line(snapshot.repo)} at {at}", "dim"))
    parts = (
        result.suspects,
        result.tests,
        result.docs,
        result.duplicates,
        result.similar_fixes,
        result.culprits,
        result.owners,
    )
    count = sum(len(one.citations) for part in parts for one in part)
    milliseconds = sum(result.run.timings_ms.values()) if result.run else 0.0
    if count:
        say_styled(
            style(
                f"{counted(count, 'citation')} re-checked against the bytes; "
                f"confidence {result.confidence:.2f}; {milliseconds / 1000:.2f} s",
                "green",
            )
        )


def _share(value: float) -> str:
    """A share as six characters: percent, and two spaces."""
    return " <1%  " if 0 < value < 0.005 else f"{value:4.0%}  "


def _path_of(suspect: SuspectFile) -> str:
    if suspect.path is not None:
        return one_line(suspect.path)
    return one_line(next((_place_of(citation) for citation in suspect.citations), suspect.path_base64 or ""))


def _place_of(citation: Citation) -> str:
    path = cited_path(citation)
    if path is None:
        return (citation.commit or "")[:12]
    return f"{one_line(path.decode('utf-8', 'surrogateescape'))}:{citation.start_line}"


def _wrapped(text: str, indent: str, style: Style, *styles: str, first: str | None = None) -> None:
    """The text in lines of at most the width; `first` begins the first line where it is not `indent`."""
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    for line in lines:
        say_styled(style(line, *styles))
