"""Embedding and rerank models over HTTP: OpenAI's /embeddings, and /rerank as Cohere and Jina have it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx2

from loccit.core.calls import Message, ModelCall, Speaker, TokenUsage
from loccit.core.errors import MalformedReply, ModelError, ModelRefused, ModelUnavailable
from loccit.models import tokens
from loccit.models.resilience import Guard, Patience
from loccit.models.transport import ReplyTooLong, check_allowed

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.budgets.ledger import Ledger
    from loccit.budgets.prices import PriceList
    from loccit.core.calls import Payer
    from loccit.models.providers import Provider

_MOST_AT_ONCE = 128  # texts in one request


class Endpoint:
    """A provider's model: its requests are paid for, tried again and bounded as those of chat models are."""

    def __init__(
        self,
        provider: Provider,
        model: str,
        guard: Guard,
        *,
        attempts: int,
        backoff_s: float,
        money: tuple[Ledger, PriceList] | None,
    ) -> None:
        """The provider's model of this name. Without `money` calls are not paid for."""
        self._provider = provider
        self._model = model
        self._guard = guard
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._money = money

    @property
    def name(self) -> str:
        """As the settings name it."""
        return f"{self._provider.name}:{self._model}"

    async def ask(
        self, path: str, body: dict[str, Any], texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> Any:
        """The JSON that comes back. `texts` is what is counted. Raises as chat models do."""
        check_allowed(self._provider.options.base_url, self._provider.real_calls, self.name)
        patience = Patience(self._guard, deadline, self._backoff_s)
        async for attempt in patience.attempts(self._attempts):
            with attempt, patience.counted():
                async with self._guard.slots.one(self.name, deadline):
                    return await self._paid(path, body, texts, payer, deadline)
        raise AssertionError("stamina ends with a result or an error")

    async def _paid(
        self, path: str, body: dict[str, Any], texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> Any:
        if self._money is None:
            return await self._send(path, body, deadline)
        ledger, prices = self._money
        call = ModelCall(path, tuple(Message(Speaker.USER, text) for text in texts), path)
        ratio = ledger.input_ratio(self.name)
        most = tokens.bound(call, ratio)
        reservation = await ledger.reserve(
            payer,
            self.name,
            cost=lambda output: prices.bound(self.name, most, output),
            output_tokens=0,
            deadline=deadline,
            purpose=path,
            input_tokens=tokens.estimate(call),
        )
        usage: TokenUsage | None = None
        try:
            document = await self._send(path, body, deadline)
            usage = _usage(document) or TokenUsage(round(tokens.estimate(call) * ratio))
        except ModelError as error:
            usage = error.usage
            if usage is None:
                error.spent_usd = reservation.usd
            raise
        finally:
            if usage is None:
                await ledger.settle(reservation, reservation.usd, TokenUsage(most))
            elif usage == TokenUsage():
                await ledger.release(reservation)
            else:
                await ledger.settle(reservation, prices.price(self.name, usage), usage)
        return document

    async def _send(self, path: str, body: dict[str, Any], deadline: Deadline) -> Any:
        provider = self._provider
        name = f"{self.name!r} at {httpx2.URL(provider.options.base_url).netloc.decode()!r}"
        headers = {"authorization": f"Bearer {provider.key}"} if provider.key else {}
        limit_s = min(deadline.remaining_s, provider.call_timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                response = await provider.client().post(
                    f"{provider.options.base_url}/{path}",
                    json={"model": self._model, **body},
                    headers=headers,
                )
        except TimeoutError:
            raise ModelUnavailable(f"{name} did not answer in time", model=self.name, usage=None) from None
        except httpx2.ConnectError:
            raise ModelUnavailable(
                f"{name} cannot be reached", next_step="check that it runs, and base_url", model=self.name
            ) from None
        except httpx2.TransportError as error:
            raise ModelUnavailable(
                f"{name} broke off: {type(error).__name__}", model=self.name, usage=None
            ) from None
        except ReplyTooLong as error:
            raise MalformedReply(f"{name} was cut off: {error}", model=self.name, usage=None) from None
        status = response.status_code
        if status == 429 or status >= 500:
            raise ModelUnavailable(
                f"{name} answers {status}", model=self.name, retry_after_s=_seconds(response.headers)
            )
        if status in {401, 403}:
            variable = provider.options.key_variable or "key_variable in [models.providers]"
            raise ModelRefused(
                f"{name} does not accept the key", next_step=f"check {variable}", model=self.name
            )
        if status != 200:
            raise ModelRefused(
                f"{name} answers {status}",
                next_step=f"check the model's name and base_url, now {provider.options.base_url!r}",
                model=self.name,
            )
        try:
            return response.json()
        except ValueError:
            raise self.malformed("answers what is no JSON") from None

    def malformed(self, what: str) -> MalformedReply:
        """The error for a reply that is not of the expected form."""
        return MalformedReply(
            f"{self.name!r} {what}", next_step="check base_url", model=self.name, usage=None
        )


class HttpEmbeddings:
    """An embedding model behind OpenAI's interface."""

    def __init__(self, endpoint: Endpoint) -> None:
        """At this endpoint."""
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """As the settings name it."""
        return self._endpoint.name

    async def embed(
        self, texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> tuple[tuple[float, ...], ...]:
        """One vector per text, in their order; long lists go in several requests, one after another."""
        vectors: list[tuple[float, ...]] = []
        for start in range(0, len(texts), _MOST_AT_ONCE):
            part = list(texts[start : start + _MOST_AT_ONCE])
            document = await self._endpoint.ask("embeddings", {"input": part}, part, payer, deadline)
            try:
                found = {int(one["index"]): tuple(map(float, one["embedding"])) for one in document["data"]}
                vectors += [found[index] for index in range(len(part))]
            except (KeyError, TypeError, ValueError):
                raise self._endpoint.malformed(f"gives no vector for each of {len(part)} texts") from None
        return tuple(vectors)


class HttpRerank:
    """A rerank model behind the interface that Cohere, Jina, vLLM and others share."""

    def __init__(self, endpoint: Endpoint) -> None:
        """At this endpoint."""
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """As the settings name it."""
        return self._endpoint.name

    async def rerank(
        self, query: str, texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> tuple[float, ...]:
        """One score per text, in their order, higher is better."""
        if not texts:
            return ()
        body = {"query": query, "documents": list(texts), "top_n": len(texts), "return_documents": False}
        document = await self._endpoint.ask("rerank", body, [query, *texts], payer, deadline)
        try:
            found = {int(one["index"]): float(one["relevance_score"]) for one in document["results"]}
            return tuple(found[index] for index in range(len(texts)))
        except (KeyError, TypeError, ValueError):
            raise self._endpoint.malformed(f"gives no score for each of {len(texts)} texts") from None


def _usage(document: Any) -> TokenUsage | None:
    """The tokens that it says it has read, None where it does not say."""
    try:
        counted = document["usage"]
        return TokenUsage(int(counted.get("prompt_tokens") or counted["total_tokens"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _seconds(headers: httpx2.Headers) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
