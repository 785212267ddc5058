"""What another MCP server offers, as it may be shown to a model: bounded, with nothing hidden in it.

A server's words are a stranger's. Its description of a tool goes nowhere but into the description of that
tool, and only after an operator approved exactly these words: their digest is kept, and what differs from it
is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import rfc8785

from loccit.core.calls import ToolSpec
from loccit.core.errors import InputError, SettingsError
from loccit.core.visible import one_line, visible
from loccit.policy.schema import check_schema

if TYPE_CHECKING:
    from mcp_types import Tool as OfferedTool

MOST_TOOLS = 200
_MOST_DESCRIPTION = 2_000
_MOST_WORDS = 400
_MOST_SCHEMA_BYTES = 32_000
_MOST_ARGUMENTS = 64
_MOST_NESTING = 16
_SERVER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# What every provider takes as the name of a tool or of an argument.
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ARGUMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
# Keys of a schema whose texts a model reads.
_WORDS = frozenset({"description", "title", "$comment"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that a server lists.

    `name` is the server's own name of it, `digest` that of everything in it that a model would be told or
    calls are checked against. `spec` is what a model is told, under a name with the server's before it.
    """

    server: str
    name: str
    digest: str
    spec: ToolSpec

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(self.spec.schema["properties"])


def digest_of(tool: OfferedTool) -> str:
    """The digest that is approved: SHA-256 over name, description and schema, as RFC 8785 writes them.

    Raises InputError for a schema that JSON has no form for.
    """
    told = {"name": tool.name, "description": tool.description or "", "schema": tool.input_schema}
    try:
        return f"sha256:{hashlib.sha256(rfc8785.dumps(cast('Any', told))).hexdigest()}"
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:
        raise InputError(f"the tool {one_line(tool.name[:80])!r} is described by no JSON") from error


def read_offer(server: str, tool: OfferedTool) -> Offer:
    """What the server offers under this name.

    Raises InputError, with what is wrong, for a tool that no model can be told of: a name that providers do
    not take, a schema that is none of an object, is too large, or refers to something outside of it.
    """
    shown = one_line(tool.name[:80])
    name = f"{server}__{_FOREIGN.sub('_', tool.name)}"
    if not _SERVER.fullmatch(server) or not _TOOL.fullmatch(name):
        raise InputError(
            f"{one_line(name[:100])!r} is no name for a tool",
            next_step="name the server in lower-case letters, digits and hyphens; 64 characters are allowed",
        )
    digest = digest_of(tool)
    schema = _schema(shown, tool.input_schema)
    description = visible(tool.description or "").strip()
    if len(description) > _MOST_DESCRIPTION:
        description = f"{description[:_MOST_DESCRIPTION]} [cut]"
    description = (
        f"A tool of the MCP server {server}, described by that server: {description or '(not at all)'}"
    )
    return Offer(server, tool.name, digest, ToolSpec(name, description, schema))


def _schema(tool: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if len(rfc8785.dumps(cast("Any", schema))) > _MOST_SCHEMA_BYTES:
        raise InputError(f"the schema of {tool!r} has more than {_MOST_SCHEMA_BYTES:,} bytes")
    properties = schema.get("properties", {})
    if schema.get("type") != "object" or not isinstance(properties, dict):
        raise InputError(f"the schema of {tool!r} is not that of an object")
    names = list(cast("dict[str, Any]", properties))
    wrong = [name for name in names if not _ARGUMENT.fullmatch(name)]
    if wrong or len(names) > _MOST_ARGUMENTS:
        what = f"an argument named {one_line(wrong[0][:80])!r}" if wrong else f"{len(names)} arguments"
        raise InputError(f"the schema of {tool!r} has {what}")
    cleaned = cast("dict[str, Any]", _cleaned(tool, {"properties": {}, **schema}, 0))
    # A call may hold what is shown and nothing else, so that every argument has a role.
    cleaned["additionalProperties"] = False
    try:
        check_schema(tool, cleaned)
    except SettingsError as error:
        raise InputError(one_line(str(error))) from error
    return cleaned


def _cleaned(tool: str, value: Any, depth: int) -> Any:
    """A part of a schema with its words bounded and nothing hidden in any text. Raises InputError."""
    if depth > _MOST_NESTING:
        raise InputError(f"the schema of {tool!r} is nested more than {_MOST_NESTING} deep")
    if isinstance(value, dict):
        cleaned: dict[str, Any] = {}
        for key, each in cast("dict[str, Any]", value).items():
            if key in {"$ref", "$dynamicRef"} and not str(each).startswith("#"):
                raise InputError(f"the schema of {tool!r} refers to {one_line(str(each)[:200])!r}")
            is_words = key in _WORDS and isinstance(each, str)
            kept = visible(each)[:_MOST_WORDS] if is_words else _cleaned(tool, each, depth + 1)
            cleaned[visible(key)] = kept
        return cleaned
    if isinstance(value, list):
        return [_cleaned(tool, each, depth + 1) for each in cast("list[Any]", value)]
    return visible(value) if isinstance(value, str) else value


def without_collisions(offers: Sequence[Offer]) -> tuple[tuple[Offer, ...], tuple[Offer, ...]]:
    """The offers whose shown name no other has, and the rest: two must not answer to one name."""
    names = [offer.spec.name for offer in offers]
    alone = tuple(offer for offer in offers if names.count(offer.spec.name) == 1)
    return alone, tuple(offer for offer in offers if offer not in alone)
