"""Shorter forms of what stands in a context: previews, single lines, arguments. All deterministic."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from loccit.core.calls import Message, ToolCall
from loccit.core.visible import one_line
from loccit.models.tokens import count

if TYPE_CHECKING:
    from loccit.agents.outputs import KeptOutput

# Of one result this much is shown; what is longer goes to a file.
MOST_SHOWN_CHARACTERS = 12_000
_HEAD_SHARE = 0.6
_MOST_ARGUMENT_CHARACTERS = 400
_MOST_VALUE_CHARACTERS = 120
_MOST_LINE_CHARACTERS = 160
_ROUNDS = 40


def preview(text: str, kept: KeptOutput, most_characters: int = MOST_SHOWN_CHARACTERS) -> str:
    """The head and the tail of an output, with how much lies between and where it all is."""
    head, tail = ends(text, most_characters)
    left = len(text) - len(head) - len(tail)
    note = (
        f"[{left:,} characters are left out here. The whole output, {kept.lines:,} lines and {kept.size:,}"
        f" bytes, is {kept.name}: read_output reads lines of it.]"
    )
    return f"{head}\n{note}\n{tail}"


def ends(text: str, most_characters: int) -> tuple[str, str]:
    """As much of a text's beginning and end, whole lines where they are not too long."""
    head_room = int(most_characters * _HEAD_SHARE)
    head = text[:head_room]
    cut = head.rfind("\n")
    if cut > head_room // 2:
        head = head[:cut]
    tail_room = most_characters - head_room
    tail = text[len(text) - tail_room :] if tail_room else ""
    cut = tail.find("\n")
    if 0 <= cut < tail_room // 2:
        tail = tail[cut + 1 :]
    return head, tail


def fitted(text: str, most_tokens: int) -> str:
    """The text, or its head and tail with what was left out between, in at most `most_tokens` tokens.

    Empty where not even that fits.
    """
    tokens = count(text)
    if tokens <= most_tokens:
        return text
    room = int(len(text) * most_tokens / tokens)
    for _ in range(_ROUNDS):
        head, tail = ends(text, room)
        short = f"{head}\n[{len(text) - len(head) - len(tail):,} characters are left out here]\n{tail}"
        if count(short) <= most_tokens:
            return short
        room = int(room * 0.85)
        if not room:
            break
    return ""


def with_lines_fitted(text: str, most_tokens: int) -> str:
    """The text's first lines, as many as fit, the first always. Where lines are missing it says so."""
    if count(text) <= most_tokens:
        return text
    lines = text.split("\n")
    while len(lines) > 1:
        lines = lines[: len(lines) - max(1, len(lines) // 8)]
        short = "\n".join([*lines, "[more lines are left out here]"])
        if count(short) <= most_tokens:
            return short
    return lines[0]


def first_line(text: str) -> str:
    """The first line that says something, in bounds and with nothing hidden in it."""
    line = next((line.strip() for line in text.split("\n", 200) if line.strip()), "")
    return one_line(line[:_MOST_LINE_CHARACTERS])


def call_line(call: ToolCall) -> str:
    """A call on one line: `read(path="a.py")`."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return f"{one_line(call.name[:80])}({first_line(call.arguments)})"
    shown = ", ".join(f"{key}={_value(value)}" for key, value in cast("dict[str, Any]", arguments).items())
    return one_line(f"{call.name[:80]}({shown[: 2 * _MOST_LINE_CHARACTERS]})")


def cleared_result(call: ToolCall, text: str, kept: KeptOutput | None) -> str:
    """The line that stays of a result: the call, where the whole is kept, and how it began."""
    where = f"{kept.lines:,} lines are kept as {kept.name}" if kept else "not kept"
    line = f"[cleared: {call_line(call)}; {where}; it began: {first_line(text)}]"
    return line if len(line) < len(text) else text


def short_call(call: ToolCall) -> ToolCall:
    """The call with long values of its arguments cut; they stay a JSON object."""
    if len(call.arguments) <= _MOST_ARGUMENT_CHARACTERS:
        return call
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return replace(call, arguments=json.dumps({"cut": call.arguments[:_MOST_VALUE_CHARACTERS]}))
    short = {key[:80]: _cut(value) for key, value in list(cast("dict[str, Any]", arguments).items())[:20]}
    return replace(call, arguments=json.dumps(short, ensure_ascii=False))


def map_calls(message: Message, change: Callable[[ToolCall], ToolCall]) -> Message:
    """The message with each of its calls changed."""
    return replace(message, calls=tuple(change(call) for call in message.calls)) if message.calls else message


def _cut(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _MOST_VALUE_CHARACTERS:
        return value
    return f"{text[:_MOST_VALUE_CHARACTERS]} [{len(text) - _MOST_VALUE_CHARACTERS:,} characters more]"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_VALUE_CHARACTERS else f"{text[:_MOST_VALUE_CHARACTERS]}…"
