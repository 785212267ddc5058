"""Made-up secrets of every kind, put together here so that no file holds one whole."""

from __future__ import annotations

import base64
import random
import string

_RANDOM = random.Random(7)
_LETTERS = string.ascii_letters + string.digits


def _some(size: int, of: str = _LETTERS) -> str:
    """So many characters, digits among them."""
    return "".join(_RANDOM.choices(of, k=size - 2)) + "7f"


def _hex(size: int) -> str:
    return _some(size, "0123456789abcdef")


def _part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _private_key(kind: str, line_end: str = "\n") -> str:
    lines = [_some(64, _LETTERS + "+/") for _ in range(4)]
    return line_end.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])


# The secret itself, and a text around it that it is known by.
PLANTED: dict[str, tuple[str, str]] = {
    "aws access key": ("AKIA" + _some(16, string.ascii_uppercase).upper(), "{}"),
    "aws temporary key": ("ASIA" + _some(16, string.ascii_uppercase).upper(), "id {} was used"),
    "aws secret key": (_some(40, _LETTERS + "/+"), "aws_secret_access_key = {}"),
    "aws secret in JSON": (_some(40, _LETTERS + "/+"), '{{"SecretAccessKey": "{}"}}'),
    "github classic": ("ghp_" + _some(36), "{}"),
    "github oauth": ("gho_" + _some(36), "https://x-access-token:{}@github.com/a/b"),
    "github app": ("ghs_" + _some(36), "token {}"),
    "github user to server": ("ghu_" + _some(36), "{}"),
    "github fine-grained": ("github_pat_" + _some(22) + "_" + _some(59), "{}"),
    "gitlab": ("glpat-" + _some(20), "PRIVATE-TOKEN: {}"),
    "gitlab runner": ("glrt-" + _some(24), "{}"),
    "slack bot": ("xoxb-" + _some(12, "0123456789") + "-" + _some(24), "{}"),
    "slack app": ("xapp-1-" + _some(11) + "-" + _some(40), "{}"),
    "slack webhook": (
        "T" + _some(9) + "/B" + _some(9) + "/" + _some(24),
        "https://hooks.slack.com/services/{}",
    ),
    "stripe live": ("sk_live_" + _some(24), "{}"),
    "stripe restricted": ("rk_test_" + _some(24), "{}"),
    "openai": ("sk-" + _some(48), "Incorrect API key provided: {}."),
    "openai project": ("sk-proj-" + _some(60) + "_" + _some(40) + "-" + _some(20), "{}"),
    "openai service": ("sk-svcacct-" + _some(48), "{}"),
    "openrouter": ("sk-or-v1-" + _hex(64), "{}"),
    "anthropic": ("sk-ant-api03-" + _some(80) + "-" + _some(10) + "AA", "x-api-key: {}"),
    "google api": ("AIza" + _some(35), "https://example.com/v1/models?key={}"),
    "google oauth token": ("ya29." + _some(60), "{}"),
    "google oauth client": ("GOCSPX-" + _some(28), "{}"),
    "azure client secret": (_some(3) + "8Q~" + _some(34), "{}"),
    "azure openai": (_some(52) + "JQQJ99" + _some(26), "{}"),
    "azure storage": (_some(86, _LETTERS + "+/") + "==", "AccountName=x;AccountKey={};Endpoint=y"),
    "azure signature": (_some(43) + "%3D", "https://x.blob.core.windows.net/c?sv=2024&sig={}"),
    "azure hex key": (_hex(32), "api-key: {}"),
    "npm": ("npm_" + _some(36), "//registry.npmjs.org/:_authToken={}"),
    "pypi": ("pypi-AgEIcHlwaS5vcmc" + _some(120), "{}"),
    "json web token": (".".join([_part('{"alg":"HS256"}'), _part('{"sub":"1234567"}'), _some(43)]), "{}"),
    "private key": (_private_key("RSA "), "{}"),
    "openssh key": (_private_key("OPENSSH "), "{}"),
    "private key in JSON": (_private_key("", "\\n"), '"private_key": "{}"'),
    "private key cut off": (_private_key("EC ").rpartition("\n")[0], "{}"),
    "basic auth": (_some(12, _LETTERS + "@!$"), "https://ana:{}@example.com/path"),
    "database": (_some(12), "postgresql+psycopg://app:{}@db.internal:5432/app"),
    "redis": (_some(16), "redis://:{}@cache:6379/0"),
    "bearer": (_some(32), "Authorization: Bearer {}"),
    "basic header": (base64.b64encode(b"ana:opensesame").decode(), "Authorization: Basic {}"),
    "hugging face": ("hf_" + _some(34), "{}"),
    "sendgrid": ("SG." + _some(22) + "." + _some(43), "{}"),
    "twilio": ("SK" + _hex(32), "{}"),
    "twilio token": (_hex(32), "TWILIO_AUTH_TOKEN={}"),
    "groq": ("gsk_" + _some(52), "{}"),
    "xai": ("xai-" + _some(80), "{}"),
    "replicate": ("r8_" + _some(37), "{}"),
    "digitalocean": ("dop_v1_" + _hex(64), "{}"),
    "docker": ("dckr_pat_" + _some(27), "{}"),
    "telegram": ("1234567890:AA" + _some(33), "{}"),
    "databricks": ("dapi" + _hex(32), "{}"),
    "vault": ("hvs." + _some(90), "{}"),
    "password, quoted": ("hunter2", 'password = "{}"'),
    "password, typed": ("hunter2!", "def f(password: str = '{}'): ..."),
    "password with signs": ("a&b;c(9]>z", 'DB_PASSWORD="{}"'),
    # The value goes on to the end of its line: with words after it, it would be prose.
    "password in YAML": ("hunter2", "  password: {}\n"),
    "password in XML": ("hunter2", "<password>{}</password>"),
    "password of an option": ("hunter2", "mysql --password={} -h db"),
    "api key in JSON": (_some(20), '{{"api_key": "{}"}}'),
    "api key in JSON in JSON": (_some(20), '"{{\\"apiKey\\": \\"{}\\"}}"'),
    "api key in JSON three deep": (_some(20), '"{{\\\\\\"apiKey\\\\\\": \\\\\\"{}\\\\\\"}}"'),
    "api key in TOML": (_some(20), "api_key = '{}'"),
    "token of an option": (_some(20), "run --access-token {} now"),
    "token in an address": (_some(20), "https://example.com/x?access_token={}&y=1"),
    "token in an environment": (_hex(40), "export MY_SERVICE_TOKEN={}"),
    "letters only": ("kQzWbXrTnYpLmVcHsDgJfKtR", 'client_secret: "{}"'),
}
