"""From a question to a written answer: search, pack, write, check, repair once, re-check, seal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from loccit.answering.compose import (
    MOST_READS,
    MOST_SEARCHES,
    Draft,
    ReadWish,
    answer_call,
    condense_call,
    parse_question,
)
from loccit.answering.conversation import Exchange, condensed
from loccit.answering.extract import quotations
from loccit.answering.options import AnsweringOptions
from loccit.budgets.deadline import Deadline
from loccit.core.answers import (
    Abstention,
    Answer,
    Claim,
    DroppedClaim,
    Outcome,
    Run,
    SnapshotInfo,
    VerdictLabel,
    seal,
)
from loccit.core.calls import Payer
from loccit.core.encodings import encoding_of, text_lines
from loccit.core.errors import (
    BudgetExceeded,
    ContextTooLong,
    LoccitError,
    MalformedReply,
    ModelRefused,
    ModelUnavailable,
)
from loccit.core.evidence import EvidenceSet, Filters, PackedEvidence, Passage, Place
from loccit.core.source import BlobReader
from loccit.models.protocols import ChatModel
from loccit.pipeline.claims import quotation_claim, recheck
from loccit.pipeline.drafting import CheckedClaim, Drafting, Tell
from loccit.pipeline.events import Degraded, Found, Searching, Writing
from loccit.pipeline.evidence import gather
from loccit.pipeline.searchable import (
    Searchable,
    Timings,
    index_age,
    read_place,
    readers_of,
    silence,
    snapshot_info,
    utc_time,
)
from loccit.retrieval.options import RetrievalOptions
from loccit.retrieval.packing import Read
from loccit.retrieval.query import understand
from loccit.retrieval.token_budget import pack_for_model
from loccit.telemetry.trace import span
from loccit.verification.judge import judge

# Pieces of evidence that are looked at for each step; the token budget decides how many are read.
_PIECES = 12
# Lines that a model may read at once.
_MOST_LINES = 200
# Tokens of a follow-up question that was made to stand alone.
_QUESTION_TOKENS = 300
# What a model, or the budget for it, may fail with while there is still something to say without it.
SURVIVABLE = (ModelUnavailable, ModelRefused, MalformedReply, ContextTooLong, BudgetExceeded)


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes and who checks. `stronger` is asked where the first answer does not stand the check."""

    answer: ChatModel
    stronger: ChatModel | None = None
    judge: ChatModel | None = None


@dataclass(slots=True)
class _Work:
    """One question on its way to an answer."""

    question: str
    searched: Sequence[Searchable]
    read: Read
    readers: Sequence[BlobReader]
    filters: Filters
    retrieval: RetrievalOptions
    answering: AnsweringOptions
    count_tokens: Callable[[str], int]
    writers: Writers
    payer: Payer
    deadline: Deadline
    tell: Tell
    streams: bool
    conversation: str = ""
    asked_before: str = ""
    timings: Timings = field(default_factory=Timings)
    found: EvidenceSet | None = None
    packed: PackedEvidence = field(default_factory=lambda: PackedEvidence(()))
    standalone: str = ""
    budget_tokens: int = 0
    stopped_by: LoccitError | None = None

    @property
    def snapshots(self) -> tuple[SnapshotInfo, ...]:
        """What is searched, as the answer says it."""
        return tuple(snapshot_info(one) for one in self.searched)


async def write(
    question: str,
    searched: Sequence[Searchable],
    *,
    writers: Writers,
    filters: Filters,
    retrieval: RetrievalOptions,
    answering: AnsweringOptions,
    count_tokens: Callable[[str], int],
    payer: Payer,
    deadline: Deadline,
    version: str,
    turns: Sequence[Exchange] = (),
    tell: Tell = lambda event: None,
    streams: bool = False,
) -> Answer:
    """An answer that a model wrote, of which every claim was checked; quotations where no model can be had.

    `turns` are the conversation so far, oldest first. `tell` hears what goes on; with `streams` it hears of
    each claim as soon as the model has written it, and it was checked. Where a model, or the budget for it,
    gives out, what is checked by then stays, quotations take the place of what is not there, and `abstention`
    says why. Raises InputError, SourceError, SearchIndexError, ModelNotConfigured, PriceUnknown.
    """
    started = datetime.now(UTC)
    with ExitStack() as stack:
        readers = readers_of(searched, stack)
        work = _Work(
            question=question,
            searched=searched,
            read=read_place(readers),
            readers=list(readers.values()),
            filters=filters,
            retrieval=retrieval,
            answering=answering,
            count_tokens=count_tokens,
            writers=writers,
            payer=payer,
            deadline=deadline,
            tell=tell,
            streams=streams,
            conversation=condensed(
                turns, count_tokens=count_tokens, budget_tokens=answering.conversation_tokens
            ),
            asked_before=turns[-1][0] if turns else "",
            standalone=question,
            budget_tokens=answering.evidence_tokens,
        )
        claims, dropped = await _written(work)
        return await asyncio.to_thread(_sealed, work, claims, dropped, started, version)


async def _written(work: _Work) -> tuple[list[Claim], list[DroppedClaim]]:
    """The claims that hold after every check but the last, and those that fell."""
    try:
        if work.conversation:
            work.standalone = await _standalone(work)
        drafting = await _drafted(work)
        if drafting is None:
            return [], []
        await _repaired(work, drafting, work.writers.answer)
        drafting = await _by_a_stronger(work, drafting)
        await _judged(work, drafting)
    except SURVIVABLE as error:
        _give_up(work, error)
        return [], []
    return drafting.kept(work.read), drafting.dropped()


def _give_up(work: _Work, error: LoccitError) -> None:
    work.stopped_by = error
    work.tell(Degraded(error.message, error.next_step))


async def _standalone(work: _Work) -> str:
    """The question without what only the conversation explains; together with the one before it where the
    model does not manage that.
    """
    call = condense_call(work.question, work.conversation, reply_tokens=_QUESTION_TOKENS)
    work.tell(Writing(work.writers.answer.name, "condense"))
    try:
        reply = await work.writers.answer.reply(call, work.payer, work.deadline)
        return parse_question(reply.text, model=reply.model)
    except MalformedReply as error:
        work.tell(Degraded(error.message, "searched with the last question beside this one"))
        return f"{work.question}\n{work.asked_before}"
    finally:
        work.timings.mark("model")


async def _drafted(work: _Work) -> Drafting | None:
    """What the model writes, after as many further searches as it wants and may have.

    None where the sources hold nothing to write from.
    """
    await asyncio.to_thread(_search, work, (work.standalone,))
    if not work.packed.passages:
        return None
    steps_left = work.answering.steps
    repacked = False
    while True:
        drafting = Drafting(
            question=work.question,
            passages=work.packed.passages,
            reply_tokens=work.answering.reply_tokens,
            payer=work.payer,
            deadline=work.deadline,
            tell=work.tell,
            streams=work.streams,
        )
        call = answer_call(
            work.question,
            work.packed,
            conversation=work.conversation,
            steps_left=steps_left,
            reply_tokens=work.answering.reply_tokens,
        )
        try:
            draft = await drafting.write(call, work.writers.answer)
        except ContextTooLong:
            if repacked:
                raise
            repacked = True
            work.budget_tokens = work.packed.tokens // 2
            work.packed = await asyncio.to_thread(_packed, work, ())
            continue
        finally:
            work.timings.mark("model")
        if draft.claims or not (draft.search or draft.read) or not steps_left:
            return drafting
        steps_left -= 1
        before = work.packed.passages
        await asyncio.to_thread(_look_further, work, draft)
        if work.packed.passages == before:
            # Nothing new was found: it is told to answer from what there is.
            steps_left = 0


def _search(work: _Work, queries: Sequence[str]) -> None:
    """Evidence for the queries, packed; what was read before stays."""
    work.tell(Searching(tuple(queries)))
    with span("search", {"queries": len(queries)}) as searching:
        for text in queries:
            query = understand(text, max_chars=work.retrieval.max_query_chars)
            more = gather(
                query,
                work.searched,
                work.read,
                work.filters,
                least_confidence=work.answering.least_confidence,
                passages=_PIECES,
                timings=work.timings,
                weigh_lines=False,
            )
            # The first search says how likely it is that the sources hold the answer.
            before = work.found
            work.found = (
                more
                if before is None
                else replace(
                    before,
                    evidence=(*more.evidence, *before.evidence),
                    hits=tuple({hit.place: hit for hit in (*more.hits, *before.hits)}.values()),
                )
            )
        searching.set(found=len(work.found.evidence) if work.found else 0)
    work.packed = _packed(work, work.packed.passages)
    if work.found is not None:
        work.tell(Found(work.found.hits, tuple(passage.place for passage in work.packed.passages)))
    work.timings.mark("pack")


def _packed(work: _Work, known: Sequence[Passage]) -> PackedEvidence:
    with span("pack") as packing:
        packed = pack_for_model(
            work.question,
            work.found.evidence if work.found else (),
            {one.name: one.view for one in work.searched},
            work.read,
            count_tokens=work.count_tokens,
            budget_tokens=work.budget_tokens,
            known=known,
        )
        packing.set(passages=len(packed.passages), tokens=packed.tokens, left_out=packed.left_out)
    return packed


def _look_further(work: _Work, draft: Draft) -> None:
    """What the model wants to search and to read."""
    read = [p for wish in draft.read[:MOST_READS] if (p := _lines(work, wish)) is not None]
    known = {p.place for p in work.packed.passages}
    work.packed = replace(
        work.packed, passages=(*work.packed.passages, *(p for p in read if p.place not in known))
    )
    queries = [q.strip() for q in draft.search[:MOST_SEARCHES] if q.strip()]
    work.budget_tokens += work.answering.evidence_tokens // 2
    _search(work, queries)


def _lines(work: _Work, wish: ReadWish) -> Passage | None:
    """The lines of a searched file that the model names; None where there is no such file or line."""
    for one in work.searched:
        file = one.view.file_at(wish.path)
        if file is None:
            continue
        table = one.view.files
        place = Place(
            one.name, one.snapshot.commit, one.snapshot.tree, wish.path, table.blobs[file], 0, 0, 1, 1
        )
        data = work.read(place)
        encoding = encoding_of(data)
        lines = text_lines(data.decode(encoding))
        first = wish.start_line - 1
        last = min(max(wish.end_line, wish.start_line), first + _MOST_LINES, len(lines))
        text = "".join(lines[first:last]).rstrip("\r\n")
        if not text.strip():
            return None
        start = len("".join(lines[:first]).encode(encoding))
        exact = replace(
            place,
            start_byte=start,
            end_byte=start + len(text.encode(encoding)),
            start_line=first + 1,
            end_line=last,
        )
        return Passage("", exact, "", encoding, text)
    return None


async def _repaired(work: _Work, drafting: Drafting, model: ChatModel) -> None:
    """One more chance for claims that failed; where it cannot be had, they fall."""
    try:
        await drafting.repair(model)
    except SURVIVABLE as error:
        _give_up(work, error)
    work.timings.mark("repair")


async def _by_a_stronger(work: _Work, drafting: Drafting) -> Drafting:
    """The answer, or the stronger model's where claims of it fell and the stronger one's stand better."""
    stronger = work.writers.stronger
    if stronger is None or (drafting.claims and all(claim.holds for claim in drafting.claims)):
        return drafting
    work.tell(Writing(stronger.name, "stronger"))
    other = replace(drafting, claims=[])
    call = answer_call(
        work.question,
        work.packed,
        conversation=work.conversation,
        steps_left=0,
        reply_tokens=work.answering.reply_tokens,
    )
    try:
        await other.write(call, stronger)
    except SURVIVABLE as error:
        _give_up(work, error)
        return drafting
    finally:
        work.timings.mark("stronger")
    await _repaired(work, other, stronger)
    return other if _standing(other) >= _standing(drafting) else drafting


def _standing(drafting: Drafting) -> tuple[float, int]:
    """How much of a draft holds: the share of its claims, then their number."""
    held = sum(claim.holds for claim in drafting.claims)
    return (held / len(drafting.claims) if drafting.claims else 0.0, held)


async def _judged(work: _Work, drafting: Drafting) -> None:
    """The judge's verdict on each claim that the local checker let pass; the worse of the two stands."""
    standing = [claim for claim in drafting.claims if claim.holds]
    if work.writers.judge is None or not standing:
        return
    work.tell(Writing(work.writers.judge.name, "judge"))
    try:
        with span("judge", {"claims": len(standing)}):
            verdicts = await judge(
                [(claim.draft.text, claim.premises) for claim in standing],
                work.writers.judge,
                work.payer,
                work.deadline,
            )
    except SURVIVABLE as error:
        _give_up(work, error)
        return
    finally:
        work.timings.mark("judge")
    found = dict(zip(map(id, standing), verdicts, strict=True))

    def final(claim: CheckedClaim) -> CheckedClaim:
        verdict = found.get(id(claim))
        if verdict is None or verdict.score is None:
            return claim
        is_better = verdict.label is VerdictLabel.SUPPORTED is not claim.verdict.label
        return claim if is_better else replace(claim, verdict=verdict)

    drafting.claims = [final(claim) for claim in drafting.claims]


def _sealed(
    work: _Work, claims: list[Claim], dropped: list[DroppedClaim], started: datetime, version: str
) -> Answer:
    """The answer: what was claimed and holds against the repository, or the best that can be said."""
    with span("verify") as verifying:
        kept, fell = recheck(claims, work.readers, work.snapshots)
        verifying.set(held=len(kept), fell=len(fell))
    dropped = [*dropped, *fell]
    if fell and not kept:
        why: Abstention | None = Abstention.INDEX_BROKEN
    elif len(kept) < work.answering.least_kept_share * (len(kept) + len(dropped)):
        dropped = [*(DroppedClaim(text=c.text, verdict=c.verdict) for c in kept), *dropped]
        kept, why = [], silence(work.searched)
    else:
        why = None if kept else silence(work.searched)
    if work.stopped_by is not None:
        why = (
            Abstention.BUDGET if isinstance(work.stopped_by, BudgetExceeded) else Abstention.MODEL_UNAVAILABLE
        )
        if not kept:
            kept = _quoted(work)
    work.timings.mark("verify")
    outcome = Outcome.ABSTAINED if not kept else Outcome.ANSWERED if why is None else Outcome.PARTIAL
    return seal(
        question=work.question,
        outcome=outcome,
        abstention=why,
        confidence=work.found.confidence if work.found else 0.0,
        claims=tuple(kept),
        dropped=tuple(dropped),
        snapshots=work.snapshots,
        run=Run(
            trace_id=work.payer.request,
            started_at=utc_time(started),
            timings_ms=work.timings.stages,
            index_age_s=index_age(work.searched),
            version=version,
        ),
    )


def _quoted(work: _Work) -> list[Claim]:
    """The quotations that answer without a model; none where the sources are too silent for that."""
    found = gather(
        understand(f"{work.question}\n{work.asked_before}", max_chars=work.retrieval.max_query_chars),
        work.searched,
        work.read,
        work.filters,
        least_confidence=work.retrieval.answer_confidence,
        passages=work.answering.passages,
        timings=work.timings,
    )
    work.found = work.found or found
    claims = [quotation_claim(quotation, work.read) for quotation in quotations(found, work.answering)]
    return recheck(claims, work.readers, work.snapshots)[0]
