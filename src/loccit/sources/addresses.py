"""Which addresses may be reached, and which folders read, for somebody who asks over a network.

Whoever may name a repository or a tracker to a server could otherwise have it talk to what only the server
can
reach: other services of its machine and network, the cloud's metadata. A name is resolved once, every address
that it has is checked, and the connection is made to the checked ones: what the name means a moment later
does not matter.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from loccit.core.errors import FetchFailed, UnsafeSource

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_HOST = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_MOST_HOST_CHARS = 253
_MOST_ADDRESSES = 32

# IANA's registries of special-purpose addresses (RFC 6890 and what followed), and what clouds answer at.
_PRIVATE_4 = {
    IPv4Network(network): what
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "the metadata of a cloud"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "special"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "a relay of 6to4"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
}
# Of IPv6 only this is handed out to hosts of the internet, with these holes.
_GLOBAL_6 = IPv6Network("2000::/3")
_PRIVATE_6 = {
    IPv6Network(network): what
    for network, what in (
        ("2001::/23", "special"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
}
# An IPv4 address in IPv6's clothes: what counts is the one within.
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


def why_private(address: Address) -> str:
    """What an address is that is no host of the internet ("loopback"); empty for one that is."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in _PRIVATE_4.items() if address in network), "")
    if address.scope_id is not None:
        return "link-local"
    if address in _MAPPED or address in _NAT64:
        return why_private(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GLOBAL_6:
        return "loopback" if address.is_loopback else "not of the internet"
    return next((what for network, what in _PRIVATE_6.items() if address in network), "")


def as_address(host: str) -> Address | None:
    """The address that a host is written as, without brackets; None for a name.

    Raises UnsafeSource for what some programs take for an address and others for a name: numbers that are
    octal, hexadecimal, or fewer than four, a dot at the end, letters beyond ASCII.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if len(host) > _MOST_HOST_CHARS or not _HOST.fullmatch(host) or _NUMERIC.fullmatch(host.split(".")[-1]):
        raise UnsafeSource(
            f"{host!r} is no host",
            next_step="write a name in lower case, or an address as four decimal numbers or as IPv6",
        )
    return None


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine knows of a name, in its order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be reached for somebody who asks over a network.

    `hosts` are trusted: they may be on private networks, and are spoken to with the operator's proxies and
    credentials; nobody else is. `folders` are those below which repositories of this machine may be named,
    None for any: for what the operator has named before. `resolve` gives the addresses of a name, and raises
    OSError.
    """

    hosts: frozenset[str] = frozenset()
    folders: tuple[Path, ...] | None = ()
    resolve: Resolve = resolve_by_system

    def trusts(self, host: str) -> bool:
        """Whether the operator has named this host."""
        return host.lower().strip("[]") in self.hosts

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses to connect to in place of a host: every one of them was checked.

        Raises UnsafeSource where one of them is no host of the internet, FetchFailed where there is none.
        """
        name = host.strip("[]")
        literal = as_address(name)
        try:
            found = [name] if literal is not None else list(self.resolve(name, port))[:_MOST_ADDRESSES]
        except OSError as error:
            raise FetchFailed(
                f"{name!r} has no address: {error.strerror or error}", next_step="check the address"
            ) from error
        for one in found:
            what = why_private(ipaddress.ip_address(one))
            if what:
                raise UnsafeSource(
                    f"{name!r} is at {one}, which is no host of the internet ({what})",
                    next_step="if the server may fetch from there, add the host to fetch_hosts in [serving]",
                )
        if not found:
            raise FetchFailed(f"{name!r} has no address", next_step="check the address")
        return tuple(found)

    def check_url(self, scheme: str, host: str) -> None:
        """Raises UnsafeSource for a transport that is not for everybody, and for what is no host of the
        internet at a glance.
        """
        if scheme == "file" and self.folders is not None:
            raise UnsafeSource("file:// is not for whom asks over a network", next_step="use https")
        if scheme == "file" or self.trusts(host):
            return
        if scheme != "https":
            raise UnsafeSource(
                f"nothing is fetched by {scheme!r} for whom asks over a network",
                next_step="use https, or add the host to fetch_hosts in [serving]",
            )
        literal = as_address(host.strip("[]"))
        if literal is not None and why_private(literal):
            self.addresses(host, 443)

    def check_folders(self, *folders: Path) -> None:
        """Raises UnsafeSource where a folder is not below those that may be named; it need not be there."""
        if self.folders is None:
            return
        roots = [os.path.realpath(root) for root in self.folders]
        for folder in folders:
            real = os.path.realpath(folder)
            if not any(os.path.commonpath([root, real]) == root for root in roots):
                raise UnsafeSource(
                    "folders of the server's machine can be named only below those in local_roots",
                    next_step="add one to local_roots in [serving], or index it there with 'loccit index'",
                )
