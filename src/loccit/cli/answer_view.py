"""An answer as a person reads it."""

from __future__ import annotations

from loccit.cli.output import Style, note, one_line, say_styled
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
    Abstention.INDEX_BROKEN: "Find out what is wrong: loccit doctor. Make it anew: loccit index --rebuild PATH|URL",
}


def show_answer(answer: Answer, *, quiet: bool) -> None:
    """Print an answer: its quotations with their places, then what was searched and checked."""
    style = Style()
    if answer.abstention is not None:
        say_styled(style(f"Not answered ({answer.abstention.value}). {_WHY_NOT[answer.abstention]}", "yellow"))
        if not quiet and answer.abstention in _NEXT:
            note(_NEXT[answer.abstention])
    for number, claim in enumerate(answer.claims, start=1):
        _show_claim(number, claim, style)
    if quiet:
        return
    for snapshot in answer.snapshots:
        say_styled(style(_searched(snapshot), "dim"))
    if answer.claims:
        milliseconds = sum(answer.run.timings_ms.values()) if answer.run else 0.0
        say_styled(
            style(
                f"{len(answer.claims)} quotations, each re-checked against its bytes; confidence "
                f"{answer.confidence:.2f}; {milliseconds / 1000:.2f} s",
                "green",
            )
        )


def place_of(citation: Citation) -> str:
    """`path:start-end`, or `commit ID` for a commit."""
    path = cited_path(citation)
    if path is None:
        return f"commit {(citation.commit or '')[:12]}"
    return f"{one_line(path.decode('utf-8', 'surrogateescape'))}:{citation.start_line}-{citation.end_line}"


def _show_claim(number: int, claim: Claim, style: Style) -> None:
    citation = claim.citations[0]
    say_styled(f"{style(str(number), 'bold')}  {style(place_of(citation), 'bold', 'cyan')}")
    width = len(str(citation.end_line))
    for offset, line in enumerate(claim.text.split("\n")):
        margin = style(f"{citation.start_line + offset:>{width}} │", "dim")
        say_styled(f"   {margin} {style(line.rstrip(chr(13)))}")
    why = "; ".join(claim.why)
    if why:
        say_styled(style(f"   why: {why}", "dim"))
    if citation.permalink:
        say_styled(style(f"   {citation.permalink}", "dim"))
    say_styled("")


def _searched(snapshot: SnapshotInfo) -> str:
    at = (snapshot.commit or snapshot.tree or "")[:12]
    text = f"searched {one_line(snapshot.repo)} at {at}: {snapshot.files:,} files"
    skipped = ", ".join(f"{s.files:,} {s.reason}" for s in snapshot.skipped)
    if skipped:
        text += f" (left out or weighed less: {skipped})"
    if snapshot.changed_files:
        text += f"; {snapshot.changed_files:,} files of the working tree differ from that commit"
    if snapshot.history != "complete":
        text += f"; history: {snapshot.history}"
    return text
