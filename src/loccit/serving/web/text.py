r"""Text for templates: what hides or reorders it is written out (`\u202e`), only known hosts are linked."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from loccit.evals.markup import cut, visible, web_address

_CODE = re.compile(r"`([^`\n]+)`")
_MOST_LINE_CHARS = 2_000


def shown(value: Any) -> Any:
    """What a template prints, before it is escaped: texts with what cannot be seen written out."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value)


def inline(text: str) -> Markup:
    """Text in which `backticks` mark code; nothing else is markup."""
    pieces = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(visible(piece)) if at % 2 else escape(visible(piece))
        for at, piece in enumerate(pieces)
    )


def code_line(text: str) -> str:
    """A line of source, cut where it is so long that no person wrote it."""
    return cut(text, _MOST_LINE_CHARS)


def known_address(url: str | None, hosts: Collection[str]) -> str | None:
    """The address if it is a plain one on one of these hosts, else None."""
    address = web_address(url) if url else None
    if address is None:
        return None
    parts = urlsplit(address)
    is_plain = parts.username is None and parts.password is None
    return address if is_plain and (parts.netloc.lower() in hosts or parts.hostname in hosts) else None


def counted(number: int, noun: str, several: str = "") -> str:
    """`1 file`, `2,300 files`."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def duration(milliseconds: float) -> str:
    """`8 ms`, `1.24 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms" if milliseconds >= 1 else f"{milliseconds:.1f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


def dollars(usd: float) -> str:
    """With four decimals, fewer where there is much of it, more where it would be nothing otherwise."""
    if not usd:
        return "$0"
    if usd >= 100:
        return f"${usd:,.0f}"
    if usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= 0.0001 else f"${usd:.8f}"


def ago(moment: float | str) -> Markup:
    """How long ago a moment was (seconds since the epoch, or RFC 3339), the moment itself as its title."""
    at = moment if isinstance(moment, float | int) else datetime.fromisoformat(moment).timestamp()
    told = datetime.fromtimestamp(at, UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        told.isoformat(timespec="seconds").replace("+00:00", "Z"),
        told.strftime("%Y-%m-%d %H:%M UTC"),
        _since(max(0.0, time.time() - at)),
    )


def _since(seconds: float) -> str:
    for unit, size in (("year", 365.25 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"
