"""Who sends a request, as routes ask for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from loccit.policy.callers import Caller
from loccit.serving.authentication import Authenticator


async def caller_of(request: Request) -> Caller:
    """Who sends the request: a dependency of every route that is not for everybody."""
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.caller(request)


CallerOf = Annotated[Caller, Depends(caller_of)]
