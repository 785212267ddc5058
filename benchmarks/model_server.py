"""A model server on this machine: real HTTP in the dialects of OpenAI, Anthropic, Google and rerankers.

It says what it is told to, and fails as it is told to: late, cut off, overloaded, in prose, in bytes that are
no UTF-8. It keeps every request with the moment at which its client went away. Tests and benchmarks share it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

PROMPT_TOKENS = 12
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered: by default at once, whole and well.

    `text` is what the model says (as the arguments of a tool where the reply must be one), in `pieces` where
    it streams, or cut evenly; after it `calls` of tools are made, each with its name and arguments. Output
    tokens are counted as one per four characters, unless `usage` says otherwise; False: none are reported.
    `status` other than 200 is an error with `error` as its body.
    `delay_s` passes before the first byte, `first_s` between the head and the first piece, `gap_s` between
    pieces. `drop_after`: the connection breaks after so many pieces; `end_after`: the stream ends there, as
    if it were done.
    `raw`: these bytes are the body.
    """

    text: str = "Hello."
    pieces: tuple[str, ...] | None = None
    calls: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"
    refusal: str = ""
    usage: dict[str, int] | bool = True
    status: int = 200
    error: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    first_s: float = 0.0
    gap_s: float = 0.0
    drop_after: int | None = None
    end_after: int | None = None
    raw: bytes | None = None
    raw_type: str = "application/json"

    def cut(self) -> tuple[str, ...]:
        if self.pieces is not None:
            return self.pieces
        return tuple(self.text[start : start + 4] for start in range(0, len(self.text), 4))

    def said(self) -> str:
        return "".join(self.pieces) if self.pieces is not None else self.text

    def tokens(self) -> dict[str, int]:
        said = self.said() + "".join(arguments for _, arguments in self.calls)
        counted = {"input": PROMPT_TOKENS, "output": max(1, -(-len(said) // 4))}
        return counted | (self.usage if isinstance(self.usage, dict) else {})


@dataclass
class Seen:
    """A request as it came. Times are on the monotonic clock; `left_at` is when the client broke off."""

    path: str
    query: str
    headers: dict[str, str]
    body: dict[str, Any]
    came_at: float
    left_at: float | None = None
    done_at: float | None = None
    sent_pieces: int = 0


class ModelServer:
    """Serves in a thread of its own while its context lasts.

    `script` holds what the next requests get, in order; after them `default` holds, or what `decide` says.
    """

    def __init__(self, default: Behaviour | None = None) -> None:
        self.default = default or Behaviour()
        self.script: deque[Behaviour] = deque()
        self.decide: Callable[[Seen], Behaviour] | None = None
        self.seen: list[Seen] = []
        self.keeps = True
        self.port = 0
        self.open = 0
        self.most_open = 0
        self.connections = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ModelServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def bodies(self) -> list[dict[str, Any]]:
        return [seen.body for seen in self.seen]

    def wait_until_left(self, number: int = 0, patience_s: float = 5.0) -> float:
        """When the client of that request broke off."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if len(self.seen) > number and self.seen[number].left_at is not None:
                return self.seen[number].left_at or 0.0
            time.sleep(0.002)
        raise AssertionError("the client did not break off")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (seen := await _read(reader)) is not None:
                if self.keeps:
                    self.seen.append(seen)
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                try:
                    keep = await self._answer_or_leave(seen, reader, writer)
                finally:
                    self.open -= 1
                if not keep:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_or_leave(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        answer = asyncio.ensure_future(self._answer(seen, writer))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                seen.left_at = time.monotonic()
                return False
            keep = answer.result()
            if not gone.done():
                gone.cancel()
                with suppress(asyncio.CancelledError):
                    await gone
            return keep
        finally:
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        behaviour = self.script.popleft() if self.script else self.default
        if self.decide is not None:
            behaviour = self.decide(seen)
        if behaviour.delay_s:
            await asyncio.sleep(behaviour.delay_s)
        if behaviour.status != 200:
            body = json.dumps(behaviour.error or _error(behaviour.status)).encode()
            await _send(writer, behaviour.status, body, behaviour)
        elif behaviour.raw is not None:
            await _send(writer, 200, behaviour.raw, behaviour, behaviour.raw_type)
        elif _streams(seen):
            return await self._stream(seen, writer, behaviour)
        else:
            if behaviour.drop_after is not None:
                writer.transport.abort()
                return False
            document = json.dumps(_DIALECTS[_dialect(seen)].whole(seen, behaviour), ensure_ascii=False)
            await _send(writer, 200, document.encode(), behaviour)
        seen.done_at = time.monotonic()
        return True

    async def _stream(self, seen: Seen, writer: asyncio.StreamWriter, behaviour: Behaviour) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        await writer.drain()
        await asyncio.sleep(behaviour.first_s)
        count = 0
        async for event, is_piece in _paced(_DIALECTS[_dialect(seen)].events(seen, behaviour), behaviour):
            if is_piece:
                if count == behaviour.drop_after:
                    writer.transport.abort()
                    return False
                if count == behaviour.end_after:
                    break
                count += 1
            data = event.encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
            seen.sent_pieces = count
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        seen.done_at = time.monotonic()
        return True


async def _paced(events: Iterator[tuple[str, bool]], behaviour: Behaviour) -> AsyncIterator[tuple[str, bool]]:
    for event, is_piece in events:
        yield event, is_piece
        if is_piece and behaviour.gap_s:
            await asyncio.sleep(behaviour.gap_s)


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(first.split(" ")[1])
    return Seen(parts.path, parts.query, headers, json.loads(body or b"{}"), time.monotonic())


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    behaviour: Behaviour,
    kind: str = "application/json",
) -> None:
    head = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Fault')}", f"content-type: {kind}"]
    head += [f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in behaviour.headers)]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await writer.drain()


def _error(status: int) -> dict[str, Any]:
    return {"error": {"message": f"told to answer {status}", "type": "told", "code": None}}


def _dialect(seen: Seen) -> str:
    for ending in ("/chat/completions", "/responses", "/messages", "/embeddings", "/rerank"):
        if seen.path.endswith(ending):
            return ending
    return "google"


def _streams(seen: Seen) -> bool:
    return seen.body.get("stream") is True or seen.path.endswith(":streamGenerateContent")


def _sse(document: dict[str, Any], event: str = "") -> str:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(document, ensure_ascii=False)}\n\n"


def _tool(seen: Seen) -> str:
    """The name of the tool that stands for the form of the reply, empty for none."""
    names: list[str] = []
    for tool in seen.body.get("tools") or []:
        if "functionDeclarations" in tool:
            names += [each["name"] for each in tool["functionDeclarations"]]
        else:
            names.append(tool.get("name") or tool["function"]["name"])
    return "reply" if "reply" in names else ""


def _halves(text: str) -> tuple[str, str]:
    """A text as it comes in two pieces."""
    return text[: len(text) // 2], text[len(text) // 2 :]


class _Chat:
    """OpenAI's chat completions."""

    @staticmethod
    def usage(behaviour: Behaviour) -> dict[str, Any] | None:
        if behaviour.usage is False:
            return None
        tokens = behaviour.tokens()
        return {
            "prompt_tokens": tokens["input"],
            "completion_tokens": tokens["output"],
            "total_tokens": tokens["input"] + tokens["output"],
            "prompt_tokens_details": {"cached_tokens": tokens.get("cache_read", 0)},
            "completion_tokens_details": {"reasoning_tokens": tokens.get("reasoning", 0)},
        }

    @staticmethod
    def finish(behaviour: Behaviour) -> str:
        return "tool_calls" if behaviour.calls and behaviour.finish == "stop" else behaviour.finish

    @classmethod
    def whole(cls, seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": behaviour.said()}
        if behaviour.refusal:
            message |= {"content": None, "refusal": behaviour.refusal}
        elif tool := _tool(seen):
            function = {"name": tool, "arguments": behaviour.said()}
            message |= {
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            }
        if behaviour.calls:
            message["content"] = behaviour.said() or None
            message["tool_calls"] = [
                {"id": f"t{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for at, (name, arguments) in enumerate(behaviour.calls)
            ]
        return {
            "id": "r1",
            "object": "chat.completion",
            "created": 1,
            "model": seen.body.get("model"),
            "choices": [{"index": 0, "finish_reason": cls.finish(behaviour), "message": message}],
            "usage": cls.usage(behaviour),
        }

    @classmethod
    def events(cls, seen: Seen, behaviour: Behaviour) -> Iterator[tuple[str, bool]]:
        base = {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": seen.body.get("model")}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
            return _sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        tool = _tool(seen)
        if behaviour.refusal:
            yield chunk({"role": "assistant", "refusal": behaviour.refusal}), True
        elif tool:
            for number, piece in enumerate(behaviour.cut()):
                call: dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
                if number == 0:
                    call = {
                        "index": 0,
                        "id": "c1",
                        "type": "function",
                        "function": {"name": tool, "arguments": piece},
                    }
                yield chunk({"tool_calls": [call]}), True
        else:
            for piece in behaviour.cut():
                yield chunk({"role": "assistant", "content": piece}), True
        for at, (name, arguments) in enumerate(behaviour.calls):
            first, second = _halves(arguments)
            named = {"index": at, "id": f"t{at}", "type": "function"}
            yield (
                chunk({"tool_calls": [{**named, "function": {"name": name, "arguments": first}}]}),
                False,
            )
            yield chunk({"tool_calls": [{"index": at, "function": {"arguments": second}}]}), False
        if behaviour.end_after is None or behaviour.end_after > len(behaviour.cut()):
            yield chunk({}, cls.finish(behaviour)), False
        if behaviour.usage is not False:
            yield _sse({**base, "choices": [], "usage": cls.usage(behaviour)}), False
        yield "data: [DONE]\n\n", False


class _Responses:
    """OpenAI's responses."""

    @staticmethod
    def whole(seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        tokens = behaviour.tokens()
        content: dict[str, Any] = {"type": "output_text", "text": behaviour.said(), "annotations": []}
        if behaviour.refusal:
            content = {"type": "refusal", "refusal": behaviour.refusal}
        item: dict[str, Any] = {
            "type": "message",
            "id": "m1",
            "role": "assistant",
            "status": "completed",
            "content": [content],
        }
        if tool := _tool(seen):
            item = {
                "type": "function_call",
                "id": "f1",
                "call_id": "c1",
                "name": tool,
                "arguments": behaviour.said(),
                "status": "completed",
            }
        items = [item] if behaviour.said() or behaviour.refusal or not behaviour.calls else []
        for at, (name, arguments) in enumerate(behaviour.calls):
            items.append(
                {
                    "type": "function_call",
                    "id": f"f{at}",
                    "call_id": f"t{at}",
                    "name": name,
                    "arguments": arguments,
                    "status": "completed",
                }
            )
        is_cut = behaviour.finish == "length"
        return {
            "id": "r1",
            "object": "response",
            "created_at": 1,
            "model": seen.body.get("model"),
            "status": "incomplete" if is_cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "output": items,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": tokens["input"],
                "input_tokens_details": {
                    "cached_tokens": tokens.get("cache_read", 0),
                    "cache_write_tokens": tokens.get("cache_write", 0),
                },
                "output_tokens": tokens["output"],
                "output_tokens_details": {"reasoning_tokens": tokens.get("reasoning", 0)},
                "total_tokens": tokens["input"] + tokens["output"],
            }
            if behaviour.usage is not False
            else None,
        }

    @classmethod
    def events(cls, seen: Seen, behaviour: Behaviour) -> Iterator[tuple[str, bool]]:
        done = cls.whole(seen, behaviour)
        number = 0

        def event(kind: str, **more: Any) -> str:
            nonlocal number
            number += 1
            return _sse({"type": kind, "sequence_number": number, **more}, kind)

        begun = {**done, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
        yield event("response.created", response=begun), False
        for index, item in enumerate(done["output"]):
            at = {"output_index": index, "item_id": item["id"]}
            if item["type"] == "function_call":
                called = {**item, "arguments": ""}
                yield event("response.output_item.added", output_index=index, item=called), False
                is_form = item["call_id"] == "c1"
                for piece in behaviour.cut() if is_form else _halves(item["arguments"]):
                    yield event("response.function_call_arguments.delta", **at, delta=piece), is_form
                over = {"arguments": item["arguments"], "name": item["name"]}
                yield event("response.function_call_arguments.done", **at, **over), False
            else:
                empty = {**item, "content": []}
                yield event("response.output_item.added", output_index=index, item=empty), False
                part = {"type": "output_text", "text": "", "annotations": []}
                yield event("response.content_part.added", **at, content_index=0, part=part), False
                for piece in behaviour.cut() if not behaviour.refusal else ():
                    yield (
                        event("response.output_text.delta", **at, content_index=0, delta=piece, logprobs=[]),
                        True,
                    )
                if behaviour.refusal:
                    refusal = behaviour.refusal
                    yield event("response.refusal.delta", **at, content_index=0, delta=refusal), True
                    yield event("response.refusal.done", **at, content_index=0, refusal=refusal), False
            yield event("response.output_item.done", output_index=index, item=item), False
        kind = "response.incomplete" if done["status"] == "incomplete" else "response.completed"
        yield event(kind, response=done), False


class _Anthropic:
    """Anthropic's messages."""

    @staticmethod
    def usage(behaviour: Behaviour) -> dict[str, int]:
        tokens = behaviour.tokens()
        read, write = tokens.get("cache_read", 0), tokens.get("cache_write", 0)
        return {
            "input_tokens": tokens["input"] - read - write,
            "output_tokens": tokens["output"],
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write,
        }

    @staticmethod
    def stop(seen: Seen, behaviour: Behaviour) -> str:
        if behaviour.refusal:
            return "refusal"
        if behaviour.finish == "length":
            return "max_tokens"
        return "tool_use" if behaviour.calls or _tool(seen) else "end_turn"

    @classmethod
    def whole(cls, seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "text", "text": behaviour.refusal or behaviour.said()}
        if tool := _tool(seen):
            arguments = json.loads(behaviour.said()) if behaviour.said().startswith("{") else {}
            block = {"type": "tool_use", "id": "c1", "name": tool, "input": arguments}
        blocks = [block] if behaviour.refusal or behaviour.said() or not behaviour.calls else []
        blocks += [
            {"type": "tool_use", "id": f"t{at}", "name": name, "input": json.loads(arguments)}
            for at, (name, arguments) in enumerate(behaviour.calls)
        ]
        return {
            "id": "r1",
            "type": "message",
            "role": "assistant",
            "model": seen.body.get("model"),
            "content": blocks,
            "stop_reason": cls.stop(seen, behaviour),
            "stop_sequence": None,
            "usage": cls.usage(behaviour),
        }

    @classmethod
    def events(cls, seen: Seen, behaviour: Behaviour) -> Iterator[tuple[str, bool]]:
        usage = cls.usage(behaviour)
        whole = cls.whole(seen, replace(behaviour, calls=()))
        begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        yield _sse({"type": "message_start", "message": begun}, "message_start"), False
        tool = _tool(seen)
        block = {**whole["content"][0], "input": {}} if tool else {"type": "text", "text": ""}
        start = {"type": "content_block_start", "index": 0, "content_block": block}
        yield _sse(start, "content_block_start"), False
        for piece in (behaviour.refusal,) if behaviour.refusal else behaviour.cut():
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if tool
                else {"type": "text_delta", "text": piece}
            )
            event = {"type": "content_block_delta", "index": 0, "delta": delta}
            yield _sse(event, "content_block_delta"), True
        yield _sse({"type": "content_block_stop", "index": 0}, "content_block_stop"), False
        for at, (name, arguments) in enumerate(behaviour.calls, 1):
            block = {"type": "tool_use", "id": f"t{at - 1}", "name": name, "input": {}}
            start = {"type": "content_block_start", "index": at, "content_block": block}
            yield _sse(start, "content_block_start"), False
            for piece in _halves(arguments):
                delta = {"type": "input_json_delta", "partial_json": piece}
                event = {"type": "content_block_delta", "index": at, "delta": delta}
                yield _sse(event, "content_block_delta"), False
            yield _sse({"type": "content_block_stop", "index": at}, "content_block_stop"), False
        delta = {"stop_reason": cls.stop(seen, behaviour), "stop_sequence": None}
        yield _sse({"type": "message_delta", "delta": delta, "usage": usage}, "message_delta"), False
        yield _sse({"type": "message_stop"}, "message_stop"), False


class _Google:
    """Google's generateContent."""

    @staticmethod
    def part(seen: Seen, behaviour: Behaviour, text: str) -> dict[str, Any]:
        if tool := _tool(seen):
            return {"functionCall": {"name": tool, "args": json.loads(behaviour.said())}}
        return {"text": text}

    @classmethod
    def document(
        cls, seen: Seen, behaviour: Behaviour, parts: list[dict[str, Any]], finish: str | None
    ) -> dict[str, Any]:
        tokens = behaviour.tokens()
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
        if finish:
            candidate["finishReason"] = finish
        document = {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}
        if behaviour.usage is not False:
            document["usageMetadata"] = {
                "promptTokenCount": tokens["input"],
                "candidatesTokenCount": tokens["output"] - tokens.get("reasoning", 0),
                "thoughtsTokenCount": tokens.get("reasoning", 0),
                "cachedContentTokenCount": tokens.get("cache_read", 0),
                "totalTokenCount": tokens["input"] + tokens["output"],
            }
        return document

    @staticmethod
    def stop(behaviour: Behaviour) -> str:
        if behaviour.refusal:
            return "SAFETY"
        return "MAX_TOKENS" if behaviour.finish == "length" else "STOP"

    @staticmethod
    def calls(behaviour: Behaviour) -> list[dict[str, Any]]:
        return [
            {"functionCall": {"name": name, "args": json.loads(arguments)}}
            for name, arguments in behaviour.calls
        ]

    @classmethod
    def whole(cls, seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        parts = [] if behaviour.refusal else [cls.part(seen, behaviour, behaviour.said())]
        parts += cls.calls(behaviour)
        return cls.document(seen, behaviour, parts, cls.stop(behaviour))

    @classmethod
    def events(cls, seen: Seen, behaviour: Behaviour) -> Iterator[tuple[str, bool]]:
        pieces = [""] if _tool(seen) or behaviour.refusal else list(behaviour.cut()) or [""]
        for number, piece in enumerate(pieces):
            finish = (
                cls.stop(behaviour) if number == len(pieces) - 1 and behaviour.end_after is None else None
            )
            parts = [] if behaviour.refusal else [cls.part(seen, behaviour, piece)]
            if number == len(pieces) - 1:
                parts += cls.calls(behaviour)
            yield _sse(cls.document(seen, behaviour, parts, finish)).replace("\n\n", "\r\n\r\n"), True


class _Embeddings:
    """OpenAI's embeddings: the vector of a text is its length and the number of its vowels."""

    @staticmethod
    def whole(seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        texts = seen.body["input"]
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": [len(text), sum(text.count(v) for v in "aeiou")],
            }
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
        # In no particular order: the index says which is which.
        return {"object": "list", "data": data[::-1], "model": seen.body.get("model"), "usage": usage}

    events = None


class _Rerank:
    """Cohere's and Jina's rerank: the more words of the query stand in a text, the better."""

    @staticmethod
    def whole(seen: Seen, behaviour: Behaviour) -> dict[str, Any]:
        words = set(seen.body["query"].split())
        results = [
            {"index": index, "relevance_score": len(words & set(text.split())) / max(1, len(words))}
            for index, text in enumerate(seen.body["documents"])
        ]
        results.sort(key=lambda one: -one["relevance_score"])
        return {"results": results, "usage": {"total_tokens": PROMPT_TOKENS}}

    events = None


_DIALECTS: dict[str, Any] = {
    "/chat/completions": _Chat,
    "/responses": _Responses,
    "/messages": _Anthropic,
    "google": _Google,
    "/embeddings": _Embeddings,
    "/rerank": _Rerank,
}


def serve() -> None:
    """Serve until standard input closes, and print the port: a process of its own for benchmarks."""
    import sys

    with ModelServer() as server:
        server.decide = _as_asked
        server.keeps = False
        print(server.port, flush=True)
        sys.stdin.read()


def _as_asked(seen: Seen) -> Behaviour:
    """Fifty pieces, in one or as a stream; nothing is kept of what was asked."""
    return Behaviour(pieces=("word ",) * 50)


if __name__ == "__main__":
    serve()
