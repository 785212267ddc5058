"""Everything that is kept about one user, in the form `loccit-user/1`: one JSON object after another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loccit import __version__

if TYPE_CHECKING:
    from loccit.policy.keys import Key
    from loccit.storage.conversations import Conversations
    from loccit.telemetry.alerts import Alert
    from loccit.telemetry.audit import AuditLog
    from loccit.telemetry.feedback import FeedbackStore
    from loccit.telemetry.records import RunStore
    from loccit.telemetry.scores import ScoreStore

FORMAT = "loccit-user/1"


def exported(
    user: str,
    *,
    runs: RunStore,
    conversations: Conversations,
    feedback: FeedbackStore,
    scores: ScoreStore,
    charges: Callable[[str], Sequence[Mapping[str, Any]]],
    alerts: Sequence[Alert],
    keys: Sequence[Key],
    agent_runs: Iterator[Mapping[str, Any]],
    audit: AuditLog,
) -> Iterator[dict[str, Any]]:
    """The head, then each thing with its `type`, and at the end how many there are of each.

    `charges` gives the calls that a user paid for, `alerts` are those about their budgets. Times are seconds
    since the epoch, but where a document has its own form. Raises StorageFailed, IndexBroken.
    """
    counts = Counter[str]()
    yield {
        "type": "user",
        "format": FORMAT,
        "user": user,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "version": __version__,
    }
    things = _things(user, runs, conversations, feedback, scores, charges, alerts, keys, agent_runs, audit)
    for kind, facts in things:
        counts[kind] += 1
        yield {"type": kind, **facts}
    yield {"type": "end", "counts": dict(counts)}


def _things(
    user: str,
    runs: RunStore,
    conversations: Conversations,
    feedback: FeedbackStore,
    scores: ScoreStore,
    charges: Callable[[str], Sequence[Mapping[str, Any]]],
    alerts: Sequence[Alert],
    keys: Sequence[Key],
    agent_runs: Iterator[Mapping[str, Any]],
    audit: AuditLog,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in runs.of(user):
        yield "run", {"record": record.model_dump(mode="json")}
        for score in scores.of([record.id]).get(record.id, ()):
            yield "score", asdict(score)
    for session, began_at in conversations.of(user).items():
        yield "conversation", {"id": session, "created_at": began_at}
        for turn in conversations.turns(session):
            facts = {"session": session, "number": turn.number, "run": turn.run, "asked_at": turn.asked_at}
            answer = json.loads(turn.answer.to_json())
            yield "turn", {**facts, "question": turn.question, "answer": answer}
    for rating in feedback.about(user):
        yield "rating", {**asdict(rating), "files": list(rating.files)}
    for charge in charges(user):
        yield "charge", charge
    for alert in alerts:
        yield "alert", asdict(alert)
    for key in keys:
        names = None if key.repositories is None else sorted(key.repositories)
        usd = None if key.usd_per_month is None else str(key.usd_per_month)
        yield "key", {**asdict(key), "repositories": names, "usd_per_month": usd}
    for run in agent_runs:
        yield "agent_run", run
    for row in audit.of(user):
        yield "act", {**asdict(row), "details": json.loads(row.details)}
