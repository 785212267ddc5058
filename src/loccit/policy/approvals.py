"""Approvals: a person's word on one exact call, bound to the hash of its arguments, used once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rfc8785

from loccit.core.documents import canonical
from loccit.core.errors import InputError
from loccit.core.visible import visible

if TYPE_CHECKING:
    from loccit.policy.rules import Decision


def hash_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the RFC 8785 form of a tool's name and its arguments.

    Raises InputError for arguments that JSON cannot carry from one program to another unchanged.
    """
    try:
        return hashlib.sha256(canonical({"tool": tool, "arguments": dict(arguments)})).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InputError(
            f"the arguments have no form of their own: {error}", next_step="write plain JSON"
        ) from error


def question(decision: Decision) -> str:
    """What a person is asked about a call: the exact call, where its values come from, what is the matter.

    Safe to print: what a terminal would act upon is written out.
    """
    lines = [f"May {decision.tool} be called with exactly this?"]
    for name, value in decision.arguments.items():
        lines.append(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
    for place, origins in decision.origins.items():
        lines.append(f"  {place}: from {'; '.join(origins) or 'nowhere'}")
    lines += [f"  {fault.verdict.value}: {fault.reason} ({fault.rule})" for fault in decision.faults]
    lines.append(f"  approval {decision.arguments_hash}")
    return "\n".join(visible(line) for line in lines)
