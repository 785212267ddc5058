"""An answer as a person reads it."""

from __future__ import annotations

from loccit.cli.output import Style, counted, note, one_line, say_styled
from loccit.core.answers import Abstention, Answer, Citation, Claim, SnapshotInfo, cited_path

_WHY_NOT = {
    Abstention.NOT_IN_SOURCES: "Nothing in these sources bears on the question well enough to quote.",
    Abstention.NOT_INDEXED: "Nothing is indexed for this question: this says nothing about the sources.",
    Abstention.INDEX_STALE: "The index is out of date: this says nothing about the sources.",
    Abstention.INDEX_BROKEN: "The index cannot be used: this says nothing about the sources.",
    Abstention.BUDGET: "The budget is spent.",
    Abstention.MODEL_UNAVAILABLE: "No model can be reached.",
}
_NEXT = {
    Abstention.NOT_IN_SOURCES: "Ask with names from the code, or see what there is: loccit search WORDS",
    Abstention.NOT_INDEXED: "Index it first: loccit index PATH|URL",
    Abstention.INDEX_STALE: "Bring it up to date: loccit index PATH|URL",
    Abstention.INDEX_BROKEN: (
        "Find out what is wrong: loccit doctor. Make it anew: loccit index --rebuild PATH|URL"
    ),
}
# What of a snapshot's history is indexed, as an answer's `history` has it.
_HISTORY = {"none": "not indexed", "partial": "partly indexed"}


def show_answer(answer: Answer, *, quiet: bool) -> None:
    """Print an answer: its quotations with their places, then what was searched and checked."""
    style = Style()
    if answer.abstention is not None:
        say_styled(
            style(f"Not answered ({answer.abstention.value}). {_WHY_NOT[answer.abstention]}", "yellow")
        )
    several = len(answer.snapshots) > 1
    for number, claim in enumerate(answer.claims, start=1):
        _show_claim(number, claim, style, several=several, quiet=quiet)
    if quiet:
        return
    for snapshot in answer.snapshots:
        _show_snapshot(snapshot, style)
    if answer.claims:
        say_styled(style(_checked(answer), "green"))
    elif answer.abstention is not None and answer.abstention in _NEXT:
        note(_NEXT[answer.abstention])


def place_of(citation: Citation) -> str:
    """`path:start-end`, or `commit ID` for a commit."""
    path = cited_path(citation)
    if path is None:
        return f"commit {(citation.commit or '')[:12]}"
    return f"{one_line(path.decode('utf-8', 'surrogateescape'))}:{citation.start_line}-{citation.end_line}"


def _show_claim(number: int, claim: Claim, style: Style, *, several: bool, quiet: bool) -> None:
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
    count = len(answer.claims)
    quotations = "1 quotation" if count == 1 else f"{count} quotations, each"
    return (
        f"{quotations} re-checked against the bytes; confidence {answer.confidence:.2f}; "
        f"{milliseconds / 1000:.2f} s"
    )
