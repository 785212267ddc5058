"""An answer as a person reads it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from loccit.cli.output import Style, counted, note, one_line, say_styled, visible
from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    Claim,
    ClaimKind,
    DroppedClaim,
    Outcome,
    SnapshotInfo,
    Verdict,
    VerdictLabel,
    cited_path,
)

_WHY_NOT = {
    Abstention.NOT_IN_SOURCES: "Nothing in these sources bears on the question well enough to quote.",
    Abstention.NOT_INDEXED: "Nothing is indexed for this question: this says nothing about the sources.",
    Abstention.INDEX_STALE: "The index is out of date: this says nothing about the sources.",
    Abstention.INDEX_BROKEN: "The index cannot be used: this says nothing about the sources.",
    Abstention.BUDGET: "The budget cannot pay for the rest.",
    Abstention.MODEL_UNAVAILABLE: "The model gave no usable answer to the rest.",
}
_QUOTED_INSTEAD = {
    Abstention.BUDGET: "The budget cannot pay for a written answer: these are quotations.",
    Abstention.MODEL_UNAVAILABLE: "The model gave no usable answer: these are quotations.",
}
_NEXT = {
    Abstention.NOT_IN_SOURCES: "Ask with names from the code, or see what there is: loccit search WORDS",
    Abstention.NOT_INDEXED: "Index it first: loccit index PATH|URL",
    Abstention.INDEX_STALE: "Bring it up to date: loccit index PATH|URL",
    Abstention.INDEX_BROKEN: (
        "Find out what is wrong: loccit doctor. Make it anew: loccit index --rebuild PATH|URL"
    ),
}
_QUOTED_LINES = 6
_DROPPED_CHARS = 160
# The checker of claims whose quotes stand nowhere.
_QUOTES = "loccit.quotes"
# What of a snapshot's history is indexed, as an answer's `history` has it.
_HISTORY = {"none": "not indexed", "partial": "partly indexed"}


def show_answer(answer: Answer, *, quiet: bool) -> None:
    """Print an answer: its quotations with their places, then what was searched and checked."""
    style = Style()
    if answer.abstention is not None:
        how = "Not answered" if answer.outcome is Outcome.ABSTAINED else "Answered in part"
        say_styled(
            style(f"{how} ({answer.abstention.value}). {_why_not(answer, answer.abstention)}", "yellow")
        )
    several = len(answer.snapshots) > 1
    for number, claim in enumerate(answer.claims, start=1):
        _show_claim(number, claim, style, several=several, quiet=quiet)
    if quiet:
        return
    _show_dropped(answer.dropped, style)
    for snapshot in answer.snapshots:
        _show_snapshot(snapshot, style)
    if answer.claims:
        say_styled(style(_checked(answer), "green"))
        return
    if answer.run and answer.run.cost_usd:
        say_styled(style(f"{_dollars(answer.run.cost_usd)} was spent", "dim"))
    if answer.abstention is not None and answer.abstention in _NEXT:
        note(_NEXT[answer.abstention])


def _why_not(answer: Answer, why: Abstention) -> str:
    """Why the answer ends where it does; that it quotes because nothing could be written."""
    is_quoted = bool(answer.claims) and all(one.kind is ClaimKind.QUOTATION for one in answer.claims)
    return _QUOTED_INSTEAD.get(why, _WHY_NOT[why]) if is_quoted else _WHY_NOT[why]


def place_of(citation: Citation) -> str:
    """`path:start-end`, or `commit ID` for a commit."""
    path = cited_path(citation)
    if path is None:
        return f"commit {(citation.commit or '')[:12]}"
    return f"{one_line(path.decode('utf-8', 'surrogateescape'))}:{citation.start_line}-{citation.end_line}"


def _show_claim(number: int, claim: Claim, style: Style, *, several: bool, quiet: bool) -> None:
    if claim.kind is ClaimKind.STATEMENT:
        _show_statement(number, claim, style, several=several, quiet=quiet)
        return
    citation = claim.citations[0]
    repo = f"  {style(one_line(citation.repo), 'dim')}" if several else ""
    say_styled(f"{style(str(number), 'bold')}  {style(place_of(citation), 'bold', 'cyan')}{repo}")
    width = len(str(citation.end_line))
    for offset, line in enumerate(claim.text.removesuffix("\n").split("\n")):
        margin = style(f"{citation.start_line + offset:>{width}} │", "dim")
        say_styled(f"   {margin} {style(line.rstrip(chr(13)))}")
    if claim.why and not quiet:
        say_styled(style(f"   why: {one_line('; '.join(claim.why))}", "dim"))
    if citation.permalink and not quiet:
        say_styled(style(f"   {one_line(citation.permalink)}", "dim"))
    say_styled("")


def _show_statement(number: int, claim: Claim, style: Style, *, several: bool, quiet: bool) -> None:
    """What a model wrote, the verdict on it, and the first lines of each quote it rests on."""
    margin = " " * (len(str(number)) + 2)
    width = max(40, min(100, shutil.get_terminal_size().columns)) - len(margin)
    lines = textwrap.wrap(visible(claim.text), width) or [""]
    say_styled(f"{style(str(number), 'bold')}  {lines[0]}")
    for line in lines[1:]:
        say_styled(margin + line)
    for citation in claim.citations:
        repo = f"  {style(one_line(citation.repo), 'dim')}" if several else ""
        say_styled(f"{margin}{style(place_of(citation), 'cyan')}{repo}")
        if quiet:
            continue
        quoted = citation.quote.split("\n")
        for line in quoted[:_QUOTED_LINES]:
            say_styled(f"{margin}{style('│ ' + line.rstrip(chr(13)), 'dim')}")
        if len(quoted) > _QUOTED_LINES:
            more = counted(len(quoted) - _QUOTED_LINES, "more line")
            say_styled(f"{margin}{style(f'│ … {more}', 'dim')}")
        if citation.permalink:
            say_styled(f"{margin}{style(one_line(citation.permalink), 'dim')}")
    if not quiet:
        say_styled(f"{margin}{_verdict(claim.verdict, style)}")
    say_styled("")


def _verdict(verdict: Verdict, style: Style) -> str:
    score = "" if verdict.score is None else f" {verdict.score:.2f}"
    colour = "green" if verdict.label is VerdictLabel.SUPPORTED else "yellow"
    return f"{style(verdict.label.value, colour)}{style(f'{score} by {one_line(verdict.checker)}', 'dim')}"


def _show_dropped(dropped: Sequence[DroppedClaim], style: Style) -> None:
    for claim in dropped:
        text = one_line(claim.text)
        shown = text if len(text) <= _DROPPED_CHARS else f"{text[:_DROPPED_CHARS]}…"
        why = "no such quote" if claim.verdict.checker == _QUOTES else claim.verdict.label.value
        say_styled(style(f"dropped ({why}): {shown}", "dim"))


def _show_snapshot(snapshot: SnapshotInfo, style: Style) -> None:
    at = (snapshot.commit or snapshot.tree or "")[:12]
    text = f"searched {one_line(snapshot.repo)} at {at}: {counted(snapshot.files, 'file')}"
    skipped = ", ".join(f"{s.files:,} {s.reason}" for s in snapshot.skipped)
    if skipped:
        text += f" (left out or weighed less: {skipped})"
    if snapshot.commit is not None and snapshot.history in _HISTORY:
        text += f"; its history is {_HISTORY[snapshot.history]}"
    say_styled(style(text, "dim"))
    if snapshot.changed_files:
        differ = (
            "1 file differs" if snapshot.changed_files == 1 else f"{snapshot.changed_files:,} files differ"
        )
        say_styled(style(f"  {differ} in the working tree: what is not committed was not searched", "yellow"))


def _checked(answer: Answer) -> str:
    milliseconds = sum(answer.run.timings_ms.values()) if answer.run else 0.0
    count = sum(len(claim.citations) for claim in answer.claims)
    quotations = "1 quotation" if count == 1 else f"{count} quotations, each"
    cost = f"{_dollars(answer.run.cost_usd)}; " if answer.run and answer.run.cost_usd else ""
    return (
        f"{quotations} re-checked against the bytes; confidence {answer.confidence:.2f}; {cost}"
        f"{milliseconds / 1000:.2f} s"
    )


def _dollars(usd: float) -> str:
    """With four decimals, more where it would be nothing otherwise."""
    return f"${usd:.4f}" if usd >= 0.0001 else f"${usd:.8f}"
