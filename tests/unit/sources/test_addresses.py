"""Which addresses are hosts of the internet, in whatever form they come."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loccit.core.errors import FetchFailed, UnsafeSource
from loccit.sources.addresses import Guard, as_address, why_private

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)
PRIVATE = (
    "0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254"
    " 172.16.0.1 172.31.255.255 192.0.0.192 192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 :: ::1 fe80::1"
    " fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1"
    " 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 2002:7f00:1:: 2002:a9fe:a9fe::1 2002:808:808::1"
    " 2001::1 2001:0:7f00:1:: 2001:db8::1 100::1 3fff::1 5f00::1"
).split()
PUBLIC = (
    "8.8.8.8 1.1.1.1 172.32.0.1 192.169.0.1 2606:4700::1111 2a00:1450::8 ::ffff:8.8.8.8 64:ff9b::808:808"
).split()


def guard(*addresses: str, **options: object) -> Guard:
    return Guard(resolve=lambda host, port: addresses, **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_no_host_of_the_internet_is_refused(text: str):
    assert why_private(ipaddress.ip_address(text))
    with pytest.raises(UnsafeSource):
        guard(text).addresses("example.com", 443)
    with pytest.raises(UnsafeSource):
        guard().check_url("https", f"[{text}]" if ":" in text else text)


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_may_be_reached(text: str):
    assert why_private(ipaddress.ip_address(text)) == ""
    assert guard(text).addresses("example.com", 443) == (text,)
    guard().check_url("https", f"[{text}]" if ":" in text else text)


@given(V4)
def test_whatever_the_standard_library_takes_for_private_is_refused(address: ipaddress.IPv4Address):
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert why_private(address)


@given(V6)
@example(ipaddress.ip_address("2001:4:112::1"))
def test_whatever_the_standard_library_takes_for_private_is_refused_of_ipv6(address: ipaddress.IPv6Address):
    embeds = address.ipv4_mapped is not None or address in ipaddress.ip_network("64:ff9b::/96")
    if not embeds and (not address.is_global or address.is_multicast or address.is_reserved):
        assert why_private(address)


@given(V4, st.sampled_from([0xFFFF << 32, 0x64FF9B << 96, 0x0064_FF9B << 96]))
def test_an_ipv4_address_in_the_clothes_of_ipv6_is_what_it_is_without(
    address: ipaddress.IPv4Address, prefix: int
):
    dressed = ipaddress.IPv6Address(prefix | int(address))
    assert why_private(dressed) == why_private(address)


@given(V4)
def test_6to4_and_compatible_forms_are_refused_whatever_is_in_them(address: ipaddress.IPv4Address):
    number = int(address)
    for dressed in ((0x2002 << 112) | (number << 80), number, (0x20010000 << 96) | number ^ 0xFFFFFFFF):
        assert why_private(ipaddress.IPv6Address(dressed))


@given(V4, st.data())
def test_an_address_that_is_written_in_another_way_is_no_host(
    address: ipaddress.IPv4Address, data: st.DataObject
):
    """Octal, hexadecimal, one number, two, three: programs do not agree on what they are."""
    one, two, three, four = address.packed
    forms = [
        str(int(address)),
        hex(int(address)),
        f"0{int(address):o}",
        f"{one}.{(two << 16) | (three << 8) | four}",
        f"{one}.{two}.{(three << 8) | four}",
        ".".join(hex(part) for part in address.packed),
        ".".join(f"0{part:o}" for part in address.packed),
        ".".join(f"{part:04d}" for part in address.packed),
        f"{address}.",
        f"{address}.0",
        f"0x{one:x}.{two}.{three}.{four}",
        "".join(chr(0xFF10 + int(c)) if c.isdigit() else "\u3002" for c in str(address)),
        "".join(chr(0x2460 + int(c) - 1) if c in "123456789" else c for c in str(address)) + ".",
    ]
    text = data.draw(st.sampled_from(forms))
    with pytest.raises(UnsafeSource):
        as_address(text)
    with pytest.raises(UnsafeSource):
        guard("8.8.8.8").addresses(text, 443)


@given(st.text(max_size=40))
def test_a_host_is_an_address_or_a_plain_name_or_refused(text: str):
    try:
        found = as_address(text)
    except UnsafeSource:
        return
    if found is None:
        assert text.isascii()
        assert text == text.lower()
        assert not set(text) & set("/@:?#[]%\\ \t\r\n,")
        assert not text.endswith((".", "-"))


@given(st.lists(st.one_of(V4, V6).map(str), max_size=6))
def test_one_bad_address_among_good_ones_is_enough(addresses: list[str]):
    good = [one for one in addresses if not why_private(ipaddress.ip_address(one))]
    if good == addresses and good:
        assert guard(*good).addresses("example.com", 443) == tuple(good)
        with pytest.raises(UnsafeSource, match=r"127\.0\.0\.1"):
            guard(*good, "127.0.0.1").addresses("example.com", 443)
    elif addresses:
        with pytest.raises(UnsafeSource):
            guard(*addresses).addresses("example.com", 443)
    else:
        with pytest.raises(FetchFailed):
            guard().addresses("example.com", 443)


def test_a_name_that_nobody_knows_says_so():
    def unknown(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(FetchFailed, match="Name or service not known"):
        Guard(resolve=unknown).addresses("example.com", 443)


@pytest.mark.parametrize("scheme", ["http", "ssh", "file", "git", "ftp"])
def test_transports_but_https_are_for_trusted_hosts(scheme: str):
    with pytest.raises(UnsafeSource):
        guard().check_url(scheme, "example.com")
    if scheme != "file":
        guard(hosts=frozenset({"example.com"})).check_url(scheme, "Example.com")


def test_folders_are_those_below_the_roots_wherever_links_lead(tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to(inside / "loop")
    roots = Guard(folders=(inside,))
    roots.check_folders(inside, inside / "deep" / "er", inside / "x" / "..")
    for bad in (outside, inside / "link", inside / "link" / "x", inside / "..", tmp_path / "in2", Path("/")):
        with pytest.raises(UnsafeSource, match="local_roots"):
            roots.check_folders(inside, bad)
    with pytest.raises(UnsafeSource):
        Guard().check_folders(inside)
    Guard(folders=None).check_folders(outside)
