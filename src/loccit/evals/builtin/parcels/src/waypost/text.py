"""Small things about texts that are shown to people."""

from __future__ import annotations

import unicodedata

# Moved to `addresses` in 2.3; this name goes in 3.0.
from waypost.addresses import normalise_postcode

__all__ = ["normalise_postcode", "plain", "shortened"]


def plain(text: str, *, longest: int = 200) -> str:
    """The text on one line, without control characters, fit for a log or a customer's page."""
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or c.isprintable())
    return shortened(" ".join(unicodedata.normalize("NFC", kept).split()), longest)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis, at most so many characters long."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
