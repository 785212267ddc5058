"""Links and addresses in what leaves, however they are spelled."""

from __future__ import annotations

import pytest

from loccit.policy.content import addresses_in, is_below


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.example/x",
        "see HTTPS://EVIL.example",
        "[a](//evil.example/x)",
        "![](http://evil.example/x.png?d=secret)",
        "www.evil.example",
        "evil.com/path",
        "evil[.]com",
        "evil (dot) com",
        "evil&#46;com",
        "evil%2Ecom",
        "evil\u3002com",
        "hxxps://evil.example/x",
        "ev\u200bil.com",
        "ftp://evil.example/x",
        "data:text/html;base64,AAAA",
        "javascript:alert(1)",
        "http://169.254.169.254/latest",
        "10.0.0.1:8080/x",
        "write to mallory@evil.example",
        "mallory (at) evil.example",
        "pay to DE44500105175407324931",
        "wire it to IBAN 0123456789",
        "our new account number is 99-12345678",
        "@mallory please look",
        "cc @evil-org/all",
    ],
)
def test_an_address_is_found_however_it_is_spelled(text: str) -> None:
    """Schemes, dots, entities, other scripts, mail, accounts, mentions."""
    assert addresses_in(text, mentions=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The function rounds half a cent the wrong way.",
        "see src/rates/tariff.py:12 and README.md, setup.cfg, Cargo.toml, main.rs",
        "calls os.path.join and self.items.append(x)",
        "version 1.2.3, 4.5.6.7, 2024-05-20 at 10:30",
        "an `@property`, and a decorator @cached in code: `@pytest.fixture`",
        "a // b, 12 // 5",
        "it costs 1,200.00 or 95%",
        "account for it in the ledger",
    ],
)
def test_code_and_prose_hold_no_address(text: str) -> None:
    """Files, calls, versions, dates, decorators in code."""
    assert addresses_in(text, mentions="`" not in text) == []


def test_a_link_below_an_address_leads_there_and_nowhere_else() -> None:
    """Segment by segment, without steps up."""
    prefix = "https://github.com/parcels/rates"
    assert is_below("https://github.com/parcels/rates", prefix)
    assert is_below("https://github.com/parcels/rates/issues/7#note", prefix)
    for link in (
        "https://github.com/parcels/rates-evil",
        "https://github.com/parcels/rates/../../evil",
        "https://github.com/parcels/rates/%2e%2e/%2e%2e/evil",
        "http://github.com/parcels/rates",
        "https://github.com.evil.example/parcels/rates",
        "https://github.com@evil.example/parcels/rates",
        "mallory@github.com/parcels/rates",
    ):
        assert not is_below(link, prefix), link
