"""What is answered, ready to be told: text, facts, and what was used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.core.calls import TokenUsage
from loccit.models.tokens import count
from loccit.serving.openai_compat import schemas
from loccit.serving.openai_compat.markdown import Text, text_of

if TYPE_CHECKING:
    from loccit.pipeline.events import Event
    from loccit.pipeline.written import Written
    from loccit.policy.callers import Caller
    from loccit.serving.openai_compat.asked import Asked
    from loccit.serving.service import Service


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in the words of this dialect."""

    text: Text
    facts: schemas.Facts
    usage: TokenUsage


async def answered(
    service: Service, caller: Caller, asked: Asked, *, tell: Callable[[Event], None] | None = None
) -> Reply:
    """The answer to what is asked, kept as a run. Raises what `Service.ask` does.

    The model is not listened to while it writes: what is told in this dialect cannot be taken back, and a
    claim stands only when the whole answer was checked.
    """
    written = await service.ask(caller, asked.question, tell=tell)
    public = service.options.public_url.rstrip("/")
    page = f"{public}/runs/{written.record.id}" if public else ""
    return await service.book(lambda _: _reply(written, asked, page))


def _reply(written: Written, asked: Asked, page: str) -> Reply:
    answer, record = written.answer, written.record
    text = text_of(answer, page=page)
    facts = schemas.Facts(
        answer=answer.digest,
        run=record.id,
        session=written.session,
        outcome=answer.outcome.value,
        abstention=answer.abstention.value if answer.abstention else None,
        models=list(
            dict.fromkeys(c.answered_by for c in record.calls if c.purpose in _WRITES and c.answered_by)
        ),
        citations=_places(written, text),
        ignored=list(asked.ignored),
    )
    return Reply(text, facts, _usage(written, text))


_WRITES = ("answer", "repair")


def _places(written: Written, text: Text) -> list[schemas.CitedPlace]:
    claims = written.answer.claims
    return [
        schemas.CitedPlace(
            number=source.number,
            kind=source.citation.kind.value,
            repo=source.citation.repo,
            commit=source.citation.commit,
            path=source.citation.path,
            start_line=source.citation.start_line,
            end_line=source.citation.end_line,
            permalink=source.citation.permalink,
            verdicts=[
                schemas.Support(
                    claim=number,
                    verdict=claims[number - 1].verdict.label.value,
                    score=claims[number - 1].verdict.score,
                )
                for number in source.claims
            ],
        )
        for source in text.sources
    ]


def _usage(written: Written, text: Text) -> TokenUsage:
    """Tokens of the models that were asked; where none was, those of question and text as counted here."""
    used = TokenUsage()
    for call in written.record.calls:
        used += TokenUsage(
            call.input_tokens,
            call.output_tokens,
            call.cache_read_tokens,
            call.cache_write_tokens,
            call.reasoning_tokens,
        )
    if used.input_tokens or used.output_tokens:
        return used
    return TokenUsage(count(written.answer.question), count(text.whole))
