"""Taking deliveries in: forged, repeated, old, foreign and misshapen ones."""

from __future__ import annotations

import json
import time
from collections.abc import Generator

import httpx
import pytest

from loccit.serving.hooks.deliveries import Deliveries
from tests.trackers import (
    SIGNING_TOKEN,
    FakeGitLab,
    FakeTracker,
    Serve,
    headers_of,
    options_for,
    payload,
    send_github,
    send_gitlab,
    settled,
    signed_by_gitlab,
)


@pytest.fixture
def client(serve: Serve, github: FakeTracker, gitlab: FakeGitLab) -> Generator[httpx.Client]:
    """A client of a server in shadow mode, which both trackers tell of issues."""
    with (
        serve(options_for(github, mode="shadow"), options_for(gitlab, mode="shadow")) as server,
        server.client() as client,
    ):
        yield client


def test_a_signed_delivery_is_accepted_at_once(client: httpx.Client) -> None:
    reply = send_github(client, "issues", payload("github-issues"))
    assert (reply.status_code, reply.json()) == (202, {"status": "accepted"})


@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=é", "0" * 64],
    ids=["none", "empty", "no digits", "zeros", "sha1", "not ascii", "no scheme"],
)
def test_a_forged_delivery_is_refused(client: httpx.Client, signature: str | None) -> None:
    """With 401 and a problem document, whatever is wrong with it."""
    body = json.dumps(payload("github-issues")).encode()
    headers: dict[str, bytes] = {name: value.encode() for name, value in headers_of("issues", body).items()}
    del headers["X-Hub-Signature-256"]
    if signature is not None:
        headers["X-Hub-Signature-256"] = signature.encode("latin-1")
    reply = client.post("/hooks/github", content=body, headers=headers)  # type: ignore[arg-type]
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:loccit:error:not_authenticated"


def test_a_changed_byte_breaks_the_signature(client: httpx.Client) -> None:
    body = json.dumps(payload("github-issues")).encode()
    headers = headers_of("issues", body)
    assert client.post("/hooks/github", content=body + b" ", headers=headers).status_code == 401
    assert send_github(client, "issues", payload("github-issues"), secret="other").status_code == 401


def test_who_forges_many_is_told_to_wait_and_right_ones_are_let_in_all_the_same(client: httpx.Client) -> None:
    codes = {
        send_github(client, "issues", payload("github-issues"), secret="other").status_code for _ in range(70)
    }
    assert codes == {401, 429}
    assert send_github(client, "issues", payload("github-issues")).status_code == 202


def test_a_delivery_that_is_sent_again_is_known(client: httpx.Client) -> None:
    """By its id, and with another id by its bytes: the id is not signed."""
    document = payload("github-issues")
    body = json.dumps(document).encode()
    headers = headers_of("issues", body, delivery="first")
    assert client.post("/hooks/github", content=body, headers=headers).json() == {"status": "accepted"}
    assert client.post("/hooks/github", content=body, headers=headers).json() == {"status": "known"}
    headers = headers_of("issues", body, delivery="another")
    assert client.post("/hooks/github", content=body, headers=headers).json() == {"status": "known"}
    document["issue"]["title"] = "another"
    assert send_github(client, "issues", document, delivery="first").json() == {"status": "known"}


def test_a_delivery_of_long_ago_is_refused_when_nobody_remembers_it_any_more(client: httpx.Client) -> None:
    reply = send_github(client, "issues", payload("github-issues", now=time.time() - 8 * 86_400))
    assert (reply.status_code, "days old" in reply.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("event", "name", "changed"),
    [
        ("ping", "github-ping", {}),
        ("star", "github-issues", {}),
        ("issues", "github-issues", {"action": "labeled"}),
        ("issues", "github-issues", {"issue__pull_request": {"url": ""}}),
        ("issues", "github-issues", {"repository__full_name": "acme/other"}),
        ("issues", "github-issues", {"repository__html_url": "https://example.org/acme/weather"}),
        ("issue_comment", "github-issue_comment", {"action": "edited"}),
        ("issue_comment", "github-issue_comment", {"issue__pull_request": {"url": ""}}),
        ("pull_request", "github-pull_request", {"pull_request__merged": False}),
        ("pull_request", "github-pull_request", {"pull_request__base": {"ref": "old"}}),
        ("push", "github-push", {"ref": "refs/heads/fix"}),
        ("push", "github-push", {"ref": "refs/tags/main"}),
    ],
)
def test_what_matters_to_nobody_here_is_ignored(
    client: httpx.Client, event: str, name: str, changed: dict[str, object]
) -> None:
    reply = send_github(client, event, payload(name, **changed))
    assert (reply.status_code, reply.json()) == (202, {"status": "ignored"})


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b'{"repository": {"full_name": 7}}', b'{"repository": {}}', b"[" * 100_000],
)
def test_a_signed_delivery_that_is_none_is_told_so(client: httpx.Client, body: bytes) -> None:
    reply = client.post("/hooks/github", content=body, headers=headers_of("issues", body))
    assert reply.status_code == 422


def test_an_issue_without_what_an_issue_has_is_told_so(client: httpx.Client) -> None:
    for changed in ({"issue__number": "x"}, {"issue__title": None}, {"issue__created_at": "yesterday"}):
        assert send_github(client, "issues", payload("github-issues", **changed)).status_code == 422


def test_a_form_with_the_payload_in_it_is_read(client: httpx.Client) -> None:
    """GitHub sends one where nobody chose JSON; the signature is over the form."""
    from urllib.parse import urlencode

    body = urlencode({"payload": json.dumps(payload("github-issues"))}).encode()
    headers = headers_of("issues", body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/hooks/github", content=body, headers=headers).json() == {"status": "accepted"}


def test_a_body_that_is_too_long_is_refused_before_it_is_read(serve: Serve, github: FakeTracker) -> None:
    with (
        serve(options_for(github, mode="shadow"), most_body_bytes=10_000) as server,
        server.client() as client,
    ):
        reply = send_github(client, "issues", payload("github-issues", issue__body="x" * 20_000))
        assert reply.status_code == 413


def test_gitlab_shows_its_token(client: httpx.Client) -> None:
    document = payload("gitlab-issue")
    assert send_gitlab(client, document).json() == {"status": "accepted"}
    for token in ("", "other", "hook-secret-9x"):
        assert send_gitlab(client, document, token=token).status_code == 401


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("gitlab-issue", {"object_attributes__confidential": True}),
        ("gitlab-issue", {"object_kind": "work_item"}),
        ("gitlab-note", {"object_attributes__noteable_type": "Commit"}),
        ("gitlab-note", {"object_attributes__system": True}),
        ("gitlab-note", {"object_attributes__internal": True}),
        ("gitlab-note", {"object_attributes__action": "update"}),
        ("gitlab-note", {"issue__confidential": True}),
        ("gitlab-merge_request", {"object_attributes__action": "open"}),
        ("gitlab-merge_request", {"object_attributes__target_branch": "old"}),
    ],
)
def test_what_is_confidential_or_matters_to_nobody_is_ignored_of_gitlab(
    client: httpx.Client, name: str, changed: dict[str, object]
) -> None:
    assert send_gitlab(client, payload(name, **changed)).json() == {"status": "ignored"}


def test_gitlab_signs_where_the_webhook_has_a_signing_token(
    serve: Serve, gitlab: FakeGitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over id, time and bytes; a time that is five minutes off is refused, and so is the token shown bare."""
    body = json.dumps(payload("gitlab-issue")).encode()
    with serve(options_for(gitlab, mode="shadow")) as server, server.client() as client:
        monkeypatch.setenv("LOCCIT_HOOK_SECRET", SIGNING_TOKEN)
        for headers in (
            signed_by_gitlab(body, at=time.time() - 400),
            signed_by_gitlab(body, token="whsec_" + "A" * 43 + "="),
            signed_by_gitlab(body) | {"webhook-id": "other"},
            signed_by_gitlab(body) | {"webhook-timestamp": "x"},
            signed_by_gitlab(body + b" "),
            {"X-Gitlab-Token": SIGNING_TOKEN},
        ):
            assert client.post("/hooks/gitlab", content=body, headers=headers).status_code == 401
        good = signed_by_gitlab(body)
        several = good | {"webhook-signature": f"v1,AAAA v2,x {good['webhook-signature']}"}
        assert client.post("/hooks/gitlab", content=body, headers=several).json() == {"status": "accepted"}
        assert client.post("/hooks/gitlab", content=body, headers=good).json() == {"status": "known"}


def test_without_a_secret_in_the_environment_nothing_is_let_in(
    serve: Serve, github: FakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty secret would sign anything."""
    with serve(options_for(github, mode="shadow")) as server, server.client() as client:
        monkeypatch.setenv("LOCCIT_HOOK_SECRET", "")
        reply = send_github(client, "issues", payload("github-issues"), secret="")
        assert reply.status_code == 500
        assert "LOCCIT_HOOK_SECRET" not in reply.text
        assert Deliveries(server.loccit.database()).counts()["done"] == 0


def test_without_trackers_in_the_settings_everything_is_refused(serve: Serve) -> None:
    with serve() as server, server.client() as client:
        assert send_github(client, "issues", payload("github-issues")).status_code == 401
        assert send_gitlab(client, payload("gitlab-issue")).status_code == 401
        assert settled(server.loccit)["pending"] == 0
