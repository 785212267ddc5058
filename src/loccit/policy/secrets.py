"""Keys in what is about to leave: eighteen kinds that are known by a form of their own.

The forms are those that records are redacted by (`telemetry.redaction`): one table, of which this is the part
that is never something else. What merely looks like a password is redacted in records, where that costs
nothing; a call is not stopped for it.

A key is also found where it is written in base64, in hexadecimal digits or with percent signs, or has
characters without width in it. Other disguises are not seen through: rules about where things may go are what
holds then.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from loccit.telemetry import redaction

# The kind as people know it, and the kinds of the table that it has.
KINDS: Mapping[str, tuple[str, ...]] = {
    "private key": ("private key", "age key"),
    "AWS key": ("AWS access key", "AWS secret key"),
    "GitHub token": ("GitHub token", "GitHub fine-grained token", "GitHub app token"),
    "GitLab token": ("GitLab token",),
    "Slack token": ("Slack token", "Slack webhook"),
    "Stripe key": ("Stripe key",),
    "Anthropic key": ("Anthropic key",),
    "OpenAI key": ("OpenAI key",),
    "Google key": ("Google API key", "Google OAuth secret"),
    "Azure key": ("Azure key",),
    "npm token": ("npm token",),
    "PyPI token": ("PyPI token",),
    "Hugging Face token": ("Hugging Face token",),
    "SendGrid key": ("SendGrid key",),
    "Twilio key": ("Twilio key",),
    "Docker token": ("Docker key",),
    "JSON web token": ("JSON web token",),
    "password of a database": ("password of a database", "password of an address"),
}
_FAMILY = {kind: family for family, kinds in KINDS.items() for kind in kinds}
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")


@dataclass(frozen=True, slots=True)
class Finding:
    """A key in a text: its kind, and as much of it as tells which one. `disguise` is how it was written."""

    kind: str
    hint: str
    disguise: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.hint}{f' in {self.disguise}' if self.disguise else ''}"


def find_secrets(text: str) -> list[Finding]:
    """The keys in a text, each once."""
    found = {
        (kind, key): Finding(kind, f"{key[:6]}…", disguise)
        for disguise, plain in reversed([("", text), *_undisguised(text)])
        for kind, key in _keys(plain)
    }
    return sorted(found.values(), key=lambda finding: (finding.kind, finding.hint, finding.disguise))


def _keys(text: str) -> Iterator[tuple[str, str]]:
    for secret in redaction.find_secrets(text):
        family = _FAMILY.get(secret.kind)
        if family is not None:
            yield family, text[secret.start : secret.end]


def _undisguised(text: str) -> Iterator[tuple[str, str]]:
    bare = _INVISIBLE.sub("", text)
    if bare != text:
        yield "invisible characters", bare
    if "%" in text:
        yield "percent signs", unquote(bare)
    for match in _BASE64.finditer(bare):
        written = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield "base64", base64.b64decode(written + "=" * (-len(written) % 4)).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            continue
    for match in _HEX.finditer(bare):
        try:
            yield "hexadecimal digits", bytes.fromhex(match[0]).decode("ascii")
        except UnicodeDecodeError:
            continue
