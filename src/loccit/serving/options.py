"""What an operator may choose about the server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from loccit.core.errors import SettingsError

_PROJECT = re.compile(r"[A-Za-z0-9_.-]{1,100}(/[A-Za-z0-9_.-]{1,100}){1,20}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]*]{1,255}")


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """An issue tracker that tells the server of its issues, and what is done about them.

    kind, project: `"github"` and `owner/name`, or `"gitlab"` and `group/name`.
    repo: the name of the indexed repository that the issues are about; nothing else is read for them.
    mode: `"shadow"` writes nothing there and keeps what would have been said, `"comment"` writes one comment.
    host: where people see it, with a port where it has one; empty: github.com or gitlab.com.
    api: the address of its REST interface; empty: the usual one of the host.
    labels: the only labels that may be set, and only in the mode `"comment"`; none: none.
    secret_variable: the environment variable with what deliveries are signed with.
    token_variable: the one with a token that reads; empty: the variable of the host.
    write_token_variable: the one with a token that writes comments, in the mode `"comment"` alone.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    kind: Literal["github", "gitlab"]
    project: str
    repo: str
    mode: Literal["shadow", "comment"] = "shadow"
    host: str = ""
    api: str = ""
    labels: tuple[str, ...] = ()
    secret_variable: str = "LOCCIT_HOOK_SECRET"  # noqa: S105 - a name, no secret
    token_variable: str = ""
    write_token_variable: str = "LOCCIT_WRITE_TOKEN"  # noqa: S105 - a name, no secret

    def __post_init__(self) -> None:
        if not _PROJECT.fullmatch(self.project) or (self.kind == "github" and self.project.count("/") != 1):
            raise SettingsError(
                f"[[serving.trackers]] project is {self.project!r}", next_step="write it as owner/name"
            )
        if not self.repo:
            raise SettingsError(
                f"[[serving.trackers]] {self.project!r} names no repo",
                next_step="write the name of the indexed repository: loccit status",
            )
        for name in ("secret_variable", "token_variable", "write_token_variable"):
            value = getattr(self, name)
            if not _VARIABLE.fullmatch(value) and (value or name != "token_variable"):
                raise SettingsError(
                    f"[[serving.trackers]] {name} is {value!r}",
                    next_step="write the name of an environment variable",
                )
        for name, value in (("host", self.host), ("api", urlsplit(self.api).netloc)):
            if getattr(self, name) and not _HOST.fullmatch(value):
                raise SettingsError(
                    f"[[serving.trackers]] {name} is {getattr(self, name)!r}",
                    next_step="write a host, or the address of a REST interface: https://host/api/v4",
                )

    @property
    def web_host(self) -> str:
        """Where people see it."""
        return (self.host or self.known_host).lower()

    @property
    def known_host(self) -> str:
        """The host whose addresses its are like."""
        return f"{self.kind}.com"

    @property
    def tracker(self) -> str:
        """How it is written after `--from`."""
        place = self.api or ("" if self.web_host == self.known_host else self.host)
        return f"{self.kind}:{self.project}{f'@{place}' if place else ''}"


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """How requests are taken in, and how many.

    host, port: where `loccit serve` listens. Other than on this machine alone nothing is served without keys.
    public_url: what people write to reach it (https://loccit.example.org): links, cookies and OIDC need it.
    hosts: other names that requests may be sent to; those of this machine and of `public_url` may always.
    workers: processes that answer.
    threads: searches and answers without a model that one worker works on at once; more of them fight for
        the interpreter: add workers.
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
    trackers: issue trackers that tell the server of their issues.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    workers: int = 1
    threads: int = 1
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
    trackers: tuple[TrackerOptions, ...] = ()

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
        named = [tracker.tracker for tracker in self.trackers]
        if len(set(named)) < len(named):
            raise SettingsError(
                f"[[serving.trackers]] has {max(named, key=named.count)!r} twice", next_step="write it once"
            )
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise SettingsError(
                "[serving] has only one of oidc_issuer and oidc_client_id", next_step="write both, or neither"
            )
