"""Models: everything a key may ask, a repository, or a collection. Their ids are what clients choose by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.core.errors import NotFound
from loccit.serving.callers import CallerOf
from loccit.serving.openai_compat.schemas import Model, ModelList

if TYPE_CHECKING:
    from fastapi import APIRouter

    from loccit.policy.callers import Caller
    from loccit.serving.service import Service

EVERYTHING = "loccit"
_REPOSITORY, _COLLECTION = "loccit/", "loccit:"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a model answers from: these repositories, or a collection, or without either all."""

    repos: tuple[str, ...] = ()
    collection: str | None = None


def add_routes(router: APIRouter, service: Service) -> None:
    """`/v1/models` and `/v1/models/{id}`."""

    @router.get("/models", summary="What may be asked, as models")
    async def models(caller: CallerOf) -> ModelList:
        names, collections = await _seen(service, caller)
        return ModelList(data=[Model(id=id) for id in ids_of(names, collections)])

    @router.get("/models/{model:path}", summary="One model")
    async def model(caller: CallerOf, model: str) -> Model:
        await scope_of(service, caller, model)
        return Model(id=model)


def ids_of(names: Sequence[str], collections: Mapping[str, Sequence[str]]) -> list[str]:
    """`loccit`, then `loccit/NAME` for each repository, then `loccit:NAME` for each collection.

    What follows `loccit` says which kind it is, so a name may hold slashes, dots and colons.
    """
    repositories = (f"{_REPOSITORY}{name}" for name in names)
    return [EVERYTHING, *repositories, *(f"{_COLLECTION}{name}" for name in collections)]


async def scope_of(service: Service, caller: Caller, model: str) -> Scope:
    """What this model answers from. Raises NotFound, alike for one that is not there and one that the caller
    may not see.
    """
    if model == EVERYTHING:
        return Scope()
    names, collections = await _seen(service, caller)
    name = model[len(_REPOSITORY) :]
    if model.startswith(_REPOSITORY) and name in names:
        return Scope(repos=(name,))
    if model.startswith(_COLLECTION) and name in collections:
        return Scope(collection=name)
    raise NotFound(
        f"The model `{model}` does not exist or you do not have access to it",
        next_step="see what there is: GET /v1/models",
        field="model",
    )


async def _seen(service: Service, caller: Caller) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    guest = service.guest(caller)
    return await service.book(lambda _: (guest.names(), guest.collections()))
