"""A draft of a maintainer's reply to a triaged issue, its claims cited and checked like an answer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from loccit.answering.compose import reply_draft_call
from loccit.budgets.deadline import Deadline
from loccit.core.answers import Citation, CitationKind, cited_path
from loccit.core.calls import Payer
from loccit.core.encodings import encoding_of, lines_of
from loccit.core.evidence import Passage, Place
from loccit.core.source import BlobReader, path_text
from loccit.core.triage import Part, ReplyDraft, SuspectFile, Triage, TriageNote, seal
from loccit.models.protocols import ChatModel
from loccit.pipeline.claims import recheck
from loccit.pipeline.drafting import Drafting, Tell
from loccit.pipeline.searchable import read_place
from loccit.retrieval.packing import Read
from loccit.retrieval.token_budget import with_ids

_SUSPECTS = 5
_FUNCTIONS = 2
_OTHERS = 3
_ISSUE_CHARS = 8_000


async def with_reply_draft(
    triage: Triage,
    issue: str,
    readers: Mapping[str, BlobReader],
    *,
    model: ChatModel,
    count_tokens: Callable[[str], int],
    evidence_tokens: int,
    reply_tokens: int,
    payer: Payer,
    deadline: Deadline,
    tell: Tell = lambda event: None,
) -> Triage:
    """The triage with a draft of a reply; as it was where it abstained, with a note where nothing of the
    draft holds.

    `readers` read the objects of each name in its snapshots. Raises ModelError, BudgetExceeded, PriceUnknown.
    """
    read = read_place(readers)
    passages = _within(_passages(triage, read), count_tokens, evidence_tokens)
    if triage.abstention is not None or not passages:
        return triage
    drafting = Drafting(
        question=f"What should be replied to the issue {triage.issue.title!r}?",
        passages=tuple(with_ids(triage.issue.sha256, passages)),
        reply_tokens=reply_tokens,
        payer=payer,
        deadline=deadline,
        tell=tell,
    )
    call = reply_draft_call(issue[:_ISSUE_CHARS], drafting.passages, reply_tokens=reply_tokens)
    await drafting.write(call, model)
    await drafting.repair(model)
    if not drafting.claims:
        return triage
    kept, fell = recheck(drafting.kept(read), list(readers.values()), triage.snapshots)
    if not kept:
        why = f"none of {len(drafting.claims):,} drafted claims held when they were checked"
        return with_note(triage, Part.REPLY_DRAFT, why)
    draft = ReplyDraft(claims=tuple(kept), dropped=(*drafting.dropped(), *fell))
    return _sealed_again(triage, reply_draft=draft)


def with_note(triage: Triage, part: Part, text: str) -> Triage:
    """The triage, and what a part of it could not do."""
    return _sealed_again(triage, notes=(*triage.notes, TriageNote(part=part, text=text)))


def _sealed_again(triage: Triage, **changed: object) -> Triage:
    fields = {name: getattr(triage, name) for name in Triage.model_fields if name not in {"format", "digest"}}
    return seal(**(fields | changed))


def _within(
    passages: Iterator[Passage], count_tokens: Callable[[str], int], budget_tokens: int
) -> list[Passage]:
    """Those that fit, in their order, each place once."""
    kept: dict[Place, Passage] = {}
    left = budget_tokens
    for passage in passages:
        cost = count_tokens(passage.text)
        if passage.place not in kept and cost <= left:
            left -= cost
            kept[passage.place] = passage
    return list(kept.values())


def _passages(triage: Triage, read: Read) -> Iterator[Passage]:
    """What the triage rests on: its suspects' functions first, then past issues and commits."""
    for suspect in triage.suspects[:_SUSPECTS]:
        yield from _functions(suspect, triage, read)
    cited: Sequence[Sequence[Citation]] = (
        *(one.citations for one in triage.duplicates[:_OTHERS]),
        *(one.citations for one in triage.culprits[:_OTHERS]),
        *(one.citations for one in triage.similar_fixes[:_OTHERS]),
    )
    for citations in cited:
        for citation in citations[:1]:
            yield _whole_message(citation, read)


def _functions(suspect: SuspectFile, triage: Triage, read: Read) -> Iterator[Passage]:
    searched = triage.snapshots[0]
    path = suspect.path if suspect.path is not None else _decoded(suspect)
    for function in suspect.functions[:_FUNCTIONS]:
        place = Place(
            repo=searched.repo,
            commit=searched.commit,
            tree=searched.tree or "",
            path=path,
            object_id=suspect.blob,
            start_byte=function.start_byte,
            end_byte=function.end_byte,
            start_line=function.start_line,
            end_line=function.end_line,
        )
        yield _passage(place, function.symbol, read)


def _decoded(suspect: SuspectFile) -> str:
    import base64

    return path_text(base64.b64decode(suspect.path_base64 or ""))


def _whole_message(citation: Citation, read: Read) -> Passage:
    """All that an issue or a commit says, not only the line that is cited."""
    is_commit = citation.kind is CitationKind.COMMIT
    path = cited_path(citation)
    place = Place(
        repo=citation.repo,
        commit=citation.commit,
        tree=citation.tree or "",
        path="" if path is None else path_text(path),
        object_id=(citation.commit if is_commit else citation.blob) or "",
        start_byte=citation.start_byte,
        end_byte=citation.end_byte,
        start_line=citation.start_line,
        end_line=citation.end_line,
    )
    data = read(place)
    end = len(data.rstrip()) if citation.encoding == "utf-8" else citation.end_byte
    if end > place.end_byte:
        _, last = lines_of(data, place.start_byte, end, encoding_of(data))
        place = replace(place, end_byte=end, end_line=last)
    return _passage(place, "", read)


def _passage(place: Place, symbol: str, read: Read) -> Passage:
    data = read(place)
    encoding = encoding_of(data)
    return Passage("", place, symbol, encoding, data[place.start_byte : place.end_byte].decode(encoding))
