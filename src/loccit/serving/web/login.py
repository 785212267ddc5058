"""Logging in to the page: by showing a key, or through an OIDC provider; and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from loccit.core.errors import NotAuthenticated
from loccit.serving.authentication import Authenticator, refuse_other_sites
from loccit.serving.sessions import COOKIE
from loccit.serving.web.pages import PageRoute, Pages

if TYPE_CHECKING:
    from loccit.serving.service import Service

Next = Annotated[str, Query(max_length=4_000)]


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/login`, `/logout`, and what an OIDC provider sends people back to."""
    router = APIRouter(route_class=PageRoute)
    options = service.options

    def logged_in(request: Request, cookie: str, next: str) -> Response:
        answer = RedirectResponse(local(next), 303)
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=int(3600 * options.session_hours),
            httponly=True,
            samesite="lax",
            secure=pages.is_secure(request),
        )
        return answer

    def shown(request: Request, next: str, *, told: str = "", status: int = 200) -> Response:
        return pages.show(
            request,
            "login.html",
            status=status,
            next=local(next),
            told=told,
            has_provider=bool(options.oidc_issuer),
        )

    @router.get("/login")
    async def login_page(request: Request, next: Next = "/") -> Response:
        return shown(request, next)

    @router.post("/login")
    async def login(
        request: Request,
        key: Annotated[str, Form(max_length=200)] = "",
        next: Annotated[str, Form(max_length=4_000)] = "/",
    ) -> Response:
        # Else another site could log somebody in as somebody else.
        refuse_other_sites(request)
        authenticator: Authenticator = request.app.state.authenticator
        try:
            known = await authenticator.by_key(key.strip(), request.client.host if request.client else "")
        except NotAuthenticated:
            return shown(request, next, told="This is no valid key.", status=401)
        return logged_in(request, authenticator.logins.by_key(known.id), next)

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        refuse_other_sites(request)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=pages.is_secure(request))
        return answer

    if options.oidc_issuer:
        _provider_routes(router, service, pages, logged_in)
    return router


def _provider_routes(router: APIRouter, service: Service, pages: Pages, logged_in: Any) -> None:
    from loccit.serving.web.oidc import COOKIE as STATE_COOKIE
    from loccit.serving.web.oidc import SECONDS, Provider

    provider = Provider(service)

    def callback(request: Request) -> str:
        return pages.absolute(request, "/login/back")

    @router.get("/login/provider")
    async def go(request: Request, next: Next = "/") -> Response:
        address, state = await provider.begin(callback(request), local(next))
        answer = RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            STATE_COOKIE,
            state,
            max_age=SECONDS,
            path="/login",
            httponly=True,
            samesite="lax",
            secure=pages.is_secure(request),
        )
        return answer

    @router.get("/login/back")
    async def back(
        request: Request,
        code: Annotated[str, Query(max_length=4_000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
        error: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        cookie = request.cookies.get(STATE_COOKIE, "")
        person, next = await provider.finish(cookie, callback(request), code=code, state=state, error=error)
        authenticator: Authenticator = request.app.state.authenticator
        sealed = authenticator.logins.by_provider(person.subject, user=person.user, role=person.role.value)
        answer = logged_in(request, sealed, next)
        answer.delete_cookie(STATE_COOKIE, path="/login")
        return answer


def local(path: str) -> str:
    """The path where it is one of this site, else the first page."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_local and path.isprintable() else "/"
