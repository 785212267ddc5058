"""An answer as a page shows it: claims with verdicts in words, and numbered places that open the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    Run,
    SnapshotInfo,
    Verdict,
    VerdictLabel,
    cited_path,
)
from loccit.core.encodings import text_lines
from loccit.core.source import path_text
from loccit.parsing import language_of
from loccit.serving.web.highlight import Line, highlighted
from loccit.serving.web.places import commit_url, source_url

if TYPE_CHECKING:
    from loccit.telemetry.records import RunRecord

Link = Callable[[str | None], str | None]

_OUTCOMES = {
    Outcome.ANSWERED: "Answered",
    Outcome.PARTIAL: "Answered in part",
    Outcome.ABSTAINED: "Not answered",
}
_WHY_NOT = {
    Abstention.NOT_IN_SOURCES: "Nothing in these sources bears on the question well enough to quote.",
    Abstention.NOT_INDEXED: "Nothing is indexed for this question. This says nothing about the sources.",
    Abstention.INDEX_STALE: (
        "The repository has moved on since it was indexed, and what is indexed does not hold the answer. "
        "What came later may."
    ),
    Abstention.INDEX_BROKEN: "The index cannot be read. This says nothing about the sources.",
    Abstention.BUDGET: "The budget cannot pay for the rest.",
    Abstention.MODEL_UNAVAILABLE: "The model gave no usable answer to the rest.",
}
_QUOTED_INSTEAD = {
    Abstention.BUDGET: "The budget cannot pay for a written answer: these are quotations.",
    Abstention.MODEL_UNAVAILABLE: "The model gave no usable answer: these are quotations.",
}
_NEXT = {
    Abstention.NOT_IN_SOURCES: "Ask with names from the code, ask more repositories, or search for words.",
    Abstention.NOT_INDEXED: "Choose a repository that is indexed, or ask an admin to have this one indexed.",
    Abstention.INDEX_STALE: "Ask again once it is indexed anew; the index page says how far behind it is.",
    Abstention.INDEX_BROKEN: "Tell an admin: 'loccit doctor' says what is wrong.",
    Abstention.BUDGET: "Ask again when the budget is filled up, or choose quotations only.",
    Abstention.MODEL_UNAVAILABLE: "Ask again in a while, or choose quotations only.",
}
# What a verdict says, and the mark that says it without colour.
_VERDICTS = {
    VerdictLabel.SUPPORTED: ("good", "✓", "Supported"),
    VerdictLabel.PARTLY: ("warning", "◐", "Partly supported"),
    VerdictLabel.UNSUPPORTED: ("bad", "✗", "Not supported"),
    VerdictLabel.CONTRADICTED: ("bad", "✗", "Contradicted"),
    VerdictLabel.UNCHECKED: ("warning", "?", "Not checked"),
}
_BYTES, _QUOTES = "loccit.bytes", "loccit.quotes"


@dataclass(frozen=True, slots=True)
class CitationView:
    """A place. `url` opens it here, empty where nothing can be opened; `host_url` on the host that has it."""

    number: int
    label: str
    repo: str
    url: str
    host_url: str | None
    lines: tuple[Line, ...]
    is_code: bool


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What a checker says: `tone` is good, warning or bad."""

    tone: str
    mark: str
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim with its places, as numbered."""

    text: str
    is_quotation: bool
    citations: tuple[CitationView, ...]
    verdict: VerdictView
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer. `run` is empty where no record of it is kept; `models` are those that wrote and checked."""

    question: str
    outcome: str
    is_abstention: bool
    tone: str
    why_not: str
    next_step: str
    claims: tuple[ClaimView, ...]
    dropped: tuple[tuple[str, VerdictView], ...]
    snapshots: tuple[SnapshotInfo, ...]
    confidence: float
    took_ms: float
    cost_usd: float
    run: str
    session: str
    models: tuple[str, ...]
    is_written: bool
    several: bool
    digest: str


def answer_view(answer: Answer, link: Link, *, record: RunRecord | None, session: str) -> AnswerView:
    """What is shown of an answer; `link` says which addresses may be linked to."""
    several = len(answer.snapshots) > 1
    numbers: dict[tuple[object, ...], int] = {}
    claims = tuple(_claim(claim, link, numbers) for claim in answer.claims)
    is_written = any(one.kind is ClaimKind.STATEMENT for one in answer.claims)
    run = answer.run
    return AnswerView(
        question=answer.question,
        outcome=_OUTCOMES[answer.outcome],
        is_abstention=answer.outcome is Outcome.ABSTAINED,
        tone="good" if answer.outcome is Outcome.ANSWERED else "warning",
        why_not=_why_not(answer),
        next_step=_NEXT[answer.abstention] if answer.abstention is not None else "",
        claims=claims,
        dropped=tuple((one.text, _verdict(one.verdict)) for one in answer.dropped),
        snapshots=answer.snapshots,
        confidence=answer.confidence,
        took_ms=_took_ms(record, run),
        cost_usd=run.cost_usd if run else 0.0,
        run=record.id if record else "",
        session=session,
        models=_models(record),
        is_written=is_written,
        several=several,
        digest=answer.digest,
    )


def verdict_view(verdict: Verdict) -> VerdictView:
    """A verdict in words."""
    return _verdict(verdict)


def markdown(answer: Answer, absolute: Callable[[str], str], link: Link) -> str:
    """The answer as Markdown, with a link to each place: on its host where that is known, else here.

    `absolute` makes a whole address of one on this site.
    """
    lines = [f"**{_escaped(' '.join(answer.question.split()))}**", ""]
    if answer.abstention is not None:
        lines += [f"_{_OUTCOMES[answer.outcome]}: {_why_not(answer)}_", ""]
    numbers: dict[tuple[object, ...], int] = {}
    views: dict[int, CitationView] = {}
    for claim in answer.claims:
        view = _claim(claim, link, numbers)
        views |= {one.number: one for one in view.citations}
        marks = " ".join(f"[[{one.number}]]({_address(one, absolute)})" for one in view.citations)
        if view.is_quotation:
            lines += [f"{_code(view.citations[0].label)} {marks}", "", *_fenced(claim.text), ""]
        else:
            lines += [f"- {_escaped(' '.join(claim.text.split()))} {marks}"]
    if answer.claims:
        lines += [""] if lines[-1] else []
        lines += [
            f"{number}. [{_escaped(one.label)}]({_address(one, absolute)})"
            for number, one in sorted(views.items())
        ]
        lines.append("")
    at = ", ".join(f"{_escaped(s.repo)} at {(s.commit or s.tree or '')[:12]}" for s in answer.snapshots)
    lines.append(f"_Machine-written by loccit{f' from {at}' if at else ''}._")
    return "\n".join(lines) + "\n"


def citation_label(citation: Citation) -> str:
    """`path:10-20`, or `commit 1a2b3c4d5e6f`."""
    path = cited_path(citation)
    if path is None:
        return f"commit {(citation.commit or '')[:12]}"
    lines = f"{citation.start_line}"
    if citation.end_line != citation.start_line:
        lines += f"-{citation.end_line}"
    return f"{path_text(path)}:{lines}"


def citation_url(citation: Citation) -> str:
    """Where a place can be read on this site; empty for an issue's text."""
    path = cited_path(citation)
    if citation.kind is CitationKind.COMMIT or path is None:
        return commit_url(citation.repo, citation.commit or "")
    if citation.kind is CitationKind.ISSUE:
        return ""
    return source_url(
        citation.repo,
        citation.commit,
        path_text(path),
        citation.start_line,
        citation.end_line,
        span=(citation.start_byte, citation.end_byte),
        sha256=citation.sha256,
    )


def _claim(claim: Claim, link: Link, numbers: dict[tuple[object, ...], int]) -> ClaimView:
    return ClaimView(
        text=claim.text,
        is_quotation=claim.kind is ClaimKind.QUOTATION,
        citations=tuple(_citation(one, link, numbers) for one in claim.citations),
        verdict=_verdict(claim.verdict),
        why=claim.why,
    )


def _citation(citation: Citation, link: Link, numbers: dict[tuple[object, ...], int]) -> CitationView:
    place = (citation.repo, citation.commit, citation.blob, citation.start_byte, citation.end_byte)
    number = numbers.setdefault(place, len(numbers) + 1)
    lines = [line.removesuffix("\n").removesuffix("\r") for line in text_lines(citation.quote)]
    is_code = citation.kind is CitationKind.FILE
    language = language_of(path_text(cited_path(citation) or b"")) if is_code else ""
    quoted = highlighted(lines, language, 1, len(lines))
    return CitationView(
        number=number,
        label=citation_label(citation),
        repo=citation.repo,
        url=citation_url(citation),
        host_url=link(citation.permalink),
        lines=tuple(replace(line, number=line.number + citation.start_line - 1) for line in quoted),
        is_code=is_code,
    )


def _verdict(verdict: Verdict) -> VerdictView:
    tone, mark, label = _VERDICTS[verdict.label]
    if verdict.checker == _BYTES and verdict.label is VerdictLabel.SUPPORTED:
        return VerdictView(tone, mark, "Quoted word for word", "its bytes were compared with the source")
    if verdict.checker == _QUOTES:
        return VerdictView(tone, mark, label, "what it quotes stands nowhere in the evidence")
    score = "" if verdict.score is None else f" gives it {verdict.score:.2f} of 1"
    why = f"{verdict.checker}{score}" if score else f"by {verdict.checker}"
    return VerdictView(tone, mark, label, why)


def _why_not(answer: Answer) -> str:
    """Why the answer ends where it does; that it quotes because nothing could be written."""
    why = answer.abstention
    if why is None:
        return ""
    is_quoted = bool(answer.claims) and all(one.kind is ClaimKind.QUOTATION for one in answer.claims)
    return _QUOTED_INSTEAD.get(why, _WHY_NOT[why]) if is_quoted else _WHY_NOT[why]


def _took_ms(record: RunRecord | None, run: Run | None) -> float:
    if record is not None:
        return record.took_ms
    return sum(run.timings_ms.values()) if run else 0.0


def _models(record: RunRecord | None) -> tuple[str, ...]:
    if record is None:
        return ()
    return tuple(dict.fromkeys(call.answered_by or call.model for call in record.calls if not call.error))


def _address(citation: CitationView, absolute: Callable[[str], str]) -> str:
    return citation.host_url or (absolute(citation.url) if citation.url else "")


def _escaped(text: str) -> str:
    """Text in Markdown that is nothing but text."""
    return "".join(
        f"\\{character}" if character in r"\`*_{}[]<>()#+-.!|~&" else character for character in text
    )


def _code(text: str) -> str:
    ticks = "`" * (_longest_run(text, "`") + 1)
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{' '.join(text.split())}{pad}{ticks}"


def _fenced(text: str) -> list[str]:
    fence = "`" * max(3, _longest_run(text, "`") + 1)
    return [fence, text.rstrip("\n").replace("\r\n", "\n"), fence]


def _longest_run(text: str, character: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == character else 0
        longest = max(longest, run)
    return longest
