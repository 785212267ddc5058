"""What is kept of a run: the document `loccit-run/1`, and the place where such documents are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from loccit.core.calls import Origin
from loccit.core.documents import Count, NonEmptyText, Text, UtcTime, Value
from loccit.core.errors import IndexBroken, InputError, NotFound
from loccit.telemetry.names import CALL
from loccit.telemetry.redaction import redact_tree
from loccit.telemetry.scores import SUPPORTED, RunScore, put_scores, supported_share
from loccit.telemetry.trace import Attribute, Span, Trace

if TYPE_CHECKING:
    from sqlalchemy import Select

    from loccit.core.answers import Answer
    from loccit.core.triage import Triage
    from loccit.storage.database import Database

FORMAT = "loccit-run/1"
_PICODOLLARS = 10**12
_DAY_S = 86_400
_PRUNE_EVERY_S = 3600

Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0)]


class CallRecord(Value):
    """One call of a model.

    `model` is the one that was asked, `answered_by` the one that answered, empty where none did. Tokens are
    counted as in `TokenUsage`. `error` is the name of what ended it, with `message`; both empty where it was
    answered.
    """

    model: Text
    answered_by: Text
    purpose: Text
    prompt: Text
    origin: Annotated[Origin, Field(strict=False)]
    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count
    reasoning_tokens: Count
    cost_usd: Money
    took_ms: Milliseconds
    error: Text
    message: Text


class SpanRecord(Value):
    """One part of the run. `parent` is the number of the span around it, -1 at the top; `started_ms` counts
    from the beginning of the run.
    """

    number: Count
    parent: Annotated[int, Field(ge=-1)]
    name: NonEmptyText
    started_ms: Milliseconds
    took_ms: Milliseconds
    attributes: dict[Text, Attribute]
    error: Text


class RunRecord(Value):
    """A run: what was asked, how it ended, what it cost and how long each part took.

    `timings_ms` are the spans at the top by name, `verdicts` counts the claims that were made by their
    verdict, dropped ones too. `settings` are those that it ran with, none of them secret. `answer` is the
    loccit-answer/1 document, None where there is none or texts are not kept; `answer_digest` its digest.
    Of an issue that was triaged `triage` is the loccit-triage/1 document, and `answer_digest` that one's.
    """

    format: Literal["loccit-run/1"]
    id: NonEmptyText
    kind: NonEmptyText
    user: Text
    session: Text
    started_at: UtcTime
    took_ms: Milliseconds
    question: Text
    outcome: Text
    error: Text
    cost_usd: Money
    calls: tuple[CallRecord, ...] = Field(strict=False)
    prompts: tuple[Text, ...] = Field(strict=False)
    settings: dict[Text, Any]
    verdicts: dict[Text, Count]
    timings_ms: dict[Text, Milliseconds]
    spans: tuple[SpanRecord, ...] = Field(strict=False)
    answer: dict[Text, Any] | None
    answer_digest: Text
    triage: dict[Text, Any] | None = None

    @property
    def is_written(self) -> bool:
        """Whether a model was to write an answer: that belongs to a conversation, quotations to none."""
        return self.kind == "ask" and bool(self.session)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A line of the list of runs. `started_at` in seconds since the epoch."""

    id: str
    kind: str
    user: str
    started_at: float
    took_ms: float
    outcome: str
    cost_usd: Decimal
    question: str


def record_of(
    trace: Trace,
    *,
    kind: str,
    question: str,
    outcome: str,
    error: str = "",
    user: str = "",
    session: str = "",
    settings: Mapping[str, Any] | None = None,
    answer: Answer | None = None,
    triage: Triage | None = None,
) -> RunRecord:
    """The record of a run that has ended. Its calls are the spans that `calling` made.

    It cost what they did, or what was paid where that is more: an attempt that failed before another one was
    answered is paid for, and is no call of its own.
    """
    calls = tuple(_call(span) for span in trace.spans if span.name == CALL)
    timings: dict[str, float] = {}
    for span in trace.spans:
        if span.parent < 0:
            timings[span.name] = timings.get(span.name, 0.0) + _ms(span.took_s)
    verdicts: dict[str, int] = {}
    if answer is not None:
        for claim in (*answer.claims, *answer.dropped):
            label = claim.verdict.label.value
            verdicts[label] = verdicts.get(label, 0) + 1
    return RunRecord(
        format=FORMAT,
        id=trace.run,
        kind=kind,
        user=user,
        session=session,
        started_at=datetime.fromtimestamp(trace.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        took_ms=max((_ms(span.started_s + span.took_s) for span in trace.spans), default=0.0),
        question=_unicode(question),
        outcome=outcome,
        error=_unicode(error),
        cost_usd=max(trace.spent_usd, sum((call.cost_usd for call in calls), Decimal(0))),
        calls=calls,
        prompts=tuple(dict.fromkeys(call.prompt for call in calls if call.prompt)),
        settings=dict(settings or {}),
        verdicts=verdicts,
        timings_ms=timings,
        spans=tuple(_span(span) for span in trace.spans),
        answer=None if answer is None else answer.model_dump(mode="json"),
        answer_digest=answer.digest if answer else triage.digest if triage else "",
        triage=None if triage is None else triage.model_dump(mode="json"),
    )


class RunStore:
    """The records of runs. Nothing secret is kept: every text is redacted on its way in."""

    def __init__(self, database: Database, *, keep_text: bool = True, keep_days: int = 0) -> None:
        """Use this database. Without `keep_text` questions and answers are left out; `keep_days` is after how
        many days a record goes, 0 for never.
        """
        self._database = database
        self._keep_text = keep_text
        self._keep_days = keep_days
        self._pruned_at = 0.0

    def save(self, record: RunRecord) -> None:
        """Keep a record, and now and then forget those whose days are over. Raises StorageFailed."""
        from loccit.storage.tables import runs

        kept = redact_tree(record.model_dump(mode="json"))
        if not self._keep_text:
            kept |= {"question": "", "answer": None, "triage": None}
        started_at = datetime.fromisoformat(record.started_at).timestamp()
        row = {
            "id": record.id,
            "kind": record.kind,
            "user": record.user,
            "started_at": started_at,
            "took_ms": record.took_ms,
            "outcome": record.outcome,
            "cost": int((record.cost_usd * _PICODOLLARS).to_integral_value()),
            "question": kept["question"],
            "record": json.dumps(kept, ensure_ascii=False, separators=(",", ":")),
        }
        share = supported_share(record.verdicts) if record.is_written else None
        with self._database.writing() as connection:
            connection.execute(runs.insert(), row)
            if share is not None:
                score = RunScore(record.id, SUPPORTED, "run", FORMAT, share, started_at)
                put_scores(connection, [score])
        now = time.time()
        if self._keep_days > 0 and now - self._pruned_at > _PRUNE_EVERY_S:
            self.prune(now - self._keep_days * _DAY_S)
            self._pruned_at = now

    def get(self, id_or_prefix: str) -> RunRecord:
        """The record of this id, or of the only one that begins so.

        Raises NotFound for none, InputError for several, IndexBroken for one that cannot be read.
        """
        from sqlalchemy import select

        from loccit.storage.tables import runs

        # Nothing begins with less than a character.
        begins = runs.c.id.startswith(id_or_prefix or " ", autoescape=True)
        query = select(runs.c.id, runs.c.record).where(begins).order_by(runs.c.id).limit(2)
        with self._database.reading() as connection:
            found = [(str(row.id), str(row.record)) for row in connection.execute(query)]
        # The shortest comes first: the one of this very id.
        if not found:
            raise NotFound(f"there is no run {id_or_prefix!r}", next_step="see what there is: loccit runs")
        if len(found) > 1 and found[0][0] != id_or_prefix:
            raise InputError(f"several runs begin with {id_or_prefix!r}", next_step="write more of it")
        return _parsed(*found[0])

    def list(
        self,
        *,
        limit: int | None = None,
        since: float | None = None,
        kind: str | None = None,
        user: str | None = None,
    ) -> tuple[RunSummary, ...]:
        """The runs, the newest first; those that began at `since` (seconds since the epoch) or later."""
        from sqlalchemy import select

        from loccit.storage.tables import runs

        columns = (column for column in runs.c if column.name != "record")
        query: Select[Any] = select(*columns).order_by(runs.c.started_at.desc(), runs.c.id).limit(limit)
        if since is not None:
            query = query.where(runs.c.started_at >= since)
        if kind is not None:
            query = query.where(runs.c.kind == kind)
        if user is not None:
            query = query.where(runs.c.user == user)
        with self._database.reading() as connection:
            return tuple(_summary(dict(row)) for row in connection.execute(query).mappings())

    def of(self, user: str) -> Iterator[RunRecord]:
        """The records of a user, the oldest first. Raises IndexBroken for one that cannot be read."""
        for summary in reversed(self.list(user=user)):
            yield self.get(summary.id)

    def prune(self, before: float) -> int:
        """Forget the runs that began before (seconds since the epoch); how many there were."""
        from loccit.storage.tables import runs

        with self._database.writing() as connection:
            return connection.execute(runs.delete().where(runs.c.started_at < before)).rowcount

    def erase(self, user: str) -> int:
        """Forget the runs of a user; how many there were."""
        from loccit.storage.tables import runs

        with self._database.writing() as connection:
            return connection.execute(runs.delete().where(runs.c.user == user)).rowcount


def _parsed(run: str, text: str) -> RunRecord:
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        raise IndexBroken(f"the record of run {run!r} cannot be read: {error.errors()[0]['msg']}") from error


def _summary(row: dict[str, Any]) -> RunSummary:
    cost = Decimal(row.pop("cost")) / _PICODOLLARS
    return RunSummary(**row, cost_usd=cost)


def _call(span: Span) -> CallRecord:
    told: dict[str, Any] = span.attributes

    def text(name: str) -> str:
        return str(told.get(name, ""))

    def count(name: str) -> int:
        return int(told.get(name, 0))

    return CallRecord(
        model=text("model"),
        answered_by=text("answered_by"),
        purpose=text("purpose"),
        prompt=text("prompt"),
        origin=Origin(told.get("origin", Origin.MODEL)),
        input_tokens=count("input_tokens"),
        output_tokens=count("output_tokens"),
        cache_read_tokens=count("cache_read_tokens"),
        cache_write_tokens=count("cache_write_tokens"),
        reasoning_tokens=count("reasoning_tokens"),
        cost_usd=Decimal(text("cost_usd") or "0"),
        took_ms=_ms(span.took_s),
        error=span.error,
        message=_unicode(text("message")),
    )


def _span(span: Span) -> SpanRecord:
    return SpanRecord(
        number=span.number,
        parent=span.parent,
        name=span.name,
        started_ms=_ms(span.started_s),
        took_ms=_ms(span.took_s),
        attributes={
            name: _unicode(value) if isinstance(value, str) else value
            for name, value in span.attributes.items()
        },
        error=span.error,
    )


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)


def _unicode(text: str) -> str:
    """The text with lone surrogates, as from a terminal that is not UTF-8, written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
