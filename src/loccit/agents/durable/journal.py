"""What a loop did, remembered: what its model said and what came of its calls, effects with their intents."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from loccit.agents.durable.values import Answer, Asked, Happened, Question, QuestionKind
from loccit.agents.protocols import Observed, Replied
from loccit.agents.values import Ending, Observation, Spend
from loccit.budgets.deadline import Deadline
from loccit.core.calls import ModelReply, ToolCall
from loccit.core.errors import (
    BudgetExceeded,
    ContextTooLong,
    LoccitError,
    ModelError,
    OutcomeUnknown,
    PriceUnknown,
)
from loccit.policy.approvals import question
from loccit.policy.rules import Decision, Verdict
from loccit.policy.tools import Effect, ToolResult
from loccit.telemetry.trace import recording

if TYPE_CHECKING:
    from loccit.agents.durable.working import Working
    from loccit.agents.durable.workshop import Decided
    from loccit.agents.protocols import Tools
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.protocols import ChatModel

_log = logging.getLogger("loccit.agents")

# A longer text is cut before it is kept: what a tool gives that is longer belongs in a file.
_MOST_RESULT_CHARS = 1_000_000
_MOST_SHOWN_CHARS = 300


class DurableJournal:
    """The journal of one loop of a run. `name` is the loop's in its run.

    What was done is found by its name; from the first thing that is not, everything is new.
    """

    def __init__(
        self,
        working: Working,
        name: str,
        *,
        model: ChatModel,
        payer: Payer,
        tool_timeout_s: float,
        decided: Decided,
    ) -> None:
        self._working = working
        self._name = name
        self._model = model
        self._payer = payer
        self._tool_timeout_s = tool_timeout_s
        self._decided = decided
        self._is_new = False

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        """The model's reply, which is kept before it is paid for."""
        working, key = self._working, f"{self._name}:{key}"
        kept = None
        if not self._is_new:
            kept = await working.kept(working.ledger.reply, f"{working.row.id}:{key}")
        if kept is not None and kept["is_whole"]:
            replied = _replied(kept)
        else:
            self._is_new = True
            replied = await self._ask(key, call, seconds_left, kept)
        working.spend += _used(replied)
        return replied

    async def observe(self, key: str, call: ToolCall, tools: Tools, seconds_left: float) -> Observed:
        """What came of a call; the gateway hears of it whether it was made now or before."""
        working, here = self._working, f"{self._name}:{key}"
        recorded = None
        if not self._is_new:
            recorded = await working.kept(working.ledger.call, f"{working.row.id}:{here}", call)
        if recorded is not None:
            if recorded["approved_by"]:
                tools.approve(recorded["arguments_hash"], recorded["approved_by"])
            # The loops within it are not made again, and what they used counts all the same.
            working.spend += Spend.of_json(recorded["within"])
        else:
            self._is_new = True
            recorded = await self._call(here, call, tools, seconds_left)
        if recorded["result"] is not None:
            tools.observed(call, ToolResult.of_json(recorded["result"]))
        observed = _observed(call, recorded)
        working.spend += _used_by(observed)
        return observed

    # The model

    async def _ask(
        self, key: str, call: ModelCall, seconds_left: float, kept: Mapping[str, Any] | None
    ) -> Replied:
        working, id_ = self._working, f"{self._working.row.id}:{key}"
        await working.checked()
        began = time.monotonic()
        if kept is not None:
            replied = _replied(kept)
        elif seconds_left <= 0:
            replied = Replied(None, ending=Ending.LIMIT, detail="seconds")
        else:

            async def came(reply: ModelReply) -> None:
                before = _written(Replied(reply, reply.cost_usd), is_whole=False)
                await working.kept(working.ledger.keep_reply, working.lease, id_, before)

            with recording(working.row.id) as trace:
                deadline = Deadline.after(seconds_left)
                asked = replace(call, came=came)
                replied = await working.interruptible(self._replied(asked, deadline))
            replied = replace(replied, usd=trace.spent_usd)
        replied = replace(replied, seconds=time.monotonic() - began)
        text = replied.detail if replied.reply is None else replied.reply.text
        details: dict[str, Any] = {"usd": str(replied.usd), "seconds": round(replied.seconds, 3)}
        if replied.reply is not None:
            details |= {"model": replied.reply.model, "calls": [one.name for one in replied.reply.calls]}
        happened = Happened(f"model {key}", "model", text[:_MOST_SHOWN_CHARS], details)
        whole = working.ledger.replied(working.lease, id_, _written(replied))
        await working.advance(_used(replied), happened, whole)
        return replied

    async def _replied(self, call: ModelCall, deadline: Deadline) -> Replied:
        try:
            return Replied(await self._model.reply(call, self._payer, deadline))
        except BudgetExceeded as error:
            return Replied(None, ending=Ending.BUDGET, detail=str(error))
        except ContextTooLong as error:
            return Replied(None, ending=Ending.MODEL_FAILED, detail=str(error), is_too_long=True)
        except (ModelError, PriceUnknown) as error:
            ending = Ending.LIMIT if deadline.has_passed else Ending.MODEL_FAILED
            return Replied(None, ending=ending, detail=str(error))

    # Tools

    async def _call(self, here: str, call: ToolCall, tools: Tools, seconds_left: float) -> dict[str, Any]:
        working, id_ = self._working, f"{self._working.row.id}:{here}"
        began, before = time.monotonic(), working.spend
        decision = tools.decide(call)
        await working.kept(self._decided, call, decision)
        approved_by = told = ""
        if decision.verdict is Verdict.ASK:
            await working.checked()
            said = await self._approval(id_, decision)
            if said.answer is Answer.YES:
                approved_by = said.by
                tools.approve(decision.arguments_hash, said.by)
                decision = tools.decide(call)
            else:
                told = "A person was asked, and does not allow this call."
        result, ending, effect = None, None, Effect.READ
        if decision.verdict is Verdict.ALLOW:
            effect = tools.tool(call.name).effect
            timeout_s = min(self._tool_timeout_s, seconds_left)
            result = await self._performed(id_, call, decision, tools, timeout_s)
            if result is None:
                told, ending = "A person gave up on it.", Ending.DENIED.value
        else:
            await working.checked()
            told = told or f"This call is not allowed ({decision.rule}): {decision.reason}"
        recorded: dict[str, Any] = {
            "verdict": decision.verdict.value,
            "arguments_hash": decision.arguments_hash,
            "approved_by": approved_by,
            "result": None if result is None else result.as_json(),
            "told": told,
            "ending": ending,
            "seconds": time.monotonic() - began,
            "within": (working.spend - before).as_json(),
        }
        observed = _observed(call, recorded)
        ended = working.ledger.ended(working.lease, id_, call, recorded, effect.value)
        await working.advance(_used_by(observed), _happened(here, observed), ended)
        return recorded

    async def _performed(
        self, id_: str, call: ToolCall, decision: Decision, tools: Tools, timeout_s: float
    ) -> ToolResult | None:
        """What came of an allowed call; None where a person gave up on finding out."""
        tool, working = tools.tool(call.name), self._working
        if tool.effect is Effect.READ:
            await working.checked()
            work = self._tried(id_, call, decision, tools, timeout_s)
            result, fault = await working.interruptible(work)
            return result or ToolResult(fault, is_error=True)
        working.goes_on()
        opened = await working.kept(
            working.ledger.open,
            working.lease,
            id_,
            call,
            arguments_hash=decision.arguments_hash,
            effect=tool.effect.value,
        )
        working.allowed(opened.wish, opened.attempts)
        if opened.begun_in is not None:
            found = await self._found_out(id_, opened.begun_in, decision, tools)
            if found is not Answer.DID_NOT:
                return found if isinstance(found, ToolResult) else None
            await working.kept(working.ledger.begin_again, working.lease, id_)
        working.is_sure()
        result, fault = await self._tried(id_, call, decision, tools, timeout_s)
        if result is not None:
            return result
        found = await self._found_out(id_, working.lease.epoch, decision, tools)
        if found is Answer.DID_NOT:
            return ToolResult(fault, is_error=True)
        return found if isinstance(found, ToolResult) else None

    async def _tried(
        self, id_: str, call: ToolCall, decision: Decision, tools: Tools, timeout_s: float
    ) -> tuple[ToolResult | None, str]:
        """The result, or None and why it is not known whether there was one."""
        try:
            async with asyncio.timeout(timeout_s):
                result = await tools.perform(call, decision, id_)
        except TimeoutError:
            return None, f"{call.name!r} took longer than {timeout_s:,.0f} s and was cut off."
        except OutcomeUnknown as error:
            return None, str(error)
        except LoccitError as error:
            return ToolResult(str(error), is_error=True), ""
        except Exception as error:  # noqa: BLE001 - the edge of a tool: its defect must not end the run
            _log.exception("tool failed by a defect", extra={"tool": call.name})
            return None, f"{call.name!r} failed by a defect: {type(error).__name__}: {error}"
        if len(result.text) > _MOST_RESULT_CHARS:
            cut = f"{result.text[:_MOST_RESULT_CHARS]}\n… (cut: {len(result.text):,} characters)"
            result = replace(result, text=cut)
        return result, ""

    async def _found_out(self, id_: str, epoch: int, decision: Decision, tools: Tools) -> ToolResult | Answer:
        """The result of an effect that happened; DID_NOT where it surely did not, or GIVE_UP.

        The tool is asked first, then a person.
        """
        tool = tools.tool(decision.tool)
        if tool.probe is not None:
            try:
                async with asyncio.timeout(self._tool_timeout_s):
                    return await tool.probe(decision.arguments, id_) or Answer.DID_NOT
            except (LoccitError, TimeoutError) as error:
                why = str(error) or "the tool could not find out in time"
            except Exception as error:  # noqa: BLE001 - the edge of a tool: a person finds out instead
                _log.exception("probe failed by a defect", extra={"tool": decision.tool})
                why = f"the tool could not find out: {type(error).__name__}: {error}"
        else:
            why = "the tool has no way to find out"
        shown = f"Did this happen? Nobody knows: {why}.\n{question(decision)}"
        said = await self._said(f"{id_}!{epoch}", QuestionKind.OUTCOME, decision, shown)
        if said.answer is Answer.HAPPENED:
            return ToolResult("This happened, says a person. What it gave is not known.")
        return cast("Answer", said.answer)

    # A person

    async def _approval(self, id_: str, decision: Decision) -> Question:
        id_ = f"{id_}?{decision.arguments_hash[:16]}"
        return await self._said(id_, QuestionKind.APPROVAL, decision, question(decision))

    async def _said(self, id_: str, kind: QuestionKind, decision: Decision, shown: str) -> Question:
        """A question with its answer. Raises Asked where there is none yet."""
        working = self._working
        found = await working.kept(working.store.answered, id_)
        if found is not None and found.answer is not None:
            return found
        asked = Question(
            id_, working.row.id, kind, decision.tool, decision.arguments_hash, shown, time.time()
        )
        await working.kept(working.store.ask, working.lease, asked)
        raise Asked


def _used(replied: Replied) -> Spend:
    used = Spend(steps=1, usd=replied.usd, seconds=replied.seconds)
    return used if replied.reply is None else replace(used, usage=replied.reply.usage)


def _used_by(observed: Observed) -> Spend:
    """What the call itself used, without the loops within it."""
    size = len(observed.observation.text.encode())
    seconds = max(0.0, observed.seconds - observed.within.seconds)
    return Spend(tool_calls=1, output_bytes=size, seconds=seconds)


def _happened(here: str, observed: Observed) -> Happened:
    seen = observed.observation
    details = {
        "tool": seen.call.name,
        "arguments": seen.call.arguments[:_MOST_SHOWN_CHARS],
        "verdict": seen.verdict,
        "is_error": seen.is_error,
        "seconds": round(observed.seconds, 3),
    }
    return Happened(f"tool {here}", "tool", f"{seen.call.name}: {seen.text}"[:_MOST_SHOWN_CHARS], details)


def _written(replied: Replied, *, is_whole: bool = True) -> dict[str, Any]:
    """As it is kept; it is whole once it is known what all of it cost."""
    return {
        "is_whole": is_whole,
        **asdict(replace(replied, reply=None)),
        "reply": None if replied.reply is None else replied.reply.as_json(),
        "usd": str(replied.usd),
        "ending": None if replied.ending is None else replied.ending.value,
    }


def _replied(recorded: Mapping[str, Any]) -> Replied:
    reply = recorded["reply"]
    return Replied(
        reply=None if reply is None else ModelReply.of_json(reply),
        usd=Decimal(recorded["usd"]),
        seconds=recorded["seconds"],
        ending=None if recorded["ending"] is None else Ending(recorded["ending"]),
        detail=recorded["detail"],
        is_too_long=recorded["is_too_long"],
    )


def _observed(call: ToolCall, recorded: Mapping[str, Any]) -> Observed:
    result = recorded["result"]
    text = recorded["told"] if result is None else result["text"]
    is_error = result is None or result["is_error"]
    return Observed(
        Observation(call, text, is_error, recorded["verdict"]),
        recorded["seconds"],
        Spend.of_json(recorded["within"]),
        None if recorded["ending"] is None else Ending(recorded["ending"]),
        recorded["told"] if recorded["ending"] else "",
    )
