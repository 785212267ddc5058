"""LiteLLM's SDK as it comes: `acompletion` against an OpenAI-compatible server, its CPU printed as JSON.

Called as: litellm_sdk.py ADDRESS CALLS PROMPT_FILE
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import litellm


async def measure(base_url: str, calls: int, prompt: str) -> dict[str, float]:
    """CPU milliseconds per call, whole and streamed."""
    common = {
        "model": "openai/m",
        "api_base": base_url,
        "api_key": "none",
        "num_retries": 0,
        "max_tokens": 200,
    }

    async def whole(number: int) -> None:
        messages = [{"role": "user", "content": f"{prompt} {number}"}]
        reply = await litellm.acompletion(messages=messages, **common)
        assert len(reply.choices[0].message.content) == 250

    async def streamed(number: int) -> None:
        messages = [{"role": "user", "content": f"{prompt} {number}"}]
        text = ""
        async for chunk in await litellm.acompletion(messages=messages, stream=True, **common):
            text += chunk.choices[0].delta.content or ""
        assert len(text) == 250

    figures: dict[str, float] = {}
    for name, call in (("json", whole), ("stream", streamed)):
        for number in range(20):
            await call(-number)
        began = time.process_time()
        for number in range(calls):
            await call(number)
        figures[name] = 1000 * (time.process_time() - began) / calls
    return figures


print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text()))))
