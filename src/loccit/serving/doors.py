"""The doors by their addresses, and what every response carries."""

from __future__ import annotations

# Everything the page needs comes from here; what it shows was written by strangers.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# What is answered however busy the server is.
ALWAYS = (
    "/health",
    "/ready",
    "/metrics",
    "/static/",
    "/openapi.json",
    "/v1/runs",
    "/v1/index-jobs",
    "/hooks/",
)
_DOORS = {
    "openai": ("/v1/chat/", "/v1/responses", "/v1/models"),
    "rest": ("/v1/", "/openapi.json"),
    "mcp": ("/mcp", "/.well-known/"),
    "hooks": ("/hooks/",),
    "health": ("/health", "/ready", "/metrics"),
}


def door_of(path: str) -> str:
    """By which door a request for this path comes."""
    for door, beginnings in _DOORS.items():
        if path.startswith(beginnings):
            return door
    return "page"
