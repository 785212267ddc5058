"""What the tests of models share: a server, models in front of it, and money to pay them with."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.model_server import ModelServer
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.budgets.options import BudgetLimit, BudgetOptions
from loccit.budgets.prices import STANDARD, PriceList
from loccit.budgets.rates import Rate, Rates
from loccit.core.calls import Message, ModelCall, ModelReply, Payer, Speaker
from loccit.models.options import ModelOptions, ProviderOptions, RealCalls
from loccit.models.protocols import ChatModel
from loccit.models.providers import Provider, ProviderModel
from loccit.storage.database import Database

PAYER = Payer("run-1", user="ana")
CALL = ModelCall("answer", (Message(Speaker.USER, "What is it?"),), "answer@1", max_output_tokens=100)
# A dollar for each token read, two for each written.
RATES = Rates(Rate(Decimal(1_000_000)), Rate(Decimal(2_000_000)))
PRICES = PriceList({"box:*": {STANDARD: RATES}, "spare:*": {STANDARD: RATES}})


def provider_model(server: ModelServer, name: str = "box:m", timeout_s: float = 5.0) -> ProviderModel:
    # Seconds that are no part of the first call's deadline.
    import_module("pydantic_ai.models.openai")
    provider, _, model = name.partition(":")
    options = ProviderOptions(base_url=server.openai_url)
    return ProviderModel(Provider(provider, options, "", RealCalls.LOOPBACK, timeout_s, 100_000), model)


def options_for(server: ModelServer, **more: Any) -> ModelOptions:
    table = ProviderOptions(base_url=server.openai_url)
    defaults: dict[str, Any] = {
        "answer": "box:m",
        "providers": {"box": table, "spare": table},
        "backoff_s": 0.01,
        "cache": False,
    }
    return ModelOptions(**(defaults | more))


def database_in(tmp_path: Path) -> Database:
    return Database.in_folder(tmp_path / "home")


def ledger_in(database: Database, *limits: BudgetLimit) -> Ledger:
    return Ledger.of_options(database, BudgetOptions(limits=limits))


def run(work: Coroutine[Any, Any, Any], *models: ProviderModel) -> Any:
    """The result, with every connection closed in the loop that made it."""

    async def and_close() -> Any:
        try:
            return await work
        finally:
            for model in models:
                await model.provider.close()

    return asyncio.run(and_close())


async def collected(
    model: ChatModel, call: ModelCall = CALL, seconds: float = 10
) -> tuple[list[str], ModelReply]:
    """The pieces of a stream, and its reply."""
    pieces: list[str] = []
    async for item in model.stream(call, PAYER, Deadline.after(seconds)):
        if isinstance(item, ModelReply):
            return pieces, item
        pieces.append(item)
    raise AssertionError("a stream ends with the reply")
