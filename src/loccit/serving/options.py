"""What an operator may choose about the server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from loccit.core.errors import SettingsError

_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]*]{1,255}")


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """How requests are taken in, and how many.

    host, port: where `loccit serve` listens. Other than on this machine alone nothing is served without keys.
    public_url: what people write to reach it (https://loccit.example.org): links, cookies and OIDC need it.
    hosts: other names that requests may be sent to; those of this machine and of `public_url` may always.
    workers: processes that answer.
    threads: searches and answers without a model that one worker works on at once.
    queue: how many more wait for it; beyond that it sends them away (503).
    answers: answers of a model that one worker has under way at once.
    streams: answers that one worker streams at once, those of a model and others.
    deadline_s: what a request may take, an answer of a model included.
    requests_per_minute: what a key may send, where it has no rate of its own; 0: any number.
    most_body_bytes: the longest body that is read.
    body_timeout_s, header_timeout_s: how long a client may take to send them.
    drain_s: how long requests may go on after SIGTERM.
    refresh_s: how often a local repository's HEAD is looked at, and indexed when it has moved; 0: never.
    fetch_s: how often repositories behind URLs are fetched and indexed; 0: when somebody asks for it.
    fetch_hosts: hosts that repositories and issues may be fetched from though they are on private networks,
    over ssh too, with the operator's proxies and credentials; all others have none.
    local_roots: folders below which an admin may have repositories of this machine indexed.
    run_jobs: whether servers start the process that works on jobs; else `loccit jobs run` does it elsewhere.
    jobs_at_once: how many it works on at once.
    trusted_proxies: addresses whose X-Forwarded-For and -Proto are believed.
    session_hours: how long a login to the page lasts.
    link_hosts: hosts that the page may link to, beside those that permalinks know.
    oidc_issuer, oidc_client_id: who vouches for people at the page; empty: nobody, keys are shown there.
    oidc_secret_variable: the environment variable with the client's secret.
    oidc_role_claim: the claim that names groups; oidc_maintainers, oidc_admins: groups of that role, others
    read.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    workers: int = 1
    threads: int = 4
    queue: int = 24
    answers: int = 32
    streams: int = 200
    deadline_s: float = 120.0
    requests_per_minute: int = 0
    most_body_bytes: int = 4_000_000
    body_timeout_s: float = 20.0
    header_timeout_s: float = 10.0
    drain_s: float = 20.0
    refresh_s: float = 30.0
    fetch_s: float = 0.0
    fetch_hosts: tuple[str, ...] = ()
    local_roots: tuple[str, ...] = ()
    run_jobs: bool = True
    jobs_at_once: int = 1
    trusted_proxies: tuple[str, ...] = ()
    session_hours: float = 12.0
    link_hosts: tuple[str, ...] = ()
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_secret_variable: str = "LOCCIT_OIDC_SECRET"  # noqa: S105 - a name, no secret
    oidc_role_claim: str = "groups"
    oidc_maintainers: tuple[str, ...] = ()
    oidc_admins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, least, most in (
            ("port", 0, 65_535),
            ("workers", 1, 64),
            ("threads", 1, 64),
            ("queue", 0, 10_000),
            ("answers", 1, 10_000),
            ("streams", 1, 100_000),
            ("requests_per_minute", 0, 1_000_000),
            ("most_body_bytes", 1_000, 100_000_000),
            ("deadline_s", 0.1, 3_600),
            ("body_timeout_s", 0.1, 600),
            ("header_timeout_s", 0.1, 600),
            ("drain_s", 0, 600),
            ("refresh_s", 0, 86_400),
            ("fetch_s", 0, 10_000_000),
            ("jobs_at_once", 1, 16),
            ("session_hours", 0.1, 10_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingsError(
                    f"[serving] {name} is {value!r}, expected {least} to {most}",
                    next_step="see docs/reference/settings.md",
                )
        if self.public_url:
            parts = urlsplit(self.public_url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
                raise SettingsError(
                    f"[serving] public_url is {self.public_url!r}",
                    next_step="write scheme and host, without a path: https://loccit.example.org",
                )
        for root in self.local_roots:
            if not root.startswith("/"):
                raise SettingsError(
                    f"[serving] local_roots has {root!r}", next_step="write absolute paths of folders"
                )
        for host in self.fetch_hosts:
            if not _HOST.fullmatch(host) or host.count(":") == 1:
                raise SettingsError(
                    f"[serving] fetch_hosts has {host!r}", next_step="write names or addresses, without ports"
                )
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise SettingsError(f"[serving] hosts has {host!r}", next_step="write names of hosts")
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise SettingsError(
                "[serving] has only one of oidc_issuer and oidc_client_id", next_step="write both, or neither"
            )
