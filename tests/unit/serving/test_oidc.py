"""Logging in through an OIDC provider: a small one of the tests' own, that can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.servers import Server, index_two, running

CLIENT = "loccit-page"


FIRST, SECOND, THIEVES = (RSAKey.generate_key(2048, parameters={"kid": kid}) for kid in ("one", "two", "one"))


class Issuer:
    """A provider. What it says can be changed: `claims` go over those of an honest token, `key` signs."""

    def __init__(self) -> None:
        self.be_honest()
        self.codes: dict[str, dict[str, str]] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self.say(200, issuer.facts())
                else:
                    self.say(200, KeySet(list(issuer.published)).as_dict(private=False))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                sent = {name: values[0] for name, values in parse_qs(body).items()}
                issuer.asked.append(sent)
                self.say(*issuer.token(sent))

            def say(self, status: int, document: Any) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def be_honest(self) -> None:
        """Say what is so, from now on."""
        self.key = FIRST
        self.published = [FIRST]
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []

    def facts(self) -> dict[str, str]:
        """What it says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def authorize(self, address: str) -> str:
        """What its page does once somebody has said who they are: the address that it sends them back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, sent: dict[str, str]) -> tuple[int, dict[str, str]]:
        """What its token endpoint answers: an honest token but for `claims`, once for each code."""
        asked = self.codes.pop(sent["code"], None)
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        if asked is None or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "u-17",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ana@example.org",
            "email_verified": True,
            "groups": ["staff"],
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return 200, {
            "id_token": jwt.encode(cast("Any", header), claims, self.key, algorithms=[self.algorithm])
        }


@pytest.fixture(scope="module")
def provider() -> Iterator[Issuer]:
    one = Issuer()
    thread = Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: Issuer) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    with running(
        folder / "home",
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_maintainers=("maintainers",),
        oidc_admins=("admins",),
    ) as one:
        yield one


@pytest.fixture
def issuer(provider: Issuer) -> Issuer:
    provider.be_honest()
    return provider


def begun(client: httpx.Client, issuer: Issuer, path: str = "/") -> str:
    """The address to which the provider sends somebody back who began a login at a page."""
    refused = client.get(path)
    assert refused.headers["location"].startswith("/login?next=")
    page = client.get(refused.headers["location"])
    assert "Log in with your organisation" in page.text
    to = client.get("/login/provider", params={"next": path})
    assert to.status_code == 303
    assert to.headers["location"].startswith(f"{issuer.url}/authorize?")
    return issuer.authorize(to.headers["location"])


def test_who_logs_in_at_the_provider_is_known_here_and_back_at_the_page_that_they_wanted(
    server: Server, issuer: Issuer
) -> None:
    """The groups say which role they have, the verified address which budget is theirs."""
    issuer.claims = {"groups": ["staff", "maintainers"]}
    with server.client() as client:
        back = client.get(begun(client, issuer, "/?q=rain"))
        assert (back.status_code, back.headers["location"]) == (303, "/?q=rain")
        cookie = back.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        status = client.get("/v1/status").json()
        assert (status["user"], status["role"]) == ("ana@example.org", "maintainer")
        assert client.get("/").status_code == 200
        client.post("/logout")
        assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    ("claims", "user", "role"),
    [
        ({"groups": ["admins"]}, "ana@example.org", "admin"),
        ({"groups": "admins"}, "ana@example.org", "admin"),
        ({"groups": None}, "ana@example.org", "reader"),
        ({"groups": [["admins"], {"admins": 1}]}, "ana@example.org", "reader"),
        # Who may call themselves what they like is not let into somebody else's runs by that.
        ({"email_verified": False}, "oidc:u-17", "reader"),
        ({"email": None, "preferred_username": "ada"}, "oidc:u-17", "reader"),
    ],
)
def test_claims_decide_who_somebody_is(
    server: Server, issuer: Issuer, claims: dict[str, Any], user: str, role: str
) -> None:
    issuer.claims = claims
    with server.client() as client:
        client.get(begun(client, issuer))
        status = client.get("/v1/status").json()
        assert (status["user"], status["role"]) == (user, role)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "somebody-else"},
        {"aud": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"nonce": "of another login"},
        {"nonce": None},
        {"sub": None},
        {"iat": 4_000_000_000},
    ],
)
def test_a_token_that_is_not_for_this_login_lets_nobody_in(
    server: Server, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.claims = claims
    with server.client() as client:
        back = client.get(begun(client, issuer))
        assert "loccit_session" not in back.headers.get("set-cookie", "")
        assert client.get("/v1/status").status_code == 401


def test_a_token_that_another_key_signed_lets_nobody_in(server: Server, issuer: Issuer) -> None:
    """Not with the name of the right key either, nor with none at all."""
    honest, issuer.key = issuer.key, THIEVES
    with server.client() as client:
        client.get(begun(client, issuer))
        assert client.get("/v1/status").status_code == 401
        issuer.key, issuer.algorithm = honest, "none"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jwt, "encode", unsigned)
            client.get(begun(client, issuer))
        assert client.get("/v1/status").status_code == 401


def unsigned(header: Any, claims: Any, key: Any, algorithms: Any) -> str:
    """A token with the algorithm `none`."""
    parts = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims))
    return b".".join((*parts, b"")).decode()


def test_a_key_that_the_provider_changed_to_is_fetched(server: Server, issuer: Issuer) -> None:
    """Keys rotate: one that is not known is asked for once more."""
    with server.client() as client:
        client.get(begun(client, issuer))
        client.post("/logout")
        issuer.key = SECOND
        issuer.published = [issuer.key]
        client.get(begun(client, issuer))
        assert client.get("/v1/status").status_code == 200


def test_a_login_that_was_begun_elsewhere_is_refused(server: Server, issuer: Issuer) -> None:
    """Neither another browser's, nor one with another state, nor a code that was used."""
    with server.client() as client, server.client() as other:
        back = begun(client, issuer)
        assert "loccit_session" not in str(other.get(back).headers)
        assert "loccit_session" not in str(client.get(back.replace("state=", "state=x")).headers)
        assert client.get(back).status_code == 303
        assert client.get("/v1/status").status_code == 200
    with server.client() as third:
        used = begun(third, issuer)
        code = urlsplit(used).query.split("&")[0].removeprefix("code=")
        issuer.codes.pop(code)
        third.get(used)
        assert third.get("/v1/status").status_code == 401


def test_the_verifier_is_sent_and_the_secret_of_the_client_where_there_is_one(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGE_SECRET", "s3cret-of-the-client")
    index_two(tmp_path, tmp_path / "home")
    with (
        running(
            tmp_path / "home",
            oidc_issuer=issuer.url,
            oidc_client_id=CLIENT,
            oidc_secret_variable="PAGE_SECRET",
        ) as server,
        server.client() as client,
    ):
        client.get(begun(client, issuer))
        assert client.get("/v1/status").status_code == 200
    assert issuer.asked[0]["client_secret"] == "s3cret-of-the-client"
    assert len(issuer.asked[0]["code_verifier"]) >= 43


def test_a_provider_that_is_gone_is_told_without_its_address(tmp_path: Path) -> None:
    """Its address is the operator's affair."""
    index_two(tmp_path, tmp_path / "home")
    with (
        running(tmp_path / "home", oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT) as server,
        server.client() as client,
    ):
        reply = client.get("/login/provider")
        assert reply.status_code == 500
        assert "127.0.0.1:9" not in reply.text
        assert "its log says why" in reply.text
