"""Pages of templates, and what becomes of errors there: a login, or a page that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from loccit import __version__
from loccit.core.errors import InputError, LoccitError, NotAuthenticated
from loccit.core.permalinks import HOSTS
from loccit.policy.callers import Caller, Role
from loccit.serving.problems import headers_of, message_of, problem_of, status_of
from loccit.serving.web import text
from loccit.serving.web.assets import assets

if TYPE_CHECKING:
    from loccit.serving.service import Service

THEME_COOKIE = "loccit_theme"
THEMES = ("auto", "light", "dark")
FRAGMENT = "loccit-fragment"
"""The header by which the page's script asks for a part of a page."""

_HEADERS = {
    "Cache-Control": "private, no-store",
    "Vary": "Cookie, Authorization, Loccit-Fragment",
    # Forms say where they come from to this site, and nothing is told to others.
    "Referrer-Policy": "same-origin",
}


class Pages:
    """Makes pages of templates, in which whatever is not markup of ours is escaped."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.hosts = frozenset(host.lower() for host in (*HOSTS, *service.options.link_hosts))
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=text.shown,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        names, filters = cast(
            "tuple[dict[str, Any], ...]", (self._templates.globals, self._templates.filters)
        )
        names.update(
            asset=_address,
            version=__version__,
            roles=Role,
            link=self.link,
            navigation=navigation,
            url=url,
        )
        filters.update(
            ago=text.ago,
            code_line=text.code_line,
            counted=text.counted,
            dollars=text.dollars,
            duration=text.duration,
            inline=text.inline,
        )

    def link(self, address: str | None) -> str | None:
        """The address where a page may link to it, else None."""
        return text.known_address(address, self.hosts)

    def absolute(self, request: Request, path: str) -> str:
        """The whole address of a path on this site, as people write it."""
        public = self._service.options.public_url.rstrip("/")
        return f"{public or str(request.base_url).rstrip('/')}{path}"

    def is_secure(self, request: Request) -> bool:
        """Whether people reach this site by https: cookies then go no other way."""
        return self._service.options.public_url.startswith("https://") or request.url.scheme == "https"

    def show(
        self, request: Request, name: str, *, caller: Caller | None = None, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        """The page of a template, as this caller sees it."""
        return HTMLResponse(self.page(request, name, caller=caller, **facts), status, headers=_HEADERS)

    def page(self, request: Request, name: str, *, caller: Caller | None = None, **facts: Any) -> str:
        """The same as a text."""
        theme = request.cookies.get(THEME_COOKIE, "auto")
        return self._templates.get_template(name).render(
            caller=caller,
            theme=theme if theme in THEMES else "auto",
            path=request.url.path,
            has_model=self._service.loccit.has_model,
            **facts,
        )

    def part(self, name: str, **facts: Any) -> str:
        """A part of a page, for the page's script."""
        return self._templates.get_template(name).render(**facts)

    def partly(self, name: str, **facts: Any) -> HTMLResponse:
        """The same as a response."""
        return HTMLResponse(self.part(name, **facts), headers=_HEADERS)

    def refused(self, request: Request, error: LoccitError) -> Response:
        """What somebody sees whose request came to nothing: a login where it is not known who they are."""
        if wants_part(request):
            problem = problem_of(error)
            return JSONResponse(problem, status_of(error), headers=headers_of(error))
        if isinstance(error, NotAuthenticated) and request.method in {"GET", "HEAD"}:
            return RedirectResponse(f"/login?{urlencode({'next': here(request)})}", 303, headers=_HEADERS)
        status = status_of(error)
        caller = getattr(request.state, "caller", None)
        told = message_of(error)
        page = self.show(
            request,
            "error.html",
            caller=caller,
            status=status,
            title=status.phrase,
            told=told,
            next_step=error.next_step if told == error.message else "",
        )
        page.headers.update({k: v for k, v in headers_of(error).items() if k != "WWW-Authenticate"})
        return page


def _address(asset: str) -> str:
    return assets()[asset].url


def navigation(caller: Caller) -> tuple[tuple[str, str], ...]:
    """The pages that a caller finds in the head of each page: where, and what they are called."""
    found = [
        ("/", "Ask"),
        ("/search", "Search"),
        ("/triage", "Triage"),
        ("/runs", "Runs"),
        ("/repositories", "Index"),
        ("/dashboard", "Dashboard"),
    ]
    if caller.role.includes(Role.MAINTAINER):
        found.append(("/reports", "Reports"))
    return tuple(found)


class PageRoute(APIRoute):
    """A route that answers errors with pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler; whatever is wrong with a request is told on a page."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            pages = cast("Pages", request.app.state.pages)
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"][1:])
                return pages.refused(request, InputError(f"{where}: {first['msg']}"))
            except LoccitError as error:
                return pages.refused(request, error)

        return told


def wants_part(request: Request) -> bool:
    """Whether the page's script asks, for a part of a page."""
    return FRAGMENT in request.headers


def here(request: Request) -> str:
    """The path and query of a request."""
    query = request.url.query
    return f"{quote(request.url.path)}?{query}" if query else quote(request.url.path)


def url(path: str, anchor: str = "", /, **query: str | int | None) -> str:
    """An address on this site; what is None or empty is left out."""
    pairs = {key: str(value) for key, value in query.items() if value not in {None, ""}}
    written = f"{path}?{urlencode(pairs, errors='surrogateescape')}" if pairs else path
    return f"{written}#{anchor}" if anchor else written
