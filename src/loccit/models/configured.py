"""The models that the settings name, each put together from its parts when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loccit.core.errors import ModelNotConfigured
from loccit.models.options import BUILT_IN, ModelOptions, ProviderOptions, RealCalls

if TYPE_CHECKING:
    from loccit.budgets.ledger import Ledger
    from loccit.budgets.prices import PriceList
    from loccit.core.errors import StorageFailed
    from loccit.models.cache import ReplyCache
    from loccit.models.embeddings import Endpoint
    from loccit.models.protocols import ChatModel, EmbeddingModel, RerankModel
    from loccit.models.providers import Provider
    from loccit.models.replay import Recorder
    from loccit.models.resilience import Guard
    from loccit.storage.database import Database

Role = Literal["answer", "stronger", "judge"]
# Served from files: no provider, no key, no price.
_FROM_FILES = frozenset({"scripted", "replay"})
_INSTALL = "pip install 'loccit[models]'"


@dataclass(frozen=True, slots=True)
class Money:
    """Where calls are paid and what they cost."""

    ledger: Ledger
    prices: PriceList


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    """A model that the settings name: for what, by whom it is served, and whether its key is there."""

    role: str
    name: str
    provider: str
    base_url: str
    key_variable: str
    has_key: bool

    @property
    def is_from_file(self) -> bool:
        """Whether it is a script or a recording."""
        return self.provider in _FROM_FILES


class Models:
    """Every model of one system. Those of one provider share its connections, slots and breaker.

    They may be used from one event loop after another, but only from one at a time.
    """

    def __init__(
        self,
        options: ModelOptions,
        *,
        key_of: Callable[[str], str | None],
        real_calls: RealCalls,
        home: Path,
        money: Callable[[], Money] | None = None,
        database: Callable[[], Database] | None = None,
    ) -> None:
        """Nothing is opened yet.

        `key_of` gives the key that a variable of the environment holds. Paths of scripts and recordings are
        relative to `home`. Without `money` calls are not paid for, without `database` no reply is kept; both
        are opened when the first model needs them.
        """
        self._options = options
        self._key_of = key_of
        self._real_calls = real_calls
        self._home = home
        self._open_money = money
        self._open_database = database
        self._money: Money | None = None
        self._providers: dict[str, Provider] = {}
        self._guards: dict[str, Guard] = {}
        self._chats: dict[str, ChatModel] = {}
        self._recorder: Recorder | None = None
        self._cache: ReplyCache | None = None

    def listed(self) -> tuple[ConfiguredModel, ...]:
        """What is configured, in the order of the settings. Raises ModelNotConfigured for a name of none."""
        options = self._options
        named = [
            ("answer", options.answer),
            *(("fallback", name) for name in options.fallback),
            ("stronger", options.stronger),
            ("judge", options.judge),
            ("embedding", options.embedding),
            ("rerank", options.rerank),
        ]
        return tuple(self._listed(role, name) for role, name in named if name)

    def named(self, role: Role) -> str:
        """The model that the settings name for a role, empty for none."""
        options = self._options
        return {"answer": options.answer, "stronger": options.stronger, "judge": options.judge}[role]

    def chat(self, role: Role, permissions: str = "") -> ChatModel | None:
        """The model for a role, None where none is configured.

        `permissions` says what the asker may see, in any words that are the same for all who may see the
        same: no reply is handed on to anybody else. The answer's model has the fallbacks behind it. Raises
        ModelNotConfigured for a name of none, and where the package is not installed.
        """
        name = self.named(role)
        if not name:
            return None
        names = (name, *self._options.fallback) if role == "answer" else (name,)
        model = self._chain(names, permissions)
        if not self._options.record:
            return model
        from loccit.models.replay import Recorded, Recorder

        if self._recorder is None:
            self._recorder = Recorder(self._home / self._options.record)
        return Recorded(model, self._recorder)

    def one(self, name: str) -> ChatModel:
        """A model by its name, which needs no role: as it is, without fallbacks, cache and recording."""
        if name not in self._chats:
            self._chats[name] = self._new(name)
        return self._chats[name]

    def embedding(self) -> EmbeddingModel | None:
        """The model that turns texts into vectors, None where none is configured."""
        if not self._options.embedding:
            return None
        endpoint = self._endpoint(self._options.embedding)
        from loccit.models.embeddings import HttpEmbeddings

        return HttpEmbeddings(endpoint)

    def rerank(self) -> RerankModel | None:
        """The model that orders passages, None where none is configured."""
        if not self._options.rerank:
            return None
        endpoint = self._endpoint(self._options.rerank)
        from loccit.models.embeddings import HttpRerank

        return HttpRerank(endpoint)

    @property
    def recording_failure(self) -> StorageFailed | None:
        """What could not be recorded, None where nothing was lost."""
        return self._recorder.failure if self._recorder else None

    async def close(self) -> None:
        """Close every connection."""
        for provider in self._providers.values():
            await provider.close()

    def _listed(self, role: str, name: str) -> ConfiguredModel:
        kind, _ = parts_of(name)
        if kind in _FROM_FILES:
            return ConfiguredModel(role, name, kind, "", "", has_key=False)
        options = provider_options(self._options.providers, kind, name)
        variable = options.key_variable
        return ConfiguredModel(
            role, name, kind, options.base_url, variable, has_key=bool(variable and self._key_of(variable))
        )

    def _chain(self, names: tuple[str, ...], permissions: str) -> ChatModel:
        models = [self._kept(name, permissions) for name in names]
        if len(models) == 1:
            return models[0]
        from loccit.models.routing import Chain

        return Chain(models)

    def _kept(self, name: str, permissions: str) -> ChatModel:
        model = self.one(name)
        if not self._options.cache or self._open_database is None or parts_of(name)[0] in _FROM_FILES:
            return model
        from loccit.models.cache import Cached, ReplyCache

        if self._cache is None:
            self._cache = ReplyCache(self._open_database(), self._options.cache_days)
        return Cached(model, self._cache, permissions)

    def _new(self, name: str) -> ChatModel:
        kind, rest = parts_of(name)
        if kind == "scripted":
            from loccit.models.scripted import ScriptedModel

            return ScriptedModel.of_file(rest, self._home)
        if kind == "replay":
            from loccit.models.replay import ReplayModel

            return ReplayModel(self._home / rest)
        provider = self._provider(kind, name)
        from loccit.models.metering import Metered
        from loccit.models.providers import ProviderModel
        from loccit.models.resilience import Guarded, Hedged, Retried

        options, guard, money = self._options, self._guard(kind), self._paid()
        model: ChatModel = ProviderModel(provider, rest)
        if money is not None:
            model = Metered(model, money.ledger, money.prices)
        model = Guarded(model, guard)
        if options.hedge_after_s > 0:
            model = Hedged(model, options.hedge_after_s)
        return Retried(model, guard, options.attempts, options.backoff_s)

    def _endpoint(self, name: str) -> Endpoint:
        kind, rest = parts_of(name)
        provider = self._provider(kind, name)
        from loccit.models.embeddings import Endpoint

        money = self._paid()
        return Endpoint(
            provider,
            rest,
            self._guard(kind),
            attempts=self._options.attempts,
            backoff_s=self._options.backoff_s,
            money=(money.ledger, money.prices) if money else None,
        )

    def _paid(self) -> Money | None:
        if self._money is None and self._open_money is not None:
            self._money = self._open_money()
        return self._money

    def _guard(self, provider: str) -> Guard:
        from loccit.models.resilience import Guard

        if provider not in self._guards:
            self._guards[provider] = Guard(self._options)
        return self._guards[provider]

    def _provider(self, name: str, model: str) -> Provider:
        if name not in self._providers:
            options = provider_options(self._options.providers, name, model)
            try:
                from loccit.models.providers import Provider
            except ModuleNotFoundError as error:
                raise ModelNotConfigured(
                    f"{model!r} needs a package that is not installed: {error.name}",
                    next_step=_INSTALL,
                    model=model,
                ) from error
            key = self._key_of(options.key_variable) if options.key_variable else None
            self._providers[name] = Provider(
                name,
                options,
                key or "",
                self._real_calls,
                self._options.call_timeout_s,
                self._options.max_reply_bytes,
            )
        return self._providers[name]


def parts_of(name: str) -> tuple[str, str]:
    """Provider and model of a name. Raises ModelNotConfigured for a name that is none."""
    provider, colon, model = name.partition(":")
    if not colon or not provider or not model:
        raise ModelNotConfigured(
            f"the model {name!r} names no provider", next_step="write PROVIDER:MODEL in [models]", model=name
        )
    return provider, model


def provider_options(tables: Mapping[str, ProviderOptions], name: str, model: str) -> ProviderOptions:
    """The options of a provider, with its address. Raises ModelNotConfigured for one nobody knows."""
    found = tables.get(name) or BUILT_IN.get(name)
    if found is None:
        known = ", ".join(sorted({*BUILT_IN, *tables}))
        raise ModelNotConfigured(
            f"the model {model!r} is of an unknown provider {name!r}",
            next_step=f"the providers are {known}; others need a table [models.providers.{name}]",
            model=model,
        )
    if found.base_url:
        return replace(found, base_url=found.base_url.rstrip("/"))
    maker = BUILT_IN[found.api.removesuffix("-responses")]
    return replace(found, base_url=maker.base_url, key_variable=found.key_variable or maker.key_variable)


def priced_as(options: ModelOptions) -> dict[str, str]:
    """Under which name the prices of a provider are listed, for those that have another name of their own."""
    return {name: table.price_as for name, table in options.providers.items() if table.price_as}
