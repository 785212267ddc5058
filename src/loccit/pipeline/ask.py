"""From a question to an answer without a model: search, pack, quote, cite, re-check, seal."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from loccit.answering.extract import quotations
from loccit.answering.options import AnsweringOptions
from loccit.core.answers import Abstention, Answer, Outcome, Run, seal
from loccit.core.evidence import Filters
from loccit.pipeline.claims import quotation_claim, recheck
from loccit.pipeline.events import Event, Found
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
from loccit.retrieval.query import understand


def ask(
    question: str,
    searched: Sequence[Searchable],
    *,
    filters: Filters,
    retrieval: RetrievalOptions,
    answering: AnsweringOptions,
    version: str,
    tell: Callable[[Event], None] = lambda event: None,
) -> Answer:
    """Answer from these repositories without a model: checked quotations, or an abstention. `tell` hears what
    was found.
    """
    started, timings = datetime.now(UTC), Timings()
    query = understand(question, max_chars=retrieval.max_query_chars)
    with ExitStack() as stack:
        readers = readers_of(searched, stack)
        read = read_place(readers)
        found = gather(
            query,
            searched,
            read,
            filters,
            least_confidence=retrieval.answer_confidence,
            passages=answering.passages,
            timings=timings,
        )
        tell(Found(found.hits, tuple(one.hit.place for one in found.evidence)))
        quoted = quotations(found, answering)
        timings.mark("answer")
        snapshots = tuple(snapshot_info(one) for one in searched)
        drafted = [quotation_claim(one, read) for one in quoted]
        claims, dropped = recheck(drafted, list(readers.values()), snapshots)
        timings.mark("verify")
    run = Run(
        trace_id=uuid.uuid4().hex,
        started_at=utc_time(started),
        timings_ms=timings.stages,
        index_age_s=index_age(searched),
        version=version,
    )
    # Passages that were quoted and all fell mean that the repository is not what was indexed.
    why_not = Abstention.INDEX_BROKEN if quoted else silence(searched)
    return seal(
        question=question,
        outcome=Outcome.ANSWERED if claims else Outcome.ABSTAINED,
        abstention=None if claims else why_not,
        confidence=found.confidence,
        claims=tuple(claims),
        dropped=tuple(dropped),
        snapshots=snapshots,
        run=run,
    )


def abstain(question: str, why: Abstention, *, version: str) -> Answer:
    """An answer that says why nothing could be searched."""
    now = utc_time(datetime.now(UTC))
    return seal(
        question=question,
        outcome=Outcome.ABSTAINED,
        abstention=why,
        confidence=0.0,
        claims=(),
        dropped=(),
        snapshots=(),
        run=Run(trace_id=uuid.uuid4().hex, started_at=now, timings_ms={}, version=version),
    )
