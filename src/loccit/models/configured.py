"""The models that the settings name, each put together from its parts when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from loccit.core.errors import ModelNotConfigured
from loccit.models.options import BUILT_IN, ModelOptions, ProviderOptions, RealCalls
from loccit.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from loccit.models.protocols import ChatModel
    from loccit.models.providers import Provider

Role = Literal["answer", "stronger", "judge"]


class Models:
    """Every model of one system. Those of one provider share its connections.

    They may be used from one event loop after another, but only from one at a time.
    """

    def __init__(
        self, options: ModelOptions, *, key_of: Callable[[str], str | None], real_calls: RealCalls
    ) -> None:
        """Nothing is opened yet. `key_of` gives the key that a variable of the environment holds."""
        self._options = options
        self._key_of = key_of
        self._real_calls = real_calls
        self._providers: dict[str, Provider] = {}

    def named(self, role: Role) -> str:
        """The model that the settings name for a role, empty for none."""
        return {
            "answer": self._options.answer,
            "stronger": self._options.stronger,
            "judge": self._options.judge,
        }[role]

    def chat(self, role: Role) -> ChatModel | None:
        """The model for a role, None where none is configured.

        Raises ModelNotConfigured for a name that is none, and where the package is not installed.
        """
        name = self.named(role)
        return self._one(name) if name else None

    async def close(self) -> None:
        """Close every connection."""
        for provider in self._providers.values():
            await provider.close()

    def _one(self, name: str) -> ChatModel:
        kind, colon, model = name.partition(":")
        if not colon or not model:
            raise ModelNotConfigured(
                f"the model {name!r} names no provider",
                next_step="write PROVIDER:MODEL in [models]",
                model=name,
            )
        if kind == "scripted":
            return ScriptedModel.of_file(model)
        provider = self._provider(kind, name)
        from loccit.models.providers import ProviderModel

        return ProviderModel(provider, model)

    def _provider(self, name: str, model: str) -> Provider:
        if name not in self._providers:
            options = provider_options(self._options, name, model)
            try:
                from loccit.models.providers import Provider
            except ModuleNotFoundError as error:
                raise ModelNotConfigured(
                    f"{model!r} needs a package that is not installed: {error.name}",
                    next_step="pip install 'loccit[models]'",
                    model=model,
                ) from error
            self._providers[name] = Provider(
                name,
                options,
                (self._key_of(options.key_variable) or "") if options.key_variable else "",
                self._real_calls,
                self._options.call_timeout_s,
                self._options.max_reply_bytes,
            )
        return self._providers[name]


def provider_options(options: ModelOptions, name: str, model: str) -> ProviderOptions:
    """The options of a provider, with its address. Raises ModelNotConfigured for one nobody knows."""
    found = options.providers.get(name) or BUILT_IN.get(name)
    if found is None:
        known = ", ".join(sorted({*BUILT_IN, *options.providers}))
        raise ModelNotConfigured(
            f"the model {model!r} is of an unknown provider {name!r}",
            next_step=f"the providers are {known}; others need a table [models.providers.{name}]",
            model=model,
        )
    if found.base_url:
        return found
    maker = BUILT_IN[found.api.removesuffix("-responses")]
    return replace(found, base_url=maker.base_url, key_variable=found.key_variable or maker.key_variable)
