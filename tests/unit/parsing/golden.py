"""Chunks written down as text, one line each, so that a change in cutting shows as a readable difference."""

from __future__ import annotations

from loccit.core.chunks import Chunk, ParsedFile


def described(parsed: ParsedFile, data: bytes) -> str:
    """The file in one line, then a block for each chunk."""
    marks = [
        word
        for word, is_set in (("partial", parsed.is_partial), ("generated", parsed.is_generated))
        if is_set
    ]
    head = " ".join([parsed.language, parsed.encoding, *marks])
    return "\n".join([head, *(_chunk(chunk, data) for chunk in parsed.chunks)]) + "\n"


def _chunk(chunk: Chunk, data: bytes) -> str:
    lines = [f"{chunk.start_line}-{chunk.end_line} {chunk.kind} {chunk.symbol or '-'}"]
    if chunk.signature:
        lines.append(f"    head: {chunk.signature}")
    if chunk.defines:
        lines.append(f"    defines: {', '.join(chunk.defines)}")
    for start, end in chunk.docs:
        text = " ".join(data[start:end].decode("utf-8", "replace").split())
        lines.append(f"    doc: {text if len(text) <= 60 else text[:57] + '...'}")
    return "\n".join(lines)
