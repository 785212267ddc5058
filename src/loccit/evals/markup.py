r"""HTML and SVG from values, in which nothing but our own tags is ever a tag.

Text of issues and files is hostile. Whatever is not `Html` is escaped; characters that a page cannot hold or
that hide or reorder text are written out (`\u202e`); what is very long is cut, with a note that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias
from urllib.parse import urlsplit

# C0 but tab and line feed, DEL, C1, surrogates, noncharacters, and the marks that reorder or hide text
# (bidirectional controls, zero-width, tags). The terminal's list (cli/output.py) is the same.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
_NAME = re.compile(r"[a-z][a-zA-Z0-9-]*")
_VOID = frozenset({"meta", "br", "hr"})


class Html(str):
    """Markup that was built here, so it is not escaped again."""

    __slots__ = ()


Child: TypeAlias = str | Iterable[str] | None


def visible(text: str) -> str:
    r"""The text with what cannot be shown, hides or reorders written out. CR LF becomes LF."""
    return _UNSAFE.sub(lambda match: _written_out(match.group()), text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> str:
    """The text, or its first `limit` characters and a note of how many there were."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [cut: {limit:,} of {len(text):,} characters are shown]"


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """One element. Children that are not `Html` are escaped; None is left out.

    Attribute names lose a trailing underscore and have hyphens for the others (`class_`, `aria_label`).
    True is an attribute without a value; False and None are left out.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{''.join(_child(each) for each in children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Parts one after the other; those that are not `Html` are escaped."""
    return Html("".join(_child(each) for each in parts))


def web_address(url: str) -> str | None:
    """The address where it is plain http or https, else None: no other scheme becomes a link."""
    if visible(url) != url or any(character.isspace() for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.netloc else None


def number(value: float) -> str:
    """A coordinate: at most two decimals, none that are zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return escape(visible(child), quote=True)
    return "".join(_child(each) for each in child)


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    name = "viewBox" if name == "viewbox" else name
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no attribute name")
    if value is True:
        return f" {name}"
    text = value if isinstance(value, str) else number(value)
    return f' {name}="{escape(visible(text), quote=True)}"'


def _written_out(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
