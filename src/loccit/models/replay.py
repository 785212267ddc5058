"""Calls that are recorded, and recordings that answer: the same bytes, for nothing and without a network."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from loccit.core.calls import Finish, ModelReply, Origin, ToolCall
from loccit.core.errors import MalformedReply, ModelNotConfigured, StorageFailed
from loccit.telemetry.redaction import redact
from loccit.telemetry.trace import span

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import Message, ModelCall, Payer
    from loccit.models.protocols import ChatModel

_FORMAT = "loccit-recording/1"


def recording_key(call: ModelCall) -> str:
    """What a call is found by in a folder of recordings, whichever model was asked: SHA-256 in hex."""
    parts: dict[str, Any] = {
        "purpose": call.purpose,
        "messages": [message.written() for message in call.messages],
        "schema": call.schema,
        "temperature": call.temperature,
    }
    if call.tools:
        parts["tools"] = [[tool.name, tool.description, tool.schema] for tool in call.tools]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Recorder:
    """A folder that calls are recorded in: for each a file KEY-NUMBER.json, numbered as equal calls came.

    Everything in it has its secrets redacted. Tasks, threads and processes may share the folder. What cannot
    be written is told in `failure`, and the calls go on: their replies are paid for.
    """

    def __init__(self, folder: Path) -> None:
        """Raises StorageFailed where the folder can not be made."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(
                f"cannot make the folder for recordings {str(folder)!r}: {error.strerror}",
                next_step="change record in [models]",
            ) from error
        self.folder = folder
        self.failure: StorageFailed | None = None
        self.lost = 0
        self._lock = threading.Lock()

    def write(self, call: ModelCall, reply: ModelReply, pieces: Sequence[str]) -> None:
        """Record one call; what goes wrong is kept in `failure`."""
        key = recording_key(call)
        document = {
            "format": _FORMAT,
            "purpose": call.purpose,
            "prompt": call.prompt,
            "messages": [_written(message) for message in call.messages],
            "schema": call.schema,
            "tools": [tool.name for tool in call.tools],
            "reply": {
                "text": redact(reply.text),
                "calls": _written_calls(reply.calls),
                "pieces": _redacted_pieces(pieces),
                "model": reply.model,
                "finish": reply.finish.value,
                "origin": reply.origin.value,
                "input_tokens": reply.usage.input_tokens,
                "output_tokens": reply.usage.output_tokens,
                "cost_usd": str(reply.cost_usd),
            },
        }
        text = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
        try:
            with self._lock:
                self._place(key, text)
        except OSError as error:
            self.lost += 1
            self.failure = StorageFailed(
                f"{self.lost:,} call{'s' if self.lost > 1 else ''} could not be recorded in "
                f"{str(self.folder)!r}: {error.strerror}",
                next_step="make room there, or change record in [models]",
            )
            with span("recording failed", {"reason": self.failure.message}) as one:
                one.error = "StorageFailed"

    def _place(self, key: str, text: bytes) -> None:
        """Under the first free number, whole or not at all."""
        partial = self.folder / f".{uuid4().hex}"
        try:
            partial.write_bytes(text)
            number = 1
            while True:
                try:
                    os.link(partial, _file(self.folder, key, number))
                except FileExistsError:
                    number += 1
                else:
                    return
        finally:
            partial.unlink(missing_ok=True)


class Recorded:
    """A model whose calls are recorded, replies from the cache too."""

    def __init__(self, model: ChatModel, recorder: Recorder) -> None:
        """In this recorder's folder."""
        self._model = model
        self._recorder = recorder

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """Its reply."""
        reply = await self._model.reply(call, payer, deadline)
        await asyncio.to_thread(self._recorder.write, call, reply, ())
        return reply

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces."""
        pieces: list[str] = []
        async with aclosing(self._model.stream(call, payer, deadline)) as stream:
            async for item in stream:
                if isinstance(item, ModelReply):
                    await asyncio.to_thread(self._recorder.write, call, item, pieces)
                else:
                    pieces.append(item)
                yield item


class ReplayModel:
    """Says what was recorded, in the order in which equal calls were; the last of them again and again."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelNotConfigured where there is no such folder."""
        if not folder.is_dir():
            raise ModelNotConfigured(
                f"there is no folder of recordings {str(folder)!r}",
                next_step="record one: record in [models]",
                model=f"replay:{folder}",
            )
        self._folder = folder
        self._asked: defaultdict[str, int] = defaultdict(int)

    @property
    def name(self) -> str:
        """As the settings name it: "replay:FOLDER"."""
        return f"replay:{self._folder}"

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """The reply that was recorded, of the model that gave it. Raises MalformedReply where none was."""
        return _reply_of(self._next(call))

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same, in the pieces in which it came."""
        recorded = self._next(call)
        for piece in recorded["pieces"] or [recorded["text"]]:
            if piece:
                yield piece
        yield _reply_of(recorded)

    def _next(self, call: ModelCall) -> dict[str, Any]:
        key = recording_key(call)
        self._asked[key] += 1
        path = _file(self._folder, key, self._asked[key])
        if not path.exists():
            self._asked[key] = max(1, self._asked[key] - 1)
            path = _file(self._folder, key, self._asked[key])
        try:
            document = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        except FileNotFoundError:
            raise MalformedReply(
                f"no call for {call.purpose!r} like this one was recorded in {str(self._folder)!r}",
                next_step="record it again: the question, the index or the prompts have changed",
                model=self.name,
            ) from None
        except (OSError, ValueError) as error:
            raise MalformedReply(
                f"cannot read the recording {str(path)!r}: {error}", model=self.name
            ) from error
        if not isinstance(document, dict) or document.get("format") != _FORMAT:  # pyright: ignore[reportUnknownMemberType]
            raise MalformedReply(f"{str(path)!r} is no recording of the format {_FORMAT!r}", model=self.name)
        return document["reply"]  # pyright: ignore[reportUnknownVariableType]


def _file(folder: Path, key: str, number: int) -> Path:
    return folder / f"{key}-{number:04}.json"


def _reply_of(recorded: dict[str, Any]) -> ModelReply:
    return ModelReply(
        recorded["text"],
        recorded["model"],
        finish=Finish(recorded["finish"]),
        origin=Origin.RECORDING,
        # Recordings of before there were tools have none.
        calls=tuple(ToolCall(**call) for call in recorded.get("calls", ())),
    )


def _written(message: Message) -> dict[str, Any]:
    document: dict[str, Any] = {"speaker": message.speaker.value, "text": redact(message.text)}
    if message.calls:
        document["calls"] = _written_calls(message.calls)
    if message.call_id:
        document["call_id"] = message.call_id
    return document


def _written_calls(calls: Sequence[ToolCall]) -> list[dict[str, str]]:
    return [{"id": call.id, "name": call.name, "arguments": redact(call.arguments)} for call in calls]


def _redacted_pieces(pieces: Sequence[str]) -> list[str]:
    """The pieces as they came; one, redacted, where a secret stands in them: it may lie across two."""
    whole = "".join(pieces)
    safe = redact(whole)
    return list(pieces) if safe == whole else [safe]
