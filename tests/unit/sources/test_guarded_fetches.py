"""What is fetched for somebody who asks over a network comes from the addresses that were checked."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loccit.core.errors import FetchFailed, SettingsError, TrackerRefused, TrackerUnreachable, UnsafeSource
from loccit.sources import Guard, Repository, SourceOptions, addresses, open_repository, remote
from loccit.sources.issues import open_tracker, parse_tracker
from loccit.sources.issues.api import Token
from tests.repositories import git, make_repository

NAME = "rebind.example"
# For these tests this one stands for a host of the internet; the other one is the machine itself.
OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"

pytestmark = pytest.mark.allow_hosts([OUTSIDE, INSIDE])


class Servers:
    """One port at both addresses, with TLS for NAME at the one outside. `asked` says who was asked what."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.redirect = ""
        self.demands_password = False
        self._servers: list[ThreadingHTTPServer] = []
        self.port = 0
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((str(self.server.server_address[0]), self.path))
                outer.headers.append(dict(self.headers))
                if outer.redirect:
                    self.send_response(302)
                    self.send_header("Location", outer.redirect + self.path)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if outer.demands_password:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="here"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                super().do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        for address in (OUTSIDE, INSIDE):
            server = ThreadingHTTPServer(
                (address, self.port), functools.partial(Handler, directory=str(folder))
            )
            self.port = server.server_address[1]
            if address == OUTSIDE:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self._servers.append(server)

    def at(self, address: str) -> list[str]:
        """What was asked for there."""
        return [path for where, path in self.asked if where == address]

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, and a certificate of its own making, for NAME."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """OUTSIDE counts as a host of the internet; the rest of loopback does not."""
    kept = {net: what for net, what in addresses._PRIVATE_4.items() if what != "loopback"}
    monkeypatch.setattr(addresses, "_PRIVATE_4", {**kept, IPv4Network("127.0.0.0/31"): "loopback"})
    assert addresses.why_private(ipaddress.IPv4Address(INSIDE)) == "loopback"


@pytest.fixture
def served(
    tmp_path: Path, certificate: Path, outside: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Servers]:
    """A repository at /group/project.git of both servers, whose certificate is trusted here."""
    folder = tmp_path / "www" / "group" / "project.git"
    make_repository(folder, [{"files": {"a.py": "a = 1\n"}}], bare=True)
    git(folder, "update-server-info")
    user = tmp_path / "user"
    user.mkdir()
    (user / ".gitconfig").write_text(
        f"[http]\n\tsslCAInfo = {certificate}\n"
        f'[credential]\n\thelper = "!touch {tmp_path / "asked-for-password"}; echo password=secret; #"\n'
        "[http]\n\textraHeader = X-Mine: secret\n"
    )
    (user / ".netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    servers = Servers(tmp_path / "www", certificate)
    yield servers
    servers.close()


def rebinding(*answers: str) -> tuple[Callable[[str, int], list[str]], list[str]]:
    """A resolver that gives another answer each time, the last one for ever; and the names it was asked."""
    left, asked = list(answers), []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return [left.pop(0) if len(left) > 1 else left[0]]

    return resolve, asked


def opened(tmp_path: Path, location: str, guard: Guard, **options: object) -> Repository:
    return open_repository(location, home=tmp_path / "home", options=SourceOptions(**options), guard=guard)


def files(repository: Repository) -> list[str]:
    repository.refresh(lambda *_: None)
    return [entry.path for entry in repository.snapshot().entries]


def test_a_name_that_leads_elsewhere_a_moment_later_is_fetched_from_where_it_was_checked(
    tmp_path: Path, served: Servers
):
    resolve, asked = rebinding(OUTSIDE, INSIDE)
    place = f"https://{NAME}:{served.port}/group/project.git"
    assert files(opened(tmp_path, place, Guard(resolve=resolve))) == ["a.py"]
    assert served.at(OUTSIDE)
    assert served.at(INSIDE) == []
    assert asked == [NAME]
    with pytest.raises(UnsafeSource, match=r"127\.0\.0\.1, which is no host of the internet \(loopback\)"):
        files(opened(tmp_path, place, Guard(resolve=resolve)))
    assert served.at(INSIDE) == []


def test_nothing_of_the_operators_is_shown_to_a_host_that_they_did_not_name(tmp_path: Path, served: Servers):
    """Neither passwords of theirs, which a helper or ~/.netrc has for every host, nor where they rewrite URLs
    to.
    """
    place = f"https://{NAME}:{served.port}/group/project.git"
    with (tmp_path / "user" / ".gitconfig").open("a") as settings:
        settings.write(
            f'[url "http://{INSIDE}:{served.port}/"]\n\tinsteadOf = https://{NAME}:{served.port}/\n'
        )
    served.demands_password = True
    with pytest.raises(FetchFailed):
        files(opened(tmp_path, place, Guard(resolve=lambda *_: [OUTSIDE])))
    assert served.at(OUTSIDE)
    assert served.at(INSIDE) == []
    assert not (tmp_path / "asked-for-password").exists()
    assert not any("Authorization" in headers for headers in served.headers)


def test_a_host_that_the_operator_named_gets_their_password(tmp_path: Path, served: Servers):
    place = f"http://{INSIDE}:{served.port}/group/project.git"
    served.demands_password = True
    with pytest.raises(FetchFailed):
        files(opened(tmp_path, place, Guard(hosts=frozenset({INSIDE})), allow_http=True))
    assert (tmp_path / "asked-for-password").exists()
    assert any("Authorization" in headers for headers in served.headers)


def test_a_redirect_is_not_followed_wherever_it_leads(tmp_path: Path, served: Servers):
    guard = Guard(resolve=lambda *_: [OUTSIDE])
    for target in (f"http://{INSIDE}:{served.port}", f"https://{NAME}:{served.port}/elsewhere"):
        served.asked.clear()
        served.redirect = target
        with pytest.raises(FetchFailed) as failed:
            files(opened(tmp_path, f"https://{NAME}:{served.port}/group/project.git", guard))
        assert "redirects" in failed.value.next_step
        assert served.at(INSIDE) == []
        assert len(served.at(OUTSIDE)) == 1


def test_objects_that_are_said_to_be_elsewhere_are_not_asked_for_there(tmp_path: Path, served: Servers):
    """A server that speaks the oldest protocol may name others that have its objects."""
    objects = tmp_path / "www" / "group" / "project.git" / "objects"
    elsewhere = f"http://{INSIDE}:{served.port}/group/project.git/objects/\n"
    for pack in (objects / "pack").glob("*"):
        pack.unlink()
    for loose in objects.glob("??"):
        loose.rename(tmp_path / loose.name)
    (objects / "info" / "http-alternates").write_text(elsewhere)
    (objects / "info" / "alternates").write_text(elsewhere)
    with pytest.raises(FetchFailed):
        files(
            opened(
                tmp_path,
                f"https://{NAME}:{served.port}/group/project.git",
                Guard(resolve=lambda *_: [OUTSIDE]),
            )
        )
    assert served.at(INSIDE) == []


def test_a_certificate_for_another_name_is_refused_though_the_address_is_pinned(
    tmp_path: Path, served: Servers
):
    place = f"https://other.example:{served.port}/group/project.git"
    with pytest.raises(FetchFailed):
        files(opened(tmp_path, place, Guard(resolve=lambda *_: [OUTSIDE])))
    assert served.asked == []


def test_a_host_that_the_operator_named_may_be_on_the_own_machine(tmp_path: Path, served: Servers):
    place = f"http://{INSIDE}:{served.port}/group/project.git"
    with pytest.raises(UnsafeSource, match="fetch_hosts"):
        opened(tmp_path, place, Guard(), allow_http=True)
    trusting = Guard(hosts=frozenset({INSIDE}))
    assert files(opened(tmp_path, place, trusting, allow_http=True)) == ["a.py"]
    served.redirect = f"https://{NAME}:{served.port}"
    with pytest.raises(FetchFailed):
        files(opened(tmp_path, place, trusting, allow_http=True))
    assert served.at(OUTSIDE) == []


def test_a_git_that_cannot_pin_fetches_nothing(
    tmp_path: Path, served: Servers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "git_version", lambda folder: (2, 36))
    place = f"https://{NAME}:{served.port}/group/project.git"
    with pytest.raises(SettingsError, match=r"git 2\.36"):
        files(opened(tmp_path, place, Guard(resolve=lambda *_: [OUTSIDE])))
    assert served.asked == []


def test_the_operators_own_command_line_is_free(tmp_path: Path, served: Servers):
    place = f"http://{INSIDE}:{served.port}/group/project.git"
    repository = open_repository(place, home=tmp_path / "home", options=SourceOptions(allow_http=True))
    assert files(repository) == ["a.py"]


def tracker(tmp_path: Path, where: str, guard: Guard, token: str = ""):
    location = parse_tracker(f"github:group/project@{where}", folder=tmp_path)
    options = SourceOptions(tracker_attempts=1, allow_http=True)
    return open_tracker(location, token=Token(token) if token else None, options=options, guard=guard)


def test_a_tracker_is_asked_where_it_was_checked_and_by_its_name(tmp_path: Path, served: Servers):
    (tmp_path / "www" / "repos" / "group" / "project").mkdir(parents=True)
    (tmp_path / "www" / "repos" / "group" / "project" / "issues").write_text("[]")
    resolve, asked = rebinding(OUTSIDE, INSIDE)
    found = tracker(tmp_path, f"https://{NAME}:{served.port}", Guard(resolve=resolve))
    with pytest.raises(UnsafeSource, match="loopback"):
        list(found.changes({}))
    found.close()
    assert served.at(OUTSIDE)
    assert served.at(INSIDE) == []
    assert served.headers[0]["Host"] == f"{NAME}:{served.port}"
    assert set(asked) == {NAME}


def test_a_tracker_that_redirects_to_the_inside_is_not_followed(tmp_path: Path, served: Servers):
    served.redirect = f"http://{INSIDE}:{served.port}"
    found = tracker(tmp_path, f"https://{NAME}:{served.port}", Guard(resolve=lambda *_: [OUTSIDE]))
    with pytest.raises(TrackerRefused, match="leads to another host"):
        list(found.changes({}))
    found.close()
    assert served.at(INSIDE) == []


def test_a_tracker_on_the_inside_is_for_hosts_that_the_operator_named(tmp_path: Path, served: Servers):
    for where in (f"http://{INSIDE}:{served.port}", f"https://{INSIDE}:{served.port}", "https://2130706433"):
        with pytest.raises(UnsafeSource):
            tracker(tmp_path, where, Guard())
    found = tracker(tmp_path, f"http://{INSIDE}:{served.port}", Guard(hosts=frozenset({INSIDE})))
    with pytest.raises(TrackerRefused, match="404"):
        list(found.changes({}))
    found.close()
    assert served.at(INSIDE)


def test_a_tracker_with_a_certificate_for_another_name_is_not_believed(tmp_path: Path, served: Servers):
    found = tracker(tmp_path, f"https://other.example:{served.port}", Guard(resolve=lambda *_: [OUTSIDE]))
    with pytest.raises(TrackerUnreachable, match=r"certificate|CERTIFICATE"):
        list(found.changes({}))
    found.close()
    assert served.asked == []
