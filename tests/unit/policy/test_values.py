"""Typed comparison: what is the same, and what stands in a text as a whole."""

from __future__ import annotations

import pytest

from loccit.policy.values import ValueKind, normal, stands_in


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("email", "Ana@Example.org", "write to 'ana@example.org'."),
        ("email", "ana@example.org", "<ana@example.org>, please"),
        ("url", "https://example.org/a", "see https://EXAMPLE.org/a."),
        ("url", "https://example.org", "see example.org"),
        ("url", "www.example.org", "at www.example.org.They moved"),
        ("url", "https://example.org:443/a/", "https://example.org/a"),
        ("host", "Example.org", "on example.org."),
        ("account", "DE44 5001 0517 5407 3249 31", "to DE44500105175407324931 and 200"),
        ("account", "GB33BUKB20201555555555", "my IBAN GB33 BUKB 2020 1555 5555 55 today"),
        ("number", 1200, "pay 1,200.00 now"),
        ("number", "$5", "5 dollars"),
        ("number", 2.5, "2.50 EUR"),
        ("date", "2024-05-20 10:00", "on May 20th at 10am"),
        ("date", "2024-05-20", "20 May 2024"),
        ("date", "14:30", "at 2:30 pm"),
        ("day", "2024-05-20 10:00", "on May 20th, 2024"),
        ("id", "17", "close issue #17"),
        ("id", "ABC-1234567", "ticket ABC-1234567."),
        ("name", "  Hotel  Adler ", "book 'hotel adler' now"),
        ("name", "#general", "in General, please"),
        ("branch", "refs/heads/fix/a", "push fix/a"),
        ("repository", "Parcels/Rates", "in parcels/rates"),
        ("path", "./src/a.py", "look at src/a.py"),
    ],
)
def test_a_value_stands_in_a_text_in_any_spelling_of_its_kind(kind: str, value: object, text: str) -> None:
    """Case, separators, scheme, months."""
    assert stands_in(value, ValueKind(kind), text)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("email", "ana@example.org", "banana@example.org"),
        ("email", "ana@example.org", "ana@example.org.evil.example"),
        ("email", "ana@example.org", "ana@example.orgs"),
        ("email", "ana", "ana"),
        ("url", "https://example.org", "https://example.org.evil.example"),
        ("url", "https://example.org/a", "https://example.org/ab"),
        ("url", "http://example.org/a", "https://example.org/a"),
        ("url", "https://example.org@evil.example/", "https://example.org@evil.example/"),
        ("url", "https://example.org/a?d=1", "https://example.org/a"),
        ("url", "javascript:alert(1)", "javascript:alert(1)"),
        ("host", "example.org", "example.org.evil.example"),
        ("account", "DE44500105175407324931", "DE445001051754073249312"),
        ("number", 5, "15 or 5.5 or 2024-05-05"),
        ("number", True, "1"),
        ("number", "1e3", "1000"),
        ("date", "2024-05-21", "May 20th, 2024"),
        ("date", "2024-05-20 11:00", "May 20th at 10:00"),
        ("date", "tomorrow", "tomorrow"),
        ("id", "13", "on June 13"),
        ("id", "1234567", "12345678"),
        ("name", "ana", "banana and anatomy"),
        ("name", "main", "main.py"),
        ("branch", "main", "main/next"),
        ("branch", "../main", "../main"),
        ("repository", "parcels/rates", "evil.example/parcels/rates"),
        ("path", "../src/a.py", "../src/a.py"),
        ("path", "/etc/passwd", "/etc/passwd"),
        ("path", "src\\a.py", "src\\a.py"),
        ("name", None, "None"),
        ("name", ["ana"], "ana"),
        ("name", "", "anything"),
    ],
)
def test_a_part_of_a_value_or_what_is_none_of_its_kind_stands_nowhere(
    kind: str, value: object, text: str
) -> None:
    """Whole values only."""
    assert not stands_in(value, ValueKind(kind), text)


@pytest.mark.parametrize("kind", list(ValueKind))
def test_the_normal_form_of_a_normal_form_is_itself(kind: ValueKind) -> None:
    """So that forms can be compared with values."""
    for value in (
        "ana@example.org",
        "https://example.org/a?b=1",
        "www.example.org",
        "src/a.py",
        "DE44500105175407324931",
        "5",
        "2024-05-20 10:00",
        "a/b",
    ):
        form = normal(value, kind)
        assert form is None or normal(form, kind) == form
