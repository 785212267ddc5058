"""Keys in what leaves: found in disguise, and not where there is none."""

from __future__ import annotations

import base64

import pytest

from loccit.policy.secrets import KINDS, find_secrets
from loccit.telemetry import redaction

TOKEN = "ghp_" + "a8Kd03LmQz" * 3 + "x7Yw2P"
# A key of each kind, made of pieces so that no scanner takes this file for a leak.
KEYS = {
    "private key": "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----",
    "AWS key": "AKIA" + "IOSFODNN7EXAMPL2",
    "GitHub token": TOKEN,
    "GitLab token": "glpat-" + "x8Kd03LmQzx7Yw2PqR5t",
    "Slack token": "xoxb-" + "123456789012-abcDEF123456",
    "Stripe key": "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "Anthropic key": "sk-ant-" + "api03-x8Kd03LmQzx7Yw2PqR5t",
    "OpenAI key": "sk-" + "proj-x8Kd03LmQzx7Yw2PqR5tx8Kd03Lm",
    "Google key": "AIza" + "SyA8Kd03LmQzx7Yw2PqR5tx8Kd03LmQzx7Y",
    "Azure key": "AccountKey=" + "x8Kd03LmQzx7Yw2PqR5tx8Kd03LmQzx7Yw2PqR5tx8Kd03LmQz==",
    "npm token": "npm_" + "x8Kd03LmQzx7Yw2PqR5tx8Kd03LmQzx7Yw2P",
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJDx8Kd03LmQzx7Yw2PqR5t",
    "Hugging Face token": "hf_" + "xKdLmQzxYwPqRtxKdLmQzxYwPqRtxKdLmQ",
    "SendGrid key": "SG." + "x8Kd03LmQzx7Yw2PqR5t" + ".x8Kd03LmQzx7Yw2PqR5tx8Kd03LmQz",
    "Twilio key": "SK" + "0123456789abcdef0123456789abcdef",
    "Docker token": "dckr_pat_" + "x8Kd03LmQzx7Yw2PqR5t",
    "JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "password of a database": "postgres://app:" + "s3cr3tPass9@db.internal/app",
}  # fmt: skip


def test_there_are_eighteen_kinds_and_each_is_of_the_table_that_records_are_redacted_by() -> None:
    """One table, not two."""
    assert len(KINDS) == 18
    known = {kind.name for kind in redaction._TABLE}
    assert {kind for kinds in KINDS.values() for kind in kinds} <= known


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_each_kind_is_found(kind: str) -> None:
    """In the middle of a sentence, and its hint gives little of it away."""
    (found, *_) = [each for each in find_secrets(f"the key is {KEYS[kind]} as agreed") if each.kind == kind]
    assert len(found.hint) <= 7


@pytest.mark.parametrize(
    ("text", "disguise"),
    [
        (base64.b64encode(f"x={TOKEN}".encode()).decode(), "base64"),
        (base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="), "base64"),
        (TOKEN.encode().hex(), "hexadecimal digits"),
        ("".join(f"%{ord(c):02x}" for c in TOKEN), "percent signs"),
        ("\u200b".join(TOKEN), "invisible characters"),
    ],
)
def test_a_key_in_a_common_disguise_is_found(text: str, disguise: str) -> None:
    """Base64, hexadecimal digits, percent signs, characters without width."""
    assert [(each.kind, each.disguise) for each in find_secrets(f"see {text} there")] == [
        ("GitHub token", disguise)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "password = 'hunter2hunter2'",
        "token_count = 12",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "550e8400-e29b-41d4-a716-446655440000",
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
        "ghp_<your token here>",
        "export GITHUB_TOKEN=${GITHUB_TOKEN}",
        "https://user@example.org/x",
        "the sk-learn estimator and the pypi-server",
    ],
)
def test_what_only_looks_like_one_is_no_key(text: str) -> None:
    """A call is not stopped for a hash, a placeholder, or what is merely assigned to a name."""
    assert find_secrets(text) == []
