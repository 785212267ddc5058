"""From what a model wrote to checked claims: quotes found, support checked, repaired once, else dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from loccit.answering.compose import (
    ClaimStream,
    Draft,
    DraftClaim,
    Failure,
    parse_draft,
    place_of,
    repair_call,
)
from loccit.answering.quotes import FailedQuote, LocatedQuote, locate_quote
from loccit.budgets.deadline import Deadline
from loccit.core.answers import Claim, DroppedClaim, Verdict, VerdictLabel
from loccit.core.calls import Finish, ModelCall, ModelReply, Payer
from loccit.core.errors import MalformedReply, ModelRefused
from loccit.core.evidence import Passage
from loccit.models.protocols import ChatModel
from loccit.pipeline.claims import statement_claim
from loccit.pipeline.events import ClaimChecked, Event, Writing
from loccit.retrieval.packing import Read
from loccit.telemetry.redaction import redact
from loccit.telemetry.trace import span
from loccit.verification.support import Premise, check_support, explain_support

REFUSED = (VerdictLabel.UNSUPPORTED, VerdictLabel.CONTRADICTED)
QUOTES_CHECKER = "loccit.quotes"
QUOTES_VERSION = "1"
# Reasons that a writer is told of a claim that its passages do not bear out.
_TOLD = 4
_REFUSAL_CHARS = 200
Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim with its quotes where they stand, and what the checkers said. Without quotes it failed."""

    draft: DraftClaim
    quotes: tuple[LocatedQuote, ...]
    verdict: Verdict
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether it may be shown as checked."""
        return bool(self.quotes) and self.verdict.label not in REFUSED

    @property
    def premises(self) -> tuple[Premise, ...]:
        """The passages it rests on."""
        return premises_of(self.quotes)


@dataclass(slots=True)
class Drafting:
    """One answer in the making: what was given to the model, what it wrote, and what of it holds.

    With `streams` claims are checked and told while the model still writes, which costs time per piece.
    """

    question: str
    passages: tuple[Passage, ...]
    reply_tokens: int
    payer: Payer
    deadline: Deadline
    tell: Tell
    streams: bool = False
    claims: list[CheckedClaim] = field(default_factory=list[CheckedClaim])

    async def write(self, call: ModelCall, model: ChatModel) -> Draft:
        """What the model replies; its claims are checked and told one by one.

        A reply that is not of the form is asked for once more. Raises ModelError, BudgetExceeded,
        PriceUnknown.
        """
        self.tell(Writing(model.name, call.purpose))
        checked: dict[DraftClaim, CheckedClaim] = {}
        try:
            if self.streams:
                reply = await self._streamed(call, model, checked)
            else:
                reply = await model.reply(call, self.payer, self.deadline)
            draft = _draft_of(reply)
        except MalformedReply as error:
            if error.usage is None:
                # Not even the server's own form was kept: the fault is not the model's.
                raise
            draft = await self._asked_again((), model)
        self.claims = [checked.get(claim) or self._checked(claim) for claim in draft.claims]
        return draft

    async def _streamed(
        self, call: ModelCall, model: ChatModel, checked: dict[DraftClaim, CheckedClaim]
    ) -> ModelReply:
        """The reply; each claim is checked, and told, as soon as it is whole."""
        stream, reply = ClaimStream(), None
        async with aclosing(model.stream(call, self.payer, self.deadline)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ModelReply):
                    reply = piece
                    continue
                for claim in stream.feed(piece):
                    checked[claim] = self._checked(claim)
        if reply is None:
            raise MalformedReply(f"the stream of {model.name!r} ended without a reply", model=model.name)
        return reply

    async def repair(self, model: ChatModel) -> None:
        """Ask once for the claims again that failed; what still fails stays failed. Raises as `write`."""
        failed = [claim for claim in self.claims if not claim.holds]
        if not failed:
            return
        draft = await self._asked_again([Failure(claim.draft, claim.why) for claim in failed], model)
        standing = {claim.draft.text.strip() for claim in self.claims if claim.holds}
        new = [claim for claim in draft.claims if claim.text.strip() not in standing]
        repaired = [checked for claim in new if (checked := self._checked(claim)).holds]
        kept: list[CheckedClaim] = []
        for claim in self.claims:
            if claim.holds:
                kept.append(claim)
            elif repaired:
                kept.append(repaired.pop(0))
            else:
                kept.append(claim)
        # Several may have become of one.
        self.claims = [*kept, *repaired]

    def kept(self, read: Read) -> list[Claim]:
        """The claims that hold, with their citations, each text once."""
        found = {claim.draft.text.strip(): claim for claim in reversed(self.claims) if claim.holds}
        return [
            statement_claim(text, found[text].quotes, found[text].verdict, read)
            for text in dict.fromkeys(c.draft.text.strip() for c in self.claims if c.holds)
        ]

    def dropped(self) -> list[DroppedClaim]:
        """The others. No source holds what they say, so what looks like a secret in them is taken out."""
        return [
            DroppedClaim(text=redact(claim.draft.text.strip()) or "(nothing)", verdict=claim.verdict)
            for claim in self.claims
            if not claim.holds
        ]

    async def _asked_again(self, failures: Sequence[Failure], model: ChatModel) -> Draft:
        self.tell(Writing(model.name, "repair"))
        call = repair_call(self.question, self.passages, failures, reply_tokens=self.reply_tokens)
        return _draft_of(await model.reply(call, self.payer, self.deadline))

    def _checked(self, claim: DraftClaim) -> CheckedClaim:
        with span("check") as checking:
            checked = check_claim(claim, self.passages)
            checking.set(label=checked.verdict.label.value, checker=checked.verdict.checker)
        if checked.holds:
            places = tuple(dict.fromkeys(place_of(quote.passage) for quote in checked.quotes))
            self.tell(ClaimChecked(claim.text, checked.verdict, places))
        return checked


def _draft_of(reply: ModelReply) -> Draft:
    """What was replied. Raises ModelRefused for a refusal, MalformedReply for what is not of the form."""
    if reply.finish is Finish.REFUSAL:
        said = " ".join(reply.text.split())[:_REFUSAL_CHARS]
        raise ModelRefused(
            f"{reply.model!r} refuses to answer{f': {said}' if said else ''}",
            next_step="ask in other words, or another model: answer in [models]",
            model=reply.model,
        )
    return parse_draft(reply.text, model=reply.model)


def check_claim(claim: DraftClaim, passages: Sequence[Passage]) -> CheckedClaim:
    """The claim with each quote where it stands, and the local checker's verdict.

    One quote that stands nowhere fells the claim: what its writer saw is not what is there.
    """
    by_id = {passage.id: passage for passage in passages}
    located: list[LocatedQuote] = []
    for citation in claim.citations:
        found = locate_quote(citation, by_id)
        if isinstance(found, FailedQuote):
            return CheckedClaim(claim, (), _no_quote(), found.why)
        located.append(found)
    if not located or not claim.text.strip():
        why = "it cites nothing" if claim.text.strip() else "it says nothing"
        return CheckedClaim(claim, (), _no_quote(), why)
    premises = premises_of(located)
    verdict = check_support(claim.text, premises)
    why = ""
    if verdict.label in REFUSED:
        found = [one.message for one in explain_support(claim.text, premises).disagreements[:_TOLD]]
        why = f"the passages do not bear it out: {'; '.join(found) or 'they speak of something else'}"
    return CheckedClaim(claim, tuple(located), verdict, why)


def premises_of(quotes: Sequence[LocatedQuote]) -> tuple[Premise, ...]:
    """The passages of these quotes, each once."""
    by_passage: dict[str, list[LocatedQuote]] = {}
    for quote in quotes:
        by_passage.setdefault(quote.passage.id, []).append(quote)
    return tuple(
        Premise(
            text=mine[0].passage.text,
            path=mine[0].passage.place.path,
            symbol=mine[0].passage.symbol,
            quotes=tuple(quote.quote for quote in mine),
        )
        for mine in by_passage.values()
    )


def _no_quote() -> Verdict:
    return Verdict(label=VerdictLabel.UNSUPPORTED, score=0.0, checker=QUOTES_CHECKER, version=QUOTES_VERSION)
