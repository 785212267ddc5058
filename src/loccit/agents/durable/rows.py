"""Rows of the database as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from loccit.agents.durable.values import Answer, Event, Question, QuestionKind, RunRow, Wish
from loccit.agents.options import Limits
from loccit.agents.values import RunState, Spend
from loccit.core.calls import Payer
from loccit.core.errors import IndexBroken


def run_row(row: Mapping[Any, Any]) -> RunRow:
    """A run. Raises IndexBroken for a row that is none."""
    try:
        limits: dict[str, Any] = json.loads(row["limits"])
        limits["usd"] = Decimal(limits["usd"])
        payer = json.loads(row["payer"])
        for name in ("key_usd", "request_usd"):
            payer[name] = None if payer[name] is None else Decimal(payer[name])
        return RunRow(
            id=row["id"],
            number=row["number"],
            blueprint=row["blueprint"],
            task=json.loads(row["task"]),
            limits=Limits(**limits),
            payer=Payer(**payer),
            state=RunState(row["state"]),
            wish=Wish(row["wish"]) if row["wish"] else None,
            worker=row["worker"],
            epoch=row["epoch"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            spend=Spend.of_json(json.loads(row["spend"])),
            result=None if row["result"] is None else json.loads(row["result"]),
            problem=None if row["problem"] is None else json.loads(row["problem"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IndexBroken(f"the run {row['id']!r} cannot be read: {error}") from error


def question_row(row: Mapping[Any, Any]) -> Question:
    """A question."""
    return Question(
        id=row["id"],
        run=row["run"],
        kind=QuestionKind(row["kind"]),
        tool=row["tool"],
        arguments_hash=row["arguments_hash"],
        shown=row["shown"],
        asked_at=row["asked_at"],
        answer=Answer(row["answer"]) if row["answer"] else None,
        by=row["by"],
    )


def event_row(row: Mapping[Any, Any]) -> Event:
    """An event."""
    return Event(
        number=row["number"],
        run=row["run"],
        at=row["at"],
        kind=row["kind"],
        text=row["text"],
        details=json.loads(row["details"]),
    )
