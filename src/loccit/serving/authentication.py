"""Who asks: by a key, by the cookie of a login, or because they sit at the machine."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loccit.core.errors import NotAuthenticated, NotPermitted
from loccit.policy.callers import LOCAL, Caller, Role
from loccit.serving.admission import Rates, Standing
from loccit.serving.sessions import COOKIE, Logins

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from loccit.library import Loccit
    from loccit.policy.keys import Key
    from loccit.serving.service import Service

# How long a key that was found valid is taken for valid, and none for none: revoking takes so long, at most.
_REMEMBERED_S = 2.0
_MOST_REMEMBERED = 10_000
_WRONG_KEYS_PER_MINUTE = 30
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Authenticator:
    """Finds out who asks.

    A key opens what it is for. Without any key in the database and no OIDC provider, who reaches the server
    from this very machine, directly, is taken for the one who runs it; as soon as there is a key, everybody
    needs one.
    """

    def __init__(self, service: Service) -> None:
        options = service.options
        self._service = service
        self._logins = Logins(service.loccit.secret("logins"), hours=options.session_hours)
        self._rates = Rates(options.requests_per_minute, workers=options.workers)
        self._wrong_keys = Rates(_WRONG_KEYS_PER_MINUTE, workers=options.workers)
        self._valid: dict[str, tuple[float, Key]] = {}
        self._by_id: dict[str, tuple[float, Key | None]] = {}
        self._open_at: tuple[float, bool] = (0.0, False)

    @property
    def logins(self) -> Logins:
        """The cookies of people who logged in."""
        return self._logins

    async def caller(self, request: HTTPConnection) -> Caller:
        """Who sends this request; it is counted in their rate, and what is left of it is in
        `request.state.standing`.

        Raises NotAuthenticated, NotPermitted for what another site makes a browser send, RateLimited.
        """
        caller = await self._known(request)
        request.state.caller = caller
        request.state.standing = self._rates.take(caller.id, caller.requests_per_minute)
        return caller

    async def by_key(self, text: str, address: str) -> Key:
        """The key with this text. Raises NotAuthenticated, and RateLimited for an address that guesses."""
        now = time.monotonic()
        held = self._valid.get(text)
        if held is not None and now - held[0] < _REMEMBERED_S:
            return held[1]
        try:
            key = await self._service.book(lambda loccit: loccit.keys().authenticate(text))
        except NotAuthenticated:
            # Raises once there were too many: right keys are let in from the same address all the same.
            self._wrong_keys.take(address, None)
            raise
        if len(self._valid) >= _MOST_REMEMBERED:
            self._valid.clear()
        self._valid[text] = (now, key)
        return key

    async def _known(self, request: HTTPConnection) -> Caller:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if text:
            if scheme.lower() != "bearer":
                raise NotAuthenticated(f"the scheme {scheme[:20]!r}", next_step="send: Authorization: Bearer")
            return (await self.by_key(text.strip(), _address(request))).caller
        cookie = request.cookies.get(COOKIE)
        if cookie:
            refuse_other_sites(request)
            return await self._logged_in(cookie)
        if _is_direct_and_local(request) and await self._is_open():
            refuse_other_sites(request)
            return LOCAL
        raise NotAuthenticated(
            "who asks is not known", next_step="send a key: Authorization: Bearer loccit_…"
        )

    async def _logged_in(self, cookie: str) -> Caller:
        login = self._logins.read(cookie)
        if not login.key:
            return Caller(f"oidc:{login.subject}", login.user, Role(login.role))
        now = time.monotonic()
        held = self._by_id.get(login.key)
        if held is None or now - held[0] >= _REMEMBERED_S:
            held = (now, await self._service.book(lambda loccit: _valid_key(loccit, login.key)))
            self._by_id[login.key] = held
        if held[1] is None:
            raise NotAuthenticated("the login is over", next_step="log in again")
        return held[1].caller

    async def _is_open(self) -> bool:
        """Whether who sits at the machine needs no key: there is none."""
        if self._service.options.oidc_issuer:
            return False
        now = time.monotonic()
        if now - self._open_at[0] >= _REMEMBERED_S:
            has_any = await self._service.book(lambda loccit: loccit.keys().has_any())
            self._open_at = (now, not has_any)
        return self._open_at[1]


def standing_headers(standing: Standing | None) -> dict[str, str]:
    """What a response's head says of the caller's rate; nothing where they have none."""
    if standing is None:
        return {}
    return {
        "x-ratelimit-limit-requests": str(standing.limit),
        "x-ratelimit-remaining-requests": str(standing.remaining),
        "x-ratelimit-reset-requests": f"{standing.reset_s:.0f}s",
    }


def is_loopback(host: str) -> bool:
    """Whether this is a name or address of the machine itself, whatever its port."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    name = name.partition("]")[0].lstrip("[") if name.startswith("[") else name
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _valid_key(loccit: Loccit, key_id: str) -> Key | None:
    now = time.time()
    return next((key for key in loccit.keys().list() if key.id == key_id and key.is_valid(now)), None)


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


def _is_direct_and_local(request: HTTPConnection) -> bool:
    """Whether nobody stands between: a proxy on this machine lets strangers in from here."""
    headers = request.headers
    proxied = any(name in headers for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"))
    return not proxied and is_loopback(_address(request)) and is_loopback(headers.get("host", ""))


def refuse_other_sites(request: HTTPConnection) -> None:
    """Raises NotPermitted for what the page of another site makes a browser send: it sends cookies, and
    reaches this machine, for whatever page is open in it.
    """
    if request.scope.get("method", "GET") in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not same or site not in {None, "same-origin", "none"}:
        raise NotPermitted("another site made this request", next_step="send it from the page itself")
