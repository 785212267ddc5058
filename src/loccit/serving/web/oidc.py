"""Logging in through an OIDC provider: authorization code with PKCE (RFC 7636), the ID token checked."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import httpx

from loccit.core.errors import NotAuthenticated, SettingsError
from loccit.policy.callers import Role
from loccit.serving.sessions import Signer
from loccit.settings import oidc_secret

if TYPE_CHECKING:
    from loccit.serving.service import Service

COOKIE = "loccit_login"
SECONDS = 600
"""How long somebody may take at the provider."""

_TIMEOUT_S = 10.0
# What the provider says of itself, and its keys, are asked for again after so long.
_KNOWN_S = 3_600.0
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 60
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in, as the provider says."""

    subject: str
    user: str
    role: Role


class Provider:
    """The provider that `[serving]` names."""

    def __init__(self, service: Service) -> None:
        options = service.options
        self._options = options
        self._issuer = options.oidc_issuer
        self._secret = oidc_secret(options.oidc_secret_variable)
        self._signer = Signer(service.loccit.secret("oidc"))
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    async def begin(self, callback: str, next: str) -> tuple[str, str]:
        """Where to send somebody who wants to log in, and what a cookie remembers of it. Raises SettingsError
        where the provider cannot be asked.
        """
        from authlib.oauth2 import rfc7636

        facts = await self._facts()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = cast("Any", rfc7636).create_s256_code_challenge(verifier)
        asked: dict[str, str] = {
            "response_type": "code",
            "client_id": self._options.oidc_client_id,
            "redirect_uri": callback,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": str(challenge),
            "code_challenge_method": "S256",
        }
        held = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "next": next,
            "expires_at": time.time() + SECONDS,
        }
        where = str(facts["authorization_endpoint"])
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", self._signer.seal(held)

    async def finish(
        self, cookie: str, callback: str, *, code: str, state: str, error: str
    ) -> tuple[Person, str]:
        """Who comes back from the provider, and the page that they wanted. Raises NotAuthenticated,
        SettingsError.
        """
        held = self._signer.open(cookie)
        if (
            held is None
            or held["expires_at"] < time.time()
            or not hmac.compare_digest(held["state"].encode(), state.encode("utf-8", "replace"))
        ):
            raise _refused("this login was not begun here, or too long ago")
        if error or not code:
            raise _refused(f"the provider says {error!r}" if error else "the provider sent no code")
        token = await self._token(code, callback, held["verifier"])
        claims = await self._claims(token, held["nonce"])
        return self._person(claims), str(held["next"])

    async def _token(self, code: str, callback: str, verifier: str) -> str:
        facts = await self._facts()
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": verifier,
            "client_id": self._options.oidc_client_id,
        }
        if self._secret:
            sent["client_secret"] = self._secret
        reply = await self._fetched("POST", str(facts["token_endpoint"]), data=sent)
        token = reply.get("id_token")
        if not isinstance(token, str):
            raise _refused("the provider sent no ID token")
        return token

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """What the token says, once its signature, issuer, audience, times and nonce are right."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            signed = await self._signed(token)
            options = {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._options.oidc_client_id},
            }
            told = {"nonce": nonce, "client_id": self._options.oidc_client_id}
            claims: Any = CodeIDToken(signed.claims, signed.header, options=options, params=told)
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise _refused(f"the provider's ID token does not hold: {type(error).__name__}") from error
        return cast("dict[str, Any]", dict(signed.claims))

    async def _signed(self, token: str) -> Any:
        """The token, its signature checked. Keys that are not known are asked for once more: they rotate."""
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError
        from joserfc.jwk import KeySet

        for fresh in (False, True):
            keys = KeySet.import_key_set(cast("Any", await self._keys(fresh=fresh)))
            try:
                return jwt.decode(token, keys, algorithms=list(_ALGORITHMS))
            except (BadSignatureError, InvalidKeyIdError, ValueError):
                if fresh:
                    raise
        raise AssertionError

    def _person(self, claims: dict[str, Any]) -> Person:
        """Who that is. Names that people choose for themselves are none: `user` opens runs and budgets."""
        subject = str(claims["sub"])
        email = claims.get("email")
        is_verified = isinstance(email, str) and claims.get("email_verified") is True
        found: object = claims.get(self._options.oidc_role_claim)
        groups = {found} if isinstance(found, str) else set[str]()
        if isinstance(found, list):
            groups = {one for one in cast("list[object]", found) if isinstance(one, str)}
        role = Role.READER
        if groups & set(self._options.oidc_admins):
            role = Role.ADMIN
        elif groups & set(self._options.oidc_maintainers):
            role = Role.MAINTAINER
        return Person(subject, str(email) if is_verified else f"oidc:{subject}", role)

    async def _facts(self) -> dict[str, Any]:
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        facts = await self._remembered(address)
        if facts.get("issuer") != self._issuer:
            raise SettingsError(
                f"the provider is {facts.get('issuer')!r}, and oidc_issuer in [serving] {self._issuer!r}",
                next_step="write oidc_issuer as the provider does",
            )
        return facts

    async def _keys(self, *, fresh: bool) -> dict[str, Any]:
        address = str((await self._facts())["jwks_uri"])
        if fresh:
            self._known.pop(address, None)
        return await self._remembered(address)

    async def _remembered(self, address: str) -> dict[str, Any]:
        held = self._known.get(address)
        if held is None or time.monotonic() - held[0] > _KNOWN_S:
            held = self._known[address] = (time.monotonic(), await self._fetched("GET", address))
        return held[1]

    async def _fetched(self, method: str, address: str, **sent: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                reply = await client.request(method, address, headers={"Accept": "application/json"}, **sent)
            if reply.status_code >= 500:
                reply.raise_for_status()
            document = reply.json() if len(reply.content) <= _MOST_BYTES else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise SettingsError(
                f"the OIDC provider at {address!r} cannot be asked: {error}",
                next_step="see oidc_issuer in [serving]",
            ) from error
        if not isinstance(document, dict):
            raise SettingsError(f"the OIDC provider at {address!r} sent no JSON object")
        told = cast("dict[str, Any]", document)
        if reply.status_code >= 400:
            raise _refused(f"the provider refuses: {str(told.get('error'))[:80]!r}")
        return told


def _refused(why: str) -> NotAuthenticated:
    return NotAuthenticated(why, next_step="log in again")
