"""Models that judge: scorers that ask a model how good an output is, one output at a time.

Each asks a yes-or-no question that a person can answer about the same sample, so that people's labels can
say what its figures are worth (`calibration`); until then they are uncalibrated, and reports say so. What is
asked is a versioned prompt. Nothing is compared side by side, so no place in a pair can be preferred; the
judge is not told which system wrote, nor how long it took. That a long answer is no better one stands in the
prompts, and is measured by the calibration like any other leaning.

All judged text is data between lines that hold an id. The id is made from that text, so nobody can write one
that closes it early.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from loccit.budgets.deadline import Deadline
from loccit.core.calls import Finish, Message, ModelCall, Payer
from loccit.core.errors import BudgetExceeded, MalformedReply, ModelError, PriceUnknown
from loccit.evals.datasets import Job, Sample
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output, OutputClaim, OutputOutcome
from loccit.evals.scoring import Scorer, Scores
from loccit.models.protocols import ChatModel
from loccit.models.templates import Template, load_templates

_PROMPTS = Path(__file__).with_name("prompts")
# More is not shown to a judge: a prompt is paid for, and one that is cut would be judged as if it were whole.
MOST_CHARACTERS = 60_000
_REPLY_TOKENS = 400
_TOKENS_PER_CLAIM = 120
_CORRECT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "why": {"type": "string"},
        "verdict": {"type": "string", "enum": ["correct", "incorrect"]},
    },
    "required": ["why", "verdict"],
    "additionalProperties": False,
}
_GROUNDED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "claim": {"type": "integer"},
                    "why": {"type": "string"},
                    "verdict": {"type": "string", "enum": ["follows", "does_not_follow"]},
                },
                "required": ["claim", "why", "verdict"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["claims"],
    "additionalProperties": False,
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Graded(_Part):
    why: str = ""
    verdict: Literal["correct", "incorrect"]


class _CheckedClaim(_Part):
    claim: int
    why: str = ""
    verdict: Literal["follows", "does_not_follow"]


class _Checked(_Part):
    claims: list[_CheckedClaim]


_Form = TypeVar("_Form", bound=BaseModel)


def prompts() -> dict[str, Template]:
    """The templates of this room by their names."""
    return _prompts()


@lru_cache(maxsize=1)
def _prompts() -> dict[str, Template]:
    return load_templates(_PROMPTS)


def judges(model: ChatModel, payer: Payer, *, timeout_s: float) -> dict[str, Scorer]:
    """Every judge by its name, asking this model; `timeout_s` is the most that one call may take."""
    found: tuple[Scorer, ...] = (
        CorrectJudge(model, payer, timeout_s=timeout_s),
        GroundedJudge(model, payer, timeout_s=timeout_s),
    )
    return {each.name: each for each in found}


class _Judge:
    """What judges have in common: one prompt, one model, one figure."""

    def __init__(
        self, name: str, about: str, template: Template, model: ChatModel, payer: Payer, timeout_s: float
    ) -> None:
        self._template = template
        self._model = model
        self._payer = payer
        self._timeout_s = timeout_s
        self._name = name
        self._metric = Metric(name, about, judge=judge_version(template, model))

    @property
    def name(self) -> str:
        """What tasks call it, which is also its metric."""
        return self._name

    @property
    def version(self) -> str:
        """Its prompt's version and the model that is asked."""
        return self._metric.judge

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The one figure that it gives."""
        return (self._metric,)

    async def _ask(self, messages: tuple[Message, ...], schema: Mapping[str, Any], tokens: int) -> str:
        """What the model says. Raises ModelError, BudgetExceeded, PriceUnknown."""
        call = ModelCall(self._template.name, messages, self._template.id, schema, tokens)
        reply = await self._model.reply(call, self._payer, Deadline.after(self._timeout_s))
        if reply.finish is Finish.REFUSAL:
            raise MalformedReply(f"the judge {reply.model!r} refuses to judge", model=reply.model)
        return reply.text

    def _parsed(self, form: type[_Form], text: str) -> _Form:
        """The verdict in a reply; words around the JSON object are overlooked. Raises MalformedReply."""
        start, end = text.find("{"), text.rfind("}")
        try:
            return form.model_validate_json(text[max(start, 0) : end + 1])
        except ValidationError as error:
            raise self._nonsense("is not in the form that was asked for") from error

    def _nonsense(self, what: str) -> MalformedReply:
        return MalformedReply(
            f"the reply of the judge {self._model.name!r} {what}",
            next_step="try another [models] judge",
            model=self._model.name,
        )

    def _missing(self, reason: str) -> Scores:
        return Scores({}, {self._name: reason})

    def _failed(self, error: ModelError | BudgetExceeded | PriceUnknown) -> Scores:
        return self._missing(f"{type(error).__name__}: {error.message}")


class CorrectJudge(_Judge):
    """`judge.correct`: 1 where an answer is right by the reference, else 0.

    Of questions whose gold has an answer or claims. An abstention is not right, and no model is asked.
    """

    def __init__(self, model: ChatModel, payer: Payer, *, timeout_s: float) -> None:
        """Ask this model, on this account, for at most so many seconds a call."""
        about = "Whether the answer is right, as the reference has it."
        super().__init__("judge.correct", about, _prompts()["judge_correct"], model, payer, timeout_s)

    def expected(self, sample: Sample) -> frozenset[str]:
        """Its figure, where the gold says what is right."""
        gold = sample.gold
        applies = sample.job is Job.ASK and not gold.abstain and bool(gold.answer or gold.claims)
        return frozenset({self._name}) if applies else frozenset()

    async def score(self, sample: Sample, output: Output) -> Scores:
        """1, 0, or why there is neither."""
        if not self.expected(sample):
            return Scores()
        if output.outcome is OutputOutcome.ABSTAINED:
            return Scores({self._name: 0.0})
        answer = output.text.strip() or "\n".join(claim.text for claim in output.claims)
        if not answer:
            return self._missing("the output has no text")
        reference = reference_text(sample)
        size = len(sample.question) + len(reference) + len(answer)
        if size > MOST_CHARACTERS:
            return self._missing(_too_long(size))
        mark = _mark(sample.question, reference, answer)
        messages = self._template.fill(
            question=_fenced("The question", f"{mark}q", sample.question),
            reference=_fenced("The reference", f"{mark}r", reference),
            answer=_fenced("The answer", f"{mark}a", answer),
        )
        try:
            graded = self._parsed(_Graded, await self._ask(messages, _CORRECT_SCHEMA, _REPLY_TOKENS))
        except (ModelError, BudgetExceeded, PriceUnknown) as error:
            return self._failed(error)
        return Scores({self._name: float(graded.verdict == "correct")})


class GroundedJudge(_Judge):
    """`judge.grounded`: 1 where every claim of an answer follows from the quotes it cites, else 0.

    Of answers, not of abstentions. A claim without a quote, or with none but such as are not in the source,
    does not follow; where there is such a claim no model is asked.
    """

    def __init__(self, model: ChatModel, payer: Payer, *, timeout_s: float) -> None:
        """Ask this model, on this account, for at most so many seconds a call."""
        about = "Whether every claim of the answer follows from the quotes it cites."
        super().__init__("judge.grounded", about, _prompts()["judge_grounded"], model, payer, timeout_s)

    def expected(self, sample: Sample) -> frozenset[str]:
        """None: whether there are claims depends on the output."""
        return frozenset()

    async def score(self, sample: Sample, output: Output) -> Scores:
        """1, 0, or why there is neither; nothing of an output that claims nothing."""
        if sample.job is not Job.ASK or output.outcome is OutputOutcome.ABSTAINED:
            return Scores()
        if not output.claims:
            return self._missing("the system does not tell its claims")
        quotes = [usable_quotes(claim) for claim in output.claims]
        if not all(quotes):
            return Scores({self._name: 0.0})
        texts = [
            text
            for claim, of_claim in zip(output.claims, quotes, strict=True)
            for text in (claim.text, *(part for quote in of_claim for part in quote))
        ]
        if (size := sum(map(len, texts))) > MOST_CHARACTERS:
            return self._missing(_too_long(size))
        mark = _mark(*texts)
        shown = "\n\n".join(
            _shown_claim(number, mark, claim, of_claim)
            for number, (claim, of_claim) in enumerate(zip(output.claims, quotes, strict=True), start=1)
        )
        tokens = _REPLY_TOKENS + _TOKENS_PER_CLAIM * len(output.claims)
        try:
            reply = await self._ask(self._template.fill(claims=shown), _GROUNDED_SCHEMA, tokens)
            verdicts = self._verdicts(reply, len(output.claims))
        except (ModelError, BudgetExceeded, PriceUnknown) as error:
            return self._failed(error)
        return Scores({self._name: float(all(verdicts))})

    def _verdicts(self, reply: str, claims: int) -> list[bool]:
        """Of each claim whether it follows. Raises MalformedReply unless each was judged once."""
        checked = self._parsed(_Checked, reply).claims
        if sorted(one.claim for one in checked) != list(range(1, claims + 1)):
            raise self._nonsense(f"does not judge each of the {claims} claims once")
        return [one.verdict == "follows" for one in checked]


def judge_version(template: Template, model: ChatModel) -> str:
    """What makes one judge's figures comparable: `judge_correct@1 by openai:gpt-5-mini`."""
    return f"{template.id} by {model.name}"


def reference_text(sample: Sample) -> str:
    """What is right, as a judge and a person are shown it: the reference answer, then its claims."""
    claims = [f"- {claim}" for claim in sample.gold.claims]
    return "\n".join([*([sample.gold.answer] if sample.gold.answer else []), *claims])


def usable_quotes(claim: OutputClaim) -> list[tuple[str, str]]:
    """The path and text of each quote of a claim, without those that do not stand in the source."""
    return [
        (cited.path, cited.quote) for cited in claim.cited if cited.quote.strip() and cited.holds is not False
    ]


def _shown_claim(number: int, mark: str, claim: OutputClaim, quotes: Sequence[tuple[str, str]]) -> str:
    parts = [_fenced(f"Claim {number}", f"{mark}c{number}", claim.text)]
    for at, (path, quote) in enumerate(quotes, start=1):
        # The path is anybody's words too, and stands inside.
        text = f"{path}:\n{quote}"
        parts.append(_fenced(f"Quote {at} of claim {number}, from", f"{mark}c{number}q{at}", text))
    return "\n".join(parts)


def _fenced(title: str, mark: str, text: str) -> str:
    return f"{title}:\n<<<{mark}\n{text}\n{mark}>>>"


def _mark(*texts: str) -> str:
    """An id that the texts cannot hold but by chance, one in 2^64: it changes with every letter of them."""
    joined = "\0".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _too_long(size: int) -> str:
    return f"{size:,} characters are more than a judge is shown ({MOST_CHARACTERS:,})"
